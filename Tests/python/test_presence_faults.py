"""What presence tells when Redis, its messages or a node fail: soon the truth again, and never a ghost.

`REJOIN_LONG_TESTS=1` adds what takes long and goes like something else.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import time

import pytest
import pytest_asyncio

from cluster import Cluster, eventually, get
from guest import Guest, log_in, numbers, unique
from proxy import Proxy

GRACE = 4
LONG = os.environ.get("REJOIN_LONG_TESTS") == "1"
long = pytest.mark.skipif(not LONG, reason="only with REJOIN_LONG_TESTS=1")
# A node says every 5 s that it follows a room, and finds out then what it does not know.
RENEWED_TWICE = 11


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Three nodes, the last of them behind a proxy of its own."""
    cluster = Cluster(
        tmp_path_factory.mktemp("presence"), nodes=2, REJOIN_PRESENCE_GRACE=f"{GRACE}s", REJOIN_DRAIN="5s",
        REJOIN_LIMIT_MESSAGES="100000/s", REJOIN_LIMIT_BURST="1000000", REJOIN_LIMIT_SOCKET_QUEUE="262144")
    cluster.proxy = Proxy(cluster.redis.port)
    try:
        cluster.add("n3", REJOIN_REDIS_URL=cluster.proxy.redis_url)
        yield cluster
    finally:
        cluster.stop()
        cluster.proxy.stop()


@pytest_asyncio.fixture
async def cluster(shared):
    """The cluster, whole before the test and after it."""
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
    return f"faults{next(numbers)}"


@pytest_asyncio.fixture
async def join():
    made = []

    async def make(node, room, name=None, token=None):
        guest = Guest()
        made.append(guest)
        session = await guest.connect(node, token=token)
        guest.token = session.get("token", token)
        guest.name = name
        if name and not token:
            await log_in(guest, name)
        assert (await guest.call("join", {"room": room}))["ok"]
        return guest

    yield make
    for guest in made:
        await guest.leave()


async def crowd(cluster, join, room):
    """A player and a watcher on each node, who all see each other."""
    players = [await join(node, room, name=unique("player")) for node in cluster.nodes]
    watchers = [await join(node, room) for node in cluster.nodes]
    await all_see(players + watchers, {player.name: True for player in players}, len(watchers))
    return players, watchers


async def all_see(guests, players, watchers, timeout=5):
    await asyncio.gather(*(guest.sees(players, watchers, timeout) for guest in guests))


def online(*guests):
    return {guest.name: True for guest in guests}


async def test_redis_comes_back_empty_and_nobody_is_listed_who_is_not_there(cluster, join, room):
    players, watchers = await crowd(cluster, join, room)
    leaving, lost = await join(cluster.nodes[1], room, unique("leaving")), await join(cluster.nodes[2], room, unique("lost"))
    await all_see(watchers, online(*players, leaving, lost), 3)
    cluster.redis.kill()
    await lost.leave()
    with contextlib.suppress(Exception):
        await leaving.call("leave", {"room": room}, timeout=2)
    cluster.redis.start()
    # Redis has lost the logins: their sockets watch on, at once and not with the next sweep.
    await all_see(watchers, {}, 6, timeout=15)
    for player in players:
        await eventually(lambda: logged_in_again(player), timeout=15)
    await all_see(players + watchers, online(*players), 3)
    await asyncio.sleep(1.5)
    await all_see(players + watchers, online(*players), 3)
    late = [await join(node, room) for node in cluster.nodes]
    await all_see(players + watchers + late, online(*players), 6)


async def logged_in_again(player):
    with contextlib.suppress(AssertionError):
        await log_in(player, player.name)
        return True


async def test_redis_comes_back_from_an_old_snapshot_and_the_room_is_as_it_is_now(cluster, join, room):
    players, watchers = await crowd(cluster, join, room)
    first, second, third = cluster.nodes
    leaving, lost = await join(second, room, unique("leaving")), await join(third, room, unique("lost"))
    late = await join(second, f"{room}-elsewhere", unique("late"))
    watching = await join(third, room)
    await all_see(players + watchers, online(*players, leaving, lost), 4)
    await asyncio.sleep(1.5)
    snapshot = cluster.redis.folder / "dump.rdb"
    try:
        assert cluster.redis.command("SAVE") == "OK"
        assert (await leaving.call("leave", {"room": room}))["ok"]
        await lost.leave()
        await watching.leave()
        assert (await late.call("join", {"room": room}))["ok"]
        await all_see(players + watchers, {**online(*players, late), lost.name: False}, 3)
        cluster.redis.kill()
        cluster.redis.start()
        back = time.monotonic()
    finally:
        snapshot.unlink(missing_ok=True)
    await asyncio.sleep(5)
    await all_see(players + watchers, online(*players, late), 3, timeout=RENEWED_TWICE - 5)
    for guest in players + watchers:
        for player in players + [late]:
            assert False not in guest.saw(player.name, back) and None not in guest.saw(player.name, back), "live ones stay"
        for player in (leaving, lost):
            assert False not in guest.saw(player.name, back + 5), "whoever has left is no ghost"
            assert True not in guest.saw(player.name, back + 5), "whoever has left is no ghost"
    new = [await join(node, room) for node in cluster.nodes]
    await all_see(new, online(*players, late), 6)


