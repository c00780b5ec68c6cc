"""Long-polling and the upgrade from it, by python-socketio and byte by byte, against whole nodes."""

import asyncio
import json
import re
import signal
import time
from urllib.parse import urlsplit

import aiohttp
import pytest
import socketio

from cluster import Cluster, Player, cookie_of, eventually, get, post

POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("polling"), nodes=1, REJOIN_ORIGINS="https://Game.test:443")
    yield cluster.nodes[0]
    assert cluster.nodes[0].process.poll() is None, "the node lives on"
    cluster.stop()


class Poller(Player):
    """A player whose client polls, and upgrades where it is told to."""

    def __init__(self, transports, **options):
        super().__init__()
        self.client = socketio.AsyncClient(reconnection=False, **options)
        self.client.on("*", self._heard)
        self.transports = transports

    async def connect(self, node, token=None, cookie=None, auth=None):
        headers = {"Cookie": cookie} if cookie else {}
        await self.client.connect(node.url, headers=headers, auth=auth, transports=self.transports, wait_timeout=10)
        return await self.event("session", lambda session: session["reason"] == "connect")


@pytest.fixture(params=[["polling"], ["polling", "websocket"]], ids=["polling", "upgraded"])
def transports(request):
    return request.param


async def register(node, name):
    response, body = await post(f"{node.url}/session/login", json={"username": name, "password": "correct horse"})
    if response.status == 401:
        player = Player()
        await player.connect(node)
        answer = await player.call("register", {"username": name, "password": "correct horse"})
        assert answer["ok"], answer
        await player.leave()


async def test_a_game_over_polling_is_a_game(node, transports):
    await register(node, "ann")
    one, two = Poller(transports), Poller(transports)
    try:
        await one.connect(node, auth={"token": None})
        await two.connect(node, auth={"token": None})
        assert one.client.transport() == transports[-1]
        answer = await one.call("login", {"username": "ann", "password": "correct horse"})
        assert answer["ok"] and answer["token"]
        room = "polled-" + "-".join(transports)
        assert (await one.call("join", {"room": room}))["ok"]
        assert (await two.call("join", {"room": room}))["ok"]
        for number in range(20):
            assert (await one.call("act", {"room": room, "id": f"a{number}", "action": {"set": {"n": number}}}))["ok"]
        patches = []

        async def caught_up():
            patches[:] = two.all("patch")
            return patches and patches[-1]["version"] == 20

        await eventually(caught_up)
        version = 0
        for patch in patches:
            assert patch["from"] <= version < patch["version"]
            version = patch["version"]
        assert patches[-1]["set"] == {"n": 19}
    finally:
        await one.leave()
        await two.leave()


async def test_a_login_over_polling_brings_its_cookie_and_the_polls_go_on_with_it(node, transports):
    await register(node, "bob")
    # Cookies of an address, not of a name, are kept by an "unsafe" jar only.
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(f"{node.url}/session") as response:
            assert response.status == 200
        player = Poller(transports, http_session=session)
        try:
            told = await player.connect(node)
            answer = await player.call("login", {"username": "bob", "password": "correct horse"})
            assert answer["ok"] and answer["ticket"]
            async with session.post(f"{node.url}/session/claim", json={"ticket": answer["ticket"]}) as response:
                assert response.status == 204
            # The polls from now on carry the new cookie.
            assert (await player.call("join", {"room": "cookies"}))["ok"]
            answer = await player.call("act", {"room": "cookies", "id": "a", "action": {"set": {"a": 1}}})
            assert answer["ok"], answer
            async with session.get(f"{node.url}/session") as response:
                assert (await response.json())["user"]["name"] == "bob"
            assert told["login"] is False
        finally:
            await player.leave()


async def opened(node, **headers):
    response, body = await get(node.url + POLLING, headers=headers)
    assert response.status == 200, body
    return response, json.loads(body[1:])["sid"]


async def logged_in(node, name):
    await register(node, name)
    response, _ = await post(f"{node.url}/session/login", json={"username": name, "password": "correct horse"})
    assert response.status == 200
    return cookie_of(response)


async def test_an_open_answer_carries_the_cookie(node):
    response, _ = await opened(node)
    assert re.match(r"rejoin=\S+; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax$", response.headers["Set-Cookie"])
    assert response.headers["Cache-Control"] == "no-store"


