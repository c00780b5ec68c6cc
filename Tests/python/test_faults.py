"""What breaks, and what is true all the same. Faults are real; clients play on while they happen.

`REJOIN_LONG_TESTS=1` makes the faults as long as they may be in earnest: Redis frozen for 10 s, subscribers killed for
30 s. Without it they are as long as it takes to see what must be seen.
"""

import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import signal
import time

import aiohttp
import pytest
import pytest_asyncio
import redis

from cluster import PREFIX, Cluster, eventually, get, post
from engine import WebSocket
from proxy import Proxy
from witness import Gone, History, Witness, stored

LONG = os.environ.get("REJOIN_LONG_TESTS") == "1"

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Three nodes, the last of them behind a proxy of its own."""
    cluster = Cluster(
        tmp_path_factory.mktemp("faults"), nodes=2, REJOIN_LIMIT_MESSAGES="100000/s", REJOIN_LIMIT_BURST="1000000",
        REJOIN_DRAIN="3s")
    cluster.proxy = Proxy(cluster.redis.port)
    try:
        cluster.add("n3", REJOIN_REDIS_URL=cluster.proxy.redis_url)
        yield cluster
    finally:
        cluster.stop()
        cluster.proxy.stop()


@pytest_asyncio.fixture
async def cluster(shared):
    """The cluster, whole before the test and after it: only processes that were hit are dead."""
    await whole(shared)
    alive = [node for node in shared.nodes if node.process.poll() is None]
    yield shared
    shared.proxy.heal()
    await whole(shared)
    assert [node.name for node in alive if node.process.poll() is not None and node in shared.nodes] == []


async def whole(cluster):
    for node in cluster.nodes:
        await eventually(lambda: ready(node), timeout=20)


async def ready(node):
    response, _ = await get(node.url + "/readyz")
    return response.status == 200


@pytest.fixture
def room():
    return f"room{next(numbers)}"


@pytest_asyncio.fixture
async def history():
    history = History()
    yield history
    for witness in history.witnesses:
        await witness.leave()


async def player(history, node, *rooms):
    witness = Witness(f"player{next(numbers)}", history)
    await witness.connect(node)
    await witness.register()
    for room in rooms:
        await witness.join(room)
    return witness


async def watcher(history, node, *rooms):
    witness = Witness(f"watcher{next(numbers)}", history)
    await witness.connect(node)
    for room in rooms:
        await witness.join(room)
    return witness


class Play:
    """Players who act without a pause, each act by its id until it is answered."""

    def __init__(self, cluster, players, room):
        self.cluster, self.players, self.room = cluster, players, room
        self.isOver = False
        self.applied = dict.fromkeys(players, 0)
        self.refusals = []
        self.slowest = 0

    async def __aenter__(self):
        self.tasks = [asyncio.create_task(self._play(player)) for player in self.players]
        await self.goes_on()
        return self

    async def __aexit__(self, failure, *_):
        self.isOver = True
        if failure:
            for task in self.tasks:
                task.cancel()
        results = await asyncio.gather(*self.tasks, return_exceptions=bool(failure))
        return None if failure else all(result is None for result in results) and None

    async def goes_on(self, steps=3, timeout=20):
        """Every player has some more acts applied."""
        goal = {player: count + steps for player, count in self.applied.items()}

        async def reached():
            for task in self.tasks:
                if task.done():
                    task.result()
            return all(self.applied[player] >= count for player, count in goal.items())

        await eventually(reached, timeout)

    async def _play(self, player):
        for number in itertools.count(1):
            while not self.isOver:
                begin = time.monotonic()
                try:
                    answer = await player.act(self.room, f"act{number}", {"set": {player.name: number}})
                except Gone:
                    await player.come_back([node for node in self.cluster.nodes if node.process.poll() is None])
                    continue
                self.slowest = max(self.slowest, time.monotonic() - begin)
                if answer["ok"]:
                    self.applied[player] += 1
                    break
                self.refusals.append((time.monotonic(), answer["error"]))
                if answer["error"] == "login_required":
                    await player.login()
                await asyncio.sleep(0.02)
            if self.isOver:
                return

    @property
    def refused(self):
        return {code for _, code in self.refusals}


async def is_player_everywhere(cluster, history, witness):
    """I5: its credential is a player on every ready node."""
    for node in cluster.nodes:
        other = Witness(witness.name, history)
        session = await other.connect(node, token=witness.token)
        assert session["login"] is True and session["user"] == witness.user, (node.name, session)
        await other.leave()


def states_of(witness, room):
    return [body for body in witness.all("state") if body["room"] == room]


# Redis


async def test_redis_is_killed_and_comes_back_empty(cluster, history, room):
    crowd = [await player(history, node, room) for node in cluster.nodes]
    audience = [await watcher(history, node, room) for node in cluster.nodes]
    for number, one in enumerate(crowd):
        assert (await one.act(room, "first", {"set": {one.name: number}}))["ok"]
    for one in crowd + audience:
        await one.reaches(room, len(crowd))
    before = crowd[0].rooms[room].epoch

    cluster.redis.kill()
    for one in crowd:
        begin = time.monotonic()
        answer = await one.act(room, "away", {"set": {"x": 1}})
        assert (answer["error"], time.monotonic() - begin < 1) == ("unavailable", True), answer
        assert answer["retryAfter"] > 0
        assert (await one.call("join", {"room": room}))["version"] == len(crowd), "who was there goes on watching"
    for node in cluster.nodes:
        begin = time.monotonic()
        response, _ = await get(node.url + "/session", headers={"Cookie": "rejoin=" + crowd[0].token})
        assert response.status == 503 and "Set-Cookie" not in response.headers and time.monotonic() - begin < 1
        response, _ = await post(node.url + "/session/login", json={"username": crowd[0].name, "password": "x" * 12})
        assert response.status == 503
        assert not await ready(node)
        assert (await get(node.url + "/healthz"))[0].status == 200
    cluster.redis.start()

    for one in crowd + audience:
        await one.event("state", lambda state: state["epoch"] != before, timeout=15)
        assert one.rooms[room].position == {"epoch": "", "version": 0} and one.rooms[room].state == {}
        assert one.client.connected, "nobody was thrown off"
    assert [one.all("session")[1:] for one in audience] == [[], [], []], "who only watches is not concerned"
    for one in crowd:
        await eventually(lambda: logged_in_again(one), timeout=15)
        assert (await one.act(room, "first", {"set": {one.name: "again"}}))["ok"], "a new epoch decides anew"
    await history.verify(cluster.redis)
    assert {one.rooms[room].version for one in crowd + audience} == {len(crowd)}
    assert before not in {one.rooms[room].epoch for one in crowd + audience}
    for one in crowd:
        await is_player_everywhere(cluster, history, one)


async def logged_in_again(one):
    answer = await one.login()
    assert answer["ok"] or answer["error"] == "unavailable", answer
    return answer["ok"]


async def test_redis_comes_back_from_an_old_snapshot(cluster, history, room):
    crowd = [await player(history, node, room) for node in cluster.nodes]
    leaver = await player(history, cluster.nodes[1], room)
    for number in range(5):
        assert (await crowd[0].act(room, str(number), {"set": {"n": number}}))["ok"]
    assert (await leaver.act(room, "0", {"set": {"here": True}}))["ok"]
    snapshot = cluster.redis.folder / "dump.rdb"
    try:
        assert cluster.redis.command("SAVE") == "OK"
        for number in range(5, 9):
            assert (await crowd[1].act(room, str(number), {"set": {"n": number}}))["ok"]
        left = leaver.token
        assert (await leaver.call("logout", {}))["ok"]
        for one in crowd:
            await one.reaches(room, 10)
        before = crowd[0].rooms[room].epoch
        cluster.redis.kill()
        cluster.redis.start()
    finally:
        snapshot.unlink(missing_ok=True)
    for one in crowd:
        await one.event("state", lambda state: state["epoch"] not in ("", before), timeout=15)
        assert (one.rooms[room].version, one.rooms[room].state) == (6, {"n": 4, "here": True})
    # What was logged out has not come back with the snapshot.
    for node in cluster.nodes:
        back = Witness(leaver.name, history)
        session = await back.connect(node, token=left)
        assert session["login"] is False, (node.name, session)
        await back.leave()
    for number in range(5, 9):
        assert (await crowd[1].act(room, str(number), {"set": {"n": number}}))["ok"], "what was lost is decided anew"
    await history.verify(cluster.redis)
    for one in crowd:
        await is_player_everywhere(cluster, history, one)


async def test_redis_freezes(cluster, history, room):
    crowd = [await player(history, node, room) for node in cluster.nodes]
    async with Play(cluster, crowd, room) as play:
        cluster.redis.freeze()
        began = time.monotonic()
        try:
            # Until each node has found out, an act waits for its time-out; then it fails at once.
            await eventually(lambda: asyncio.sleep(0, "unavailable" in play.refused))
            while time.monotonic() < began + (10 if LONG else 5.5):
                await asyncio.sleep(0.1)
            for node in cluster.nodes:
                assert not await ready(node), "nobody has heard itself for 5 s"
        finally:
            cluster.redis.thaw()
        await play.goes_on()
    assert play.refused == {"unavailable"}
    assert play.slowest < 1.5, "an answer within a second, and the machine's own delay"
    assert all(one.client.connected and all(told["login"] for told in one.all("session")[1:]) for one in crowd)
    await history.verify(cluster.redis)
    for one in crowd:
        await is_player_everywhere(cluster, history, one)


async def test_redis_is_full(cluster, history, room):
    acting = await player(history, cluster.nodes[0], room)
    guest, onlooker = await watcher(history, cluster.nodes[1]), await watcher(history, cluster.nodes[2])
    assert (await acting.act(room, "1", {"set": {"n": 1}}))["ok"]
    cluster.redis.command("CONFIG", "SET", "maxmemory", "1")
    try:
        assert (await acting.act(room, "2", {"set": {"n": 2}}))["error"] == "unavailable"
        answer = await guest.call("login", {"username": acting.name, "password": "correct horse battery"})
        assert answer["error"] == "unavailable"
        await onlooker.join(room)
        assert onlooker.rooms[room].state == {"n": 1}
        assert (await acting.call("logout", {})) == {"ok": True, "sockets": 1, "nodes": 3, "missing": []}
    finally:
        cluster.redis.command("CONFIG", "SET", "maxmemory", "0")
    assert (await acting.act(room, "3", {"set": {"n": 3}}))["error"] == "login_required"
    await eventually(lambda: logged_in_again(acting))
    assert (await acting.act(room, "2", {"set": {"n": 2}}))["version"] == 2
    await history.verify(cluster.redis)


async def test_redis_cannot_persist(cluster, history, room):
    acting = await player(history, cluster.nodes[0], room)
    assert (await acting.act(room, "1", {"set": {"n": 1}}))["ok"]
    blocked = pathlib.Path(cluster.redis.folder) / "dump.rdb"
    blocked.mkdir()
    try:
        cluster.redis.command("CONFIG", "SET", "save", "3600 1000000")
        cluster.redis.command("BGSAVE")
        await eventually(lambda: asyncio.sleep(
            0, "rdb_last_bgsave_status:err" in cluster.redis.command("INFO", "persistence")))
        assert (await acting.act(room, "2", {"set": {"n": 2}}))["error"] == "unavailable"
        assert (await acting.call("logout", {}))["error"] == "unavailable"
        assert all(session["login"] for session in acting.all("session")[1:]), "still logged in"
        for node in cluster.nodes:
            await eventually(lambda: unready(node))
    finally:
        blocked.rmdir()
        cluster.redis.command("CONFIG", "SET", "save", "")
        cluster.redis.command("BGSAVE")
    await eventually(lambda: applied(acting, room, "2", {"set": {"n": 2}}))
    (cluster.redis.folder / "dump.rdb").unlink(missing_ok=True)
    await history.verify(cluster.redis)
    await is_player_everywhere(cluster, history, acting)


async def unready(node):
    return not await ready(node)


async def applied(one, room, act, action):
    answer = await one.act(room, act, action)
    assert answer["ok"] or answer["error"] == "unavailable", answer
    return answer["ok"]


async def test_one_node_is_cut_off_from_redis(cluster, history, room):
    crowd = [await player(history, node, room) for node in cluster.nodes]
    lonely = crowd[2]
    for fail in (cluster.proxy.silence, cluster.proxy.cut):
        fail()
        began = time.monotonic()
        answer = await lonely.act(room, f"lonely{began}", {"set": {"lonely": began}})
        assert answer["error"] == "unavailable" and time.monotonic() - began < 1.5
        await eventually(lambda: unready(cluster.nodes[2]), timeout=6)
        for number in range(20):
            begin = time.monotonic()
            assert (await crowd[number % 2].act(room, f"{began}-{number}", {"set": {"n": number}}))["ok"]
            assert time.monotonic() - begin < 1, "others are not concerned"
        assert await ready(cluster.nodes[0]) and await ready(cluster.nodes[1])
        assert lonely.client.connected and all(told["login"] for told in lonely.all("session")[1:])
        cluster.proxy.heal()
        await eventually(lambda: applied(lonely, room, f"lonely{began}", {"set": {"lonely": began}}), timeout=20)
    await history.verify(cluster.redis)
    await is_player_everywhere(cluster, history, lonely)


async def test_all_connections_to_redis_are_reset(cluster, history, room):
    crowd = [await player(history, node, room) for node in cluster.nodes]
    async with Play(cluster, crowd, room) as play:
        for _ in range(5):
            cluster.redis.command("CLIENT", "KILL", "TYPE", "normal")
            began = time.monotonic()
            await play.goes_on(timeout=10)
            assert time.monotonic() - began < 3, "back within a second, and the machine's own delay"
    assert play.refused <= {"unavailable"}
    assert all(one.client.connected and all(told["login"] for told in one.all("session")[1:]) for one in crowd)
    await history.verify(cluster.redis)


async def test_the_scripts_are_gone_under_load(cluster, history, room):
    crowd = [await player(history, node, room) for node in cluster.nodes]
    async with Play(cluster, crowd, room) as play:
        for _ in range(10):
            cluster.redis.command("SCRIPT", "FLUSH")
            await play.goes_on(1)
    assert play.refused == set(), "nobody notices"
    await history.verify(cluster.redis)
    assert all(states_of(one, room) == [] for one in crowd)


async def test_subscribers_are_killed_again_and_again(cluster, history, room):
    crowd = [await player(history, node, room) for node in cluster.nodes]
    audience = [await watcher(history, node, room) for node in cluster.nodes]
    async with Play(cluster, crowd, room) as play:
        end = time.monotonic() + (30 if LONG else 4)
        while time.monotonic() < end:
            cluster.redis.command("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(0.2)
        await play.goes_on()
    assert play.refused <= {"unavailable"}
    assert all(one.client.connected for one in crowd + audience)
    await history.verify(cluster.redis)


# Nodes


async def test_a_node_is_killed_and_its_players_are_back_on_another(cluster, history, room):
    hit = cluster.add("hit")
    crowd = [await player(history, hit, room) for _ in range(3)] + [await player(history, cluster.nodes[0], room)]
    async with Play(cluster, crowd, room) as play:
        hit.kill()
        began = time.monotonic()
        cluster.nodes.remove(hit)
        await play.goes_on()
        assert time.monotonic() - began < 6
    assert play.refused <= {"unavailable"}
    assert all(one.heard[0][1]["login"] for one in crowd[:3]), "players from the first event on"
    await history.verify(cluster.redis)
    for one in crowd:
        await is_player_everywhere(cluster, history, one)
    hit.stop()


async def test_a_node_is_stopped_and_no_acknowledgement_is_lost(cluster, history, room):
    hit = cluster.add("stopped")
    crowd = [await player(history, hit, room) for _ in range(3)]
    async with Play(cluster, crowd, room) as play:
        hit.terminate()
        await eventually(lambda: unready(hit), timeout=1)
        for one in crowd:
            assert (await one.event("drain"))["retryAfter"] >= 0
        cluster.nodes.remove(hit)
        assert await asyncio.to_thread(hit.process.wait, 5) == 0
        await play.goes_on()
    assert play.refused <= {"unavailable"}
    await history.verify(cluster.redis)
    hit.stop()


async def test_a_node_is_frozen_for_so_long_that_the_others_forget_it(cluster, history, room):
    """10 s after which a node is not listed: the one test here that takes that long."""
    frozen, killed = cluster.add("frozen"), cluster.add("killed")
    ada, bob = await player(history, frozen, room), await player(history, cluster.nodes[0], room)
    await player(history, killed, room)
    twin = Witness(ada.name, history)
    await twin.connect(cluster.nodes[1], token=ada.token)
    await twin.join(room)
    assert (await ada.act(room, "1", {"set": {"n": 1}}))["ok"]
    frozen.process.send_signal(signal.SIGSTOP)
    killed.kill()
    cluster.nodes.remove(killed)
    died = time.monotonic()
    # What the node has not read yet when the session ends is checked when it does.
    late = asyncio.create_task(ada.act(room, "late", {"set": {"late": True}}, timeout=60))
    try:
        answer = await twin.call("logout", {})
        assert answer["ok"] and "frozen" in answer["missing"], answer
        assert not {"n1", "n2", "n3"} & set(answer["missing"])
        history.logouts[ada.user["id"]] = {"late"}

        async def listed():
            result = await asyncio.to_thread(cluster.rejoin, "nodes", "--json")
            assert result.returncode == 0, result.stderr
            return {node["name"] for node in json.loads(result.stdout)}

        for _ in range(100):
            names = await listed()
            assert {"n1", "n2", "n3"} <= names, "live ones always are"
            if not names & {"frozen", "killed"}:
                break
            assert time.monotonic() < died + 15
            assert (await bob.act(room, f"while{time.monotonic()}", {"set": {"n": 2}}))["ok"]
            await asyncio.sleep(0.2)
        assert not names & {"frozen", "killed"}
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    with contextlib.suppress(Gone):
        answer = await late
        assert answer["error"] in ("login_required", "unavailable")
    assert "late" not in stored(redis.Redis(port=cluster.redis.port), room)[2]
    # Nobody took its name: it is a node again, and what its sockets missed they get.
    await eventually(lambda: ready(frozen), timeout=20)
    assert "frozen" in await listed()
    await ada.event("session", lambda session: session["login"] is False, timeout=30)
    await history.verify(cluster.redis)
    cluster.nodes.remove(frozen)
    frozen.stop()


async def test_a_node_that_was_frozen_and_replaced_notices_it_and_ends(cluster, history, room):
    old = cluster.add("twice")
    cluster.nodes.remove(old)
    ada = await player(history, old, room)
    old.process.send_signal(signal.SIGSTOP)
    new = await asyncio.to_thread(cluster.add, "twice")
    try:
        old.process.send_signal(signal.SIGCONT)
        assert await asyncio.to_thread(old.process.wait, 15) == 2
        assert "twice" in old.log.read_text()
        await ada.come_back([new])
        assert (await ada.act(room, "1", {"set": {"n": 1}}))["ok"]
        await history.verify(cluster.redis)
    finally:
        cluster.nodes.remove(new)
        new.stop()
        old.stop()


async def test_a_node_that_starts_on_a_redis_that_evicts_warns_of_it(tmp_path):
    cluster = Cluster(tmp_path, nodes=1)
    try:
        assert "when its memory is short" not in cluster.nodes[0].log.read_text()
        cluster.redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        assert "when its memory is short" in cluster.add("n2").log.read_text()
    finally:
        cluster.stop()


# Messages


async def test_the_answer_to_an_act_is_lost(cluster, history, room):
    acting = await player(history, cluster.nodes[2], room)
    onlooker = await watcher(history, cluster.nodes[0], room)
    assert (await acting.act(room, "first", {"set": {"n": 1}}))["version"] == 1, "redis knows the script"
    for version in range(2, 5):
        await acting.reaches(room, version - 1)
        cluster.proxy.swallow_answers()
        answer = await acting.act(room, f"lost{version}", {"set": {"n": version}})
        assert answer["error"] == "unavailable"
        await onlooker.reaches(room, version)
        cluster.proxy.heal()
        await eventually(lambda: applied(acting, room, f"lost{version}", {"set": {"n": version}}), timeout=20)
        assert onlooker.rooms[room].version == version
    assert onlooker.rooms[room].state == {"n": 4}
    await history.verify(cluster.redis)


async def test_a_logout_that_is_heard_before_the_answer_that_opens_the_session_counts(tmp_path, history):
    # Of its own: a logout waits for nodes that another test has killed.
    cluster = Cluster(tmp_path, nodes=1)
    proxy = Proxy(cluster.redis.port)
    try:
        behind = cluster.add("n2", REJOIN_REDIS_URL=proxy.redis_url)
        ada = await player(history, cluster.nodes[0])
        handle = (await ada.event("session", lambda session: session["login"]))["handle"]
        async with aiohttp.ClientSession() as http:
            socket = await WebSocket(http, behind.url).open()
            proxy.hold_answers_after(handle.encode())
            await socket.send("40" + json.dumps({"token": ada.token}))
            assert await asyncio.to_thread(proxy.asked.wait, 5)
            answer = await ada.call("logout", {})
            assert (answer["ok"], answer["missing"]) == (True, [])
            proxy.heal()
            assert (await socket.message()).startswith("0{"), "the answer to CONNECT"
            event, session = json.loads((await socket.message())[1:])
            assert (event, session["login"], session.get("user")) == ("session", False, None)
            await socket.leave()
    finally:
        cluster.stop()
        proxy.stop()


async def test_the_answer_to_a_client_is_lost(cluster, history, room):
    acting = await player(history, cluster.nodes[0], room)
    assert (await acting.act(room, "first", {"set": {"n": 1}}))["version"] == 1
    proxy = Proxy(int(cluster.nodes[1].url.rsplit(":", 1)[1]))
    try:
        behind = Witness(acting.name, history)
        address = type("Address", (), {"url": f"http://127.0.0.1:{proxy.port}", "name": "n2"})
        await behind.connect(address, token=acting.token)
        await behind.join(room)
        proxy.swallow_answers()
        act = asyncio.create_task(behind.act(room, "lost", {"set": {"n": 2}}))
        await acting.reaches(room, 2)
        proxy.reset()
        with pytest.raises(Gone):
            await act
    finally:
        proxy.stop()
    for node in cluster.nodes:
        await behind.come_back([node])
        assert await behind.act(room, "lost", {"set": {"n": 3}}) == {"ok": True, "version": 2}
    assert behind.rooms[room].state == {"n": 2}
    await history.verify(cluster.redis)


async def test_garbage_on_the_bus_is_dropped_and_counted(cluster, history, room):
    crowd = [await player(history, node, room) for node in cluster.nodes]
    assert (await crowd[0].act(room, "1", {"set": {"n": 1}}))["ok"]
    epoch = crowd[0].rooms[room].epoch
    with redis.Redis(port=cluster.redis.port) as database:
        database.hset(f"{PREFIX}node:ghost", mapping={"name": "ghost"})
        garbage = [
            b"", b"\0", b"p", b"c", b"x", b"p ", b"p e", b"\xff" * 100, b"[" * 10_000, b"{}", b"null",
            b'{"kind":"end"}',
            b"p %s 1 2 1\n1 1 n" % epoch.encode(), b"p %s 1 2 1\n1 99999 n2" % epoch.encode(),
            b"p %s 1 9 0\n" % epoch.encode(), b"p %s 1 2 1\n1 1 n{" % epoch.encode(),
            b"p %s 99999999999999999999 1 0\n" % epoch.encode(), b"p %s 1 2 999999999999999\n" % epoch.encode(),
            b"p " + b"e" * 1_000 + b" 0 1 0\n", b"p %s 5 6 1\n1 1 n7" % epoch.encode(), b"p another 3 4 1\n1 1 n7",
            b"c 1 a", b"c 999999999 a", b'c 1 a{"room":1', b"x" * 1_000_000,
            b'{"kind":"session","node":"ghost","incarnation":"AAAAAAAAAAAAAAAAAAAAAA","body":{"sessions":[]}}',
            b'{"kind":"canary","node":"n1","incarnation":"AAAAAAAAAAAAAAAAAAAAAA","number":1}',
            b'{"kind":"answer","node":"n1","incarnation":"AAAAAAAAAAAAAAAAAAAAAA","number":1}',
            b'{"kind":"session","node":"n1","incarnation":"AAAAAAAAAAAAAAAAAAAAAA","number":1e300,"question":true}']
        async with Play(cluster, crowd, room) as play:
            for message in garbage * 3:
                database.execute_command("SPUBLISH", f"{PREFIX}room:{{{room}}}", message)
                database.publish(f"{PREFIX}control", message)
                for node in cluster.nodes:
                    database.publish(f"{PREFIX}node:{node.name}", message)
            await play.goes_on()
        assert play.refused == set()
    await history.verify(cluster.redis)
    for node in cluster.nodes:
        metrics = (await get(node.admin + "/metrics"))[1]
        dropped = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines()
                   if line.startswith(("rejoin_cluster_messages_dropped", "rejoin_rooms_invalid"))}
        assert sum(dropped.values()) >= len(garbage) * 3, dropped
        assert await ready(node)
        for one in crowd:
            assert one.client.connected
