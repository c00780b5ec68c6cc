"""The admin API of a real node: what it answers, who may ask, and what the log says of it."""

import hashlib
import http.client
import json
import pathlib
import re
import signal
import subprocess
import time
import urllib.parse

import jsonschema
import openapi_spec_validator
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from browser import CHROMIUM
from cluster import Cluster, eventually, post
from prometheus import promtool
from provider import AUDIENCE, ISSUER, Key, claims, publish

TOKEN = "canary-of-the-admin-token-1"
PASSWORD = "correct horse battery"


class Admin:
    """Asks a node's admin listener."""

    def __init__(self, node, token=None):
        self.address = urllib.parse.urlsplit(node.admin).netloc
        self.token = token

    def ask(self, method, path, body=None, **headers):
        """Status, headers and JSON of an answer. A body that is no bytes is sent as JSON."""
        headers = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status, answer.headers, json.loads(text)

    def get(self, path, **headers):
        status, _, answer = self.ask("GET", path, **headers)
        assert status == 200, answer
        return answer

    def refused(self, status, code, method, path, body=None, **headers):
        found, headers, answer = self.ask(method, path, body, **headers)
        assert (found, answer["error"]) == (status, code), answer
        assert set(answer) == {"error", "message"} and answer["message"]
        return headers, answer["message"]


def audit(node):
    """The lines of the log that tell of changes, as what they say."""
    lines = [line for line in node.log.read_text().splitlines() if " notice audit " in line]
    return [dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line)) for line in lines]


def metrics(node):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(node.admin).netloc, timeout=5)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def refused_total(node):
    return sum(map(int, re.findall(r"^rejoin_admin_refused_total\{.*\} (\d+)$", metrics(node), re.M)))


@pytest_asyncio.fixture
async def chromium():
    assert CHROMIUM, "chromium is missing: install Debian's package chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP evil.test 127.0.0.1"])
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("admin"), nodes=2, REJOIN_COOKIE_KEYS="b" * 44)
    yield cluster
    cluster.stop()


@pytest.fixture
def admin(cluster):
    return Admin(cluster.nodes[0])


async def player(players, node, name):
    made = players()
    await made.connect(node)
    answer = await made.call("register", {"username": name, "password": PASSWORD})
    assert answer["ok"], answer
    return made, answer["user"], (await made.event("session", lambda event: event["reason"] == "login"))["handle"]


# The description.


def test_the_description_is_a_valid_one_of_openapi(admin):
    description = admin.get("/api/v1/openapi.json")
    assert description["openapi"].startswith("3.1")
    openapi_spec_validator.validate(description)


def test_the_documentation_names_every_path_and_no_other(admin):
    text = (pathlib.Path(__file__).parents[2] / "docs/operations.md").read_text()
    documented = set(re.findall(r"`(?:[A-Z`, ]* )?(/api/v1/[a-z{}/.]+)", text))
    assert documented == set(admin.get("/api/v1/openapi.json")["paths"])


class Described:
    """Asks what the description describes, and holds the answers to it."""

    def __init__(self, admin):
        self.admin = admin
        self.description = admin.get("/api/v1/openapi.json")
        self.asked = set()

    def resolve(self, part):
        while "$ref" in part:
            reference, part = part["$ref"], self.description
            for name in reference.removeprefix("#/").split("/"):
                part = part[name]
        return part

    def ask(self, method, path, body=None, query="", **parameters):
        self.asked.add((path, method.lower()))
        operation = self.description["paths"][path][method.lower()]
        if body is not None:
            self.validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
        filled = path.format_map({name: urllib.parse.quote(value, safe="") for name, value in parameters.items()})
        status, headers, answer = self.admin.ask(method, filled + query, body)
        described = self.resolve(operation["responses"][str(status)])
        for name in described.get("headers", {}):
            assert name in headers
        self.validate(answer, described["content"]["application/json"]["schema"])
        return status, answer

    def validate(self, instance, schema):
        jsonschema.Draft202012Validator(schema | {"components": self.description["components"]}).validate(instance)


