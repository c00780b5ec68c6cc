"""TLS on the public listener, between nodes, and to Redis, on real nodes."""

import asyncio
import contextlib
import datetime
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import aiohttp
import pytest
import socketio
from playwright.async_api import expect

from certificates import Authority
from cluster import BINARY, Cluster, Redis, eventually, free_port, get
from browser import browsers, chromium  # noqa: F401
from test_browser import join, node_of, row, watching
from up import Up, clean

PASSWORD = "correct horse battery"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def own(authority):
    """The certificate and the key of the nodes; the files that a test may replace."""
    return authority.issue("own")


@pytest.fixture
def tls(own):
    return {"REJOIN_TLS_CERT": str(own[0]), "REJOIN_TLS_KEY": str(own[1])}


@pytest.fixture
def cluster(tmp_path, tls):
    cluster = Cluster(tmp_path, nodes=2, **tls)
    yield cluster
    cluster.stop()


@pytest.fixture
def node(cluster):
    return cluster.nodes[0]


def trusting(authority):
    return ssl.create_default_context(cafile=authority.certificate)


def named(node):
    """The node by the name that is in its certificate."""
    return node.url.replace("127.0.0.1", "localhost")


@contextlib.asynccontextmanager
async def browser(authority):
    """A browser that believes an authority and keeps cookies."""
    async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusting(authority)), cookie_jar=aiohttp.CookieJar()) as session:
        yield session


def metric(text, name):
    return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])


async def metrics(node):
    return (await get(node.admin + "/metrics"))[1]


