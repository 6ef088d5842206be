"""Time the shopper's page in Chromium, on a served shop.

    python scripts/bench_page.py http://127.0.0.1:8000/ --photo photo.jpg --words mug

Prints, for a phone and a desk:

* how long after an input (a photo that was chosen, words that were sent) the picture of the first
  hit is painted, and what of that is the search itself: from its request to the end of its reply.
  The rest is the page's own time;
* when the start page can be used and when all of it has come, on a line of 600 ms and 1.6 Mbit/s,
  with what it loads and how much it moves.

Needs playwright (in the extra ``dev``) and Chromium. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 860}}
LATENCY_MS, DOWN, UP = 600, 1.6e6 / 8, 0.75e6 / 8  # bytes a second

# Runs before the page's own scripts. The first hit is painted in the frame after the one in which
# its picture is decoded.
WATCH = """
window.timing = { input: 0, painted: 0, shift: 0 };
for (const name of ["change", "submit"])
  addEventListener(name, () => {
    performance.clearResourceTimings();
    Object.assign(window.timing, { input: performance.now(), painted: 0, seen: null });
  }, true);
new PerformanceObserver((list) => {
  for (const { hadRecentInput, value } of list.getEntries())
    if (!hadRecentInput) window.timing.shift += value;
}).observe({ type: "layout-shift", buffered: true });
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  const { timing } = window;
  const picture = document.querySelector("#grid .card:not(.skeleton) .picture img");
  if (!timing.input || !picture || timing.seen === picture) return;
  timing.seen = picture;
  picture.decode().catch(() => {}).then(() =>
    requestAnimationFrame(() => requestAnimationFrame(() => (timing.painted = performance.now()))));
}).observe(document.body, { subtree: true, childList: true }));
"""
TOLD = """() => {
  const files = performance.getEntriesByType("resource");
  const asked = files.find(({ name }) => name.includes("/v1/search"));
  return [window.timing.input, asked.startTime, asked.responseEnd, window.timing.painted];
}"""


class Answered(NamedTuple):
    """Milliseconds from an input to the request, of the search, and to the painted first hit."""

    before: float
    search: float
    after: float

    @property
    def page(self) -> float:
        """Everything but the search."""
        return self.before + self.after


def first_hit(page: Page, url: str, act: Callable[[], object]) -> Answered:
    """Time one answer, from a start page that has come to rest."""
    page.goto(url)
    page.wait_for_selector("#tries-list img")
    page.wait_for_load_state("networkidle")
    act()
    page.wait_for_function("() => window.timing.painted > window.timing.input")
    given, asked, answered, painted = page.evaluate(TOLD)
    return Answered(asked - given, answered - asked, painted - answered)


def tell_first_hits(browser: Browser, url: str, photo: Path, words: str, rounds: int) -> None:
    """Print the medians of each input and screen."""
    print("input, screen     before  search  after  page's own (median ms, largest page's own)")
    for size, viewport in SIZES.items():
        page = browser.new_page(viewport=viewport, reduced_motion="reduce")
        page.add_init_script(WATCH)

        def show_photo(page: Page = page) -> None:
            page.set_input_files("#file", photo)

        def send_words(page: Page = page) -> None:
            page.fill("#text", words)
            page.press("#text", "Enter")

        for name, act in (("photo", show_photo), ("words", send_words)):
            found = [first_hit(page, url, act) for _ in range(rounds)]
            parts = [median(getattr(one, part) for one in found) for part in Answered._fields]
            own = [one.page for one in found]
            told = "".join(f"{part:8.0f}" for part in (*parts, median(own), max(own)))
            print(f"{name + ', ' + size:16}{told}")
        page.close()


def tell_slow_line(browser: Browser, url: str) -> None:
    """Print when the start page can be used and is complete on a slow line, at a first visit."""
    context = browser.new_context(viewport=SIZES["phone"])
    page = context.new_page()
    page.add_init_script(WATCH)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    line = {"latency": LATENCY_MS, "downloadThroughput": DOWN, "uploadThroughput": UP}
    session.send("Network.emulateNetworkConditions", {"offline": False, **line})
    page.goto(url, wait_until="commit")
    page.wait_for_selector("#tries-list .card:not(.skeleton)")  # so its scripts have run
    usable = page.evaluate(
        "() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    )
    page.wait_for_load_state("networkidle")
    files = page.evaluate(
        "() => ['resource', 'navigation'].flatMap((type) => performance.getEntriesByType(type))"
        ".map((file) => [file.responseEnd, file.transferSize])"
    )
    print(
        f"slow line: a photo can be chosen after {usable / 1000:.1f} s, complete after "
        f"{max(end for end, _ in files) / 1000:.1f} s, {len(files)} files, "
        f"{sum(size for _, size in files) / 1000:.0f} kB, layout shift "
        f"{page.evaluate('window.timing.shift'):.3f}"
    )
    context.close()


def main() -> int:
    """Time the page."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--words", required=True, help="words that find products of the shop")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        tell_first_hits(browser, asked.url, asked.photo, asked.words, asked.rounds)
        tell_slow_line(browser, asked.url)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
