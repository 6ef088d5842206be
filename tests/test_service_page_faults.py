"""What goes wrong on the page, in a real browser: it keeps its place and its products."""

from __future__ import annotations

import pytest

from tests.page_driver import (
    answer,
    browser,
    drop,
    hits,
    page,
    photo_of,
    settled,
    shop,
    tabs,
    visit,
)

__all__ = ["browser", "page", "shop", "tabs", "visit"]  # fixtures
pytestmark = pytest.mark.browser

FOCUS = "document.activeElement.id || document.activeElement.className"


def noticed(page) -> str:
    page.wait_for_selector("#notice:not([hidden])")
    return page.inner_text("#notice")


def test_the_focus_stays_on_the_page_at_every_step(page, shop):
    file = {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": photo_of(shop, shop.items[0])}
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    answer(page, lambda: chooser.value.set_files(file))
    assert page.evaluate(FOCUS) == "results"

    free = page.locator("#filters input[type=checkbox]:enabled:not(:checked)")
    for _ in range(2):
        answer(page, free.nth(1).click)  # check() would look again, at another one
    chips = page.locator("#active .chip")
    assert chips.count() == 2
    chips.first.click()
    page.wait_for_function("() => document.querySelectorAll('#active .chip').length === 1")
    assert page.evaluate(FOCUS) == "chip"
    page.keyboard.press("Enter")
    page.wait_for_selector("#active:empty", state="attached")
    assert page.evaluate(FOCUS) == "results"

    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#details:not([hidden])")
    answer(page, page.get_by_role("button", name="Search with this item").click)
    assert page.evaluate(FOCUS) == "results"
    page.get_by_role("button", name="Remove").click()
    assert page.evaluate(FOCUS) == "text"
    tile = page.locator("#tries .card-link").first
    tile.focus()
    answer(page, lambda: page.keyboard.press("Enter"))
    assert page.evaluate(FOCUS) == "results"


def test_a_filter_that_fails_leaves_the_products_as_they_were(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    before = hits(page)
    counts = page.locator("#filters .value-count").all_inner_texts()
    page.route("**/v1/search/image", lambda route: route.abort("connectionrefused"))
    page.locator("#filters").get_by_role("checkbox", disabled=False).first.check()
    assert "These are still the products of your last search" in noticed(page)
    assert hits(page) == before
    assert page.locator("#filters .value-count").all_inner_texts() == counts
    page.unroute("**/v1/search/image")
    answer(page, page.get_by_role("button", name="Try again").click)
    page.locator("#notice", has_text="last search").wait_for(state="hidden")
    page.go_back()
    page.wait_for_selector("#active:empty", state="attached")
    assert hits(page) == before


def test_a_busy_shop_is_asked_again_and_something_else_is_not_taken_for_it(page):
    replies = [
        {"status": 503, "headers": {"Retry-After": "0.01"}, "json": {"code": "overloaded"}},
        {"status": 200, "body": "<h1>Sign in to the network</h1>"},
        {"status": 500, "json": {"code": "internal_error", "request_id": "9f1c"}},
    ]

    def reply(route) -> None:
        route.fulfill(**replies.pop(0)) if replies else route.continue_()

    page.route("**/v1/search", reply)
    page.locator("#text").fill("lamp")
    page.keyboard.press("Enter")
    assert "Something else answered in its place" in noticed(page)
    page.get_by_role("button", name="Try again").click()
    page.wait_for_function("() => document.getElementById('notice').innerText.includes('9f1c')")
    answer(page, page.get_by_role("button", name="Try again").click)
    assert not page.is_visible("#notice")


def test_a_search_that_is_never_answered_is_given_up(page):
    page.clock.install()
    page.route("**/v1/search", lambda _: None)
    page.locator("#text").fill("lamp")
    with page.expect_request("**/v1/search"):
        page.keyboard.press("Enter")
    page.clock.fast_forward(31_000)
    assert "This takes too long" in noticed(page)
    assert page.locator("#grid .skeleton").count() == 0
    page.unroute("**/v1/search")
    page.get_by_role("button", name="Try again").click()
    settled(page)


def test_the_panel_keeps_what_the_card_knew(page, shop):
    item = shop.first_of("Mugs")
    answer(page, lambda: drop(page, photo_of(shop, item)))
    page.route(f"**/v1/items/{item['id']}", lambda route: route.abort("connectionrefused"))
    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#panel [role=alert]")
    shown = page.inner_text("#panel")
    assert item["title"] in shown
    assert item["price"] in shown
    assert page.is_visible("#gallery-main img")
    page.unroute(f"**/v1/items/{item['id']}")
    page.locator("#panel").get_by_role("button", name="Try again").click()
    page.wait_for_selector("#details:not([hidden])")


def test_links_to_what_is_gone_lead_on(page, shop):
    page.goto(f"{shop.url}/?item=sold-off")
    assert "not in the shop any more" in noticed(page)
    assert page.locator("#source").is_hidden()
    page.locator("#results #tries .card:not(.skeleton)").first.wait_for()
    page.get_by_role("button", name="Start again").click()
    page.locator("#hero #tries .card").first.wait_for()
    page.goto(f"{shop.url}/?open=sold-off")
    page.get_by_role("button", name="See other products").click()
    page.locator("#panel").wait_for(state="hidden")
    page.goto(f"{shop.url}/?photo=1&min=50&max=20")
    page.wait_for_selector("#hero-notice:not([hidden])")
    assert "not part of a link" in page.inner_text("#hero-notice")
    assert page.url == f"{shop.url}/?min=20&max=50"


def test_back_undoes_a_crop(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    words = page.locator(".crop").get_attribute("aria-label")
    page.locator(".crop").focus()
    answer(page, lambda: page.keyboard.press("Shift+ArrowLeft"))
    assert page.locator(".crop").get_attribute("aria-label") != words
    page.go_back()
    page.wait_for_function(
        "words => document.querySelector('.crop').getAttribute('aria-label') === words", arg=words
    )


def test_pictures_switches_and_swatches_can_be_seen_in_forced_colors(visit, shop):
    page = visit("/?q=tee", forced_colors="active")  # of two tees, one is sold out
    settled(page)
    switch = page.get_by_role("switch", name="In stock only")
    style = "e => getComputedStyle(e).borderTopWidth + getComputedStyle(e).borderTopStyle"
    assert switch.evaluate(style) == "1pxsolid"
    dot = page.locator("#filters .swatch").first
    assert dot.evaluate("e => getComputedStyle(e).forcedColorAdjust") == "none"
    picture = page.locator("#grid .picture img").first
    assert picture.evaluate("e => getComputedStyle(e).mixBlendMode") == "normal"
