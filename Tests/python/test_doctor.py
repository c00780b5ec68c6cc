"""`rejoin doctor`: what it finds of a Redis, the accounts, the machine and the settings, and its exit code."""

import json
import pathlib
import re
import resource
import shlex
import subprocess

import pytest

from cluster import BINARY, Cluster, Node, Redis, free_port
from up import clean

KEYS = "b" * 44
LINE = re.compile(r"(ok  |warn|FAIL)  (\S+) +(\S.*)")


@pytest.fixture
def redis(tmp_path):
    redis = Redis(tmp_path)
    redis.command("CONFIG", "SET", "appendonly", "yes")
    yield redis
    redis.stop()


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path, nodes=2)
    yield cluster
    cluster.stop()


class Examination:
    """What the doctor said."""

    def __init__(self, folder, *arguments, preexec=None, **environment):
        self.result = subprocess.run(
            [BINARY, "doctor", "--json", *arguments], capture_output=True, text=True, timeout=30, preexec_fn=preexec,
            env=clean({"REJOIN_DATA": str(folder / "data"), "REJOIN_COOKIE_KEYS": KEYS} | environment))
        assert self.result.stderr == "", self.result.stderr
        self.findings = {finding["check"]: finding for finding in json.loads(self.result.stdout)}
        assert self.result.returncode == (1 if self.of("fail") else 0)

    def of(self, verdict):
        return {check for check, finding in self.findings.items() if finding["verdict"] == verdict}

    def __getitem__(self, check):
        return self.findings[check]


@pytest.fixture
def examine(tmp_path, redis):
    subprocess.run(
        [BINARY, "users", "add", "Ada", "--password-stdin"], input="correct horse\n", text=True, check=True,
        stdout=subprocess.DEVNULL, env=clean({"REJOIN_DATA": str(tmp_path / "data")}))
    return lambda *arguments, **options: Examination(
        tmp_path, *arguments, **{"REJOIN_REDIS_URL": redis.url, **options})


def test_a_fit_cluster_needs_nothing_and_nothing_is_left_behind(examine, redis):
    found = examine()
    assert found.of("fail") | found.of("warn") == set(), found.findings
    assert all(set(finding) == {"verdict", "check", "found", "expected", "advice"} for finding in found.findings.values())
    assert all(finding["expected"] == finding["advice"] == "" for finding in found.findings.values())
    assert {"redis.version", "redis.memory", "redis.replicas", "redis.pubsub-buffer", "redis.persistence", "redis.acl",
            "redis.latency", "redis.script", "accounts.store", "accounts.hashes", "clock", "descriptors",
            "cookie-keys"} <= set(found.findings)
    assert redis.command("DBSIZE") == "0"


def test_every_check_is_one_line(examine, tmp_path, redis):
    redis.command("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru", "appendonly", "no")
    result = subprocess.run(
        [BINARY, "doctor"], capture_output=True, text=True, timeout=30,
        env=clean({"REJOIN_DATA": str(tmp_path / "data"), "REJOIN_REDIS_URL": redis.url}))
    assert (result.returncode, result.stderr) == (1, "")
    lines = [LINE.fullmatch(line) for line in result.stdout.splitlines()]
    assert all(lines) and len({line[2] for line in lines}) == len(lines)
    told = {line[2]: (line[1].strip(), line[3]) for line in lines}
    verdict, text = told["redis.memory"]
    assert verdict == "FAIL" and "allkeys-lru" in text and "expected: noeviction" in text and "to do: CONFIG SET" in text
    assert told["redis.persistence"][0] == told["cookie-keys"][0] == "warn" and told["redis.version"][0] == "ok"


@pytest.mark.parametrize(
    "setting, value, check, verdict",
    [("maxmemory-policy", "allkeys-lru", "redis.memory", "warn"), ("appendfsync", "no", "redis.persistence", "warn"),
     ("min-replicas-to-write", "1", "redis.replicas", "fail"),
     ("client-output-buffer-limit", "pubsub 1mb 1mb 60", "redis.pubsub-buffer", "warn"),
     ("maxmemory", "100", "redis.commands", "fail")])
