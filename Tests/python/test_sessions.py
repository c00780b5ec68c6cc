"""Who a socket is: CONNECT, login, logout and what ends a session, over python-socketio on a real cluster."""

import asyncio
import contextlib
import json
import time

import aiohttp
import pytest
import pytest_asyncio
import redis
import socketio

import engine
from cluster import PASSWORD, Cluster, Player, cookie_of, eventually, get, post


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("sessions"), nodes=2, REJOIN_TRUSTED_PROXIES="127.0.0.1")
    yield cluster
    cluster.stop()


async def registered(player, node, name, cookie=None):
    await player.connect(node, cookie=cookie)
    answer = await player.call("register", {"username": name, "password": PASSWORD})
    assert answer["ok"], answer
    return answer


async def page(node):
    return cookie_of((await get(node.url + "/"))[0])


async def claim(node, ticket, cookie=None):
    return await post(
        node.url + "/session/claim", json={"ticket": ticket}, headers={"Cookie": cookie} if cookie else {})


async def claimed(players, node, name):
    """Somebody who logged in by a browser's socket. Returns the player, the cookie from before and the one from after."""
    player, before = players(), await page(node)
    answer = await registered(player, node, name, before)
    response, _ = await claim(node, answer["ticket"], before)
    assert response.status == 204
    return player, before, cookie_of(response)


def login(name, password=PASSWORD):
    return {"username": name, "password": password}


def handle_of(credential):
    return credential.removeprefix("rejoin=").split(".")[0]


def record(cluster, handle, *fields):
    return cluster.redis.command("HMGET", f"rejoin:session:{{{handle}}}", *fields).split("\n")


def reason(text):
    return lambda session: session["reason"] == text


async def next_session(player, act):
    """The first `session` event that comes after something was done."""
    before = len(player.all("session"))
    result = await act()
    async with asyncio.timeout(5):
        async with player.arrived:
            await player.arrived.wait_for(lambda: len(player.all("session")) > before)
    return player.all("session")[before], result


# CONNECT


async def test_the_first_session_event_says_who_the_socket_is(cluster, players):
    node = cluster.nodes[0]
    player = players()
    session = await player.connect(node)
    assert session == {"login": False, "user": None, "handle": handle_of(session["token"]), "node": node.name,
                       "reason": "connect", "token": session["token"]}
    again = players()
    told = await again.connect(cluster.nodes[1], token=session["token"])
    assert told == {"login": False, "user": None, "handle": session["handle"], "node": cluster.nodes[1].name,
                    "reason": "connect"}


async def test_a_guests_record_is_made_by_its_first_connect(cluster, players):
    cookie = await page(cluster.nodes[0])
    key = f"rejoin:session:{{{handle_of(cookie)}}}"
    assert cluster.redis.command("EXISTS", key) == "0"
    session = await players().connect(cluster.nodes[0], cookie=cookie)
    assert session["handle"] == handle_of(cookie) and "token" not in session
    assert cluster.redis.command("EXISTS", key) == "1"
    secret = cookie.split(".")[1]
    assert secret not in cluster.redis.command("HGETALL", key)


async def test_a_guest_whose_record_was_deleted_is_the_same_guest_again(cluster, players):
    cookie = await page(cluster.nodes[0])
    await players().connect(cluster.nodes[0], cookie=cookie)
    cluster.redis.command("DEL", f"rejoin:session:{{{handle_of(cookie)}}}")
    assert (await players().connect(cluster.nodes[1], cookie=cookie))["handle"] == handle_of(cookie)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "A" * 9000, "\0", 1, True, [], {}, None, "{}"])
async def test_a_worthless_token_is_a_fresh_guest_with_a_token(cluster, players, token):
    session = await players().connect(cluster.nodes[0], auth={"token": token})
    assert session["login"] is False and session["handle"] == handle_of(session["token"])


async def test_a_players_token_without_its_record_is_a_fresh_guest_with_a_new_token(cluster, players):
    player = players()
    token = (await registered(player, cluster.nodes[0], "gone"))["token"]
    cluster.redis.command("DEL", f"rejoin:session:{{{handle_of(token)}}}")
    session = await players().connect(cluster.nodes[1], token=token)
    assert session["login"] is False and session["token"] != token
    assert session["handle"] == handle_of(session["token"]) != handle_of(token)


async def test_a_players_cookie_without_its_record_is_a_fresh_guest_at_connect(cluster, players):
    _, _, cookie = await claimed(players, cluster.nodes[0], "gone too")
    cluster.redis.command("DEL", f"rejoin:session:{{{handle_of(cookie)}}}")
    session = await players().connect(cluster.nodes[1], cookie=cookie)
    assert session["login"] is False and session["handle"] not in (None, handle_of(cookie))


async def test_a_token_beats_a_cookie(cluster, players):
    node = cluster.nodes[0]
    _, _, cookie = await claimed(players, node, "cookie")
    token = (await registered(players(), node, "token"))["token"]
    assert (await players().connect(node, cookie=cookie, auth={"token": token}))["user"]["name"] == "token"
    fresh = await players().connect(node, cookie=cookie, auth={"token": None})
    assert fresh["login"] is False and fresh["handle"] != handle_of(cookie) and fresh["token"]


