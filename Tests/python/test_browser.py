"""The demo game in a real browser, behind the real load balancer."""

import re

from playwright.async_api import expect

from browser import balancer, browsers  # noqa: F401
from cluster import PASSWORD

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
