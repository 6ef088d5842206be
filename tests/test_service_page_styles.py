"""Styles on the page: a switch for the grid, and a strength for one product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.page_driver import PHONE, Shop, answer, browser, photo_of, shop, tabs, visit
from tests.webserver import serious_findings

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "shop", "tabs", "visit"]  # fixtures
pytestmark = pytest.mark.browser

SWITCH = "#style:not([disabled])"


def ask(page: Page, shop: Shop) -> None:
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo_of(shop, shop.items[0])}
    answer(page, lambda: page.set_input_files("#file", [photo]))
    page.wait_for_selector(SWITCH, state="attached")


def pictures(page: Page) -> list[str]:
    return page.eval_on_selector_all(
        "#grid .card-link > .picture img", "images => images.map((i) => i.getAttribute('src'))"
    )


def main_picture(page: Page, wanted: str) -> None:
    """Wait until the panel shows the picture of this address, loaded."""
    page.wait_for_function(
        """(wanted) => {
          const image = document.querySelector("#gallery-main img");
          return image?.getAttribute("src").includes(wanted) && image.naturalWidth > 0;
        }""",
        arg=wanted,
    )


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 860}], ids=["phone", "desk"])
def test_the_whole_grid_is_shown_in_the_style_that_is_chosen(visit, shop, viewport):
    page = visit(viewport=viewport)
    ask(page, shop)
    plain = pictures(page)
    assert not any("style=" in url for url in plain)
    if viewport == PHONE:  # there, the choice is in the sheet of filters
        page.get_by_role("button", name="Filters").click()
    before = page.evaluate("window.seen.shift")
    page.select_option(SWITCH, "noir")
    assert all(url.endswith("&style=noir") for url in pictures(page))
    # The things in the photo may be told in the same breath.
    assert "Pictures are shown in Noir" in page.locator("#say").text_content()
    page.wait_for_function(
        "() => document.querySelector('#grid .card-link > .picture img').naturalWidth > 0"
    )
    assert page.evaluate("window.seen.shift") == before
    page.reload()
    page.wait_for_selector("#grid .card:not(.skeleton)")
    page.wait_for_selector(SWITCH, state="attached")
    assert page.locator("#style").input_value() == "noir"
    page.wait_for_function(
        "() => document.querySelector('#grid .card-link > .picture img').src.endsWith('style=noir')"
    )
    if viewport == PHONE:
        page.get_by_role("button", name="Filters").click()
    page.select_option(SWITCH, "")
    assert pictures(page) == plain
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_picture_that_cannot_be_styled_is_shown_as_it_is(visit, shop):
    page = visit()
    ask(page, shop)
    page.route("**/image*style=noir*", lambda route: route.fulfill(status=503, body=""))
    page.select_option(SWITCH, "noir")
    page.wait_for_function(
        """() => {
          const image = document.querySelector("#grid .card-link > .picture img");
          return !image.src.includes("style") && image.naturalWidth > 0;
        }"""
    )
    assert page.locator("#grid .picture.missing").count() == 0


def test_the_reference_of_the_interface_has_no_serious_finding_of_axe(visit):
    page = visit("/docs")
    page.locator(".opblock-summary-method").first.wait_for()
    assert serious_findings(page) == []


def test_without_a_list_of_styles_the_page_works_as_before(visit, shop):
    page = visit("/livez")
    page.route("**/v1/styles", lambda route: route.fulfill(status=503, body=""))
    page.goto(shop.url)
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo_of(shop, shop.items[0])}
    answer(page, lambda: page.set_input_files("#file", [photo]))
    assert page.locator("#style").is_disabled()
    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#details:not([hidden])")
    assert page.locator("#panel input[type=range]").is_disabled()


def test_the_strength_of_a_product_is_set_by_the_keyboard_and_compared(visit, shop):
    page = visit()
    ask(page, shop)
    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#panel select:not([disabled])")
    page.wait_for_selector("#details:not([hidden])")
    main_picture(page, "index=0")
    assert page.locator(".restyle-strength").is_hidden()
    page.select_option("#panel select", "noir")
    main_picture(page, "style=noir")
    assert "strength" not in page.locator("#gallery-main img").get_attribute("src")
    page.locator("#panel input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    main_picture(page, "style=noir&strength=0.3")
    assert page.locator(".strength-number").text_content() == "30 %"
    assert page.locator("#gallery-main img").get_attribute("alt").endswith(" in Noir")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Original"
    page.keyboard.press("Space")
    page.wait_for_function(
        "() => !document.querySelector('#gallery-main img').getAttribute('src').includes('style')"
    )
    assert page.locator(".restyle button").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    main_picture(page, "style=noir&strength=0.3")
    assert page.evaluate("window.seen.shift") < 0.05