async def test_a_session_has_twenty_sockets_and_no_more(cluster, players):
    node = cluster.nodes[0]
    token = (await players().connect(node))["token"]
    crowd = [players() for _ in range(19)]
    await asyncio.gather(*(player.connect(node, token=token) for player in crowd))
    refusals = []
    extra = players()
    extra.client.on("connect_error", lambda data: refusals.append(data))
    with pytest.raises(socketio.exceptions.ConnectionError):
        await extra.client.connect(node.url, auth={"token": token}, transports=["websocket"], wait_timeout=1)
    assert refusals[0]["message"] == "rate_limited" and "20" in refusals[0]["data"]["message"]
    assert (await players().connect(node))["login"] is False
    await crowd[0].leave()

    async def free():
        try:
            return await players().connect(node, token=token)
        except socketio.exceptions.ConnectionError:
            return None
    await eventually(free)


async def refused(player, node, token):
    """What a CONNECT was refused with."""
    refusals = []
    player.client.on("connect_error", lambda data: refusals.append(data))
    with pytest.raises(socketio.exceptions.ConnectionError):
        await player.client.connect(node.url, auth={"token": token}, transports=["websocket"], wait_timeout=1)
    return refusals[0]["message"]


async def test_the_sockets_of_a_session_count_on_all_nodes_together(own_cluster, players):
    cluster = own_cluster(nodes=3, REJOIN_LIMIT_SOCKETS_PER_SESSION="5")
    first, second, third = cluster.nodes
    token = (await players().connect(first))["token"]
    crowd = [players() for _ in range(4)]
    for player, node in zip(crowd, [first, first, second, second]):
        await player.connect(node, token=token)
    assert await refused(players(), third, token) == "rate_limited"
    assert await refused(players(), first, token) == "rate_limited"
    await crowd[0].leave()

    async def free():
        try:
            return await players().connect(third, token=token)
        except socketio.exceptions.ConnectionError:
            return None
    assert await eventually(free)
    # Those of a killed node are free at once: the ones that are left are asked.
    second.kill()
    for _ in range(2):
        assert await eventually(free)
    assert await refused(players(), third, token) == "rate_limited"


async def test_a_session_that_connects_again_and_again_is_not_full(own_cluster, players):
    cluster = own_cluster(nodes=2, REJOIN_LIMIT_SOCKETS_PER_SESSION="2")
    token = (await players().connect(cluster.nodes[0]))["token"]
    for number in range(12):
        player = players()
        await player.connect(cluster.nodes[number % 2], token=token)
        await player.leave()
        await eventually(lambda: left(cluster, token))


async def left(cluster, token):
    """Whether one socket of a session is open, no more: the server may hear of an end after its client."""
    nodes = json.loads(cluster.rejoin("nodes", "--json").stdout)
    return sum(node["sockets"] for node in nodes) == 1


# Login


async def test_who_comes_and_goes_makes_no_node_ask_the_others(own_cluster):
    cluster = own_cluster(nodes=2)
    cookie = cookie_of((await get(cluster.nodes[0].url + "/session"))[0])
    with contextlib.closing(redis.Redis(port=cluster.redis.port)) as connection, connection.pubsub() as bus:
        bus.subscribe("rejoin:control")
        async with aiohttp.ClientSession(headers={"Cookie": cookie}) as http:
            for number in range(100):
                socket = await engine.WebSocket(http, cluster.nodes[number % 2].url).open()
                await socket.send("40")
                assert (await socket.message())[0] == "0"
                await socket.leave()
        asked = 0
        while message := bus.get_message(timeout=0.2):
            asked += b"session.seats" in message["data"] if message["type"] == "message" else 0
    assert asked <= 10


async def test_a_login_is_answered_as_the_table_says(cluster, players):
    node = cluster.nodes[0]
    cookie = await page(node)
    browser, game = players(), players()
    answer = await registered(browser, node, "Table", cookie)
    assert answer == {"ok": True, "user": {"id": answer["user"]["id"], "name": "Table"}, "ticket": answer["ticket"]}
    assert await browser.event("session", reason("login")) == {
        "login": True, "user": answer["user"], "handle": handle_of(cookie), "node": node.name, "reason": "login"}
    before = await game.connect(node)
    answer = await game.call("login", login("tABLE"))
    assert answer == {"ok": True, "user": answer["user"], "token": answer["token"]}
    assert answer["user"]["name"] == "Table" and handle_of(answer["token"]) == before["handle"]
    assert answer["token"] != before["token"]
    session = await game.event("session", reason("login"))
    assert session["login"] is True and session["handle"] == before["handle"]
    assert (await players().connect(cluster.nodes[1], token=answer["token"]))["user"] == answer["user"]
    assert (await players().connect(cluster.nodes[1], token=before["token"]))["login"] is False