def presented(node):
    """The serial number of the certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address(node)) as plain, context.wrap_socket(plain) as encrypted:
        return hash(encrypted.getpeercert(binary_form=True))


def address(node):
    return "127.0.0.1", int(node.url.rsplit(":", 1)[1])


async def test_a_browser_logs_in_over_https_and_its_socket_is_a_player(node, authority):
    assert node.url.startswith("https://") and node.admin.startswith("http://")
    async with browser(authority) as session:
        async with session.get(named(node) + "/") as page:
            assert page.status == 200 and page.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert page.headers["X-Content-Type-Options"] == "nosniff"
            assert "connect-src 'self';" in page.headers["Content-Security-Policy"]
            assert page.headers["Set-Cookie"].startswith("__Host-rejoin=")
        async with session.get(named(node) + "/session") as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff" and "Strict-Transport-Security" in answer.headers
        origin = {"Origin": named(node)}
        client = socketio.AsyncClient(http_session=session)
        try:
            await client.connect(named(node), headers=origin, transports=["polling", "websocket"])
            answer = await client.call("register", {"username": "Ada", "password": PASSWORD})
            assert answer["ok"], answer
            async with session.post(named(node) + "/session/claim", json={"ticket": answer["ticket"]}, headers=origin) as claim:
                assert claim.status == 204
                cookie = claim.headers["Set-Cookie"]
                assert cookie.startswith("__Host-rejoin=") and "; Path=/; " in cookie and "; Secure; HttpOnly; SameSite=Lax" in cookie
                assert "domain" not in cookie.lower() and claim.headers["Cache-Control"] == "no-store"
            async with session.get(named(node) + "/session") as answer:
                assert (await answer.json())["user"]["name"] == "Ada"
            await client.call("join", {"room": "lobby"})
            acted = await client.call("act", {"room": "lobby", "id": "1", "action": {"set": {"x": 1}}})
            assert acted["ok"] and client.transport() == "websocket"
        finally:
            await client.disconnect()
        for other in (named(node).replace("https", "http"), "https://localhost", "https://localhost.evil"):
            async with session.ws_connect(
                    named(node).replace("https", "wss") + "/socket.io/?EIO=4&transport=websocket", headers=origin):
                pass
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(
                    named(node).replace("https", "wss") + "/socket.io/?EIO=4&transport=websocket", headers={"Origin": other})
            assert refused.value.status == 403


async def test_polling_and_its_upgrade_go_by_way_of_another_node(cluster, authority):
    owner, other = cluster.nodes
    for first, second in ((owner, other), (other, owner)):
        async with browser(authority) as session:
            async with session.get(named(first) + "/socket.io/?EIO=4&transport=polling") as answer:
                sid = json.loads((await answer.text())[1:])["sid"]
            uri = f"{named(second)}/socket.io/?EIO=4&transport=polling&sid={sid}"
            async with session.post(uri, data='40{"token":null}', headers={"Content-Type": "text/plain"}) as answer:
                assert await answer.text() == "ok"
            async with session.get(uri) as answer:
                assert (await answer.text()).startswith('40{"sid":')
            async with session.ws_connect(uri.replace("https", "wss").replace("=polling", "=websocket")) as upgraded:
                await upgraded.send_str("2probe")
                assert await upgraded.receive_str() == "3probe"
                await upgraded.send_str("5")
                await upgraded.send_str('42/,1["join",{"room":"lobby"}]')
                assert (await upgraded.receive_str()).startswith("4")
        assert metric(await metrics(second), "rejoin_engine_relayed_total") >= 3
    assert metric(await metrics(owner), "rejoin_engine_relay_failures_total") == 0


async def test_a_node_without_tls_and_one_with_it_pass_requests_on_to_each_other(tmp_path, tls, authority, own):
    # A node without a certificate of its own believes the system's authorities, of which a test's is none.
    cluster = Cluster(tmp_path, nodes=0)
    try:
        plain, encrypted = cluster.add("plain"), cluster.add("tls", **tls)
        async with browser(authority) as session:
            async with session.get(plain.url + "/socket.io/?EIO=4&transport=polling") as answer:
                sid = json.loads((await answer.text())[1:])["sid"]
            uri = f"{named(encrypted)}/socket.io/?EIO=4&transport=polling&sid={sid}"
            async with session.post(uri, data="40", headers={"Origin": named(encrypted), "Content-Type": "text/plain"}) as answer:
                assert (answer.status, await answer.text()) == (200, "ok")
            async with session.get(named(encrypted) + "/socket.io/?EIO=4&transport=polling") as answer:
                sid = json.loads((await answer.text())[1:])["sid"]
            for _ in range(3):
                async with session.get(f"{plain.url}/socket.io/?EIO=4&transport=polling&sid={sid}") as answer:
                    assert (answer.status, (await answer.json())["code"]) == (400, 1)
        log = plain.log.read_text()
        assert log.count("no tls with a node") == 1 and "CERTIFICATE_VERIFY_FAILED" in log
        assert cluster.redis.command("HGET", "rejoin:node:tls", "scheme") == "https"
    finally:
        cluster.stop()


async def test_who_speaks_plain_http_or_old_tls_is_closed_and_counted_and_never_an_error(node):
    async def refused():
        return metric(await metrics(node), "rejoin_engine_tls_failures_total")

    begin = await refused()
    for _ in range(20):
        reader, writer = await asyncio.open_connection(*address(node))
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"HTTP" not in await asyncio.wait_for(reader.read(), 2)
        writer.close()
    old = subprocess.run(
        ["openssl", "s_client", "-connect", "%s:%d" % address(node), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    assert old.returncode != 0 and "alert protocol version" in old.stderr

    async def counted():
        return await refused() == begin + 21

    await eventually(counted)
    # The tests' own variables are none of the program's.
    loud = [line for line in node.log.read_text().splitlines() if re.search(" (warning|error) ", line) and "is no setting" not in line]
    assert loud == []


async def test_tls_12_and_13_are_spoken_and_http_11_is_agreed_on(node, authority):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting(authority)
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(address(node)) as plain, context.wrap_socket(plain, server_hostname="localhost") as peer:
            assert peer.selected_alpn_protocol() == "http/1.1"
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert peer.recv(12) == b"HTTP/1.1 200"


async def test_sighup_changes_the_certificate_and_no_socket_notices(node, authority, own):
    async with browser(authority) as session:
        client = socketio.AsyncClient(http_session=session, reconnection=False)
        await client.connect(named(node), auth={"token": None}, transports=["websocket"])
        try:
            before = presented(node)
            expiry = metric(await metrics(node), "rejoin_tls_certificate_expiry_seconds")
            assert abs(expiry - time.time() - 30 * 86400) < 3600

            own[1].write_text("broken")
            node.process.send_signal(signal.SIGHUP)
            await said(node, " error the certificate was not reloaded, the one before stays in use", "tls.key: ")
            assert presented(node) == before

            shutil.copy(authority.issue("other")[0], own[0])
            node.process.send_signal(signal.SIGHUP)
            await said(node, "not reloaded", "tls.key: .*holds no private key", count=2)
            renewed = authority.issue("renewed", days=3)
            for new, old in zip(renewed, own):
                shutil.copy(new, old)
            node.process.send_signal(signal.SIGHUP)
            day = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)
            await said(node, f" info the certificate was reloaded expires={day:%Y-%m-%d}T")
            await said(node, " warning the certificate expires within 7 days")
            assert presented(node) != before
            assert metric(await metrics(node), "rejoin_tls_certificate_expiry_seconds") < expiry
            assert (await client.call("join", {"room": "lobby"}))["ok"] and client.connected
        finally:
            await client.disconnect()


async def test_a_node_drains_with_sockets_idle_connections_and_unfinished_handshakes_open(node, authority):
    context = trusting(authority)
    idle, unfinished = socket.create_connection(address(node)), socket.create_connection(address(node))
    async with browser(authority) as session:
        with context.wrap_socket(idle, server_hostname="localhost"), unfinished:
            client = socketio.AsyncClient(http_session=session, reconnection=False)
            told, gone = asyncio.Event(), asyncio.Event()
            client.on("drain", lambda _: told.set())
            client.on("disconnect", lambda *_: gone.set())
            await client.connect(named(node), auth={"token": None}, transports=["websocket"])
            begin = time.monotonic()
            node.terminate()
            await asyncio.wait_for(told.wait(), 10)
            await asyncio.wait_for(gone.wait(), 20)
            assert await asyncio.to_thread(node.process.wait, 25) == 0
            assert time.monotonic() - begin < 22
    assert " error " not in node.log.read_text()


async def test_the_game_is_played_in_a_browser_over_tls(cluster, browsers):
    first, second = cluster.nodes
    context, other = await browsers(ignore_https_errors=True), await browsers(ignore_https_errors=True)
    page, watcher = await watching(context, named(first) + "/"), await watching(other, named(second) + "/")
    await join(page)
    await expect(row(watcher, "Ada")).to_be_visible()
    assert [(cookie["name"], cookie["secure"]) for cookie in await context.cookies()] == [("__Host-rejoin", True)]
    await page.reload()
    assert await node_of(page) == first.name
    await expect(row(page, "Ada")).to_be_visible()


async def test_sighup_without_tls_is_told_and_changes_nothing(tmp_path):
    cluster = Cluster(tmp_path, nodes=1)
    try:
        node = cluster.nodes[0]
        node.process.send_signal(signal.SIGHUP)
        await said(node, " info no certificate to reload: the public listener has no tls")
        assert (await get(node.admin + "/readyz"))[0].status == 200
    finally:
        cluster.stop()


@pytest.mark.parametrize("days, words", [(-1, "the certificate has expired, clients will refuse it"), (6, "expires within 7 days"), (8, None)])
async def test_a_certificate_that_runs_out_is_told_of_at_the_start(tmp_path, authority, days, words):
    certificate, key = authority.issue("late", days=days)
    cluster = Cluster(tmp_path, nodes=1, REJOIN_TLS_CERT=str(certificate), REJOIN_TLS_KEY=str(key))
    try:
        log = cluster.nodes[0].log.read_text()
        assert (words in log) if words else ("the certificate" not in log)
    finally:
        cluster.stop()


async def said(node, *patterns, count=1):
    async def found():
        return sum(all(re.search(pattern, line) for pattern in patterns) for line in node.log.read_text().splitlines()) >= count

    await eventually(found)


@pytest.mark.parametrize("certificate, key, words", [
    ("own", None, "tls.key: is not set"), (None, "own", "tls.cert: is not set"),
    ("nowhere", "own", "tls.cert: .*nowhere cannot be read: No such file or directory, expected a PEM file"),
    ("own", "nowhere", "tls.key: .*nowhere cannot be read"), ("own", "other", "tls.key: .* is not the key of"),
    ("own.key", "own", "tls.cert: .* holds no certificate"), ("own", "own.pem", "tls.key: .* holds no private key"),
])
def test_files_that_do_not_fit_are_a_wrong_configuration(tmp_path, authority, own, certificate, key, words):
    other = authority.issue("other")
    files = {"own": own, "other": other, "nowhere": ("/nowhere", "/nowhere"), "own.key": own[::-1], "own.pem": own[::-1]}
    environment = {}
    if certificate:
        environment["REJOIN_TLS_CERT"] = str(files[certificate][0])
    if key:
        environment["REJOIN_TLS_KEY"] = str(files[key][1])
    cluster = Cluster(tmp_path, nodes=0)
    try:
        result = cluster.rejoin("serve", **environment)
        assert result.returncode == 2 and re.search("^rejoin: " + words, result.stderr.splitlines()[-1]), result.stderr
    finally:
        cluster.stop()


async def test_up_has_haproxy_speak_tls_and_its_nodes_plain_http(tmp_path, authority, own):
    (tmp_path / "rejoin.yaml").write_text(f"tls:\n  cert: {own[0]}\nlog:\n  format: json\n")
    up = Up(tmp_path / "data", "--config", str(tmp_path / "rejoin.yaml"), "--nodes", "2", "--bots", "1",
            REJOIN_TLS_KEY=str(own[1]))
    try:
        up.ready()
        assert any(line.startswith(f"haproxy on https://localhost:{up.port} ") for line in up.lines), up.lines
        assert len(up.nodes()) == 2
        up.line("1 bots walk in the arena")
        async with browser(authority) as session:
            async with session.get(f"https://localhost:{up.port}/") as page:
                assert page.headers["Set-Cookie"].startswith("__Host-rejoin=") and "Strict-Transport-Security" in page.headers
            client = socketio.AsyncClient(http_session=session)
            await client.connect(
                f"https://localhost:{up.port}", headers={"Origin": f"https://localhost:{up.port}"},
                transports=["polling", "websocket"])
            try:
                assert (await client.call("register", {"username": "Ada", "password": PASSWORD}))["ok"]
            finally:
                await client.disconnect()
        assert (tmp_path / "data/haproxy.pem").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "data/log/n1.log").read_text().startswith("{")
        assert up.interrupt() == 0
    finally:
        up.stop()


# Redis


class EncryptedRedis(Redis):
    """A redis-server that speaks TLS at a second port, and asks for a client's certificate there."""

    def __init__(self, folder, authority, *arguments, names=("localhost", "127.0.0.1")):
        certificate, key = authority.issue("redis", names)
        self.tls_port = free_port()
        super().__init__(
            folder, "--tls-port", str(self.tls_port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key),
            "--tls-ca-cert-file", str(authority.certificate), *arguments)

    @property
    def url(self):
        return f"rediss://localhost:{self.tls_port}"


