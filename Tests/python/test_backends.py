"""What a backend does without a session: it acts and casts by the admin API, and follows rooms by their logs."""

import asyncio
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import uuid

import pytest

from cluster import Cluster, Redis, eventually
from test_admin import Admin, audit, player

ROOT = pathlib.Path(__file__).parents[2]
BACKENDS = (ROOT / "docs/backends.md").read_text()
TOKEN = "canary-of-the-admin-token-1"


def act(admin, room, action, id=None, **members):
    status, _, answer = admin.ask(
        "POST", f"/api/v1/rooms/{room}/acts", {"id": id or uuid.uuid4().hex, "action": action} | members)
    return status, answer


def log(redis, room):
    """The entries of a room's log: version, and what the act changed."""
    lines = redis.command("--json", "XRANGE", f"rejoin:room:{{{room}}}:log", "-", "+")
    return [(int(id.split("-")[0]), dict(zip(pairs[::2], pairs[1::2]))) for id, pairs in json.loads(lines)]


# Acts and casts.


async def test_an_act_of_a_backend_is_applied_once_on_whatever_node_and_players_see_it(own_cluster, players):
    cluster = own_cluster(2)
    first, second = map(Admin, cluster.nodes)
    ada, user, _ = await player(players, cluster.nodes[0], "Ada")
    assert (await ada.call("join", {"room": "lobby"}))["version"] == 0
    field = f"@{user['id']}/gold"
    answers = await asyncio.gather(*(
        asyncio.to_thread(act, admin, "lobby", {"set": {field: 100}}, id="order 1", by="shop")
        for admin in (first, second) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers) and answers[0][0] == 200
    patch = await ada.event("patch")
    assert patch["set"] == {field: 100} and patch["epoch"] == answers[0][1]["epoch"]
    assert log(cluster.redis, "lobby") == [(1, {"\0": "\norder 1\nshop", field: "100"})]
    assert (await ada.call("act", {"room": "lobby", "id": "order 1", "action": {"set": {"a": 1}}}))["version"] == 2
    assert second.get("/api/v1/rooms/lobby")["state"] == {field: 100, "a": 1}
    [line, *_] = [line for line in audit(cluster.nodes[0]) if line["action"] == "room.act"]
    assert (line["target"], line["result"], line["who"]) == ("lobby", "done", "loopback")


async def test_acts_whose_node_was_killed_are_sent_again_to_another_and_applied_once(own_cluster):
    cluster = own_cluster(2)
    nodes = [Admin(node) for node in cluster.nodes]
    ids, done = [f"order {number}" for number in range(200)], {}

    def order(id):
        try:
            status, answer = act(nodes[0], "shop", {"set": {f"f{len(id)}": id}}, id=id)
        except (OSError, http.client.HTTPException):
            status, answer = act(nodes[1], "shop", {"set": {f"f{len(id)}": id}}, id=id)
        assert status == 200, answer
        done[id] = answer["version"]
        if len(done) == 60:
            cluster.nodes[0].process.kill()

    waiting = iter(ids)
    await asyncio.gather(*(asyncio.to_thread(lambda: [order(id) for id in waiting_of(waiting)]) for _ in range(6)))
    cluster.nodes[0].process.wait()
    entries = log(cluster.redis, "shop")
    assert sorted(done.values()) == [version for version, _ in entries] == list(range(1, 201))
    assert {version: entry["\0"] for version, entry in entries} == {
        version: "\n" + id for id, version in done.items()}


def waiting_of(ids):
    """What is left of an iterator that several threads share."""
    while (id := next(ids, None)) is not None:
        yield id


async def test_a_room_of_a_game_is_written_by_backends_too(own_cluster):
    admin = Admin(own_cluster().nodes[0])
    assert act(admin, "arena:7", {"set": {"closed": True}})[0] == 200
    assert admin.get("/api/v1/rooms/arena:7")["state"] == {"closed": True}


async def test_what_is_refused_says_why_by_its_status(own_cluster):
    cluster = own_cluster(REJOIN_MAX_PAYLOAD="40000", REJOIN_LIMIT_NEW_ROOMS="1", REJOIN_LIMIT_ROOM_FIELDS="3")
    admin = Admin(cluster.nodes[0])
    path = "/api/v1/rooms/r/acts"
    good = {"id": "1", "action": {"set": {"a": 1}}}
    for body in [{}, {"id": "1"}, {"action": {}}, good | {"id": ""}, good | {"id": "é"}, good | {"id": "x" * 65},
                 good | {"action": {}}, good | {"action": {"type": "enter"}}, good | {"by": ""}, good | {"by": 1},
                 good | {"room": "r"}, good | {"action": {"set": {"a": 1}, "del": ["a"]}},
                 b'{"id":"1","id":"2","action":{"set":{"a":1}}}']:
        admin.refused(400, "bad_request", "POST", path, body, Content_Type="application/json")
    admin.refused(400, "bad_request", "POST", "/api/v1/rooms/a%20b/acts", good)
    admin.refused(409, "conflict", "POST", path, {"id": "1", "action": {"set": {"a": 1}, "if": {"a": 0}}})
    admin.refused(413, "too_large", "POST", path, {"id": "1", "action": {"set": {"a": "x" * 16384}}})
    admin.refused(413, "too_large", "POST", path, {"id": "1", "action": {"set": {name: 1 for name in "abcd"}}})
    admin.refused(413, "too_large", "POST", path, {"id": "1", "action": {"set": {"a": "x" * 40000}}})
    admin.refused(415, "bad_request", "POST", path, json.dumps(good).encode(), Content_Type="text/plain")
    admin.refused(404, "not_found", "GET", "/api/v1/rooms/r")
    for room in range(5):
        assert act(admin, f"r{room}", {"set": {"a": 1}})[0] == 200, "only users begin so many rooms an hour and no more"
    casts = "/api/v1/rooms/r/casts"
    for body in [{}, {"data": 1, "name": 1}, {"data": 1, "name": "é" * 33}, {"data": 1, "by": "x"}]:
        admin.refused(400, "bad_request", "POST", casts, body)
    cluster.redis.freeze()
    try:
        for method, path, body in [("POST", path, good), ("POST", casts, {"data": 1}), ("GET", "/api/v1/rooms", None),
                                   ("GET", "/api/v1/rooms/r", None)]:
            headers, _ = admin.refused(503, "unavailable", method, path, body)
            assert int(headers["Retry-After"]) > 0
    finally:
        cluster.redis.thaw()


async def test_a_cast_of_a_backend_reaches_the_room_on_every_node(own_cluster, players):
    cluster = own_cluster(2)
    watchers = []
    for node in cluster.nodes:
        watchers.append(players())
        await watchers[-1].connect(node)
        assert (await watchers[-1].call("join", {"room": "lobby"}))["ok"]
    admin = Admin(cluster.nodes[0])
    for body in [{"data": {"say": "hello"}, "name": "house"}, {"data": None}]:
        assert admin.ask("POST", "/api/v1/rooms/lobby/casts", body)[2] == {"ok": True}
    for watcher in watchers:
        await watcher.event("cast", lambda cast: cast["data"] is None)
        assert watcher.all("cast") == [
            {"room": "lobby", "by": {"id": "", "name": "house"}, "data": {"say": "hello"}},
            {"room": "lobby", "by": {"id": "", "name": ""}, "data": None}]
    admin.refused(404, "not_found", "GET", "/api/v1/rooms/lobby")


async def test_rooms_are_listed_in_parts_and_by_prefix(own_cluster):
    admin = Admin(own_cluster().nodes[0])
    names = {f"chess:{number}" for number in range(30)} | {f"go.{number}" for number in range(30)}
    for name in names:
        assert act(admin, name, {"set": {"a": 1}})[0] == 200
    for prefix in ("", "chess:", "go.1", "x"):
        found, cursor = [], "0"
        while cursor is not None:
            part = admin.get(f"/api/v1/rooms?prefix={prefix}&limit=7&cursor={cursor}")
            found, cursor = found + [room["room"] for room in part["rooms"]], part["next"]
        assert set(found) == {name for name in names if name.startswith(prefix)}


# The stream.


class Consumer:
    """The program of the documentation."""

    def __init__(self, folder, name, node, url, *changes):
        source = re.search(r"```python\n(.*?)```", BACKENDS, re.DOTALL)[1]
        for old, new in [("http://localhost:9090", node.admin), ("redis://localhost:6379", url),
                         ("IDLE = 60_000", "IDLE = 300"), *changes]:
            assert old in source
            source = source.replace(old, new)
        program = folder / f"{name}.py"
        program.write_text(source)
        self.output = folder / f"{name}.log"
        self.process = subprocess.Popen(
            [sys.executable, program, "lobby", name], stdout=self.output.open("wb"), stderr=subprocess.STDOUT)

    def said(self):
        return self.output.read_text().splitlines()

    def versions(self):
        return [int(line.split()[1]) for line in self.said() if line.startswith("act ")]

    async def reaches(self, version):
        async def is_there():
            assert self.process.poll() is None, self.output.read_text()
            return version in self.versions()

        await eventually(is_there, timeout=20)

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def consumers(tmp_path):
    made = []

    def make(*arguments):
        made.append(Consumer(tmp_path, *arguments))
        return made[-1]

    yield make
    for consumer in made:
        consumer.stop()


def make_follower(redis):
    """Runs the command of the documentation that makes the user of Redis."""
    command = re.search(r"redis-cli (ACL SETUSER scores on .*?)\n\n", BACKENDS, re.DOTALL)[1]
    made = subprocess.run(
        ["sh", "-c", f"redis-cli -p {redis.port} {command.replace('PASSWORD', 'secret')}"], capture_output=True,
        text=True, timeout=10)
    assert made.stdout == "OK\n", made
    return f"redis://scores:secret@127.0.0.1:{redis.port}"


async def test_what_a_consumer_read_and_did_not_acknowledge_when_it_was_killed_is_not_missed(own_cluster, consumers):
    cluster = own_cluster(2)
    admin, url = Admin(cluster.nodes[0]), make_follower(cluster.redis)
    for number in range(1, 4):
        assert act(admin, "lobby", {"set": {"n": number}})[1]["version"] == number
    # This one hangs after the third act, before it acknowledges.
    stuck = 'sys.stdout.flush()\n        if id == "3-0":\n            time.sleep(1000)\n        self.redis.xack('
    first = consumers("first", cluster.nodes[0], url, ("self.redis.xack(", stuck))
    await first.reaches(3)
    for number in range(4, 10):
        act(admin, "lobby", {"set": {"n": number}})
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    assert first.versions() == [1, 2, 3]

    second = consumers("second", cluster.nodes[1], url)
    await second.reaches(9)
    await second.reaches(3)
    assert sorted(second.versions()) == [3, 4, 5, 6, 7, 8, 9], "the third is worked on again, and nothing else"
    assert second.said()[0].startswith("room ") and " 9 " in second.said()[0]
    assert act(admin, "lobby", {"del": ["n"]}, id="bye")[0] == 200
    await second.reaches(10)
    assert second.said()[-1] == 'act 10 (backend) bye {"n": null}'
    pending = cluster.redis.command("--json", "XPENDING", "rejoin:room:{lobby}:log", "scores")
    assert json.loads(pending)[0] == 0


async def test_a_room_that_begins_anew_is_followed_from_its_beginning(own_cluster, consumers):
    cluster = own_cluster()
    admin, url = Admin(cluster.nodes[0]), make_follower(cluster.redis)
    consumer = consumers("one", cluster.nodes[0], url)
    for number in range(3):
        act(admin, "lobby", {"set": {"n": number}})
    await consumer.reaches(3)
    before = admin.get("/api/v1/rooms/lobby")["epoch"]
    cluster.redis.command("DEL", *("rejoin:room:{lobby}" + end for end in ("", ":log", ":acts")))

    for number in range(1, 4):
        answer = act(admin, "lobby", {"set": {"m": number}})[1]
        assert answer["epoch"] != before and answer["version"] == number

    async def has_all():
        assert consumer.process.poll() is None, consumer.output.read_text()
        return len(consumer.versions()) == 6

    await eventually(has_all, timeout=20)
    assert consumer.versions() == [1, 2, 3, 1, 2, 3]
    rooms = [line.split()[1] for line in consumer.said() if line.startswith("room ")]
    assert rooms[-1] == answer["epoch"] and before in rooms


async def test_a_consumer_that_was_away_for_too_long_takes_the_snapshot(own_cluster, consumers):
    cluster = own_cluster(REJOIN_LIMIT_ROOM_LOG="10")
    admin, url = Admin(cluster.nodes[0]), make_follower(cluster.redis)
    act(admin, "lobby", {"set": {"n": 1}})
    consumer = consumers("one", cluster.nodes[0], url)
    await consumer.reaches(1)
    os.kill(consumer.process.pid, signal.SIGSTOP)
    for number in range(2, 302):
        assert act(admin, "lobby", {"set": {"n": number}})[0] == 200
    kept = int(cluster.redis.command("XLEN", "rejoin:room:{lobby}:log"))
    assert 10 <= kept < 250
    os.kill(consumer.process.pid, signal.SIGCONT)
    await consumer.reaches(301)
    snapshots = [line for line in consumer.said() if line.startswith("room ")]
    assert len(snapshots) == 2 and snapshots[1].endswith(' 301 {"n": 301}')
    # What it was reading when it was stopped may have come yet.
    later = [version for version in consumer.versions() if version > 301 - kept]
    assert later == list(range(302 - kept, 302))


@pytest.mark.parametrize(
    "command",
    ["GET x", "HGETALL rejoin:room:{lobby}", "XADD rejoin:room:{lobby}:log * a 1", "XTRIM rejoin:room:{lobby}:log MAXLEN 0",
     "DEL rejoin:room:{lobby}:log", "XGROUP DESTROY rejoin:room:{lobby}:log scores", "KEYS *", "SCAN 0",
     "XREADGROUP GROUP scores me STREAMS other >", "SUBSCRIBE rejoin:control", "PUBLISH rejoin:control 1",
     "XGROUP CREATE rejoin:session:{x} scores 0", "XGROUP CREATE rejoin:room:{lobby}:acts scores 0"])
def test_the_user_of_the_documentation_reaches_logs_only(tmp_path, command):
    redis = Redis(tmp_path)
    try:
        make_follower(redis)
        answer = redis.command("--user", "scores", "--pass", "secret", "--no-auth-warning", *command.split())
        assert "NOPERM" in answer
    finally:
        redis.stop()


# Commands.


async def test_rooms_are_listed_and_shown(own_cluster):
    cluster = own_cluster()
    admin = Admin(cluster.nodes[0])
    assert act(admin, "arena:7", {"set": {"b": "x" * 500, "a": "\x1b[31m\u202e"}})[0] == 200
    epoch = act(admin, "-lobby", {"set": {"a": 1}})[1]["epoch"]
    listed = cluster.rejoin("rooms", "list")
    lines = [line.split() for line in listed.stdout.splitlines()]
    assert lines[0] == ["ROOM", "VERSION", "FIELDS", "BYTES", "EPOCH"]
    assert lines[1] == ["-lobby", "1", "1", "2", epoch] and lines[2][:3] == ["arena:7", "1", "2"]
    assert len(cluster.rejoin("rooms", "list", "--prefix", "-").stdout.splitlines()) == 2
    limited = cluster.rejoin("rooms", "list", "--limit", "1")
    assert len(limited.stdout.splitlines()) == 2 and "--limit" in limited.stderr
    assert json.loads(cluster.rejoin("rooms", "list", "--prefix", "-", "--json").stdout) == [
        {"room": "-lobby", "version": 1, "fields": 1, "bytes": 2, "epoch": epoch}]

    shown = cluster.rejoin("rooms", "show", "arena:7")
    assert "\x1b" not in shown.stdout and "\u202e" not in shown.stdout and max(map(len, shown.stdout.splitlines())) < 200
    assert "… (502 bytes)" in shown.stdout
    whole = cluster.rejoin("rooms", "show", "arena:7", "--json").stdout
    assert "\x1b" not in whole and "\u202e" not in whole
    assert json.loads(whole) == admin.get("/api/v1/rooms/arena:7")
    assert cluster.rejoin("rooms", "show", "--", "-lobby").stdout.startswith("ROOM      -lobby\n")
    missing = cluster.rejoin("rooms", "show", "nowhere")
    assert missing.returncode == 1 and "nowhere" in missing.stderr
    for arguments in [("show", "a b"), ("list", "--prefix", "*"), ("list", "--limit", "0")]:
        assert cluster.rejoin("rooms", *arguments).returncode == 2


# The description, by requests that nobody thought of.


@pytest.mark.timeout(180)  # hundreds of requests, each made and judged in Python
@pytest.mark.parametrize(
    "choice", [("--include-path-regex", "/rooms", "--max-examples=30"),
               ("--exclude-path-regex", "/rooms", "--max-examples=5")], ids=["rooms", "others"])
def test_whatever_is_asked_is_answered_as_it_is_described(own_cluster, choice):
    """No answer is a 500 or not described, and what the description does not allow is refused."""
    node = own_cluster(REJOIN_ADMIN_TOKEN=TOKEN).nodes[0]
    # What is too large is refused as that. What is allowed may be refused: a schema does not know of bytes, or of fields
    # that are both set and deleted.
    (node.log.parent / "schemathesis.toml").write_text(
        '[checks.negative_data_rejection]\nexpected-statuses = ["4xx"]\n')
    tested = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{node.admin}/api/v1/openapi.json", "--seed=1", "--no-shrink",
         "--generation-deterministic", "--suppress-health-check=all", "--phases=coverage,fuzzing",
         "--exclude-checks=positive_data_acceptance", "--header", f"Authorization: Bearer {TOKEN}", "--warnings=off",
         "--no-color", *choice],
        capture_output=True, text=True, timeout=170, cwd=node.log.parent)
    assert tested.returncode == 0, tested.stdout[-8000:] + tested.stderr[-2000:]
    assert node.process.poll() is None and "admin request failed" not in node.log.read_text()