@pytest.mark.parametrize("body,code", [
    (login("taken"), "name_taken"), (login("TAKEN"), "name_taken"),
    (login("weak", "p" * 7), "weak_password"), (login("weak", "p" * 257), "weak_password"),
    (login(""), "bad_request"), (login(" a"), "bad_request"), (login("a\u202eb"), "bad_request"), (login("a\nb"), "bad_request"),
    (login("a" * 129), "bad_request"), ({"username": "a"}, "bad_request"), ({"password": PASSWORD}, "bad_request"),
    ({"username": 1, "password": 2}, "bad_request"), ({}, "bad_request")])
async def test_what_cannot_be_registered_says_why(cluster, players, body, code):
    player = players()
    await player.connect(cluster.nodes[0])
    await player.call("register", login("taken"))
    other = players()
    await other.connect(cluster.nodes[0])
    answer = await other.call("register", body)
    assert (answer["ok"], answer["error"]) == (False, code) and answer["message"]
    assert len(other.all("session")) == 1


async def test_passwords_of_8_and_of_256_bytes_are_whole(cluster, players):
    player = players()
    await player.connect(cluster.nodes[0])
    for name, password, wrong in [("eight", "p" * 8, "p" * 7), ("long", "p" * 256, "p" * 255), ("72", "p" * 72 + "a", "p" * 72 + "b")]:
        assert (await player.call("register", login(name, password)))["ok"]
        assert (await player.call("login", login(name, wrong)))["error"] == "invalid_credentials"
        assert (await player.call("login", login(name, password)))["ok"]


async def test_closed_registration_says_so(own_cluster, players):
    cluster = own_cluster(REJOIN_REGISTRATION="closed")
    player = players()
    await player.connect(cluster.nodes[0])
    assert (await player.call("register", login("somebody")))["error"] == "registration_closed"


async def test_a_failed_login_changes_nothing(cluster, players):
    player = players()
    await registered(player, cluster.nodes[0], "steady")
    answer = await player.call("login", login("steady", "wrong password"))
    assert answer["error"] == "invalid_credentials"
    assert (await player.call("devices", {}))["ok"] and player.all("session")[-1]["login"] is True


async def test_login_over_plain_http_off_loopback_is_refused(cluster, players):
    player = players()
    await player.client.connect(cluster.nodes[0].url, headers={"Host": "game.example"}, auth={"token": None}, transports=["websocket"])
    for event in ("login", "register"):
        answer = await player.call(event, login("offloop"))
        assert (answer["error"], len(player.all("session"))) == ("forbidden", 1)


async def test_somebody_else_logs_in_on_a_players_socket_and_the_first_is_logged_out(cluster, players):
    node = cluster.nodes[0]
    await registered(players(), node, "second")
    player, beside = players(), players()
    token = (await registered(player, node, "first"))["token"]
    await beside.connect(cluster.nodes[1], token=token)
    answer = await player.call("login", login("second"))
    assert answer["ok"] and answer["user"]["name"] == "second"
    assert [(s["reason"], s["login"]) for s in player.all("session")] == [
        ("connect", False), ("login", True), ("logout", False), ("login", True)]
    assert len({s["handle"] for s in player.all("session")}) == 1
    assert (await beside.event("session", reason("logout")))["login"] is False


async def test_a_login_that_fails_does_not_log_the_player_out(cluster, players):
    player = players()
    await registered(player, cluster.nodes[0], "stays")
    assert (await player.call("login", login("nobody here")))["error"] == "invalid_credentials"
    assert [s["reason"] for s in player.all("session")] == ["connect", "login"]


# Claim and alias


async def test_a_claim_brings_the_cookie_and_tells_the_others_to_come_back(cluster, players):
    first, second = cluster.nodes
    before = await page(first)
    tab, player = players(), players()
    await tab.connect(second, cookie=before)
    answer = await registered(player, first, "claimer", before)
    assert len(tab.all("session")) == 1
    response, body = await claim(second, answer["ticket"], before)
    after = cookie_of(response)
    assert (response.status, body, response.headers["Cache-Control"]) == (204, "", "no-store")
    assert handle_of(after) == handle_of(before) and after.split(".")[1] != before.split(".")[1]
    refresh = await tab.event("session", reason("refresh"), timeout=2)
    assert refresh == {"login": False, "user": None, "handle": handle_of(before), "node": second.name, "reason": "refresh"}
    assert (await tab.call("act", {"room": "r", "id": "1", "action": {"set": {"a": 1}}}))["error"] == "login_required"
    assert (await tab.call("logout", {}))["error"] == "login_required"
    assert [s["reason"] for s in player.all("session")] == ["connect", "login"]
    assert (await players().connect(second, cookie=after))["user"]["name"] == "claimer"
    assert (await players().connect(second, cookie=before))["login"] is False


async def test_the_alias_ends_a_minute_after_the_claim(cluster, players):
    node = cluster.nodes[0]
    _, before, after = await claimed(players, node, "aliased")
    handle = handle_of(after)
    until = int(record(cluster, handle, "guestuntil")[0])
    assert 50_000 < until - time.time() * 1000 < 61_000
    assert (await players().connect(node, cookie=before))["handle"] == handle
    cluster.redis.command("HSET", f"rejoin:session:{{{handle}}}", "guestuntil", "1", "rotated", "1")
    session = await players().connect(node, cookie=before)
    assert session["login"] is False and session["handle"] not in (None, handle)
    fresh, _ = await get(node.url + "/session", headers={"Cookie": before})
    assert cookie_of(fresh) and handle_of(cookie_of(fresh)) != handle
    assert (await players().connect(node, cookie=after))["login"] is True


