"""Games that tick when Redis or a node fails: one clock a room, which goes on by itself.

`REJOIN_LONG_TESTS=1` adds what takes long and goes like something else.
"""

import asyncio
import contextlib
import os
import signal
import time

import pytest
import redis

from cluster import PREFIX, eventually
from test_pong import LEASE, TICKS, check_steps, play, pong, ticker, ticks
from witness import stored

long = pytest.mark.skipif(os.environ.get("REJOIN_LONG_TESTS") != "1", reason="only with REJOIN_LONG_TESTS=1")


async def play_on(pong, players):
    """Two players who keep moving whatever they are answered: who does not loses the paddle, and the ball stops."""
    ada, bob = await play(pong, players)
    pong.moving += [asyncio.create_task(move_on(player)) for player in (ada, bob)]
    return ada, bob


async def move_on(player):
    number = 0
    while True:
        number += 1
        action = {"type": "move", "y": 20 + number % 20}
        with contextlib.suppress(Exception):
            await player.call("act", {"room": "pong", "id": f"on{number}", "action": action}, timeout=2)
        await asyncio.sleep(0.2)


async def goes_on(player, within=5, steps=TICKS):
    """The ball moves on, by some steps, after what was on its way has come."""
    await asyncio.sleep(0.3)
    seen = len(moves(player))

    async def moved():
        return len(moves(player)) >= seen + steps

    await eventually(moved, timeout=within)


def moves(player):
    return [body for name, body in player.heard if name == "patch" and "ball" in body["set"]]


def check_versions(player):
    """Patches go from where the one before ended, unless a snapshot came between; none goes back within an epoch."""
    at = None
    for name, body in player.heard:
        if name == "state":
            assert at is None or body["epoch"] != at[0] or body["version"] >= at[1]
            at = body["epoch"], body["version"]
        elif name == "patch":
            # The first act of a room that was never acted in gives it an epoch.
            assert at in (None, ("", 0)) or (body["epoch"], body["from"]) == at, f"{body} at {at}"
            at = body["epoch"], body["version"]


def check_ball(player):
    """Each step of the ball follows from the one before, where no snapshot came between."""
    path = []
    for name, body in player.heard:
        if name == "state":
            path = []
        elif name == "patch" and "ball" in body["set"]:
            path.append(body["set"]["ball"])
    check_steps(path)


async def one_ticks(pong):
    """Not more than one node moves the ball, for a second."""
    before = [await ticks(node) for node in pong.nodes]
    await asyncio.sleep(1)
    after = [await ticks(node) for node in pong.nodes]
    assert sum(now > told for now, told in zip(after, before)) == 1, (before, after)


def lines(pong):
    return sum(len(node.log.read_text().splitlines()) for node in pong.nodes)


async def test_redis_is_frozen_for_3_s_and_thaws(pong, players):
    ada, bob = await play_on(pong, players)
    await ticker(pong)
    logged = lines(pong)
    pong.redis.freeze()
    await asyncio.sleep(3)
    pong.redis.thaw()
    await goes_on(ada)
    await one_ticks(pong)
    for player in (ada, bob):
        check_versions(player)
        check_ball(player)
    assert lines(pong) - logged < 30, "the log tells it once, not with each tick"


async def test_redis_comes_back_empty_and_a_new_game_begins_by_an_act(pong, players):
    ada, bob = await play_on(pong, players)
    await ticker(pong)
    pong.redis.kill()
    for task in pong.moving:
        task.cancel()
    pong.redis.start()
    for player in (ada, bob):
        await player.event("state", lambda state: (state["version"], state["state"]) == (0, {}), timeout=15)

    async def stopped():
        return not pong.redis.command("EXISTS", LEASE) == "1"

    await eventually(stopped)
    counted = [await ticks(node) for node in pong.nodes]
    await asyncio.sleep(1)
    assert [await ticks(node) for node in pong.nodes] == counted, "nobody ticks a room that is gone"
    assert pong.redis.command("EXISTS", "rejoin:room:{pong}") == "0"
    for number, (player, side) in enumerate(((ada, "left"), (bob, "right"))):
        await eventually(lambda: logged_in(player, f"player{number}"), timeout=15)
        answer = await player.call("act", {"room": "pong", "id": "sit", "action": {"type": "sit", "side": side}})
        assert answer["ok"], answer
    await goes_on(ada)
    await one_ticks(pong)
    for player in (ada, bob):
        check_versions(player)
        check_ball(player)


async def logged_in(player, name):
    answer = await player.call("login", {"username": name, "password": "correct horse battery"})
    return answer["ok"]


async def test_scripts_are_flushed_under_ticks_and_nobody_notices(pong, players):
    ada, bob = await play_on(pong, players)
    await ticker(pong)
    seen, began = len(moves(ada)), time.monotonic()
    while time.monotonic() < began + 2:
        pong.redis.command("SCRIPT", "FLUSH")
        await asyncio.sleep(0.1)
    assert len(moves(ada)) - seen > TICKS, "it moves on"
    for player in (ada, bob):
        check_versions(player)
        check_ball(player)
    await one_ticks(pong)


async def test_redis_refuses_writes_for_a_while(pong, players):
    ada, bob = await play_on(pong, players)
    await ticker(pong)
    logged = lines(pong)
    pong.redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
    await asyncio.sleep(3)
    counted = len(moves(ada))
    await asyncio.sleep(0.5)
    assert len(moves(ada)) == counted, "nothing is written, so nothing moves"
    pong.redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
    await goes_on(ada)
    assert lines(pong) - logged < 40, "the log tells it once, not with each tick"
    await one_ticks(pong)
    check_versions(ada)


@long
async def test_the_redis_is_a_replica_for_a_while(pong, players):
    ada, bob = await play_on(pong, players)
    await ticker(pong)
    logged = lines(pong)
    # A replica of nobody that answers: it keeps what it has, and is read-only.
    pong.redis.command("REPLICAOF", "127.0.0.1", "1")
    await asyncio.sleep(3)
    pong.redis.command("REPLICAOF", "NO", "ONE")
    await goes_on(ada, within=15)
    assert lines(pong) - logged < 60, "the log tells it once, not with each tick"
    await one_ticks(pong)
    check_versions(ada)


@long
async def test_a_node_is_frozen_again_and_again(pong, players):
    ada, bob = await play_on(pong, players)
    for _ in range(2):
        frozen, other = await ticker(pong)
        watching = ada if other is pong.nodes[0] else bob
        frozen.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2.5)
        frozen.process.send_signal(signal.SIGCONT)
        await goes_on(watching)
        await one_ticks(pong)
    for player in (ada, bob):
        check_versions(player)
    with contextlib.closing(redis.Redis(port=pong.redis.port)) as connection:
        epoch, version, _ = stored(connection, "pong")
        log = connection.xrange(f"{PREFIX}room:{{pong}}:log")
    versions = [int(entry.split(b"-")[0]) for entry, _ in log]
    assert versions == list(range(versions[0], versions[-1] + 1)), "versions are contiguous"
    assert versions[-1] >= version