def test_a_setting_of_redis_that_is_unfit_is_found(examine, redis, setting, value, check, verdict):
    redis.command("CONFIG", "SET", setting, value)
    found = examine()
    assert found[check]["verdict"] == verdict and found[check]["expected"] and found[check]["advice"]


def test_a_replica_is_unfit(examine, redis, tmp_path):
    (tmp_path / "replica").mkdir()
    replica = Redis(tmp_path / "replica")
    try:
        replica.command("REPLICAOF", "127.0.0.1", str(redis.port))
        found = examine(REJOIN_REDIS_URL=replica.url)
        assert found.of("fail") == {"redis.role"} and found["redis.role"]["found"] == "replica"
    finally:
        replica.stop()


def test_a_redis_that_is_away_is_unfit_and_the_rest_is_looked_at(examine):
    found = examine(REJOIN_REDIS_URL=f"redis://user:hidden-canary@127.0.0.1:{free_port()}")
    assert found.of("fail") == {"redis.connection"} and found["accounts.store"]["verdict"] == "ok"
    assert "hidden-canary" not in found.result.stdout


def test_a_wrong_password_is_said(examine, redis):
    redis.command("CONFIG", "SET", "requirepass", "secret")
    found = examine(REJOIN_REDIS_URL=redis.url.replace("redis://", "redis://:hidden-canary@"))
    assert "WRONGPASS" in found["redis.connection"]["found"] and "hidden-canary" not in found.result.stdout
    assert "the password in redis.url" in found["redis.connection"]["advice"]


def user(redis, *rules):
    redis.command("ACL", "SETUSER", "game", "reset", "on", ">secret", *rules)
    return redis.url.replace("redis://", "redis://game:secret@")


def test_a_user_who_may_not_ask_for_settings_is_no_failure(examine, redis):
    found = examine(REJOIN_REDIS_URL=user(redis, "~rejoin:*", "&rejoin:*", "+@all", "-config", "-acl"))
    assert found.of("fail") == set()
    assert found.of("warn") == {"redis.replicas", "redis.pubsub-buffer"}
    assert all("cannot be checked" in found[check]["found"] for check in found.of("warn"))
    assert "the user game may do" in found["redis.acl"]["found"]


@pytest.mark.parametrize(
    "rules, check, words",
    [(["~rejoin:*", "&rejoin:*", "+@all", "-hset", "-xadd"], "redis.acl", ["hset", "xadd"]),
     (["~other:*", "&rejoin:*", "+@all"], "redis.acl", ["set", "hset"]),
     (["~rejoin:*", "&rejoin:*", "+@all", "-eval"], "redis.acl", ["eval"]),
     (["~rejoin:*", "&other:*", "+@all"], "redis.acl", ["publish", "spublish"]),
     (["~rejoin:*", "&rejoin:*", "+@all", "-subscribe"], "redis.pubsub", ["NOPERM"]),
     (["~rejoin:*", "&rejoin:*", "+@all", "-info"], "redis.connection", ["NOPERM"])],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value)
def test_what_a_user_may_not_do_is_named(examine, redis, rules, check, words):
    found = examine(REJOIN_REDIS_URL=user(redis, *rules))
    assert found[check]["verdict"] == "fail" and all(word in found[check]["found"] for word in words), found[check]


def test_every_command_of_the_scripts_is_tried(examine, redis):
    scripts = (pathlib.Path(__file__).parents[2] / "Sources").rglob("*.lua")
    commands = {command.lower() for script in scripts for command in re.findall(r"call\(\s*'(\w+)'", script.read_text())}
    assert len(commands) > 30
    commands -= {"info"}  # without it there is no connection
    found = examine(REJOIN_REDIS_URL=user(redis, "~rejoin:*", "&rejoin:*", "+@all", *(f"-{name}" for name in commands)))
    told = re.search(r"may not ([a-z, ]+)", found["redis.acl"]["found"])[1].strip().split(", ")
    assert commands - set(told) == set()


