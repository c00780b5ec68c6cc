"""What the commands answer when something is wrong: one line on standard error, and the exit code that says whose
fault it is."""

import json
import os
import pty
import re
import signal
import subprocess
import termios
import time

import pytest

from cluster import BINARY, Redis, free_port, post
from up import clean


def rejoin(folder, *arguments, stdin="", **environment):
    return subprocess.run(
        [BINARY, *arguments], input=stdin, capture_output=True, text=True, timeout=30,
        env=clean({"REJOIN_DATA": str(folder / "data")} | environment))


def refused(result, code, *words):
    """One line that has these words in it, nothing on standard output."""
    assert result.returncode == code, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("rejoin: ") and result.stdout == "", result
    for word in words:
        assert word in lines[0], lines[0]


COMMANDS = [
    ("serve",), ("up",), ("users", "add", "Ada"), ("users", "passwd", "Ada"), ("users", "list"),
    ("users", "remove", "Ada"), ("sessions", "list"), ("sessions", "show", "A" * 22), ("sessions", "revoke", "A" * 22),
    ("nodes",), ("drain", "n1"), ("rooms", "list"), ("rooms", "show", "lobby"), ("doctor",),
]
OF_A_CLUSTER = [
    ("nodes",), ("drain", "n1"), ("rooms", "list"), ("rooms", "show", "lobby"), ("sessions", "list"), ("sessions", "show", "A" * 22), ("sessions", "revoke", "A" * 22),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_flag_that_does_not_exist_is_wrong_usage(tmp_path, command):
    refused(rejoin(tmp_path, *command, "--frobnicate"), 2, "--frobnicate", "(see rejoin", "--help)")


@pytest.mark.parametrize("command", COMMANDS + [()], ids=" ".join)
def test_help_is_an_answer(tmp_path, command):
    result = rejoin(tmp_path, *command, "--help")
    assert (result.returncode, result.stderr) == (0, "") and "USAGE" in result.stdout


def test_a_command_that_does_not_exist_is_wrong_usage(tmp_path):
    refused(rejoin(tmp_path, "frobnicate"), 2, "frobnicate")


def test_the_program_alone_explains_itself(tmp_path):
    result = rejoin(tmp_path)
    assert (result.returncode, result.stderr) == (0, "") and "SUBCOMMANDS" in result.stdout


def test_the_version_is_told(tmp_path):
    result = rejoin(tmp_path, "--version")
    assert result.returncode == 0 and re.fullmatch(r"rejoin \d+\.\d+\.\d+\S*\n", result.stdout)


@pytest.mark.parametrize("command", [("serve",)] + OF_A_CLUSTER, ids=" ".join)
def test_a_redis_is_needed(tmp_path, command):
    refused(rejoin(tmp_path, *command), 2, "redis.url", "expected redis://", "REJOIN_REDIS_URL")


@pytest.mark.parametrize(
    "variable, value, key",
    [
        ("REJOIN_PORT", "abc", "port"), ("REJOIN_PORT", "70000", "port"), ("REJOIN_NODE", "Not A Name", "node"),
        ("REJOIN_DRAIN", "soon", "drain"), ("REJOIN_REDIS_URL", "http://there", "redis.url"),
        ("REJOIN_REDIS_PREFIX", "{x}", "redis.prefix"), ("REJOIN_LOG_FORMAT", "xml", "log.format"),
        ("REJOIN_COOKIE_KEYS", "short", "cookie-keys"), ("REJOIN_CONFIG", "/there/is/none.yaml", "/there/is/none.yaml"),
    ])
def test_a_wrong_setting_is_named_with_what_is_expected(tmp_path, variable, value, key):
    environment = {"REJOIN_REDIS_URL": "redis://127.0.0.1:1"} | {variable: value}
    result = rejoin(tmp_path, "serve", **environment)
    refused(result, 2, key)
    assert key.startswith("/") or "expected" in result.stderr


@pytest.mark.parametrize("command", OF_A_CLUSTER, ids=" ".join)
def test_a_redis_that_does_not_answer_is_failed_work(tmp_path, command):
    port = free_port()
    refused(rejoin(tmp_path, *command, REJOIN_REDIS_URL=f"redis://127.0.0.1:{port}"), 1, f"127.0.0.1:{port}")


def test_secrets_of_an_address_are_not_shown(tmp_path):
    port = free_port()
    result = rejoin(tmp_path, "nodes", REJOIN_REDIS_URL=f"redis://user:hidden@127.0.0.1:{port}")
    refused(result, 1)
    assert "hidden" not in result.stderr


def test_accounts_are_added_listed_changed_and_removed(tmp_path):
    added = rejoin(tmp_path, "users", "add", "Ada", "--password-stdin", stdin="correct horse\n")
    assert (added.returncode, added.stderr) == (0, "") and re.fullmatch(r"added Ada \(\S+\)\n", added.stdout)
    refused(rejoin(tmp_path, "users", "add", "ADA", "--password-stdin", stdin="correct horse\n"), 1, "ADA")
    listed = json.loads(rejoin(tmp_path, "users", "list", "--json").stdout)
    assert [user["name"] for user in listed] == ["Ada"]
    changed = rejoin(tmp_path, "users", "passwd", "Ada", "--password-stdin", stdin="another horse\n")
    assert changed.returncode == 0 and "sessions of this user were not ended" in changed.stderr
    removed = rejoin(tmp_path, "users", "remove", "Ada")
    assert removed.returncode == 0 and removed.stdout.startswith("removed Ada (")
    assert json.loads(rejoin(tmp_path, "users", "list", "--json").stdout) == []


def test_an_account_whose_sessions_cannot_be_ended_is_not_changed(tmp_path):
    rejoin(tmp_path, "users", "add", "Ada", "--password-stdin", stdin="correct horse\n")
    away = {"REJOIN_REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    refused(rejoin(tmp_path, "users", "remove", "Ada", **away), 1, "nothing was changed", "Connection refused")
    refused(
        rejoin(tmp_path, "users", "passwd", "Ada", "--password-stdin", stdin="another horse\n", **away), 1,
        "nothing was changed")
    assert [user["name"] for user in json.loads(rejoin(tmp_path, "users", "list", "--json").stdout)] == ["Ada"]


def test_what_was_done_before_redis_refused_is_said_and_how_to_go_on(tmp_path):
    redis = Redis(tmp_path)
    try:
        added = rejoin(tmp_path, "users", "add", "Ada", "--password-stdin", stdin="correct horse\n")
        redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
        removed = rejoin(tmp_path, "users", "remove", "Ada", REJOIN_REDIS_URL=redis.url)
        assert removed.returncode == 1 and removed.stdout.startswith("removed Ada (")
        identifier = re.search(r"\((\S+)\)", added.stdout)[1]
        assert f"`rejoin sessions revoke --user-id {identifier}` ends them" in removed.stderr
        redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
        assert rejoin(
            tmp_path, "sessions", "revoke", "--user-id", identifier, REJOIN_REDIS_URL=redis.url).returncode == 0
    finally:
        redis.stop()


@pytest.mark.parametrize("command", [("passwd", "Nobody", "--password-stdin"), ("remove", "Nobody")], ids=" ".join)
def test_an_account_that_does_not_exist_is_failed_work(tmp_path, command):
    refused(rejoin(tmp_path, "users", *command, stdin="correct horse\n"), 1, "Nobody")


def test_passwords_have_a_length_and_come_from_somewhere(tmp_path):
    refused(rejoin(tmp_path, "users", "add", "Ada", "--password-stdin", stdin="short\n"), 1, "5 bytes", "expected 8 to 256")
    refused(rejoin(tmp_path, "users", "add", "Ada", "--password-stdin"), 1, "standard input")
    refused(rejoin(tmp_path, "users", "add", "Ada"), 1, "--password-stdin")
    refused(rejoin(tmp_path, "users", "add", "--password-stdin", stdin="correct horse\n"), 2, "<name>")


def test_accounts_that_cannot_be_opened_are_failed_work(tmp_path):
    (tmp_path / "data").write_text("not a folder")
    refused(rejoin(tmp_path, "users", "list"), 1, str(tmp_path / "data"))


def test_the_number_of_nodes_and_bots_has_bounds(tmp_path):
    refused(rejoin(tmp_path, "up", "--nodes", "0"), 2, "--nodes is 0, expected 1 to 16")
    refused(rejoin(tmp_path, "up", "--bots", "100000"), 2, "--bots is 100000, expected 0 to 200")
    refused(rejoin(tmp_path, "up", "--nodes", "many"), 2, "--nodes", "many")


def test_a_command_of_a_cluster_knows_its_nodes(cluster):
    nodes = cluster.rejoin("nodes")
    assert nodes.returncode == 0
    header, *rows = nodes.stdout.splitlines()
    assert header.split() == ["NAME", "ADDRESS", "VERSION", "UPTIME", "SOCKETS", "ROOMS", "STATE"]
    assert [row.split()[0] for row in rows] == ["n1", "n2", "n3"] and all(row.endswith("ready") for row in rows)
    refused(cluster.rejoin("drain", "n9"), 1, "n9", "rejoin nodes")
    refused(cluster.rejoin("drain", "Not a name"), 1, "Not a name")


def test_the_name_of_a_live_node_is_not_taken_and_that_of_a_dead_one_is(cluster):
    second = cluster.rejoin("serve", "--node", "n1", "--port", "0", "--admin-port", "0")
    assert second.returncode == 2 and second.stdout == ""
    last = second.stderr.splitlines()[-1]
    assert last.startswith("rejoin: node: ") and "n1" in last
    cluster.nodes[0].kill()
    cluster.add("n1")


def test_a_port_that_is_taken_is_said_by_serve(cluster):
    port = cluster.nodes[0].url.rsplit(":", 1)[1]
    second = cluster.rejoin("serve", "--node", "n4", "--port", port, "--admin-port", "0")
    assert second.returncode == 1 and second.stdout == ""
    assert port in second.stderr.splitlines()[-1], second.stderr


def test_a_redis_that_wants_a_password_says_so(tmp_path):
    redis = Redis(tmp_path)
    try:
        redis.command("CONFIG", "SET", "requirepass", "secret")
        refused(rejoin(tmp_path, "nodes", REJOIN_REDIS_URL=redis.url), 1, "NOAUTH")
    finally:
        redis.stop()


# Passwords from a person.


class Prompt:
    """A command on a terminal of its own."""

    def __init__(self, folder, *arguments):
        self.screen, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [BINARY, *arguments], stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
            env=clean({"REJOIN_DATA": str(folder / "data")}))
        self.terminal = terminal
        self.shown = ""

    def until(self, text, timeout=10):
        os.set_blocking(self.screen, False)
        deadline = time.monotonic() + timeout
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} is not shown: {self.shown!r}"
            try:
                self.shown += os.read(self.screen, 4096).decode()
            except BlockingIOError:
                time.sleep(0.01)
        return self

    def type(self, text):
        os.write(self.screen, text.encode())
        return self

    @property
    def echoes(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def ended(self):
        return self.process.wait(10)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.screen)
        os.close(self.terminal)


