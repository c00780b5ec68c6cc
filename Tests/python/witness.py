"""Clients that follow rooms as the contract tells them to, and what no client may ever see.

All clients of a test write into one `History`; `History.verify` compares it with the rooms and their logs in Redis.
The invariants are those that hold whatever breaks:

- I1   no act is applied after its session's logout was acknowledged
- I2   an acknowledged act is in the log of its epoch exactly once, any other at most once
- I3   versions are contiguous within an epoch; a client sees steps without a hole, or a snapshot
- I4   in the end every client's room is Redis's: same epoch, version and content
- I11  no client sees a lower version, or other content at the same epoch and version
"""

import asyncio
import hashlib
import json
import time

import redis
import socketio.exceptions

from cluster import PASSWORD, PREFIX, Player

VERSION, EPOCH = b"\0v", b"\0e"


class Gone(Exception):
    """The connection ended before the answer came: nobody knows what became of the request."""


def digest(state):
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]


class Copy:
    """A room as one client has it."""

    def __init__(self, epoch, version, state):
        self.epoch, self.version, self.state = epoch, version, state

    @property
    def position(self):
        return {"epoch": self.epoch, "version": self.version}


class History:
    """What the clients of one test were told, and what is wrong with it."""

    def __init__(self):
        self.witnesses = []
        self.records = []
        self.complaints = []
        self.contents = {}
        self.acknowledged = {}
        self.logouts = {}

    def told(self, who, event, room, copy):
        content = digest(copy.state)
        self.records.append((time.monotonic(), who, event, room, copy.epoch, copy.version, content))
        first = self.contents.setdefault((room, copy.epoch, copy.version), (content, who))
        if first[0] != content:
            self.complain(f"{who} and {first[1]} saw other content of {room} at {copy.epoch} {copy.version}")

    def complain(self, what):
        self.complaints.append(what)

    def applied(self, room, epoch, user, act, version):
        """An act was acknowledged; the same act has the same version ever after, within its epoch."""
        before = self.acknowledged.setdefault((room, epoch, user, act), version)
        if before != version:
            self.complain(f"act {act} of {user} in {room} was {before}, then {version}")

    async def verify(self, server, timeout=10):
        """Waits until every connected client has its rooms as Redis has them; then nothing may be wrong."""
        deadline = time.monotonic() + timeout
        connection = redis.Redis(host="127.0.0.1", port=server.port)
        try:
            while behind := self._behind(connection):
                assert time.monotonic() < deadline, "\n".join(behind)
                await asyncio.sleep(0.05)
            rooms = {room for _, _, _, room, *_ in self.records}
            for room in rooms:
                self._check_log(connection, room)
        finally:
            connection.close()
        assert self.complaints == []

    def _behind(self, connection):
        behind = []
        for witness in self.witnesses:
            if not witness.client.connected:
                continue
            for room, copy in witness.rooms.items():
                epoch, version, state = stored(connection, room)
                if (copy.epoch, copy.version, copy.state) != (epoch, version, state):
                    behind.append(f"{witness.name} has {room} at {copy.position} {digest(copy.state)}, "
                                  f"redis at {epoch} {version} {digest(state)}")
        return behind

    def _check_log(self, connection, room):
        epoch, version, _ = stored(connection, room)
        entries = connection.xrange(f"{PREFIX}room:{{{room}}}:log")
        versions = [int(entry.split(b"-")[0]) for entry, _ in entries]
        if versions and versions != list(range(versions[0], version + 1)):
            self.complain(f"the log of {room} has a hole: {versions}")
        acts = {}
        for entry, fields in entries:
            user, act = fields[b"\0"].decode().split("\n")
            if (user, act) in acts:
                self.complain(f"act {act} of {user} in {room} is in the log twice")
            acts[user, act] = int(entry.split(b"-")[0])
            if act in self.logouts.get(user, ()):
                self.complain(f"act {act} of {user} in {room} was applied after the logout")
        for (acted, in_epoch, user, act), applied in self.acknowledged.items():
            if acted == room and in_epoch == epoch and versions and applied >= versions[0]:
                if acts.get((user, act)) != applied:
                    self.complain(f"act {act} of {user} in {room} was acknowledged as {applied}, "
                                  f"and is {acts.get((user, act))} in the log")


def stored(connection, room):
    """A room's epoch, version and content in Redis."""
    fields = connection.hgetall(f"{PREFIX}room:{{{room}}}")
    state = {name.decode(): json.loads(value.split(b":", 1)[1]) for name, value in fields.items() if name[:1] != b"\0"}
    return fields.get(EPOCH, b"").decode(), int(fields.get(VERSION, 0)), state


