"""Texts that nobody may find again: what a whole life of sessions was secret about, and where it is looked for."""

import base64
import contextlib
import json
import pathlib
import re
import time
from urllib.parse import quote

import aiohttp
import jwt

from cluster import cookie_of, get, post

# Of a credential or a ticket: handle and secret.
CREDENTIAL = re.compile(rb"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")


# An identity provider that shares a secret with the nodes.
SHARED = b"Jwt-cAnArY-of-at-least-32-bytes!!!!!"
PROVIDER = {"REJOIN_JWT_SECRET": base64.b64encode(SHARED).decode(), "REJOIN_JWT_ISSUER": "provider",
            "REJOIN_JWT_AUDIENCE": "game"}


class Canaries:
    def __init__(self):
        self.forms = {}
        self.handles = set()

    def add(self, text, what):
        """A text, in all its spellings."""
        raw = text.encode()
        for form in (raw, quote(text, safe="").encode(), base64.b64encode(raw).rstrip(b"="),
                     base64.urlsafe_b64encode(raw).rstrip(b"="), raw.hex().encode()):
            self.forms[form] = what
        return text

    def credential(self, text, what="credential"):
        """A cookie, token or ticket. Its handle is no secret: it tells that one has looked in the right place."""
        handle, secret, *_ = text.removeprefix("rejoin=").split(".")
        self.handles.add(handle.encode())
        raw = base64.urlsafe_b64decode(secret + "=")
        for form in (secret.encode(), raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw)):
            self.forms[form] = what
        return text

    def found(self, data, place, allowed=()):
        """What is in the data, each with what surrounds it."""
        data = data.encode() if isinstance(data, str) else data
        return [f"{what} in {place}: {data[max(0, at - 60):at + len(form) + 20]!r}"
                for form, what in self.forms.items() if what not in allowed and (at := data.find(form)) >= 0]

    def found_in_files(self, folder):
        files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
        assert files
        return [found for path in files for found in self.found(path.read_bytes(), path.name)]


