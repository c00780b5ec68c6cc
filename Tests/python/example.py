"""One of the example servers of the Socket.IO library, on a free port."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess

from cluster import BINARY, free_port


class Example:
    """`SocketIOEcho` or `Chat`. May be killed, and started again on its port."""

    def __init__(self, name, log):
        self.binary = pathlib.Path(BINARY).with_name(name)
        self.log = log
        self.process = None
        self.port = 0
        self.start()

    def start(self):
        assert self.binary.exists(), f"{self.binary} is missing: swift build --product {self.binary.name}"
        self.process = subprocess.Popen(
            [self.binary], env=os.environ | {"PORT": str(self.port)}, stdout=subprocess.PIPE,
            stderr=self.log.open("ab"), text=True)
        line = self.process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:(\d+)$", line.rstrip("\n"))
        assert match, f"expected the line that says where it listens, got {line!r}; log:\n{self.log.read_text()}"
        self.port = int(match[1])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Ends it as an operator does. It must have lived until now."""
        assert self.process.poll() is None, f"it has died:\n{self.log.read_text()}"
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        ended = self.process.poll()
        self.kill()
        assert ended == 0, f"it ended with {ended}:\n{self.log.read_text()}"


class ChatNode:
    """A `ClusterChat`: one of several that share a Redis."""

    def __init__(self, name, redis, folder):
        self.port = free_port()
        self.log = folder / f"{name}.log"
        binary = pathlib.Path(BINARY).with_name("ClusterChat")
        assert binary.exists(), f"{binary} is missing: swift build --product ClusterChat"
        self.process = subprocess.Popen(
            [binary], env=os.environ | {"REDIS_URL": redis.url, "NODE": name, "PORT": str(self.port)},
            stdout=subprocess.PIPE, stderr=self.log.open("ab"), text=True)
        line = self.process.stdout.readline()
        assert line.startswith(f"chat: node {name} listens on "), f"got {line!r}; log:\n{self.log.read_text()}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        self.process.stdout.close()
