"""Clients that are told by presence who is in a room."""

import asyncio
import itertools
import time

from cluster import PASSWORD, Player

numbers = itertools.count(1)


class Guest(Player):
    """A client that keeps what presence told it, and complains of what no client may be told."""

    def __init__(self):
        self.known, self.total, self.watchers, self.fulls, self.deltas = None, None, None, 0, []
        # What was known at which time.
        self.course = []
        super().__init__()
        self.client.on("presence", self.presence)

    async def presence(self, body):
        async with self.arrived:
            if "players" in body:
                self.known = {player["id"]: player for player in body["players"]}
                assert len(self.known) == len(body["players"]) <= 200
                self.fulls += 1
            else:
                assert self.known is not None, "a change came before who was here"
                self.deltas.append(time.monotonic())
                for player in body["set"]:
                    self.known[player["id"]] = player
                for user in body["del"]:
                    self.known.pop(user, None)
            self.total, self.watchers = body["total"], body["watchers"]
            self.course.append((time.monotonic(), self.here[0]))
            self.arrived.notify_all()

    @property
    def here(self):
        """Names and whether they are online, and the number of watchers."""
        return {player["name"]: player["online"] for player in (self.known or {}).values()}, self.watchers

    def saw(self, name, since=0):
        """What a user was, change by change: online or not, or None where it was not listed."""
        seen = []
        for at, players in self.course:
            if at >= since and (not seen or seen[-1] != players.get(name)):
                seen.append(players.get(name))
        return seen

    async def sees(self, players, watchers, timeout=5):
        try:
            async with asyncio.timeout(timeout), self.arrived:
                while self.here != (players, watchers) or self.total != len(players):
                    await self.arrived.wait()
        except TimeoutError:
            raise AssertionError(f"sees {self.here} of {self.total}, expected {players}, {watchers}") from None


async def log_in(guest, name):
    account = {"username": name, "password": PASSWORD}
    answer = await guest.call("register", account)
    if not answer["ok"]:
        answer = await guest.call("login", account)
    assert answer["ok"], answer
    guest.token = answer["token"]


def unique(name):
    return f"{name}{next(numbers)}"