async def test_an_alias_logs_in_under_a_new_handle_and_the_session_feels_nothing(cluster, players):
    first, second = cluster.nodes
    owner, before, after = await claimed(players, first, "owner")
    await registered(players(), first, "planter")
    for node, late in ((first, False), (second, True)):
        attacker = players()
        await attacker.connect(node, cookie=before)
        answer = await attacker.call("login", login("planter"))
        assert answer["ok"]
        session = await attacker.event("session", reason("login"))
        assert session["user"]["name"] == "planter" and session["handle"] != handle_of(before)
        # The attacker's own cookie does not spoil its claim.
        response, _ = await claim(node, answer["ticket"], before)
        assert response.status == 204 and handle_of(cookie_of(response)) == session["handle"]
    assert [s["reason"] for s in owner.all("session")] == ["connect", "login"]
    assert (await players().connect(second, cookie=after))["user"]["name"] == "owner"


async def test_a_socket_from_before_the_login_logs_in_under_a_new_handle(cluster, players):
    node = cluster.nodes[0]
    before = await page(node)
    tab, player = players(), players()
    await tab.connect(node, cookie=before)
    await registered(player, node, "here first", before)
    await registered(players(), node, "here second")
    assert (await tab.call("login", login("here second")))["ok"]
    assert (await tab.event("session", reason("login")))["handle"] != handle_of(before)
    assert player.all("session")[-1]["login"] is True


async def test_a_ticket_is_good_once_and_only_for_its_own_browser(cluster, players):
    first, second = cluster.nodes
    _, _, other = await claimed(players, first, "other player")
    before = await page(first)
    answer = await registered(players(), first, "ticket", before)
    refused, _ = await claim(first, answer["ticket"], other)
    assert refused.status == 410 and cookie_of(refused) is None
    answers = await asyncio.gather(*(claim(node, answer["ticket"], before) for node in (first, second) * 4))
    assert sorted(response.status for response, _ in answers) == [204] + [410] * 7
    assert sum(cookie_of(response) is not None for response, _ in answers) == 1
    assert (await claim(first, answer["ticket"], before))[0].status == 410


@pytest.mark.parametrize("cookie", ["none", "guest", "dead", "malformed"])
async def test_a_ticket_may_come_with_a_guests_a_dead_or_no_cookie(cluster, players, cookie):
    node = cluster.nodes[0]
    answer = await registered(players(), node, f"claim {cookie}", await page(node))
    if cookie == "dead":
        _, _, sent = await claimed(players, node, "dead claimer")
        cluster.redis.command("DEL", f"rejoin:session:{{{handle_of(sent)}}}")
    else:
        sent = {"none": None, "guest": await page(node), "malformed": "rejoin=x"}[cookie]
    assert (await claim(node, answer["ticket"], sent))[0].status == 204


async def test_a_ticket_is_gone_after_a_minute_and_after_a_logout(cluster, players):
    node = cluster.nodes[0]
    late, out = players(), players()
    cookie = await page(node)
    answer = await registered(late, node, "too late", cookie)
    cluster.redis.command("HSET", f"rejoin:session:{{{handle_of(cookie)}}}", "ticketuntil", "1")
    assert (await claim(node, answer["ticket"]))[0].status == 410
    answer = await registered(out, node, "out again", await page(node))
    assert (await out.call("logout", {}))["ok"]
    assert (await claim(node, answer["ticket"]))[0].status == 410


async def test_a_login_that_nobody_claims_has_a_minute(cluster, players):
    node = cluster.nodes[0]
    cookie = await page(node)
    player = players()
    await registered(player, node, "unclaimed", cookie)
    life = int(cluster.redis.command("PTTL", f"rejoin:session:{{{handle_of(cookie)}}}"))
    assert 45_000 < life <= 60_000


async def test_a_tab_from_before_the_login_does_not_keep_it_alive_unclaimed(cluster, players):
    cookie = await page(cluster.nodes[0])
    tab, player = players(), players()
    await tab.connect(cluster.nodes[1], cookie=cookie)
    await registered(player, cluster.nodes[0], "never claimed", cookie)
    await player.leave()
    key = f"rejoin:session:{{{handle_of(cookie)}}}"

    async def wanes():
        return int(cluster.redis.command("PTTL", key)) < 47_000
    await eventually(wanes, timeout=30)
    assert len(tab.all("session")) == 1


# Logout