async def test_a_later_request_with_another_players_cookie_is_refused_and_none_is_fine(node):
    ann, bob = await logged_in(node, "ann"), await logged_in(node, "bob")
    _, sid = await opened(node, Cookie=ann)
    url = f"{node.url}{POLLING}&sid={sid}"
    for method in (get, post):
        response, body = await method(url, headers={"Cookie": bob}, **({"data": "40"} if method is post else {}))
        assert (response.status, json.loads(body)["code"]) == (403, 4)
    guest, _ = await opened(node)
    for headers in ({"Cookie": ann}, {}, {"Cookie": "rejoin=nonsense"}, {"Cookie": cookie_of(guest)},
                    {"Cookie": bob[:-4] + "AAAA"}):
        response, body = await post(url, data="3", headers=headers)
        assert (response.status, body) == (200, "ok")
    response, body = await post(url, data="3", headers={"Cookie": f"{ann}; {ann}"})
    assert (response.status, json.loads(body)["code"]) == (400, 3)
    response, body = await post(url, data="3", headers={"Origin": "https://evil.test"})
    assert (response.status, json.loads(body)["code"]) == (403, 4)


async def test_a_session_replaced_by_a_login_on_this_node_goes_on(node):
    ann = await logged_in(node, "ann")
    _, sid = await opened(node, Cookie=ann)
    url = f"{node.url}{POLLING}&sid={sid}"
    await register(node, "bob")
    login = {"username": "bob", "password": "correct horse"}
    response, _ = await post(f"{node.url}/session/login", json=login, headers={"Cookie": ann})
    assert response.status == 200
    response, body = await post(url, data="3", headers={"Cookie": cookie_of(response)})
    assert (response.status, body) == (200, "ok")


async def test_listed_origins_may_read_the_answers_with_cookies(node):
    response, _ = await opened(node, Origin="https://game.test")
    assert response.headers["Access-Control-Allow-Origin"] == "https://game.test"
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert response.headers.getall("Vary") == ["Origin"]
    response, _ = await get(node.url + POLLING, headers={"Origin": "https://game.test.evil"})
    assert response.status == 403
    assert "Access-Control-Allow-Origin" not in response.headers
    async with aiohttp.ClientSession() as session:
        headers = {"Origin": "https://game.test", "Access-Control-Request-Method": "POST"}
        async with session.options(node.url + POLLING, headers=headers) as response:
            assert response.status == 204
            assert "POST" in response.headers["Access-Control-Allow-Methods"]


async def test_limits_of_a_payload(node):
    _, sid = await opened(node)
    url = f"{node.url}{POLLING}&sid={sid}"
    response, _ = await post(url, data="4" * 65_537)
    assert response.status == 413
    response, _ = await post(url, data="3")
    assert response.status == 200
    response, _ = await post(url, data=b"3", headers={"Content-Type": "application/octet-stream"})
    assert response.status == 400
    response, body = await get(url)
    assert json.loads(body) == {"code": 1, "message": "Session ID unknown"}


async def test_a_body_that_never_ends_is_a_408_after_ten_seconds(node):
    _, sid = await opened(node)
    reader, writer = await asyncio.open_connection(*urlsplit(node.url).netloc.split(":"))
    begin = time.monotonic()
    writer.write(f"POST {POLLING}&sid={sid} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4".encode())
    answer = await asyncio.wait_for(reader.read(), 15)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 9.5 < time.monotonic() - begin < 12
    writer.close()


async def test_a_stop_ends_polls_that_wait_and_does_not_hang(tmp_path):
    cluster = Cluster(tmp_path, nodes=1, REJOIN_DRAIN="2s")
    try:
        node = cluster.nodes[0]
        _, sid = await opened(node)
        url = f"{node.url}{POLLING}&sid={sid}"
        async with aiohttp.ClientSession() as session:
            poll = asyncio.create_task(session.get(url))
            await asyncio.sleep(0.2)
            node.process.send_signal(signal.SIGTERM)
            async with await poll as response:
                assert await response.text() == "1"
            await asyncio.to_thread(node.process.wait, 10)
        assert node.process.returncode == 0
    finally:
        cluster.stop()
