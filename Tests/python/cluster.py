"""A real cluster for the tests: a redis-server and nodes of their own, on free ports, in a temporary folder."""

import asyncio
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import aiohttp
import socketio

PREFIX = "rejoin:"
BINARY = os.environ.get("REJOIN_BINARY", str(pathlib.Path(__file__).parents[2] / ".build/debug/rejoin"))
# Every account of these tests has a password that begins like this: it is looked for in all logs.
PASSWORD = "correct horse battery"
# Where the nodes that were started wrote their logs.
LOGS = []
READY = re.compile(r"^rejoin: node (\S+) ready on (https?://\S+) \(admin (http://[^)\s]+)\)$")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Redis:
    """A redis-server that can be killed, frozen and brought back on its port."""

    def __init__(self, folder, *arguments):
        self.folder = folder
        self.port = free_port()
        self.arguments = arguments
        self.process = None
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        assert shutil.which("redis-server"), "redis-server is missing: install Debian's package redis-server"
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", str(self.folder), *self.arguments],
            stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(7) in (b"+PONG\r\n", b"-NOAUTH"):
                    return
        raise AssertionError("redis-server did not answer within 10 s")

    def command(self, *arguments):
        return subprocess.run(
            ["redis-cli", "-p", str(self.port), *arguments], check=True, capture_output=True, text=True, timeout=10
        ).stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self.thaw()
            self.kill()


class Node:
    """One `rejoin serve`, or the same of another program."""

    def __init__(self, name, cluster, **environment):
        self.name = name
        self.log = cluster.folder / f"{name}.log"
        LOGS.append(self.log)
        self.process = subprocess.Popen(
            [cluster.program, "serve"],
            env=os.environ | {
                "REJOIN_NODE": name, "REJOIN_PORT": "0", "REJOIN_ADMIN_PORT": "0",
                "REJOIN_REDIS_URL": cluster.redis.url, "REJOIN_DATA": str(cluster.folder / "data"),
                "REJOIN_REGISTRATION": "open",
            } | environment,
            stdout=subprocess.PIPE, stderr=self.log.open("ab"), text=True)
        line = self.process.stdout.readline()
        match = READY.match(line.rstrip("\n"))
        assert match, f"expected the ready line, got {line!r}; log:\n{self.log.read_text()}"
        assert match[1] == name
        self.url, self.admin = match[2], match[3]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        self.process.terminate()

    def stop(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Cluster:
    program = BINARY

    def __init__(self, folder, nodes=3, redis=None, **environment):
        self.folder = folder
        self.redis = redis or Redis(folder)
        self.environment = environment
        self.nodes = []
        try:
            for number in range(1, nodes + 1):
                self.add(f"n{number}")
        except BaseException:
            self.stop()
            raise

    def add(self, name, **environment):
        node = Node(name, self, **(self.environment | environment))
        self.nodes.append(node)
        return node

    def stop(self):
        for node in self.nodes:
            node.stop()
        self.redis.stop()

    def rejoin(self, *arguments, stdin="", **environment):
        """Runs a command of the program against this cluster."""
        return subprocess.run(
            [BINARY, *arguments], input=stdin, capture_output=True, text=True, timeout=20,
            env=os.environ | {"REJOIN_REDIS_URL": self.redis.url, "REJOIN_DATA": str(self.folder / "data")} | environment)


class Player:
    """A python-socketio client as a game would use it, with everything it was told."""

    def __init__(self, reconnection=False):
        self.client = socketio.AsyncClient(reconnection=reconnection)
        self.heard = []
        self.arrived = asyncio.Condition()
        self.client.on("*", self._heard)

    async def _heard(self, event, *arguments):
        async with self.arrived:
            self.heard.append((event, arguments[0] if arguments else None))
            self.arrived.notify_all()

    async def connect(self, node, token=None, cookie=None, auth=None):
        headers = {"Cookie": cookie} if cookie else {}
        if auth is None and cookie is None:
            auth = {"token": token}
        await self.client.connect(node.url, headers=headers, auth=auth, transports=["websocket"], wait_timeout=10)
        return await self.event("session", lambda session: session["reason"] == "connect")

    async def event(self, name, matches=lambda _: True, timeout=10):
        """The first event of that name that matches, waiting for it when it has not come."""
        def find():
            return next((body for event, body in self.heard if event == name and matches(body)), None)

        async with asyncio.timeout(timeout):
            async with self.arrived:
                while (found := find()) is None:
                    await self.arrived.wait()
                return found

    def all(self, name):
        return [body for event, body in self.heard if event == name]

    async def call(self, event, body, timeout=10):
        return await self.client.call(event, body, timeout=timeout)

    async def leave(self):
        await self.client.disconnect()


async def eventually(condition, timeout=10):
    """Waits until an asynchronous condition holds."""
    deadline = time.monotonic() + timeout
    while True:
        result = await condition()
        if result:
            return result
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


async def get(url, **options):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.get(url, **options) as response:
            return response, await response.text()


async def post(url, **options):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.post(url, **options) as response:
            return response, await response.text()


def cookie_of(response):
    """The credential that an answer sets, as a client would send it back; None when it sets none."""
    cookies = [value for value in response.headers.getall("Set-Cookie", []) if value.startswith("rejoin=")]
    assert len(cookies) <= 1, "one answer sets the cookie once"
    return cookies[0].split(";")[0] if cookies else None
