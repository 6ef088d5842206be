"""The row "for you" of the page in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.page_driver import (
    browser,
    page,
    settled,
    shop,
    tabs,
    visit,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "page", "shop", "tabs", "visit"]  # fixtures
pytestmark = pytest.mark.browser


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
    page.get_by_role("button", name="Yes, show them").click()
    page.get_by_text("Open a few products").wait_for()  # not the items that the page shows above
    assert page.locator("#foryou .card").count() == 0
    link = page.locator("#tries .card:not(.skeleton) .card-link").first
    title = link.get_attribute("title")
    items = recommended(page, link.click)
    assert {item["reason"]["title"] for item in items} == {title}
    assert page.locator("#foryou .foryou-about").inner_text() == f"You looked at {title}"
    hide = page.locator("#foryou .card").first.get_by_role("button", name="Hide this")
    after = recommended(page, hide.click)
    assert items[0]["item_id"] not in [item["item_id"] for item in after]
    assert page.locator(".foryou-said span").inner_text() == f"{items[0]['title']} is hidden."
    undone = recommended(page, page.get_by_role("button", name="Undo").click)
    assert [item["item_id"] for item in undone] == [item["item_id"] for item in items]
    like = page.locator("#foryou .card").first.get_by_role("button", name="I like this")
    liked = recommended(page, like.click)
    place = [item["reason"]["title"] for item in liked].index(items[0]["title"])
    reasons = page.locator("#foryou .foryou-why, #foryou .foryou-about").all_inner_texts()
    assert reasons[place if len(reasons) > 1 else 0] == f"You like {items[0]['title']}"
    page.get_by_role("button", name="Forget my clicks").click()
    page.get_by_text("Open a few products").wait_for()
    page.get_by_role("button", name="Turn off").click()
    page.locator("#foryou").wait_for(state="hidden")
    assert page.evaluate("localStorage.getItem('vitrine.events')") is None
    page.locator("footer").get_by_role("button", name="For you").click()  # to change one's mind
    assert page.locator(":focus").inner_text() == "Yes, show them"
    assert page.locator("#ask-foryou").is_hidden()


def test_the_row_for_you_shows_pictures_in_the_style_that_the_shopper_looks_at(page):
    page.get_by_role("button", name="Yes, show them").click()
    page.get_by_text("Open a few products").wait_for()
    noir = [
        {"item_id": item, "type": "view", "time": 1e9 + place, "rendition": "noir"}
        for place, item in enumerate(page.evaluate("""
            [...document.querySelectorAll('#tries .card:not(.skeleton)')].map((c) => c.dataset.item)
        """)[:3])
    ]  # fmt: skip
    page.evaluate("events => localStorage.setItem('vitrine.events', events)", json.dumps(noir))
    page.reload()
    page.get_by_text("In Noir, the style you look at most").wait_for()
    shown = page.locator("#foryou .card .picture img").first
    assert "style=noir" in shown.get_attribute("src")