async def test_a_logout_tells_who_confirmed_it_and_the_socket_logs_in_again(cluster, players):
    first, second = cluster.nodes
    player = players()
    token = (await registered(player, first, "returns"))["token"]
    others = [players(), players()]
    for other in others:
        await other.connect(second, token=token)
    handle = handle_of(token)
    answer = await player.call("logout", {})
    assert answer == {"ok": True, "sockets": 3, "nodes": 2, "missing": []}
    for socket in (player, *others):
        told = await socket.event("session", reason("logout"), timeout=1)
        assert told["login"] is False and told["user"] is None and told["handle"] == handle
    answer = await player.call("logout", {})
    assert (answer["ok"], answer["error"]) == (False, "login_required")
    again = await player.call("login", login("returns"))
    assert again["ok"] and handle_of(again["token"]) == handle and again["token"] != token
    # The old token is the secret from before this login: it watches.
    assert (await players().connect(first, token=token))["login"] is False


async def test_a_logout_without_an_argument_or_by_a_cookie_works_as_well(cluster, players):
    player, _, cookie = await claimed(players, cluster.nodes[0], "bare")
    assert (await player.client.call("logout"))["ok"]
    session, body = await get(cluster.nodes[1].url + "/session", headers={"Cookie": cookie})
    assert json.loads(body)["login"] is False and handle_of(cookie_of(session)) == handle_of(cookie)
    answer = await player.call("login", login("bare"))
    assert answer["ok"] and player.all("session")[-1]["handle"] == handle_of(cookie)
    assert (await claim(cluster.nodes[0], answer["ticket"], cookie_of(session)))[0].status == 204


async def test_two_sockets_of_a_session_log_out_at_once_and_both_keep_the_handle(cluster, players):
    for round in range(5):
        pair = [players(), players()]
        token = (await registered(pair[0], cluster.nodes[0], f"pair{round}"))["token"]
        await pair[1].connect(cluster.nodes[1], token=token)
        answers = await asyncio.gather(*(player.call("logout", {}) for player in pair))
        assert any(answer["ok"] for answer in answers)
        assert all(answer["ok"] or answer["error"] == "login_required" for answer in answers)
        for player in pair:
            assert (await player.event("session", reason("logout"), timeout=2))["handle"] == handle_of(token)


async def test_a_logout_everywhere_ends_the_users_sessions_and_no_others(cluster, players):
    first, second = cluster.nodes
    me, elsewhere, stranger = players(), players(), players()
    token = (await registered(me, first, "all of me"))["token"]
    await elsewhere.connect(second)
    assert (await elsewhere.call("login", login("all of me")))["ok"]
    await registered(stranger, second, "not me")
    answer = await me.call("logout", {"everywhere": True})
    assert answer == {"ok": True, "sockets": 2, "nodes": 2, "missing": []}
    ended = await elsewhere.event("session", reason("revoked"), timeout=1)
    assert ended["login"] is False and ended["handle"] is None
    mine = await me.event("session", reason("logout"), timeout=1)
    assert mine["handle"] == handle_of(token)
    assert stranger.all("session")[-1]["login"] is True
    # On a record that is gone a login makes a new one.
    again = await elsewhere.call("login", login("all of me"))
    assert again["ok"] and elsewhere.all("session")[-1]["handle"] == handle_of(again["token"])
    assert (await me.call("logout", {"everywhere": 1}))["error"] in ("bad_request", "login_required")


async def test_a_wrong_everywhere_is_a_bad_request(cluster, players):
    player = players()
    await registered(player, cluster.nodes[0], "typed wrong")
    assert (await player.call("logout", {"everywhere": "yes"}))["error"] == "bad_request"
    assert player.all("session")[-1]["login"] is True


async def test_a_node_that_does_not_answer_is_named(own_cluster, players):
    cluster = own_cluster(nodes=2)
    player = players()
    await registered(player, cluster.nodes[0], "asks")
    cluster.nodes[1].kill()
    begin = time.monotonic()
    answer = await player.call("logout", {})
    assert answer == {"ok": True, "sockets": 1, "nodes": 1, "missing": ["n2"]} and time.monotonic() - begin < 3


# Devices


async def test_a_player_sees_and_ends_its_devices(cluster, players):
    first, second = cluster.nodes
    me, other = players(), players()
    token = (await registered(me, first, "two devices"))["token"]
    await other.connect(second)
    await other.call("login", login("two devices"))
    answer = await me.call("devices", {})
    assert answer["ok"] and [device["current"] for device in answer["devices"]] == [True, False]
    assert all(d.keys() == {"handle", "created", "seen", "client", "address", "current"} for d in answer["devices"])
    assert (await me.client.call("devices"))["ok"]
    handle = other.all("session")[-1]["handle"]
    for wrong in ({}, {"handle": "x"}, {"handle": None}, {"others": False}, {"handle": handle, "others": True}):
        assert (await me.call("endDevice", wrong))["error"] == "bad_request"
    assert await me.call("endDevice", {"handle": handle}) == {"ok": True, "sockets": 1, "nodes": 2, "missing": []}
    assert (await other.event("session", reason("revoked"), timeout=1))["handle"] is None
    assert (await me.call("endDevice", {"handle": handle}))["error"] == "bad_request"
    assert (await other.call("devices", {}))["error"] == "login_required"
    await other.call("login", login("two devices"))
    assert (await me.call("endDevice", {"others": True}))["sockets"] == 1
    assert me.all("session")[-1]["login"] is True
    assert (await me.call("endDevice", {"handle": handle_of(token)}))["ok"]
    assert (await me.event("session", reason("logout")))["handle"] == handle_of(token)


