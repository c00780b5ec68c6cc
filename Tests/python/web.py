"""A web backend behind a proxy that asks `GET /session/check`: the proxies of docker/session-check, and who they let in."""

import contextlib
import http.server
import json
import pathlib
import shutil
import socket
import subprocess
import threading
import time
from urllib.parse import urlsplit

from cluster import free_port

CONFIGURATIONS = pathlib.Path(__file__).parents[2] / "docker/session-check"


class Backend:
    """Answers with the fields of the request it got, as JSON pairs, and with 500 under /members/broken."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(self.headers.items()).encode()
                self.send_response(500 if self.path == "/members/broken" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Nginx:
    """The nginx of docker/session-check, with this test's addresses."""

    def __init__(self, folder, rejoin, backend):
        assert shutil.which("nginx"), "nginx is missing: install Debian's package nginx-light"
        self.port = free_port()
        text = (CONFIGURATIONS / "nginx.conf").read_text()
        temporary = "".join(
            f"    {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        for before, after in [("127.0.0.1:8080", urlsplit(rejoin).netloc), ("127.0.0.1:3000", backend),
                              ("listen 80;", f"listen 127.0.0.1:{self.port};"),
                              ("http {\n", f"http {{\n    access_log off;\n{temporary}")]:
            assert before in text
            text = text.replace(before, after)
        configuration = folder / "nginx.conf"
        configuration.write_text(text)
        options = f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;"
        self.process = started(self.port, "nginx", "-e", folder / "nginx.log", "-c", configuration, "-g", options)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class HAProxy:
    """The HAProxy of docker/session-check, with this test's addresses."""

    def __init__(self, folder, rejoin, backend):
        assert shutil.which("haproxy"), "haproxy is missing: install Debian's package haproxy"
        self.port = free_port()
        text = (CONFIGURATIONS / "haproxy.cfg").read_text()
        for before, after in [("127.0.0.1:8080", urlsplit(rejoin).netloc), ("127.0.0.1:3000", backend),
                              ("bind :80\n", f"bind 127.0.0.1:{self.port}\n"), ("127.0.0.1:8079", f"127.0.0.1:{free_port()}"),
                              ("lua-load session-check.lua", f"lua-load {CONFIGURATIONS / 'session-check.lua'}")]:
            assert before in text
            text = text.replace(before, after)
        configuration = folder / "haproxy.cfg"
        configuration.write_text(text)
        self.process = started(self.port, "haproxy", "-f", configuration)

    def stop(self):
        self.process.kill()
        self.process.wait()


def started(port, *command):
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError(f"{command[0]} did not listen within 10 s")