@pytest.fixture
def prompt(tmp_path):
    made = []

    def make(*arguments):
        made.append(Prompt(tmp_path, *arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_password_is_asked_for_twice_and_never_shown(prompt):
    adding = prompt("users", "add", "Ada").until("Password: ")
    assert not adding.echoes
    adding.type("correct horse\n").until("Again: ")
    assert not adding.echoes
    adding.type("correct horse\n").until("added Ada (")
    assert adding.ended() == 0 and adding.echoes and "horse" not in adding.shown
    changing = prompt("users", "passwd", "Ada").until("Password: ").type("another horse\n").until("Again: ")
    changing.type("a third horse\n").until("the two passwords differ, nothing was changed")
    assert changing.ended() == 1 and changing.echoes and "horse" not in changing.shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupt_at_the_prompt_gives_the_terminal_its_echo_back(prompt, number):
    adding = prompt("users", "add", "Ada").until("Password: ").type("half a pass")
    assert not adding.echoes
    adding.process.send_signal(number)
    assert adding.ended() == 128 + number and adding.echoes


# Sessions.


async def logged_in(players, node, name):
    player = players()
    await player.connect(node)
    answer = await player.call("register", {"username": name, "password": "correct horse"})
    assert answer["ok"], answer
    return player, answer, await player.event("session", lambda session: session["reason"] == "login")


def listed(cluster, *arguments):
    result = cluster.rejoin("sessions", "list", "--json", *arguments)
    assert (result.returncode, result.stderr) == (0, ""), result
    return json.loads(result.stdout)


@pytest.mark.asyncio
async def test_sessions_are_listed_and_shown(cluster, players):
    ada, answer, session = await logged_in(players, cluster.nodes[0], "Ada")
    watcher = players()
    guest = await watcher.connect(cluster.nodes[1])
    found = {entry["handle"]: entry for entry in listed(cluster)}
    assert set(found) == {session["handle"], guest["handle"]}
    player = found[session["handle"]]
    assert player["login"] and player["user"] == answer["user"] and player["address"] == "127.0.0.1"
    assert abs(player["created"] / 1000 - time.time()) < 60 < player["expires"] / 1000 - time.time()
    assert not found[guest["handle"]]["login"] and found[guest["handle"]]["user"] is None
    assert listed(cluster, "--user", "ADA") == [player] == listed(cluster, "--user-id", answer["user"]["id"])
    assert listed(cluster, "--user", answer["user"]["id"]) == [player], "an id that is no account's name"
    table = cluster.rejoin("sessions", "list").stdout.splitlines()
    assert table[0].split() == ["HANDLE", "USER", "AGE", "IDLE", "ENDS", "IN", "ADDRESS", "CLIENT"]
    assert {row.split()[0]: row.split()[1] for row in table[1:]} == {
        session["handle"]: "Ada", guest["handle"]: "(guest)"}
    shown = cluster.rejoin("sessions", "show", session["handle"], "--json")
    assert json.loads(shown.stdout) == player
    assert f"Ada ({answer['user']['id']})" in cluster.rejoin("sessions", "show", session["handle"]).stdout
    part = cluster.rejoin("sessions", "list", "--json", "--limit", "1")
    assert len(json.loads(part.stdout)) == 1 and "more sessions" in part.stderr


@pytest.mark.asyncio
@pytest.mark.parametrize("format", [["--json"], []])
async def test_what_a_client_calls_itself_does_not_colour_a_terminal(cluster, format):
    added = cluster.rejoin("users", "add", "Eve", "--password-stdin", stdin="correct horse battery\n")
    assert added.returncode == 0, added
    # As bytes of UTF-8, U+009B begins a sequence that moves a cursor or colours what follows; U+202E turns it round.
    response, _ = await post(
        cluster.nodes[0].url + "/session/login", json={"username": "Eve", "password": "correct horse battery"},
        headers={"User-Agent": "a\u009b31mb\u202e"})
    assert response.status == 200
    result = cluster.rejoin("sessions", "list", *format)
    assert "31mb" in result.stdout and not re.search("[\u0080-\u009f\u202e]", result.stdout), ascii(result.stdout)


@pytest.mark.asyncio
async def test_a_revoked_session_is_a_watchers_on_every_socket(cluster, players):
    ada, answer, session = await logged_in(players, cluster.nodes[0], "Ada")
    other = players()
    await other.connect(cluster.nodes[1], token=answer["token"])
    revoked = cluster.rejoin("sessions", "revoke", session["handle"])
    assert (revoked.returncode, revoked.stderr) == (0, "")
    assert revoked.stdout.splitlines()[-1] == "confirmed by 2 sockets on 3 nodes"
    for player in (ada, other):
        assert (await player.event("session", lambda event: event["reason"] == "revoked"))["login"] is False
    refused(cluster.rejoin("sessions", "revoke", session["handle"]), 1, session["handle"], "rejoin sessions list")
    refused(cluster.rejoin("sessions", "show", session["handle"]), 1, session["handle"])


@pytest.mark.asyncio
async def test_all_sessions_of_a_user_are_revoked_also_without_an_account(cluster, players):
    for node in cluster.nodes[:2]:
        player = players()
        await player.connect(node)
        await player.call("register", {"username": "Ada", "password": "correct horse"})
        answer = await player.call("login", {"username": "Ada", "password": "correct horse"})
        assert answer["ok"]
    revoked = cluster.rejoin("sessions", "revoke", "--user", "Ada")
    assert (revoked.returncode, revoked.stdout) == (0, "confirmed by 2 sockets on 3 nodes\n"), revoked
    assert listed(cluster, "--user", "Ada") == []
    player = players()
    await player.connect(cluster.nodes[2])
    answer = await player.call("login", {"username": "Ada", "password": "correct horse"})
    assert cluster.rejoin("sessions", "revoke", "--user-id", answer["user"]["id"]).stdout.endswith(
        "confirmed by 1 sockets on 3 nodes\n")
    refused(cluster.rejoin("sessions", "revoke", "--user", "Nobody"), 1, "Nobody")
    refused(cluster.rejoin("sessions", "list", "--user", "Nobody"), 1, "Nobody")
    assert listed(cluster, "--user-id", "-an-id") == []
    refused(cluster.rejoin("sessions", "revoke", "--user", "-a-name"), 1, "-a-name")


@pytest.mark.asyncio
async def test_a_node_that_does_not_answer_a_revocation_is_named(cluster, players):
    ada, answer, session = await logged_in(players, cluster.nodes[0], "Ada")
    cluster.nodes[2].process.send_signal(signal.SIGSTOP)
    revoked = cluster.rejoin("sessions", "revoke", session["handle"])
    cluster.nodes[2].process.send_signal(signal.SIGCONT)
    assert revoked.returncode == 1 and revoked.stdout.splitlines()[-1] == "confirmed by 1 sockets on 2 nodes"
    assert revoked.stderr.startswith("rejoin: no answer from n3") and revoked.stderr.count("\n") == 1


def test_handles_may_begin_with_a_hyphen(cluster):
    handle = "-h" + "A" * 20
    for command in ("show", "revoke"):
        refused(cluster.rejoin("sessions", command, handle), 1, handle, "rejoin sessions list")


@pytest.mark.parametrize(
    "arguments",
    [("show", "short"), ("show",), ("revoke",), ("revoke", "short"), ("revoke", "A" * 22, "--user", "Ada"),
     ("list", "--user", "Ada", "--user-id", "1"), ("list", "--limit", "0")], ids=" ".join)
def test_what_names_no_session_is_wrong_usage(tmp_path, arguments):
    refused(rejoin(tmp_path, "sessions", *arguments, REJOIN_REDIS_URL=f"redis://127.0.0.1:{free_port()}"),
            2, "(see rejoin sessions")
