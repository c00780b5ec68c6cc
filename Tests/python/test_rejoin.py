"""The main job, by an independent client: log in on one node, act, lose the node, go on with another."""

import asyncio
import json
import time

from cluster import cookie_of, eventually, get, post

NAME, PASSWORD = "Ada", "correct horse battery"


async def registered(player, node, name=NAME):
    session = await player.connect(node)
    assert session == session | {"login": False, "user": None, "node": node.name}
    answer = await player.call("register", {"username": name, "password": PASSWORD})
    assert answer["ok"], answer
    return answer


async def test_a_player_whose_node_is_killed_is_a_player_on_another_and_misses_nothing(cluster, players):
    first, second, third = cluster.nodes
    ada, watcher = players(), players()
    token = (await registered(ada, first))["token"]
    await watcher.connect(second)
    joined = await watcher.call("join", {"room": "lobby"})
    assert joined == {"ok": True, "room": "lobby", "epoch": "", "version": 0, "state": {}}

    assert (await ada.call("join", {"room": "lobby"}))["ok"]
    acted = await ada.call("act", {"room": "lobby", "id": "1", "action": {"set": {"score": 1}}})
    assert acted == {"ok": True, "version": 1}
    patch = await watcher.event("patch", lambda patch: patch["version"] == 1)
    assert patch == {"room": "lobby", "epoch": patch["epoch"], "from": 0, "version": 1, "set": {"score": 1}, "del": []}
    position = {"epoch": patch["epoch"], "version": 1}

    first.kill()
    assert (await watcher.call("act", {"room": "lobby", "id": "2", "action": {"set": {"x": 1}}}))["error"] == "login_required"
    bob = players()
    await registered(bob, third, "Bob")
    await bob.call("join", {"room": "lobby"})
    assert (await bob.call("act", {"room": "lobby", "id": "b", "action": {"set": {"bob": True}}}))["version"] == 2

    back = players()
    session = await back.connect(third, token=token)
    assert session["login"] is True and session["user"]["name"] == NAME and session["node"] == third.name
    again = await back.call("join", {"room": "lobby", "since": position})
    assert again["patches"] == [{"from": 1, "version": 2, "set": {"bob": True}, "del": []}]
    # The answer to the first act was lost, for all the client knows: the same id is applied once.
    assert await back.call("act", {"room": "lobby", "id": "1", "action": {"set": {"score": 1}}}) == acted
    assert (await back.call("act", {"room": "lobby", "id": "3", "action": {"set": {"score": 2}}}))["version"] == 3
    await watcher.event("patch", lambda patch: patch["version"] == 3)


async def test_a_browser_claims_its_cookie_and_the_cookie_from_before_only_watches(cluster, players):
    first, second, _ = cluster.nodes
    page, _ = await get(first.url + "/")
    planted = cookie_of(page)
    assert planted
    again, body = await get(first.url + "/session", headers={"Cookie": planted})
    assert cookie_of(again) is None and json.loads(body) == {"login": False, "user": None}

    ada = players()
    assert (await ada.connect(first, cookie=planted))["login"] is False
    login = await ada.call("register", {"username": NAME, "password": PASSWORD})
    assert login["ok"] and "token" not in login
    assert (await ada.event("session", lambda session: session["login"]))["reason"] == "login"

    attacker = players()
    assert (await attacker.connect(second, cookie=planted))["login"] is False

    claimed, _ = await post(second.url + "/session/claim", json={"ticket": login["ticket"]}, headers={"Cookie": planted})
    assert claimed.status == 204
    cookie = cookie_of(claimed)
    assert cookie and cookie != planted
    assert (await attacker.event("session", lambda session: session["reason"] == "refresh"))["login"] is False
    spent, _ = await post(first.url + "/session/claim", json={"ticket": login["ticket"]}, headers={"Cookie": planted})
    assert spent.status == 410

    _, body = await get(second.url + "/session", headers={"Cookie": cookie})
    assert json.loads(body)["user"]["name"] == NAME
    checked, _ = await get(second.url + "/session/check", headers={"Cookie": cookie})
    assert checked.status == 204 and checked.headers["X-Rejoin-User"] == NAME
    refused, _ = await get(second.url + "/session/check", headers={"Cookie": planted})
    assert refused.status == 401


