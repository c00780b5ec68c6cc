"""Our WebSocket codec against the Autobahn fuzzing client: the Swift target WebSocketEcho is nothing but the codec.

Autobahn runs on Python 2.7 only. Where there is none, or its packages cannot be installed, these tests are skipped and
the summary says so; `Tests/EngineIOTests/WebSocket` has the same cases as tables of our own.
"""

import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import warnings

import pytest

from cluster import BINARY

ECHO = os.environ.get("REJOIN_ECHO", str(pathlib.Path(BINARY).with_name("WebSocketEcho")))
PACKAGES = pathlib.Path(__file__).parents[2] / ".build/autobahn"
VERSION = "25.10.1"
CORE = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
# All of 12 and 13 take ten minutes; these have every kind of payload and every offer of the extension in them.
COMPRESSION = ["12.1.1", "12.1.5", "12.1.10", "12.2.5", "12.3.5", "12.4.5", "12.5.5",
               *(f"13.{offer}.{4 + offer}" for offer in range(1, 8))]
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
# The packages of 2.7 name each other by way of .pth files, which only a site folder has read.
RUN = "import site; site.addsitedir({!r}); from autobahntestsuite import wstest; wstest.run()"


class AutobahnMissing(UserWarning):
    """The independent test of the codec did not run."""


def missing(reason):
    warnings.warn(AutobahnMissing(f"AUTOBAHN DID NOT RUN, only our own WebSocket cases did: {reason}"), stacklevel=2)
    pytest.skip(reason)


def python27():
    found = [shutil.which("python2.7"), shutil.which("python2"),
             *sorted(pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")).glob(
                 "versions/2.7*/bin/python2.7"))]
    for python in filter(None, found):
        answer = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, text=True)
        if answer.returncode == 0 and "python 2.7" in answer.stdout:
            return python
    return None


@pytest.fixture(scope="module")
def autobahn():
    """The command line of Autobahn's `wstest`, installed once into the build folder."""
    python = python27()
    if python is None:
        missing("no Python 2.7 with pip, on the PATH or under pyenv")
    PACKAGES.parent.mkdir(exist_ok=True)
    with PACKAGES.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = PACKAGES / f"installed-{VERSION}"
        if not installed.exists():
            shutil.rmtree(PACKAGES, ignore_errors=True)
            try:
                answer = subprocess.run(
                    [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", PACKAGES,
                     f"autobahntestsuite=={VERSION}"], capture_output=True, text=True, timeout=200)
                problem = answer.stderr.strip()[-500:] if answer.returncode else None
            except subprocess.TimeoutExpired:
                problem = "not done within 200 s"
            if problem is not None:
                missing(f"autobahntestsuite {VERSION} cannot be installed from PyPI: {problem}")
            installed.touch()
    return [python, "-c", RUN.format(str(PACKAGES))]


@pytest.fixture(scope="module")
def echo():
    assert os.path.exists(ECHO), f"{ECHO} is missing: swift build --build-tests makes it"
    with subprocess.Popen([ECHO], stdout=subprocess.PIPE, text=True, env=os.environ | {"PORT": "0"}) as process:
        yield re.fullmatch(r"listening on (\d+)\n", process.stdout.readline())[1]
        assert process.poll() is None, "the echo lives on"
        process.kill()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("cases", "least"), [(CORE, 247), (COMPRESSION, 14)], ids=["core", "compression"])
def test_the_fuzzing_client_finds_nothing(autobahn, echo, tmp_path, cases, least):
    (tmp_path / "spec.json").write_text(json.dumps({
        "outdir": str(tmp_path / "reports"), "servers": [{"agent": "codec", "url": f"ws://127.0.0.1:{echo}"}],
        "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}}))
    run = subprocess.run([*autobahn, "-m", "fuzzingclient", "-s", str(tmp_path / "spec.json")],
                         capture_output=True, text=True, timeout=250, cwd=tmp_path)
    assert run.returncode == 0, run.stderr[-2_000:]
    results = json.loads((tmp_path / "reports/index.json").read_text())["codec"]
    assert len(results) >= least
    failed = {case: (result["behavior"], result["behaviorClose"]) for case, result in results.items()
              if not {result["behavior"], result["behaviorClose"]} <= PASSED}
    assert failed == {}
