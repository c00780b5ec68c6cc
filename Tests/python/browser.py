"""Debian's Chromium for the tests, and what stands between a page and its node."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from balancer import Balancer
from cluster import eventually

CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium"))


@pytest.fixture
def balancer(cluster, tmp_path):
    balancer = Balancer(tmp_path, cluster.nodes)
    yield balancer
    balancer.stop()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """Where a Chromium listens that all tests of a module share: to start one takes longer than most of them."""
    assert CHROMIUM, "chromium is missing: install Debian's package chromium"
    folder = tmp_path_factory.mktemp("chromium")
    log = folder / "log"
    process = subprocess.Popen(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
         "--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={folder}/profile", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=log.open("w"), start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while not (found := re.search(r"DevTools listening on (ws://\S+)", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield found[1]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest_asyncio.fixture
async def browsers(chromium):
    """Makes browsers that know nothing of each other; no page of theirs may have logged an error of its own."""
    problems = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium)
        contexts = []

        async def make(**options):
            context = await browser.new_context(**options)
            contexts.append(context)
            context.on("weberror", lambda error: problems.append(str(error.error)))
            context.on("console", lambda message: problems.append(message.text) if is_ours(message) else None)
            return context

        yield make
        for context in contexts:
            await context.close()
    assert problems == []


def is_ours(message):
    """A connection that is lost is the browser's to log, and what the tests are about."""
    return message.type in ("error", "warning") and not re.search("WebSocket|net::ERR_|Failed to load", message.text)


async def holds(page, condition):
    """As `wait_for_function`, which evaluates text in the page, as its content security policy forbids."""
    await eventually(lambda: page.evaluate(condition))


class Wire:
    """The WebSockets of a page, with what passes through them in the test's hands."""

    def __init__(self):
        self.open = True
        self.count = 0
        self.sent, self.heard = [], []
        # Each is given a text, and tells whether it passes.
        self.to_server = self.to_page = lambda text: True
        self._page = None

    @classmethod
    async def of(cls, page):
        wire = cls()
        await page.route_web_socket(re.compile("/socket.io/"), wire._opened)
        return wire

    async def _opened(self, page):
        self.count += 1
        if not self.open:
            return await page.close()
        self._page = page
        server = page.connect_to_server()

        def up(text):
            self.sent.append(text)
            if self.to_server(text):
                server.send(text)

        def down(text):
            self.heard.append(text)
            if self.to_page(text):
                page.send(text)

        page.on_message(up)
        server.on_message(down)

    def say(self, text):
        """As if the node had said it."""
        self._page.send(text)

    async def cut(self):
        await self._page.close()
