"""Login by the tokens of an identity provider, on a real node."""

import asyncio
import base64
import json
import os
import signal
import ssl
import subprocess
import time

import jwt
import pytest
import redis.asyncio
from playwright.async_api import async_playwright

from browser import CHROMIUM
from cluster import BINARY, Cluster, cookie_of, eventually, free_port, get, post
from provider import AUDIENCE, ISSUER, Key, claims, endpoint, publish, unpadded

OURS = {"REJOIN_JWT_ISSUER": ISSUER, "REJOIN_JWT_AUDIENCE": AUDIENCE}
SECRET = bytes(range(32))


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """Its keys by their algorithms, and the file that has them."""
    keys = {algorithm: Key(algorithm, algorithm.lower()) for algorithm in ("RS256", "ES256", "EdDSA")}
    path = tmp_path_factory.mktemp("provider") / "keys.json"
    publish(path, *keys.values())
    return keys, path


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, provider):
    cluster = Cluster(
        tmp_path_factory.mktemp("tokens"), nodes=2, REJOIN_JWT_KEYS=str(provider[1]), REJOIN_LOG_LEVEL="trace",
        **OURS)
    yield cluster
    cluster.stop()


async def over_http(node, token, **more):
    """Status and body of a login without a socket."""
    response, body = await post(node.url + "/session/login", json={"jwt": token} | more)
    return response.status, json.loads(body)


async def metric(node, name):
    _, text = await get(node.admin + "/metrics")
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_token_makes_an_open_socket_a_players(cluster, provider, players, algorithm):
    player = players()
    assert not (await player.connect(cluster.nodes[0]))["login"]
    answer = await player.call("login", {"jwt": provider[0][algorithm].sign(claims("ada-7"))})
    assert answer["ok"] and answer["user"] == {"id": "jwt:ada-7", "name": "Ada"}
    session = await player.event("session", lambda session: session["reason"] == "login")
    assert session["login"] and session["user"] == answer["user"]
    await player.call("join", {"room": "lobby"})
    action = {"set": {"@jwt:ada-7/seat": 1}}
    assert (await player.call("act", {"room": "lobby", "id": f"1-{algorithm}", "action": action}))["ok"]
    taken = {"set": {"@jwt:ada-71/seat": 1}}
    refused = await player.call("act", {"room": "lobby", "id": f"2-{algorithm}", "action": taken})
    assert refused["error"] == "forbidden"
    elsewhere = players()
    assert (await elsewhere.connect(cluster.nodes[1], token=answer["token"]))["user"] == answer["user"]


async def test_a_browser_logs_in_by_http_and_by_a_socket_and_a_ticket(cluster, provider, players):
    node, key = cluster.nodes[0], provider[0]["ES256"]
    response, body = await post(node.url + "/session/login", json={"jwt": key.sign(claims("bob"))})
    assert response.status == 200 and json.loads(body)["user"] == {"id": "jwt:bob", "name": "Ada"}
    _, session = await get(cluster.nodes[1].url + "/session", headers={"Cookie": cookie_of(response)})
    assert json.loads(session)["login"]
    player, before = players(), cookie_of((await get(node.url + "/"))[0])
    await player.connect(node, cookie=before)
    answer = await player.call("login", {"jwt": key.sign(claims("bob"))})
    response, _ = await post(
        node.url + "/session/claim", json={"ticket": answer["ticket"]}, headers={"Cookie": before})
    assert response.status == 204
    response, _ = await get(node.url + "/session/check", headers={"Cookie": cookie_of(response)})
    assert (response.status, response.headers["X-Rejoin-User-Id"]) == (204, "jwt:bob")


async def test_a_page_logs_in_by_a_token_and_is_still_logged_in_when_it_comes_again(cluster, provider):
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = await browser.new_page()
        await page.goto(cluster.nodes[0].url)
        user = await page.evaluate("""async (jwt) => {
            const { connect } = await import("/rejoin.js");
            return connect().login({ jwt });
        }""", provider[0]["RS256"].sign(claims("heidi")))
        assert user == {"id": "jwt:heidi", "name": "Ada"}
        await page.reload()
        session = await page.evaluate("async () => (await fetch('/session')).json()")
        assert session["login"] and session["user"] == user
        await browser.close()


