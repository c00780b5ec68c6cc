"""The official JavaScript client in a real browser, on a page of another origin, against the example servers."""

import http.server
import importlib.util
import pathlib
import threading

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from browser import CHROMIUM
from example import Example

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = """<!doctype html><title>Client</title><script src="/socket.io.min.js"></script><script>
const within = (promise, what) => Promise.race([promise, new Promise((_, fail) =>
  setTimeout(() => fail(new Error(`nothing within 5 s: ${what}`)), 5_000))]);
const next = (emitter, event) => within(new Promise((done) => emitter.once(event, (...values) => done(values))), event);
// Binary values as text, so that they can leave the page.
const shown = (value) =>
  value instanceof ArrayBuffer ? `bytes ${new Uint8Array(value).join(" ")}`
  : Array.isArray(value) ? value.map(shown)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shown(v)]))
  : value;
const bytes = (...values) => new Uint8Array(values);
const quick = { reconnectionDelay: 50, reconnectionDelayMax: 100, forceNew: true };
</script>"""
TRANSPORTS = (["polling"], ["websocket"], ["polling", "websocket"])
by_every_transport = pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)


def client():
    """The client's own build, out of a package that is never imported."""
    package = importlib.util.find_spec("nicegui")
    assert package, "nicegui is missing: pip install --no-deps -r Tests/python/requirements-javascript.txt"
    return (pathlib.Path(package.origin).parent / "static/socket.io.min.js").read_text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    assert CHROMIUM, "chromium is missing: install Debian's package chromium"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        await chromium.close()


