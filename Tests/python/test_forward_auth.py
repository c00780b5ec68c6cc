"""`GET /session/check` behind the proxies of docker/session-check: a web backend is told who asks, and by nobody else."""

import json
import time
from urllib.parse import quote

import pytest
import yaml

from cluster import PASSWORD, Cluster, Player, cookie_of, eventually, get, post
from web import CONFIGURATIONS, Backend, HAProxy, Nginx

NAME = "Zo\u00eb / \u00e5b"
SPOOFED = {"X-Rejoin-User": "admin", "x-rejoin-user-id": "1", "X_Rejoin_User": "admin", "X-Rejoin_User": "admin",
           "x_rejoin_user_id": "1"}


class Site:
    """A proxy, the backend behind it and the cluster it asks."""

    def __init__(self, proxy, folder, **environment):
        folder.mkdir()
        self.cluster = Cluster(folder, nodes=1, REJOIN_TRUSTED_PROXIES="127.0.0.1", **environment)
        self.backend = self.proxy = None
        try:
            self.backend = Backend()
            self.proxy = proxy(folder, self.cluster.nodes[0].url, self.backend.address)
        except BaseException:
            self.stop()
            raise
        self.url = f"http://127.0.0.1:{self.proxy.port}"

    def stop(self):
        for part in (self.proxy, self.backend, self.cluster):
            if part:
                part.stop()

    async def login(self, name=NAME):
        added = self.cluster.rejoin("users", "add", name, "--password-stdin", stdin=PASSWORD + "\n")
        assert added.returncode == 0, added.stderr
        response, body = await post(self.url + "/session/login", json={"username": name, "password": PASSWORD})
        assert response.status == 200, body
        return cookie_of(response), json.loads(body)["user"]

    async def ask(self, path="/members/", cookie=None, **headers):
        headers |= {"Cookie": cookie} if cookie else {}
        response, body = await get(self.url + path, headers=headers, allow_redirects=False)
        return response, body

    async def told(self, **options):
        """What the backend was told of who asks: every spelling that a backend might take for it."""
        response, body = await self.ask(**options)
        assert response.status == 200, (response.status, body)
        return [(name.lower(), value) for name, value in json.loads(body) if "rejoin" in name.lower()]


@pytest.fixture(scope="module", params=[Nginx, HAProxy])
def proxy(request):
    return request.param


@pytest.fixture(scope="module")
def site(proxy, tmp_path_factory):
    site = Site(proxy, tmp_path_factory.mktemp("site") / "shared")
    yield site
    site.stop()


@pytest.fixture
def own_site(proxy, tmp_path):
    """Makes a site that one test may treat badly."""
    made = []

    def make(**environment):
        made.append(Site(proxy, tmp_path / "own", **environment))
        return made[-1]

    yield make
    for site in made:
        site.stop()


async def test_a_backend_is_told_who_asks_and_never_by_the_client(site):
    cookie, user = await site.login()
    expected = [("x-rejoin-user", quote(NAME, safe="")), ("x-rejoin-user-id", user["id"])]
    assert sorted(await site.told(cookie=cookie)) == expected
    assert sorted(await site.told(cookie=cookie, **SPOOFED)) == expected
    guest = cookie_of((await get(site.url + "/session"))[0])
    logout, _ = await post(site.url + "/session/logout", json={}, headers={"Cookie": cookie})
    assert logout.status == 204
    for nobody in (cookie, guest, None, "rejoin=a.b.c"):
        response, body = await site.ask(cookie=nobody, **SPOOFED)
        assert (response.status, json.loads(body)["error"]) == (401, "login_required"), nobody
        assert "Set-Cookie" not in response.headers


async def test_a_client_cannot_have_the_fields_dropped_behind_the_proxy(site):
    cookie, _ = await site.login("hopper")
    for fields in ("X-Rejoin-User-Id", "close, x-rejoin-user", "keep-alive,X-REJOIN-USER,x-rejoin-user-id"):
        response, body = await site.ask(cookie=cookie, Connection=fields)
        # What Connection names is for one hop, and is dropped by the next.
        named = response.status == 200 and [value for name, value in json.loads(body) if name.lower() == "connection"]
        assert response.status == 400 or not any("rejoin" in value.lower() for value in named), (fields, named)


