"""The load generator on small loads: it runs, says what it measured, and finds nothing lost. Its figures are nobody's
business here."""

import contextlib
import json
import os
import pathlib
import pty
import signal
import subprocess
import xml.etree.ElementTree

import pytest

from cluster import BINARY
from up import clean


def bench(*arguments):
    return subprocess.run(
        [BINARY, "bench", *arguments], capture_output=True, text=True, timeout=120, env=clean({}))


def document(*arguments, result=None):
    """What it prints as JSON; or what a run printed that was given up."""
    if result is None:
        result = bench(*arguments, "--json")
        assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def figures(*arguments):
    return document(*arguments)["median"]


def test_acts_are_applied_once_although_a_node_is_killed():
    found = figures("act", "--sockets", "12", "--rooms", "2", "--acts", "1200", "--kills", "1", "--nodes", "2")
    assert found["acts"] == 1200 and found["killed"] == 1
    assert found["disconnected"] > 0, "the node that was killed had sockets"
    assert found["lost"] == found["doubled"] == 0
    assert "acts_per_cpu_second" not in found, "what the killed node took is not known"
    assert found["acts_per_second"] > 0 and found["latency_p50_ms"] > 0


def test_acts_that_are_refused_for_good_have_failed():
    result = bench("act", "--sockets", "250", "--acts", "500", "--limit-room-bytes", "1024",
                   "--limit-room-field-bytes", "1024", "--nodes", "1", "--json")
    assert result.returncode == 1 and "too_large" in result.stderr, result
    found = document(result=result)["median"]
    assert found["acts_failed"] > 0 and found["acts"] + found["acts_failed"] == 500
    assert found["lost"] == found["doubled"] == found["repeated"] == 0


def children(process):
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, fields = path.read_text().split("(", 1)[1].rsplit(")", 1)
            if int(fields.split()[1]) == process.pid:
                yield name, int(path.parent.name)


@pytest.mark.parametrize("victim", ["redis-server", "rejoin"])
def test_a_server_that_dies_ends_the_run(victim):
    process = subprocess.Popen(
        [BINARY, "bench", "act", "--sockets", "4", "--acts", "10000000", "--nodes", "1", "--timeout", "4"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=clean({}))
    assert any("act 10000000 times" in line for line in process.stderr)
    for name, pid in children(process):
        if name == victim:
            os.kill(pid, signal.SIGKILL)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 1 and "no act was acknowledged within 4.0 s" in errors, errors


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
    (["--redis-benchmark", "--url", "http://127.0.0.1:1"], "it takes no --url"),
    (["--rate", "5", "--in-flight", "1"], "expected --rate or --in-flight, not both"),
    (["--sockets", "1025"], "need 1025 fields of a room, expected at most the 1024 of limit.room-fields"),
    (["--sockets", "22", "--rooms", "2", "--limit-room-fields", "10"], "need 11 fields of a room"),
])
def test_what_cannot_be_measured_is_said(arguments, words):
    result = bench("act", *arguments)
    assert result.returncode == 2 and words in result.stderr, result


@pytest.mark.parametrize("name", ["duration", "warm-up", "hold", "settle", "timeout"])
@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e18"])
def test_seconds_are_a_number_in_a_range(name, seconds):
    result = bench("idle" if name in ("hold", "settle") else "fanout", f"--{name}={seconds}")
    assert result.returncode == 2 and f"--{name} is {float(seconds)}, expected 0".lower() in result.stderr, result
    assert result.stderr.count("\n") == 1 and "seconds" in result.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--rate", "30", "--in-flight", "8"], "expected --rate or --in-flight, not both"),
    (["--padding", "10001"], "--padding is 10001, expected 0 to 10000"),
])
def test_fan_out_that_cannot_be_is_said(arguments, words):
    result = bench("fanout", *arguments)
    assert result.returncode == 2 and words in result.stderr, result


def test_all_fields_of_a_room_have_the_padding_that_is_accepted():
    found = figures("fanout", "--sockets", "4", "--rate", "1000", "--duration", "0.5", "--warm-up", "0.2",
                    "--padding", "960")
    assert found["acts"] == 500 and found["acts_failed"] == found["lost"] == 0