@pytest.fixture
def client_files(authority):
    certificate, key = authority.issue("client", ["node"])
    return {
        "REJOIN_REDIS_TLS_CA": str(authority.certificate), "REJOIN_REDIS_TLS_CERT": str(certificate),
        "REJOIN_REDIS_TLS_KEY": str(key)}


async def test_nodes_and_commands_reach_redis_by_tls_with_certificates_of_their_own(tmp_path, authority, client_files, players):
    cluster = Cluster(tmp_path, nodes=2, redis=EncryptedRedis(tmp_path, authority), **client_files)
    try:
        ada = players()
        await ada.connect(cluster.nodes[0])
        assert (await ada.call("register", {"username": "Ada", "password": PASSWORD}))["ok"]
        nodes = cluster.rejoin("nodes", "--json", **client_files)
        assert [node["state"] for node in json.loads(nodes.stdout)] == ["ready", "ready"]
        changed = cluster.rejoin("users", "passwd", "Ada", "--password-stdin", stdin="another good one\n", **client_files)
        assert changed.returncode == 0 and "confirmed by 1 sockets on 2 nodes" in changed.stdout, changed
        assert (await ada.event("session", lambda session: session["reason"] == "revoked"))["login"] is False
        assert "redis.address=rediss://localhost" in cluster.nodes[0].log.read_text()
    finally:
        cluster.stop()


