"""The example with a clock, `Pong`: its ball moves on whatever happens to the node that moves it, and only once."""

import asyncio
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import aiohttp
import pytest_asyncio

from cluster import BINARY, PASSWORD, Cluster, eventually, get

TICKS = 30
LEASE = "rejoin:room:{pong}:tick"


class PongCluster(Cluster):
    program = str(pathlib.Path(BINARY).with_name("Pong"))


@pytest_asyncio.fixture
async def pong(tmp_path):
    assert pathlib.Path(PongCluster.program).exists(), "Pong is missing: swift build --product Pong"
    cluster = PongCluster(tmp_path, nodes=2)
    cluster.moving = []
    yield cluster
    for task in cluster.moving:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    cluster.stop()


async def metric(node, name):
    _, text = await get(node.admin + "/metrics")
    return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])


async def ticks(node):
    return await metric(node, "rejoin_rooms_ticks_total")


def balls(player, since=0):
    """The ball in each version that a player was told."""
    return [patch["set"]["ball"] for patch in player.all("patch") if "ball" in patch["set"] and patch["version"] > since]


def version(player):
    return max((patch["version"] for patch in player.all("patch")), default=0)


def step(ball):
    """Where the ball goes in the open, away from walls, paddles and ends."""
    return {**ball, "x": ball["x"] + ball["dx"], "y": ball["y"] + ball["dy"]}


def check_steps(path):
    checked = 0
    for before, after in zip(path, path[1:]):
        ahead = step(before)
        if 5 < ahead["x"] < 95 and 0 < ahead["y"] < 60:
            assert after == ahead, f"{before} then {after}"
            checked += 1
    assert checked > 20


async def play(pong, players):
    """Two players on two nodes, each on a side, who keep their paddles moving."""
    made = []
    for number, (node, side) in enumerate(zip(pong.nodes, ("left", "right"))):
        player = players()
        await player.connect(node)
        answer = await player.call("register", {"username": f"player{number}", "password": PASSWORD})
        assert answer["ok"], answer
        joined = await player.call("join", {"room": "pong"})
        assert joined["ok"] and (number > 0 or (joined["version"], joined["state"]) == (0, {}))
        answer = await player.call("act", {"room": "pong", "id": "sit", "action": {"type": "sit", "side": side}})
        assert answer["ok"], answer
        made.append(player)
        pong.moving.append(asyncio.create_task(keep_moving(player)))
    return made


async def keep_moving(player):
    """Until its node is gone."""
    number = 0
    with contextlib.suppress(Exception):
        while True:
            number += 1
            action = {"type": "move", "y": 20 + number % 20}
            answer = await player.call("act", {"room": "pong", "id": f"move{number}", "action": action})
            assert answer["ok"], answer
            await asyncio.sleep(0.2)


async def ticker(pong):
    """The node that moves the ball, and the other one."""
    first, second = pong.nodes
    before = [await ticks(node) for node in (first, second)]

    async def moving():
        return [await ticks(node) - told >= 15 for node, told in zip((first, second), before)]

    async def one():
        return any(await moving())

    await eventually(one)
    moved = await moving()
    assert sum(moved) == 1, "two nodes tick"
    return (first, second) if moved[0] else (second, first)


async def test_the_ball_moves_step_by_step_and_as_often_as_it_should(pong, players):
    ada, bob = await play(pong, players)
    await ada.event("patch", lambda patch: "ball" in patch["set"] and patch["version"] > 10)
    begin, seen = time.monotonic(), len(balls(ada))

    async def moved():
        return len(balls(ada)) - seen >= 3 * TICKS

    await eventually(moved)
    assert time.monotonic() - begin >= 2.8, "it ticks too fast"
    assert time.monotonic() - begin < 4.5, "it ticks too slowly"
    check_steps(balls(ada))
    answer = await bob.call("act", {"room": "pong", "id": "1", "action": {"type": "move"}})
    assert (answer["error"], answer["message"]) == ("bad_request", "y is 0 to 60")
    answer = await bob.call("act", {"room": "pong", "id": "1", "action": {"y": 3}})
    assert (answer["error"], answer["message"]) == ("bad_request", "type is missing")


