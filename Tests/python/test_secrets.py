"""What is secret is nowhere it need not be: not in Redis, logs, errors, metrics and the arguments of processes."""

import asyncio
import base64
import contextlib
import json
import os
import re
import subprocess

import pytest

from canary import PROVIDER, Canaries, Life, arguments_of
from cluster import BINARY, Cluster, eventually, free_port, get
from postgres import Postgres
from up import Up

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
TEXT_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (trace|debug|info|notice|warning|error|critical) [^\x00-\x1f\x7f-\x9f]+$")

# The end of a line, of a colour and of a JSON string.
FORGED = "e\r\n2026-01-01T00:00:00.000Z info forged\x1b[31m\x9b31m\"}\n{\"level\":\"info\""


@pytest.fixture
def canaries():
    return Canaries()


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path, nodes=2, **PROVIDER)
    yield cluster
    cluster.stop()


@pytest.fixture
def monitor(cluster):
    """Everything that Redis is asked to do."""
    path = cluster.folder / "monitor.log"
    with path.open("wb") as log:
        process = subprocess.Popen(["redis-cli", "-p", str(cluster.redis.port), "MONITOR"], stdout=log)
    yield path
    process.kill()
    process.wait()


async def test_redis_holds_no_secret_after_a_whole_life_of_logins(cluster, monitor, canaries, players):
    await eventually(lambda: asyncio.sleep(0, b"OK" in monitor.read_bytes()))
    for setting in (("appendonly", "yes"), ("aof-use-rdb-preamble", "no"), ("rdbcompression", "no")):
        cluster.redis.command("CONFIG", "SET", *setting)
    await eventually(lambda: asyncio.sleep(0, "aof_rewrite_in_progress:0" in cluster.redis.command("INFO", "persistence")))
    await Life(cluster, canaries, players).live()
    cluster.redis.command("SAVE")
    cluster.redis.command("SET", "the last", "command")
    await eventually(lambda: asyncio.sleep(0, b"the last" in monitor.read_bytes()))
    append_only = b"".join(path.read_bytes() for path in (cluster.folder / "appendonlydir").iterdir())
    dump = (cluster.folder / "dump.rdb").read_bytes()
    for place, data in [("MONITOR", monitor.read_bytes()), ("append only file", append_only), ("dump", dump)]:
        assert any(handle in data for handle in canaries.handles), f"no session is in the {place}"
        assert canaries.found(data, place, allowed=["a payload"]) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("format", ["text", "json"])
async def test_nothing_secret_is_in_logs_answers_metrics_or_arguments(tmp_path, canaries, players, format):
    password = canaries.add("Redis-cAnArY", "the password of redis")
    postgres = Postgres(canaries.add("Postgres-cAnArY", "the password of postgresql"))
    cluster = Cluster(tmp_path, nodes=0)
    try:
        cluster.redis.command("ACL", "SETUSER", "game", "on", ">" + password, "~*", "&*", "+@all")
        key = base64.b64encode(b"Key-cAnArY-of-at-least-32-bytes!!").decode()
        canaries.add(base64.b64decode(key).decode(), "a signing key")
        cluster.environment = PROVIDER | {
            "REJOIN_LOG_LEVEL": "trace", "REJOIN_LOG_FORMAT": format, "REJOIN_COOKIE_KEYS": key,
            # An unknown setting is warned of by its name.
            "REJOIN_" + FORGED: "1",
            "REJOIN_REDIS_URL": f"redis://game:{password}@127.0.0.1:{cluster.redis.port}",
            "REJOIN_ACCOUNTS_URL": postgres.url,
            "REJOIN_ADMIN_TOKEN": canaries.add("Admin-cAnArY-of-many-characters", "the admin token")}
        for name in ("n1", "n2"):
            cluster.add(name)
        cluster.rejoin = with_environment(cluster)
        life = Life(cluster, canaries, players)
        await life.live()
        await send_forged_lines(cluster.nodes[0], players())
        assert await life.found_in_metrics() == []
        pids = [node.process.pid for node in cluster.nodes]
        assert canaries.found(arguments_of(pids), "the arguments") == []
        await wrong_passwords(cluster, canaries)
        await without(postgres, cluster, life)
        assert life.found_in_refusals() == []
        for node in cluster.nodes:
            lines = node.log.read_text().split("\n")[:-1]
            assert [line for line in lines if not one_line(line, format)] == []
            assert any("forged" in line for line in lines)
            assert canaries.found(node.log.read_bytes(), node.log.name) == []
    finally:
        cluster.stop()
        postgres.stop()


