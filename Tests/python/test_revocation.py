"""A logout outlives the Redis that was told of it, and says so."""

import asyncio
import contextlib
import signal
import subprocess
import time

import pytest
import pytest_asyncio

from cluster import Cluster, Player, eventually, free_port, get

PASSWORD = "correct horse battery"


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path, nodes=2)
    yield cluster
    cluster.stop()


@pytest_asyncio.fixture
async def players():
    made = []

    def make():
        made.append(Player())
        return made[-1]

    yield make
    for player in made:
        with contextlib.suppress(Exception):
            await player.leave()


@pytest.fixture
def replica(cluster):
    """A replica of the cluster's Redis that has everything."""
    port = free_port()
    (cluster.folder / "replica").mkdir()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir",
         str(cluster.folder / "replica"), "--replicaof", "127.0.0.1", str(cluster.redis.port)],
        stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while "state=online" not in cluster.redis.command("INFO", "replication"):
        assert time.monotonic() < deadline, "the replica did not attach within 20 s"
    yield process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()


async def logged_in(players, node, name):
    player = players()
    await player.connect(node)
    answer = await player.call("register", {"username": name, "password": PASSWORD})
    assert answer["ok"], answer
    player.token = answer["token"]
    return player


async def ready(node):
    response, _ = await get(node.url + "/readyz")
    return response.status == 200


def back_from_snapshot(cluster):
    cluster.redis.kill()
    cluster.redis.start()


@pytest.mark.parametrize("how", ["logout", "everywhere", "revoked"])
async def test_what_was_ended_stays_ended_when_redis_comes_back_from_before(cluster, players, how):
    first, second = cluster.nodes
    player = await logged_in(players, first, "lin")
    other = await logged_in(players, second, "bo")
    handle = player.token.split(".")[0]
    cluster.redis.command("SAVE")
    match how:
        case "logout":
            answer = await player.call("logout", {})
        case "everywhere":
            answer = await player.call("logout", {"everywhere": True})
        case "revoked":
            device = players()
            await device.connect(second)
            assert (await device.call("login", {"username": "lin", "password": PASSWORD}))["ok"]
            answer = await device.call("endDevice", {"handle": handle})
    assert answer["ok"] and answer["missing"] == []
    first.kill()
    back_from_snapshot(cluster)
    await eventually(lambda: ready(second), timeout=20)

    again = players()
    session = await again.connect(second, token=player.token)
    assert session["login"] is False
    assert cluster.redis.command("HGET", f"rejoin:session:{{{handle}}}", "login") in ("0", "")
    log = second.log.read_text()
    assert "logouts and revocations of the last 15 minutes were repeated" in log and "sessions.ended=1" in log

    # Who was not logged out is still in.
    still = players()
    session = await still.connect(second, token=other.token)
    assert session["login"] is True and session["user"]["name"] == "bo"


async def test_without_the_repetition_the_snapshot_would_bring_the_login_back(cluster, players):
    """The test above can fail: a cluster that heard of nothing takes the record as it is."""
    first, second = cluster.nodes
    player = await logged_in(players, first, "lin")
    handle = player.token.split(".")[0]
    cluster.redis.command("SAVE")
    assert (await player.call("logout", {}))["ok"]
    first.kill()
    second.kill()
    back_from_snapshot(cluster)
    assert cluster.redis.command("HGET", f"rejoin:session:{{{handle}}}", "login") == "1"


async def test_a_new_login_after_the_snapshot_is_not_ended_by_the_repetition(cluster, players):
    first, second = cluster.nodes
    player = await logged_in(players, first, "lin")
    assert (await player.call("logout", {}))["ok"]
    answer = await player.call("login", {"username": "lin", "password": PASSWORD})
    assert answer["ok"]
    cluster.redis.command("SAVE")
    back_from_snapshot(cluster)
    await eventually(lambda: ready(second), timeout=20)
    again = players()
    session = await again.connect(second, token=answer["token"])
    assert session["login"] is True


async def guest(cluster, players, node, name):
    """A client with an account that has not logged in yet, as Redis will remember it."""
    added = cluster.rejoin("users", "add", name, "--password-stdin", stdin=PASSWORD + "\n")
    assert added.returncode == 0, added.stderr
    player = players()
    player.token = (await player.connect(node))["token"]
    cluster.redis.command("SAVE")
    return player