@long
@pytest.mark.parametrize("isFrozen", [True, False], ids=["frozen", "down"])
async def test_redis_is_away_for_longer_than_nodes_are_registered_and_the_grace(cluster, join, room, isFrozen):
    players, watchers = await crowd(cluster, join, room)
    await asyncio.sleep(1.5)
    began = time.monotonic()
    snapshot = cluster.redis.folder / "dump.rdb"
    try:
        if isFrozen:
            cluster.redis.freeze()
        else:
            assert cluster.redis.command("SAVE") == "OK"
            cluster.redis.kill()
        await asyncio.sleep(16)
        if isFrozen:
            cluster.redis.thaw()
        else:
            cluster.redis.start()
    finally:
        cluster.redis.thaw()
        snapshot.unlink(missing_ok=True)
    await asyncio.sleep(RENEWED_TWICE)
    await all_see(players + watchers, online(*players), 3)
    for guest in players + watchers:
        for player in players:
            # A node that comes back to Redis later than the others may be missing from the registry for a moment.
            assert None not in guest.saw(player.name, began), "live ones stay"


async def test_a_deaf_node_hears_of_those_who_came_and_went_meanwhile(cluster, join, room):
    players, watchers = await crowd(cluster, join, room)
    first, second, third = cluster.nodes
    leaving = await join(first, room, unique("leaving"))
    await all_see(watchers, online(*players, leaving), 3)
    cluster.proxy.deafen()
    deaf = time.monotonic()
    assert (await leaving.call("leave", {"room": room}))["ok"]
    coming = await join(second, room, unique("coming"))
    await watchers[0].sees(online(*players, coming), 3)
    # It asks Redis, also while it hears nothing.
    await watchers[2].sees(online(*players, coming), 3, timeout=RENEWED_TWICE)
    cluster.proxy.heal()
    last = await join(first, room, unique("last"))
    await all_see(players + watchers, online(*players, coming, last), 3, timeout=RENEWED_TWICE)
    for guest in players + watchers:
        for player in players:
            assert guest.saw(player.name, deaf) in ([], [True]), "live ones stay"