@pytest.mark.parametrize(("user", "name", "shown"), [
    ("auth0|5", "Zoë K.", {"id": "jwt:auth0|5", "name": "Zoë K."}),
    ("auth0|5", None, {"id": "jwt:auth0|5", "name": "auth0|5"}),
    ("auth0|5", "", {"id": "jwt:auth0|5", "name": "auth0|5"}),
    ("auth0|5", "a\u202eb", {"id": "jwt:auth0|5", "name": "auth0|5"}),
    ("auth0|5", "x" * 65, {"id": "jwt:auth0|5", "name": "auth0|5"}),
    ("é/x", 7, {"id": "jwt:%C3%A9%2Fx", "name": "é/x"}),
    ("y" * 65, None, {"id": "jwt:" + "y" * 65, "name": "jwt:" + "y" * 65}),
])
async def test_who_a_token_names(cluster, provider, user, name, shown):
    status, answer = await over_http(cluster.nodes[0], provider[0]["EdDSA"].sign(claims(user, name=name)))
    assert status == 200 and answer["user"] == shown


@pytest.mark.parametrize(("changed", "why"), [
    ({"exp": int(time.time()) - 3600}, "it has expired"),
    ({"exp": None}, "no expiry"),
    ({"nbf": int(time.time()) + 3600}, "not valid yet"),
    ({"iat": int(time.time()) + 3600}, "not valid yet"),
    ({"iss": "https://other.example"}, "issuer"),
    ({"aud": "another game"}, "audience"),
    ({"aud": None}, "audience"),
    ({"sub": ""}, "names no user"),
    ({"sub": "a\nb"}, "names no user"),
    ({"sub": None}, "names no user"),
    ({"pad": "x" * 3000}, "more than 4096 bytes"),
])
async def test_a_token_that_is_not_fit_is_refused_and_counted(cluster, provider, players, changed, why):
    node, player = cluster.nodes[0], players()
    await player.connect(node)
    before = await metric(node, "rejoin_sessions_logins_failed_total")
    token = provider[0]["ES256"].sign(claims(**changed))
    answer = await player.call("login", {"jwt": token})
    assert answer["error"] == "invalid_credentials" and why in answer["message"]
    assert token.split(".")[1] not in json.dumps(answer)
    assert await metric(node, "rejoin_sessions_logins_failed_total") == before + 1
    if len(token) < 4000:
        status, answer = await over_http(node, token)
        assert (status, answer["error"]) == (401, "invalid_credentials") and why in answer["message"]


def forged(header, payload, secret=None):
    """A token as nobody's library makes it: unsigned, or signed by HMAC with whatever is at hand."""
    signed = unpadded(json.dumps(header).encode()) + "." + unpadded(json.dumps(payload).encode())
    if secret is None:
        return signed + "."
    return signed + "." + unpadded(jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        signed.encode(), secret))


async def test_nobody_gets_in_without_the_providers_private_key(cluster, provider):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = provider[0]["RS256"].private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    stranger = Key("RS256", "rs256")
    unknown = Key("ES256", "nobody's")
    tokens = [
        forged({"alg": "none"}, claims()), forged({"alg": "None", "kid": "rs256"}, claims()),
        stranger.sign(claims()), unknown.sign(claims()),
        jwt.encode(claims(), stranger.private, "RS256", headers={"kid": "rs256", "jwk": stranger.published}),
        jwt.encode(claims(), provider[0]["RS256"].private, "RS384", headers={"kid": "rs256"}),
        jwt.encode(claims(), provider[0]["ES256"].private, "ES256", headers={"kid": "eddsa"}),
    ]
    for secret in (pem, pem.strip(), der, json.dumps(provider[0]["RS256"].published).encode()):
        tokens += [forged({"alg": alg, "kid": "rs256"}, claims(), secret) for alg in ("HS256", "RS256")]
    for token in [*tokens, "", ".", "..", "a.b.c", "a.b.c.d.e", "\x00", "🙂"]:
        status, answer = await over_http(cluster.nodes[0], token)
        assert (status, answer["error"]) == (401, "invalid_credentials"), answer


async def test_a_login_is_by_password_or_by_token(cluster, provider, players):
    player, token = players(), provider[0]["ES256"].sign(claims("carol"))
    await player.connect(cluster.nodes[0])
    password = {"username": "dora", "password": "correct horse battery"}
    assert (await player.call("register", password))["ok"]
    for body in ({"jwt": token} | password, {"jwt": token, "username": "dora"}, {"jwt": 7}, {"jwt": None}, {}):
        assert (await player.call("login", body))["error"] == "bad_request", body
    assert (await player.call("login", password))["user"]["name"] == "dora"
    assert (await player.call("login", {"jwt": token}))["user"]["id"] == "jwt:carol"
    assert (await over_http(cluster.nodes[0], token, username="dora"))[0] == 400


async def test_no_token_ever_reaches_the_log(cluster, provider, players):
    node, player = cluster.nodes[0], players()
    await player.connect(node)
    key = provider[0]["RS256"]
    tokens = [key.sign(claims("canary")), key.sign(claims("canary", exp=1)), Key("RS256", "rs256").sign(claims("canary"))]
    for token in tokens:
        await player.call("login", {"jwt": token})
        await over_http(node, token)
    log = node.log.read_text()
    assert " trace " in log or " debug " in log
    for token in tokens:
        for part in token.split("."):
            # Headers are alike, and say nothing.
            assert part == token.split(".")[0] or part not in log


