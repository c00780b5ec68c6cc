"""The session without a socket: cookies, the endpoints under /session, and what every answer carries."""

import asyncio
import json
import re
import socket
import time
from urllib.parse import quote

import aiohttp
import pytest

from cluster import PASSWORD, Cluster, Player, cookie_of, eventually, get, post

HTTPS = {"X-Forwarded-Proto": "https", "Host": "game.example"}
PROXY = {"REJOIN_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("http"), nodes=2, **PROXY)
    yield cluster
    cluster.stop()


@pytest.fixture
def node(cluster):
    return cluster.nodes[0]


def account(cluster, name, password=PASSWORD):
    added = cluster.rejoin("users", "add", name, "--password-stdin", stdin=password + "\n")
    assert added.returncode == 0, added.stderr
    return name


async def logged_in(node, name, cookie=None, password=PASSWORD, **headers):
    headers |= {"Cookie": cookie} if cookie else {}
    response, body = await post(
        node.url + "/session/login", json={"username": name, "password": password}, headers=headers)
    assert response.status == 200, body
    return cookie_of(response)


async def session(node, cookie):
    response, body = await get(node.url + "/session", headers={"Cookie": cookie})
    assert response.status == 200, body
    return json.loads(body)


def set_cookie(response):
    cookies = response.headers.getall("Set-Cookie", [])
    assert len(cookies) <= 1
    return cookies[0] if cookies else None


async def raw(node, path="/socket.io/?EIO=4&transport=websocket", **headers):
    """A handshake by hand. Returns the status and the headers of the answer."""
    host, port = node.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = {"Host": f"{host}:{port}", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} | headers
    request = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"GET {path} HTTP/1.1\r\n{request}\r\n".encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    writer.close()
    status, *fields = head.strip().split("\r\n")
    return int(status.split()[1]), [tuple(field.split(": ", 1)) for field in fields]


def cookies(fields):
    return [value for name, value in fields if name.lower() == "set-cookie"]


# Cookies


@pytest.mark.parametrize("path", ["/", "/session"])
async def test_a_visitor_without_a_cookie_gets_one_and_it_is_not_sent_again(node, path):
    response, _ = await get(node.url + path)
    parts = set_cookie(response).split("; ")
    assert parts[0].startswith("rejoin=") and len(parts[0].removeprefix("rejoin=").split(".")) == 3
    assert {"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=7776000"} == set(parts[1:])
    assert "no-store" in response.headers["Cache-Control"]
    again, _ = await get(node.url + path, headers={"Cookie": parts[0]})
    assert set_cookie(again) is None


async def test_a_guests_cookie_that_is_too_old_is_replaced_by_a_page(tmp_path):
    cluster = Cluster(tmp_path, nodes=1, REJOIN_SESSION_IDLE="1s")
    try:
        node = cluster.nodes[0]
        first = cookie_of((await get(node.url + "/"))[0])
        assert first and cookie_of((await get(node.url + "/", headers={"Cookie": first}))[0]) is None

        async def replaced():
            return cookie_of((await get(node.url + "/", headers={"Cookie": first}))[0])
        second = await eventually(replaced)
        assert second != first
    finally:
        cluster.stop()


async def test_a_handshake_without_a_valid_cookie_sets_one(node):
    status, fields = await raw(node)
    assert status == 101
    [cookie] = cookies(fields)
    assert cookie.startswith("rejoin=") and "HttpOnly" in cookie
    status, fields = await raw(node, Cookie=cookie.split(";")[0])
    assert (status, cookies(fields)) == (101, [])


async def test_behind_a_trusted_proxy_that_speaks_https_the_cookie_is_host_bound_and_secure(cluster, node):
    response, _ = await get(node.url + "/session", headers=HTTPS)
    parts = set_cookie(response).split("; ")
    assert parts[0].startswith("__Host-rejoin=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} < set(parts)
    assert not any(part.lower().startswith("domain") for part in parts)
    assert "max-age" in response.headers["Strict-Transport-Security"]
    again, _ = await get(node.url + "/session", headers=HTTPS | {"Cookie": parts[0]})
    assert set_cookie(again) is None
    # Only the scheme's own name is looked at.
    other, _ = await get(node.url + "/session", headers=HTTPS | {"Cookie": parts[0].removeprefix("__Host-")})
    assert set_cookie(other).startswith("__Host-rejoin=")
    status, fields = await raw(node, **HTTPS)
    assert status == 101 and "; Secure" in cookies(fields)[0]


async def test_the_cookie_of_a_login_over_https_is_host_bound_and_kept_by_no_cache(cluster, node):
    response, body = await post(
        node.url + "/session/login", json={"username": account(cluster, "over https"), "password": PASSWORD}, headers=HTTPS)
    assert response.status == 200 and response.headers["Cache-Control"] == "no-store"
    name, *attributes = set_cookie(response).split("; ")
    assert name.startswith("__Host-rejoin=") and len(attributes) == 5
    assert set(attributes) == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=7776000"}
    assert PASSWORD not in body and name.split(".")[1] not in body


async def test_plain_http_off_loopback_has_no_cookie_and_no_login(cluster, node):
    account(cluster, "plain")
    headers = {"Host": "game.example"}
    response, body = await get(node.url + "/session", headers=headers)
    assert (response.status, json.loads(body)) == (200, {"login": False, "user": None})
    assert set_cookie(response) is None
    page, _ = await get(node.url + "/", headers=headers)
    assert page.status == 200 and set_cookie(page) is None
    assert cookies((await raw(node, **headers))[1]) == []
    for path, body in [("login", {"username": "plain", "password": PASSWORD}), ("claim", {"ticket": "x.y"})]:
        refused, text = await post(node.url + f"/session/{path}", json=body, headers=headers)
        assert (refused.status, json.loads(text)["error"]) == (403, "forbidden")
        assert set_cookie(refused) is None


@pytest.mark.parametrize("host,name", [
    ("localhost:8080", "rejoin="), ("a.localhost", "rejoin="), ("127.9.9.9", "rejoin="), ("[::1]:80", "rejoin="),
    ("localhost.example", None), ("128.0.0.1", None), ("[::2]", None)])
async def test_loopback_is_what_the_host_says(node, host, name):
    response, _ = await get(node.url + "/session", headers={"Host": host})
    cookie = set_cookie(response)
    assert cookie is None if name is None else cookie.startswith(name)


async def test_the_schemes_of_proxies_that_are_not_trusted_do_not_count(tmp_path):
    cluster = Cluster(tmp_path, nodes=1)
    try:
        response, _ = await get(cluster.nodes[0].url + "/session", headers={"X-Forwarded-Proto": "https"})
        assert set_cookie(response).startswith("rejoin=")
    finally:
        cluster.stop()


@pytest.mark.parametrize("path", ["/", "/session", "/session/check"])
async def test_a_cookie_twice_is_400_and_cookies_over_4_kib_are_431(node, path):
    cookie = cookie_of((await get(node.url + "/"))[0])
    twice, body = await get(node.url + path, headers={"Cookie": f"{cookie}; a=b; {cookie}"})
    assert twice.status == 400 and json.loads(body).keys() == {"error", "message"} and set_cookie(twice) is None
    long, body = await get(node.url + path, headers={"Cookie": "a=" + "b" * 4095})
    assert long.status == 431 and json.loads(body).keys() == {"error", "message"} and set_cookie(long) is None
    fits, _ = await get(node.url + path, headers={"Cookie": "a=" + "b" * 4094})
    assert fits.status != 431


async def test_a_cookie_twice_is_400_and_cookies_over_4_kib_are_431_at_a_handshake(node):
    cookie = cookie_of((await get(node.url + "/"))[0])
    assert (await raw(node, Cookie=f"{cookie}; {cookie}"))[0] == 400
    assert (await raw(node, Cookie="a=" + "b" * 4095))[0] == 431


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "a.b.c.d", "A" * 3900, "\u00e9", "=", "a.b"])
async def test_a_malformed_cookie_is_replaced_by_a_fresh_guests(node, value):
    response, body = await get(node.url + "/session", headers={"Cookie": f"rejoin={value}"})
    assert (response.status, json.loads(body)["login"]) == (200, False)
    assert cookie_of(response)