@pytest.mark.parametrize("window", ["1", "2", "5"])
def test_a_window_is_shared_by_all_event_loops(window):
    found = figures("connect", "--sockets", "7", "--window", window, "--client-threads", "4")
    assert found["handshakes"] == found["open"] == 7
    found = figures(
        "act", "--sockets", "3", "--acts", "30", "--rate", "30", "--window", window, "--client-threads", "4")
    assert found["acts"] == 30 and 0.9 < found["seconds"] < 2


def test_acts_at_a_rate_are_applied_once_although_a_node_is_killed():
    found = figures("act", "--sockets", "12", "--acts", "1200", "--rate", "600", "--kills", "1", "--nodes", "2")
    assert found["acts"] == 1200 and found["lost"] == found["doubled"] == 0
    assert found["disconnected"] > 0 and found["seconds"] > 1.9


def test_many_rooms_take_turns():
    found = figures("fanout", "--sockets", "40", "--rooms", "8", "--rate", "80", "--duration", "1", "--warm-up", "0.2",
                    "--nodes", "2")
    assert found["acts"] == 80 and found["deliveries"] == 400
    assert found["lost"] == found["doubled"] == found["reordered"] == 0
    found = figures("fanout", "--sockets", "40", "--rooms", "8", "--in-flight", "16", "--duration", "1", "--warm-up",
                    "0.2")
    assert found["deliveries"] == 5 * found["acts"] > 100


def test_many_sockets_join_rooms_that_are_being_loaded_and_each_is_answered():
    small = ["--sockets", "200", "--rooms", "40", "--duration", "0.2", "--warm-up", "0.1", "--timeout", "8"]
    for _ in range(4):
        assert figures("fanout", *small, "--threads", "4")["closed"] == 0


@pytest.mark.timeout(180)  # the hash by itself is measured for seconds of CPU
def test_logins_and_handshakes_at_a_rate():
    found = figures("login", "--logins", "10", "--rate", "10", "--window", "5")
    assert found["logins"] == 10 and found["seconds"] > 0.89 and found["latency_p50_ms"] > 5
    assert found["echoes_failed"] == 0
    result = bench("login", "--logins", "2", "--limit-messages", "20/s", "--limit-burst", "40", "--json")
    assert result.returncode == 1 and "echoes failed, the first with: leave was refused" in result.stderr, result
    assert document(result=result)["median"]["echoes_failed"] > 0
    found = figures("connect", "--sockets", "50", "--rate", "100")
    assert found["handshakes"] == 50 and found["seconds"] > 0.48


def test_the_floor_stands_beside_fan_out():
    found = figures("fanout", "--sockets", "20", "--rate", "50", "--duration", "1", "--warm-up", "0.2", "--floor")
    floor = (found["floor_before"] + found["floor_after"]) / 2
    assert floor > 1_000
    assert found["floor_share"] == pytest.approx(found["deliveries_per_cpu_second"] / floor)
    alone = figures("floor", "--sockets", "20", "--rounds", "30")
    assert alone["sends"] == 600 and alone["sends_per_cpu_second"] > 1_000


def test_redis_alone_does_the_same_script_beside_acts():
    found = figures("act", "--sockets", "8", "--rooms", "4", "--acts", "800", "--redis-benchmark", "--nodes", "2")
    redis = (found["redis_benchmark_before"] + found["redis_benchmark_after"]) / 2
    assert found["redis_benchmark_share"] == pytest.approx(found["acts_per_second"] / redis)
    assert 0 < found["redis_benchmark_share"] < 1, "Redis alone is faster than a cluster with it"
    assert found["acts"] == 800 and found["lost"] == 0


