"""More than a node can serve: what is refused is refused at once, and who is there already notices nothing."""

import asyncio
import collections
import contextlib
import json
import os
import resource
import socket
import time

import aiohttp
import pytest

from cluster import PASSWORD, Cluster, eventually
from example import Example
from test_wire import Peer, frame


@pytest.fixture
def made(tmp_path):
    """Makes a cluster for one test."""
    clusters = []

    def make(**options):
        clusters.append(Cluster(tmp_path, **options))
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.stop()


def processor_time(node):
    """Seconds."""
    with open(f"/proc/{node.process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def echo(peer, number):
    """A request of an open socket, and how long its answer took."""
    begin = time.monotonic()
    peer.bytes = b""
    peer.send(frame(f'42{number}["leave",{{"room":"a"}}]'))
    peer.until(f"43{number}[".encode())
    return time.monotonic() - begin


def is_refused(node):
    """A handshake gets an answer, and it is a 503."""
    with Peer(node, timeout=5) as peer:
        peer.request()
        status, head, body = peer.answer()
        return (status, json.loads(body)["code"]) == (503, 3) and "retry-after" in head


def opened(node, stack, number):
    return [stack.enter_context(Peer(node)).joined() for _ in range(number)]


async def somebody_gets_in(node):
    with contextlib.suppress(AssertionError, ConnectionError, TimeoutError), Peer(node, timeout=1) as peer:
        return peer.joined()


async def test_at_the_limit_of_connections_more_are_refused_and_those_that_are_there_go_on(made):
    node = made(nodes=1, REJOIN_MAX_CONNECTIONS="60").nodes[0]
    with contextlib.ExitStack() as stack:
        peers = opened(node, stack, 60)
        used, begin = processor_time(node), time.monotonic()
        for number in range(40):
            assert is_refused(node)
            echo(peers[number], number)
        # Idle ones that were never asked for anything, more than there is room for.
        silent = [stack.enter_context(Peer(node)) for _ in range(150)]
        while time.monotonic() < begin + 3:
            assert max(echo(peer, 100) for peer in peers[50:]) < 1
            time.sleep(0.1)
        assert (processor_time(node) - used) / (time.monotonic() - begin) < 0.3
        for peer in silent:
            peer.socket.close()
        for peer in peers[:10]:
            peer.socket.close()
        await eventually(lambda: somebody_gets_in(node))


async def test_without_free_descriptors_those_that_are_there_go_on_and_the_processor_is_idle(made):
    """The limit is lowered under the running node: what it had to spare is gone."""
    node = made(nodes=1).nodes[0]
    with contextlib.ExitStack() as stack:
        peers = opened(node, stack, 20)
        open_now = len(os.listdir(f"/proc/{node.process.pid}/fd"))
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (open_now + 60, 4096))
        waiting = [stack.enter_context(Peer(node)) for _ in range(100)]
        used, begin = processor_time(node), time.monotonic()
        number = 0
        while time.monotonic() < begin + 3:
            number += 1
            assert max(echo(peer, number) for peer in peers) < 1
            time.sleep(0.2)
        share = (processor_time(node) - used) / (time.monotonic() - begin)
        assert share < 0.3, f"{share:.0%} of a core"
        assert len(os.listdir(f"/proc/{node.process.pid}/fd")) < open_now + 60
        for peer in waiting:
            peer.socket.close()
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        await eventually(lambda: somebody_gets_in(node))


async def test_a_server_that_keeps_nothing_free_waits_and_then_takes_in_who_has_waited(tmp_path):
    """The library by itself: nobody asks whether there is room, the system says that there is none."""
    echo_server = Example("SocketIOEcho", tmp_path / "echo.log")
    try:
        pid = echo_server.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + 4, 4096))
        with contextlib.ExitStack() as stack:
            address = ("127.0.0.1", echo_server.port)
            waiting = [stack.enter_context(socket.create_connection(address, 5)) for _ in range(40)]
            await eventually(lambda: asyncio.to_thread(told_of_failed_accepts, echo_server))
            used, begin = processor_time(echo_server), time.monotonic()
            while time.monotonic() < begin + 1:
                await asyncio.sleep(0.1)
            share = (processor_time(echo_server) - used) / (time.monotonic() - begin)
            assert share < 0.3, f"{share:.0%} of a core"
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, 4096))
            for one in waiting:
                one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for one in waiting:
                assert (await asyncio.to_thread(one.recv, 15)) == b"HTTP/1.1 200 OK"
        # Once each ten seconds for an event loop, not once a connection.
        assert 1 <= echo_server.log.read_text().count("could not be accepted") <= os.cpu_count()
    finally:
        echo_server.stop()