async def test_a_forged_cookie_is_replaced_by_a_fresh_guests(cluster, node):
    cookie = await logged_in(node, account(cluster, "forged"))
    name, handle, secret, signature = cookie.replace("=", ".", 1).split(".")
    def other(part):
        """With another first character: the last one may have bits that do not count."""
        return ("B" if part[0] == "A" else "A") + part[1:]

    for forged in (f"{handle}.{other(secret)}.{signature}", f"{other(handle)}.{secret}.{signature}",
                   f"{handle}.{secret}.{other(signature)}", f"{handle}.{secret}", f"{handle}.{secret}.{signature}="):
        response, body = await get(node.url + "/session", headers={"Cookie": f"rejoin={forged}"})
        assert json.loads(body) == {"login": False, "user": None}
        fresh = cookie_of(response)
        assert fresh and handle not in fresh
    assert (await session(node, cookie))["login"] is True


def commands(cluster):
    return int(re.search(r"total_commands_processed:(\d+)", cluster.redis.command("INFO", "stats"))[1])


async def test_a_thousand_page_loads_make_no_key_and_ask_redis_nothing(cluster, node):
    keys, before = cluster.redis.command("DBSIZE"), commands(cluster)
    guest = cookie_of((await get(node.url + "/"))[0])
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        async def load(number):
            async with client.get(node.url + "/", headers={"Cookie": guest} if number % 2 else {}) as response:
                assert response.status == 200
        await asyncio.gather(*(load(number) for number in range(1000)))
    # What the nodes say of themselves, some times a second each.
    assert commands(cluster) - before < 200
    assert cluster.redis.command("DBSIZE") == keys


