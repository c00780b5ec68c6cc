"""Names that look like something else to Redis, HTTP or a log stay names; and what is forged never gets as far as Redis."""

import asyncio
import json
import re
import subprocess

import pytest
import redis

from cluster import PASSWORD, Cluster, cookie_of, eventually, get, post

# Braces and globs of Redis' keys, separators of ours. None of them is refused in a user's name.
NAMES = ["*", "{session}", "rejoin:*", "[a-z]*", "a?b", "room:{x}", "user:{*}:sessions", "%2a", "a\\*b", "$1", "|", "n1|x"]
ROOMS = ["a\r\nSET x 1", "{a}", "*", "a*", "[a]", "a?b", "\0", "a b", "room:{b}", "\u00e9", "a/b", "a|b"]

# Handles and hashes have 22 characters, users' ids 16; a name of one's own is a room's alone.
KEYS = re.compile(
    r"rejoin:(session:\{[\w-]{22}\}|user:\{[\w-]{16}\}(:sessions)?|room:\{[A-Za-z0-9._:-]{1,64}\}(:log|:acts|:here)?"
    r"|nodes(:store)?|node:n\d|keys|limit:\{login\}(:[a-z]+)?(:[\w-]{22})+|limit:\{rooms:[\w-]{16}\})", re.ASCII)
CHANNELS = re.compile(r"rejoin:(control|node:n\d(:[a-z0-9]+)?|room:\{[A-Za-z0-9._:-]{1,64}\}|[a-z]+)")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("names"), nodes=2, REJOIN_LIMIT_MESSAGES="1000/s", REJOIN_LIMIT_BURST="1000")
    yield cluster
    cluster.stop()


@pytest.fixture
def database(cluster):
    connection = redis.Redis(port=cluster.redis.port, decode_responses=True)
    yield connection
    connection.close()


@pytest.fixture
def asked(cluster, tmp_path):
    """What Redis is asked, as it comes."""
    path = tmp_path / "monitor"
    with path.open("wb") as output:
        process = subprocess.Popen(["redis-cli", "-p", str(cluster.redis.port), "MONITOR"], stdout=output)
    yield path
    process.kill()
    process.wait()


def login(name):
    return {"username": name, "password": PASSWORD}


async def test_braces_and_globs_in_names_reach_no_other_key_or_channel(cluster, players, database):
    first, second = cluster.nodes
    bystander = players()
    await bystander.connect(second)
    assert (await bystander.call("register", login("bystander")))["ok"]
    for name in NAMES:
        player, beside = players(), players()
        await player.connect(first)
        answer = await player.call("register", login(name))
        assert answer["ok"] and answer["user"]["name"] == name, answer
        assert (await player.call("join", {"room": "square"}))["ok"]
        assert (await player.call("act", {"room": "square", "id": name, "action": {"set": {name: name}}}))["ok"]
        await beside.connect(second)
        assert (await beside.call("login", login(name)))["ok"]
        assert len((await beside.call("devices", {}))["devices"]) == 2
        assert (await player.call("login", {"username": name, "password": PASSWORD + "?"}))["error"] == "invalid_credentials"
        assert (await player.call("logout", {"everywhere": True}))["ok"]
        await beside.event("session", lambda session: session["reason"] in ("revoked", "logout"), timeout=2)
        await player.leave()
        await beside.leave()
    assert len((await bystander.call("devices", {}))["devices"]) == 1 and bystander.all("session")[-1]["login"] is True
    keys = list(database.scan_iter("*"))
    assert len(keys) > 30 and [key for key in keys if not KEYS.fullmatch(key)] == []
    channels = database.pubsub_channels("*") + database.execute_command("PUBSUB", "SHARDCHANNELS")
    assert channels and [channel for channel in channels if not CHANNELS.fullmatch(channel)] == []


async def test_a_room_that_is_none_makes_no_key_and_no_channel(cluster, players, database):
    player = players()
    await player.connect(cluster.nodes[0])
    assert (await player.call("register", login("roomless")))["ok"]
    before = set(database.scan_iter("*"))
    channels = set(database.execute_command("PUBSUB", "SHARDCHANNELS")) | set(database.pubsub_channels("*"))
    for room in ROOMS:
        for event, body in [("join", {}), ("leave", {}), ("act", {"id": "1", "action": {"set": {"a": 1}}}), ("cast", {"data": 1})]:
            assert (await player.call(event, body | {"room": room}))["error"] == "bad_request", (event, room)
    assert set(database.scan_iter("*")) - before == set()
    assert (set(database.execute_command("PUBSUB", "SHARDCHANNELS")) | set(database.pubsub_channels("*"))) == channels


async def counted(node, result):
    _, text = await get(node.admin + "/metrics")
    match = re.search(rf'(?m)^rejoin_sessions_credentials_total{{result="{result}"}} (\S+)$', text)
    return float(match[1]) if match else 0


async def test_what_is_malformed_or_forged_is_counted_and_redis_is_not_asked(cluster, asked):
    node = cluster.nodes[0]
    genuine = cookie_of((await get(node.url + "/"))[0])
    handle, secret, signature = genuine.removeprefix("rejoin=").split(".")
    await eventually(lambda: asyncio.sleep(0, b"OK" in asked.read_bytes()))
    forged = ("B" if handle[0] == "A" else "A") + handle[1:]
    malformed = ["x", genuine[7:-1], genuine[7:] + "A", "A" * 3_900, f"{forged}.{secret}"]
    before = await counted(node, "malformed"), await counted(node, "forged")
    for value in (*malformed, f"{forged}.{secret}.{signature}"):
        for path in ("/session", "/session/check", "/"):
            response, _ = await get(node.url + path, headers={"Cookie": "rejoin=" + value})
            assert response.status == (401 if path.endswith("check") else 200)
    after = await counted(node, "malformed"), await counted(node, "forged")
    assert after[0] - before[0] == 3 * len(malformed) and after[1] - before[1] == 3
    known, _ = await post(node.url + "/session/login", json=login("nobody"), headers={"Cookie": genuine})
    assert known.status == 401

    async def shown():
        return handle.encode() in asked.read_bytes()
    await eventually(shown)
    assert forged.encode() not in asked.read_bytes()


async def test_what_fails_inside_is_told_by_an_id_that_is_in_the_log_and_by_nothing_else(cluster, players, database):
    node = cluster.nodes[0]
    player = players()
    await player.connect(node)
    token = (await player.call("register", login("unlucky")))["token"]
    key = f"rejoin:session:{{{token.split('.')[0]}}}"
    database.delete(key)
    database.set(key, "this is no record")
    response, body = await get(node.url + "/session", headers={"Cookie": "rejoin=" + token})
    for answer in (json.loads(body), await player.call("devices", {})):
        assert answer["error"] == "internal", answer
        [id] = re.findall(r"id ([A-Za-z0-9_-]{6,})", answer["message"])
        assert id in node.log.read_text() and "WRONGTYPE" not in json.dumps(answer) and key not in json.dumps(answer)
    assert response.status == 500
    database.delete(key)