@pytest.fixture(scope="module")
def site():
    """An empty page with the client, whose origin is none of the servers'."""
    files = {"/": ("text/html", PAGE), "/socket.io.min.js": ("text/javascript", client())}

    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, text = files.get(self.path, ("text/plain", ""))
            body = text.encode()
            self.send_response(200 if self.path in files else 404)
            self.send_header("Content-Type", kind + "; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser, site):
    context = await browser.new_context()
    page = await context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.goto(site)
    yield page
    await context.close()
    assert problems == []


@by_every_transport
async def test_events_and_acknowledgements(echo, page, transports):
    assert await page.evaluate("""async ([url, transports]) => {
        const socket = io(url, { ...quick, transports, auth: { token: "a" } });
        const auth = next(socket, "auth");
        await next(socket, "connect");
        const heard = { auth: shown(await auth) };
        let back = next(socket, "message-back");
        socket.emit("message", 1, "2", { 3: [true, null] }, "é€😀");
        heard.text = shown(await back);
        back = next(socket, "message-back");
        socket.emit("message", bytes(1, 2, 3), { nested: [bytes(), bytes(255)] });
        heard.binary = shown(await back);
        heard.ack = shown(await socket.timeout(5000).emitWithAck("message-with-ack", "one"));
        heard.binaryAck = shown(await socket.timeout(5000).emitWithAck("message-with-ack", { a: bytes(9, 8) }));
        heard.acks = await Promise.all([...Array(50).keys()].map((n) => socket.emitWithAck("message-with-ack", n)));
        const gone = next(socket, "disconnect");
        socket.disconnect();
        heard.disconnected = (await gone)[0];
        return heard;
    }""", [echo.url, transports]) == {
        "auth": [{"token": "a"}],
        "text": [1, "2", {"3": [True, None]}, "é€😀"],
        "binary": ["bytes 1 2 3", {"nested": ["bytes ", "bytes 255"]}],
        "ack": "one",
        "binaryAck": {"a": "bytes 9 8"},
        "acks": list(range(50)),
        "disconnected": "io client disconnect",
    }


async def test_a_connection_begins_with_polling_and_is_upgraded_while_messages_go_both_ways(echo, page):
    result = await page.evaluate("""async (url) => {
        const socket = io(url, quick);
        const heard = [], transports = [];
        socket.on("message-back", (number) => heard.push(number));
        // The upgrade may be over as soon as the socket is connected.
        const upgraded = next(socket.io.engine, "upgrade");
        transports.push(socket.io.engine.transport.name);
        await next(socket, "connect");
        let sent = 0;
        const send = () => { for (let i = 0; i < 5; i++) socket.emit("message", sent++); };
        const timer = setInterval(send, 2);
        await upgraded;
        transports.push(socket.io.engine.transport.name);
        send();
        clearInterval(timer);
        await socket.timeout(5000).emitWithAck("message-with-ack");
        socket.disconnect();
        return { transports, sent, inOrder: heard.length === sent && heard.every((number, index) => number === index) };
    }""", echo.url)
    assert result["transports"] == ["polling", "websocket"]
    assert result["inOrder"] and result["sent"] >= 5


@by_every_transport
async def test_namespaces_share_a_connection(echo, page, transports):
    assert await page.evaluate("""async ([url, transports]) => {
        const manager = new io.Manager(url, { ...quick, transports });
        const main = manager.socket("/"), custom = manager.socket("/custom", { auth: { who: "me" } });
        const events = [next(main, "auth"), next(custom, "auth")];
        await Promise.all([next(main, "connect"), next(custom, "connect")]);
        const heard = { auth: shown(await Promise.all(events)), ids: main.id !== custom.id, stray: 0 };
        main.on("message-back", () => heard.stray++);
        const back = next(custom, "message-back");
        custom.emit("message", bytes(7));
        heard.back = shown(await back);
        heard.ack = await custom.emitWithAck("message-with-ack", "custom");
        custom.disconnect();
        heard.main = await main.emitWithAck("message-with-ack", "main");
        custom.connect();
        await next(custom, "connect");
        heard.again = await custom.emitWithAck("message-with-ack", "again");
        const unknown = manager.socket("/random");
        heard.error = (await next(unknown, "connect_error"))[0].message;
        main.disconnect();
        custom.disconnect();
        unknown.disconnect();
        return heard;
    }""", [echo.url, transports]) == {
        "auth": [[{}], [{"who": "me"}]], "ids": True, "stray": 0, "back": ["bytes 7"], "ack": "custom",
        "main": "main", "again": "again", "error": "Invalid namespace",
    }


@by_every_transport
async def test_a_connection_outlives_many_heartbeats(echo, page, transports):
    assert await page.evaluate("""async ([url, transports]) => {
        const socket = io(url, { ...quick, transports });
        await next(socket, "connect");
        let disconnects = 0, pings = 0;
        socket.on("disconnect", () => disconnects++);
        await within(new Promise((done) => socket.io.on("ping", () => ++pings === 4 && done())), "four pings");
        const answer = await socket.emitWithAck("message-with-ack", "alive");
        const counted = disconnects;
        socket.disconnect();
        return [counted, answer];
    }""", [echo.url, transports]) == [0, "alive"]


@by_every_transport
async def test_a_client_comes_back_when_its_server_died_and_sends_what_it_kept(page, tmp_path, transports):
    echo = Example("SocketIOEcho", tmp_path / "echo.log")
    first = await page.evaluate("""async ([url, transports]) => {
        window.socket = io(url, { ...quick, transports, auth: { round: "both" } });
        await next(socket, "connect");
        window.gone = next(socket, "disconnect");
        return socket.id;
    }""", [echo.url, transports])
    echo.kill()
    reason = await page.evaluate("""async () => {
        const [reason] = await gone;
        window.back = next(socket, "connect");
        window.auth = next(socket, "auth");
        // Kept until there is a connection again.
        window.kept = socket.emitWithAck("message-with-ack", "kept");
        return reason;
    }""")
    assert reason in ("transport close", "transport error")
    echo.start()
    second, auth, kept = await page.evaluate("""async () => {
        await back;
        const result = [socket.id, await auth, await within(kept, "the event that was kept")];
        socket.disconnect();
        return result;
    }""")
    assert (auth, kept) == ([{"round": "both"}], "kept")
    assert second and second != first
    echo.stop()


async def test_a_middleware_refuses_and_typed_handlers_answer(page, tmp_path):
    chat = Example("Chat", tmp_path / "chat.log")
    # The chat is for pages of its own origin: by WebSocket, where browsers do not ask.
    assert await page.evaluate("""async (url) => {
        const options = { ...quick, transports: ["websocket"] };
        const nobody = io(url, options);
        const refusal = (await next(nobody, "connect_error"))[0].message;
        const ada = io(url, { ...options, auth: { name: "Ada" } }), bob = io(url, { ...options, auth: { name: "Bob" } });
        await Promise.all([next(ada, "connect"), next(bob, "connect")]);
        const failed = await ada.emitWithAck("say", { room: "tea", text: "hello" });
        await ada.emitWithAck("join", "tea");
        const joined = await bob.emitWithAck("join", "tea");
        const said = next(bob, "said");
        ada.emit("say", { room: "tea", text: "hello", picture: bytes(137, 80) });
        const heard = shown((await said)[0]);
        for (const socket of [nobody, ada, bob]) socket.disconnect();
        return [refusal, failed.error, joined.members, heard];
    }""", chat.url) == [
        "a name is needed", "not_joined", ["Ada", "Bob"],
        {"room": "tea", "text": "hello", "picture": "bytes 137 80", "from": "Ada"},
    ]
    chat.stop()


async def test_a_socket_is_recovered_on_another_node_after_the_first_was_killed(chat, page):
    a, b = chat("a"), chat("b")
    urls = [f"http://127.0.0.1:{node.port}" for node in (a, b)]
    assert await page.evaluate("""async ([a, b]) => {
        window.lines = [];
        window.ann = io(a + "/chat", { ...quick, transports: ["websocket"], auth: { name: "Ann" } });
        // The offset is the last argument, which the client leaves where it is.
        ann.on("line", (line) => lines.push(line.text));
        await next(ann, "connect");
        window.bob = io(b + "/chat", { ...quick, transports: ["websocket"], auth: { name: "Bob" } });
        await next(bob, "connect");
        for (const socket of [ann, bob]) await socket.timeout(5000).emitWithAck("join", "lobby");
        window.say = (text) => bob.timeout(5000).emitWithAck("say", { room: "lobby", text });
        const heard = next(ann, "line");
        await say("one");
        await heard;
        window.before = ann.id;
        // Where a load balancer would send it.
        ann.io.uri = b;
        return [ann.recovered, lines];
    }""", urls) == [False, ["one"]]
    a.kill()
    assert await page.evaluate("""async () => {
        const back = next(ann, "connect");
        await say("two");
        await say("three");
        await back;
        const heard = within(new Promise((done) => ann.on("line", (line) => line.text === "four" && done())), "four");
        await say("four");
        await heard;
        return [ann.recovered, ann.id === before, lines];
    }""") == [True, True, ["one", "two", "three", "four"]]