async def test_a_credential_counts_in_a_cookie_only(cluster, node):
    credential = (await logged_in(node, account(cluster, "bearer"))).removeprefix("rejoin=")
    for url, headers in [("/session", {"Authorization": f"Bearer {credential}"}), (f"/session?token={credential}", {})]:
        _, body = await get(node.url + url, headers=headers)
        assert json.loads(body)["login"] is False


async def test_a_credential_in_a_handshakes_query_or_authorization_is_nobodys(cluster, node):
    credential = (await logged_in(node, account(cluster, "bearing"))).removeprefix("rejoin=")
    player = Player()
    await player.client.connect(
        f"{node.url}?token={credential}&rejoin={credential}", headers={"Authorization": f"Bearer {credential}"},
        auth={"credential": credential}, transports=["websocket"])
    told = await player.event("session")
    assert told["login"] is False and told["handle"] != credential.split(".")[0]
    await player.leave()


async def test_a_players_cookie_without_its_record_is_a_fresh_guest(cluster, node):
    cookie = await logged_in(node, account(cluster, "deleted"))
    handle = cookie.removeprefix("rejoin=").split(".")[0]
    assert cluster.redis.command("DEL", f"rejoin:session:{{{handle}}}") == "1"
    for path in ("/", "/session"):
        response, _ = await get(node.url + path, headers={"Cookie": cookie})
        fresh = cookie_of(response)
        assert fresh and handle not in fresh
    assert handle not in cookies((await raw(node, Cookie=cookie))[1])[0]
    checked, _ = await get(node.url + "/session/check", headers={"Cookie": cookie})
    assert checked.status == 401


async def test_a_cookie_whose_key_was_replaced_is_sent_again(tmp_path):
    old, new = "b" * 43 + "=", "c" * 43 + "="
    cluster = Cluster(tmp_path, nodes=0)
    try:
        before = cluster.add("n1", REJOIN_COOKIE_KEYS=old)
        between = cluster.add("n2", REJOIN_COOKIE_KEYS=f"{new},{old}")
        after = cluster.add("n3", REJOIN_COOKIE_KEYS=new)
        cookie = await logged_in(before, account(cluster, "rotated"))
        response, body = await get(between.url + "/session", headers={"Cookie": cookie})
        renewed = cookie_of(response)
        assert json.loads(body)["login"] is True and renewed.split(".")[:2] == cookie.split(".")[:2] and renewed != cookie
        assert cookie_of((await get(between.url + "/session", headers={"Cookie": renewed}))[0]) is None
        assert (await session(after, renewed))["login"] is True
        assert (await session(after, cookie))["login"] is False
    finally:
        cluster.stop()


