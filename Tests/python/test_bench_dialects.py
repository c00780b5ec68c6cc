"""The load generator drives servers that are not Rejoin, by the names of their events: one on python-socketio, the example of
the library, and our own nodes as if they were somebody else's. What a server does wrong is told."""

import contextlib
import pathlib
import socket
import subprocess
import sys
import time

import pytest

from cluster import free_port
from test_bench import bench, document

SERVER = pathlib.Path(__file__).with_name("chat_server.py")
CHAT = ["--namespace", "/game", "--join-event", "join", "--join-argument", '{"room":"%room"}', "--act-event", "say",
        "--act-argument", '{"room":"%room","text":"%stamp"}']
SMALL = ["--sockets", "24", "--rooms", "3", "--actors", "6", "--rate", "100", "--duration", "1", "--warm-up", "0.2"]


class Chat:
    """A running `chat_server.py`."""

    def __init__(self, fault=None):
        self.port = free_port()
        self.process = subprocess.Popen([sys.executable, SERVER, str(self.port), *([fault] if fault else [])])
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None and time.monotonic() < deadline, "the chat server does not listen"
            time.sleep(0.02)

    @property
    def address(self):
        return ["--url", f"http://127.0.0.1:{self.port}", "--pid", str(self.process.pid)]

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def chat_server():
    made = []

    def make(fault=None):
        made.append(Chat(fault))
        return made[-1]

    yield make
    for server in made:
        server.stop()


def median(*arguments):
    return document(*arguments)["median"]


@pytest.mark.parametrize("load", [["--rate", "100"], ["--in-flight", "4"]])
def test_what_is_said_on_python_socketio_reaches_everybody_once_and_in_order(chat_server, load):
    small = [argument for argument in SMALL if argument not in ("--rate", "100")]
    found = median("fanout", *chat_server().address, *CHAT, "--deliver-event", "said", *small, *load)
    assert found["deliveries"] == 8 * found["acts"] > 100, "each room has eight sockets"
    assert found["lost"] == found["doubled"] == found["reordered"] == found["acts_failed"] == 0
    assert found["latency_p50_ms"] > 0 and found["act_latency_p50_ms"] > 0
    assert found["nodes_cpu_seconds"] > 0 and "redis_cpu_seconds" not in found
    if load[0] == "--rate":
        assert found["acts"] == 100


def test_who_is_not_sent_its_own_act_does_not_miss_it(chat_server):
    others = [argument.replace('"text"', '"others":true,"text"') for argument in CHAT]
    server = chat_server()
    found = median("fanout", *server.address, *others, "--deliver-event", "said", "--deliver-to", "others", *SMALL)
    assert found["deliveries"] == 7 * found["acts"] == 700
    assert found["lost"] == 0
    result = bench("fanout", *server.address, *others, "--deliver-event", "said", *SMALL, "--timeout", "2",
                   "--json")
    assert result.returncode == 1 and "were lost" in result.stderr, "the sender was said to be sent it"
    found = document(result=result)["median"]
    assert found["missing"] > 0 and "were lost" in found["complaints"][0]
    assert found["seconds"] < 2, "waiting for what never comes is no part of the run"


@pytest.mark.parametrize("fault, figure", [("lose", "lost"), ("double", "doubled"), ("swap", "reordered")])
def test_what_a_server_does_wrong_is_counted(chat_server, fault, figure):
    arguments = ["--sockets", "12", "--actors", "1", "--rate", "100", "--duration", "1", "--warm-up", "0.05"]
    result = bench(
        "fanout", *chat_server(fault).address, *CHAT, "--deliver-event", "said", *arguments, "--timeout", "2", "--json")
    assert result.returncode == 1 and "lost, doubled or out of order" in result.stderr, result
    found = document(result=result)["median"]
    # Every tenth of a hundred, at twelve sockets; the warm-up is not a multiple of ten.
    assert 9 * 12 <= found[figure] <= 11 * 12
    for other in {"lost", "doubled", "reordered"} - {figure}:
        # What is held may be the very last.
        assert found[other] <= (12 if fault == "swap" else 0)


def test_what_waits_for_a_server_that_stalls_counts_from_when_it_was_meant(chat_server):
    arguments = ["--sockets", "4", "--actors", "1", "--rate", "100", "--duration", "1", "--warm-up", "0.05"]
    found = median("fanout", *chat_server("stall").address, *CHAT, "--deliver-event", "said", *arguments)
    assert found["acts"] == 100, "the rate does not give way"
    # Half a second of a hundred a second was late, by a quarter of a second in the middle: not one act alone.
    assert found["latency_max_ms"] > 450
    assert found["act_latency_p99_ms"] > 400
    assert found["latency_p50_ms"] > 5


def test_no_acknowledgements_are_asked_of_a_server_that_sends_none(chat_server):
    found = median("fanout", *chat_server().address, *CHAT, "--no-acks", "--deliver-event", "said", *SMALL)
    assert found["deliveries"] == 800 and found["lost"] == 0
    assert "act_latency_p50_ms" not in found