class Life:
    """Sessions on two nodes, by every way in and out, and by every mistake; `refused` has what each refusal said."""

    def __init__(self, cluster, canaries, players):
        self.cluster, self.canaries, self.players = cluster, canaries, players
        self.first, self.second = cluster.nodes[:2]
        self.refused = []
        self.password = canaries.add("Pw-cAnArY-right-horse", "a password")
        self.wrong = canaries.add("Pw-cAnArY-wrong-horse", "a wrong password")

    async def post(self, path, body, status, cookie=None, node=None, **headers):
        headers |= {"Cookie": cookie} if cookie else {}
        options = {"json": body} if not isinstance(body, str) else {"data": body}
        response, text = await post((node or self.first).url + path, headers=headers, **options)
        assert response.status == status, (path, response.status, text)
        if status >= 400:
            self.refused.append(text)
        if cookie := cookie_of(response):
            self.canaries.credential(cookie, "a cookie")
        return cookie, text

    async def call(self, player, event, body, ok=True):
        answer = await player.call(event, body)
        assert answer["ok"] is ok, (event, answer)
        if not ok:
            self.refused.append(json.dumps(answer))
        for kind in ("ticket", "token"):
            if answer.get(kind):
                self.canaries.credential(answer[kind], "a " + kind)
        return answer

    async def page(self):
        return self.canaries.credential(cookie_of((await get(self.first.url + "/"))[0]), "a guest's cookie")

    def login(self, name, password=None):
        return {"username": name, "password": password or self.password}

    async def live(self):
        await self.browser()
        await self.game()
        await self.provider()
        await self.polling()
        await self.mistakes()
        await self.ends()

    async def browser(self):
        """Registers by the socket, claims the cookie, looks at its devices, logs out and in by HTTP."""
        before = await self.page()
        player = self.players()
        await player.connect(self.first, cookie=before)
        answer = await self.call(player, "register", self.login("browser"))
        cookie, _ = await self.post("/session/claim", {"ticket": answer["ticket"]}, 204, before, self.second)
        await self.post("/session/claim", {"ticket": answer["ticket"]}, 410, before)
        for path in ("/session", "/session/check", "/session/devices"):
            response, _ = await get(self.second.url + path, headers={"Cookie": cookie})
            assert response.status in (200, 204)
        await self.post("/session/logout", {}, 204, cookie, self.second)
        await self.post("/session/login", self.login("browser"), 200, cookie)

    async def game(self):
        """Token mode: a new token by a login, the same on another node, acts and casts."""
        player, other = self.players(), self.players()
        self.canaries.credential((await player.connect(self.first))["token"], "a guest's token")
        token = (await self.call(player, "login", self.login("browser")))["token"]
        await other.connect(self.second, token=token)
        secret = self.canaries.add("Payload-cAnArY", "a payload")
        for one in (player, other):
            await self.call(one, "join", {"room": "life"})
        await self.call(player, "cast", {"room": "life", "data": secret})
        await other.event("cast")
        await self.call(player, "logout", {})
        await self.call(player, "login", self.login("browser"))
        self.token = token

    async def provider(self):
        """Tokens of an identity provider, good ones and one too old, by the socket and by HTTP."""
        self.canaries.add(SHARED.decode(), "the provider's secret")
        player = self.players()
        await player.connect(self.second)
        for name, seconds in (("good", 300), ("old", -300)):
            claims = {"iss": "provider", "aud": "game", "sub": name, "exp": int(time.time()) + seconds}
            token = jwt.encode(claims, SHARED, "HS256")
            for part in token.split(".")[1:]:
                self.canaries.add(part, "a token of the provider")
            await self.call(player, "login", {"jwt": token}, ok=seconds > 0)
            await self.post("/session/login", {"jwt": token}, 200 if seconds > 0 else 401)

    async def polling(self):
        """A session by polling, whose requests go to the other node."""
        cookie = await self.page()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            url = "/socket.io/?EIO=4&transport=polling"
            async with client.get(self.first.url + url, headers={"Cookie": cookie}) as answer:
                sid = json.loads((await answer.text())[1:])["sid"]
            self.canaries.add(sid, "a sid")
            async with client.post(f"{self.second.url}{url}&sid={sid}", data="40", headers={"Cookie": cookie}) as answer:
                assert answer.status == 200
            async with client.get(f"{self.second.url}{url}&sid={sid}", headers={"Cookie": cookie}) as answer:
                assert '"session"' in await answer.text()
            async with client.post(f"{self.second.url}{url}&sid={sid}", data="xyz", headers={"Cookie": cookie}) as answer:
                self.refused.append(await answer.text())

    async def mistakes(self):
        """An error for each path, and everything secret in the wrong place."""
        cookie = await self.page()
        credential = cookie.removeprefix("rejoin=")
        json_type = {"Content-Type": "application/json"}
        await self.post("/session/login", self.login("browser", self.wrong), 401, cookie)
        await self.post("/session/login", self.login("browser", self.wrong + "p" * 256), 401)
        await self.post("/session/login", self.login("nobody " + self.password), 401)
        await self.post("/session/login", {"username": [self.password], "password": [self.password]}, 400)
        await self.post("/session/login", json.dumps(self.login("browser"))[:-1], 400, **json_type)
        await self.post("/session/login", json.dumps(self.login("browser")), 415, **{"Content-Type": "text/plain"})
        await self.post("/session/login", self.login("browser"), 403, Origin="https://evil.test")
        await self.post("/session/login", self.login("browser", self.password * 250), 413)
        await self.post("/session/claim", {"ticket": credential}, 410, cookie)
        await self.post("/session/devices/end", {"handle": credential}, 400, cookie)
        for path in ("/session", "/session/check", f"/session?token={credential}", f"/no/such/page/{credential}",
                     f"/socket.io/?EIO=4&transport=polling&sid={credential}", f"/socket.io/?EIO=3&token={credential}"):
            for sent in (f"{cookie}; {cookie}", cookie[:-1], cookie[:-1] + "!", cookie + "\u00e9", "a" * 5000 + credential):
                response, text = await get(self.second.url + path, headers={
                    "Cookie": sent, "Authorization": f"Bearer {credential}", "Referer": self.first.url + "/" + credential})
                if response.status >= 400:
                    self.refused.append(text)
        player = self.players()
        self.canaries.credential((await player.connect(self.first, auth={"token": credential[:-1]}))["token"])
        for event, body in [
                ("login", self.login("browser", self.wrong)), ("login", {"username": 1, "password": self.password}),
                ("login", {"jwt": credential}), ("register", self.login("weak", "cAnArY7")),
                ("register", self.login(self.password + "\n")), ("register", self.login("browser")),
                ("act", {"room": "life", "id": "1", "action": {"set": {"a": self.password}}}),
                ("act", {"room": self.password, "id": 1, "action": self.password}), ("join", {"room": credential + " "}),
                ("cast", {"room": "life", "data": self.password}), ("endDevice", {"handle": credential}),
                ("logout", {"everywhere": credential}), ("no such event", self.password)]:
            await self.call(player, event, body, ok=False)
        self.canaries.add("cAnArY7", "a weak password")

    async def ends(self):
        """A changed password, "everywhere", and a record that nothing of ours wrote."""
        player = self.players()
        await player.connect(self.first, token=self.token)
        changed = self.canaries.add("Pw-cAnArY-other-horse", "a changed password")
        done = self.cluster.rejoin("users", "passwd", "browser", "--password-stdin", stdin=changed + "\n")
        assert done.returncode == 0, done.stderr
        self.refused += [done.stdout, done.stderr]
        await self.call(player, "login", self.login("browser"), ok=False)
        token = (await self.call(player, "login", self.login("browser", changed)))["token"]
        key = f"rejoin:session:{{{token.split('.')[0]}}}"
        self.cluster.redis.command("DEL", key)
        self.cluster.redis.command("SET", key, "no record")
        broken, text = await get(self.first.url + "/session", headers={"Cookie": "rejoin=" + token})
        assert broken.status in (500, 503), text
        self.refused.append(text)
        await self.call(player, "devices", {}, ok=False)
        self.cluster.redis.command("DEL", key)
        last = self.players()
        self.canaries.credential((await last.connect(self.second))["token"])
        await self.call(last, "login", self.login("browser", changed))
        await self.call(last, "logout", {"everywhere": True})

    def found_in_refusals(self):
        assert len(self.refused) > 40
        return [found for text in self.refused for found in self.canaries.found(text, "what was answered")]

    async def found_in_metrics(self):
        texts = [(await get(node.admin + "/metrics"))[1] for node in self.cluster.nodes]
        assert all("rejoin_sessions_logins_total" in text for text in texts)
        return [found for text in texts for found in self.canaries.found(text, "/metrics")]


def arguments_of(pids):
    """The command lines of processes."""
    lines = b""
    for pid in pids:
        with contextlib.suppress(OSError):
            lines += pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() + b"\n"
    assert lines
    return lines