async def test_a_user_who_lists_its_devices_without_end_is_told_to_wait(own_cluster, players):
    cluster = own_cluster(REJOIN_LIMIT_LISTED_SESSIONS="1/s")
    player = players()
    await registered(player, cluster.nodes[0], "lister")
    answers = [await player.call("devices", {}) for _ in range(15)]
    assert [answer.get("error") for answer in answers[:10]] == [None] * 10
    assert answers[-1]["error"] == "rate_limited" and 0 < answers[-1]["retryAfter"] <= 1_000
    other = players()
    await registered(other, cluster.nodes[0], "other lister")
    assert (await other.call("devices", {}))["ok"]


async def test_nobody_ends_the_sessions_of_others(cluster, players):
    thief, victim = players(), players()
    await registered(thief, cluster.nodes[0], "thief")
    token = (await registered(victim, cluster.nodes[0], "victim"))["token"]
    assert (await thief.call("endDevice", {"handle": handle_of(token)}))["error"] == "bad_request"
    assert victim.all("session")[-1]["login"] is True
    assert (await victim.call("devices", {}))["ok"]


# What ends a session by itself


async def test_a_deleted_record_is_noticed_by_the_next_act_and_by_the_sweep(cluster, players):
    node = cluster.nodes[0]
    acting, idle = players(), players()
    token = (await registered(acting, node, "deleted by hand"))["token"]
    await acting.call("join", {"room": "ghost"})
    await idle.connect(cluster.nodes[1], token=token)
    cluster.redis.command("DEL", f"rejoin:session:{{{handle_of(token)}}}")
    refused = await acting.call("act", {"room": "ghost", "id": "1", "action": {"set": {"a": 1}}})
    assert refused["error"] == "login_required"
    for player in (acting, idle):
        session = await player.event("session", lambda session: not session["login"] and session["reason"] != "connect", timeout=30)
        assert session["handle"] is None
    assert acting.client.connected and idle.client.connected
    again = await acting.call("login", login("deleted by hand"))
    assert again["ok"] and handle_of(again["token"]) != handle_of(token)


async def test_a_session_expires_and_its_sockets_watch_on(own_cluster, players):
    cluster = own_cluster(REJOIN_SESSION_MAX="3s", REJOIN_SESSION_IDLE="3s")
    player, quiet = players(), players()
    token = (await registered(player, cluster.nodes[0], "mayfly"))["token"]
    await quiet.connect(cluster.nodes[0], token=token)
    await player.call("join", {"room": "pond"})
    assert (await player.call("act", {"room": "pond", "id": "0", "action": {"set": {"a": 1}}}))["ok"]

    async def refused():
        answer = await player.call("cast", {"room": "pond", "data": 1})
        return answer.get("error") == "login_required"

    await eventually(lambda: refused(), timeout=5)
    for socket in (player, quiet):
        session = await socket.event("session", reason("expired"), timeout=30)
        assert session["login"] is False and session["user"] is None and session["handle"] is None
        assert socket.client.connected
    assert (await players().connect(cluster.nodes[0], token=token))["login"] is False


async def test_a_short_absolute_life_needs_no_idle_life_beside_it(own_cluster, players):
    cluster = own_cluster(REJOIN_SESSION_MAX="2s")
    assert (await players().connect(cluster.nodes[0]))["login"] is False


async def test_an_open_socket_keeps_an_idle_session_alive(own_cluster, players):
    cluster = own_cluster(REJOIN_SESSION_IDLE="15s")
    player = players()
    token = (await registered(player, cluster.nodes[0], "idler"))["token"]
    key = f"rejoin:session:{{{handle_of(token)}}}"

    async def slid():
        return int(cluster.redis.command("HGET", key, "seen")) > int(cluster.redis.command("HGET", key, "created")) + 5_000
    await eventually(slid, timeout=14)
    assert int(cluster.redis.command("PTTL", key)) > 10_000


async def test_requests_keep_an_idle_session_alive(own_cluster, players):
    cluster = own_cluster(REJOIN_SESSION_IDLE="5s")
    player, _, cookie = await claimed(players, cluster.nodes[0], "reader")
    await player.leave()
    key = f"rejoin:session:{{{handle_of(cookie)}}}"
    seen = int(cluster.redis.command("HGET", key, "seen"))

    async def slid():
        _, body = await get(cluster.nodes[0].url + "/session", headers={"Cookie": cookie})
        assert json.loads(body)["login"] is True
        return int(cluster.redis.command("HGET", key, "seen")) > seen
    await eventually(slid, timeout=4)


async def test_the_oldest_session_ends_when_one_more_logs_in(own_cluster, players):
    cluster = own_cluster(nodes=2, REJOIN_SESSIONS_PER_USER="2")
    oldest, older, newest = players(), players(), players()
    await registered(oldest, cluster.nodes[0], "crowded")
    for player in (older, newest):
        await player.connect(cluster.nodes[1])
        assert (await player.call("login", login("crowded")))["ok"]
    session = await oldest.event("session", reason("replaced"), timeout=2)
    assert session["login"] is False and session["handle"] is None
    assert older.all("session")[-1]["login"] is True and newest.all("session")[-1]["login"] is True


