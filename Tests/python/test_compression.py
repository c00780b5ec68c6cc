"""permessage-deflate, as clients that know nothing of us speak it."""

import json

import aiohttp
import pytest
from playwright.async_api import async_playwright

from browser import CHROMIUM
from cluster import Cluster, eventually
from test_wire import Peer, frame

TEXT = "the quick brown fox jumps over the lazy dog, " * 150


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("compression"), nodes=1, REJOIN_COMPRESSION="true")
    yield cluster.nodes[0]
    assert cluster.nodes[0].process.poll() is None, "the node lives on"
    cluster.stop()


class Client:
    """Socket.IO by hand over aiohttp's WebSocket."""

    def __init__(self, socket):
        self.socket = socket
        self.last = 0

    async def receive(self, prefix):
        while True:
            text = await self.socket.receive_str(timeout=10)
            if text.startswith(prefix):
                return text.removeprefix(prefix)

    async def connect(self):
        await self.receive("0")
        await self.socket.send_str('40{"token":null}')
        await self.receive('42["session"')

    async def call(self, event, body):
        self.last += 1
        await self.socket.send_str(f"42{self.last}" + json.dumps([event, body]))
        [answer] = json.loads(await self.receive(f"43{self.last}"))
        return answer

    async def joined(self, room, version):
        answer = await self.call("join", {"room": room})
        return answer if answer["version"] == version else None


@pytest.mark.parametrize("compress", [15, 12, 9, 0])
async def test_an_independent_client_speaks_compressed_and_plain_of_any_window(node, compress):
    async with aiohttp.ClientSession() as session, session.ws_connect(
            f"{node.url}/socket.io/?EIO=4&transport=websocket", compress=compress) as socket:
        assert bool(socket.compress) == bool(compress)
        client = Client(socket)
        await client.connect()
        name, room = f"Ada{compress}", f"room{compress}"
        assert (await client.call("register", {"username": name, "password": "correct horse battery"}))["ok"]
        assert (await client.call("join", {"room": room}))["ok"]
        acted = await client.call("act", {"room": room, "id": "1", "action": {"set": {"text": TEXT}}})
        assert acted == {"ok": True, "version": 1}
        # An act is acknowledged before or after its patch, and a state is as old as the last patch.
        answer = await eventually(lambda: client.joined(room, 1))
        assert answer["state"] == {"text": TEXT}


def test_the_answer_names_what_was_agreed_on_and_a_long_message_is_short_on_the_wire(node):
    with Peer(node) as peer:
        peer.request(extra=[("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=8"),
                            ("Sec-WebSocket-Extensions", "foo, permessage-deflate; server_max_window_bits=10")])
        peer.until(b"maxPayload")
        head = peer.bytes.partition(b"\r\n\r\n")[0].decode().lower()
        assert ("sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                "server_max_window_bits=10") in head.split("\r\n")
        peer.send(frame('40{"token":null}'))
        peer.until(b'"session"')
        peer.send(frame('421["register",{"username":"Bob","password":"correct horse battery"}]'))
        peer.until(b"431[")
        peer.send(frame('422["join",{"room":"bob"}]'))
        peer.until(b"432[")
        action = json.dumps({"room": "bob", "id": "1", "action": {"set": {"text": TEXT}}})
        peer.send(frame(f'423["act",{action}]'))
        peer.until(b"433[")
        peer.until(b"\xc1")  # the patch, compressed
        peer.send(frame('424["leave",{"room":"bob"}]'))
        peer.until(b"434[")
        begin = len(peer.bytes)
        peer.send(frame('425["join",{"room":"bob"}]') + frame('426["leave",{"room":"bob"}]'))
        peer.until(b"436[")
        assert peer.bytes[begin] == 0xC1
        assert len(peer.bytes) - begin < len(TEXT) / 10


@pytest.mark.parametrize(("data", "code"), [
    (frame(b"\x07", reserved=4), 1007), (frame(b"\xf2H", reserved=4), 1007), (frame("", opcode=9, reserved=4), 1002),
    (frame("4", final=False) + frame("", opcode=0, reserved=4), 1002), (frame("4", reserved=2), 1002),
    (frame("", length=1 << 20, reserved=4), 1009),
])
def test_a_bad_compressed_frame_is_closed_with_its_code(node, data, code):
    with Peer(node) as peer:
        peer.request(extra=[("Sec-WebSocket-Extensions", "permessage-deflate")])
        peer.until(b"maxPayload")
        peer.send(data)
        assert peer.close_code() == code


def test_a_malformed_offer_is_refused(node):
    with Peer(node) as peer:
        peer.request(extra=[("Sec-WebSocket-Extensions", "permessage-deflate; =")])
        status, _, body = peer.answer()
        assert status == 400 and "Sec-WebSocket-Extensions" in body


async def test_a_browser_agrees_on_compression_and_plays(node):
    assert CHROMIUM, "chromium is missing: install Debian's package chromium"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = await chromium.new_page()
        await page.goto(node.url)
        extensions, text = await page.evaluate("""async text => {
            const socket = new WebSocket(`ws://${location.host}/socket.io/?EIO=4&transport=websocket`);
            let next;
            const waiting = [];
            socket.onmessage = ({ data }) => next ? next(data) : waiting.push(data);
            const receive = async prefix => {
                for (;;) {
                    const data = waiting.shift() ?? await new Promise(resolve => next = resolve);
                    next = undefined;
                    if (data.startsWith(prefix)) return data.slice(prefix.length);
                }
            };
            await receive("0");
            socket.send('40{"token":null}');
            await receive('42["session"');
            socket.send('421["register",{"username":"Browser","password":"correct horse battery"}]');
            await receive("431");
            socket.send('422["join",{"room":"browser"}]');
            await receive("432");
            socket.send(`423${JSON.stringify(["act", { room: "browser", id: "1", action: { set: { text } } }])}`);
            await receive("433");
            for (;;) {
                socket.send('424["join",{"room":"browser"}]');
                const { version, state } = JSON.parse(await receive("434"))[0];
                if (version === 1) return [socket.extensions, state.text];
                await new Promise(resolve => setTimeout(resolve, 50));
            }
        }""", TEXT)
        await chromium.close()
    assert extensions.startswith("permessage-deflate") and text == TEXT