# Login, check, logout


async def test_a_login_over_http_is_told_everywhere(cluster):
    first, second = cluster.nodes
    name = account(cluster, "Zo\u00eb / \u00e5b")
    guest = cookie_of((await get(first.url + "/"))[0])
    response, body = await post(
        first.url + "/session/login", json={"username": name, "password": PASSWORD}, headers={"Cookie": guest})
    answer = json.loads(body)
    assert response.status == 200 and response.headers["Cache-Control"] == "no-store"
    assert answer["login"] is True and answer["user"]["name"] == name
    cookie = cookie_of(response)
    assert cookie != guest and set_cookie(response).count("Max-Age=777") == 1
    shown = await session(second, cookie)
    assert shown == {"login": True, "user": answer["user"], "expires": shown["expires"]}
    assert abs(shown["expires"] - time.time() * 1000 - 90 * 86400e3) < 60e3
    checked, body = await get(second.url + "/session/check", headers={"Cookie": cookie})
    assert (checked.status, body) == (204, "") and checked.headers["X-Rejoin-User"] == quote(name, safe="")
    assert checked.headers["X-Rejoin-User-Id"] == answer["user"]["id"]
    for watcher in (None, guest):
        refused, body = await get(second.url + "/session/check", headers={"Cookie": watcher} if watcher else {})
        assert refused.status == 401 and json.loads(body).keys() == {"error", "message"}


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(cluster, node):
    account(cluster, "known")
    answers = []
    for name, password in [("known", "not the password"), ("nobody at all", "not the password"), ("known", "p" * 257),
                           ("known", "short"), ("", "not the password"), ("a\u202eb", "not the password")]:
        response, body = await post(node.url + "/session/login", json={"username": name, "password": password})
        assert set_cookie(response) is None
        answers.append((response.status, body))
    assert answers[0][0] == 401 and json.loads(answers[0][1])["error"] == "invalid_credentials"
    assert len(set(answers)) == 1


async def test_the_sockets_of_a_guests_cookie_hear_of_its_login_over_http(cluster):
    first, second = cluster.nodes
    name = account(cluster, "tab")
    guest = cookie_of((await get(first.url + "/"))[0])
    player = Player()
    opened = await player.connect(second, cookie=guest)
    await logged_in(first, name, guest)
    heard = await player.event("session", lambda session: session["reason"] == "refresh", timeout=2)
    assert heard["login"] is False and heard["handle"] == opened["handle"]
    await player.leave()


async def test_the_cookie_from_before_a_login_watches_and_is_not_replaced(cluster, node):
    guest = cookie_of((await get(node.url + "/"))[0])
    player = Player()
    await player.connect(node, cookie=guest)
    await logged_in(node, account(cluster, "alias"), guest)
    response, body = await get(node.url + "/session", headers={"Cookie": guest})
    assert json.loads(body)["login"] is False and set_cookie(response) is None
    for path, body in [("/session/devices/end", {"others": True}), ("/session/logout", {})]:
        response, _ = await post(node.url + path, json=body, headers={"Cookie": guest})
        assert set_cookie(response) is None
    assert (await get(node.url + "/session/devices", headers={"Cookie": guest}))[0].status == 401
    await player.leave()


async def test_somebody_else_logs_in_over_http_and_the_first_is_logged_out(cluster, node):
    first = await logged_in(node, account(cluster, "one"))
    player = Player()
    assert (await player.connect(node, cookie=first))["user"]["name"] == "one"
    second = await logged_in(node, account(cluster, "two"), first)
    assert (await player.event("session", lambda session: not session["login"]))["reason"] == "logout"
    assert (await session(node, second))["user"]["name"] == "two"
    assert (await session(node, first))["login"] is False
    await player.leave()


