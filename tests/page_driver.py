"""Drives the page in a real browser, on a real server with a small drawn shop.

The tests of the page import the fixtures ``browser``, ``tabs``, ``shop``, ``visit`` and ``page``.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from indexer.sample.shop import SampleShop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PATIENCE_MS = 120_000  # until a test gives up; no test takes a part of that
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 740}

# Runs before the page's own scripts: what the tests cannot see from outside is written down.
WITNESS = """
window.seen = { violations: [], shift: 0, sent: [] };
document.addEventListener("securitypolicyviolation", (event) =>
  window.seen.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
new PerformanceObserver((list) => {
  for (const { hadRecentInput, value } of list.getEntries()) {
    if (!hadRecentInput) window.seen.shift += value;
  }
}).observe({ type: "layout-shift", buffered: true });
const asked = window.fetch;
window.fetch = (url, init) => {
  const asks = String(url).includes("/v1/search"); // and does not look for things in the photo
  if (asks && init?.body instanceof FormData) window.seen.sent.push(init.body);
  return asked(url, init);
};
"""

DROP = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  for (const event of ["dragenter", "dragover", "drop"]) {
    document.querySelector("main").dispatchEvent(
      new DragEvent(event, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }
}"""

PASTE = """(data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "image.png", { type: "image/png" }));
  document.body.dispatchEvent(
    new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: transfer }));
}"""


class Shop:
    """A drawn shop being served: where, and what is in it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        with (folder / "catalog.csv").open(encoding="utf-8", newline="") as file:
            self.items = list(csv.DictReader(file))

    def first_of(self, category: str) -> dict[str, str]:
        return next(item for item in self.items if category in item["categories"])

    def picture(self, item: dict[str, str]) -> Image.Image:
        with Image.open(self.folder / item["images"].split(";")[0]) as image:
            return image.convert("RGB")


@pytest.fixture(scope="module")
def shop(drawn_shop: SampleShop, drawn_index: Path) -> Iterator[Shop]:
    import uvicorn

    from service.http.app import create_app
    from service.http.server import listen, url_of
    from service.settings import Settings

    # The deadline is far, so that a slow machine does not refuse a photo.
    settings = Settings(shop=drawn_index, request_log=False, queue_deadline_s=120)
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        yield Shop(url_of(listener), drawn_shop.folder)
        server.should_exit = True
        thread.join(PATIENCE_MS / 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    # Module scope: while playwright is on, no other test of this thread may run an event loop.
    try:
        playwright = api.sync_playwright().start()
    except Exception as error:  # noqa: BLE001 - of any kind, such as a library that node lacks
        pytest.skip(f"the driver of playwright does not start: {error}")
    try:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        own = playwright.chromium.executable_path
        if found is None and not Path(own).exists():
            pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on PATH")
        launched = playwright.chromium.launch(
            executable_path=found or own, args=FLAGS, timeout=PATIENCE_MS
        )
        yield launched
        launched.close()
    finally:
        playwright.stop()


class Tab:
    """A page of a browser, which the tests of a file use in turn.

    A new page costs a process, and a new context reads all scripts again, which takes a second.
    ``noted`` holds the errors and warnings that the page logged in this test.
    """

    def __init__(self, browser: Browser, options: dict[str, object]) -> None:
        context = browser.new_context(reduced_motion="reduce", locale="en-GB", **options)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(WITNESS)
        self.page = context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.noted.append(str(error)))
        self.page.on("framenavigated", lambda frame: self._visited.add(frame.url))
        self.noted: list[str] = []
        self._visited: set[str] = set()

    def _note(self, message: ConsoleMessage) -> None:
        # A 4xx answer is logged by the browser itself, whatever the page makes of it.
        if message.type in ("error", "warning") and "Failed to load" not in message.text:
            self.noted.append(message.text)

    def clear(self) -> bool:
        """Leave the page as before a first visit: nothing stored, no routes, no permissions.

        Return False, with the context closed, if several hosts may have stored something.
        """
        context = self.page.context
        hosts = {"/".join(url.split("/")[:3]) for url in self._visited if url.startswith("http")}
        if len(hosts) != 1:
            context.close()
            return False
        for page in (page for page in context.pages if page is not self.page):
            page.close()
        for routed in (self.page, context):
            routed.unroute_all(behavior="ignoreErrors")
        context.clear_permissions()
        self.page.goto(f"{hosts.pop()}/livez")
        self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        self.page.mouse.move(0, 0)
        self.page.goto("about:blank")
        self.noted.clear()
        self._visited.clear()
        return True


class Tabs:
    """The tabs of a browser. A tab that a test has left is used by the next one."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[Tab]] = {}

    @contextlib.contextmanager
    def tab(self, **options: object) -> Iterator[Tab]:
        """Return a tab with these options of a browser context, until the block ends."""
        free = self._free.setdefault(repr(sorted(options.items())), [])
        tab = free.pop() if free else Tab(self._browser, options)
        yield tab
        if tab.clear():
            free.append(tab)


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


Visit = Callable[..., "Page"]


@pytest.fixture
def visit(tabs: Tabs, shop: Shop) -> Iterator[Visit]:
    """Opens the page; afterwards nothing may have been refused by the browser or gone wrong."""
    with contextlib.ExitStack() as stack:
        opened: list[Tab] = []

        def open_page(path: str = "/", *, viewport=DESKTOP, **options) -> Page:
            tab = stack.enter_context(tabs.tab(viewport=viewport, **options))
            tab.page.goto(shop.url + path)
            opened.append(tab)
            return tab.page

        yield open_page
        violations = [v for tab in opened for v in tab.page.evaluate("window.seen.violations")]
        assert violations == []
        assert [text for tab in opened for text in tab.noted] == []


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit()


def encoded(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def drop(page: Page, data: bytes, name: str = "photo.jpg", kind: str = "image/jpeg") -> None:
    page.evaluate(DROP, [name, kind, base64.b64encode(data).decode()])


def settled(page: Page) -> None:
    """Wait until the answer to the newest question stands in the grid."""
    page.wait_for_selector("#grid:not([aria-busy]) .card:not(.skeleton)")


def hits(page: Page) -> list[str]:
    return page.eval_on_selector_all("#grid .card", "cards => cards.map((c) => c.dataset.item)")


def answer(page: Page, act: Callable[[], object]) -> dict:
    """Do something that asks a question; its reply, once it is drawn."""
    with page.expect_response(_answers) as caught:
        act()
    reply = caught.value.json()
    settled(page) if reply.get("hits") else page.wait_for_selector("#notice")
    return reply


def _answers(response: Response) -> bool:
    """Return True if it answers a question, and is not about the variants of a product."""
    body = response.request.post_data_buffer or b""
    return "/v1/search" in response.url and b'"group":"item"' not in body


def sent(page: Page, field: str) -> str:
    """A field of the newest upload."""
    return page.evaluate("name => window.seen.sent.at(-1).get(name)", field)


def photo_of(shop: Shop, item: dict[str, str]) -> bytes:
    return encoded(shop.picture(item), quality=85)


def two_things(shop: Shop) -> tuple[dict[str, str], dict[str, str], bytes]:
    """A photo with one item in its left half and another in its right half."""
    left, right = shop.first_of("Teapots"), shop.first_of("Hoodies")
    side = 480
    image = Image.new("RGB", (2 * side, side))
    for place, item in enumerate((left, right)):
        image.paste(shop.picture(item).resize((side, side)), (place * side, 0))
    return left, right, encoded(image, quality=92)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the photo; both points are shares of its width and height."""
    area = page.locator(".frame").bounding_box()
    points = [
        (area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (start, end)
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=6)
    page.mouse.up()


def drop_whole(page: Page, data: bytes) -> dict:
    """Drop a photo, and search with all of it, not with the thing that the page chooses."""
    reply = answer(page, lambda: drop(page, data))
    if reply["cropped"] is None:
        return reply
    return answer(page, page.get_by_role("button", name="Whole photo").click)


def crop_words(page: Page) -> str:
    return page.locator(".crop").get_attribute("aria-label")


def opened(page: Page, item_id: str) -> None:
    """Wait until the panel shows that item."""
    says = "id => document.getElementById('details')?.innerText.includes(id)"
    page.wait_for_function(says, arg=item_id)


def no_wider_than_the_screen(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def before_the_cut(page: Page) -> list[str]:
    """The items above the heading "Also similar"."""
    return page.evaluate("""() => {
      const shown = [...document.querySelectorAll("#grid > li")];
      const cut = shown.findIndex((entry) => entry.matches(".cut"));
      return shown.slice(0, cut).map((entry) => entry.dataset.item);
    }""")
