"""Connection state recovery: a socket of the library comes back on another node, after the first was killed."""

import asyncio
import json

import aiohttp


class Chatter:
    """A Socket.IO client that does by hand what the JavaScript client does: it keeps `pid` and the last offset."""

    def __init__(self, http, socket, answer):
        self.http, self.socket = http, socket
        self.sid, self.pid = answer["sid"], answer["pid"]
        self.offset = None
        self.lines = []
        self.calls = 0

    @classmethod
    async def connect(cls, http, node, **auth):
        url = f"ws://127.0.0.1:{node.port}/socket.io/?EIO=4&transport=websocket"
        while True:
            socket = await http.ws_connect(url)
            await socket.receive()
            await socket.send_str("40/chat," + json.dumps({"name": "Ann"} | auth))
            answer = await socket.receive()
            if answer.type == aiohttp.WSMsgType.TEXT:
                break
            # The node does not hear Redis yet: it closes the transport, and clients come back.
        kind, _, payload = answer.data.partition(",")
        assert kind == "40/chat", answer.data
        return cls(http, socket, json.loads(payload))

    async def read(self):
        message = await self.socket.receive(timeout=10)
        if message.type != aiohttp.WSMsgType.TEXT:
            return None
        text = message.data
        if text == "2":
            await self.socket.send_str("3")
            return await self.read()
        if text.startswith("42/chat,"):
            name, *arguments = json.loads(text[8:])
            self.offset = arguments.pop()
            assert name == "line"
            self.lines.append(arguments[0]["text"])
        return text

    async def call(self, *event):
        self.calls += 1
        await self.socket.send_str(f"42/chat,{self.calls}" + json.dumps(event))
        begin = f"43/chat,{self.calls}["
        while not (text := await self.read()).startswith(begin):
            pass
        return json.loads(text[len(begin) - 1:])

    async def read_until(self, line):
        while line not in self.lines:
            assert await self.read(), self.lines


async def say(chatter, *texts):
    for text in texts:
        await chatter.call("say", {"room": "lobby", "text": text})


async def test_a_socket_comes_back_on_another_node_after_the_first_was_killed_and_has_missed_nothing(chat):
    a, b = chat("a"), chat("b")
    async with aiohttp.ClientSession() as http:
        ann, bob = await Chatter.connect(http, a), await Chatter.connect(http, b, name="Bob")
        assert await ann.call("join", "lobby") == [1]
        assert await bob.call("join", "lobby") == [1]
        assert await bob.call("who", "lobby") == [["Ann", "Bob"]]
        await say(bob, "one", "two")
        await ann.read_until("two")
        a.kill()
        await say(bob, *(f"missed {number}" for number in range(50)))
        again = await Chatter.connect(http, b, pid=ann.pid, offset=ann.offset)
        assert (again.sid, again.pid) == (ann.sid, ann.pid)
        await say(bob, "after")
        await again.read_until("after")
        assert again.lines == [f"missed {number}" for number in range(50)] + ["after"]
        # In the room again, with a voice.
        await say(again, "I am back")
        await bob.read_until("I am back")


async def test_messages_go_on_while_a_socket_comes_back(chat):
    a, b = chat("a"), chat("b")
    async with aiohttp.ClientSession() as http:
        ann, bob = await Chatter.connect(http, a), await Chatter.connect(http, b, name="Bob")
        await ann.call("join", "lobby")
        await bob.call("join", "lobby")
        await say(bob, "first")
        await ann.read_until("first")
        texts = [f"line {number}" for number in range(300)]
        talking = asyncio.create_task(say(bob, *texts))
        received = []
        # Away and back, again and again, from node to node.
        current, offset = ann, ann.offset
        for round in range(20):
            await current.socket.close()
            current = await Chatter.connect(http, (a, b)[round % 2], pid=ann.pid, offset=offset)
            assert current.sid == ann.sid
            for _ in range(5):
                if len(received) + len(current.lines) < len(texts):
                    await current.read()
            received += current.lines
            current.lines, offset = [], current.offset or offset
        while len(received) + len(current.lines) < len(texts):
            assert await current.read()
        await talking
        assert received + current.lines == texts


async def test_who_is_refused_gets_nothing_and_a_secret_is_used_by_one_connection_at_a_time(chat):
    a, b = chat("a"), chat("b")
    async with aiohttp.ClientSession() as http:
        ann = await Chatter.connect(http, a)
        await ann.call("join", "lobby")
        await say(ann, "one")
        await ann.read_until("one")
        # Not gone at all, as far as node a knows.
        again = await Chatter.connect(http, b, pid=ann.pid, offset=ann.offset)
        assert again.sid == ann.sid
        while await ann.read():
            pass
        assert ann.socket.closed
        # A stranger's guess, and an offset that never was, start anew.
        for forged in ({"pid": "x" * 22, "offset": ann.offset}, {"pid": ann.pid, "offset": "1-1"},
                       {"pid": ann.pid, "offset": "nonsense"}, {"pid": 7, "offset": None}):
            fresh = await Chatter.connect(http, b, **forged)
            assert fresh.sid != ann.sid and fresh.pid != ann.pid
        # The handler is asked before anything is replayed.
        third = await Chatter.connect(http, b)
        await third.call("join", "lobby")
        await say(third, "two")
        await third.read_until("two")
        await third.socket.close()
        socket = await http.ws_connect(f"ws://127.0.0.1:{a.port}/socket.io/?EIO=4&transport=websocket")
        await socket.receive()
        await socket.send_str("40/chat," + json.dumps({"name": "", "pid": third.pid, "offset": third.offset}))
        assert (await socket.receive()).data == '44/chat,{"message":"say who you are: {auth: {name}}"}'


async def test_who_left_for_good_starts_anew(chat):
    a = chat("a")
    async with aiohttp.ClientSession() as http:
        ann = await Chatter.connect(http, a)
        await ann.call("join", "lobby")
        await say(ann, "one")
        await ann.read_until("one")
        await ann.socket.send_str("41/chat,")
        await ann.socket.send_str("40/chat," + json.dumps({"name": "Ann"}))
        assert (await ann.socket.receive()).data.startswith("40/chat,")
        again = await Chatter.connect(http, a, pid=ann.pid, offset=ann.offset)
        assert again.sid != ann.sid
