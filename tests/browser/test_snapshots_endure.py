"""Two hundred starts of a kernel that has a snapshot, with all that can happen to it in between.

No start may be lost, and no answer wrong, whatever a worker, a tab or the disk did the time before.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error as PlaywrightError

from tests.browser.test_snapshots_in_chromium import DAMAGE, FOLDER, KEPT, NOT_KEPT, NOT_USED, RESTORED, Watched

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROUNDS = 200
FULL = 1_000_000
"""Bytes of a disk on which no snapshot fits."""
REMOVE = f"""async () => {{
  await (await navigator.storage.getDirectory()).removeEntry('{FOLDER}', {{ recursive: true }});
}}"""
ALIVE = "async () => { try { return (await liteEnv.execute('1')).status === 'ok' } catch { return false } }"


class Endurance:
    """A profile with one tab that stays and others that come and go; what came of its starts."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.chance = random.Random(2026)  # noqa: S311 - the same rounds each time
        self.tab = Watched(context)
        self.came: Counter[str] = Counter()
        self.drawn: list[str] = []

    def ask(self, tab: Watched, shown: str = "") -> None:
        """Hold an answer against what Python says here; what is drawn is never drawn again.

        Args:
            tab: whose kernel is asked.
            shown: the one problem that the page may show.
        """
        count = self.chance.randrange(10, 2000)
        total, *drawn = tab.text(
            "import numpy, random, uuid\n"
            f"print(int((numpy.arange({count}, dtype='int64') ** 2).sum()), random.random(), uuid.uuid4())"
        ).split()
        assert int(total) == sum(number**2 for number in range(count))
        assert set(tab.problems()) <= {shown}
        self.drawn += drawn
        self.came["restored" if tab.said(RESTORED) else "started"] += 1

    def reload(self) -> None:
        self.tab.again()
        self.ask(self.tab)

    def restart(self) -> None:
        self.tab.log.clear()
        self.tab.page.get_by_role("button", name="Restart").click()
        self.tab.page.wait_for_function(ALIVE)
        self.ask(self.tab)

    def leave_in_the_middle(self) -> None:
        """The worker ends wherever its start is."""
        self.tab.page.goto(self.url, wait_until="commit")
        self.tab.page.wait_for_timeout(self.chance.randrange(0, 1500))
        self.reload()

    def crash(self) -> None:
        """The whole process of the tab ends."""
        self.tab.page.goto(self.url, wait_until="commit")
        self.tab.page.wait_for_timeout(self.chance.randrange(0, 1500))
        gone = self.tab
        self.tab = Watched(self.context)
        with suppress(PlaywrightError):  # Nobody is there to answer.
            gone.page.goto("chrome://crash", wait_until="commit", timeout=2000)
        gone.page.close()
        self.tab.open(self.url)
        self.ask(self.tab)

    def damage(self) -> None:
        self.tab.page.evaluate(DAMAGE)
        self.tab.again()
        assert self.tab.said(NOT_USED)
        self.ask(self.tab)

    def fill_the_disk(self) -> None:
        session = self.context.new_cdp_session(self.tab.page)
        origin = self.url.rstrip("/")
        self.tab.page.evaluate(REMOVE)
        session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": FULL})
        self.tab.again()
        self.tab.wait_for(NOT_KEPT)
        self.ask(self.tab, shown="StorageRefused")
        session.send("Storage.overrideQuotaForOrigin", {"origin": origin})

    def use_two_tabs(self) -> None:
        other = Watched(self.context)
        other.page.goto(self.url, wait_until="commit")
        self.tab.log.clear()
        self.tab.page.reload(wait_until="commit")
        for tab in (other, self.tab):
            tab.ready()
            self.ask(tab)
        other.page.close()

    def rest(self) -> None:
        """Where there is no snapshot now, let one be made."""
        if not self.tab.said(RESTORED):
            self.tab.again()
            self.tab.until(lambda: self.tab.said(RESTORED) or self.tab.said(KEPT))


def test_two_hundred_starts_without_a_wrong_answer(context, serve, numpy_site):
    url = serve(numpy_site).url
    enduring = Endurance(context, url)
    enduring.tab.open(url)
    enduring.tab.wait_for(KEPT)
    ways = [
        *[enduring.reload] * 6,
        *[enduring.restart] * 3,
        *[enduring.leave_in_the_middle] * 4,
        *[enduring.crash] * 2,
        *[enduring.damage] * 2,
        enduring.fill_the_disk,
        *[enduring.use_two_tabs] * 2,
    ]
    while enduring.came.total() < ROUNDS:
        way = enduring.chance.choice(ways)
        print(f"{enduring.came.total()}: {way.__name__}")
        way()
        enduring.rest()
    print(dict(enduring.came))
    assert len(set(enduring.drawn)) == len(enduring.drawn)
    assert enduring.came["restored"] > ROUNDS / 2
