"""Who is in a room, told by presence: over nodes, and whatever happens to them."""

import asyncio
import json
import time

import pytest
import pytest_asyncio
import redis as redis_client

from cluster import PREFIX, Cluster, eventually, get
from guest import Guest, log_in, numbers, unique

GRACE = 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(
        tmp_path_factory.mktemp("presence"), nodes=2, REJOIN_PRESENCE_GRACE=f"{GRACE}s",
        REJOIN_LIMIT_MESSAGES="100000/s", REJOIN_LIMIT_BURST="1000000", REJOIN_LIMIT_SOCKETS_PER_SESSION="1000")
    yield cluster
    cluster.stop()


@pytest.fixture
def room():
    return f"presence{next(numbers)}"


@pytest_asyncio.fixture
async def join():
    made = []

    async def make(node, *rooms, name=None, token=None):
        guest = Guest()
        made.append(guest)
        session = await guest.connect(node, token=token)
        guest.token = session.get("token", token)
        if name:
            await log_in(guest, name)
        for room in rooms:
            assert (await guest.call("join", {"room": room}))["ok"]
        return guest

    yield make
    for guest in made:
        await guest.leave()


async def test_who_joins_is_told_who_is_here_and_the_others_what_changes_on_any_node(cluster, join, room):
    first, second = cluster.nodes
    ada, bob = unique("ada"), unique("bob")
    watcher = await join(first, room)
    await watcher.sees({}, 1)
    assert watcher.fulls == 1
    one = await join(second, room, name=ada)
    await one.sees({ada: True}, 1)
    await watcher.sees({ada: True}, 1)
    two = await join(first, room, name=bob)
    for guest in (watcher, one, two):
        await guest.sees({ada: True, bob: True}, 1)
    assert set(next(iter(two.known.values()))) == {"id", "name", "online"}
    await two.call("leave", {"room": room})
    for guest in (watcher, one):
        await guest.sees({ada: True}, 1)
    await watcher.leave()
    await one.sees({ada: True}, 0)
    assert one.fulls == 1


async def test_who_is_cut_off_stays_for_the_grace_and_who_comes_back_was_never_gone(cluster, join, room):
    first, second = cluster.nodes
    ada = unique("ada")
    watcher = await join(first, room)
    player = await join(second, room, name=ada)
    await watcher.sees({ada: True}, 1)
    await player.leave()
    away = time.monotonic()
    await watcher.sees({ada: False}, 1)
    player = await join(first, room, token=player.token)
    await watcher.sees({ada: True}, 1)
    await asyncio.sleep(max(0, away + GRACE + 1 - time.monotonic()))
    assert watcher.here == ({ada: True}, 1)
    await player.leave()
    await watcher.sees({ada: False}, 1)
    away = time.monotonic()
    await watcher.sees({}, 1, timeout=GRACE + 3)
    assert time.monotonic() - away > GRACE - 2


async def test_a_login_makes_a_player_of_a_watcher_and_a_logout_a_watcher_of_a_player_at_once(cluster, join, room):
    first, second = cluster.nodes
    ada = unique("ada")
    watcher, other = await join(first, room), await join(second, room)
    await watcher.sees({}, 2)
    await log_in(other, ada)
    await watcher.sees({ada: True}, 1)
    assert (await other.call("logout", {}))["ok"]
    await watcher.sees({}, 2)
    await log_in(other, ada)
    await watcher.sees({ada: True}, 1)
    revoked = cluster.rejoin("sessions", "revoke", "--user", ada)
    assert revoked.returncode == 0, revoked.stderr
    await watcher.sees({}, 2)


async def test_a_user_with_sockets_on_two_nodes_is_here_once_and_until_the_last_leaves(cluster, join, room):
    first, second = cluster.nodes
    ada = unique("ada")
    watcher = await join(first, room)
    one = await join(first, room, name=ada)
    two = await join(second, room, token=one.token)
    await two.sees({ada: True}, 1)
    await one.call("leave", {"room": room})
    await asyncio.sleep(1.5)
    assert watcher.here == ({ada: True}, 1)
    # Who left is gone, also where another socket of the user was cut off.
    assert (await one.call("join", {"room": room}))["ok"]
    await asyncio.sleep(1.2)
    await two.leave()
    await asyncio.sleep(1.2)
    assert watcher.here == ({ada: True}, 1)
    await one.call("leave", {"room": room})
    await watcher.sees({}, 1)


async def test_changes_are_merged_to_one_message_a_second(cluster, join, room):
    first, second = cluster.nodes
    watcher = await join(first, room)
    player = await join(second, room, name=unique("ada"))
    begin = time.monotonic()
    while time.monotonic() < begin + 5:
        await player.call("leave", {"room": room})
        await player.call("join", {"room": room})
    assert 1 <= len(watcher.deltas) <= 7
    assert all(later - earlier > 0.9 for earlier, later in zip(watcher.deltas, watcher.deltas[1:]))