def test_handshakes_and_idle_sockets_of_any_server(chat_server):
    server = chat_server()
    first = ["--namespace", "/game", "--first-event", "hello"]
    found = median("connect", *server.address, *first, "--sockets", "40", "--rate", "200")
    assert found["handshakes"] == 40 and found["failures"] == 0
    assert found["seconds"] > 0.19, "the last begins after 39 intervals"
    found = median("connect", *server.address, "--namespace", "/game", "--sockets", "40", "--window", "4")
    assert found["handshakes"] == 40
    found = median("idle", *server.address, *first, "--steps", "5,10", "--hold", "0.2", "--settle", "0.1")
    assert found["nodes_rss_10_bytes"] > 1_000_000 and "redis_rss_before_bytes" not in found


def test_sockets_that_do_not_stay_open_are_told(chat_server):
    result = bench("connect", *chat_server("leave").address, "--namespace", "/game", "--first-event", "hello",
                   "--sockets", "35", "--rate", "100", "--json")
    assert result.returncode == 1 and "3 of 35 sockets did not stay open" in result.stderr, result
    found = document(result=result)["median"]
    assert found["handshakes"] == 35 and found["open"] == 32


def test_a_first_event_that_never_comes_and_a_refusal_fail_the_handshake(chat_server):
    server = chat_server()
    result = bench("connect", *server.address, "--namespace", "/game", "--first-event", "session", "--sockets", "1",
                   "--timeout", "0.5")
    assert result.returncode == 1 and "no first event" in result.stderr
    result = bench("connect", *server.address, "--namespace", "/game", "--auth", '{"word":"wrong"}', "--sockets", "1")
    assert result.returncode == 1 and "not you" in result.stderr


def test_acts_are_counted_by_their_acknowledgements(chat_server):
    found = median("act", *chat_server().address, *CHAT, "--sockets", "6", "--rooms", "2", "--acts", "300")
    assert found["acts"] == 300 and found["acts_failed"] == 0
    assert "lost" not in found, "another server's rooms have no versions"


def test_the_example_echo_is_a_room_for_each_socket(echo):
    found = median(
        "fanout", "--url", echo.url, "--pid", str(echo.process.pid), "--first-event", "auth", "--no-acks",
        "--act-event", "message", "--act-argument", '"%stamp"', "--deliver-event", "message-back", "--sockets", "5",
        "--rooms", "5", "--rate", "100", "--duration", "1", "--warm-up", "0.2", "--padding", "100")
    assert found["deliveries"] == found["acts"] == 100 and found["lost"] == 0
    assert found["bytes_per_patch"] > 100


def test_our_own_nodes_as_if_they_were_somebody_elses(own_cluster):
    cluster = own_cluster(nodes=2, REJOIN_LIMIT_MESSAGES="10000/s", REJOIN_LIMIT_BURST="10000")
    nodes = [argument for node in cluster.nodes for argument in ("--url", node.url, "--pid", str(node.process.pid))]
    login = ["--first-event", "session", "--login-event", "register",
             "--login-argument", '{"username":"u%socket","password":"nobody guesses this"}',
             "--join-event", "join", "--join-argument", '{"room":"%room"}']
    acts = ["--act-event", "act", "--act-argument",
            '{"room":"%room","id":"%number","action":{"set":{"f%number":"%stamp"}}}', "--deliver-event", "patch"]
    small = ["--sockets", "12", "--rooms", "2", "--actors", "2", "--rate", "50", "--duration", "1", "--warm-up", "0.2"]
    found = median("fanout", *nodes, *login, *acts, *small)
    assert found["deliveries"] == 6 * found["acts"] == 300
    assert found["lost"] == found["doubled"] == found["reordered"] == 0
    casts = ["--act-event", "cast", "--act-argument", '{"room":"%room","data":"%stamp"}', "--deliver-event", "cast",
             "--deliver-to", "others"]
    found = median("fanout", *nodes, *login, *casts, *small)
    assert found["deliveries"] == 5 * found["acts"] == 250 and found["lost"] == 0
    # A watcher may not act: that is a refusal, although it is an acknowledgement.
    result = bench("fanout", *nodes, *login[:2], *login[6:], *acts, *small)
    assert result.returncode == 1 and "login_required" in result.stderr, result


@pytest.mark.parametrize("arguments, words", [
    (["fanout", "--act-event", "say"], "need its address, expected --url"),
    (["fanout", "--url", "http://127.0.0.1:1", "--act-event", "say", "--act-argument", "{"], "expected one JSON text"),
    (["fanout", "--url", "http://127.0.0.1:1", "--act-argument", "{}"], "expected --act-event too"),
    (["connect", "--url", "http://127.0.0.1:1", "--namespace", "game"], "--namespace is game, expected a slash"),
    (["fanout", "--in-flight", "50", "--padding", "10000"], "--in-flight is 50, expected at most 23"),
    (["connect", "--rate", "0"], "--rate is 0.0, expected 0.1"),
])
def test_a_description_that_cannot_be_is_wrong_usage(arguments, words):
    result = bench(*arguments)
    assert result.returncode == 2 and words in result.stderr, result


def test_what_is_missing_of_a_description_is_said():
    server = ["--url", "http://127.0.0.1:1"]
    result = bench("fanout", *server, "--first-event", "none")
    assert result.returncode == 1 and "expected --act-event" in result.stderr
    result = bench("fanout", *server, "--act-event", "say", "--act-argument", "{}")
    assert result.returncode == 1 and "expected %stamp" in result.stderr
    result = bench("fanout", *server, "--act-event", "say", "--act-argument", '"%stamp"')
    assert result.returncode == 1 and "expected --deliver-event" in result.stderr
