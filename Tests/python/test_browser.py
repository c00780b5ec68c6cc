"""The demo game in a real browser, behind the real load balancer."""

import json
import re

from playwright.async_api import expect

from browser import Wire, balancer, browsers, chromium  # noqa: F401
from cluster import PASSWORD, eventually

NAME = "Ada"


async def watching(context, url):
    page = await context.new_page()
    await page.goto(url)
    await expect(page.locator("#connection-text")).to_have_text(re.compile("Live on n"))
    return page


async def node_of(page):
    await expect(page.locator("#connection-text")).to_have_text(re.compile("Live on n"))
    return (await page.locator("#connection-text").text_content()).removeprefix("Live on ")


def row(page, name):
    return page.locator("#players li").filter(has=page.get_by_text(name, exact=True))


async def join(page, name=NAME, password=PASSWORD, account="New here"):
    await page.get_by_role("button", name="Join the game").click()
    await page.get_by_text(account).click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.locator("#submit").click()


async def plays(page, name=NAME):
    await expect(page.locator("#me-name")).to_have_text(name)
    await expect(page.locator("#banner")).to_be_hidden()
    await expect(row(page, name)).to_contain_text("you")


async def watches(page):
    await expect(page.get_by_role("button", name="Join the game")).to_be_visible()
    await expect(page.locator("#me")).to_be_hidden()


async def walk(page, milliseconds):
    """Round in a square, each key held that long. Returns the score when the server has answered every step."""
    await page.locator("#board").focus()
    for key in ("ArrowRight", "s", "ArrowLeft", "w"):
        await page.keyboard.press(key, delay=milliseconds)
    return await settled(page)


async def settled(page):
    await expect(page.locator("#board")).to_have_attribute("aria-busy", "false")
    return int(await page.locator("#me-score").text_content())


async def sees(page, name, score):
    await expect(row(page, name).locator(".score")).to_have_text(str(score))


async def test_a_browser_watches_registers_plays_loses_its_node_and_plays_on_until_it_logs_out(
        cluster, balancer, browsers):  # noqa: F811
    ada, other = await browsers(), await browsers()
    page = await watching(ada, balancer.url)
    await watches(page)
    audience = await watching(other, balancer.url)
    for _ in range(6):
        if await node_of(audience) != await node_of(page):
            break
        await audience.get_by_role("button", name="another node").click()
        await expect(audience.get_by_role("button", name="another node")).to_be_enabled()
    assert await node_of(audience) != await node_of(page)

    await join(page)
    await plays(page)
    before = await walk(page, 300)
    assert before >= 3, "at least two neighbours were walked on, and the first tile"
    await sees(audience, NAME, before)
    await watches(audience)

    second = await watching(ada, balancer.url)
    await plays(second)

    lost = await node_of(page)
    next(node for node in cluster.nodes if node.name == lost).kill()
    await expect(page.locator("#toasts")).to_contain_text("Same session, now on", timeout=10_000)
    assert await node_of(page) != lost
    await plays(page)
    await expect(page.locator("#me-score")).to_have_text(str(before))
    after = await walk(page, 700)
    assert after > before
    await sees(audience, NAME, after)

    await page.reload()
    await plays(page)
    await expect(page.locator("#me-score")).to_have_text(str(after))

    await page.get_by_role("button", name="Log out", exact=True).click()
    for tab in (page, second):
        await watches(tab)
    await page.reload()
    await watches(page)
    await join(page, account="I have an account")
    await plays(page)
    await expect(page.locator("#me-score")).to_have_text(str(after))


async def test_a_name_is_text_on_every_page(cluster, balancer, browsers):  # noqa: F811
    name = "<img src=x>&amp;"
    page = await watching(await browsers(), balancer.url)
    await join(page, name=name)
    await plays(page, name)
    audience = await watching(await browsers(), balancer.url)
    await expect(row(audience, name)).to_be_visible()
    assert await audience.locator("#players img").count() == 0


async def test_a_wrong_password_is_said_on_the_page_and_the_visitor_goes_on_watching(cluster, balancer, browsers):  # noqa: F811
    page = await watching(await browsers(), balancer.url)
    await join(page, account="I have an account", password="not the password")
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await page.keyboard.press("Escape")
    await watches(page)


