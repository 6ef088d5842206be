"""The operator's page in a real browser: who may see it, what is drawn, and what fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from indexer.shop.folder import ShopFolder
from service.apikey import Scope
from tests.operator_driver import go, place, sign_in
from tests.page_driver import PATIENCE_MS, browser
from tests.webserver import serious_findings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser", "place"]  # fixtures
pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}


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
