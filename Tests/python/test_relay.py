"""Polling and upgrades without sticky sessions: any node takes any request, and passes on what is another's."""

import asyncio
import contextlib
import json
import re
import time

import aiohttp
import pytest

from balancer import Balancer
from cluster import Cluster, eventually, get, post
from test_polling import POLLING, Poller, cookie_of, logged_in, opened, register
from test_wire import frame, Peer


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("relay"), REJOIN_TRUSTED_PROXIES="127.0.0.1")
    yield cluster
    for node in cluster.nodes:
        assert node.process.poll() is None, "the nodes live on"
    cluster.stop()


@pytest.fixture(scope="module")
def balancer(cluster, tmp_path_factory):
    balancer = Balancer(tmp_path_factory.mktemp("balancer"), cluster.nodes, balance="roundrobin")
    # Every node must have been found ready.
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(0.3)
        if b"no server available" not in (balancer.log.flush() or open(balancer.log.name, "rb").read()):
            break
    yield balancer
    balancer.stop()


async def metric(node, name):
    _, text = await get(f"{node.admin}/metrics")
    match = re.search(rf"(?m)^{name} (\S+)$", text)
    return float(match[1]) if match else 0


async def total(cluster, name):
    return sum([await metric(node, name) for node in cluster.nodes])


@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"]], ids=["polling", "upgraded"])
async def test_a_game_through_plain_round_robin(cluster, balancer, transports):
    await register(cluster.nodes[0], "ann")
    before = await total(cluster, "rejoin_engine_relayed_total")
    players = [Poller(transports) for _ in range(6)]
    room = "relay-" + "-".join(transports)
    try:
        for player in players:
            await player.connect(balancer, auth={"token": None})
            assert player.client.transport() == transports[-1]
            assert (await player.call("join", {"room": room}))["ok"]
        assert (await players[0].call("login", {"username": "ann", "password": "correct horse"}))["ok"]
        for number in range(10):
            answer = await players[0].call("act", {"room": room, "id": f"a{number}", "action": {"set": {"n": number}}})
            assert answer["ok"], answer

        async def everybody_knows():
            return all(player.all("patch") and player.all("patch")[-1]["version"] == 10 for player in players)

        await eventually(everybody_knows)
        for player in players:
            version = 0
            for patch in player.all("patch"):
                assert patch["from"] <= version < patch["version"]
                version = patch["version"]
        assert await total(cluster, "rejoin_engine_relayed_total") > before
        assert await total(cluster, "rejoin_engine_relays_forged_total") == 0
    finally:
        for player in players:
            await player.leave()

    async def nothing_is_left():
        return await total(cluster, "rejoin_engine_relays") == 0

    await eventually(nothing_is_left)


async def test_a_node_that_is_ready_is_known_to_the_others_at_once(cluster):
    before = list(cluster.nodes)
    for name in ("late1", "late2", "late3"):
        late = cluster.add(name)
        try:
            _, sid = await opened(late)
            for node in before:
                response, body = await post(f"{node.url}{POLLING}&sid={sid}", data="3")
                assert (response.status, body) == (200, "ok"), node.name
        finally:
            cluster.nodes.remove(late)
            late.stop()


async def test_a_session_is_served_by_every_node_with_the_owners_rules(cluster):
    ann, bob = await logged_in(cluster.nodes[0], "ann"), await logged_in(cluster.nodes[0], "bob")
    _, sid = await opened(cluster.nodes[0], Cookie=ann)
    assert sid.startswith("n1.")
    url = f"{cluster.nodes[1].url}{POLLING}&sid={sid}"
    response, body = await post(url, data="40")
    assert (response.status, body) == (200, "ok")
    assert "Connection" not in response.headers
    response, body = await get(url)
    assert body.startswith('40{"sid":')
    for headers, status in (({"Cookie": bob}, 403), ({"Origin": "https://evil.test"}, 403), ({"Cookie": ann}, 200),
                            ({"Origin": cluster.nodes[1].url}, 200)):
        response, body = await post(url, data="3", headers=headers)
        assert response.status == status, (headers, body)
    response, _ = await post(url, data="4" * 65_537)
    assert response.status == 413

    async def chunks():
        for _ in range(8):
            yield b"3" if _ == 0 else b"\x1e3"

    response, body = await post(url, data=chunks(), headers={"Content-Type": "text/plain"})
    assert (response.status, body) == (200, "ok")


async def test_a_relayed_request_keeps_the_clients_scheme_and_address(cluster):
    # A proxy in front of another node says https; the owner must judge the origin by that.
    headers = {"X-Forwarded-Proto": "https", "Host": "game.test", "Origin": "https://game.test"}
    _, sid = await opened(cluster.nodes[0], **headers)
    response, body = await post(f"{cluster.nodes[2].url}{POLLING}&sid={sid}", data="3", headers=headers)
    assert (response.status, body) == (200, "ok")


async def test_relayed_and_own_requests_share_a_connection_in_order(cluster):
    _, sid = await opened(cluster.nodes[0])
    with Peer(cluster.nodes[1]) as peer:
        page = f"GET /session HTTP/1.1\r\nHost: {peer.host}\r\n\r\n"
        uri = f"{POLLING}&sid={sid}"
        peer.send(page + f"POST {uri} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n40" + page
                  + f"GET {uri} HTTP/1.1\r\nHost: a\r\n\r\n" + page)
        while peer.bytes.count(b"HTTP/1.1 ") < 5 or not peer.bytes.endswith(b"}"):
            assert peer.more()
        statuses = re.findall(rb"HTTP/1.1 (\d+)", peer.bytes)
        assert statuses == [b"200"] * 5
        assert re.search(rb'login":false.*ok.*login":false.*40\{"sid".*login":false', peer.bytes, re.DOTALL)