@pytest.mark.timeout(240)  # twelve clusters
def test_growth_compares_each_point_with_the_first_of_its_kind():
    found = document("growth", "--sockets", "10,20", "--rooms", "1,4", "--node-counts", "1,2", "--deliveries", "400",
                     "--duration", "1")
    kinds = [(point["kind"], point["sockets"], point["rooms"], point["nodes"]) for point in found["points"]]
    assert kinds == [("sockets", 10, 1, 1), ("sockets", 20, 1, 1), ("rooms", 20, 1, 1), ("rooms", 20, 4, 1),
                     ("nodes", 10, 1, 1), ("nodes", 10, 1, 2)]
    assert [point["ratio"] for point in found["points"]][::2] == [1, 1, 1]
    for point in found["points"]:
        assert point["median"]["lost"] == 0 and point["cpuMicroseconds"] > 0 and point["actMicroseconds"] > 0
        # What is left when as many acts by themselves are taken off, each with a delivery of its own.
        share = point["median"]["acts"] / point["median"]["deliveries"]
        rest = point["withoutActs"] * (1 - share) + share * point["actMicroseconds"]
        assert rest == pytest.approx(point["cpuMicroseconds"])
        assert point["median"]["deliveries"] == pytest.approx(400, rel=0.1)


    one, two = [point["settings"]["REJOIN_THREADS"] for point in found["points"][-2:]]
    assert one == two, "event loops make a difference too"


def test_a_cluster_of_its_own_takes_no_accounts_and_no_certificate_of_somebody_elses(tmp_path):
    file = tmp_path / "rejoin.yaml"
    file.write_text("tls:\n  cert: /nowhere.pem\n  key: /nowhere.key\n"
                    "accounts:\n  url: postgres://nobody@127.0.0.1:1/none\nlimit:\n  burst: 777777\n")
    found = document("connect", "--sockets", "4", "--config", str(file))
    assert found["median"]["handshakes"] == 4
    assert "REJOIN_LIMIT_BURST" not in found["settings"], "what else the file says counts"


def test_what_was_changed_for_it_is_said_in_both_forms():
    small = ["fanout", "--sockets", "4", "--rate", "50", "--duration", "0.2", "--warm-up", "0.1"]
    found = document(*small, "--limit-burst", "777777")
    assert found["nodes"] == 1
    assert found["settings"]["REJOIN_LIMIT_MESSAGES"] == "100000/s"
    assert "REJOIN_LIMIT_BURST" not in found["settings"], "that was asked for"
    result = bench(*small)
    assert "one node of its own, told " in result.stdout and "REJOIN_LIMIT_HANDSHAKES=1000000/s" in result.stdout


def test_runs_are_drawn(tmp_path):
    for arguments, texts in [
        (["fanout", "--sockets", "4", "--rate", "50", "--duration", "0.3", "--warm-up", "0.1", "--runs", "2"],
         ["rejoin bench fanout", "run 2", "latency, ms", "90 %"]),
        (["idle", "--steps", "5,10", "--hold", "0.1", "--settle", "0.1"], ["nodes' resident memory, MB", "sockets"]),
    ]:
        path = tmp_path / f"{arguments[0]}.svg"
        result = bench(*arguments, "--svg", str(path))
        assert result.returncode == 0, result.stderr
        root = xml.etree.ElementTree.parse(path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        shown = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert set(texts) <= set(shown), shown
        for element in root.iter("{http://www.w3.org/2000/svg}rect"):
            assert float(element.get("width").rstrip("%")) >= 0


def test_a_terminal_has_one_line_and_a_pipe_a_line_for_each_part():
    small = ["fanout", "--sockets", "4", "--rate", "50", "--duration", "1", "--warm-up", "0.1"]
    result = bench(*small)
    lines = result.stderr.splitlines()
    assert "rejoin: bench fanout: measuring" in lines and "\r" not in result.stderr
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [BINARY, "bench", *small], stdout=subprocess.DEVNULL, stderr=theirs, env=clean({}))
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65_536):
            drawn += piece
    os.close(ours)
    assert process.wait(30) == 0
    assert b"\r\x1b[Kbench fanout: measuring: 0 s, 1 s left" in drawn
    assert b"\n" not in drawn and drawn.endswith(b"\r\x1b[K"), "nothing of it is left"
