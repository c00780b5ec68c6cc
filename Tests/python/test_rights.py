"""What takes rights away reaches every socket of every node, whatever happens at that moment."""

import asyncio
import contextlib
import re
import threading

import aiohttp
import pytest
import redis

from cluster import PASSWORD, Cluster, cookie_of, eventually, get, post


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("revocation"), nodes=3)
    yield cluster
    cluster.stop()


@pytest.fixture
def own_cluster(tmp_path):
    """One whose nodes may be hard of hearing for a while."""
    cluster = Cluster(tmp_path, nodes=3)
    yield cluster
    cluster.stop()


def login(name):
    return {"username": name, "password": PASSWORD}


async def registered(player, node, name, cookie=None):
    await player.connect(node, cookie=cookie)
    answer = await player.call("register", login(name))
    assert answer["ok"], answer
    return answer


def act(number, **fields):
    return {"room": "room", "id": str(number), "action": {"set": fields or {"a": number}}}


def reason(text):
    return lambda session: session["reason"] == text


@contextlib.contextmanager
def deaf_subscribers(cluster):
    """Redis ends every subscription, again and again: what is published meanwhile is lost."""
    over = threading.Event()

    def kill():
        with contextlib.closing(redis.Redis(port=cluster.redis.port)) as connection:
            while not over.is_set():
                connection.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_logout_that_a_node_was_not_told_of_is_effective_all_the_same(own_cluster, players, everywhere):
    first, second, third = own_cluster.nodes
    for number in range(10):
        owner, acting, quiet = players(), players(), players()
        token = (await registered(owner, first, f"unheard{number}{everywhere}"))["token"]
        for player, node in ((acting, second), (quiet, third)):
            assert (await player.connect(node, token=token))["login"] is True
            assert (await player.call("join", {"room": "room"}))["ok"]
        assert (await acting.call("act", act(number, before=number)))["ok"]
        with deaf_subscribers(own_cluster):
            answer = await owner.call("logout", {"everywhere": everywhere})
            assert answer["ok"] and answer["missing"], answer
            unheard = [player for player in (acting, quiet) if player.all("session")[-1]["login"]]
            for player in (acting, quiet):
                assert (await player.call("act", act("after")))["error"] == "login_required"
        for player in (acting, quiet):
            session = await player.event("session", lambda session: not session["login"], timeout=30)
            assert session["reason"] in ("logout", "revoked") and player.client.connected
            assert (await player.call("act", act("after")))["error"] == "login_required"
        for player in (owner, acting, quiet):
            await player.leave()
        if quiet in unheard:
            return
    raise AssertionError("the nodes were told each time: nothing was lost")


async def test_a_login_drops_no_socket_of_its_session_on_any_node(cluster, players):
    first, second, third = cluster.nodes
    cookie = cookie_of((await get(first.url + "/"))[0])
    tabs = [players() for _ in cluster.nodes]
    for tab, node in zip(tabs, cluster.nodes):
        await tab.connect(node, cookie=cookie)
    answer = await tabs[0].call("register", login("three tabs"))
    response, _ = await post(second.url + "/session/claim", json={"ticket": answer["ticket"]}, headers={"Cookie": cookie})
    assert response.status == 204
    assert (await tabs[0].event("session", reason("login"), timeout=2))["login"] is True
    for tab in tabs[1:]:
        assert (await tab.event("session", reason("refresh"), timeout=2))["login"] is False
    assert all(tab.client.connected for tab in tabs)
    assert [len(tab.all("session")) for tab in tabs] == [2, 2, 2]


async def test_of_many_claims_at_once_one_has_the_cookie(cluster, players):
    for number in range(4):
        cookie = cookie_of((await get(cluster.nodes[0].url + "/"))[0])
        answer = await registered(players(), cluster.nodes[0], f"claims{number}", cookie)
        claims = [post(node.url + "/session/claim", json={"ticket": answer["ticket"]}, headers={"Cookie": cookie})
                  for node in cluster.nodes * 4]
        responses = [response for response, _ in await asyncio.gather(*claims)]
        assert sorted(response.status for response in responses) == [204] + [410] * 11
        assert [cookie_of(response) is not None for response in responses if response.status == 410] == [False] * 11


async def test_a_user_that_is_removed_while_it_logs_in_is_nobody(cluster, players):
    for number in range(3):
        name = f"removed{number}"
        await registered(players(), cluster.nodes[0], name)
        late = [players() for _ in range(6)]
        for player, node in zip(late, cluster.nodes * 2):
            await player.connect(node)
        removing = asyncio.create_task(asyncio.to_thread(cluster.rejoin, "users", "remove", name))
        # Until the removal is over there is a login on its way, all the time.
        ok = set()
        while not removing.done():
            answers = await asyncio.gather(*(player.call("login", login(name)) for player in late))
            ok |= {answer["ok"] for answer in answers}
            assert {answer.get("error") for answer in answers} <= {None, "invalid_credentials", "rate_limited", "unavailable"}
        assert (await removing).returncode == 0 and ok

        async def nobody():
            return not any(player.all("session")[-1]["login"] for player in late)
        await eventually(nobody, timeout=5)
        for player in late:
            assert (await player.call("devices", {}))["error"] == "login_required"
            await player.leave()


async def test_who_comes_back_after_a_logout_elsewhere_watches_whatever_it_knows(cluster, players):
    first, second, third = cluster.nodes
    away, owner = players(), players()
    token = (await registered(owner, first, "came back"))["token"]
    await away.connect(second, token=token)
    joined = await away.call("join", {"room": "room"})
    assert (await away.call("act", act("before")))["ok"]
    await away.leave()
    assert (await owner.call("logout", {}))["ok"]
    back = players()
    session = await back.connect(third, token=token)
    assert (session["login"], session["user"]) == (False, None)
    rejoined = await back.call("join", {"room": "room", "since": {"epoch": joined["epoch"], "version": joined["version"]}})
    assert rejoined["ok"]
    for event, body in [("act", act("after")), ("cast", {"room": "room", "data": 1}), ("devices", {})]:
        assert (await back.call(event, body))["error"] == "login_required"


async def test_a_sid_is_128_random_bits_after_the_nodes_name(cluster):
    sids = set()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        for _ in range(200):
            async with client.get(cluster.nodes[1].url + "/socket.io/?EIO=4&transport=polling") as answer:
                sids.add((await answer.text()).split('"sid":"')[1].split('"')[0])
    assert len(sids) == 200
    bits = [[0] * 64 for _ in range(22)]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for sid in sids:
        # After the random bits the number of an event loop, which is no secret.
        name, random = sid[:2], sid[3:25]
        assert re.fullmatch(r"n2\.[A-Za-z0-9_-]{22}\d+", sid), sid
        for place, letter in enumerate(random):
            bits[place][alphabet.index(letter)] += 1
    # 200 random letters of 64 are about 61 different ones; the last has two bits.
    assert all(sum(1 for count in place if count) > 45 for place in bits[:21]) and max(bits[0]) < 20
    assert sum(1 for count in bits[21] if count) == 4
