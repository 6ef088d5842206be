"""The page says what it made of the words, and mixes two photos, in a real headless browser."""

from __future__ import annotations

import pytest

from tests.test_service_page import answer, browser, drop, hits, page, photo_of, shop, visit

__all__ = ["browser", "page", "shop", "visit"]  # fixtures
pytestmark = pytest.mark.browser


def search_for(page, text: str) -> dict:
    page.locator("#text").fill(text)
    return answer(page, lambda: page.locator("#text").press("Enter"))


def test_a_mistyped_word_and_a_price_are_named_above_the_results(page, shop):
    kind = shop.first_of("Teapots")
    search_for(page, "taepot")
    assert page.locator("#found-note").inner_text() == "Showing results for \u201cteapot\u201d"
    assert kind["id"] in hits(page)
    search_for(page, "teapot under 500")
    assert page.locator("#found-note").inner_text() == "Price: Up to €500.00"
    search_for(page, "teapot")
    assert page.locator("#found-note").is_hidden()


def test_two_photos_are_mixed_by_a_slider_that_shows_their_weights(page, shop):
    one, other = shop.first_of("Mugs"), shop.first_of("Hoodies")
    answer(page, lambda: drop(page, photo_of(shop, one)))
    assert hits(page)[0] == one["id"]
    file = {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": photo_of(shop, other)}
    answer(page, lambda: page.locator("#file-second").set_input_files(file))
    words = page.locator(".mix-words")
    assert words.inner_text() == "50\u2009% first photo, 50\u2009% second"
    assert set(hits(page)[:2]) == {one["id"], other["id"]}
    slider = page.locator("#mix input")
    answer(page, lambda: slider.press("End"))
    assert words.inner_text() == "10\u2009% first photo, 90\u2009% second"
    assert hits(page)[0] == other["id"]
    page.get_by_role("button", name="Remove the second").click()  # its answer is known already
    first = "id => document.querySelector('#grid .card').dataset.item === id"
    page.wait_for_function(first, arg=one["id"])
