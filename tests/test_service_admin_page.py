"""The operator's page in a real browser: the key, the numbers, and what it changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.enrichment.suggestion import Source, Suggestion
from indexer.enrichment.suggestionlog import ItemSuggestions, Suggested, SuggestionLog
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from service.apikey import Scope
from service.keyfile import KeyFile
from service.lastreports import keep_report
from service.settings import Settings
from tests.conftest import write_catalog
from tests.page_driver import PATIENCE_MS, browser
from tests.webserver import serious_findings, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]  # a fixture
pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}


class Place:
    """Where the page is, the shop behind it, and a key of each scope."""

    def __init__(self, url: str, shop: Path, tokens: dict[str, str]) -> None:
        self.url = url
        self.shop = shop
        self.tokens = tokens


@pytest.fixture(scope="module")
def place(tiny_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    shop = tmp_path_factory.mktemp("admin") / "shop"
    shutil.copytree(tiny_shop, shop)
    folder = ShopFolder(shop)
    catalog = write_catalog(shop.parent / "catalog")
    text = catalog.read_text(encoding="utf-8")
    catalog.write_text(text.replace("Red mug", "Red cup"), encoding="utf-8")
    build_index(open_catalog(catalog), folder, ColorEncoder())  # a second generation
    tokens = {scope: KeyFile(shop).add(scope, scope) for scope in Scope}
    skipped = {"item_id": "red-mug", "image": "red-mug-3.jpg", "where": "row 7",
               "reason": "not an image: 14 bytes of text"}  # fmt: skip
    report = {"generation": folder.current(), "items": 12, "skipped": [skipped], "suspects": []}
    keep_report(shop, "index", report)
    picture = {"item_id": "red-mug", "image_index": 0, "path": "1.jpg"}
    finding = {"kind": "category", "confidence": 0.9, "reason": "looks like Mugs",
               "items": ["red-mug"], "pictures": [picture],
               "given": "Shoes", "suggested": "Mugs"}  # fmt: skip
    audit = {"items": 12, "pictures": 24, "findings": [finding], "notes": [], "seconds": 0.1}
    keep_report(shop, "audit", audit)
    with SuggestionLog(shop, create=True) as log:
        log.replace(
            [ItemSuggestions(f"{color}-mug", [_mug()]) for color in ("red", "blue", "green")]
        )
    settings = Settings(shop=shop, request_log=False, queue_deadline_s=120, require_key=True)
    with serving(settings) as url:
        yield Place(url, shop, tokens)


def _mug() -> Suggested:
    """A suggested category, read from a title and undecided."""
    source = Source("title", 4, 7, "mug")
    mug = Suggestion(
        attribute="taxonomy", value="Drinkware > Mugs", confidence=0.9, source=source, is_new=True
    )
    return Suggested(mug, accepted=False)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    context.close()
    assert problems == []


def sign_in(page: Page, place: Place, section: str = "overview") -> None:
    page.goto(f"{place.url}/admin#{section}")
    page.get_by_label("Key").fill(place.tokens[Scope.ADMIN])
    page.keyboard.press("Enter")
    drawn(page)


def go(page: Page, section: str) -> None:
    page.get_by_role("link", name=section, exact=True).click()
    page.locator(f"h1:has-text('{section}')").wait_for()
    drawn(page)


def drawn(page: Page) -> None:
    page.wait_for_selector("#main:not([aria-busy]) h1")


def test_without_a_key_of_an_operator_the_page_shows_nothing(page, place):
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(place.url)))
    page.goto(f"{place.url}/admin")
    page.get_by_label("Key").wait_for()
    assert not [path for path in asked if path.startswith(("/v1", "/metrics"))]
    assert serious_findings(page) == []
    page.get_by_label("Key").fill(place.tokens[Scope.WRITE])
    page.keyboard.press("Enter")
    page.get_by_text("This key has the scope write; the page needs admin.").wait_for()
    page.get_by_label("Key").fill("vtr_wrong")
    page.keyboard.press("Enter")
    page.get_by_text("the key is wrong").wait_for()
    assert page.evaluate("sessionStorage.length") == 0
    assert page.locator("#frame").is_hidden()


def test_every_section_is_drawn_and_accessible_on_a_phone_too(page, place):
    sign_in(page, place)
    page.get_by_text("Serving generation").wait_for()
    shown = page.locator(".tile", has_text="Serving generation").inner_text()
    assert ShopFolder(place.shop).current() in shown
    # No search was sent: the page says so, and draws no line.
    assert "no value yet" in page.locator(".tile", has_text="Time of a search").inner_text()
    assert page.locator(".chart:has(h3:text-is('Searches')) path").count() == 0
    page.set_viewport_size(PHONE)
    texts = {}
    for section in ("Builds", "Generations", "Pictures", "Audit", "Texts", "Models", "Storage",
                    "Keys", "Settings", "Overview"):  # fmt: skip
        go(page, section)
        texts[section] = page.locator("#main").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), section
        assert "null" not in texts[section].split()
        if section in (
            "Generations",
            "Texts",
            "Keys",
            "Overview",
        ):  # one of each kind: axe takes a while
            assert serious_findings(page) == [], section
    assert "not an image: 14 bytes of text" in texts["Pictures"]
    assert "The category may be wrong (1)" in texts["Audit"]
    assert "Drinkware > Mugs" in texts["Texts"]
    assert "the catalog says Shoes; the pictures show Mugs" in texts["Texts"]
    assert "catalog.lmdb" in texts["Storage"]
    assert "VITRINE_REQUIRE_KEY" in texts["Settings"]


def test_an_operator_decides_about_suggestions_and_drafts_a_text(page, place):
    sign_in(page, place, "texts")
    page.get_by_role("button", name="Refuse taxonomy Drinkware > Mugs for Blue mug").press("Enter")
    page.locator(".decision").nth(2).wait_for(state="detached")
    page.get_by_label("All 2 shown").check()
    page.get_by_role("button", name="Accept the chosen").click()
    page.get_by_text("Nothing of this kind.").wait_for()
    with SuggestionLog(place.shop) as log:
        assert log.all_accepted() == {
            f"{color}-mug": {"taxonomy": ["Drinkware > Mugs"]} for color in ("green", "red")
        }
        assert [(one.accepted, one.by) for one in log.of("blue-mug")] == [(False, "operator")]
    page.get_by_label("State").select_option("refused")
    page.get_by_text("refused by the operator").wait_for()
    page.get_by_label("Item number").fill("red-mug")
    page.get_by_role("button", name="Draft a text").click()
    draft = page.get_by_role("article", name="Draft for Red cup")
    first = draft.locator(".draft-text").inner_text()
    assert "Draft, not published" in draft.inner_text()
    assert "A mug in red, for every day." in draft.inner_text()  # the shop's own text, beside it
    draft.get_by_text("What each sentence is from").click()
    assert "title: " in draft.locator("li").first.inner_text()
    draft.get_by_role("button", name="Another draft").click()
    draft.locator(".draft-text").filter(has_not_text=first).wait_for()


def test_an_operator_rolls_back_and_promotes_and_rotates_a_key_by_keyboard(page, place):
    folder = ShopFolder(place.shop)
    second = folder.current()
    sign_in(page, place, "generations")
    page.get_by_role("button", name="Roll back").press("Enter")
    assert page.get_by_role("button", name="Cancel").evaluate(
        "button => button === document.activeElement"
    )
    page.get_by_role("dialog").get_by_role("button", name="Roll back").press("Enter")
    promote = page.get_by_role("button", name=f"Promote {second}")
    promote.wait_for()
    assert folder.current() != second
    promote.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Promote").press("Enter")
    page.locator("tr", has_text=second).get_by_text("current").wait_for()
    assert folder.current() == second

    go(page, "Keys")
    page.get_by_role("button", name="Rotate read").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Rotate").press("Enter")
    made = page.get_by_role("group", name="The new key of read")
    made.wait_for()
    token = made.locator("code").inner_text()
    keys = [key for key in KeyFile(place.shop).read() if key.name == "read"]
    assert len(keys) == 2
    assert token.startswith("vtr_")
    go(page, "Storage")
    go(page, "Keys")
    assert token not in page.content()
    # The key in use cannot be removed by mistake.
    assert page.get_by_role("button", name="Remove write").is_visible()
    assert page.get_by_role("button", name="Remove admin").count() == 0


def test_pictures_that_were_shown_are_released(page, place):
    page.add_init_script("""
        const held = new Set();
        const note = () => { document.documentElement.dataset.held = held.size; };
        const { createObjectURL, revokeObjectURL } = URL;
        URL.createObjectURL = (blob) => {
            const url = createObjectURL.call(URL, blob);
            held.add(url);
            note();
            return url;
        };
        URL.revokeObjectURL = (url) => {
            revokeObjectURL.call(URL, url);
            held.delete(url);
            note();
        };
    """)
    sign_in(page, place, "pictures")
    page.locator("html[data-held='0'] .thumb img").first.wait_for()
    assert page.locator(".thumb img").first.evaluate("image => image.naturalWidth") > 0


def test_a_task_that_cannot_be_canceled_is_reported(page, place):
    job = {"id": "20260101t120000-000000", "kind": "build", "state": "running", "subject": "a.csv",
           "created_at": "2026-01-01T12:00:00Z", "ended_at": None, "started_by": "till",
           "progress": None, "summary": None, "problem": None}  # fmt: skip
    page.route("**/v1/jobs", lambda route: route.fulfill(json={"jobs": [job]}))
    detail = {"detail": "the disk is full"}
    page.route("**/cancel", lambda route: route.fulfill(status=507, json=detail))
    sign_in(page, place, "builds")
    page.get_by_role("button", name="Cancel Build of a.csv").click()
    alert = page.get_by_role("alert")
    alert.get_by_text("the disk is full").wait_for()
    assert alert.count() == 1