async def test_a_logout_turns_the_sockets_of_every_node_to_watchers(cluster, players):
    first, second, third = cluster.nodes
    ada = players()
    token = (await registered(ada, first))["token"]
    others = [players(), players()]
    for other, node in zip(others, (second, third)):
        assert (await other.connect(node, token=token))["login"] is True
        await other.call("join", {"room": "lobby"})

    answer = await ada.call("logout", {})
    assert answer == {"ok": True, "sockets": 3, "nodes": 3, "missing": []}
    for other in others:
        session = await other.event("session", lambda session: session["reason"] == "logout", timeout=1)
        assert session["login"] is False and other.client.connected
        refused = await other.call("act", {"room": "lobby", "id": "1", "action": {"set": {"x": 1}}})
        assert refused["error"] == "login_required"
    login = await ada.call("login", {"username": NAME, "password": PASSWORD})
    assert login["ok"] and login["token"] != token


async def test_redis_goes_away_and_comes_back_and_nobody_is_thrown_off(cluster, players):
    ada = players()
    await registered(ada, cluster.nodes[0])
    await ada.call("join", {"room": "lobby"})
    assert (await ada.call("act", {"room": "lobby", "id": "1", "action": {"set": {"x": 1}}}))["ok"]

    cluster.redis.kill()
    begin = time.monotonic()
    refused = await ada.call("act", {"room": "lobby", "id": "2", "action": {"set": {"x": 2}}})
    assert refused["error"] == "unavailable" and time.monotonic() - begin < 1
    _, body = await get(cluster.nodes[0].admin + "/readyz")
    assert "redis" in body.lower()
    cluster.redis.start()

    async def logged_in_again():
        answer = await ada.call("login", {"username": NAME, "password": PASSWORD})
        return answer["ok"]

    await eventually(logged_in_again, timeout=20)
    assert ada.client.connected

    async def acted():
        return (await ada.call("act", {"room": "lobby", "id": "3", "action": {"set": {"x": 3}}}))["ok"]

    await eventually(acted, timeout=20)


async def test_a_terminated_node_tells_its_sockets_and_ends_with_0(cluster, players):
    ada = players()
    token = (await registered(ada, cluster.nodes[0]))["token"]
    cluster.nodes[0].terminate()
    assert (await ada.event("drain"))["retryAfter"] >= 0
    assert await asyncio.to_thread(cluster.nodes[0].process.wait, 25) == 0
    await eventually(lambda: asyncio.sleep(0, not ada.client.connected))
    assert (await players().connect(cluster.nodes[1], token=token))["login"] is True


async def test_two_hundred_acts_from_three_nodes_are_seen_by_everybody_in_one_order(cluster, players):
    crowd = []
    for number, node in enumerate(cluster.nodes):
        player = players()
        await registered(player, node, f"player{number}")
        await player.call("join", {"room": "race"})
        crowd.append(player)

    async def play(player, who):
        versions = []
        for number in range(66):
            await asyncio.sleep(0.05)
            answer = await player.call("act", {"room": "race", "id": f"{who}-{number}", "action": {"set": {f"f{who}": number}}})
            versions.append(answer["version"])
        return versions

    versions = await asyncio.gather(*(play(player, who) for who, player in enumerate(crowd)))
    assert sorted(version for some in versions for version in some) == list(range(1, 199))
    for player in crowd:
        await player.event("patch", lambda patch: patch["version"] == 198)
        seen = [(patch["from"], patch["version"]) for patch in player.all("patch")]
        assert all(before[1] == after[0] for before, after in zip(seen, seen[1:])), "no hole, none twice, none backwards"