async def test_a_new_key_in_the_file_works_with_its_first_token(own_cluster, tmp_path, players):
    path, old, new = tmp_path / "keys.json", Key("ES256", "old"), Key("ES256", "new")
    publish(path, old)
    node = own_cluster(REJOIN_JWT_KEYS=str(path), **OURS).nodes[0]
    assert (await over_http(node, old.sign(claims())))[0] == 200

    publish(path, new)
    # Once a second at most the file is read for a key that is not known.
    async def taken():
        return (await over_http(node, new.sign(claims())))[0] == 200

    await eventually(taken, timeout=3)
    status, answer = await over_http(node, old.sign(claims()))
    assert status == 401 and "its key is not one of" in answer["message"]


async def test_sighup_has_the_file_read(own_cluster, tmp_path):
    path, old = tmp_path / "keys.json", Key("ES256", "old")
    publish(path, old)
    node = own_cluster(REJOIN_JWT_KEYS=str(path), **OURS).nodes[0]
    publish(path)
    assert (await over_http(node, old.sign(claims())))[0] == 200
    node.process.send_signal(signal.SIGHUP)

    async def refused():
        return (await over_http(node, old.sign(claims())))[0] == 401

    await eventually(refused)
    assert node.process.poll() is None


async def test_a_provider_that_is_away_makes_tokens_unavailable_and_nothing_else(own_cluster, players):
    port, key = free_port(), Key("RS256", "k")
    node = own_cluster(REJOIN_JWT_KEYS=f"http://127.0.0.1:{port}/keys", **OURS).nodes[0]
    player = players()
    await player.connect(node)
    answer = await player.call("login", {"jwt": key.sign(claims())})
    assert answer["error"] == "unavailable" and answer["retryAfter"] == 1000
    assert (await over_http(node, key.sign(claims())))[0] == 503
    assert (await get(node.admin + "/readyz"))[0].status == 200
    password = {"username": "eve", "password": "correct horse battery"}
    assert (await player.call("register", password))["ok"]

    async def taken():
        return (await over_http(node, key.sign(claims())))[0] == 200

    with endpoint(port, key) as asked:
        await eventually(taken, timeout=20)
        for _ in range(5):
            assert await taken()
        assert asked.requests == 1
    assert await taken(), "keys that were had stay"
    assert node.log.read_text().count("keys for tokens cannot be read") == 1


async def test_keys_are_not_taken_from_whom_no_authority_vouches_for(own_cluster, tmp_path):
    certificate, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", private],
        check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, private)
    port, key = free_port(), Key("ES256", "k")
    with endpoint(port, key, tls=tls) as asked:
        node = own_cluster(REJOIN_JWT_KEYS=f"https://localhost:{port}/keys", **OURS).nodes[0]

        async def warned():
            return "keys for tokens cannot be read" in node.log.read_text()

        await eventually(warned)
        log = node.log.read_text()
        assert "not signed by an authority that the system trusts" in log and "OPENSSL" not in log
        assert (await over_http(node, key.sign(claims())))[0] == 503
        assert asked.requests == 0


async def test_a_shared_secret_signs_by_hs256_and_by_nothing_else(own_cluster):
    secret = base64.b64encode(SECRET).decode()
    node = own_cluster(REJOIN_JWT_SECRET=secret, REJOIN_JWT_ID_PREFIX="web:", REJOIN_LOG_LEVEL="trace", **OURS).nodes[0]
    status, answer = await over_http(node, jwt.encode(claims("u1"), SECRET, "HS256"))
    assert (status, answer["user"]["id"]) == (200, "web:u1")
    for token in (
        jwt.encode(claims("u1"), bytes(32), "HS256"), jwt.encode(claims("u1"), SECRET * 2, "HS512"),
        jwt.encode(claims("u1"), base64.b64encode(SECRET), "HS256"), Key("ES256", "k").sign(claims("u1")),
    ):
        assert (await over_http(node, token))[0] == 401
    assert secret not in node.log.read_text()


async def test_without_a_provider_tokens_are_no_way_to_log_in(own_cluster, players):
    node, player = own_cluster().nodes[0], players()
    await player.connect(node)
    answer = await player.call("login", {"jwt": Key("ES256", "k").sign(claims())})
    assert answer["error"] == "bad_request" and "not configured" in answer["message"]
    assert (await over_http(node, "a.b.c"))[0] == 400


