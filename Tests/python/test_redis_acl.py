"""The ACL user of docs/operations.md is enough for a whole node and all commands, and reaches nothing else."""

import asyncio
import json
import pathlib
import re
import shlex
import subprocess

import pytest

from cluster import Cluster, Redis, get, post

ROOT = pathlib.Path(__file__).parents[2]
OPERATIONS = ROOT / "docs/operations.md"
PASSWORD = "correct horse battery"
ADMINISTRATION = ["CONFIG GET maxmemory", "KEYS *", "FLUSHDB", "ACL LIST", "CLIENT LIST", "MONITOR", "SHUTDOWN"]


def documented():
    """The command of the documentation that makes the user, without the program's name."""
    return re.search(r"redis-cli (ACL SETUSER rejoin on .*?)\n\n", OPERATIONS.read_text(), re.DOTALL)[1]


def make_user(redis):
    """Runs the command of the documentation as it is printed, with a password and a port of the test."""
    command = documented().replace("PASSWORD", "secret")
    made = subprocess.run(
        ["sh", "-c", f"redis-cli -p {redis.port} {command}"], capture_output=True, text=True, timeout=10)
    assert made.stdout == "OK\n", made


@pytest.fixture
def redis(tmp_path):
    redis = Redis(tmp_path)
    make_user(redis)
    yield redis
    redis.stop()


@pytest.fixture
def cluster(tmp_path, redis):
    cluster = Cluster(tmp_path, nodes=0, redis=redis)
    cluster.environment["REJOIN_REDIS_URL"] = f"redis://rejoin:secret@127.0.0.1:{redis.port}"
    try:
        cluster.add("n1")
        cluster.add("n2")
        yield cluster
    finally:
        cluster.stop()


async def test_a_whole_node_lives_with_the_user_of_the_documentation(cluster, players):
    redis, (first, second) = cluster.redis, cluster.nodes
    url = {"REJOIN_REDIS_URL": cluster.environment["REJOIN_REDIS_URL"]}

    ada, other = players(), players()
    await ada.connect(first)
    registered = await ada.call("register", {"username": "Ada", "password": PASSWORD})
    assert registered["ok"], registered
    await other.connect(second, token=registered["token"])
    for player in (ada, other):
        assert (await player.call("join", {"room": "lobby"}))["ok"]
    assert (await ada.call("act", {"room": "lobby", "id": "1", "action": {"set": {"score": 1}}}))["ok"]
    assert (await other.event("patch", lambda patch: patch["version"] == 1))["set"] == {"score": 1}
    assert (await ada.call("cast", {"room": "lobby", "data": 1}))["ok"]
    again = await other.call("join", {"room": "lobby", "since": {"epoch": "", "version": 0}})
    assert again["ok"] and again["version"] == 1
    assert (await ada.call("devices", {}))["ok"]
    assert (await ada.call("leave", {"room": "lobby"}))["ok"]
    assert (await ada.call("login", {"username": "Ada", "password": "something else"}))["error"] == "invalid_credentials"
    assert (await ada.call("logout", {"everywhere": True}))["missing"] == []
    assert (await ada.call("login", {"username": "Ada", "password": PASSWORD}))["ok"]
    assert [node["state"] for node in nodes(cluster, **url)] == ["ready", "ready"]

    applied, _ = await post(
        first.admin + "/api/v1/rooms/lobby/acts", json={"id": "1", "action": {"set": {"score": 2}}})
    assert applied.status == 200
    listed = cluster.rejoin("rooms", "list", **url)
    assert listed.returncode == 0 and "lobby" in listed.stdout, listed
    assert cluster.rejoin("rooms", "show", "lobby", **url).returncode == 0

    changed = cluster.rejoin("users", "passwd", "Ada", "--password-stdin", stdin="another good one\n", **url)
    assert changed.returncode == 0, changed.stderr
    assert (await ada.event("session", lambda session: session["reason"] == "revoked"))["login"] is False
    drained = cluster.rejoin("drain", "n2", **url)
    assert drained.returncode == 0, drained.stderr
    assert await asyncio.to_thread(second.process.wait, 25) == 0
    response, body = await get(first.admin + "/readyz")
    assert (response.status, body) == (200, "ready\n")

    for command in ("WAIT 0 1", "SCAN 0", "INFO replication"):
        as_user(redis, *command.split())
    assert redis.command("ACL", "LOG") == ""
    assert all(key.startswith("rejoin:") for key in redis.command("KEYS", "*").split())


@pytest.mark.parametrize("command", ["GET other", "SET other 1", "PUBLISH other 1", "SUBSCRIBE other", *ADMINISTRATION])
def test_it_reaches_neither_other_keys_and_channels_nor_administration(redis, command):
    assert "NOPERM" in as_user(redis, *command.split())


def test_every_command_in_the_sources_is_among_those_of_the_documentation():
    used = set()
    for folder in ("RedisClient", "Cluster", "Sessions", "Rooms", "RejoinServer"):
        for source in (ROOT / "Sources" / folder).rglob("*.*"):
            # The doctor looks at what it may look at, and says what it may not.
            if source.suffix in (".swift", ".lua") and source.parent.name != "Doctor":
                text = source.read_text()
                used |= set(re.findall(r"redis\.p?call\(\s*'([A-Z]+)'", text))
                used |= set(re.findall(r"""\bsend\("([A-Z]+)\"""", text))
    allowed = {word.removeprefix("+").split("|")[0].upper() for word in shlex.split(documented().replace("\\\n", "")) if word.startswith("+")}
    # The doctor asks by ACL and CONFIG, too, and takes a refusal for an answer.
    assert len(used) > 30 and used - {"AUTH", "ACL", "CONFIG"} <= allowed


def nodes(cluster, **environment):
    return json.loads(cluster.rejoin("nodes", "--json", **environment).stdout)


def as_user(redis, *words):
    return redis.command("--user", "rejoin", "--pass", "secret", "--no-auth-warning", *words)