@pytest.mark.asyncio
async def test_every_path_and_method_answers_as_it_is_described(own_cluster, players):
    cluster = own_cluster(2)
    api = Described(Admin(cluster.nodes[0]))
    ask = api.ask
    assert ask("GET", "/api/v1/openapi.json")[0] == 200
    nodes = ask("GET", "/api/v1/nodes")[1]["nodes"]
    assert [node["name"] for node in nodes] == ["n1", "n2"]

    assert ask("POST", "/api/v1/users", {"name": "Ada", "password": PASSWORD})[0] == 201
    assert ask("POST", "/api/v1/users", {"name": "ADA", "password": PASSWORD})[0] == 409
    assert ask("POST", "/api/v1/users", {"name": "Bob", "password": "short"})[1]["error"] == "weak_password"
    user = ask("GET", "/api/v1/users/{name}", name="ada")[1]
    assert user["name"] == "Ada" and ask("GET", "/api/v1/users/{name}", name="Nobody")[0] == 404
    assert ask("GET", "/api/v1/users")[1] == {"users": [user], "next": None}

    async def log_in(password=PASSWORD):
        made = players()
        await made.connect(cluster.nodes[1])
        assert (await made.call("login", {"username": "Ada", "password": password}))["ok"]
        return (await made.event("session", lambda event: event["reason"] == "login"))["handle"]

    handle = await log_in()
    for path, query in [("/api/v1/sessions", ""), ("/api/v1/sessions", "?user=Ada&limit=5"),
                        ("/api/v1/sessions", f"?userId={user['id']}")]:
        assert [each["handle"] for each in ask("GET", path, query=query)[1]["sessions"]] == [handle]
    assert ask("GET", "/api/v1/sessions", query="?user=Nobody")[0] == 404
    assert ask("GET", "/api/v1/users/{name}/sessions", name="Ada")[1]["sessions"][0]["handle"] == handle
    assert ask("GET", "/api/v1/sessions/{handle}", handle=handle)[1]["user"] == user
    assert ask("DELETE", "/api/v1/sessions/{handle}", handle=handle)[1] == {
        "sockets": 1, "nodes": 2, "missing": []}
    assert ask("DELETE", "/api/v1/sessions/{handle}", handle=handle)[0] == 404
    assert ask("GET", "/api/v1/sessions/{handle}", handle=handle)[0] == 404
    await log_in()
    assert ask("DELETE", "/api/v1/users/{name}/sessions", name="Ada")[1]["sockets"] == 1
    await log_in()
    assert ask("DELETE", "/api/v1/sessions", query=f"?userId={user['id']}")[1]["sockets"] == 1
    await log_in()
    assert ask("DELETE", "/api/v1/sessions", query="?user=Ada")[1]["sockets"] == 1
    assert ask("DELETE", "/api/v1/sessions")[0] == 400
    await log_in()
    assert ask("PUT", "/api/v1/users/{name}/password", {"password": "another horse"}, name="Ada")[1]["sockets"] == 1
    await log_in("another horse")
    assert ask("DELETE", "/api/v1/users/{name}", name="Ada")[1]["sockets"] == 1
    assert ask("DELETE", "/api/v1/users/{name}", name="Ada")[0] == 404

    acts, act = "/api/v1/rooms/{room}/acts", {"id": "1", "action": {"set": {"a": [1]}, "if": {"a": None}}, "by": "shop"}
    applied = ask("POST", acts, act, room="lobby")[1]
    assert applied["version"] == 1 and ask("POST", acts, act, room="lobby") == (200, applied)
    assert ask("POST", acts, act | {"id": "2"}, room="lobby")[0] == 409
    large = {"id": "3", "action": {"set": {"a": "x" * 16384}}}
    assert ask("POST", acts, large, room="lobby")[1]["error"] == "too_large"
    assert ask("GET", "/api/v1/rooms/{room}", room="lobby")[1] == {
        "room": "lobby", "epoch": applied["epoch"], "version": 1, "state": {"a": [1]},
        "players": [], "total": 0, "watchers": 0}
    assert ask("GET", "/api/v1/rooms/{room}", room="nobody:was-here")[0] == 404
    assert [room["room"] for room in ask("GET", "/api/v1/rooms", query="?prefix=lob")[1]["rooms"]] == ["lobby"]
    assert ask("POST", "/api/v1/rooms/{room}/casts", {"data": None, "name": "shop"}, room="lobby")[1] == {"ok": True}

    assert ask("POST", "/api/v1/nodes/{node}/drain", node="n2")[1] == {"name": "n2", "state": "draining"}
    assert ask("POST", "/api/v1/nodes/{node}/drain", node="n9")[0] == 404
    assert cluster.nodes[1].process.wait(30) == 0
    described = {(path, method) for path, item in api.description["paths"].items()
                 for method in item if method in ("get", "put", "post", "delete", "patch", "head", "options", "trace")}
    assert api.asked == described


