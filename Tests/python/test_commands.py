"""What the commands answer when something is wrong: one line on standard error, and the exit code that says whose
fault it is."""

import json
import re
import subprocess

import pytest

from cluster import BINARY, Redis, free_port
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
    ("users", "remove", "Ada"), ("nodes",), ("drain", "n1"),
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


@pytest.mark.parametrize("command", [("serve",), ("nodes",), ("drain", "n1")], ids=" ".join)
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


@pytest.mark.parametrize("command", [("nodes",), ("drain", "n1")], ids=" ".join)
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