async def test_a_removed_user_and_a_changed_password_end_the_sessions(cluster, players):
    player = players()
    await registered(player, cluster.nodes[0], "removed")
    changed = cluster.rejoin("users", "passwd", "removed", "--password-stdin", stdin="another password\n")
    assert changed.returncode == 0, changed.stderr
    assert (await player.event("session", reason("revoked"), timeout=2))["handle"] is None
    assert (await player.call("login", login("removed")))["error"] == "invalid_credentials"
    assert (await player.call("login", login("removed", "another password")))["ok"]
    assert cluster.rejoin("users", "remove", "removed").returncode == 0
    await eventually(lambda: asyncio.sleep(0, player.all("session")[-1]["login"] is False), timeout=2)
    assert (await player.call("login", login("removed", "another password")))["error"] == "invalid_credentials"


# Limits and bad input


async def test_the_sixth_wrong_password_waits_on_every_node(cluster, players):
    first, second = cluster.nodes
    name, stranger = players(), players()
    token = (await registered(name, first, "guess me"))["token"]
    await name.call("logout", {})
    attackers = []
    for node in (first, second):
        attackers.append(players())
        await attackers[-1].client.connect(
            node.url, headers={"X-Forwarded-For": "192.0.2.77"}, auth={"token": None}, transports=["websocket"])
        await attackers[-1].event("session")
    for number in range(5):
        answer = await attackers[number % 2].call("login", login("guess me", "wrong password"))
        assert answer["error"] == "invalid_credentials"
    for attacker in attackers:
        answer = await attacker.call("login", login("guess me"))
        assert answer["error"] == "rate_limited" and 0 < answer["retryAfter"] <= 900_000
        assert isinstance(answer["retryAfter"], int)
    await registered(stranger, second, "leave me")
    assert (await attackers[0].call("login", login("leave me")))["ok"]
    await stranger.client.disconnect()
    assert (await name.call("login", login("guess me")))["ok"]


async def test_a_changed_password_takes_the_counters_of_earlier_browsers_away(cluster):
    url = cluster.nodes[0].url

    def added(command, password):
        assert cluster.rejoin("users", command, "borrowed", "--password-stdin", stdin=password + "\n").returncode == 0

    async def guess(password, cookie=None):
        headers = {"X-Forwarded-For": "192.0.2.77"} | ({"Cookie": cookie} if cookie else {})
        return (await post(url + "/session/login", json=login("borrowed", password), headers=headers))[0]

    added("add", PASSWORD)
    browsers = []
    for _ in range(2):
        cookie = cookie_of(await guess(PASSWORD))
        left, _ = await post(url + "/session/logout", json={}, headers={"Cookie": cookie})
        browsers.append(cookie_of(left))
    # Nobody's failures but its own count for a browser that was logged in to the account.
    assert [(await guess("wrong guess", browsers[0])).status for _ in range(2)] == [401, 401]
    added("passwd", "another password")
    guesses = [(await guess(f"wrong guess {number}", browsers[number % 2])).status for number in range(10)]
    assert guesses == [401] * 5 + [429] * 5


async def test_too_many_messages_are_refused_and_the_socket_stays(cluster, players):
    player = players()
    await player.connect(cluster.nodes[0])
    answers = await asyncio.gather(*(player.call("leave", {"room": "r"}) for _ in range(60)))
    limited = [answer for answer in answers if not answer["ok"]]
    assert 10 <= len(limited) <= 20 and {answer["error"] for answer in limited} == {"rate_limited"}
    assert all(0 < answer["retryAfter"] <= 1000 for answer in limited) and player.client.connected

    async def again():
        return (await player.call("leave", {"room": "r"}))["ok"]
    await eventually(again)


async def test_a_request_without_an_acknowledgement_fails_by_the_event_error(cluster, players):
    player = players()
    await player.connect(cluster.nodes[0])
    await player.client.emit("act", {"room": "r", "id": "1", "action": {}})
    error = await player.event("error")
    assert (error["ok"], error["error"]) == (False, "login_required") and error["message"]


async def test_a_socket_is_in_sixteen_rooms_at_most(cluster, players):
    player = players()
    await player.connect(cluster.nodes[0])
    for number in range(16):
        assert (await player.call("join", {"room": f"room{number}"}))["ok"]
    refused = await player.call("join", {"room": "room16"})
    assert refused["ok"] is False and refused["error"] == "rate_limited" and "16" in refused["message"]
    assert (await player.call("join", {"room": "room0"}))["ok"]
    assert (await player.call("leave", {"room": "room0"}))["ok"]
    assert (await player.call("join", {"room": "room16"}))["ok"]


EVENTS = ["login", "register", "join", "leave", "act", "cast", "endDevice", "no such event"]
SHAPES = [(), ({}, {}), ([],), ("text",), (1,), (None,), ({"room": 1, "username": [], "handle": {}, "id": None},),
          ({"room": "a b", "since": 1, "everywhere": 3},), ({"room": "r" * 65},), ({"room": "r{}"},), ({"room": "r\r\nX"},)]


