"""The load generator on small loads: it runs, says what it measured, and finds nothing lost. Its figures are nobody's
business here."""

import json
import subprocess

import pytest

from cluster import BINARY
from up import clean


def bench(*arguments):
    return subprocess.run(
        [BINARY, "bench", *arguments], capture_output=True, text=True, timeout=120, env=clean({}))


def figures(*arguments):
    result = bench(*arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["median"]


def test_acts_are_applied_once_although_a_node_is_killed():
    found = figures("act", "--sockets", "12", "--rooms", "2", "--acts", "1200", "--kills", "1", "--nodes", "2")
    assert found["acts"] == 1200 and found["killed"] == 1
    assert found["disconnected"] > 0, "the node that was killed had sockets"
    assert found["lost"] == found["doubled"] == 0
    assert found["acts_per_second"] > 0 and found["latency_p50_ms"] > 0


def test_every_socket_gets_every_message():
    found = figures("fanout", "--sockets", "40", "--rate", "20", "--duration", "1", "--warm-up", "0.2")
    assert found["deliveries"] == 40 * found["acts"] > 0
    assert found["lost"] == found["doubled"] == found["reordered"] == 0


def test_the_players_of_a_killed_node_act_elsewhere():
    found = figures("rejoin", "--players", "12", "--nodes", "2")
    assert found["acting_again"] == 12 and found["not_back"] == 0 and found["acts_kept"] == 24
    assert found["join_p99_ms"] > 0


@pytest.mark.parametrize("arguments, words", [
    (["--kills", "3"], "--kills is 3, expected fewer than the 3 nodes"),
    (["--kills", "1", "--url", "http://127.0.0.1:1"], "only a cluster of its own"),
    (["--in-flight", "129"], "--in-flight is 129, expected 1 to 128"),
    (["--rooms", "5", "--sockets", "4"], "--rooms is 5, expected 1 to 4"),
])
def test_what_cannot_be_measured_is_said(arguments, words):
    result = bench("act", *arguments)
    assert result.returncode == 2 and words in result.stderr, result
