"""What a shopper does on the page, in a real browser: dots, wishes, lists, languages."""

from __future__ import annotations

import pytest

from tests.page_driver import (
    answer,
    browser,
    drag,
    drop,
    hits,
    page,
    photo_of,
    sent,
    settled,
    shop,
    tabs,
    two_things,
    visit,
)

__all__ = ["browser", "page", "shop", "tabs", "visit"]  # fixtures
pytestmark = pytest.mark.browser

THINGS = {
    "things": [
        {
            "box": [0.05, 0.1, 0.45, 0.9],
            "score": 0.9,
            "name": "Home/Teapots",
            "no_close_match": True,
            "sold": True,  # the hit is of its kind
        },
        {"box": [0.55, 0.1, 0.95, 0.9], "score": 0.8, "name": None, "sold": True},
        {"box": [0.56, 0.12, 0.96, 0.9], "score": 0.4, "name": None, "sold": True},
        {"box": [0.4, 0, 0.6, 0.1], "score": 0.4, "name": "outwear", "sold": False},
        {"box": [0.4, 0.8, 0.6, 1], "score": 0.3, "name": None, "sold": False},  # hardly a thing
    ],
    "timings": {},
}


def test_a_dot_on_each_thing_searches_for_it(page, shop):
    left, right, data = two_things(shop)
    some = answer(page, lambda: drop(page, photo_of(shop, left)))["hits"]
    for thing, place in zip(THINGS["things"], (0, 1, 1, 2, 2), strict=True):
        thing["hits"] = some[place : place + 1]
    page.route("**/v1/recognize", lambda route: route.fulfill(json=THINGS))
    answer(page, lambda: drop(page, data))
    dots = page.locator(".thing")
    dots.first.wait_for()
    labels = [dot.get_attribute("aria-label") for dot in dots.all()]
    assert labels == [
        "Search for Teapots, thing 1 of 3",
        "Search for thing 2 of 3",
        "Search for coat or jacket, thing 3 of 3",
    ]
    dots.nth(1).focus()
    answer(page, lambda: page.keyboard.press("Enter"))
    assert sent(page, "box") == "0.5500,0.1000,0.9500,0.9000"
    assert hits(page)[0] == right["id"]
    assert dots.nth(1).get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="All in this look (2)").click()
    cards = page.locator("#look .card")
    assert [card.get_attribute("data-item") for card in cards.all()] == [
        hit["item_id"] for hit in some[:2]
    ]
    page.get_by_text("No close match in this shop: coat or jacket").wait_for()
    page.get_by_role("button", name="Close the look").click()
    assert page.evaluate("document.activeElement.id") == "open-look"
    answer(page, dots.nth(2).click)
    page.get_by_role("heading", name="No close match").wait_for()


