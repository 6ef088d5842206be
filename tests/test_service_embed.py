"""The components of a shop's own pages, in a real browser: the shop has another origin."""

from __future__ import annotations

import contextlib
import gzip
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.embed_demo import DemoShop
from service.apikey import Scope
from service.http.routes.embed import SOURCES
from service.keyfile import KeyFile
from service.settings import Settings
from tests.page_driver import DESKTOP, PATIENCE_MS, browser, tabs
from tests.person import Person, person
from tests.scenes import scene
from tests.tinydetector import write_detector
from tests.webserver import serious_findings, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

    from tests.page_driver import Tabs

__all__ = ["browser", "person", "tabs"]  # fixtures

LARGEST = 40_000  # bytes, compressed
PHOTO = {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": scene(red=(1, 1), yellow=(5, 4))}

# --- The script ------------------------------------------------------------------------------


def test_the_script_is_one_small_file_that_browsers_keep(http):
    reply = http.get("/embed/vitrine.js", headers={"accept-encoding": "gzip"})
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["content-encoding"] == "gzip"
    assert len(gzip.compress(reply.content, 9)) < LARGEST
    assert not re.search(r"^\s*(import|export)\b", reply.text, re.MULTILINE)
    again = {"accept-encoding": "gzip", "if-none-match": reply.headers["etag"]}
    assert http.get("/embed/vitrine.js", headers=again).status_code == 304
    plain = http.get("/embed/vitrine.js", headers={"accept-encoding": "identity"})
    assert plain.content == reply.content


def test_every_language_has_every_text():
    source = (SOURCES / "languages.js").read_text(encoding="utf-8")
    blocks = re.findall(r"^  (\w\w): \{\n(.*?)^  \},", source, re.MULTILINE | re.DOTALL)
    keys = {
        language: re.findall(r'^    "?([\w.]+)"?:', texts, re.MULTILINE)
        for language, texts in blocks
    }
    assert set(keys) == {"en", "zh", "de", "fr"}
    for language, names in keys.items():
        assert names == keys["en"], language


# --- The page of a shop ----------------------------------------------------------------------


class Place:
    """The pretend shop, the service behind it, and keys of both kinds."""

    def __init__(self, shop: DemoShop, tokens: dict[str, str]) -> None:
        self.shop = shop
        self.tokens = tokens


@pytest.fixture(scope="module")
def place(tiny_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("embed")
    shutil.copytree(tiny_shop, folder / "shop")
    keys = KeyFile(folder / "shop")
    tokens = {scope: keys.add(scope, scope) for scope in Scope}
    with DemoShop(0, api="", key=tokens[Scope.READ], item="red-shoe") as demo:
        settings = Settings(
            shop=folder / "shop",
            request_log=False,
            queue_deadline_s=120,
            require_key=True,
            cors_origins=demo.url,
            recognizer=f"onnx:{write_detector(folder)}",
        )
        with serving(settings) as url:
            demo.api = f"{url}/"
            thread = threading.Thread(target=demo.serve_forever)
            thread.start()
            yield Place(demo, tokens)
            demo.shutdown()
            thread.join(PATIENCE_MS / 1000)


class Visitor:
    """A page of the shop, and the requests that it sent to the service."""

    def __init__(self, page: Page, api: str) -> None:
        self.page = page
        self.sent: list[Request] = []
        self.said: list[str] = []
        page.on("request", lambda r: self.sent.append(r) if r.url.startswith(api) else None)
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def paths(self, method: str = "") -> list[str]:
        """The paths of the calls; a browser asks for permission to send some of them before."""
        return [
            re.sub(r"^https?://[^/]+", "", request.url)
            for request in self.sent
            if request.method == method or (not method and request.method != "OPTIONS")
        ]


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(tabs: Tabs, place: Place) -> Iterator[Visit]:
    with contextlib.ExitStack() as stack:

        def open_page(path: str = "/") -> Visitor:
            tab = stack.enter_context(tabs.tab(viewport=DESKTOP))
            visitor = Visitor(tab.page, place.shop.api)
            visitor.page.goto(place.shop.url + path)
            return visitor

        yield open_page


@pytest.fixture
def visited(person: Person, place: Place) -> Visit:
    """Opens a page of the shop for someone at a desk, then for someone with a phone."""

    def open_page(path: str) -> Visitor:
        visitor = Visitor(person.page, place.shop.api)
        visitor.page.goto(place.shop.url + path)
        return visitor

    return open_page


def rows(page: Page) -> None:
    """Wait until both rows show what they found."""
    page.wait_for_selector("vitrine-similar[data-state=shown]")
    page.wait_for_selector("vitrine-for-you[data-state=shown]")


def first_search(page: Page) -> None:
    """Search with a photo of two things, and wait for the products and the dots."""
    page.locator("vitrine-search input").first.set_input_files(PHOTO)
    page.wait_for_selector("vitrine-search .dot")
    page.wait_for_selector("vitrine-search .grid:not([aria-busy]) .entry")


def titles(page: Page) -> list[str]:
    return page.locator("vitrine-search > [slot] .name").all_inner_texts()


@pytest.mark.browser
def test_find_a_thing_of_a_photo_in_the_cards_of_the_shop(visited, person, place):
    visitor = visited("/")
    page = visitor.page
    rows(page)
    assert serious_findings(page) == []
    person.press(page.get_by_role("button", name="Search with a photo"))
    choose = page.get_by_role("button", name="Choose a photo")
    choose.wait_for()
    assert page.get_by_role("dialog", name="Search with a photo").is_visible()
    assert choose.evaluate("button => button.getRootNode().activeElement === button")
    with page.expect_file_chooser() as asked:
        person.press(choose)
    asked.value.set_files(PHOTO)
    page.wait_for_selector("vitrine-search .dot")
    page.wait_for_selector("vitrine-search .grid:not([aria-busy]) .entry")
    dots = page.locator("vitrine-search .dot")
    labels = [dot.get_attribute("aria-label") for dot in dots.all()]
    assert len(labels) == 2
    assert all(label.startswith("Search for this: ") for label in labels)
    with page.expect_response(lambda reply: "/v1/search/image" in reply.url) as found:
        person.press(dots.nth(0))
    wanted = [hit["title"] for hit in found.value.json()["hits"]]
    page.wait_for_function(
        "title => document.querySelector('vitrine-search > [slot] .name')?.innerText === title",
        arg=wanted[0],
    )
    assert titles(page) == wanted
    assert dots.nth(0).get_attribute("aria-pressed") == "true"
    assert serious_findings(page) == []

    # The cards are the shop's own: made from its template, with its styles and its links.
    card = page.locator("vitrine-search > a.product").first
    assert card.get_attribute("href").startswith(f"{place.shop.url}/p/")
    assert card.evaluate("card => getComputedStyle(card).borderTopWidth") == "1px"
    picture = page.locator("vitrine-search > a.product img").first
    picture.evaluate("image => image.complete || new Promise((done) => { image.onload = done })")
    assert picture.evaluate("image => image.naturalWidth") > 0  # though pictures need the key

    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    opener = page.get_by_role("button", name="Search with a photo")
    assert opener.evaluate("button => button.getRootNode().activeElement === button")
    assert visitor.said == []


@pytest.mark.browser
def test_a_photo_that_loads_long_does_not_replace_a_later_one(visit):
    visitor = visit()
    page = visitor.page
    page.get_by_role("button", name="Search with a photo").click()
    page.evaluate("""() => {
        const load = window.createImageBitmap;
        const released = new Promise((done) => { window.release = done; });
        let calls = 0;
        window.createImageBitmap = async (...given) => {
            calls += 1;
            if (calls === 1) await released;
            return load(...given);
        };
    }""")
    slow = {"name": "slow.jpg", "mimeType": "image/jpeg", "buffer": scene(blue=(1, 1))}
    page.locator("vitrine-search input").first.set_input_files(slow)
    first_search(page)
    shown = page.locator("vitrine-search .stage img").get_attribute("src")
    page.evaluate("() => { release(); return new Promise((done) => setTimeout(done)); }")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert page.locator("vitrine-search .stage img").get_attribute("src") == shown
    assert visitor.paths("POST").count("/v1/search/image") == 1


@pytest.mark.browser
def test_below_a_card_are_links_to_the_other_colors_of_its_product(visited, person, place):
    def with_colors(route) -> None:
        assert "swatches=color" in route.request.url
        reply = route.fetch()
        body = reply.json()
        first = body["hits"][0]
        body["hits"][0]["swatches"] = [
            {**first, "value": "red"},
            {**first, "item_id": "blue-shoe", "value": "blue", "in_stock": False},
        ]
        route.fulfill(response=reply, json=body)

    person.page.route("**/similar?**", with_colors)
    page = visited("/p/red-shoe").page
    rows(page)
    colors = page.locator("vitrine-similar").get_by_role("link", name="blue, Out of stock")
    page.evaluate("""() => document.addEventListener("vitrine-open", (event) => {
      window.opened = event.detail.item_id;
      event.preventDefault();
    })""")
    person.press(colors)
    assert page.evaluate("window.opened") == "blue-shoe"
    assert colors.get_attribute("href") == f"{place.shop.url}/p/blue-shoe"
    assert serious_findings(page) == []


@pytest.mark.browser
def test_agree_to_picks_and_take_it_back(visited, person):
    visitor = visited("/p/red-shoe")
    page = visitor.page
    rows(page)

    def sent() -> list:
        calls = [request for request in visitor.sent if "/recommend" in request.url]
        return [call.post_data_json["events"] for call in calls if call.method == "POST"]

    assert sent() == [[]]
    stored = "localStorage.getItem('vitrine.embed.events')"
    assert page.evaluate(stored) is None
    page.evaluate("""() => {
      window.heard = [];
      document.addEventListener("vitrine-event", ({ detail }) => window.heard.push(detail.type));
      document.addEventListener("vitrine-open", (event) => event.preventDefault());
    }""")
    card = page.locator("vitrine-similar .card").first
    person.press(card)  # the page prevents that the link is followed
    assert page.evaluate(stored) is None
    with page.expect_response(lambda reply: "/recommend" in reply.url):
        person.press(page.get_by_role("button", name="Yes, show them"))
    with page.expect_response(lambda reply: "/recommend" in reply.url):
        person.press(card)
    assert [event["type"] for event in sent()[-1]] == ["click"]
    assert page.evaluate("window.heard") == ["click"]
    page.get_by_role("heading", name="For you").wait_for()
    with page.expect_response(lambda reply: "/recommend" in reply.url):
        person.press(page.get_by_role("button", name="Stop, and forget my clicks"))
    assert page.evaluate(stored) is None
    assert sent()[-1] == []
    page.get_by_role("button", name="Yes, show them").wait_for()
    page.evaluate("Vitrine.consent(false)")
    assert page.evaluate("Vitrine.consent()") is False


@pytest.mark.browser
def test_a_key_that_may_write_is_refused_before_anything_is_sent_with_it(visit, place, monkeypatch):
    monkeypatch.setattr(place.shop, "key", place.tokens[Scope.WRITE])
    visitor = visit()
    page = visitor.page
    page.evaluate("document.documentElement.lang = 'de'")
    page.evaluate("document.querySelector('vitrine-similar').setAttribute('lang', 'de')")
    page.wait_for_selector("vitrine-similar[data-state=failed]")
    page.wait_for_selector("vitrine-for-you[data-state=failed]")
    page.get_by_text("Schlüssel, der mehr als Lesen erlaubt").first.wait_for()
    page.locator("vitrine-search").evaluate("search => search.setAttribute('lang', 'de')")
    page.get_by_role("button", name="Mit einem Foto suchen").click()
    photo = {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": scene(red=(1, 1))}
    page.locator("vitrine-search input").first.set_input_files(photo)
    page.locator("vitrine-search [role=alert]").wait_for()
    assert set(visitor.paths("GET")) <= {"/embed/vitrine.js", "/v1/key"}
    assert visitor.paths("POST") == []
    assert any("keys remove write" in text for text in visitor.said)


@pytest.mark.browser
def test_a_service_that_does_not_answer_is_named_and_asked_again(visit):
    visitor = visit()
    page = visitor.page
    rows(page)
    page.get_by_role("button", name="Search with a photo").click()
    page.route("**/v1/search/image", lambda route: route.abort())
    page.locator("vitrine-search input").first.set_input_files(
        {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": scene(red=(1, 1))}
    )
    page.get_by_text("The search does not answer right now.").wait_for()
    page.unroute("**/v1/search/image")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("vitrine-search .grid:not([aria-busy]) .entry")
    assert page.locator("vitrine-search [role=alert]").is_hidden()