async def test_at_most_200_players_are_listed_and_all_are_counted(cluster, join, room):
    first, second = cluster.nodes
    node = "n2:" + registered(cluster)["n2"]
    watcher = await join(first, room)
    # What the other node would write of 205 of its users.
    script = (
        "for i = 1, 205 do redis.call('HSET', KEYS[1], ARGV[1] .. '|u' .. i, '1 name' .. i) end "
        "redis.call('HSET', KEYS[1], '#', 5) redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1] .. '000 3')")
    cluster.redis.command("EVAL", script, "1", here(room), node)
    late = await join(first, room)
    await eventually(lambda: counted(late, 205, 5), timeout=12)
    assert len(late.known) == 200
    await eventually(lambda: counted(watcher, 205, 5))
    assert len(watcher.known) == 200


async def counted(guest, total, watchers):
    return (guest.total, guest.watchers) == (total, watchers)


def here(room):
    return f"{PREFIX}room:{{{room}}}:here"


def registered(cluster):
    return {
        node.name: cluster.redis.command("HGET", f"{PREFIX}node:{node.name}", "incarnation") for node in cluster.nodes}


async def test_what_redis_loses_every_node_writes_again(cluster, join, room):
    first, second = cluster.nodes
    ada, bob = unique("ada"), unique("bob")
    one, two = await join(first, room, name=ada), await join(second, room, name=bob)
    both = {ada: True, bob: True}
    for guest in (one, two):
        await guest.sees(both, 0)
    await asyncio.sleep(1.5)
    assert cluster.redis.command("DEL", here(room)) == "1"

    async def back():
        return len(cluster.redis.command("HKEYS", here(room)).split()) == 5

    await eventually(back, timeout=12)
    await asyncio.sleep(2)
    assert one.here == two.here == (both, 0)
    late = await join(second, room)
    await late.sees(both, 1)


async def test_poison_on_the_channel_is_dropped_and_counted(cluster, join, room):
    watcher = await join(cluster.nodes[0], room)
    for text in ("h", "h n9:0123456789abcdef 0 1 7 0\n", "h n9:0123456789abcdef 0 1 7 1\n+ 0 1 1 aa", "h x 0 1 7 0\n"):
        cluster.redis.command("SPUBLISH", f"{PREFIX}room:{{{room}}}", text)
    await asyncio.sleep(1.5)
    assert watcher.here == ({}, 1)


async def test_presence_ends_by_itself_when_all_nodes_are_gone(cluster, join, room):
    await join(cluster.nodes[0], room, name=unique("ada"))

    async def life():
        with redis_client.Redis(port=cluster.redis.port) as database:
            return 0 < database.ttl(here(room)) <= GRACE + 30

    await eventually(life)


async def test_users_of_a_killed_node_are_away_within_15_s_and_gone_after_the_grace(cluster, join, room):
    first = cluster.nodes[0]
    third = cluster.add("n3")
    ada, bob = unique("ada"), unique("bob")
    staying = await join(first, room, name=ada)
    await join(third, room, name=bob)
    await join(third, room)
    await staying.sees({ada: True, bob: True}, 1)
    third.kill()
    killed = time.monotonic()
    await staying.sees({ada: True, bob: False}, 0, timeout=15)
    # The next start under its name inherits nobody.
    cluster.nodes.remove(third)
    third = cluster.add("n3")
    watcher = await join(third, room)
    await staying.sees({ada: True}, 1, timeout=GRACE + 4)
    await watcher.sees({ada: True}, 1)
    assert time.monotonic() - killed > GRACE

    async def swept():
        return len(cluster.redis.command("HKEYS", here(room)).split()) == 4

    await eventually(swept, timeout=15)
    third.kill()
    cluster.nodes.remove(third)


async def test_operators_see_who_is_in_a_room_and_nobody_online_by_a_dead_node(cluster, join, room):
    first, third = cluster.nodes[0], cluster.add("n5")
    ada, bob = unique("ada"), unique("bob")
    staying = await join(first, room, name=ada)
    await join(third, room, name=bob)
    await join(third, room)

    async def seen():
        """What the admin API of a node that holds nobody there and what the command show."""
        response, body = await get(f"{cluster.nodes[1].admin}/api/v1/rooms/{room}")
        assert response.status == 200
        shown = await asyncio.to_thread(cluster.rejoin, "rooms", "show", room)
        lines = [line.split() for line in shown.stdout.splitlines()]
        listed = [line[:2] for line in lines[1 + lines.index(["PLAYER", "STATE", "ID"]):]]
        body = json.loads(body)
        assert all(set(player) == {"id", "name", "online"} for player in body["players"])
        players = [(player["name"], player["online"]) for player in body["players"]]
        numbers = body["total"], body["watchers"]
        return players, numbers, listed, [int(line[1]) for line in lines if line and line[0] in ("players", "watchers")]

    async def sees(players, watchers, timeout=5):
        states = [[name, "online" if online else "away"] for name, online in players]

        async def as_expected():
            return await seen() == (players, (len(players), watchers), states, [len(players), watchers])

        await eventually(as_expected, timeout)

    assert (await get(f"{first.admin}/api/v1/rooms/{room}"))[0].status == 404
    assert (await staying.call("act", {"room": room, "id": "1", "action": {"set": {"a": 1}}}))["ok"]
    await sees([(ada, True), (bob, True)], 1)
    third.kill()
    cluster.nodes.remove(third)
    await sees([(ada, True), (bob, False)], 0, timeout=15)
    await sees([(ada, True)], 0, timeout=GRACE + 10)