async def test_subscribers_are_killed_again_and_again_while_players_come_and_go(cluster, join, room):
    players, watchers = await crowd(cluster, join, room)
    flapping = [await join(node, room, unique("flapping")) for node in cluster.nodes]
    await all_see(watchers, online(*players, *flapping), 3)
    began = time.monotonic()
    for turn in itertools.count():
        for guest in flapping:
            assert (await guest.call(("leave", "join")[turn % 2], {"room": room}))["ok"]
        # What is said in between is heard by nobody.
        for _ in range(4):
            cluster.redis.command("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(0.05)
        if time.monotonic() > began + (30 if LONG else 3) and turn % 2 == 0:
            break
    await all_see(players + watchers, online(*players), 3, timeout=RENEWED_TWICE)
    for guest in players + watchers:
        for player in players:
            assert guest.saw(player.name, began) in ([], [True]), "live ones stay"


@long
async def test_a_drain_moves_players_who_are_never_gone(cluster, join, room):
    players, watchers = await crowd(cluster, join, room)
    first, second, _ = cluster.nodes
    leaving = cluster.add("n4")
    moving = [await join(leaving, room, unique("moving")) for _ in range(5)]
    await all_see(players + watchers, online(*players, *moving), 3)
    began = time.monotonic()
    leaving.terminate()
    cluster.nodes.remove(leaving)

    async def move(player, node):
        async with asyncio.timeout(10):
            while player.client.connected:
                await asyncio.sleep(0.02)
        return await join(node, room, player.name, player.token)

    moved = await asyncio.gather(*(move(player, node) for player, node in zip(moving, itertools.cycle((first, second)))))
    await all_see(players + watchers + moved, online(*players, *moving), 3)
    await asyncio.sleep(GRACE + 2)
    await all_see(players + watchers + moved, online(*players, *moving), 3)
    for guest in players + watchers:
        for player in moving + players:
            assert None not in guest.saw(player.name, began), "they are away, or not even that"
    leaving.stop()


@long
async def test_a_node_that_is_killed_and_started_under_its_name_inherits_nobody(cluster, join, room):
    players, watchers = await crowd(cluster, join, room)
    for _ in range(2):
        short = cluster.add("n5")
        gone, watching = await join(short, room, unique("gone")), await join(short, room)
        for guest in players + watchers + [watching]:
            await eventually(lambda: lists(guest, gone, 4))
        short.kill()
        cluster.nodes.remove(short)
    killed = time.monotonic()
    third = cluster.add("n5")
    here = await join(third, room, unique("here"))
    await all_see(players + watchers + [here], online(*players, here), 3, timeout=15 + GRACE)
    for guest in players + watchers:
        for player in players:
            assert guest.saw(player.name, killed) in ([], [True]), "live ones stay"
    third.kill()
    cluster.nodes.remove(third)


async def lists(guest, player, watchers):
    return guest.here[0].get(player.name) is True and guest.here[1] == watchers


async def test_a_frozen_node_thaws_and_everybody_is_listed_as_they_are(cluster, join, room):
    players, watchers = await crowd(cluster, join, room)
    first, second, third = cluster.nodes
    leaving = await join(first, room, unique("leaving"))
    await all_see(watchers, online(*players, leaving), 3)
    frozen = time.monotonic()
    third.process.send_signal(signal.SIGSTOP)
    try:
        await leaving.call("leave", {"room": room})
        coming = await join(second, room, unique("coming"))
        await all_see(watchers[:2], {**online(*players[:2], coming), players[2].name: False}, 2, timeout=15)
        await all_see(watchers[:2], online(*players[:2], coming), 2, timeout=GRACE + 2)
    finally:
        third.process.send_signal(signal.SIGCONT)
    await all_see(players + watchers, online(*players, coming), 3, timeout=RENEWED_TWICE)
    for guest in players[:2] + watchers[:2]:
        for player in players[:2]:
            assert guest.saw(player.name, frozen) in ([], [True]), "live ones stay"
    # On the thawed node too: what it has not heard for so long is no reason to doubt that others live.
    for guest in (players[2], watchers[2]):
        for player in players:
            assert guest.saw(player.name, frozen) in ([], [True]), "live ones stay"


@long
async def test_a_session_that_ends_is_no_player_at_once(tmp_path, join, room):
    cluster = Cluster(tmp_path, nodes=2, REJOIN_SESSION_MAX="4s", REJOIN_SESSION_IDLE="4s", REJOIN_REGISTRATION="open")
    try:
        player = await join(cluster.nodes[0], room, unique("ada"))
        watcher = await join(cluster.nodes[1], room)
        await watcher.sees(online(player), 1)
        await player.event("session", lambda session: session["reason"] == "expired", timeout=30)
        await watcher.sees({}, 2, timeout=2)
        assert watcher.saw(player.name)[-2:] == [True, None], "not even away"
        player = await join(cluster.nodes[0], room, unique("bob"))
        await watcher.sees(online(player), 2)
        handle = player.token.split(".")[0]
        assert cluster.rejoin("sessions", "revoke", handle).returncode == 0
        await watcher.sees({}, 3, timeout=2)
        assert watcher.saw(player.name)[-2:] == [True, None], "not even away"
    finally:
        cluster.stop()


async def test_a_client_that_read_nothing_is_told_who_is_here_now(cluster, join, room):
    players, watchers = await crowd(cluster, join, room)
    slow = await join(cluster.nodes[0], room)
    leaving = await join(cluster.nodes[1], room, unique("leaving"))
    await slow.sees(online(*players, leaving), 4)
    fulls = slow.fulls
    transport = slow.client.eio.ws._response.connection.transport
    transport.pause_reading()
    try:
        for number in range(400):
            action = {"set": {"big": f"{number}" + "x" * 16_000}}
            assert (await players[0].call("act", {"room": room, "id": f"act{number}", "action": action}))["ok"]
        # What is queued for it by now is dropped, and so is this.
        assert (await leaving.call("leave", {"room": room}))["ok"]
        coming = await join(cluster.nodes[2], room, unique("coming"))
        await watchers[0].sees(online(*players, coming), 4)
    finally:
        transport.resume_reading()
    await slow.event("state")
    await eventually(lambda: asyncio.sleep(0, slow.fulls > fulls))
    await slow.sees(online(*players, coming), 4)
    assert (await coming.call("leave", {"room": room}))["ok"]
    await slow.sees(online(*players), 4)
