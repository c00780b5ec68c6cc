"""The demo game and the browser client in a real browser, behind the real load balancer."""

import gzip
import os
import pathlib
import re
import shutil

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from balancer import Balancer
from cluster import eventually

NAME, PASSWORD = "Ada", "correct horse battery"
WEB = pathlib.Path(__file__).parents[2] / "Sources/RejoinServer/Web"
CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium"))


@pytest.fixture
def balancer(cluster, tmp_path):
    balancer = Balancer(tmp_path, cluster.nodes)
    yield balancer
    balancer.stop()


@pytest_asyncio.fixture
async def browsers():
    """Makes browsers that know nothing of each other; no page of theirs may have logged an error of its own."""
    problems = []
    assert CHROMIUM, "chromium is missing: install Debian's package chromium"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])

        async def make(**options):
            context = await chromium.new_context(**options)
            context.on("weberror", lambda error: problems.append(str(error.error)))
            context.on("console", lambda message: problems.append(message.text) if is_ours(message) else None)
            return context

        yield make
        await chromium.close()
    assert problems == []


def is_ours(message):
    """A connection that is lost is the browser's to log, and what the tests are about."""
    return message.type in ("error", "warning") and not re.search("WebSocket|net::ERR_|Failed to load", message.text)


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


async def holds(page, condition):
    """As `wait_for_function`, which evaluates text in the page, as its content security policy forbids."""
    await eventually(lambda: page.evaluate(condition))


async def test_a_browser_watches_registers_plays_loses_its_node_and_plays_on_until_it_logs_out(
        cluster, balancer, browsers):
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


async def test_a_name_is_text_on_every_page(cluster, balancer, browsers):
    name = "<img src=x>&amp;"
    page = await watching(await browsers(), balancer.url)
    await join(page, name=name)
    await plays(page, name)
    audience = await watching(await browsers(), balancer.url)
    await expect(row(audience, name)).to_be_visible()
    assert await audience.locator("#players img").count() == 0


async def test_a_wrong_password_is_said_on_the_page_and_the_visitor_goes_on_watching(cluster, balancer, browsers):
    page = await watching(await browsers(), balancer.url)
    await join(page, account="I have an account", password="not the password")
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await page.keyboard.press("Escape")
    await watches(page)


async def test_a_phone_walks_by_its_pad_and_nothing_is_wider_than_the_screen(cluster, balancer, browsers):
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


async def test_acts_that_were_under_way_when_the_node_died_are_applied_once_and_in_order(cluster, balancer, browsers):
    page = await watching(await browsers(), balancer.url)
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
    }""", [NAME, PASSWORD])
    lost = await page.evaluate("client.session.node")
    await holds(page, "acts.length > 10")
    next(node for node in cluster.nodes if node.name == lost).kill()
    versions = await page.evaluate("playing.then(() => Promise.all(acts))")
    assert versions == list(range(1, 41))
    await holds(page, "room.version === 40")
    assert await page.evaluate("room.state") == {f"field{number}": number for number in range(40)}
    assert await page.evaluate("client.session.node") != lost


def test_the_client_is_small():
    assert len(gzip.compress((WEB / "rejoin.js").read_bytes(), 9)) < 6_000