@pytest.mark.parametrize("value", ["", "n2 1 - x", "n2", "n2 {now} - AAAA", "a b c d e", "x" * 3_000])
async def test_a_forged_pass_is_a_403_and_counted(cluster, value):
    node = cluster.nodes[0]
    _, sid = await opened(node)
    before = await metric(node, "rejoin_engine_relays_forged_total")
    headers = {"X-Rejoin-Relay": value.replace("{now}", str(int(time.time() * 1_000)))}
    for url in (f"{node.url}{POLLING}&sid={sid}", f"{cluster.nodes[1].url}{POLLING}&sid={sid}"):
        response, body = await get(url, headers=headers)
        assert (response.status, json.loads(body)["code"]) == (403, 4)
    assert await metric(node, "rejoin_engine_relays_forged_total") == before + 1


async def test_an_unknown_node_is_an_unknown_session(cluster):
    for sid in ("nobody.AAECAwQFBgcICQoLDA0ODw0", "n2.AAECAwQFBgcICQoLDA0ODw0", "n2.x", "N2.x", "..", "n2"):
        response, body = await get(f"{cluster.nodes[0].url}{POLLING}&sid={sid}")
        assert (response.status, json.loads(body)) == (400, {"code": 1, "message": "Session ID unknown"})


async def test_a_poll_that_is_given_up_ends_the_session_on_its_owner(cluster):
    _, sid = await opened(cluster.nodes[0])
    url = f"{POLLING}&sid={sid}"
    with Peer(cluster.nodes[1]) as peer:
        peer.send(f"GET {url} HTTP/1.1\r\nHost: a\r\n\r\n")

        async def is_relayed():
            return await metric(cluster.nodes[1], "rejoin_engine_relays") == 1

        await eventually(is_relayed)
        await asyncio.sleep(0.1)

    async def is_unknown():
        response, body = await post(cluster.nodes[0].url + url, data="3")
        return response.status == 400 and json.loads(body)["code"] == 1

    await eventually(is_unknown)


async def upgraded(owner, other):
    _, sid = await opened(owner)
    peer = Peer(other)
    peer.request(query=f"EIO=4&transport=websocket&sid={sid}")
    peer.until(b"\r\n\r\n")
    assert peer.bytes.startswith(b"HTTP/1.1 101 ")
    peer.send(frame("2probe"))
    peer.until(b"3probe")
    peer.send(frame("5") + frame('40{"token":null}'))
    peer.until(b'"session"')
    return peer


async def test_large_messages_pass_a_tunnel_both_ways(cluster):
    with await upgraded(cluster.nodes[0], cluster.nodes[1]) as peer:
        count = len(peer.bytes)
        for number in range(10):
            peer.send(frame(f'42{number}["leave",{{"room":"{"x" * 60_000}"}}]'))
            peer.until(f"43{number}[".encode())
        assert len(peer.bytes) > count


async def test_a_dead_owner_ends_its_tunnels_and_its_sessions_are_unknown_at_once(tmp_path):
    cluster = Cluster(tmp_path)
    try:
        owner, other = cluster.nodes[0], cluster.nodes[1]
        with await upgraded(owner, other) as peer:
            _, sid = await opened(owner)
            url = f"{other.url}{POLLING}&sid={sid}"
            with Peer(other) as poll:
                poll.send(f"GET {POLLING}&sid={sid} HTTP/1.1\r\nHost: a\r\n\r\n")

                async def is_relayed():
                    return await metric(other, "rejoin_engine_relays") == 2

                await eventually(is_relayed)
                await asyncio.sleep(0.1)
                owner.kill()
                begin = time.monotonic()
                for ended in (poll, peer):
                    with contextlib.suppress(ConnectionResetError):
                        while ended.more():
                            pass
                # The poll that waited fails: no answer is made up for it.
                assert poll.bytes == b""
                response, body = await get(url)
                assert (response.status, json.loads(body)) == (400, {"code": 1, "message": "Session ID unknown"})
                assert time.monotonic() - begin < 2
    finally:
        cluster.stop()


async def test_a_node_that_leaves_ends_the_tunnels_through_it_and_stops_in_time(tmp_path):
    cluster = Cluster(tmp_path, nodes=2, REJOIN_DRAIN="2s")
    try:
        owner, other = cluster.nodes
        with await upgraded(owner, other) as peer:
            _, sid = await opened(owner)
            async with aiohttp.ClientSession() as session:
                poll = asyncio.create_task(session.get(f"{other.url}{POLLING}&sid={sid}"))
                await asyncio.sleep(0.3)
                other.terminate()
                with contextlib.suppress(ConnectionResetError):
                    while peer.more():
                        pass
                with pytest.raises(aiohttp.ClientError):
                    await poll
                await asyncio.to_thread(other.process.wait, 10)
        assert other.process.returncode == 0
        assert owner.process.poll() is None
    finally:
        cluster.stop()


async def test_more_relays_than_the_limit_are_a_503(tmp_path):
    cluster = Cluster(tmp_path, nodes=2, REJOIN_LIMIT_RELAYS="1")
    try:
        owner, other = cluster.nodes
        with await upgraded(owner, other):
            _, sid = await opened(owner)
            response, _ = await post(f"{other.url}{POLLING}&sid={sid}", data="3")
            assert response.status == 503 and response.headers["Retry-After"] == "1"
            response, body = await post(f"{owner.url}{POLLING}&sid={sid}", data="3")
            assert (response.status, body) == (200, "ok")
    finally:
        cluster.stop()
