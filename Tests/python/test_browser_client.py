"""The browser client in a real browser, against real nodes: what it promises in rejoin.d.ts."""

import gzip
import json
import pathlib
import re

import pytest
import pytest_asyncio

from browser import Wire, balancer, browsers, chromium, holds  # noqa: F401
from cluster import PASSWORD, Cluster, eventually

WEB = pathlib.Path(__file__).parents[2] / "Sources/RejoinServer/Web"
# What the tests' own code has in the page, on a page of the node that has no client of its own.
PRELUDE = """
window.lately = (promise, what) => Promise.race([promise, new Promise((_, fail) =>
  setTimeout(() => fail(new Error(`nothing within 10 s: ${what}`)), 10_000))]);
window.next = (emitter, event, matches = () => true) => lately(new Promise((done) => {
  const off = emitter.on(event, (value) => matches(value) && (off(), done(value)));
}), event);
window.code = (promise) => promise.then(() => "done", (error) => error.code);
window.begin = async (options) => {
  const { connect } = await import("/rejoin.js");
  window.said = [];
  window.client = connect(options);
  for (const event of ["connection", "session", "error", "drain"]) {
    client.on(event, (body) => said.push([event, body.status ?? body.reason ?? body.code ?? body.retryAfter]));
  }
  await next(client, "session");
  return client;
};
window.inRoom = async (name) => {
  window.room = client.room(name);
  if (!room.joined) await next(room, "change");
  return room;
};
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One node for all tests that need no other."""
    cluster = Cluster(tmp_path_factory.mktemp("alone"), nodes=1)
    yield cluster
    cluster.stop()


@pytest_asyncio.fixture
async def pages(browsers, request):  # noqa: F811
    """Makes pages with the prelude, each of a browser of its own or of the one given."""

    async def make(url, context=None):
        context = context or await browsers()
        page = await context.new_page()
        await page.add_init_script(PRELUDE)
        page.wire = await Wire.of(page)
        await page.goto(url + "/healthz")
        return page

    return make


@pytest.fixture
def name(request):
    """An account and a room of the test's own."""
    return re.sub("[^a-z]", "-", request.node.name.removeprefix("test_"))[:48]


async def player(page, name):
    """Connected, registered, and in a room."""
    await page.evaluate("""async ([name, password]) => {
        await begin();
        await client.register(name, password);
        await inRoom(name);
    }""", [name, PASSWORD])
    return page


# What is late, and what does not pass


async def test_a_cookie_that_comes_after_the_word_of_it_is_waited_for_and_not_for_ever(alone, pages):
    page = await pages(alone.nodes[0].url)
    handle = await page.evaluate("async () => (Math.random = () => 0.01, await begin()).session.handle")
    session = {"login": False, "user": None, "handle": handle, "node": "n1", "reason": "refresh"}
    page.wire.say("42" + json.dumps(["session", session]))
    await holds(page, "said.filter(([event, what]) => event === 'session' && what === 'connect').length === 6")
    await holds(page, "client.connection.status === 'connected'")
    assert page.wire.count == 7


async def test_a_room_too_many_is_an_error_at_once(alone, pages, name):
    page = await pages(alone.nodes[0].url)
    assert await page.evaluate("""async (name) => {
        await begin();
        const error = next(client, "error");
        const rooms = Array.from({ length: 17 }, (_, number) => client.room(`${name}${number}`));
        const told = await error;
        return [told.code, rooms.filter((room) => room.joined).length];
    }""", name) == ["rate_limited", 16]


async def test_an_act_whose_limit_outlasts_it_says_so_and_holds_up_no_other(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)

    def refuse(text):
        if '"mine"' not in text:
            return True
        page.wire.say("43" + text[2:text.index("[")] + json.dumps(
            [{"ok": False, "error": "rate_limited", "message": "too many rooms", "retryAfter": 3_600_000}]))
        return False

    page.wire.to_server = refuse
    assert await page.evaluate("""async () => [
        await code(room.act({ set: { mine: 1 } })), await code(room.act({ set: { other: 1 } }, { timeout: 5_000 })),
    ]""") == ["rate_limited", "done"]


# Reconnecting