@pytest.mark.parametrize("is_given", [True, False])
def test_up_takes_the_files_for_redis_to_its_nodes_and_its_bots_need_none(tmp_path, authority, client_files, is_given):
    redis = EncryptedRedis(tmp_path, authority)
    up = Up(tmp_path / "data", "--nodes", "1", "--bots", "1", **client_files,
            **({"REJOIN_REDIS_URL": redis.url} if is_given else {}))
    try:
        up.ready()
        up.line("1 bots walk in the arena")
        log = (tmp_path / "data/log/n1.log").read_text()
        assert ("redis.address=rediss://" in log) == is_given
        listed = subprocess.run(
            [BINARY, "nodes", "--json", "--data", str(up.data)], env=clean(client_files if is_given else {}),
            capture_output=True, text=True, timeout=20)
        assert [node["name"] for node in json.loads(listed.stdout)] == ["n1"], listed.stderr
        assert up.interrupt() == 0
    finally:
        up.stop()
        redis.stop()


@pytest.mark.parametrize("fault, reason", [
    ("authority", "is not signed by an authority that is trusted here"), ("name", "is not for this host"),
    ("password", "redis refused the credentials"), ("certificate", "asks for a client certificate"),
    ("plain", "tls-port of redis"),
])
async def test_a_node_that_must_not_believe_redis_is_not_ready_and_says_why(tmp_path, authority, client_files, fault, reason):
    names = ["redis.example"] if fault == "name" else ("localhost", "127.0.0.1")
    redis = EncryptedRedis(tmp_path, authority, *(["--requirepass", "secret"] if fault == "password" else []), names=names)
    environment = dict(client_files)
    if fault == "authority":
        environment["REJOIN_REDIS_TLS_CA"] = str(Authority(tmp_path, "another").certificate)
    if fault == "certificate":
        del environment["REJOIN_REDIS_TLS_CERT"], environment["REJOIN_REDIS_TLS_KEY"]
    port = redis.port if fault == "plain" else redis.tls_port
    password = ":wrong@" if fault == "password" else ""
    admin = free_port()
    log = tmp_path / "node.log"
    process = subprocess.Popen(
        [BINARY, "serve"], stdout=subprocess.DEVNULL, stderr=log.open("wb"),
        env=environment | {
            "REJOIN_PORT": "0", "REJOIN_ADMIN_PORT": str(admin), "REJOIN_DATA": str(tmp_path / "data"),
            "REJOIN_REDIS_URL": f"rediss://{password}localhost:{port}"})
    try:
        async def told():
            with contextlib.suppress(aiohttp.ClientError):
                response, body = await get(f"http://127.0.0.1:{admin}/readyz")
                return response.status == 503 and body.startswith("not connected to Redis: ") and reason in body

        await eventually(told)
        assert "warning cannot use redis" in log.read_text()
    finally:
        process.kill()
        process.wait()
        redis.stop()


def test_the_files_for_redis_are_judged_before_anything_is_done(tmp_path, authority, client_files):
    def complaint(url, **environment):
        result = subprocess.run(
            [BINARY, "nodes"], capture_output=True, text=True, timeout=10,
            env={"REJOIN_REDIS_URL": url, "REJOIN_DATA": str(tmp_path)} | environment)
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result
        return result.stderr

    assert "redis.tls-ca: is for TLS only" in complaint("redis://localhost", **client_files)
    assert "redis.tls-ca: /nowhere cannot be read" in complaint("rediss://localhost", REJOIN_REDIS_TLS_CA="/nowhere")
    del client_files["REJOIN_REDIS_TLS_KEY"]
    assert "redis.tls-key: is not set" in complaint("rediss://localhost", **client_files)