# Lists.


@pytest.mark.asyncio
async def test_all_sessions_are_listed_in_parts_and_guests_are_told_apart(own_cluster, players):
    cluster = own_cluster()
    admin = Admin(cluster.nodes[0])
    _, user, handle = await player(players, cluster.nodes[0], "Ada")
    guests = {(await players().connect(cluster.nodes[0]))["handle"] for _ in range(30)}
    found, cursor, parts = {}, "0", 0
    while cursor is not None:
        part = admin.get(f"/api/v1/sessions?limit=5&cursor={cursor}")
        assert len(part["sessions"]) < 15
        found |= {session["handle"]: session for session in part["sessions"]}
        cursor, parts = part["next"], parts + 1
    assert set(found) == guests | {handle} and parts > 3
    assert found[handle]["login"] and found[handle]["user"] == user
    assert all(not found[guest]["login"] and found[guest]["user"] is None for guest in guests)


def test_accounts_are_listed_in_parts_by_their_names(own_cluster):
    admin = Admin(own_cluster().nodes[0])
    names = ["Ada", "Béla", "a b/c?d=e&f", "Zoë+%41", "七"]
    for name in names:
        status, headers, user = admin.ask("POST", "/api/v1/users", {"name": name, "password": PASSWORD})
        assert status == 201 and user["name"] == name
        assert admin.get(headers["Location"]) == user
    found, path = [], "/api/v1/users?limit=2"
    while path:
        part = admin.get(path)
        assert len(part["users"]) <= 2
        found += [user["name"] for user in part["users"]]
        path = part["next"] and "/api/v1/users?" + urllib.parse.urlencode({"limit": 2, "cursor": part["next"]})
    assert sorted(found) == sorted(names) and len(found) == len(names)


@pytest.mark.parametrize(
    "path",
    ["/sessions?limit=0", "/sessions?limit=1001", "/sessions?limit=ten", "/sessions?limit=+5", "/sessions?cursor=x",
     "/sessions?cursor=99999999999999999999999", "/sessions?cursor=-1", "/sessions?userid=1", "/sessions?limit=1&limit=2",
     "/sessions?userId=", "/sessions?user=%zz", "/sessions?user=%ff", "/users?limit=1001", "/users?cursor=%00",
     "/users/%ff", "/nodes?limit=5", "/users?user=Ada", "/rooms?prefix=%7B", "/rooms?prefix=*", "/rooms?cursor=x",
     "/rooms?limit=0", "/rooms?user=Ada", "/rooms/a%20b", "/rooms/%7Bx%7D", "/rooms/" + "r" * 65])
def test_what_cannot_be_understood_is_a_bad_request(admin, path):
    admin.refused(400, "bad_request", "GET", "/api/v1" + path)


def test_the_sessions_of_whom_are_to_be_said(admin):
    admin.refused(400, "bad_request", "DELETE", "/api/v1/sessions")
    admin.refused(400, "bad_request", "DELETE", "/api/v1/sessions?limit=5")
    admin.refused(400, "bad_request", "DELETE", "/api/v1/sessions?user=Ada&userId=1")
    status, _, answer = admin.ask("DELETE", "/api/v1/sessions?userId=https%3A%2F%2Fissuer%7C%7B42%7D")
    assert status == 200 and answer["sockets"] == 0 and answer["missing"] == [], "who is unknown may be revoked"


@pytest.mark.asyncio
async def test_users_of_an_identity_provider_are_listed_and_revoked_by_their_ids(own_cluster, players, tmp_path):
    key, keys = Key("ES256", "one"), tmp_path / "keys.json"
    publish(keys, key)
    cluster = own_cluster(
        2, REJOIN_JWT_KEYS=str(keys), REJOIN_JWT_ISSUER=ISSUER, REJOIN_JWT_AUDIENCE=AUDIENCE)
    admin, user = Admin(cluster.nodes[0]), "jwt:ada-7"
    query = "/api/v1/sessions?" + urllib.parse.urlencode({"userId": user})

    async def log_in():
        made = players()
        await made.connect(cluster.nodes[1])
        assert (await made.call("login", {"jwt": key.sign(claims("ada-7"))}))["user"]["id"] == user
        return made, (await made.event("session", lambda event: event["reason"] == "login"))["handle"]

    ada, handle = await log_in()
    assert [(each["handle"], each["user"]) for each in admin.get(query)["sessions"]] == [
        (handle, {"id": user, "name": "Ada"})]
    admin.refused(404, "not_found", "GET", "/api/v1/sessions?user=jwt%3Aada-7")
    assert admin.ask("DELETE", query)[2] == {"sockets": 1, "nodes": 2, "missing": []}
    assert (await ada.event("session", lambda event: event["reason"] == "revoked"))["login"] is False
    for option in ("--user", "--user-id"):
        await log_in()
        revoked = cluster.rejoin("sessions", "revoke", option, user)
        assert (revoked.returncode, revoked.stdout) == (0, "confirmed by 1 sockets on 2 nodes\n"), revoked


