"""What an attacker may send before and on a WebSocket, byte by byte, and what a node does then."""

import base64
import contextlib
import json
import os
import socket
import struct
import time

import pytest

from cluster import Cluster

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("wire"), nodes=1)
    yield cluster.nodes[0]
    assert cluster.nodes[0].process.poll() is None, "the node lives on"
    cluster.stop()


def frame(payload, opcode=1, final=True, mask=b"\x11\x22\x33\x44", reserved=0, length=None):
    payload = payload.encode() if isinstance(payload, str) else payload
    length = len(payload) if length is None else length
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    masked = 0x80 if mask else 0
    if length < 126:
        head += bytes([masked | length])
    elif length < 65_536:
        head += bytes([masked | 126]) + struct.pack(">H", length)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", length)
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A node that waits half a second for a body."""
    cluster = Cluster(tmp_path_factory.mktemp("hasty"), nodes=1, REJOIN_LIMIT_PAYLOAD_TIME="500ms")
    yield cluster.nodes[0]
    cluster.stop()


class Peer:
    """A TCP connection to a node that says what it likes."""

    def __init__(self, node, timeout=10):
        host, port = node.url.removeprefix("http://").split(":")
        self.host = f"{host}:{port}"
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def request(self, method="GET", query="EIO=4&transport=websocket", version="HTTP/1.1", body=b"", drop=(), extra=(),
                path="/socket.io/"):
        headers = [("Host", self.host), ("Connection", "Upgrade"), ("Upgrade", "websocket"),
                   ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", KEY)]
        headers = [header for header in headers if header[0] not in drop] + list(extra)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.send(f"{method} {path}?{query} {version}\r\n{lines}\r\n".encode() + body)

    def more(self):
        received = self.socket.recv(65_536)
        self.bytes += received
        return received

    def until(self, wanted):
        while wanted not in self.bytes:
            assert self.more(), f"the connection ended before {wanted!r}; it said {self.bytes!r}"

    def answer(self):
        """The status and the body of a refusal, which ends the connection."""
        with contextlib.suppress(ConnectionResetError):
            while self.more():
                pass
        head, _, body = self.bytes.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), head.decode().lower(), body.decode()

    def opened(self):
        self.request()
        self.until(b"maxPayload")
        return self

    def joined(self):
        self.opened()
        self.send(frame('40{"token":null}'))
        self.until(b'"session"')
        return self

    def close_code(self):
        """The code of the close frame that ends the connection; TCP must be gone within 2 s."""
        begin = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while self.more():
                pass
        assert time.monotonic() - begin < 2
        _, _, rest = self.bytes.rpartition(b"\x88")
        return struct.unpack(">H", rest[1:3])[0]


def healthy(node):
    with Peer(node) as peer:
        peer.joined()


@pytest.mark.parametrize("origin", ["null", "http://evil.test", "http://{host}.evil", "http://evil{host}", "https://{host}",
                                    "http://127.0.0.1:1", "http://{host}/", "file://"])
def test_a_foreign_origin_is_refused_before_the_upgrade(node, origin):
    with Peer(node) as peer:
        peer.request(extra=[("Origin", origin.format(host=peer.host))])
        status, head, body = peer.answer()
        assert (status, json.loads(body)["code"]) == (403, 4)
        assert "access-control-allow-origin" not in head


def test_the_same_origin_and_no_origin_are_let_in(node):
    for extra in ([], [("Origin", node.url)]):
        with Peer(node) as peer:
            peer.request(extra=extra)
            peer.until(b"maxPayload")
            assert peer.bytes.startswith(b"HTTP/1.1 101 ")


def test_a_listed_origin_is_told_so_exactly_and_those_like_it_are_refused(tmp_path):
    cluster = Cluster(tmp_path, nodes=1, REJOIN_ORIGINS="https://game.test")
    try:
        for origin in ("https://game.test", "https://game.test.evil", "https://evilgame.test", "http://game.test",
                       "https://game.test:444", "https://GAME.test/", "https://sub.game.test", "null"):
            with Peer(cluster.nodes[0]) as peer:
                peer.request(extra=[("Origin", origin)])
                peer.until(b"\r\n\r\n")
                head = peer.bytes.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
                allowed = origin == "https://game.test"
                assert head[0].startswith("http/1.1 101" if allowed else "http/1.1 403"), origin
                told = [line for line in head if line.startswith("access-control-allow-origin")]
                assert told in ([], ["access-control-allow-origin: https://game.test"] if allowed else [])
                assert not told or "vary: origin" in head
    finally:
        cluster.stop()


@pytest.mark.parametrize(("options", "status"), [
    ({"method": "POST"}, 405), ({"method": "PUT"}, 405), ({"version": "HTTP/1.0"}, 400),
    ({"drop": ["Connection"]}, 400), ({"drop": ["Connection"], "extra": [("Connection", "keep-alive")]}, 400),
    ({"drop": ["Upgrade"]}, 400),
    ({"drop": ["Upgrade"], "extra": [("Upgrade", "h2c")]}, 400), ({"drop": ["Sec-WebSocket-Key"]}, 400),
    ({"extra": [("Sec-WebSocket-Key", KEY)]}, 400),
    ({"drop": ["Sec-WebSocket-Key"], "extra": [("Sec-WebSocket-Key", base64.b64encode(b"x" * 15).decode())]}, 400),
    ({"drop": ["Sec-WebSocket-Key"], "extra": [("Sec-WebSocket-Key", base64.b64encode(b"x" * 17).decode())]}, 400),
    ({"drop": ["Sec-WebSocket-Version"]}, 426),
    ({"drop": ["Sec-WebSocket-Version"], "extra": [("Sec-WebSocket-Version", "8")]}, 426),
    ({"extra": [("Content-Length", "5")], "body": b"hello"}, 400),
    ({"extra": [("Transfer-Encoding", "chunked")], "body": b"0\r\n\r\n"}, 400),
    ({"extra": [(f"X-{number}", "a") for number in range(64)]}, 431), ({"extra": [("X", "a" * 16_400)]}, 431),
], ids=str)
def test_what_is_no_handshake_is_always_answered(node, options, status):
    with Peer(node) as peer:
        peer.request(**options)
        answer, head, body = peer.answer()
        assert answer == status and body
        if status == 426:
            assert "sec-websocket-version: 13" in head


@pytest.mark.parametrize(("query", "code"), [
    ("EIO=3&transport=websocket", 5), ("transport=websocket", 5), ("EIO=4", 0), ("EIO=4&transport=flash", 0),
    ("EIO=4&transport=__proto__", 0), ("EIO=4&transport=websocket&transport=websocket", 0),
    ("EIO=4&transport=websocket&sid=nobody.AAAA", 1),
])
def test_a_query_that_is_wrong_is_refused_with_engine_ios_code(node, query, code):
    with Peer(node) as peer:
        peer.request(query=query)
        status, _, body = peer.answer()
        assert (status, json.loads(body)["code"]) == (400, code)


def test_an_upgrade_after_other_requests_of_the_connection_works(node):
    with Peer(node) as peer:
        page = f"GET /session HTTP/1.1\r\nHost: {peer.host}\r\n\r\n"
        peer.send(page)
        peer.until(b'"login":false')
        peer.send(page + page)
        peer.request()
        peer.until(b"maxPayload")
        assert peer.bytes.count(b"HTTP/1.1 200 ") == 3
        peer.send(frame('40{"token":null}'))
        peer.until(b'"session"')


def test_a_bad_frame_in_the_segment_of_the_handshake_is_a_1002(node):
    with Peer(node) as peer:
        peer.request(body=frame("4", mask=None))
        assert peer.close_code() == 1002
    healthy(node)


def test_a_head_that_comes_a_byte_a_second_is_closed_after_five(node):
    with Peer(node) as peer:
        peer.socket.settimeout(0.5)
        begin = time.monotonic()
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n")
        with pytest.raises((ConnectionError, EOFError)):
            while True:
                peer.send("X")
                with contextlib.suppress(TimeoutError):
                    if not peer.socket.recv(100):
                        raise EOFError
        assert 4 < time.monotonic() - begin < 7


def test_a_protocol_header_of_spaces_is_answered_at_once(node):
    took = []
    for _ in range(20):
        with Peer(node) as peer:
            begin = time.monotonic()
            peer.request(extra=[("Sec-WebSocket-Protocol", " " * 15_800 + "a")])
            peer.until(b"HTTP/1.1 ")
            took.append(time.monotonic() - begin)
    assert min(took) < 0.005 and sorted(took)[10] < 0.05


BAD_FRAMES = {
    "unmasked": (frame("4", mask=None), 1002), "reserved bit": (frame("4", reserved=4), 1002),
    "reserved opcode": (frame("4", opcode=3), 1002), "fragmented ping": (frame("", opcode=9, final=False), 1002),
    "long ping": (frame(b"x" * 126, opcode=9), 1002), "continuation of nothing": (frame("4", opcode=0), 1002),
    "not UTF-8": (frame(b"4\xff"), 1007), "split not UTF-8": (frame(b"4\xe2", final=False) + frame(b"\x28", opcode=0), 1007),
    "close reason not UTF-8": (frame(b"\x03\xe8\xff", opcode=8), 1007), "close of one byte": (frame(b"\x03", opcode=8), 1002),
    "illegal close code": (frame(struct.pack(">H", 1005), opcode=8), 1002),
    "length with the top bit": (frame("", length=1 << 63), 1009), "2^62 bytes": (frame("", length=1 << 62), 1009),
    "over the limit": (frame("", length=65_537), 1009),
    "over the limit in sum": (frame(b"4" * 40_000, final=False) + frame(b"4" * 40_000, opcode=0), 1009),
    "a thousand empty fragments": (frame("4", final=False) + frame("", opcode=0, final=False) * 1_000, 1008),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_is_closed_with_its_code(node, name):
    data, code = BAD_FRAMES[name]
    with Peer(node) as peer:
        peer.opened().send(data)
        assert peer.close_code() == code
    healthy(node)


def resident(node):
    with open(f"/proc/{node.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("number", [64, 1_000_000])
def test_a_million_empty_fragments_are_a_1008_and_memory_stays_flat(node, number):
    healthy(node)
    before = resident(node)
    with Peer(node) as peer:
        peer.opened()
        data = frame("4", final=False) + frame("", opcode=0, final=False) * number
        with contextlib.suppress(ConnectionError):
            for begin in range(0, len(data), 65_536):
                peer.send(data[begin:begin + 65_536])
        assert peer.close_code() == 1008
    assert resident(node) - before < 8 << 20
    healthy(node)


def test_lengths_that_are_announced_and_never_come_cost_no_memory(node):
    healthy(node)
    before = resident(node)
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(node)).opened() for _ in range(200)]
        for peer in peers:
            peer.send(frame("4", length=65_536))
        healthy(node)
        assert resident(node) - before < 16 << 20, "200 messages of 64 KiB were announced"


def test_a_close_is_answered_once_with_its_code(node):
    with Peer(node) as peer:
        peer.opened().send(frame(struct.pack(">H", 3000) + b"bye", opcode=8) * 3)
        assert peer.close_code() == 3000
        assert peer.bytes.count(b"\x88\x02") == 1


def test_a_flood_of_pings_is_answered_or_closed(node):
    with Peer(node) as peer:
        peer.opened()
        for _ in range(100):
            peer.send(frame("", opcode=9) * 100)
        while peer.bytes.count(b"\x8a\x00") < 10_000 and b"\x88" not in peer.bytes[-200:]:
            assert peer.more()
    healthy(node)


def test_a_hundred_thousand_unsolicited_pongs_change_nothing(node):
    with Peer(node) as peer:
        peer.joined()
        for _ in range(100):
            peer.send(frame("3") * 1_000)
        peer.send(frame('427["leave",{"room":"a"}]'))
        peer.until(b'437[{"ok":')


BAD_PACKETS = [
    "40", '40{"token":null}', "42", "42[]", "42[1]", '42["connect"]', '42["disconnecting"]', "450-[]", "45-[\"a\"]",
    '4511-["a"]', '451-["a",{"_placeholder":true,"num":-1}]', "461-1[]", "49", "x", "0", "2", "2probe", "5",
    '42100000000000000000000["a"]', '42["a",' + "[" * 33 + "]" * 33 + "]", '42["a",1e400]', '42["a","\\ud800"]',
    '42/admin,["a"]', "44{}",
]


@pytest.mark.parametrize("packet", BAD_PACKETS)
def test_a_bad_packet_closes_its_connection_alone(node, packet):
    with Peer(node) as neighbour, Peer(node) as peer:
        neighbour.joined()
        peer.joined().send(frame(packet))
        assert peer.close_code() == 1002
        neighbour.send(frame('421["leave",{"room":"a"}]'))
        neighbour.until(b"431[")


def test_an_event_before_connect_closes_and_an_unknown_namespace_is_told(node):
    with Peer(node) as peer:
        peer.opened().send(frame('42["join",{"room":"a"}]'))
        assert peer.close_code() == 1002
    with Peer(node) as peer:
        peer.opened().send(frame("40/admin,{}"))
        peer.until(b'44/admin,{"message":"Invalid namespace"}')
        for number in range(5):
            peer.send(frame(f"40/n{number},"))
        assert peer.close_code() == 1002


def test_a_peer_that_ends_without_a_word_leaves_no_descriptor(node):
    def descriptors():
        return len(os.listdir(f"/proc/{node.process.pid}/fd"))

    healthy(node)
    before = descriptors()
    for number in range(300):
        with Peer(node) as peer:
            peer.request() if number % 2 else peer.opened()
            if number % 3 == 0:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif number % 3 == 1:
                peer.socket.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + 5
    while descriptors() > before + 2:
        assert time.monotonic() < deadline, f"{descriptors()} descriptors are open, {before} before"
        time.sleep(0.02)
    healthy(node)


# Bodies and hosts


@pytest.mark.parametrize("path", ["/session/login", "/session/logout", "/session/claim", "/", "/nowhere"])
@pytest.mark.parametrize("drip", [False, True])
def test_a_body_that_does_not_end_is_408_and_the_connection_closes(hasty, path, drip):
    with Peer(hasty) as peer:
        peer.send(f"POST {path} HTTP/1.1\r\nHost: {peer.host}\r\nContent-Type: application/json\r\n"
                  "Content-Length: 4000\r\n\r\n{")
        began = time.monotonic()
        peer.socket.settimeout(0.05)
        answer = b""
        while time.monotonic() - began < 5:
            with contextlib.suppress(TimeoutError):
                piece = peer.socket.recv(65_536)
                answer += piece
                if not piece:
                    break
            if drip:
                with contextlib.suppress(OSError):
                    peer.send(" ")
        else:
            raise AssertionError("the connection stays open")
        # Where nobody waits for the body it is answered before.
        assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 404 ", b"HTTP/1.1 405 "))
        assert path.startswith("/session") is answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_in_time_is_read_and_the_connection_goes_on(hasty):
    with Peer(hasty) as peer:
        for _ in range(2):
            peer.send(f"POST /session/login HTTP/1.1\r\nHost: {peer.host}\r\nContent-Type: application/json\r\n"
                      "Content-Length: 2\r\n\r\n{")
            time.sleep(0.2)
            peer.send("}")
            peer.socket.settimeout(5)
            assert peer.socket.recv(65_536).startswith(b"HTTP/1.1 400 ")
            time.sleep(0.6)  # longer than a body may take


@pytest.mark.parametrize("path", ["/session", "/socket.io/?EIO=4&transport=polling"])
def test_two_hosts_are_400(node, path):
    with Peer(node) as peer:
        peer.send(f"GET {path} HTTP/1.1\r\nHost: {peer.host}\r\nHost: localhost\r\n\r\n")
        peer.socket.settimeout(5)
        assert peer.socket.recv(65_536).startswith(b"HTTP/1.1 400 ")
