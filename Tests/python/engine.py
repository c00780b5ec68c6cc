"""The two transports of Engine.IO v4, packet by packet, for those who want to see every one of them."""

import asyncio
import base64
import json

import aiohttp

TIMEOUT = 5
SEPARATOR = "\x1e"


class Closed(Exception):
    """The session, or its transport, is over; `answer` says how."""

    def __init__(self, answer):
        super().__init__(answer)
        self.answer = answer


class Transport:
    """Packets are strings that begin with their type; binary messages are bytes."""

    async def receive(self, heartbeat=True):
        """The next packet. With `heartbeat`, pings are answered and passed over."""
        while True:
            packet = await asyncio.wait_for(self.next(), TIMEOUT)
            if not (heartbeat and packet == "2"):
                return packet
            await self.send("3")

    async def message(self):
        """The next message's content."""
        while isinstance(packet := await self.receive(), str):
            if packet[0] == "4":
                return packet[1:]
            assert packet == "6", packet
        return packet

    async def closed(self):
        """What came until the end."""
        packets = []
        try:
            while True:
                packets.append(await self.receive())
        except Closed:
            return packets


class Polling(Transport):
    def __init__(self, http, url):
        self.http, self.base, self.url = http, url, f"{url}/socket.io/?EIO=4&transport=polling"
        self.packets = []

    async def open(self):
        async with self.http.get(self.url) as answer:
            assert answer.status == 200, await answer.text()
            packet = await answer.text()
        assert packet[0] == "0", packet
        self.handshake = json.loads(packet[1:])
        self.url += "&sid=" + self.handshake["sid"]
        return self

    async def get(self):
        """One poll: status and body."""
        async with self.http.get(self.url) as answer:
            return answer.status, await answer.text()

    async def post(self, body):
        async with self.http.post(self.url, data=body) as answer:
            return answer.status, await answer.text()

    async def next(self):
        if not self.packets:
            status, body = await self.get()
            if status != 200:
                raise Closed((status, body))
            self.packets = body.split(SEPARATOR)
        packet = self.packets.pop(0)
        if packet == "1":
            raise Closed("1")
        return base64.b64decode(packet[1:], validate=True) if packet[0] == "b" else packet

    async def send(self, *packets):
        """Several packets in one payload."""
        answer = await self.post(SEPARATOR.join(
            "b" + base64.b64encode(packet).decode() if isinstance(packet, bytes) else packet for packet in packets))
        if answer != (200, "ok"):
            raise Closed(answer)

    async def leave(self):
        await self.post("1")


class WebSocket(Transport):
    def __init__(self, http, url, sid=None):
        self.http, self.base = http, url
        self.url = f"{url}/socket.io/?EIO=4&transport=websocket" + (f"&sid={sid}" if sid else "")

    async def connect(self):
        self.socket = await self.http.ws_connect(self.url)
        return self

    async def open(self):
        await self.connect()
        packet = await self.receive()
        assert packet[0] == "0", packet
        self.handshake = json.loads(packet[1:])
        return self

    async def next(self):
        message = await self.socket.receive()
        if message.type == aiohttp.WSMsgType.TEXT:
            return message.data
        if message.type == aiohttp.WSMsgType.BINARY:
            return message.data
        raise Closed(self.socket.close_code)

    async def send(self, *packets):
        for packet in packets:
            if isinstance(packet, bytes):
                await self.socket.send_bytes(packet)
            else:
                await self.socket.send_str(packet)

    async def leave(self):
        await self.socket.close()


TRANSPORTS = {"polling": Polling, "websocket": WebSocket}