def test_less_like_this_and_sorting_change_the_answer_and_the_link(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    first = hits(page)[0]
    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#details:not([hidden])")
    reply = answer(page, page.get_by_role("button", name="Less like this").click)
    assert first not in [hit["item_id"] for hit in reply["hits"]]
    assert f"unlike={first}" in page.url
    answer(page, lambda: page.select_option("#sort", "-price"))
    prices = [hit["price"] for hit in answer_of(page)]
    assert prices == sorted(prices, reverse=True)
    assert page.locator("#grid .cut, #grid .badge.first").count() == 0
    page.locator("#active .chip").first.click()
    page.wait_for_selector("#active:empty", state="attached")
    settled(page)
    assert "unlike" not in page.url


def answer_of(page) -> list[dict]:
    """The hits in the grid, with their prices as numbers."""
    prices = page.locator("#grid .card-price").all_inner_texts()
    return [{"price": float(price.strip("€").replace(",", ""))} for price in prices]


def test_a_card_shows_its_product_in_another_color_by_one_key(page, shop):
    page.locator("#text").fill("tee")
    reply = answer(page, lambda: page.keyboard.press("Enter"))
    at, hit = next((at, hit) for at, hit in enumerate(reply["hits"]) if len(hit["swatches"]) > 1)
    card = page.locator("#grid .card").nth(at)
    colors = card.get_by_role("group", name=f"Colors of {hit['title']}")
    own = next(one["value"] for one in hit["swatches"] if one["item_id"] == hit["item_id"])
    chosen = colors.get_by_role("radio", checked=True)
    assert chosen.get_attribute("aria-label").startswith(own)
    box = card.bounding_box()
    chosen.focus()
    page.keyboard.press("ArrowRight")
    checked = colors.get_by_role("radio", checked=True)
    assert checked.evaluate("radio => radio === document.activeElement")
    color = checked.get_attribute("aria-label").removesuffix(", out of stock")
    other = next(one for one in hit["swatches"] if one["value"] == color != own)
    link = card.locator(".card-link")
    assert link.get_attribute("title") == other["title"]
    picture = f"/v1/items/{other['item_id']}/image"
    page.wait_for_selector(f'#grid .card-link img[src*="{picture}"]')
    assert card.bounding_box() == box  # nothing moves
    link.press("Enter")
    page.wait_for_selector("#details:not([hidden])")
    assert page.locator("#panel-title").inner_text() == other["title"]
    page.keyboard.press("Escape")
    page.wait_for_selector("#panel:not([open])", state="attached")
    assert colors.get_by_role("radio", checked=True).get_attribute("aria-label").startswith(color)


def test_the_heat_maps_of_a_match_are_shown_on_demand(page, shop):
    item = shop.first_of("T-shirts")
    answer(page, lambda: drop(page, photo_of(shop, item)))
    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#details:not([hidden])")
    page.get_by_role("button", name="Why this one?").click()
    page.wait_for_selector(".why-pictures canvas")
    assert page.locator(".why-picture img").count() == 2
    heat = "c => Math.max(...c.getContext('2d').getImageData(0, 0, 8, 8).data)"
    assert page.locator(".why-picture canvas").first.evaluate(heat) > 100
    pictures = page.locator(".why-pictures").bounding_box()
    assert pictures["y"] + pictures["height"] <= page.viewport_size["height"] + 1  # all in view
    assert page.locator(".variant").count() == sum(
        other["product_id"] == item["product_id"] for other in shop.items
    )


def test_the_heat_map_of_a_small_region_shows_its_surroundings(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("T-shirts"))))
    answer(page, lambda: drag(page, (0.3, 0.3), (0.6, 0.6)))
    page.locator("#grid .card-link").first.click()
    page.wait_for_selector("#details:not([hidden])")
    page.get_by_role("button", name="Why this one?").click()
    page.wait_for_selector(".why-pictures canvas")
    frame = page.locator(".why-picture > div").first.bounding_box()
    region = page.locator(".why-picture canvas").first.bounding_box()
    # The region is 0.3 of the photo's width, and has 0.35 of its own width on each side.
    assert region["width"] / frame["width"] == pytest.approx(1 / 1.7, abs=0.06)
    photo = page.locator(".why-picture img").first.bounding_box()
    assert photo["width"] / region["width"] == pytest.approx(1 / 0.3, rel=0.1)


def test_saved_products_are_compared_and_stay_in_the_browser(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    chosen = hits(page)[:2]
    for place in (0, 1):
        page.locator("#grid .save").nth(place).click()
    page.reload()
    settled(page)
    assert page.locator("#grid .save[aria-pressed=true]").count() == 2
    page.get_by_role("button", name="Saved products, 2").click()
    saved = page.get_by_role("dialog", name="Saved products")
    rows = saved.locator(".shelf-row")
    assert {row.get_attribute("data-item") for row in rows.all()} == set(chosen)
    for box in saved.get_by_role("checkbox", name="Compare").all():
        box.check()
    table = saved.get_by_role("table", name="Compared")
    assert table.get_by_role("rowheader", name="Price").is_visible()
    assert table.get_by_role("columnheader").count() == 2
    saved.get_by_role("button", name="Remove").first.click()
    table.wait_for(state="detached")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Forget my searches and lists").click()
    assert page.evaluate("localStorage.getItem('vitrine.saved')") is None


def test_quick_filters_and_recent_searches_take_one_press(page, shop):
    page.locator("#text").fill("tee")
    answer(page, lambda: page.keyboard.press("Enter"))
    color = page.locator("#quick .pick").last
    name = color.inner_text()
    answer(page, color.click)
    assert page.get_by_role("button", name=f"Remove filter {name}").count() == 1
    assert page.evaluate("document.activeElement.innerText") == name
    page.locator("#home").click()
    page.locator("#recent button").click()
    settled(page)
    assert page.title().startswith("\u201ctee\u201d")


def test_the_page_speaks_chinese_and_keeps_it_in_its_links(visit, shop):
    page = visit("/?lang=zh")
    page.locator("#tries .card:not(.skeleton)").first.wait_for()
    assert page.locator("#hero-title").inner_text() == "拍照找同款"
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    assert "lang=zh" in page.url
    assert "款商品" in page.inner_text("#found-meta")
    page.get_by_role("link", name="English").click()
    page.locator("#found-meta", has_text="products").wait_for()  # with the photo
    assert "lang=en" in page.url
