"""A PostgreSQL of the tests' own, with a password, on a free port."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from cluster import free_port

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


class Postgres:
    def __init__(self, password):
        assert (PROGRAMS / "initdb").exists(), "PostgreSQL is missing: install Debian's package postgresql"
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rejoin-postgres-"))
        # It refuses to run as root.
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        secret = self.folder / "password"
        secret.write_text(password)
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
            shutil.chown(secret, "postgres", "postgres")
        self.url = f"postgres://rejoin:{password}@127.0.0.1:{self.port}/postgres"
        data = self.folder / "data"
        subprocess.run(
            [PROGRAMS / "initdb", "-D", data, "-U", "rejoin", "-A", "scram-sha-256", "--pwfile", secret, "--no-sync"],
            check=True, capture_output=True, cwd=self.folder, **self.user)
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [PROGRAMS / "postgres", "-D", data, "-p", str(self.port), "-h", "127.0.0.1", "-k", self.folder],
                stdout=log, stderr=log, cwd=self.folder, **self.user)
        deadline = time.monotonic() + 15
        while b"ready to accept connections" not in (self.folder / "log").read_bytes():
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self.folder)