async def test_a_phone_walks_by_its_pad_and_nothing_is_wider_than_the_screen(cluster, balancer, browsers):  # noqa: F811
    phone = await browsers(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = await watching(phone, balancer.url)
    await join(page)
    await plays(page)
    before = await settled(page)
    for button in ("Right", "Left", "Down", "Up"):
        await page.get_by_role("button", name=button, exact=True).tap()
    await expect(page.locator("#me-score")).not_to_have_text(str(before))
    assert await settled(page) > before
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def wired(context, url):
    """A page that watches, and its wire."""
    page = await context.new_page()
    wire = await Wire.of(page)
    await page.goto(url)
    await expect(page.locator("#connection-text")).to_have_text(re.compile("Live on n"))
    return page, wire


async def test_who_is_away_is_told_and_how_many_watch(cluster, players, browsers):
    bob = players()
    await bob.connect(cluster.nodes[0])
    user = (await bob.call("register", {"username": "Bob", "password": PASSWORD}))["user"]["id"]
    await bob.call("join", {"room": "arena"})
    assert (await bob.call("act", {"room": "arena", "id": "1", "action": {"type": "enter"}}))["ok"]
    page, wire = await wired(await browsers(), cluster.nodes[1].url)
    await expect(row(page, "Bob")).not_to_contain_text("away")
    body = {"room": "arena", "players": [{"id": user, "name": "Bob", "online": False}], "total": 1, "watchers": 3}
    wire.say("42" + json.dumps(["presence", body]))
    await expect(row(page, "Bob")).to_contain_text("away")
    await expect(page.locator("#crowd")).to_have_text("0 online · 3 watching")
    body = {"room": "arena", "set": [{"id": user, "name": "Bob", "online": True}], "del": [], "total": 1, "watchers": 2}
    wire.say("42" + json.dumps(["presence", body]))
    await expect(row(page, "Bob")).not_to_contain_text("away")
    await expect(page.locator("#crowd")).to_have_text("1 online · 2 watching")
    # More than presence names: who is not named is not known to be away.
    body = {"room": "arena", "set": [{"id": "cyd", "name": "Cyd", "online": False}], "del": [user], "total": 300,
            "watchers": 2}
    wire.say("42" + json.dumps(["presence", body]))
    await expect(page.locator("#crowd")).to_have_text("299 online · 2 watching")
    await expect(row(page, "Bob")).not_to_contain_text("away")


async def test_the_list_has_the_best_and_says_how_many_more_there_are(cluster, browsers):
    page, wire = await wired(await browsers(), cluster.nodes[0].url)
    await expect(page.locator("#crowd")).to_have_text("0 online · 1 watching")
    players = {f"@u{n}/player": {"name": f"Player {n}", "color": "#e69f00", "x": n, "y": 0, "score": n, "seen": 1}
               for n in range(1, 8)}
    state = {"room": "arena", "epoch": "e", "version": 100, "state": players}
    wire.say("42" + json.dumps(["state", state]))
    await expect(page.locator("#players li")).to_have_count(7)
    await expect(page.locator("#more")).to_be_hidden()
    for n in range(8, 12):  # The last place is that of the line.
        players[f"@u{n}/player"] = players["@u1/player"] | {"name": f"Player {n}", "score": n}
    wire.say("42" + json.dumps(["state", state | {"version": 101}]))
    await expect(page.locator("#more")).to_have_text("and 4 more")
    await expect(page.locator("#players li")).to_have_count(7)


async def test_who_lost_the_place_in_a_full_arena_takes_it_back_by_walking_only(cluster, browsers):
    page, wire = await wired(await browsers(), cluster.nodes[0].url)
    await join(page)
    await plays(page)
    await walk(page, 50)
    patch = json.loads([text for text in wire.heard if text.startswith('42["patch"')][-1][2:])[1]
    own = next(field for field in patch["set"] if field.startswith("@"))

    def entries():
        return len([text for text in wire.sent if '"enter"' in text])

    assert entries() == 1
    wire.say("42" + json.dumps(["patch", {
        "room": "arena", "epoch": patch["epoch"], "from": patch["version"], "version": patch["version"] + 1,
        "set": {}, "del": [own]}]))
    await expect(page.locator("#toasts")).to_contain_text("Walk to come back")
    await expect(row(page, NAME)).to_have_count(0)
    assert entries() == 1
    await page.keyboard.press("ArrowLeft")
    await eventually(lambda: entered(entries))


async def entered(entries):
    return entries() == 2


async def test_the_board_is_busy_from_the_key_on_until_its_step_is_answered(cluster, browsers):
    page, wire = await wired(await browsers(), cluster.nodes[0].url)
    await join(page)
    await plays(page)
    before = await settled(page)
    busy = await page.evaluate("""() => {
        for (const type of ["keydown", "keyup"]) dispatchEvent(new KeyboardEvent(type, { code: "ArrowRight" }));
        return document.getElementById("board").ariaBusy;
    }""")
    assert busy == "true"
    assert await settled(page) == before + 1
    assert len([text for text in wire.sent if '"move"' in text]) == 1


def acked(wire, request):
    """The acknowledgement's beginning for a request like `42…`."""
    return "43" + request[2:request.index("[")]


async def test_a_step_of_an_epoch_that_is_over_is_not_waited_for(cluster, browsers):
    page, wire = await wired(await browsers(), cluster.nodes[0].url)
    await join(page)
    await plays(page)
    await settled(page)
    wire.to_page = lambda text: not text.startswith('42["patch"')
    wire.heard.clear()
    await page.keyboard.press("ArrowRight")
    patch = json.loads((await eventually(lambda: first(wire.heard, '42["patch"')))[2:])[1]
    await eventually(lambda: first(wire.heard, "43"))
    await expect(page.locator("#board")).to_have_attribute("aria-busy", "true")
    own = {field: value for field, value in patch["set"].items() if field.startswith("@")}
    wire.say("42" + json.dumps(["state", {"room": "arena", "epoch": "another", "version": 1, "state": own}]))
    await expect(page.locator("#board")).to_have_attribute("aria-busy", "false")


async def first(texts, beginning):
    return next((text for text in texts if text.startswith(beginning)), None)


async def test_who_could_not_enter_tries_again_by_walking(cluster, browsers):
    page, wire = await wired(await browsers(), cluster.nodes[0].url)
    refused = []

    def refuse(text):
        if '"enter"' not in text or refused:
            return True
        refused.append(text)
        wire.say(acked(wire, text) + '[{"ok":false,"error":"conflict","message":"others were faster"}]')
        return False

    wire.to_server = refuse
    await join(page)
    await expect(page.locator("#toasts")).to_contain_text("Others were faster.")
    await expect(row(page, NAME)).to_have_count(0)
    await page.locator("#board").focus()
    await page.keyboard.press("ArrowRight")
    await plays(page)


async def test_a_login_in_a_tab_on_another_board_makes_this_one_play(cluster, players, browsers):
    bob = players()
    await bob.connect(cluster.nodes[0])
    await bob.call("register", {"username": "Bob", "password": PASSWORD})
    await bob.call("join", {"room": "arena"})
    assert (await bob.call("act", {"room": "arena", "id": "1", "action": {"type": "enter"}}))["ok"]
    browser = await browsers()
    page = await watching(browser, cluster.nodes[0].url)
    await expect(row(page, "Bob")).to_be_visible()
    other = await watching(browser, cluster.nodes[1].url + "/?room=arena:other")
    await join(other)
    await plays(other)
    await plays(page)


async def test_a_small_phone_has_targets_that_a_thumb_can_hit(cluster, browsers):
    for width, height in [(390, 844), (360, 640)]:
        phone = await browsers(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True)
        page = await watching(phone, cluster.nodes[0].url)
        small = """[...document.querySelectorAll("button, input:not([type=radio]), .choice span")]
            .filter((element) => element.checkVisibility() && element.getClientRects().length)
            .map((element) => [element.textContent.trim() || element.ariaLabel || element.name, element.getBoundingClientRect()])
            .filter(([, { width, height }]) => width < 44 || height < 44).map(([name]) => name)"""
        wide = "document.documentElement.scrollWidth > innerWidth"
        assert await page.evaluate(small) == [] and not await page.evaluate(wide)
        await page.get_by_role("button", name="Join the game").click()
        # The dialog grows into its place.
        await page.evaluate("""Promise.all(document.getAnimations()
            .filter((animation) => animation.effect.getComputedTiming().endTime < 10000)
            .map((animation) => animation.finished))""")
        assert await page.evaluate(small) == [] and not await page.evaluate(wide)
        await page.keyboard.press("Escape")
        await join(page, name=f"{NAME}{width}")
        await plays(page, f"{NAME}{width}")
        assert await page.evaluate(small) == [] and not await page.evaluate(wide)