# Who may ask.


def test_paths_and_methods_that_there_are_none_of(admin):
    for path in ["/api", "/api/", "/api/v2/nodes", "/api/v1", "/api/v1/", "/api/v1/nodes/", "/api/v1//nodes", "/api/v1/x"]:
        admin.refused(404, "not_found", "GET", path)
    headers, _ = admin.refused(405, "method_not_allowed", "PATCH", "/api/v1/sessions")
    assert headers["Allow"] == "GET, DELETE"
    admin.refused(405, "method_not_allowed", "GET", "/api/v1/nodes/n1/drain")
    admin.refused(405, "method_not_allowed", "OPTIONS", "/api/v1/users")


def test_a_change_has_a_small_body_of_json(admin):
    users = "/api/v1/users"
    admin.refused(415, "bad_request", "POST", users, b'{"name":"Eve","password":"correct horse"}')
    admin.refused(
        415, "bad_request", "POST", users, b"name=Eve", Content_Type="application/x-www-form-urlencoded")
    admin.refused(415, "bad_request", "DELETE", users + "/Eve", b"{}", Content_Type="text/plain")
    admin.refused(413, "too_large", "POST", users, {"name": "Eve", "password": "p" * 4096})
    admin.refused(400, "bad_request", "POST", users, b"{", Content_Type="application/json")
    admin.refused(400, "bad_request", "POST", users, [1])
    admin.refused(400, "bad_request", "POST", users, {"name": "Eve"})
    admin.refused(400, "bad_request", "POST", users, {"name": "Eve", "password": 12345678})
    admin.refused(400, "bad_request", "POST", users, {"name": "E\u202eve", "password": PASSWORD})
    admin.refused(404, "not_found", "GET", users + "/Eve")


BROWSERS = [
    {"Origin": "https://game.test"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "x"},
]


@pytest.mark.parametrize("headers", BROWSERS, ids=str)
def test_no_browser_is_answered(admin, headers):
    for method, path in [("GET", "/api/v1/nodes"), ("DELETE", "/api/v1/sessions?userId=1"), ("GET", "/api/v1/x"),
                         ("OPTIONS", "/api/v1/nodes"), ("GET", "/api/v1/openapi.json")]:
        answer, _ = admin.refused(403, "forbidden", method, path, **headers)
        assert "Access-Control-Allow-Origin" not in answer


def test_who_keeps_many_connections_open_shuts_nobody_out(own_cluster):
    address = urllib.parse.urlsplit(own_cluster(nodes=1).nodes[0].admin).netloc
    kept = []
    try:
        for _ in range(100):
            connection = http.client.HTTPConnection(address, timeout=5)
            kept.append(connection)
            connection.request("GET", "/api/v1/nodes")
            answer = connection.getresponse()
            assert answer.status == 200 and json.loads(answer.read())["nodes"]
        assert 8 <= sum(connection.sock is not None for connection in kept) < 32, "a few may keep theirs"
        # One that was kept is still good.
        kept[0].request("GET", "/healthz")
        assert kept[0].getresponse().status == 200
    finally:
        for connection in kept:
            connection.close()


def test_a_person_who_types_the_address_is_answered(admin):
    admin.get("/api/v1/nodes", Sec_Fetch_Site="none")