def told_of_failed_accepts(server):
    return "could not be accepted" in server.log.read_text()


async def test_a_crowd_at_the_admin_listener_takes_nothing_from_the_players(made):
    """Whoever reaches that listener may be silent there, say half of a request, or not read the answers."""
    node = made(nodes=1).nodes[0]
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (200, 4096))
    host, port = node.admin.removeprefix("http://").split(":")
    whole = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as stack:
        peers = opened(node, stack, 20)
        crowd = [stack.enter_context(socket.create_connection((host, int(port)), 5)) for _ in range(240)]
        for one, said in zip(crowd, [b"", whole[:-2], whole * 3] * 80):
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.send(said)
        used, begin = processor_time(node), time.monotonic()
        while time.monotonic() < begin + 3:
            assert max(echo(peer, 100) for peer in peers) < 1
            assert await somebody_gets_in(node)
            await asyncio.sleep(0.1)
        share = (processor_time(node) - used) / (time.monotonic() - begin)
        assert share < 0.3, f"{share:.0%} of a core"
        # Nobody keeps a place for good: those whom there was none for are asked what they want, in their turn.
        late = crowd[42]
        late.settimeout(60)
        late.sendall(whole)
        assert await asyncio.to_thread(late.recv, 15) == b"HTTP/1.1 200 OK"


async def test_five_hundred_slow_heads_do_not_slow_anybody_down(made):
    node = made(nodes=1).nodes[0]
    host, port = node.url.removeprefix("http://").split(":")
    over = asyncio.Event()
    closed = set()

    async def slow(number):
        """A header a second, until the node has had enough; then once more."""
        while not over.is_set():
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n")
                while not over.is_set() and not reader.at_eof():
                    writer.write(b"X: a\r\n")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1000), 1)
                if reader.at_eof():
                    closed.add(number)
                writer.close()

    slowly = [asyncio.create_task(slow(number)) for number in range(500)]
    try:
        took = []
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            start = time.monotonic()
            # Every one is closed once, however long this machine takes to open them.
            while time.monotonic() < start + 8 or len(closed) < 500:
                assert time.monotonic() < start + 60, f"{500 - len(closed)} were never closed"
                begin = time.monotonic()
                async with client.get(node.url + "/session") as answer:
                    assert answer.status == 200
                took.append(time.monotonic() - begin)
                await asyncio.sleep(0.01)
        assert sorted(took)[len(took) * 99 // 100] < 0.2, sorted(took)[-10:]
        assert len(took) > 100
    finally:
        over.set()
        await asyncio.gather(*slowly)


async def test_of_two_hundred_logins_at_once_those_without_a_place_are_refused_at_once_and_nobody_waits(made):
    """One thread hashes and sixteen logins wait for it; the event loops do neither."""
    cluster = made(nodes=1, REJOIN_HASHING_THREADS="1", REJOIN_LIMIT_HASHING_QUEUE="16",
                   REJOIN_TRUSTED_PROXIES="127.0.0.1")
    node = cluster.nodes[0]
    added = cluster.rejoin("users", "add", "crowd", "--password-stdin", stdin=PASSWORD + "\n")
    assert added.returncode == 0, added.stderr
    order = []
    async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)) as client:
        async def attempt(number):
            async with client.post(
                    node.url + "/session/login", json={"username": "crowd", "password": PASSWORD},
                    headers={"X-Forwarded-For": f"192.0.2.{number}"}) as answer:
                order.append((answer.status, (await answer.json()).get("error")))

        async def page():
            begin = time.monotonic()
            async with client.get(node.url + "/healthz") as answer:
                assert answer.status == 200
            return time.monotonic() - begin

        await page()
        with Peer(node) as peer:
            await asyncio.to_thread(peer.joined)
            logins = [asyncio.create_task(attempt(number)) for number in range(200)]
            took, number = [], 0
            while not all(login.done() for login in logins):
                number += 1
                took.append(await asyncio.to_thread(echo, peer, number))
                await asyncio.sleep(0.06)
        await asyncio.gather(*logins)
    outcomes = collections.Counter(order)
    assert outcomes.keys() == {(200, None), (503, "unavailable")}, outcomes
    # The queue and the one at work, and those that came when a place was free again.
    assert 17 <= outcomes[200, None] < 150, outcomes
    assert [status for status, _ in order[-10:]] == [200] * 10, "who was refused did not wait for those who were served"
    assert sorted(took)[len(took) * 9 // 10] < 0.3, took