def test_a_user_as_it_is_advised_is_enough_for_a_node(examine, redis, tmp_path):
    refused = examine(REJOIN_REDIS_URL=user(redis, "~rejoin:*", "&rejoin:*", "+@all", "-hset"))
    advice = refused["redis.acl"]["advice"].split()
    assert advice[:3] == ["ACL", "SETUSER", "game"]
    url = user(redis, *advice[3:advice.index("(docs/operations.md")])
    assert examine(REJOIN_REDIS_URL=url).of("fail") == set()

    class Place:
        folder = tmp_path
        program = BINARY

    Place.redis = type("Url", (), {"url": url})
    node = Node("n1", Place)
    try:
        assert examine(REJOIN_REDIS_URL=url)["cluster.nodes"]["found"] == "1 ready: n1"
    finally:
        node.stop()


def test_the_user_of_the_documentation_is_enough(examine, redis):
    text = (pathlib.Path(__file__).parents[2] / "docs/operations.md").read_text()
    command = re.search(r"ACL SETUSER rejoin on '>PASSWORD'(.*?)\n\n", text, re.DOTALL)[1]
    rules = shlex.split(command.replace("\\\n", ""))
    found = examine(REJOIN_REDIS_URL=user(redis, *rules))
    assert found.of("fail") == set() and found.of("warn") == {"redis.replicas", "redis.pubsub-buffer"}


def test_certificates_are_looked_at(examine, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def make(days):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
             "-out", certificate, "-days", str(days), "-subj", "/CN=game.test"], check=True, stderr=subprocess.DEVNULL)

    settings = {"REJOIN_TLS_CERT": str(certificate), "REJOIN_TLS_KEY": str(key)}
    assert {"tls.cert", "tls.key"} == examine(**settings).of("fail")
    make(100)
    found = examine(**settings)
    assert found["tls.cert"]["verdict"] == found["tls.key"]["verdict"] == "ok" and found.result.returncode == 0
    make(7)
    assert examine(**settings).of("warn") == {"tls.cert"}


def test_the_accounts_are_the_nodes_or_they_are_unfit(cluster, tmp_path):
    found = Examination(tmp_path, REJOIN_REDIS_URL=cluster.redis.url)
    assert "is the nodes'" in found["accounts.store"]["found"] and found["cluster.nodes"]["found"] == "2 ready: n1, n2"
    (tmp_path / "other").mkdir()
    missing = Examination(tmp_path / "other", REJOIN_REDIS_URL=cluster.redis.url)
    assert missing["accounts.store"]["verdict"] == "fail"
    assert not (tmp_path / "other/data").exists(), "looking makes nothing"
    subprocess.run(
        [BINARY, "users", "list"], check=True, stdout=subprocess.DEVNULL,
        env=clean({"REJOIN_DATA": str(tmp_path / "other/data")}))
    other = Examination(tmp_path / "other", REJOIN_REDIS_URL=cluster.redis.url)
    assert other["accounts.store"]["verdict"] == "fail" and "one store for all nodes" in other["accounts.store"]["expected"]


def test_accounts_that_do_not_open_are_unfit(examine, tmp_path):
    (tmp_path / "no.db").write_text("this is no database, whatever its name says " * 100)
    found = examine(REJOIN_ACCOUNTS_URL=f"sqlite:{tmp_path}/no.db")
    assert found["accounts.store"]["verdict"] == "fail" and "no.db" in found["accounts.store"]["found"]
    found = examine(REJOIN_ACCOUNTS_URL=f"postgres://user:hidden-canary@127.0.0.1:{free_port()}/game")
    assert found["accounts.store"]["verdict"] == "fail" and "hidden-canary" not in found.result.stdout


def test_settings_and_limits_that_are_not_safe_are_warnings(examine):
    found = examine(
        REJOIN_INSECURE_LOGIN="true", REJOIN_ADMIN_HOST="0.0.0.0", REJOIN_REGISTRATION="open", REJOIN_COOKIE_KEYS="",
        preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)))
    assert found.of("warn") == {"insecure-login", "admin", "registration", "cookie-keys", "descriptors"}
    assert found.result.returncode == 0


def test_a_redis_is_needed(tmp_path):
    result = subprocess.run(
        [BINARY, "doctor"], capture_output=True, text=True, timeout=30, env=clean({"REJOIN_DATA": str(tmp_path / "data")}))
    assert result.returncode == 2 and "redis.url" in result.stderr and result.stdout == ""