async def test_whatever_the_shape_of_an_event_it_is_a_bad_request(cluster, players):
    player = players()
    await registered(player, cluster.nodes[0], "shapeless")
    for event in EVENTS:
        crowd = players()
        await crowd.connect(cluster.nodes[0])
        for shape in SHAPES:
            answer = await crowd.client.call(event, shape)
            assert (answer["ok"], answer["error"]) == (False, "bad_request"), (event, shape)
    for since in (1, "x", [], {}, {"epoch": 1, "version": 1}, {"epoch": "e", "version": -1}, {"epoch": "e", "version": 1.5},
                  {"epoch": "e"}):
        answer = await player.call("join", {"room": "r", "since": since})
        assert answer["error"] == "bad_request", since
    assert (await player.call("join", {"room": "r", "since": None}))["ok"]
    assert player.client.connected


async def test_what_a_payload_says_of_its_sender_does_not_count(cluster, players):
    player, watcher = players(), players()
    answer = await registered(player, cluster.nodes[0], "honest")
    await player.call("join", {"room": "who"})
    await watcher.connect(cluster.nodes[1])
    await watcher.call("join", {"room": "who"})
    forged = {"userId": "x", "name": "x", "user": {"id": "x"}, "by": {"id": "x", "name": "x"}, "role": "admin"}
    assert (await watcher.call("act", forged | {"room": "who", "id": "1", "action": {"set": {"a": 1}}}))["error"] == "login_required"
    assert (await watcher.call("cast", forged | {"room": "who", "data": 1}))["error"] == "login_required"
    assert (await player.call("cast", forged | {"room": "who", "data": 1}))["ok"]
    assert (await watcher.event("cast"))["by"] == answer["user"]


# Redis away


async def test_redis_away_leaves_the_login_as_it_was(own_cluster, players):
    cluster = own_cluster()
    player = players()
    token = (await registered(player, cluster.nodes[0], "patient"))["token"]
    for outage in (cluster.redis.freeze, cluster.redis.kill):
        if outage == cluster.redis.kill:
            cluster.redis.thaw()
        outage()
        for event, body in [("logout", {}), ("login", login("patient")), ("devices", {}), ("endDevice", {"others": True}),
                            ("register", login("somebody new"))]:
            begin = time.monotonic()
            answer = await player.call(event, body)
            assert answer["error"] == "unavailable" and time.monotonic() - begin < 1, (event, answer)
    told = await player.event("session", reason("unavailable"))
    assert told["login"] is True and told["handle"] == handle_of(token)
    assert all(session["login"] for session in player.all("session")[1:]) and player.client.connected


async def test_a_full_redis_lets_nobody_in_and_everybody_out(own_cluster, players):
    cluster = own_cluster()
    player, late = players(), players()
    await registered(player, cluster.nodes[0], "leaves")
    await late.connect(cluster.nodes[0])
    cluster.redis.command("CONFIG", "SET", "maxmemory", "1mb")
    assert (await late.call("login", login("leaves")))["error"] == "unavailable"
    assert (await player.call("logout", {}))["ok"]


# Races


async def test_whatever_logs_out_meanwhile_no_socket_stays_a_player(cluster, players):
    first, second = cluster.nodes
    for round in range(12):
        owner = players()
        token = (await registered(owner, first, f"race{round}"))["token"]
        sockets = [players() for _ in range(6)]

        async def connect(player, node):
            await player.connect(node, token=token)

        connecting = asyncio.gather(*(connect(player, node) for player, node in zip(sockets, (first, second) * 3)))
        await owner.call("logout", {})
        await connecting
        for player in sockets:
            async def watches():
                return player.all("session")[-1]["login"] is False
            await eventually(watches, timeout=1)
        for player in (owner, *sockets):
            await player.leave()


async def test_a_login_that_everywhere_overtakes_is_over(cluster, players):
    first, second = cluster.nodes
    owner = players()
    await registered(owner, first, "overtaken")
    for round in range(6):
        late = players()
        await late.connect(second)
        answer, _ = await asyncio.gather(
            late.call("login", login("overtaken")), owner.call("logout", {"everywhere": True}))

        async def agrees():
            last = late.all("session")[-1]["login"]
            devices = await late.call("devices", {})
            return last == devices["ok"] and (last or devices["error"] == "login_required")
        await eventually(agrees, timeout=2)
        assert answer["ok"] or answer["error"] == "invalid_credentials"
        assert (await owner.call("login", login("overtaken")))["ok"]


async def test_a_socket_that_leaves_during_its_login_leaves_no_login_behind(cluster, players):
    node = cluster.nodes[0]
    owner = players()
    await registered(owner, node, "hasty")
    for _ in range(5):
        hasty = players()
        await hasty.connect(node)
        await hasty.client.emit("login", login("hasty"))
        await hasty.client.disconnect()

    async def alone():
        return len((await owner.call("devices", {}))["devices"]) == 1
    await eventually(alone, timeout=5)
