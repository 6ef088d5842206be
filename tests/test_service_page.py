"""The page in a real browser, on a real server with a small drawn shop."""

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
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

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
    with api.sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        own = playwright.chromium.executable_path
        if found is None and not Path(own).exists():
            pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on PATH")
        launched = playwright.chromium.launch(
            executable_path=found or own, args=FLAGS, timeout=PATIENCE_MS
        )
        yield launched
        launched.close()


Visit = Callable[..., "Page"]


@pytest.fixture
def visit(browser: Browser, shop: Shop) -> Iterator[Visit]:
    """Opens the page; afterwards nothing may have been refused by the browser or gone wrong."""
    with contextlib.ExitStack() as stack:
        pages: list[Page] = []
        said: list[str] = []

        def note(message) -> None:
            # A 4xx answer is logged by the browser itself, whatever the page makes of it.
            if message.type in ("error", "warning") and "Failed to load" not in message.text:
                said.append(message.text)

        def open_page(path: str = "/", *, viewport=DESKTOP, **options) -> Page:
            context: BrowserContext = browser.new_context(
                viewport=viewport, reduced_motion="reduce", locale="en-GB", **options
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            context.add_init_script(WITNESS)
            page = context.new_page()
            page.on("console", note)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(shop.url + path)
            pages.append(page)
            return page

        yield open_page
        violations = [v for page in pages for v in page.evaluate("window.seen.violations")]
        assert violations == []
        assert said == []


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
    with page.expect_response(lambda r: "/v1/search" in r.url) as caught:
        act()
    reply = caught.value.json()
    settled(page) if reply.get("hits") else page.wait_for_selector("#notice")
    return reply


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


# --- Ways in ---------------------------------------------------------------------------------


def test_a_dropped_photo_finds_its_own_product_first(page, shop):
    item = shop.first_of("Mugs")
    reply = answer(page, lambda: drop(page, photo_of(shop, item)))
    assert hits(page)[0] == item["id"]
    assert hits(page) == [hit["item_id"] for hit in reply["hits"]]
    first = page.locator("#grid .card").first
    assert item["title"] in first.inner_text()
    assert item["price"] in first.inner_text()
    assert "Closest" in first.inner_text()
    assert f"{reply['hits'][0]['score']:.2f}" not in first.inner_text()  # no raw cosine
    sure = [hit["item_id"] for hit in reply["hits"] if hit["confidence"] >= 0.5]
    assert 0 < len(sure) < len(reply["hits"])
    assert before_the_cut(page) == sure
    said = f"{len(reply['hits'])} products, most similar first"
    assert said in page.locator("#say").inner_text()


def test_a_photo_of_nothing_that_is_sold_says_so_above_what_comes_nearest(page, shop):
    noise = Image.effect_noise((400, 300), 120).convert("RGB")
    reply = answer(page, lambda: drop(page, encoded(noise)))
    assert reply["no_close_match"]
    assert "No close match" in page.inner_text("#notice")
    assert page.locator("#grid .badge, #grid .cut").count() == 0
    assert hits(page) == [hit["item_id"] for hit in reply["hits"]]
    assert page.locator("#notice").bounding_box()["y"] < page.locator("#grid").bounding_box()["y"]
    known = answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Teapots"))))
    assert not known["no_close_match"]
    assert not page.is_visible("#notice")


def test_a_pasted_picture_is_searched(page, shop):
    item = shop.first_of("Lamps")
    data = base64.b64encode(encoded(shop.picture(item), "PNG")).decode()
    answer(page, lambda: page.evaluate(PASTE, data))
    assert hits(page)[0] == item["id"]


def test_a_chosen_file_is_searched(page, shop):
    item = shop.first_of("Chairs")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    file = {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": photo_of(shop, item)}
    answer(page, lambda: chooser.value.set_files(file))
    assert hits(page)[0] == item["id"]


def test_a_photo_is_taken_with_the_camera(page):
    page.get_by_role("button", name="Take a photo").click()
    shutter = page.get_by_role("button", name="Take the photo")
    page.wait_for_selector("#shutter:enabled")
    answer(page, shutter.click)
    assert not shutter.is_visible()
    assert page.locator(".frame img").is_visible()
    assert page.evaluate("document.getElementById('video').srcObject") is None


def test_a_camera_that_opens_too_late_is_closed_again(page):
    page.evaluate("""() => {
      const media = navigator.mediaDevices;
      const ask = media.getUserMedia.bind(media);
      window.streams = [];
      media.getUserMedia = async (wanted) => {
        const stream = await ask(wanted);
        window.streams.push(stream);
        return stream;
      };
    }""")
    page.get_by_role("button", name="Take a photo").click()
    page.wait_for_selector("#shutter:enabled")
    page.evaluate("() => { for (const _ of [1, 2]) document.getElementById('flip').click(); }")
    page.wait_for_function("() => window.streams.length === 3")
    page.wait_for_selector("#shutter:enabled")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_function("() => document.getElementById('video').srcObject === null")
    live = (
        "() => window.streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === 'live')"
    )
    assert page.evaluate(f"({live})().length") == 0


def test_of_two_photos_the_one_shown_last_is_searched(page, shop):
    page.evaluate("""() => {
      const read = window.createImageBitmap;
      let first = true;
      window.createImageBitmap = async (...given) => {
        if (first) {
          first = false;
          await new Promise((done) => { window.release = done; });
        }
        return read(...given);
      };
    }""")
    drop(page, photo_of(shop, shop.first_of("Hoodies")))
    last = shop.first_of("Teapots")
    answer(page, lambda: drop(page, photo_of(shop, last)))
    page.evaluate(
        "() => { window.release(); return new Promise((done) => setTimeout(done, 200)); }"
    )
    assert page.evaluate("window.seen.sent.length") == 1
    assert hits(page)[0] == last["id"]


def test_a_large_sideways_photo_goes_out_small_and_upright(page, shop):
    upright = shop.picture(shop.first_of("Dresses")).resize((1500, 2000))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown a quarter turn clockwise
    data = encoded(upright.transpose(Image.Transpose.ROTATE_90), quality=80, exif=exif)
    answer(page, lambda: drop(page, data))
    assert hits(page)[0] == shop.first_of("Dresses")["id"]
    size = page.evaluate("""async () => {
      const bitmap = await createImageBitmap(window.seen.sent[0].get("image"));
      return [bitmap.width, bitmap.height];
    }""")
    assert size == [1200, 1600]


def test_a_small_photo_goes_out_as_it_is(page, shop):
    data = photo_of(shop, shop.first_of("Mugs"))
    answer(page, lambda: drop(page, data))
    assert page.evaluate("window.seen.sent[0].get('image').size") == len(data)


def test_a_format_only_the_browser_reads_goes_out_as_jpeg(page, shop):
    item = shop.first_of("Mugs")
    data = encoded(shop.picture(item), "BMP")
    answer(page, lambda: drop(page, data, "scan.bmp", "image/bmp"))
    assert page.evaluate("window.seen.sent[0].get('image').type") == "image/jpeg"
    assert hits(page)[0] == item["id"]


def test_the_first_visit_offers_items_to_start_from(page):
    tries = page.locator("#tries .card:not(.skeleton)")
    tries.first.wait_for()
    assert tries.count() == 12
    item = tries.first.get_attribute("data-item")
    answer(page, lambda: tries.first.get_by_role("link").click())
    assert f"item={item}" in page.url
    assert item not in page.locator("#tries").inner_text()


# --- For you ---------------------------------------------------------------------------------


def recommended(page: Page, act: Callable[[], object]) -> list[dict]:
    """Do something that changes the row of recommended items; the items, once they are drawn."""
    with page.expect_response(lambda r: "/v1/sessions/recommend" in r.url) as caught:
        act()
    items = caught.value.json()["items"]
    ids = [item["item_id"] for item in items]
    page.wait_for_function(
        "ids => ids.join() === [...document.querySelectorAll('#foryou .card')]"
        ".map((card) => card.dataset.item).join()",
        arg=ids,
    )
    return items


def test_nothing_is_remembered_before_the_shopper_agrees(page):
    page.wait_for_selector("#foryou:not([hidden]) button")
    page.locator("#tries .card:not(.skeleton) .card-link").first.click()
    settled(page)
    assert page.evaluate("localStorage.getItem('vitrine.events')") is None
    assert page.locator("#foryou .card").count() == 0
    page.get_by_role("button", name="No, thanks").click()
    page.locator("#foryou").wait_for(state="hidden")
    page.reload()
    page.locator("#grid .card").first.wait_for()
    assert not page.locator("#foryou").is_visible()


def test_the_row_for_you_follows_clicks_likes_and_hides(page):
    first = recommended(page, page.get_by_role("button", name="Yes, show them").click)
    assert {item["reason"]["code"] for item in first} == {"assorted"}
    link = page.locator("#tries .card:not(.skeleton) .card-link").first
    title = link.get_attribute("title")
    items = recommended(page, link.click)
    assert items[0]["reason"]["title"] == title
    why = page.locator("#foryou .foryou-why").first.inner_text()
    assert why == f"Like {title}, one of the last you saw"
    hide = page.locator("#foryou .card").first.get_by_role("button", name="Hide this")
    after = recommended(page, hide.click)
    assert items[0]["item_id"] not in [item["item_id"] for item in after]
    forgotten = recommended(page, page.get_by_role("button", name="Forget my clicks").click)
    assert {item["reason"]["code"] for item in forgotten} == {"assorted"}
    page.get_by_role("button", name="Turn off").click()
    page.locator("#foryou").wait_for(state="hidden")
    assert page.evaluate("localStorage.getItem('vitrine.events')") is None


# --- The crop box ----------------------------------------------------------------------------


def test_moving_the_crop_box_searches_what_is_in_it(page, shop):
    left, right, data = two_things(shop)
    drop_whole(page, data)
    answer(page, lambda: drag(page, (0.98, 0.96), (0.48, 0.96)))  # by its corner, to the left half
    assert crop_words(page).startswith("Crop box: 0 to 50 percent")
    assert hits(page)[0] == left["id"]
    answer(page, lambda: drag(page, (0.25, 0.2), (0.9, 0.2)))  # by its middle, to the right half
    assert hits(page)[0] == right["id"]
    page.get_by_role("button", name="Whole photo").click()
    page.wait_for_function("() => document.querySelector('.crop').classList.contains('whole')")


def test_long_words_below_the_photo_do_not_widen_it(page, shop):
    drop_whole(page, two_things(shop)[2])
    before = page.locator(".frame").bounding_box()
    hint = (
        "document.getElementById('source-words').textContent = 'Mark what you look for '.repeat(9)"
    )
    page.evaluate(hint)
    assert page.locator(".frame").bounding_box() == before


def test_a_box_drawn_on_the_photo_is_what_is_searched(page, shop):
    whole = drop_whole(page, two_things(shop)[2])
    drawn = answer(page, lambda: drag(page, (0.6, 0.2), (0.9, 0.8)))
    assert [hit["score"] for hit in drawn["hits"]] != [hit["score"] for hit in whole["hits"]]
    edges = [float(edge) for edge in sent(page, "box").split(",")]
    assert edges == pytest.approx([0.6, 0.2, 0.9, 0.8], abs=0.02)


def test_the_crop_box_moves_and_resizes_by_keyboard(page, shop):
    _, right, data = two_things(shop)
    drop_whole(page, data)
    page.locator(".crop").focus()

    def press() -> None:
        for _ in range(25):
            page.keyboard.press("Shift+ArrowLeft")
        for _ in range(25):
            page.keyboard.press("ArrowRight")

    answer(page, press)
    # Where the keys come slowly the page asks in between: what counts is the last box.
    asked = "() => Number(window.seen.sent.at(-1).get('box')?.split(',')[0]).toFixed(2) === '0.50'"
    page.wait_for_function(asked)
    settled(page)
    assert crop_words(page).startswith("Crop box: 50 to 100 percent")
    assert hits(page)[0] == right["id"]
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('.crop').classList.contains('whole')")


def test_a_tap_on_a_phone_asks_about_what_is_under_the_finger(visit, shop):
    phone = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    drop_whole(phone, two_things(shop)[2])
    for x in (0.3, 0.7):
        area = phone.locator(".frame").bounding_box()
        point = (area["x"] + x * area["width"], area["y"] + 0.1 * area["height"])
        answer(phone, lambda point=point: phone.touchscreen.tap(*point))
        left, _, right, _ = (float(edge) for edge in sent(phone, "box").split(","))
        assert (left + right) / 2 == pytest.approx(x, abs=0.02)


# --- Words and filters -----------------------------------------------------------------------


def test_words_find_products(page, shop):
    page.get_by_role("searchbox").fill("teapot")
    reply = answer(page, lambda: page.keyboard.press("Enter"))
    assert reply["mode"] == "lexical"
    assert all("teapot" in card.lower() for card in page.locator("#grid .card").all_inner_texts())
    assert page.title() == "\u201cteapot\u201d \u00b7 Vitrine"


def test_words_join_the_photo(page, shop):
    item = shop.first_of("Mugs")
    answer(page, lambda: drop(page, photo_of(shop, item)))
    page.get_by_role("searchbox").fill("lamp")
    reply = answer(page, lambda: page.keyboard.press("Enter"))
    assert reply["mode"] == "fused"
    assert sent(page, "text") == "lamp"
    assert page.locator("#found-title").inner_text() == "Like your photo, \u201clamp\u201d"


def test_words_that_nothing_has_say_so(page):
    page.get_by_role("searchbox").fill("xylophone")
    answer(page, lambda: page.keyboard.press("Enter"))
    assert "Nothing found" in page.locator("#notice").inner_text()


def test_filters_narrow_the_answer_as_their_counts_say(page, shop):
    before = answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    row = page.locator("#filters li", has_text="Clothing").first
    count = int(row.locator(".value-count").inner_text())
    assert count == sum("Clothing/" in item["categories"] for item in shop.items)
    after = answer(page, lambda: row.get_by_role("checkbox").check())
    assert after["total"] == count < before["total"]
    assert page.locator("#found-meta").inner_text() == f"{len(after['hits'])} products"
    shown = {item["id"]: item for item in shop.items}
    assert all("Clothing/" in shown[item]["categories"] for item in hits(page))
    assert row.get_by_role("checkbox").is_checked()

    page.get_by_role("button", name="Remove filter Clothing").click()
    page.wait_for_selector("#active:empty", state="attached")
    settled(page)
    assert hits(page) == [hit["item_id"] for hit in before["hits"]]


def test_only_fields_that_the_shop_offers_are_counted(page, shop):
    offered = ["category", "material", "in_stock"]  # a field that the shop lacks would be refused

    def fewer(route) -> None:
        route.fulfill(json={**route.fetch().json(), "facets": offered})

    page.route("**/v1/status", fewer)
    page.reload()
    page.get_by_role("searchbox").fill("lamp")
    with page.expect_request("**/v1/search") as asked:
        page.keyboard.press("Enter")
    assert asked.value.post_data_json["facets"] == offered


def test_a_field_that_the_shop_has_no_more_is_asked_for_once(page):
    problem = {
        "status": 422,
        "code": "bad_query",
        "param": "facets",
        "detail": "unknown facet field",
    }
    refused: list[str] = []

    def refuse_once(route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=422, json=problem, content_type="application/problem+json")

    page.route("**/v1/search", refuse_once)
    page.get_by_role("searchbox").fill("lamp")
    page.keyboard.press("Enter")
    settled(page)
    assert len(refused) == 1
    assert not page.locator("#notice").is_visible()


def test_no_more_hits_are_asked_for_than_the_shop_gives(page, shop):
    page.route(
        "**/v1/status", lambda route: route.fulfill(json={**route.fetch().json(), "max_limit": 3})
    )
    page.reload()
    reply = answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    assert (sent(page, "limit"), len(reply["hits"])) == ("3", 3)
    assert reply["next_cursor"] is not None
    assert not page.get_by_role("button", name="Show more").is_visible()


def test_two_values_of_one_field_widen_it(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    rows = page.locator("#filters details", has_text="Color").locator("li")
    counts = [int(rows.nth(n).locator(".value-count").inner_text()) for n in (0, 1)]
    answer(page, lambda: rows.nth(0).get_by_role("checkbox").check())
    both = answer(page, lambda: rows.nth(1).get_by_role("checkbox").check())
    assert both["total"] == sum(counts)
    assert page.locator("#active .chip").count() == 2


def test_price_and_stock_narrow_the_answer(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    page.get_by_label("to", exact=True).fill("40")
    answer(page, lambda: page.keyboard.press("Enter"))
    reply = answer(page, lambda: page.get_by_role("switch", name="In stock only").check())
    cheap = [i for i in shop.items if float(i["price"]) <= 40 and i["in_stock"] == "true"]
    assert reply["total"] == len(cheap)
    assert "max=40" in page.url
    assert "stock=1" in page.url
    page.get_by_role("button", name="Clear all").click()
    page.wait_for_selector("#active:empty", state="attached")
    assert page.url == shop.url + "/?photo=1"


def test_back_before_the_answer_takes_the_tick_back_too(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    page.route("**/v1/search/image", lambda _: None)  # never answered
    box = page.locator("#filters").get_by_role("checkbox", disabled=False).first
    box.check()
    page.wait_for_selector("#grid.stale")
    page.go_back()
    page.wait_for_selector("#grid:not(.stale)")
    assert not box.is_checked()


def test_more_is_offered_only_where_more_follows_and_the_time_told_is_the_whole(page):
    following: list[str | None] = ["more", None]

    def full(route) -> None:
        reply = route.fetch().json()
        route.fulfill(
            json={
                **reply,
                "hits": (reply["hits"] * 24)[:24],
                "total": 1000,
                "next_cursor": following.pop(0),
                "timings": {"search_ms": 30.0, "total_ms": 40.0},
            }
        )

    page.route("**/v1/search", full)
    for words, offered in (("lamp", True), ("teapot", False)):
        page.get_by_role("searchbox").fill(words)
        answer(page, lambda: page.keyboard.press("Enter"))
        assert page.get_by_role("button", name="Show more").is_visible() == offered
    assert page.locator("#found-meta").get_attribute("title").startswith("40 ms, ")


# --- One item --------------------------------------------------------------------------------


def test_the_panel_quotes_customers_as_text(page, shop):
    markup = "<img src=x onerror=alert(1)> is soft"
    quote = {"sentence": markup, "aspect": "comfort", "positive": 0.9, "review_id": "1"}
    aspect = {"aspect": "comfort", "count": 3, "positive": 1.0, "months": []}
    summary = {
        "count": 4,
        "unclear": 1,
        "positive": 0.6667,
        "stars": 4.5,
        "months": [],
        "aspects": [aspect],
        "pros": [quote],
        "cons": [],
    }
    reply = {"item_id": "x", "summary": summary, "reviews": []}
    page.route("**/reviews?limit=0", lambda route: route.fulfill(json=reply))
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    page.locator("#grid .card-link").first.click()
    page.locator("#reviews blockquote").wait_for()
    shown = page.locator("#reviews").inner_text()
    assert "4 reviews · 4.5 of 5 stars · 67 % of 3 seem happy" in shown
    assert "100 % happy (3)" in shown
    assert page.locator("#reviews blockquote").inner_text() == markup
    assert "Against" not in shown


def test_a_product_opens_and_leads_to_similar_ones(page, shop):
    item = shop.first_of("Mugs")
    answer(page, lambda: drop(page, photo_of(shop, item)))
    page.locator("#grid .card-link").first.click()
    panel = page.get_by_role("dialog")
    assert panel.get_by_role("heading", level=2).inner_text() == item["title"]
    similar = panel.locator("#similar-grid .card:not(.skeleton)")
    similar.first.wait_for()
    other = similar.first.get_attribute("data-item")
    assert other != item["id"]
    assert item["brand"] in panel.locator("#details").inner_text()

    similar.first.get_by_role("link").click()
    opened(page, other)
    panel.get_by_role("button", name="Back").click()
    opened(page, item["id"])
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    assert "open=" not in page.url
    assert page.evaluate("document.activeElement.closest('.card').dataset.item") == item["id"]


@pytest.mark.parametrize("link", ["https://shop.example/mug?a=1", "javascript:alert(1)", ""])
def test_a_product_with_a_link_to_buy_it_shows_that_link(page, shop, link):
    def with_link(route):
        item = route.fetch().json()
        route.fulfill(json={**item, "url": link})

    item = shop.first_of("Mugs")
    page.route(f"**/v1/items/{item['id']}", with_link)
    answer(page, lambda: drop(page, photo_of(shop, item)))
    page.locator("#grid .card-link").first.click()
    panel = page.get_by_role("dialog")
    panel.get_by_role("button", name="Search with this item").wait_for()
    shown = panel.get_by_role("link", name="View in shop")
    assert shown.count() == (1 if link.startswith("https:") else 0)
    if link.startswith("https:"):
        assert shown.get_attribute("href") == link
        assert shown.get_attribute("rel") == "noopener noreferrer"


def test_searching_with_an_item_goes_on_from_it_by_a_link_one_can_share(page, visit, shop):
    item = shop.first_of("Sneakers")
    answer(page, lambda: drop(page, photo_of(shop, item)))
    page.locator("#grid .card-link").first.click()
    reply = answer(page, lambda: page.get_by_role("button", name="Search with this item").click())
    assert not page.get_by_role("dialog").is_visible()
    assert page.locator("#found-title").inner_text() == f"Like {item['title']}"
    there = visit(page.url.removeprefix(shop.url))
    settled(there)
    assert hits(there) == [hit["item_id"] for hit in reply["hits"]]


def test_a_link_to_an_opened_item_opens_it(visit, shop):
    item = shop.first_of("Sofas")
    page = visit(f"/?q=sofa&open={item['id']}")
    heading = page.get_by_role("dialog").get_by_role("heading", level=2)
    page.wait_for_selector("#details:not([hidden])")
    assert heading.inner_text() == item["title"]
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("dialog").wait_for(state="hidden")
    settled(page)


def test_an_unknown_item_says_so(visit):
    page = visit("/?open=no-such-thing")
    page.wait_for_selector("#panel [role=alert]")
    assert "no-such-thing" in page.locator("#panel").inner_text()


# --- Where one was ---------------------------------------------------------------------------


def test_back_brings_the_photo_back_and_a_reload_keeps_it(page, shop):
    item = shop.first_of("Mugs")
    answer(page, lambda: drop(page, photo_of(shop, item)))
    by_photo = hits(page)
    page.get_by_role("button", name="Remove").click()
    page.locator("#hero").wait_for()
    page.get_by_role("searchbox").fill("lamp")
    answer(page, lambda: page.keyboard.press("Enter"))
    page.go_back()
    page.locator("#hero").wait_for()
    page.go_back()
    settled(page)
    assert hits(page) == by_photo
    assert page.locator(".frame img").is_visible()
    page.reload()
    settled(page)
    assert hits(page) == by_photo


def test_only_the_newest_answer_is_shown(page, shop):
    held: list[object] = []

    def slow(route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)  # never answered: the page lets go of it

    page.route("**/v1/search", slow)
    page.get_by_role("searchbox").fill("lamp")
    page.keyboard.press("Enter")
    page.wait_for_selector("#grid .skeleton")
    for _ in range(PATIENCE_MS // 10):  # the placeholders come before the question
        if held:
            break
        page.wait_for_timeout(10)
    assert held
    page.get_by_role("searchbox").fill("teapot")
    answer(page, lambda: page.keyboard.press("Enter"))
    assert all("teapot" in card.lower() for card in page.locator("#grid .card").all_inner_texts())


def test_a_filter_taken_back_at_once_leaves_the_answer_as_it_was(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    before = hits(page)
    held: list = []
    page.route("**/v1/search/image", lambda route: held.append(route))
    box = page.locator("#filters").get_by_role("checkbox", disabled=False).first
    box.check()
    page.wait_for_selector("#grid.stale")
    box.uncheck()
    settled(page)
    for route in held:  # the answer nobody waits for any more
        with contextlib.suppress(Exception):
            route.continue_()
    page.wait_for_load_state("networkidle")
    assert hits(page) == before
    assert not page.locator("#grid.stale").count()
    assert page.url == shop.url + "/?photo=1"


# --- What goes wrong -------------------------------------------------------------------------


def test_a_file_that_is_no_picture_says_why(page):
    drop(page, b"to be, or not to be", "words.jpg")
    page.wait_for_selector("#notice:not([hidden])")
    assert "not an image" in page.locator("#notice").inner_text().lower()
    assert page.locator("#grid .card").count() == 0


def test_a_link_to_a_field_that_every_object_has_is_answered(visit):
    page = visit("/?q=lamp&f.constructor=x")
    page.wait_for_selector("#notice:not([hidden])")
    assert "a filter that this shop does not have" in page.locator("#notice").inner_text()


def test_a_server_that_is_away_can_be_tried_again(page):
    page.route("**/v1/search", lambda route: route.abort("connectionrefused"))
    page.get_by_role("searchbox").fill("lamp")
    page.keyboard.press("Enter")
    page.wait_for_selector("#notice:not([hidden])")
    assert "does not answer" in page.locator("#notice").inner_text()
    page.unroute("**/v1/search")
    answer(page, lambda: page.get_by_role("button", name="Try again").click())
    assert not page.locator("#notice").is_visible()


def test_what_a_catalog_says_is_text_never_markup(page):
    trap = "<img src=x onerror=\"document.title='caught'\">"

    def hostile(route) -> None:
        reply = route.fetch().json()
        for hit in reply["hits"]:
            hit.update(title=trap, currency=trap, variant=trap)
        reply["facets"] = {trap: [{"value": trap, "count": 1}, {"value": "b", "count": 2}]}
        route.fulfill(json=reply)

    page.route("**/v1/search", hostile)
    page.get_by_role("searchbox").fill("lamp")
    answer(page, lambda: page.keyboard.press("Enter"))
    assert trap in page.locator("#grid .card").first.inner_text()
    assert page.locator("#grid img[src=x], #filters img[src=x]").count() == 0
    assert "caught" not in page.title()


# --- Everybody -------------------------------------------------------------------------------


def test_the_whole_way_works_by_keyboard_alone(page, shop):
    page.wait_for_selector("#tries .card:not(.skeleton)")

    def tab_to(selector: str, *, most: int = 80) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                outline = page.evaluate("""() => {
                  const here = document.activeElement;
                  return getComputedStyle(here.closest(".composer") ?? here).outlineStyle;
                }""")
                assert outline != "none", f"{selector} does not show its focus"
                return
        raise AssertionError(f"{selector} is not reached in {most} steps")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to("#text")
    page.keyboard.type("lamp")
    answer(page, lambda: page.keyboard.press("Enter"))
    tab_to("#filters summary")
    tab_to("#filters input[type=checkbox]")
    answer(page, lambda: page.keyboard.press("Space"))
    assert page.evaluate("document.activeElement.type") == "checkbox"
    tab_to("#grid .card-link")
    item = page.evaluate("document.activeElement.closest('.card').dataset.item")
    page.keyboard.press("Enter")
    page.wait_for_selector("#details:not([hidden])")
    assert page.evaluate("document.getElementById('panel').contains(document.activeElement)")
    tab_to("#panel .primary")
    answer(page, lambda: page.keyboard.press("Enter"))
    assert f"item={item}" in page.url


def test_every_control_has_a_name(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#details:not([hidden])")
    nameless = page.evaluate("""() => {
      const controls = [...document.querySelectorAll("button, a, summary, input:not([type=file])")];
      const named = (e) => e.textContent.trim() || e.ariaLabel || e.labels?.length;
      return controls.filter((e) => !named(e)).map((e) => e.outerHTML);
    }""")
    assert nameless == []
    unlabelled = page.evaluate("[...document.images].filter((i) => !i.hasAttribute('alt')).length")
    assert unlabelled == 0


def test_a_phone_is_never_scrolled_sideways(visit, shop):
    page = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    page.wait_for_selector("#tries .card:not(.skeleton)")
    assert no_wider_than_the_screen(page)
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Filters").click()
    sheet = page.get_by_role("dialog", name="Filters")
    answer(page, lambda: sheet.get_by_role("checkbox", disabled=False).first.check())
    assert sheet.bounding_box()["width"] <= PHONE["width"]
    sheet.get_by_role("button", name="Show").last.click()
    assert no_wider_than_the_screen(page)
    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#details:not([hidden])")
    assert no_wider_than_the_screen(page)
    wide = page.evaluate("document.getElementById('panel').scrollWidth <= window.innerWidth")
    assert wide


def test_dark_follows_the_system_until_it_is_switched(visit):
    page = visit(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    assert max(int(part) for part in dark[4:-1].split(",")) < 40
    page.get_by_role("button", name="Dark colors").click()
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.reload()
    assert page.evaluate(background) == "rgb(255, 255, 255)"


def test_nothing_on_the_page_jumps(page, shop):
    page.wait_for_selector("#tries .card:not(.skeleton)")
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.seen.shift") < 0.05