def test_a_page_of_the_admin_listener_itself_may_read(admin):
    admin.get("/api/v1/nodes", Sec_Fetch_Site="same-origin")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "game.test"}, {"Host": "127.0.0.1.game.test"}, {"Host": "localhost.game.test"}, {"Host": "10.0.0.1"},
     {"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"Host": ""}, {"Via": "1.1 proxy"},
     {"X-Real-IP": "192.0.2.1"}, {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Host": "game.test"}], ids=str)
def test_without_a_token_only_this_machine_is_answered_and_by_its_own_name(admin, headers):
    _, message = admin.refused(403, "forbidden", "GET", "/api/v1/nodes", **headers)
    assert "REJOIN_ADMIN_TOKEN" in message


def test_names_of_this_machine(admin):
    port = admin.address.rsplit(":", 1)[1]
    for host in ["localhost", f"localhost:{port}", f"127.0.0.1:{port}", "admin.localhost", f"[::1]:{port}"]:
        admin.get("/api/v1/nodes", Host=host)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A node with a token, that listens on every address."""
    cluster = Cluster(
        tmp_path_factory.mktemp("guarded"), nodes=1, REJOIN_ADMIN_TOKEN=TOKEN, REJOIN_ADMIN_HOST="0.0.0.0",
        REJOIN_LOG_FORMAT="text")
    cluster.nodes[0].admin = cluster.nodes[0].admin.replace("0.0.0.0", "127.0.0.1")
    yield cluster
    cluster.stop()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}",
     f"Bearer x {TOKEN}", None])
def test_the_token_is_asked_for(guarded, authorization):
    admin = Admin(guarded.nodes[0])
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in [("GET", "/api/v1/nodes"), ("POST", "/api/v1/users"), ("GET", "/api/v1/openapi.json"),
                         ("GET", "/api/v1/x")]:
        answer, message = admin.refused(401, "unauthorized", method, path, **headers)
        assert answer["WWW-Authenticate"] == "Bearer" and TOKEN not in message


def test_with_the_token_any_name_and_any_address_will_do(guarded):
    admin = Admin(guarded.nodes[0], TOKEN)
    assert admin.get("/api/v1/nodes", Host="admin.game.test", X_Forwarded_For="192.0.2.1")["nodes"]
    assert admin.get("/api/v1/nodes", Authorization=f"bearer  {TOKEN}")["nodes"]
    for headers in BROWSERS:
        admin.refused(403, "forbidden", "GET", "/api/v1/nodes", **headers)


@pytest.mark.parametrize("name", ["token", "access_token", "TOKEN", "acc%65ss_token"])
def test_a_token_in_the_query_is_refused(guarded, admin, name):
    for one in (admin, Admin(guarded.nodes[0]), Admin(guarded.nodes[0], TOKEN)):
        _, message = one.refused(400, "bad_request", "GET", f"/api/v1/nodes?{name}={TOKEN}")
        assert "Authorization: Bearer" in message and TOKEN not in message


@pytest.mark.asyncio
async def test_wrong_tokens_are_counted_and_logged_once_a_second_without_the_token(guarded):
    node = guarded.nodes[0]
    admin = Admin(node, "another-canary-of-a-token")

    def counted():
        return int(re.search(r'^rejoin_admin_refused_total\{reason="token"\} (\d+)$', metrics(node), re.M)[1])

    def logged():
        return [line for line in node.log.read_text().splitlines() if "admin request refused" in line]

    before, lines, begun = counted(), len(logged()), time.monotonic()
    for _ in range(50):
        admin.refused(401, "unauthorized", "GET", "/api/v1/nodes")
    seconds = time.monotonic() - begun
    assert counted() == before + 50
    assert len(logged()) - lines <= seconds + 1

    async def another_line():
        admin.refused(401, "unauthorized", "GET", "/api/v1/nodes")
        return re.search(r"others=[1-9]", logged()[-1])

    await eventually(another_line)
    last = logged()[-1]
    assert " warning " in last and "reason=token" in last and "peer=127.0.0.1" in last and "others=" in last
    assert "another-canary" not in node.log.read_text()


@pytest.mark.asyncio
async def test_a_page_in_a_browser_on_the_same_machine_reads_and_changes_nothing(own_cluster, chromium):
    node = own_cluster().nodes[0]
    page = await chromium.new_page()
    assert (await page.goto(node.admin + "/api/v1/nodes")).status == 200, "a person who types the address"

    # A page of another site, and one whose name came to mean this machine after it was loaded.
    port = node.admin.rsplit(":", 1)[1]
    for origin, api in [("http://evil.test:" + node.url.rsplit(":", 1)[1], node.admin),
                        ("http://evil.test:" + port, "http://evil.test:" + port)]:
        before = len(audit(node)), refused_total(node)
        await page.goto(origin + "/healthz")
        statuses = await page.evaluate(
            """async api => {
                const statuses = [];
                for (const [path, options] of [
                    ["/api/v1/sessions?userId=1", {method: "DELETE"}],
                    ["/api/v1/sessions?userId=1", {}],
                    ["/api/v1/users", {mode: "no-cors"}],
                    ["/api/v1/users", {mode: "no-cors", method: "POST", body: '{"name":"Eve","password":"correct horse"}'}],
                    ["/api/v1/users", {mode: "no-cors", method: "POST", body: new URLSearchParams({name: "Eve"})}],
                ]) {
                    try { statuses.push((await fetch(api + path, options)).status); } catch { statuses.push(null); }
                }
                return statuses;
            }""", api)
        assert set(statuses) <= {None, 0, 403}, statuses
        assert len(audit(node)) == before[0] and refused_total(node) >= before[1] + 5
    assert (await page.goto(f"http://evil.test:{port}/api/v1/nodes")).status == 403
    assert Admin(node).get("/api/v1/users")["users"] == []


# The log.


@pytest.mark.asyncio
async def test_every_change_is_one_line_of_the_log_and_no_secret_is_in_it(guarded, players):
    node = guarded.nodes[0]
    admin = Admin(node, TOKEN)
    who = hashlib.sha256(TOKEN.encode()).hexdigest()[:8]
    before = len(audit(node))
    admin.get("/api/v1/users")
    admin.ask("POST", "/api/v1/users", {"name": "Carol", "password": "canary-password-1"})
    admin.ask("POST", "/api/v1/users", {"name": "Carol", "password": "canary-password-2"})
    admin.ask("PUT", "/api/v1/users/carol/password", {"password": "canary-password-3"})
    admin.ask("DELETE", "/api/v1/sessions?userId=an%0aid")
    admin.ask("DELETE", "/api/v1/users/Carol")
    _, _, handle = await player(players, node, "Dave")
    admin.ask("DELETE", f"/api/v1/sessions/{handle}")
    admin.ask("POST", "/api/v1/nodes/n9/drain")
    lines = audit(node)[before:]
    assert [(line["action"], line["target"], line["result"], line["status"]) for line in lines] == [
        ("user.add", "Carol", "done", "201"), ("user.add", "Carol", "name_taken", "409"),
        ("user.password", "carol", "done", "200"), ("user.sessions.revoke", "an\ufffdid", "done", "200"),
        ("user.remove", "Carol", "done", "200"), ("session.revoke", handle, "done", "200"),
        ("node.drain", "n9", "not_found", "404"),
    ]
    assert {(line["who"], line["peer"], line["node"]) for line in lines} == {(who, "127.0.0.1", "n1")}
    log = node.log.read_text()
    assert TOKEN not in log and "canary-password" not in log
    arguments = open(f"/proc/{node.process.pid}/cmdline").read()
    assert TOKEN not in arguments


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_name_does_not_begin_a_field_of_its_own_in_the_log(own_cluster, format):
    cluster = own_cluster(REJOIN_LOG_FORMAT=format)
    Admin(cluster.nodes[0]).ask("DELETE", "/api/v1/users/Eve%22%20who=%22root%22%20x=%22%5C")
    line = next(line for line in cluster.nodes[0].log.read_text().splitlines() if "user.remove" in line)
    target = r'"Eve\" who=\"root\" x=\"\\"'
    assert f'target={target} who=loopback' in line or f'"target":{target}' in line, line


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_name_neither_breaks_a_line_of_the_log_nor_turns_it_round(own_cluster, format):
    cluster = own_cluster(REJOIN_LOG_FORMAT=format)
    Admin(cluster.nodes[0]).ask("DELETE", "/api/v1/users/" + urllib.parse.quote("a\u2028b\u202ec\u0085d\u2066e"))
    line = next(line for line in cluster.nodes[0].log.read_text().splitlines() if "user.remove" in line)
    assert 'target=a\ufffdb\ufffdc\ufffdd\ufffde ' in line or r'"a\u2028b\u202ec\u0085d\u2066e"' in line, ascii(line)


def test_a_change_without_a_token_is_the_machines(cluster):
    node = cluster.nodes[0]
    Admin(node).ask("DELETE", "/api/v1/users/Nobody")
    assert (audit(node)[-1]["who"], audit(node)[-1]["result"]) == ("loopback", "not_found")


# Faults.


@pytest.mark.asyncio
async def test_without_redis_it_is_unavailable_within_a_second_and_nothing_is_half_done(own_cluster):
    cluster = own_cluster()
    admin = Admin(cluster.nodes[0])
    assert admin.ask("POST", "/api/v1/users", {"name": "Ada", "password": PASSWORD})[0] == 201
    for fault, mend in [(cluster.redis.freeze, cluster.redis.thaw), (cluster.redis.kill, cluster.redis.start)]:
        fault()
        try:
            for method, path in [("GET", "/nodes"), ("GET", "/sessions"), ("GET", "/sessions?user=Ada"),
                                 ("GET", "/sessions/" + "A" * 22), ("DELETE", "/sessions/" + "A" * 22),
                                 ("DELETE", "/users/Ada/sessions"), ("POST", "/nodes/n1/drain")]:
                begun = time.monotonic()
                headers, _ = admin.refused(503, "unavailable", method, "/api/v1" + path)
                assert time.monotonic() - begun < 1 and headers["Retry-After"] == "1"
            if fault == cluster.redis.kill:
                admin.refused(503, "unavailable", "DELETE", "/api/v1/users/Ada")
            assert [user["name"] for user in admin.get("/api/v1/users")["users"]] == ["Ada"]
        finally:
            mend()

        async def answers():
            return admin.ask("GET", "/api/v1/nodes")[0] == 200

        await eventually(answers, timeout=20)


@pytest.mark.asyncio
async def test_what_was_done_before_redis_went_away_is_said_and_can_be_finished(own_cluster, players):
    cluster = own_cluster()
    admin = Admin(cluster.nodes[0])
    ada, user, _ = await player(players, cluster.nodes[0], "Ada")
    cluster.redis.freeze()
    try:
        _, message = admin.refused(503, "unavailable", "PUT", "/api/v1/users/Ada/password", {"password": "another horse"})
    finally:
        cluster.redis.thaw()
    assert message.startswith("the password is changed, but")
    rest = re.search(r"DELETE (/api/v1/sessions\?userId=\S+)", message)[1]
    assert audit(cluster.nodes[0])[-1]["result"] == "unavailable"

    async def finished():
        return admin.ask("DELETE", rest)[0] == 200

    await eventually(finished)
    assert (await ada.event("session", lambda event: event["reason"] == "revoked"))["login"] is False
    again = players()
    await again.connect(cluster.nodes[0])
    assert (await again.call("login", {"username": "Ada", "password": "another horse"}))["ok"]


@pytest.mark.asyncio
async def test_a_node_that_does_not_confirm_is_missing(own_cluster, players):
    cluster = own_cluster(2)
    _, _, handle = await player(players, cluster.nodes[0], "Ada")
    cluster.nodes[1].process.send_signal(signal.SIGSTOP)
    try:
        _, _, answer = Admin(cluster.nodes[0]).ask("DELETE", f"/api/v1/sessions/{handle}")
    finally:
        cluster.nodes[1].process.send_signal(signal.SIGCONT)
    assert (answer["sockets"], answer["nodes"], answer["missing"]) == (1, 1, ["n2"])


# The public listener, and the metrics.


@pytest.mark.asyncio
async def test_the_public_listener_has_no_admin_api(cluster):
    response, _ = await post(cluster.nodes[0].url + "/api/v1/users", json={"name": "Eve", "password": PASSWORD})
    assert response.status == 404


@pytest.mark.asyncio
async def test_the_metrics_pass_promtool_and_no_label_names_anybody(cluster, players):
    ada, user, handle = await player(players, cluster.nodes[0], "Canary")
    assert (await ada.call("join", {"room": "canary-room"}))["ok"]
    assert (await ada.call("act", {"room": "canary-room", "id": "1", "action": {"set": {"a": 1}}}))["ok"]
    text = metrics(cluster.nodes[0])
    assert "rejoin_rooms_acts_total 1" in text
    checked = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, text=True, timeout=20)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    for word in ("canary", "Canary", user["id"], handle, "127.0.0.1"):
        assert word not in text
    labels = {name for pairs in re.findall(r"^\w+\{(.*)\} ", text, re.M) for name in re.findall(r"(\w+)=", pairs)}
    assert labels <= {"reason", "result", "version", "le", "quantile"}, labels