async def test_it_waits_for_a_random_part_of_a_time_that_doubles_up_to_five_seconds(alone, pages):
    page = await pages(alone.nodes[0].url)
    page.wire.open = False
    await page.clock.install()
    await page.evaluate("""async () => {
        Math.random = () => 0.5;
        window.waits = [];
        const { connect } = await import("/rejoin.js");
        window.client = connect();
        client.on("connection", ({ status, retryIn, attempt }) => status === "waiting" && waits.push(retryIn));
    }""")
    for count in range(1, 9):
        await holds(page, f"waits.length === {count}")
        await page.clock.run_for(2_500)
    assert (await page.evaluate("waits"))[:8] == [125, 250, 500, 1_000, 2_000, 2_500, 2_500, 2_500]
    page.wire.open = True
    await page.clock.run_for(2_500)
    await holds(page, "client.connection.status === 'connected'")


async def test_connections_that_are_lost_at_once_do_not_make_it_hurry(alone, pages):
    page = await pages(alone.nodes[0].url)
    await page.evaluate("""async () => {
        await begin();
        window.waits = [];
        client.on("connection", ({ status, retryIn }) => status === "waiting" && waits.push(retryIn));
        Math.random = () => 0.5;
    }""")
    for wait in (125, 250, 500):
        await page.wire.cut()
        await holds(page, f"waits.at(-1) === {wait} && client.connection.status === 'connected'")