async def test_a_login_after_the_snapshot_is_not_taken_for_the_one_that_was_ended(cluster, players):
    first, second = cluster.nodes
    player = await guest(cluster, players, first, "lin")
    assert (await player.call("login", {"username": "lin", "password": PASSWORD}))["ok"]
    assert (await player.call("logout", {}))["ok"]
    await player.leave()
    back_from_snapshot(cluster)
    for node in cluster.nodes:
        await eventually(lambda: ready(node), timeout=20)

    # The record is as it was before the login that was ended, and the next login is the first one again.
    again = players()
    session = await again.connect(second, token=player.token)
    assert session["handle"] == player.token.split(".")[0]
    answer = await again.call("login", {"username": "lin", "password": PASSWORD})
    assert answer["ok"], answer
    device = players()
    assert (await device.connect(first, token=answer["token"]))["login"] is True
    cluster.redis.command("SAVE")
    back_from_snapshot(cluster)
    for node in cluster.nodes:
        await eventually(lambda: ready(node), timeout=20)
    back = players()
    assert (await back.connect(first, token=answer["token"]))["login"] is True


async def test_a_socket_whose_login_redis_has_lost_is_a_watcher(cluster, players):
    first, _ = cluster.nodes
    player = await guest(cluster, players, first, "lin")
    assert (await player.call("login", {"username": "lin", "password": PASSWORD}))["ok"]
    assert (await player.call("join", {"room": "r"}))["ok"]
    back_from_snapshot(cluster)
    await eventually(lambda: ready(first), timeout=20)
    session = await player.event("session", lambda session: session["reason"] == "revoked", timeout=30)
    assert (session["login"], session["user"], session["handle"]) == (False, None, None)
    assert (await player.call("cast", {"room": "r", "data": 1}))["error"] == "login_required"
    answer = await player.call("login", {"username": "lin", "password": PASSWORD})
    assert answer["ok"], answer


async def test_a_redis_without_replicas_is_not_said_to_be_replicated(cluster, players):
    player = await logged_in(players, cluster.nodes[0], "lin")
    answer = await player.call("logout", {})
    assert answer == {"ok": True, "sockets": 1, "nodes": 2, "missing": []}


async def test_a_redis_that_does_not_say_whether_it_has_replicas_is_not_taken_for_one_without(cluster, players):
    player = await logged_in(players, cluster.nodes[0], "lin")
    cluster.redis.command("ACL", "SETUSER", "default", "-info")
    answer = await player.call("logout", {})
    assert answer["ok"] and answer["missing"] == [] and answer["replicated"] is False


async def test_a_logout_says_whether_a_replica_has_it(cluster, replica, players):
    node = cluster.nodes[0]
    player = await logged_in(players, node, "lin")
    answer = await player.call("logout", {})
    assert answer["ok"] and answer["replicated"] is True

    replica.send_signal(signal.SIGSTOP)
    assert (await player.call("login", {"username": "lin", "password": PASSWORD}))["ok"]
    actor = await logged_in(players, node, "bo")
    assert (await actor.call("join", {"room": "r"}))["ok"]
    leaving = asyncio.create_task(player.call("logout", {}))
    slowest = 0
    for number in range(20):
        began = time.monotonic()
        answer = await actor.call("act", {"room": "r", "id": f"a{number}", "action": {"set": {"n": number}}})
        assert answer["ok"], answer
        slowest = max(slowest, time.monotonic() - began)
    answer = await leaving
    assert answer["ok"] and answer["replicated"] is False
    assert slowest < 0.45, "waiting for a replica held up other commands"
    revoked = await asyncio.to_thread(cluster.rejoin, "sessions", "revoke", "--user", "bo")
    assert revoked.returncode == 0 and "no replica of Redis has it yet" in revoked.stderr, revoked
    assert revoked.stdout.splitlines()[-1] == "confirmed by 1 sockets on 2 nodes"
    # Logged out all the same, on this Redis.
    assert (await player.call("act", {"room": "r", "id": "x", "action": {"set": {"n": 0}}}))["error"] == "login_required"
