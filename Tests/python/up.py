"""`rejoin up` as a person starts it, for the tests: on a free port, in a folder of its own."""

import contextlib
import dataclasses
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time

from cluster import BINARY, free_port

NODE = re.compile(r"^node (n\d+) ready on (http://\S+) \(admin (http://[^,]+), pid (\d+)\)$")


@dataclasses.dataclass
class UpNode:
    name: str
    url: str
    admin: str
    pid: int


class Up:
    """A running `rejoin up`. Its lines are kept; `line` waits for one."""

    def __init__(self, data, *arguments, port=None, **environment):
        self.data = pathlib.Path(data)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [BINARY, "up", "--port", str(self.port), "--data", str(data), *arguments], env=clean(environment),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True)
        self.lines = []
        self._arrived = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._arrived.put(line.rstrip("\n"))
        self._arrived.put(None)

    def line(self, pattern, timeout=30):
        """The first line from now on that the pattern is found in."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._arrived.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line like {pattern!r} came:\n" + "\n".join(self.lines)) from None
            assert line is not None, f"it ended without a line like {pattern!r}:\n" + "\n".join(self.lines)
            self.lines.append(line)
            if match := re.search(pattern, line):
                return match

    def ready(self):
        self.line("The cluster is up", timeout=60)
        return self

    def nodes(self):
        found = {match[1]: match for line in self.lines if (match := NODE.match(line))}
        return [UpNode(name, match[2], match[3], int(match[4])) for name, match in sorted(found.items())]

    def node(self, name):
        return next(node for node in self.nodes() if node.name == name)

    def rejoin(self, *arguments, stdin="", timeout=30):
        """A command in a second terminal: it finds the cluster by its data folder alone."""
        return subprocess.run(
            [BINARY, *arguments, "--data", str(self.data)], input=stdin, capture_output=True, text=True,
            timeout=timeout, env=clean({}))

    def live(self):
        listed = self.rejoin("nodes", "--json")
        assert listed.returncode == 0, listed.stderr
        return {node["name"]: node for node in json.loads(listed.stdout)}

    def processes(self):
        """Everything that was started here and lives: whatever names the data folder, by argument, environment or
        folder."""
        return [pid for pid in all_processes() if names(pid, self.data)]

    def interrupt(self):
        """Ctrl-C. Returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self, timeout=40):
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        while (line := self._arrived.get()) is not None:
            self.lines.append(line)
        return code

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def clean(environment):
    """The environment without what would tell the program something else."""
    return {key: value for key, value in os.environ.items() if not key.startswith("REJOIN_")} | environment


def all_processes():
    return [int(path.name) for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()]


def names(pid, folder):
    process = pathlib.Path(f"/proc/{pid}")
    try:
        if process.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return False
        text = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
        return str(folder).encode() in text or process.joinpath("cwd").resolve().is_relative_to(folder)
    except OSError:
        return False