async def test_it_comes_back_when_all_nodes_were_gone_for_a_minute_and_its_acts_are_applied(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    await page.clock.install()
    page.wire.open = False
    await page.wire.cut()
    await page.evaluate("""() => {
        window.patient = room.act({ set: { patient: 1 } }, { timeout: 120_000 });
        window.hasty = code(room.act({ set: { hasty: 1 } }));
    }""")
    for _ in range(12):
        await page.clock.run_for(5_000)
    assert await page.evaluate("hasty") == "timeout"
    assert await page.evaluate("client.connection.attempt") >= 10
    page.wire.open = True
    await page.clock.run_for(5_000)
    assert await page.evaluate("patient") == 1
    await holds(page, "'patient' in room.state")
    assert await page.evaluate("room.state") == {"patient": 1}


async def test_a_page_that_is_looked_at_again_finds_out_that_its_connection_has_died(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    await page.clock.install()
    page.wire.to_page = lambda text: False
    await page.clock.run_for(3_000)
    assert await page.evaluate("client.connection.status") == "connected"
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.clock.run_for(5_100)
    page.wire.to_page = lambda text: True
    await page.clock.run_for(11_000)
    await holds(page, "client.connection.status === 'connected'")
    assert page.wire.count >= 2
    assert await page.evaluate("room.act({ set: { back: 1 } })") == 1


async def test_a_page_that_is_looked_at_again_keeps_a_connection_that_lives(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    await page.clock.install()
    await page.clock.run_for(3_000)
    before = len(page.wire.sent)
    answers = len(page.wire.heard)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    async def answered():
        return any(text.startswith("43") for text in page.wire.heard[answers:])

    await eventually(answered)
    await page.clock.run_for(5_100)
    assert len(page.wire.sent) == before + 1 and page.wire.count == 1


async def test_a_machine_that_slept_connects_at_once(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    await page.evaluate("""async () => {
        const now = Date.now;
        Date.now = () => now() + 3_600_000;
        document.dispatchEvent(new Event("visibilitychange"));
        await next(client, "connection", ({ status }) => status === "connected");
    }""")
    assert page.wire.count == 2


@pytest.mark.parametrize("event", ["window.dispatchEvent(new Event('online'))",
                                   "document.dispatchEvent(new Event('visibilitychange'))"])
async def test_nobody_waits_for_a_timer_who_is_online_or_looked_at_again(alone, pages, event):
    page = await pages(alone.nodes[0].url)
    await page.evaluate("begin().then(() => void (Math.random = () => 0.99))")
    await page.clock.install()
    page.wire.open = False
    await page.wire.cut()
    for _ in range(7):
        await page.clock.run_for(4_000)
    await holds(page, "client.connection.retryIn > 4_900")
    page.wire.open = True
    await page.evaluate(f"{event}, void 0")
    await eventually(lambda: page.evaluate("client.connection.status === 'connected'"), timeout=3)


async def test_a_page_that_is_kept_for_the_way_back_has_no_connection_and_gets_one_when_it_is_shown(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert await page.evaluate("client.connection") == {"status": "waiting", "retryIn": float("inf"), "attempt": 0}
    assert page.wire.count == 1
    await page.evaluate("""async () => {
        const change = room.act({ set: { shown: 1 } });
        dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        await lately(change, "act");
    }""")
    assert page.wire.count == 2


async def test_a_closed_client_answers_at_once_and_never_opens_a_connection_again(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    page.wire.to_server = lambda text: '"act"' not in text
    assert await page.evaluate("""async () => {
        const pending = code(room.act({ set: { a: 1 } }));
        client.close();
        const late = [code(room.act({ set: { a: 1 } })), code(client.devices()), code(client.login("a", "b"))];
        window.dispatchEvent(new Event("online"));
        client.reconnect();
        return lately(Promise.all([pending, ...late]), "close");
    }""") == ["closed"] * 4
    assert page.wire.count == 1
    assert await page.evaluate("client.connection.status") == "closed"


async def test_a_drained_node_is_left_for_another_one_and_acts_of_that_time_are_applied_once(
        cluster, balancer, pages, name):  # noqa: F811
    page = await player(await pages(balancer.url), name)
    before = await page.evaluate("client.session")
    await page.evaluate("""() => {
        window.acts = [];
        window.playing = setInterval(() => acts.push(room.act({ set: { [`field${acts.length}`]: 1 } })), 100);
    }""")
    cluster.rejoin("drain", before["node"])
    await holds(page, "client.session.node !== '%s' && client.connection.status === 'connected'" % before["node"])
    versions = await page.evaluate("clearInterval(playing), Promise.all(acts)")
    assert versions == list(range(1, len(versions) + 1))
    said = await page.evaluate("said")
    assert "drain" in [event for event, _ in said]
    assert "error" not in [event for event, _ in said]
    after = await page.evaluate("client.session")
    assert after["handle"] == before["handle"] and after["login"]


# Acts


async def test_acts_that_were_under_way_when_the_node_died_are_applied_once_and_in_order(cluster, balancer, pages, name):
    page = await pages(balancer.url)
    await page.evaluate("""async ([name, password]) => {
        const { connect } = await import("/rejoin.js");
        const client = window.client = connect();
        await client.register(name, password);
        const room = window.room = client.room("lobby");
        window.acts = [];
        window.playing = (async () => {
            for (let number = 0; number < 40; number++) {
                window.acts.push(room.act({ set: { [`field${number}`]: number } }));
                await new Promise((resolve) => setTimeout(resolve, 50));
            }
        })();
    }""", [name, PASSWORD])
    lost = await page.evaluate("client.session.node")
    await holds(page, "acts.length > 10")
    next(node for node in cluster.nodes if node.name == lost).kill()
    versions = await page.evaluate("playing.then(() => Promise.all(acts))")
    assert versions == list(range(1, 41))
    await holds(page, "room.version === 40")
    assert await page.evaluate("room.state") == {f"field{number}": number for number in range(40)}
    assert await page.evaluate("client.session.node") != lost


async def test_an_act_whose_acknowledgement_was_lost_is_sent_again_by_the_same_id_and_applied_once(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    await page.evaluate("room.act({ set: { door: 'shut' } })")
    await holds(page, "room.version === 1")
    del page.wire.sent[:]
    page.wire.to_page = lambda text: not text.startswith("43")
    await page.evaluate("void (window.act = room.act({ set: { door: 'open' } }))")
    await holds(page, "room.version === 2")
    page.wire.to_page = lambda text: True
    await page.wire.cut()
    assert await page.evaluate("lately(act, 'act')") == 2
    sent = [json.loads(text[text.index("["):])[1] for text in page.wire.sent if '["act"' in text]
    assert len(sent) == 2 and sent[0] == sent[1]
    assert await page.evaluate("room.version") == 2


async def test_more_acts_than_the_rate_limit_allows_are_all_applied_once(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    versions = await page.evaluate("""lately(Promise.all(
        Array.from({ length: 60 }, (_, number) => room.act({ set: { [`field${number}`]: number } }))), "acts")""")
    assert sorted(versions) == list(range(1, 61))
    await holds(page, "Object.keys(room.state).length === 60")


async def test_acts_that_wait_when_the_player_logs_out_elsewhere_are_rejected(alone, pages, browsers, name):  # noqa: F811
    context = await browsers()
    page = await player(await pages(alone.nodes[0].url, context), name)
    other = await pages(alone.nodes[0].url, context)
    assert await other.evaluate("begin().then(() => client.session.login)")
    page.wire.to_server = lambda text: '"act"' not in text
    await page.evaluate("void (window.act = code(room.act({ set: { late: 1 } })))")
    await other.evaluate("client.logout()")
    assert await page.evaluate("lately(act, 'act')") == "login_required"
    page.wire.to_server = lambda text: True
    assert await page.evaluate("code(room.act({ set: { later: 1 } }))") == "login_required"
    assert await page.evaluate("client.connection.status") == "connected"


async def test_what_is_larger_than_a_message_may_be_is_rejected_and_the_connection_lives(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    assert await page.evaluate("code(room.act({ set: { text: 'é'.repeat(40_000) } }))") == "too_large"
    assert await page.evaluate("room.act({ set: { text: 'short' } })") == 1
    assert page.wire.count == 1


async def test_no_more_than_1024_acts_wait(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    page.wire.open = False
    await page.wire.cut()
    assert await page.evaluate("""async () => {
        const codes = [];
        for (let number = 0; number < 1_030; number++) room.act({ set: { a: 1 } }).catch(({ code }) => codes.push(code));
        await null;
        return codes;
    }""") == ["rate_limited"] * 6


async def test_the_program_of_the_documentation_runs(alone, pages):
    source = re.search(r"```js\n(.*?)```", (WEB.parents[2] / "docs/client-javascript.md").read_text(), re.DOTALL)[1]
    assert source in (WEB.parents[2] / "README.md").read_text()
    alone.rejoin("users", "add", "ada", "--password-stdin", stdin="correct horse battery\n")
    page = await pages(alone.nodes[0].url)
    heard = []
    page.on("console", lambda message: heard.append(message.text))
    await page.evaluate("""(source) => {
        const script = document.createElement("script");
        Object.assign(script, { type: "module", textContent: source });
        document.head.append(script);
    }""", source)
    await eventually(lambda: told(heard, "watching on n1", "ada on n1", "{door: open}"))


async def told(heard, *lines):
    return set(lines) <= set(heard)


# Rooms


async def test_a_patch_that_went_missing_is_fetched(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    await page.evaluate("room.act({ set: { a: 1 } })")
    await holds(page, "room.version === 1")
    page.wire.to_page = lambda text: '["patch"' not in text
    await page.evaluate("room.act({ set: { b: 2 }, del: ['a'] })")
    page.wire.to_page = lambda text: True
    await page.evaluate("room.act({ set: { c: 3 } })")
    await holds(page, "room.version === 3")
    assert await page.evaluate("room.state") == {"b": 2, "c": 3}
    assert [text for text in page.wire.sent if '"since"' in text][-1].endswith('"version":1}}]')


async def test_a_room_that_begins_anew_replaces_what_was_known(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    await page.evaluate("room.act({ set: { old: 1 } }).then(() => room.act({ set: { older: 1 } }))")
    await holds(page, "room.version === 2")
    epoch = await page.evaluate("room.epoch")
    await page.evaluate("window.changes = [], void room.on('change', ({ del, snapshot }) => changes.push([del, snapshot]))")
    room = f"rejoin:room:{{{name}}}"
    assert alone.redis.command("DEL", room, room + ":log", room + ":acts") == "3"
    await page.evaluate("room.act({ set: { young: 1 } })")
    await holds(page, "'young' in room.state")
    assert await page.evaluate("room.state") == {"young": 1}
    assert await page.evaluate("room.epoch") != epoch
    deleted, is_snapshot = await page.evaluate("changes.find(([del]) => del.length)")
    assert sorted(deleted) == ["old", "older"] and is_snapshot


async def test_a_room_that_was_left_tells_nothing_more_and_can_be_joined_again(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    assert await page.evaluate("""async (name) => {
        const before = room, heard = [];
        await before.act({ set: { a: 1 } });
        before.on("change", () => heard.push("change"));
        const pending = code(before.act({ set: { a: 2 } }));
        const leaving = before.leave();
        await inRoom(name);
        await leaving;
        const version = await room.act({ set: { b: 1 } });
        if (room.version < version) await next(room, "change", () => room.version >= version);
        return [before === room, await pending, await code(before.act({ set: { c: 1 } })), heard, before.joined,
          "b" in room.state];
    }""", name) == [False, "not_joined", "not_joined", [], False, True]


async def test_what_a_listener_throws_stops_nothing_but_itself(alone, pages, browsers, name):  # noqa: F811
    context = await browsers()
    page = await pages(alone.nodes[0].url, context)
    # Reported as the page's errors are, and not as one of this test.
    await page.evaluate("window.reports = [], void (reportError = (error) => reports.push(error.message))")
    await page.evaluate("""async ([name, password]) => {
        const { connect } = await import("/rejoin.js");
        window.tokens = [];
        const onToken = (token) => { tokens.push(token); throw new Error("storage is full"); };
        window.client = connect({ token: null, onToken });
        client.on("session", () => { throw new Error("first listener"); });
        await next(client, "session");
        await lately(client.register(name, password), "register");
        window.room = client.room(name);
        room.on("change", () => { throw new Error("change listener"); });
        await lately(room.act({ set: { a: 1 } }), "act");
        if (!room.state.a) await next(room, "change");
    }""", [name, PASSWORD])
    assert await page.evaluate("room.state") == {"a": 1}
    assert set(await page.evaluate("reports")) == {"storage is full", "first listener", "change listener"}
    assert page.wire.count == 1


async def test_a_cast_goes_to_the_others_and_does_not_wait_for_a_connection(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    other = await pages(alone.nodes[0].url)
    await other.evaluate("""async (name) => {
        await begin();
        await inRoom(name);
        window.heard = next(room, "cast");
    }""", name)
    await page.evaluate("room.cast({ wave: true })")
    cast = await other.evaluate("heard")
    assert cast["data"] == {"wave": True} and cast["by"]["name"] == name
    page.wire.open = False
    await page.wire.cut()
    assert await page.evaluate("code(room.cast(1))") == "disconnected"


async def test_presence_is_a_list_at_first_and_then_what_changed(alone, pages, name):
    url = alone.nodes[0].url
    page = await player(await pages(url), name)
    shown = "[[...room.players.values()].map(({ id, name, online }) => [name, online]), room.total, room.watchers]"
    mine = await page.evaluate("client.session.user.name")

    async def shows(players, total, watchers):
        async def said():
            found = await page.evaluate(shown)
            return [sorted(found[0]), *found[1:]] == [sorted(players), total, watchers]

        await eventually(said)

    await shows([[mine, True]], 1, 0)
    other = await pages(url)
    await other.evaluate("async (name) => { await begin(); await inRoom(name); }", name)
    await shows([[mine, True]], 1, 1)
    await other.evaluate("([name, password]) => client.register(name, password)", [f"{name[:40]}-2", PASSWORD])
    await shows([[mine, True], [f"{name[:40]}-2", True]], 2, 0)
    await other.close()
    await shows([[mine, True], [f"{name[:40]}-2", False]], 2, 0)


async def test_a_room_that_cannot_be_joined_rejects_what_waits_for_it(alone, pages, name):
    page = await player(await pages(alone.nodes[0].url), name)
    assert await page.evaluate("""async () => {
        const refused = client.room("no such name");
        const error = next(refused, "error");
        return [await lately(code(refused.act({ set: { a: 1 } })), "act"), (await error).code];
    }""") == ["bad_request", "bad_request"]


# Sessions


async def test_a_login_in_one_tab_makes_the_other_one_a_player_and_so_does_its_end(alone, pages, browsers, name):  # noqa: F811
    context = await browsers()
    page, other = await pages(alone.nodes[0].url, context), await pages(alone.nodes[0].url, context)
    await page.evaluate("begin()")
    await other.evaluate("begin()")
    await page.evaluate("([name, password]) => client.register(name, password)", [name, PASSWORD])
    await holds(other, "client.session.login && client.connection.status === 'connected'")
    assert ["session", "refresh"] in await other.evaluate("said")
    await other.evaluate("client.logout()")
    await holds(page, "!client.session.login")
    assert await page.evaluate("client.connection.status") == "connected"


async def test_a_token_is_the_session_in_the_next_start_too(alone, pages, name):
    page = await pages(alone.nodes[0].url)
    token = await page.evaluate("""async ([name, password]) => {
        let token;
        await begin({ token: null, onToken: (given) => (token = given) });
        const first = token;
        const user = await client.register(name, password);
        return first !== token && user.name === name && token === client.token ? token : null;
    }""", [name, PASSWORD])
    assert token
    assert not [cookie for cookie in await page.context.cookies() if cookie["value"] == token]
    other = await pages(alone.nodes[0].url)
    assert await other.evaluate("async (token) => (await begin({ token })).session.user.name", token) == name
    await page.wire.cut()
    await holds(page, "client.connection.status === 'connected' && client.session.login")


async def test_the_ticket_is_claimed_again_when_the_first_claim_met_a_node_in_trouble(alone, pages, name):
    page = await pages(alone.nodes[0].url)
    claims = []

    async def claim(route):
        claims.append(route.request)
        await (route.fulfill(status=503) if len(claims) == 1 else route.continue_())

    await page.route("**/session/claim", claim)
    await player(page, name)
    assert len(claims) == 2
    await page.goto(alone.nodes[0].url + "/healthz")
    assert await page.evaluate("begin().then(() => client.session.login)")


async def test_a_login_whose_ticket_cannot_be_claimed_says_that_it_is_for_this_connection_only(alone, pages, name):
    page = await pages(alone.nodes[0].url)
    await page.route("**/session/claim", lambda route: route.fulfill(status=410))
    await player(page, name)
    assert ["error", "not_claimed"] in await page.evaluate("said")
    assert await page.evaluate("room.act({ set: { a: 1 } })") == 1


async def test_a_login_that_was_under_way_when_the_connection_was_lost_is_not_repeated(alone, pages, name):
    page = await pages(alone.nodes[0].url)
    await page.evaluate("begin()")
    page.wire.to_server = lambda text: '"login"' not in text
    await page.evaluate("void (window.login = code(client.login('somebody', 'a password of theirs')))")
    await holds(page, "true")
    await page.wire.cut()
    assert await page.evaluate("lately(login, 'login')") == "disconnected"
    page.wire.to_server = lambda text: True
    await holds(page, "client.connection.status === 'connected'")
    assert len([text for text in page.wire.sent if '"login"' in text]) == 1


# The files


def test_the_client_is_small():
    assert len(gzip.compress((WEB / "rejoin.js").read_bytes(), 9)) < 6_000


def members(text, kind):
    """Public members by class or interface."""
    found = {}
    for match in re.finditer(rf"^(?:export )?{kind} (\w+)[^{{]*{{\n(.*?)^}}", text, re.M | re.S):
        lines = [line.strip() for line in re.findall(r"^  (?! |#|/|\*|static|}|constructor).*", match[2], re.M)]
        names = [re.match(r"(?:readonly |async )?(?!async )(\w+)\??(?=[(:;= ])", line) for line in lines]
        found[match[1]] = {name[1] for name in names if name}
    return found


def test_the_types_name_each_public_member_of_the_client_and_nothing_else():
    code, types = (WEB / "rejoin.js").read_text(), (WEB / "rejoin.d.ts").read_text()
    assert set(re.findall(r"^export (?:class|const|function) (\w+)", code, re.M)) == set(
        re.findall(r"^export (?:declare )?(?:class|const|function) (\w+)", types, re.M))
    classes, interfaces = members(code, "class"), members(types, "(?:declare )?(?:interface|class)")
    # What a room has for the client alone.
    classes["Room"] -= {"join", "away", "patch", "snapshot", "presence", "fail"}
    classes["Room"] |= {"name"}  # its constructor's
    for each in ("Client", "Room"):
        assert classes[each] | {"on"} == interfaces[each]