async def test_a_token_does_not_travel_over_plain_http(own_cluster, provider):
    keys, path = provider
    node = own_cluster(REJOIN_JWT_KEYS=str(path), REJOIN_TRUSTED_PROXIES="127.0.0.1", **OURS).nodes[0]
    headers = {"Host": "game.example", "X-Forwarded-For": "203.0.113.7"}
    token = keys["ES256"].sign(claims())
    plain, _ = await post(node.url + "/session/login", json={"jwt": token}, headers=headers)
    assert plain.status == 403
    secure, _ = await post(
        node.url + "/session/login", json={"jwt": token}, headers=headers | {"X-Forwarded-Proto": "https"})
    assert secure.status == 200


async def test_everywhere_ends_the_sessions_of_a_tokens_user(cluster, provider, players):
    key = provider[0]["EdDSA"]
    first, second = players(), players()
    for player, node in zip((first, second), cluster.nodes):
        await player.connect(node)
        assert (await player.call("login", {"jwt": key.sign(claims("frank"))}))["ok"]
    answer = await first.call("logout", {"everywhere": True})
    assert answer["ok"] and answer["sockets"] == 2
    await second.event("session", lambda session: session["reason"] == "revoked")
    again = await second.call("login", {"jwt": key.sign(claims("frank"))})
    assert again["ok"], "the token is the provider's: it is good until it expires"


async def test_everywhere_ends_a_login_that_waits_for_a_key(own_cluster, provider, players):
    keys, path = provider
    port = free_port()
    with endpoint(port, *keys.values()) as asked:
        asked.gate.clear()
        cluster = own_cluster(REJOIN_JWT_KEYS=str(path), **OURS)
        slow = cluster.add("slow", REJOIN_JWT_KEYS=f"http://127.0.0.1:{port}/keys")
        first, second = players(), players()
        await first.connect(cluster.nodes[0])
        await second.connect(slow)
        token = keys["ES256"].sign(claims("ivan"))
        assert (await first.call("login", {"jwt": token}))["ok"]
        connection = redis.asyncio.Redis(port=cluster.redis.port)
        async with asyncio.timeout(10), connection.monitor() as monitor:
            waiting = asyncio.create_task(second.call("login", {"jwt": token}))
            async for command in monitor.listen():
                if "user:{jwt:ivan}" in command["command"] and "sessions" not in command["command"]:
                    break
        assert (await first.call("logout", {"everywhere": True}))["ok"]
        asked.gate.set()
        answer = await waiting
        assert answer["error"] == "invalid_credentials" and "ended" in answer["message"]
        assert (await second.call("login", {"jwt": token}))["ok"]
        await connection.aclose()


async def test_a_session_outlives_its_token(own_cluster, provider, players):
    keys, path = provider
    node = own_cluster(REJOIN_JWT_KEYS=str(path), REJOIN_JWT_LEEWAY="0s", **OURS).nodes[0]
    player, token = players(), keys["ES256"].sign(claims("grace", exp=int(time.time()) + 2))
    await player.connect(node)
    assert (await player.call("login", {"jwt": token}))["ok"]

    async def expired():
        return (await over_http(node, token))[0] == 401

    await eventually(expired)
    await player.call("join", {"room": "lobby"})
    action = {"set": {"late": True}}
    assert (await player.call("act", {"room": "lobby", "id": "1", "action": action}))["ok"]


@pytest.mark.parametrize(("settings", "key"), [
    ({"REJOIN_JWT_KEYS": "keys.json", "REJOIN_JWT_AUDIENCE": "a"}, "jwt.issuer"),
    ({"REJOIN_JWT_KEYS": "keys.json", "REJOIN_JWT_ISSUER": "i"}, "jwt.audience"),
    ({"REJOIN_JWT_KEYS": "http://id.example/keys"} | OURS, "jwt.keys"),
    ({"REJOIN_JWT_SECRET": "c2hvcnQ="} | OURS, "jwt.secret"),
    (OURS, "jwt.issuer"),
    ({"REJOIN_JWT_KEYS": "keys.json", "REJOIN_JWT_LEEWAY": "301s"} | OURS, "jwt.leeway"),
    ({"REJOIN_JWT_KEYS": "keys.json", "REJOIN_JWT_ID_PREFIX": "jwt"} | OURS, "jwt.id-prefix"),
])
def test_a_configuration_that_is_not_safe_is_refused_in_one_line(settings, key):
    result = subprocess.run(
        [BINARY, "serve"], capture_output=True, text=True, timeout=20,
        env=os.environ | {"REJOIN_REDIS_URL": "redis://127.0.0.1:1"} | settings)
    assert result.returncode == 2 and key in result.stderr and len(result.stderr.splitlines()) == 1
    assert "c2hvcnQ" not in result.stderr