async def test_the_ball_moves_again_within_2_s_when_its_node_is_killed(pong, players):
    ada, bob = await play(pong, players)
    gone, left = await ticker(pong)
    watcher = ada if left is pong.nodes[0] else bob
    gone.kill()
    killed, seen = time.monotonic(), len(balls(watcher))

    # What was on its way when the node died may still arrive.
    async def moved():
        return len(balls(watcher)) >= seen + 5

    await eventually(moved)
    assert time.monotonic() - killed < 2
    here = version(watcher)
    await watcher.event("patch", lambda patch: patch["version"] > here + TICKS)
    check_steps(balls(watcher))
    assert await metric(left, "rejoin_rooms_tick_takeovers_total") == 1


async def test_a_frozen_node_that_thaws_moves_nothing_any_more(pong, players):
    ada, bob = await play(pong, players)
    frozen, other = await ticker(pong)
    watcher = ada if other is pong.nodes[0] else bob
    token = pong.redis.command("GET", LEASE)
    frozen.process.send_signal(signal.SIGSTOP)
    stopped, seen = time.monotonic(), len(balls(watcher))

    async def moved():
        return len(balls(watcher)) >= seen + 5

    await eventually(moved)
    assert time.monotonic() - stopped < 2
    taken = pong.redis.command("GET", LEASE)
    assert taken != token
    frozen.process.send_signal(signal.SIGCONT)
    before = version(watcher)
    await watcher.event("patch", lambda patch: patch["version"] > before + 2 * TICKS)
    assert pong.redis.command("GET", LEASE) == taken
    counted = await ticks(frozen)
    here = version(watcher)
    await watcher.event("patch", lambda patch: patch["version"] > here + TICKS)
    assert await ticks(frozen) == counted, "both tick"
    check_steps(balls(watcher))


async def test_a_node_that_drains_hands_the_ball_over_at_once(pong, players):
    ada, bob = await play(pong, players)
    leaving, other = await ticker(pong)
    watcher = ada if other is pong.nodes[0] else bob
    leaving.terminate()
    begin = time.monotonic()

    async def taken():
        return await metric(other, "rejoin_rooms_tick_takeovers_total") == 1

    await eventually(taken)
    assert time.monotonic() - begin < 1
    here = version(watcher)
    await watcher.event("patch", lambda patch: patch["version"] > here + TICKS)
    check_steps(balls(watcher))
    assert await asyncio.to_thread(leaving.process.wait, 25) == 0


async def test_the_page_and_its_files_are_those_of_the_game(pong):
    node = pong.nodes[0].url
    async with aiohttp.ClientSession() as session:
        for path, kind, word in [
                ("/", "text/html", "<title>Pong</title>"), ("/pong.js", "text/javascript", "/rejoin.js"),
                ("/pong.css", "text/css", "canvas"), ("/rejoin.js", "text/javascript", "export")]:
            async with session.get(node + path) as response:
                assert response.status == 200 and response.headers["Content-Type"].startswith(kind)
                assert word in await response.text()
        async with session.get(node + "/arena.js") as response:
            assert response.status == 404


def started(*arguments, **environment):
    """What the program says when it ends at once."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REJOIN_")}
    return subprocess.run(
        [PongCluster.program, *arguments], env=clean | environment, capture_output=True, text=True, timeout=20)


def test_the_program_of_a_game_says_what_is_wrong_with_its_settings():
    ended = started("serve")
    assert ended.returncode == 2 and ended.stderr.startswith("Pong: redis.url: no Redis is given"), ended
    ended = started("--nonsense")
    assert ended.returncode == 2 and ended.stderr == "Pong: --nonsense is no setting, expected those of --help\n", ended
    ended = started(REJOIN_PORT="many")
    assert ended.returncode == 2 and ended.stderr.startswith("Pong: port: "), ended
    ended = started("--help")
    assert ended.returncode == 0 and "--redis-url" in ended.stdout and ended.stderr == "", ended