async def test_a_logout_makes_the_browser_a_guest_again(cluster):
    first, second = cluster.nodes
    cookie = await logged_in(first, account(cluster, "leaver"))
    player = Player()
    handle = (await player.connect(second, cookie=cookie))["handle"]
    response, body = await post(first.url + "/session/logout", json={}, headers={"Cookie": cookie})
    guest = cookie_of(response)
    assert (response.status, body) == (204, "") and guest != cookie and handle in guest
    assert (await player.event("session", lambda session: not session["login"], timeout=1)) == {
        "login": False, "user": None, "handle": handle, "node": second.name, "reason": "logout"}
    assert cookie_of((await get(first.url + "/session", headers={"Cookie": guest}))[0]) is None
    assert (await session(second, guest)) == {"login": False, "user": None}
    # A player's cookie that stayed behind is a guest's, too.
    stale, body = await get(first.url + "/session", headers={"Cookie": cookie})
    assert json.loads(body)["login"] is False and handle in cookie_of(stale)
    again, _ = await post(first.url + "/session/logout", json={}, headers={"Cookie": guest})
    assert again.status == 204
    assert (await session(first, await logged_in(first, "leaver", guest)))["login"] is True
    await player.leave()


async def test_a_logout_everywhere_ends_all_sessions_of_the_user(cluster):
    first, second = cluster.nodes
    name = account(cluster, "everywhere")
    mine, other = await logged_in(first, name), await logged_in(second, name)
    strangers = await logged_in(second, account(cluster, "stranger"))
    player = Player()
    await player.connect(second, cookie=other)
    response, _ = await post(first.url + "/session/logout", json={"everywhere": True}, headers={"Cookie": mine})
    assert response.status == 204 and cookie_of(response)
    heard = await player.event("session", lambda session: not session["login"], timeout=1)
    assert (heard["reason"], heard["handle"]) == ("revoked", None)
    for cookie in (mine, other):
        assert (await session(second, cookie))["login"] is False
    assert (await session(first, strangers))["login"] is True
    wrong, _ = await post(first.url + "/session/logout", json={"everywhere": "yes"}, headers={"Cookie": strangers})
    assert wrong.status == 400 and (await session(first, strangers))["login"] is True
    await player.leave()