async def test_a_guests_page_is_sent_to_the_game(site):
    response, _ = await site.ask(Accept="text/html,application/xhtml+xml")
    assert response.status == 302 and response.headers["Location"] in ("/", site.url + "/")


async def test_a_cookie_twice_is_nobodys(site):
    cookie, _ = await site.login("twice")
    response, _ = await site.ask(cookie=f"{cookie}; {cookie}")
    assert response.status == 400


async def test_the_backends_own_failure_is_told_as_it_is(site):
    cookie, _ = await site.login("unlucky")
    response, body = await site.ask("/members/broken", cookie)
    assert response.status == 500 and "x-rejoin-user" in body.lower()


async def test_the_game_goes_on_through_the_same_proxy(site):
    cookie, user = await site.login("both")
    player = Player()
    session = await player.connect(site, cookie=cookie)
    assert session["user"] == user
    await player.leave()


async def test_redis_or_rejoin_away_is_503_and_nobody_is_a_guest(own_site):
    site = own_site()
    cookie, _ = await site.login()
    for outage in (site.cluster.redis.freeze, site.cluster.redis.kill, site.cluster.nodes[0].kill):
        if outage == site.cluster.redis.kill:
            site.cluster.redis.thaw()
        outage()
        begin = time.monotonic()
        response, body = await site.ask(cookie=cookie, Accept="text/html")
        assert (response.status, json.loads(body)["error"]) == (503, "unavailable")
        assert "Set-Cookie" not in response.headers and time.monotonic() - begin < 5


async def test_requests_to_the_backend_keep_the_session_alive(own_site):
    site = own_site(REJOIN_SESSION_IDLE="5s")
    cookie, _ = await site.login()
    key = f"rejoin:session:{{{cookie.removeprefix('rejoin=').split('.')[0]}}}"
    seen = int(site.cluster.redis.command("HGET", key, "seen"))

    async def slid():
        await site.told(cookie=cookie)
        return int(site.cluster.redis.command("HGET", key, "seen")) > seen
    await eventually(slid, timeout=4)


# Traefik is no package of Debian's, and does not run here: its file is read and held against its documented keys.

FORWARD_AUTH = {"address", "trustForwardHeader", "authResponseHeaders", "authResponseHeadersRegex", "authRequestHeaders",
                "addAuthCookiesToResponse", "forwardBody", "maxBodySize", "headerField", "preserveLocationHeader",
                "preserveRequestMethod", "tls"}


def test_the_file_for_traefik_is_whole_and_replaces_what_a_client_says():
    http = yaml.safe_load((CONFIGURATIONS / "traefik.yaml").read_text())["http"]
    assert http.keys() == {"routers", "middlewares", "services"}
    for router in http["routers"].values():
        assert router.keys() <= {"entryPoints", "rule", "priority", "service", "middlewares", "tls"}
        assert router["service"] in http["services"] and set(router.get("middlewares", [])) <= http["middlewares"].keys()
    members = http["routers"]["members"]
    assert members["priority"] > http["routers"]["rejoin"]["priority"]
    check = http["middlewares"]["session-check"]["forwardAuth"]
    assert check.keys() <= FORWARD_AUTH and check["address"].endswith("/session/check")
    assert check["trustForwardHeader"] is False
    assert check["authResponseHeaders"] == ["X-Rejoin-User", "X-Rejoin-User-Id"]
    removed = http["middlewares"]["one-spelling"]["headers"]["customRequestHeaders"]
    assert set(removed.values()) == {""} and set(members["middlewares"]) == {"one-spelling", "session-check"}
    # CGI and its heirs take a hyphen and an underscore for the same, wherever it is.
    spellings = {"_".join(words) for words in ([["X", "Rejoin", "User"], ["X", "Rejoin", "User", "Id"]])}
    folded = [name for name in removed if name.replace("-", "_") in spellings]
    assert len(folded) == len(removed) == (2**2 - 1) + (2**3 - 1) and not {"X-Rejoin-User", "X-Rejoin-User-Id"} & set(removed)
    for service in http["services"].values():
        assert all(server["url"].startswith("http://") for server in service["loadBalancer"]["servers"])
