"""`rejoin up`: a whole cluster on this machine, behind HAProxy, as a person starts it, breaks it and stops it."""

import asyncio
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import time

import pytest

from cluster import BINARY, eventually, free_port, get
from up import Up, clean

NAME, PASSWORD = "Ada", "correct horse battery"


@pytest.fixture
def start(tmp_path):
    """Starts `rejoin up` on one data folder, and leaves nothing behind."""
    started = []

    def start(*arguments, **options):
        up = Up(tmp_path / "data", *arguments, **options)
        started.append(up)
        return up

    yield start
    for up in started:
        up.stop()


@pytest.fixture
def up(start):
    return start().ready()


def is_free(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


async def in_thread(work, *arguments, **options):
    return await asyncio.to_thread(work, *arguments, **options)


async def logged_in(player, up, name=NAME):
    await player.connect(up)
    answer = await player.call("login", {"username": name, "password": PASSWORD})
    assert answer["ok"], answer
    return answer["token"]


async def connected(player, up, token):
    """Connects through HAProxy, as often as a client would that comes back by itself."""
    async def attempt():
        try:
            return await player.connect(up, token=token)
        except Exception:
            return None

    return await eventually(attempt)


async def test_a_player_comes_in_by_haproxy_and_is_still_logged_in_when_its_node_was_killed(up, players):
    assert up.rejoin("users", "add", NAME, "--password-stdin", stdin=PASSWORD + "\n").returncode == 0
    ada = players()
    token = await logged_in(ada, up)
    home = up.node((await ada.event("session"))["node"])
    assert (await ada.call("join", {"room": "lobby"}))["ok"]
    acted = await ada.call("act", {"room": "lobby", "id": "1", "action": {"set": {"score": 1}}})
    assert acted["ok"]

    os.kill(home.pid, signal.SIGKILL)
    begin = time.monotonic()
    back = players()
    session = await connected(back, up, token)
    assert time.monotonic() - begin < 6
    assert session["login"] is True and session["user"]["name"] == NAME and session["node"] != home.name
    assert (await back.call("join", {"room": "lobby"}))["state"] == {"score": 1}
    assert await back.call("act", {"room": "lobby", "id": "1", "action": {"set": {"score": 1}}}) == acted
    await in_thread(up.line, rf"node {home.name} \(pid {home.pid}\) was killed by signal 9 .* 2 of 3 nodes left")
    assert {node["name"] for node in json.loads((up.data / "cluster.json").read_text())["nodes"]} == (
        {"n1", "n2", "n3"} - {home.name})


async def test_port_0_takes_any_free_one_and_says_which(start):
    up = start("--nodes", "1", port="0")
    port = int(up.line(r"^haproxy on http://localhost:(\d+) ")[1])
    assert port > 0
    response, _ = await get(f"http://127.0.0.1:{port}/healthz")
    assert response.status == 200


async def test_a_drained_node_lets_its_players_go_and_is_not_called_dead(start, players):
    up = start(REJOIN_DRAIN="5s").ready()
    assert up.rejoin("users", "add", NAME, "--password-stdin", stdin=PASSWORD + "\n").returncode == 0
    ada = players()
    token = await logged_in(ada, up)
    home = (await ada.event("session"))["node"]
    assert (await ada.call("join", {"room": "lobby"}))["ok"]
    drain = asyncio.create_task(in_thread(up.rejoin, "drain", home))
    assert (await ada.event("drain"))["retryAfter"] > 0
    acted = await ada.call("act", {"room": "lobby", "id": "1", "action": {"set": {"last": True}}})
    assert acted["ok"], "what comes before the transport closes is served"
    await eventually(lambda: asyncio.sleep(0, not ada.client.connected))

    back = players()
    session = await connected(back, up, token)
    assert session["login"] is True and session["node"] != home
    assert (await back.call("join", {"room": "lobby"}))["state"] == {"last": True}
    drained = await drain
    assert (drained.returncode, drained.stdout.splitlines()[-1]) == (0, f"node {home} is gone")
    await in_thread(up.line, rf"node {home} \(pid \d+\) has drained and left, 2 of 3 nodes left")
    assert not any("killed" in line or "exited" in line for line in up.lines)


async def test_ctrl_c_stops_everything_and_the_next_start_has_its_accounts_and_sessions(start, players):
    first = start().ready()
    assert first.rejoin("users", "add", NAME, "--password-stdin", stdin=PASSWORD + "\n").returncode == 0
    ada = players()
    token = await logged_in(ada, first)
    assert (await ada.call("join", {"room": "lobby"}))["ok"]
    assert (await ada.call("act", {"room": "lobby", "id": "1", "action": {"set": {"score": 1}}}))["ok"]
    assert await in_thread(first.interrupt) == 0
    assert first.lines[-1] == "stopped" and not any("killed" in line for line in first.lines)
    assert first.processes() == []
    assert is_free(first.port) and all(is_free(int(node.url.rsplit(":", 1)[1])) for node in first.nodes())
    assert not (first.data / "cluster.json").exists()

    second = start(port=first.port).ready()
    back = players()
    session = await back.connect(second, token=token)
    assert session["login"] is True and session["user"]["name"] == NAME
    assert (await back.call("join", {"room": "lobby"}))["state"] == {"score": 1}
    await logged_in(players(), second)


async def test_a_second_ctrl_c_does_not_wait_for_the_drain(start, players):
    up = start(REJOIN_DRAIN="60s").ready()
    await players().connect(up)
    up.process.send_signal(signal.SIGINT)
    await in_thread(up.line, "stopping")
    begin = time.monotonic()
    assert await in_thread(up.interrupt) == 0
    assert time.monotonic() - begin < 10
    assert any("in a hurry" in line for line in up.lines) and up.processes() == []


async def test_nothing_outlives_a_killed_up_and_the_next_one_starts_on_what_it_left(start, players):
    first = start().ready()
    assert first.rejoin("users", "add", NAME, "--password-stdin", stdin=PASSWORD + "\n").returncode == 0
    token = await logged_in(players(), first)
    first.process.kill()
    await eventually(lambda: asyncio.sleep(0, not first.processes()))
    assert is_free(first.port)
    listed = first.rejoin("nodes")
    assert listed.returncode == 2 and "no cluster is found" in listed.stderr

    second = start().ready()
    session = await players().connect(second, token=token)
    assert session["login"] is True and session["user"]["name"] == NAME


async def test_what_died_is_started_again_where_it_was_when_that_is_asked_for(start, players):
    up = start("--restart").ready()
    before = up.node("n2")
    os.kill(before.pid, signal.SIGKILL)
    await in_thread(up.line, r"node n2 starts again in 1 s")
    await in_thread(up.line, r"^node n2 ready on ")
    after = up.node("n2")
    assert (after.url, after.admin) == (before.url, before.admin) and after.pid != before.pid
    assert set(up.live()) == {"n1", "n2", "n3"}
    pid = int((up.data / "redis/redis.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    await in_thread(up.line, r"redis \S+ on 127.0.0.1:\d+ again")
    await eventually(lambda: asyncio.sleep(0, {node["state"] for node in up.live().values()} == {"ready"}))


async def test_without_redis_the_cluster_ends_and_says_why(up):
    os.kill(int((up.data / "redis/redis.pid").read_text()), signal.SIGKILL)
    assert await in_thread(up.ended) == 1
    assert any(line.startswith("rejoin: redis (pid ") and "killed by signal 9" in line for line in up.lines)
    assert re.match(r"rejoin: without Redis there is no cluster, see \S+/log/redis.log", up.lines[-1])
    assert up.processes() == []


def test_a_taken_port_is_one_line_and_1(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start(port=port)
        assert up.ended() == 1
        assert up.lines == [
            f"rejoin: port {port} of 127.0.0.1 cannot be used: Address already in use; --port gives another one"]
        assert up.processes() == []


def test_a_folder_that_cannot_be_made_is_one_line_and_1(tmp_path):
    up = Up("/proc/there-is-none/data")
    try:
        assert up.ended() == 1
        assert up.lines == [
            "rejoin: the folder /proc/there-is-none/data cannot be made: No such file or directory; "
            "--data gives another one"]
    finally:
        up.stop()


def test_a_second_up_on_the_same_data_is_one_line_and_1(up, start):
    second = start()
    assert second.ended() == 1
    assert second.lines == [
        f"rejoin: another `rejoin up` runs on {up.data}, stop it or give another folder by --data"]


def test_secrets_are_for_their_user_alone(up):
    for name in ("cluster.json", "accounts.db", "haproxy.cfg", "redis", "log", "."):
        assert stat.S_IMODE((up.data / name).stat().st_mode) & 0o077 == 0, name
    password = json.loads((up.data / "cluster.json").read_text())["redisURL"].split(":")[2].split("@")[0]
    seen = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert password not in seen


async def test_bots_walk_in_the_arena_lose_their_node_and_walk_on(start, players):
    up = start("--bots", "5").ready()
    await in_thread(up.line, "^5 bots walk in the arena$")
    watcher = players()
    home = up.node((await watcher.connect(up))["node"])

    def score(state):
        return sum(1 for field in state if field.startswith("tile/"))

    assert sum(1 for name in (await arena(watcher))["state"] if name.endswith("/player")) == 5
    os.kill(next(node for node in up.nodes() if node.name != home.name).pid, signal.SIGKILL)
    before = score((await arena(watcher))["state"])

    async def walked_on():
        return score((await arena(watcher))["state"]) > before + 10

    await eventually(walked_on)
    accounts = json.loads((up.data / "bots.json").read_text())
    assert len({account["password"] for account in accounts}) == 5
    assert stat.S_IMODE((up.data / "bots.json").stat().st_mode) == 0o600
    assert await in_thread(up.interrupt) == 0
    assert up.processes() == []

    again = start("--bots", "3").ready()
    await in_thread(again.line, "^3 bots walk in the arena$")
    assert json.loads((again.data / "bots.json").read_text()) == accounts, "the same players, the same sessions"


async def arena(player):
    answer = await player.call("join", {"room": "arena"})
    assert answer["ok"], answer
    await asyncio.sleep(0.1)  # well below the limit of messages
    return answer


def test_ctrl_c_in_the_terminal_of_make_reads_well(tmp_path):
    """The terminal signals the whole foreground group: `up` drains all the same, once."""
    port = free_port()
    child, terminal = pty.fork()
    if child == 0:
        os.execve(BINARY, [BINARY, "up", "--port", str(port), "--nodes", "1", "--data", str(tmp_path / "data")], clean({}))
    text = ""
    try:
        deadline = time.monotonic() + 40
        asked = False
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                chunk = os.read(terminal, 4096).decode()
            except OSError:
                break
            text += chunk
            if not asked and "Ctrl-C" in text and "drain and stop" in text:
                asked = True
                os.write(terminal, b"\x03")
        _, status = os.waitpid(child, 0)
        child = None
        assert os.waitstatus_to_exitcode(status) == 0, text
        assert text.rstrip().endswith("stopped") and "hurry" not in text, text
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(terminal)


async def test_the_nodes_can_be_those_of_another_program(start, players):
    up = start("--nodes", "2", "--program", str(pathlib.Path(BINARY).with_name("Pong"))).ready()
    response, body = await get(up.url + "/")
    assert response.status == 200 and "<title>Pong</title>" in body
    assert {name: node["state"] for name, node in (await in_thread(up.live)).items()} == {"n1": "ready", "n2": "ready"}
    player = players()
    await player.connect(up)
    answer = await player.call("register", {"username": NAME, "password": PASSWORD})
    assert answer["ok"], answer
    assert (await player.call("join", {"room": "pong"}))["ok"]
    sat = await player.call("act", {"room": "pong", "id": "1", "action": {"type": "sit", "side": "left"}})
    assert sat["ok"], sat
    assert await in_thread(up.interrupt) == 0


def test_a_program_that_cannot_be_started_is_one_line_and_1(tmp_path, start):
    for program, problem in [(tmp_path / "none", "No such file or directory"), (tmp_path, "it is a folder")]:
        up = start("--program", str(program))
        assert up.process.wait(20) == 1
        up.line(f"^rejoin: --program {program} cannot be started: {problem}$", timeout=5)
    up = start("--program", BINARY, "--bots", "3")
    assert up.process.wait(20) == 2
    up.line("--bots walk in the arena", timeout=5)