async def test_too_many_wrong_passwords_are_429_with_a_time_and_the_owner_elsewhere_is_let_in(cluster):
    first, second = cluster.nodes
    name, other = account(cluster, "guessed"), account(cluster, "unguessed")
    attacker, owner = {"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "198.51.100.9"}
    for number in range(5):
        response, _ = await post(
            cluster.nodes[number % 2].url + "/session/login", json={"username": name, "password": "wrong one"}, headers=attacker)
        assert response.status == 401
    for node in cluster.nodes:
        response, body = await post(
            node.url + "/session/login", json={"username": name.upper(), "password": PASSWORD}, headers=attacker)
        assert (response.status, json.loads(body)["error"]) == (429, "rate_limited")
        assert 1 <= int(response.headers["Retry-After"]) <= 900
    assert await logged_in(second, other, **attacker)
    assert await logged_in(first, name, **owner)


# Devices


async def test_a_user_sees_and_ends_its_own_sessions(cluster):
    first, second = cluster.nodes
    name = account(cluster, "devices")
    mine = await logged_in(first, name, **{"User-Agent": "Mine/1"})
    other = await logged_in(second, name, **{"User-Agent": "Other/1", "X-Forwarded-For": "203.0.113.5"})
    third = await logged_in(second, name)
    stranger = await logged_in(second, account(cluster, "not yours"))
    response, body = await get(first.url + "/session/devices", headers={"Cookie": mine})
    assert response.status == 200 and response.headers["Cache-Control"] == "no-store"
    devices = json.loads(body)["devices"]
    assert [device["current"] for device in devices] == [True, False, False]
    assert all(device.keys() == {"handle", "created", "seen", "client", "address", "current"} for device in devices)
    assert (devices[0]["client"], devices[1]["client"], devices[1]["address"]) == ("Mine/1", "Other/1", "203.0.113.5")

    async def end(body, cookie=mine):
        return await post(first.url + "/session/devices/end", json=body, headers={"Cookie": cookie} if cookie else {})

    handle = lambda cookie: cookie.removeprefix("rejoin=").split(".")[0]
    assert (await end({"handle": handle(stranger)}))[0].status == 400
    assert (await session(first, stranger))["login"] is True
    for wrong in ({}, {"handle": 1}, {"handle": "x"}, {"others": False}, {"handle": handle(other), "others": True}):
        assert (await end(wrong))[0].status == 400
    assert (await end({"handle": handle(other)}, cookie=None))[0].status == 401
    player = Player()
    await player.connect(second, cookie=other)
    ended, body = await end({"handle": handle(other)})
    assert ended.status == 200 and json.loads(body) == {"sockets": 1, "nodes": 2, "missing": []}
    assert (await player.event("session", lambda session: not session["login"], timeout=1))["reason"] == "revoked"
    assert (await session(first, other))["login"] is False and (await session(first, third))["login"] is True
    assert (await end({"others": True}))[0].status == 200
    assert (await session(first, third))["login"] is False and (await session(first, mine))["login"] is True
    last, _ = await end({"handle": handle(mine)})
    assert handle(mine) in cookie_of(last) and (await session(first, mine))["login"] is False
    await player.leave()


# What every request goes through


STATE_CHANGING = ["login", "claim", "logout", "devices/end"]


@pytest.mark.parametrize("path", STATE_CHANGING)
async def test_what_is_not_json_or_comes_from_another_site_is_refused(node, path):
    url = f"{node.url}/session/{path}"
    for type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"):
        response, body = await post(url, data="{}", headers={"Content-Type": type})
        assert response.status == 415 and json.loads(body).keys() == {"error", "message"}
    for headers in ({"Origin": "https://game.test.evil"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Origin": node.url.replace("http", "https")}, {"Origin": "http://127.0.0.1:1"}):
        response, body = await post(url, json={}, headers=headers)
        assert (response.status, json.loads(body)["error"]) == (403, "forbidden")
        assert "Access-Control-Allow-Origin" not in response.headers
    own, _ = await post(url, json={}, headers={"Origin": node.url, "Sec-Fetch-Site": "same-origin"})
    assert own.status not in (403, 415)
    typed, _ = await post(url, data="{}", headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert typed.status != 415


@pytest.mark.parametrize("path", STATE_CHANGING)
@pytest.mark.parametrize("body", ["{", "[]", "1", '"a"', "null", "\xff", '{"a":' * 40, "{}{}", '{"a":1e999}'])
async def test_a_body_that_is_no_object_is_400(node, path, body):
    response, text = await post(
        f"{node.url}/session/{path}", data=body.encode("latin-1"), headers={"Content-Type": "application/json"})
    assert (response.status, json.loads(text)["error"]) == (400, "bad_request")


@pytest.mark.parametrize("body", [
    {}, {"username": "a"}, {"username": 1, "password": PASSWORD}, {"username": "a", "password": None},
    {"username": ["a"], "password": {}}])
async def test_a_login_without_two_strings_is_400(node, body):
    assert (await post(node.url + "/session/login", json=body))[0].status == 400


async def test_a_body_over_4_kib_is_413(node):
    response, body = await post(node.url + "/session/login", json={"username": "a" * 5000, "password": "b"})
    assert response.status == 413 and json.loads(body)["error"] == "too_large"


async def test_a_claim_without_a_ticket_is_400_and_of_none_410(node):
    for body in ({}, {"ticket": 1}, {"ticket": None}):
        assert (await post(node.url + "/session/claim", json=body))[0].status == 400
    for ticket in ("", "x", "a.b", "A" * 22 + "." + "A" * 43):
        response, body = await post(node.url + "/session/claim", json={"ticket": ticket})
        assert response.status == 410 and json.loads(body).keys() == {"error", "message"}
        assert set_cookie(response) is None


async def test_health_and_pages(node):
    for base in (node.url, node.admin):
        for path in ("/healthz", "/readyz"):
            assert (await get(base + path))[0].status == 200
    page, body = await get(node.url + "/")
    policy = page.headers["Content-Security-Policy"]
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html") and "<html" in body.lower()
    assert "connect-src 'self'" in policy and "default-src 'none'" in policy
    client, _ = await get(node.url + "/rejoin.js")
    assert client.status == 200 and client.headers["Content-Type"].startswith("text/javascript")
    types, _ = await get(node.url + "/rejoin.d.ts")
    assert types.status == 200
    missing, body = await get(node.url + "/no/such/page")
    assert missing.status == 404 and json.loads(body).keys() == {"error", "message"}
    for response in (page, client, types, missing):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    async with aiohttp.ClientSession() as client:
        async with client.head(node.url + "/") as head:
            assert head.status == 200


async def test_redis_away_is_503_within_a_second_and_never_a_cookie(tmp_path):
    cluster = Cluster(tmp_path, nodes=1)
    try:
        node = cluster.nodes[0]
        cookie = await logged_in(node, account(cluster, "patient"))
        guest = cookie_of((await get(node.url + "/"))[0])
        for outage in (cluster.redis.freeze, cluster.redis.kill):
            if outage == cluster.redis.kill:
                cluster.redis.thaw()
            outage()
            for method, path, body, sent in [
                    (get, "/session", None, cookie), (get, "/session/check", None, cookie), (get, "/session", None, guest),
                    (get, "/session/check", None, guest), (get, "/session/devices", None, guest),
                    (get, "/session/devices", None, cookie), (post, "/session/logout", {}, cookie),
                    (post, "/session/login", {"username": "patient", "password": PASSWORD}, cookie),
                    (post, "/session/claim", {"ticket": "A" * 22 + "." + "A" * 43}, guest)]:
                begin = time.monotonic()
                response, text = await method(
                    node.url + path, headers={"Cookie": sent}, **({} if body is None else {"json": body}))
                assert time.monotonic() - begin < 1, path
                assert (response.status, json.loads(text)["error"]) == (503, "unavailable"), path
                assert set_cookie(response) is None
            page, _ = await get(node.url + "/", headers={"Cookie": cookie})
            assert page.status in (200, 503) and set_cookie(page) is None
            status, fields = await raw(node, Cookie=cookie)
            assert status == 503 and cookies(fields) == []
        for path in ("/session", "/"):
            response, _ = await get(node.url + path)
            assert set_cookie(response) is None
        assert (await get(node.url + "/healthz"))[0].status == 200

        async def unready():
            return (await get(node.url + "/readyz"))[0].status == 503
        await eventually(unready)
    finally:
        cluster.stop()


@pytest.mark.parametrize("path", ["/nothing", "/session/login", "/session", "/healthz", "/api/v1/nodes", "/metrics"])
@pytest.mark.parametrize("listener", ["public", "admin"])
def test_a_head_is_answered_by_a_head_alone(node, listener, path):
    """A proxy would take a body for the answer to its next request."""
    host, port = (node.url if listener == "public" else node.admin).removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        host = f"Host: {host}:{port}\r\n".encode()
        connection.sendall(b"HEAD " + path.encode() + b" HTTP/1.1\r\n" + host + b"\r\n"
                           + b"GET /healthz HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n")
        answers = b""
        while more := connection.recv(65536):
            answers += more
    first, second = answers.split(b"\r\n\r\n", 1)
    assert first.startswith(b"HTTP/1.1 ") and second.startswith(b"HTTP/1.1 200 OK\r\n"), answers


def test_a_node_with_its_accounts_in_sqlite_does_not_load_the_library_of_postgresql(node):
    with open(f"/proc/{node.process.pid}/maps") as maps:
        libraries = maps.read()
    assert "libsqlite3" in libraries and "libpq" not in libraries