class Witness(Player):
    """A client that has a copy of each room it joined; what it hears is taken in the order in which it comes."""

    def __init__(self, name, history):
        self.waiters, self.pending = [], set()
        super().__init__()
        self.client.on("disconnect", self._disconnected)
        self.name, self.history = name, history
        self.rooms, self.former = {}, {}
        self.token, self.user = None, None
        self.rejoining = set()
        history.witnesses.append(self)

    # Connecting

    async def connect(self, node, token=None, **options):
        session = await super().connect(node, token=token or self.token, **options)
        self.token = session.get("token") or token or self.token
        self.user = session["user"]
        self.node = node
        return session

    async def register(self, password=PASSWORD):
        answer = await self.call("register", {"username": self.name, "password": password})
        assert answer["ok"], answer
        self.token, self.user = answer["token"], answer["user"]

    async def login(self, password=PASSWORD):
        answer = await self.call("login", {"username": self.name, "password": password})
        if answer["ok"]:
            self.token, self.user = answer["token"], answer["user"]
        return answer

    async def come_back(self, nodes):
        """Connects to the first node that takes it, and joins its rooms from where it was."""
        while True:
            for node in nodes:
                try:
                    await self.client.disconnect()
                    self.heard.clear()
                    session = await self.connect(node)
                    for room, copy in list(self.rooms.items()):
                        await self.join(room)
                    return session
                except (socketio.exceptions.SocketIOError, TimeoutError, Gone, AssertionError):
                    await asyncio.sleep(0.05)

    def _disconnected(self, *_):
        for waiter in self.pending:
            if not waiter.done():
                waiter.set_exception(Gone())
        self.pending.clear()
        self._wake()

    # Hearing

    def _heard(self, event, *arguments):
        assert len(arguments) == 1, f"{event} came with {len(arguments)} arguments"
        body = arguments[0]
        self.heard.append((event, body))
        if event == "state":
            self._take("state", body)
        elif event == "patch":
            self._patch(body)
        self._wake()

    def _wake(self):
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition, timeout=10):
        """Waits for something to be true after what is heard."""
        async with asyncio.timeout(timeout):
            while not (result := condition()):
                self.waiters.append(asyncio.get_running_loop().create_future())
                await self.waiters[-1]
            return result

    async def event(self, name, matches=lambda _: True, timeout=10):
        found = await self.until(
            lambda: next(((body,) for event, body in self.heard if event == name and matches(body)), None), timeout)
        return found[0]

    async def reaches(self, room, version, timeout=10):
        await self.until(lambda: self.rooms[room].version >= version, timeout)

    # Asking

    async def call(self, event, body, timeout=10):
        answered = asyncio.get_running_loop().create_future()
        if not self.client.connected:
            raise Gone()
        self.pending.add(answered)

        def acknowledged(*arguments):
            assert len(arguments) == 1 and isinstance(arguments[0]["ok"], bool)
            if event == "join" and arguments[0]["ok"]:
                self._joined(arguments[0])
            if not answered.done():
                answered.set_result(arguments[0])
        try:
            await self.client.emit(event, body, callback=acknowledged)
            async with asyncio.timeout(timeout):
                return await answered
        except socketio.exceptions.SocketIOError as error:
            raise Gone() from error
        finally:
            self.pending.discard(answered)

    async def join(self, room):
        copy = self.rooms.get(room)
        return await self.call("join", {"room": room} | ({"since": copy.position} if copy else {}))

    async def act(self, room, act, action, timeout=10):
        epoch = self.rooms[room].epoch
        answer = await self.call("act", {"room": room, "id": act, "action": action}, timeout)
        # Whose epoch it is, is certain only when the room had the same before and after.
        if answer["ok"] and epoch and self.rooms[room].epoch == epoch:
            self.history.applied(room, epoch, self.user["id"], act, answer["version"])
        return answer

    # Following

    def _joined(self, answer):
        if "state" in answer:
            assert set(answer) == {"ok", "room", "epoch", "version", "state"}
            self._take("join", answer)
            return
        assert set(answer) == {"ok", "room", "epoch", "version", "patches"}
        if answer["room"] not in self.rooms:
            return  # a test asked for a position that is not this client's
        for patch in answer["patches"]:
            assert set(patch) == {"from", "version", "set", "del"}
            self._apply("join", answer["room"], answer["epoch"], patch)
        copy = self.rooms[answer["room"]]
        if (copy.epoch, copy.version) != (answer["epoch"], answer["version"]) and copy.version < answer["version"]:
            self.history.complain(f"{self.name} was given patches to {copy.version} of {answer['version']}")

    def _take(self, event, body):
        room, copy = body["room"], Copy(body["epoch"], body["version"], dict(body["state"]))
        before = self.rooms.get(room)
        if before and before.epoch == copy.epoch and copy.version < before.version:
            self.history.complain(f"{self.name} was sent back to {copy.version} from {before.version} in {room}")
        if before and before.epoch != copy.epoch:
            self._leave_epoch(room, before.epoch, copy.epoch)
        self.rooms[room] = copy
        self.history.told(self.name, event, room, copy)

    def _patch(self, body):
        assert set(body) == {"room", "epoch", "from", "version", "set", "del"}
        if body["room"] not in self.rooms:
            self.history.complain(f"{self.name} got a patch of {body['room']} before it was told where it is")
            return
        self._apply("patch", body["room"], body["epoch"], body)

    def _apply(self, event, room, epoch, patch):
        copy = self.rooms[room]
        if copy.epoch == "" and patch["from"] == 0:
            copy.epoch = epoch  # the first act of a room that was never acted on
        if epoch != copy.epoch:
            self.history.complain(f"{self.name} got a patch of {epoch} in {copy.epoch} of {room}")
            return
        if not patch["from"] < patch["version"]:
            self.history.complain(f"{self.name} got a patch of {room} from {patch['from']} to {patch['version']}")
        if patch["version"] <= copy.version:
            return
        if patch["from"] > copy.version:
            self.history.complain(f"{self.name} has a hole in {room} from {copy.version} to {patch['from']}")
            return
        copy.state |= patch["set"]
        for name in patch["del"]:
            copy.state.pop(name, None)
        copy.version = patch["version"]
        self.history.told(self.name, event, room, copy)

    def _leave_epoch(self, room, old, new):
        if old:
            self.former.setdefault(room, set()).add(old)
        if new in self.former.get(room, ()):
            self.history.complain(f"{self.name} saw the epoch {new} of {room} come back")