def with_environment(cluster):
    """The commands of the program, with the nodes' own settings."""
    def rejoin(*arguments, stdin=""):
        return subprocess.run(
            [BINARY, *arguments], input=stdin, capture_output=True, text=True, timeout=20,
            env=os.environ | {"REJOIN_DATA": str(cluster.folder / "data")} | cluster.environment)
    return rejoin


def one_line(line, format):
    if format == "text":
        return TEXT_LINE.match(line)
    with contextlib.suppress(ValueError):
        return not CONTROL.search(line) and json.loads(line).keys() >= {"time", "level", "message"}
    return False


async def send_forged_lines(node, player):
    """Whatever text a client chooses: it is in no log, or in a line that it did not begin."""
    await player.connect(node)
    for event, body in [(FORGED, {}), ("join", {"room": FORGED}), ("login", {"username": FORGED, "password": FORGED}),
                        ("register", {"username": FORGED, "password": FORGED}),
                        ("act", {"room": "r", "id": FORGED, "action": {}}), ("join", {"room": "r", "since": {FORGED: FORGED}})]:
        assert (await player.call(event, body))["ok"] is False
    await get(node.url + "/%0d%0aforged%1b[31m?a=%0d%0aforged")


async def wrong_passwords(cluster, canaries):
    """Nodes that neither Redis nor PostgreSQL lets in."""
    redis, postgres = cluster.environment["REJOIN_REDIS_URL"], cluster.environment["REJOIN_ACCOUNTS_URL"]
    wrong = canaries.add("Wrong-cAnArY", "a wrong password of a server")
    for number, (changed, said) in enumerate([
            ({"REJOIN_REDIS_URL": re.sub(":[^:]*@", f":{wrong}@", redis)}, "WRONGPASS"),
            ({"REJOIN_REDIS_URL": re.sub(r":\d+$", f":{free_port()}", redis)}, "onnect"),
            ({"REJOIN_REDIS_URL": redis.replace("redis://", "radish://")}, "REJOIN_REDIS_URL"),
            ({"REJOIN_ACCOUNTS_URL": re.sub(":[^:]*@", f":{wrong}@", postgres)}, "password authentication failed"),
            ({"REJOIN_ACCOUNTS_URL": re.sub(r":\d+/", f":{free_port()}/", postgres)}, "onnect"),
            ({"REJOIN_ACCOUNTS_URL": postgres.replace("postgres://", "posters://")}, "REJOIN_ACCOUNTS_URL"),
            ({"REJOIN_COOKIE_KEYS": cluster.environment["REJOIN_COOKIE_KEYS"][:20]}, "REJOIN_COOKIE_KEYS")]):
        log = cluster.folder / f"wrong{number}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [BINARY, "serve"], stdout=output, stderr=output,
                env=os.environ | cluster.environment | {
                    "REJOIN_NODE": f"w{number}", "REJOIN_PORT": "0", "REJOIN_ADMIN_PORT": "0",
                    "REJOIN_DATA": str(cluster.folder / "data")} | changed)
        try:
            await eventually(lambda: asyncio.sleep(0, said in log.read_text()), timeout=15)
        finally:
            process.kill()
            process.wait()
        assert canaries.found(log.read_bytes(), log.name) == []


async def without(postgres, cluster, life):
    """What is said when the accounts, and then Redis, do not answer."""
    cookie = await life.page()
    postgres.process.kill()
    postgres.process.wait()
    await life.post("/session/login", life.login("browser"), 503)
    cluster.redis.freeze()
    await life.post("/session/login", life.login("browser"), 503, cookie)
    cluster.redis.kill()
    await life.post("/session/claim", {"ticket": cookie.removeprefix("rejoin=").rsplit(".", 1)[0]}, 503, cookie)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("format", ["text", "json"])
async def test_nothing_secret_is_in_the_logs_and_arguments_of_up(tmp_path, canaries, players, format):
    up = Up(tmp_path / "data", "--nodes", "2", "--bots", "2", REJOIN_LOG_LEVEL="trace", REJOIN_LOG_FORMAT=format).ready()
    try:
        password = json.loads((up.data / "cluster.json").read_text())["redisURL"].split(":")[2].split("@")[0]
        canaries.add(password, "the password of redis")
        life = Life(Behind(up), canaries, players)
        await life.browser()
        await life.game()
        await life.mistakes()
        assert life.found_in_refusals() == [] and await life.found_in_metrics() == []
        assert canaries.found(arguments_of(up.processes()), "the arguments") == []
        assert len(up.processes()) >= 4
        assert up.interrupt() == 0
        assert canaries.found_in_files(up.data / "log") == []
        assert canaries.found("\n".join(up.lines), "the terminal") == []
    finally:
        up.stop()


class Behind:
    """The nodes of an `up`, as a test's cluster has them."""

    def __init__(self, up):
        self.nodes, self.rejoin = up.nodes(), up.rejoin
