"""The load balancer of `docker/haproxy.cfg` in front of a test's nodes."""

import contextlib
import pathlib
import re
import shutil
import socket
import subprocess
import time
from urllib.parse import urlsplit

from cluster import free_port

CONFIGURATION = pathlib.Path(__file__).parents[2] / "docker/haproxy.cfg"


class Balancer:
    def __init__(self, folder, nodes, balance=None):
        assert shutil.which("haproxy"), "haproxy is missing: install Debian's package haproxy"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        configuration = folder / "haproxy.cfg"
        text = self._configured(CONFIGURATION.read_text(), nodes)
        if balance:
            text = text.replace("balance leastconn", f"balance {balance}")
        configuration.write_text(text)
        self.log = (folder / "haproxy.log").open("wb")
        self.process = subprocess.Popen(["haproxy", "-f", configuration], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise AssertionError("haproxy did not listen within 10 s")

    def _configured(self, text, nodes):
        """With this test's addresses in the lines that begin with `bind` and `server`."""
        text = re.sub(r"(?m)^( *bind ).*$", rf"\g<1>127.0.0.1:{self.port}", text)
        servers = "".join(
            f"    server {node.name} {urlsplit(node.url).netloc} check port {urlsplit(node.admin).port}\n" for node in nodes)
        return re.sub(r"(?m)(^ *server .*\n)+", servers, text)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
