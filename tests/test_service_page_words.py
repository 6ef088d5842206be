"""Words and filters on the page in a real browser: what it made of the words, and what is left."""

from __future__ import annotations

import pytest

from tests.page_driver import (
    answer,
    browser,
    drop,
    hits,
    page,
    photo_of,
    sent,
    settled,
    shop,
    tabs,
    visit,
)

__all__ = ["browser", "page", "shop", "tabs", "visit"]  # fixtures
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
    assert page.locator("#found-note").inner_text() == "From your words: Up to €500.00"
    search_for(page, "cheap teapot")
    assert page.locator("#found-note").inner_text() == "From your words: Price: low to high"
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
    assert page.locator("#sort").is_hidden()
    page.locator("#results #tries .card:not(.skeleton)").first.wait_for()
    with page.expect_file_chooser():
        page.locator("#notice").get_by_role("button", name="Search with a photo").click()
    page.get_by_role("searchbox").fill("mug")
    answer(page, lambda: page.keyboard.press("Enter"))
    assert page.locator("#tries").is_hidden()


def test_filters_narrow_the_answer_as_their_counts_say(page, shop):
    before = answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    assert "Mugs" in page.locator("#filters details").first.inner_text()  # though others have more
    row = page.locator("#filters li", has_text="Clothing").first
    count = int(row.locator(".value-count").inner_text())
    clothes = [item for item in shop.items if "Clothing/" in item["categories"]]
    assert count == len({item["product_id"] for item in clothes}) < len(clothes)
    after = answer(page, lambda: row.get_by_role("checkbox").check())
    assert after["products"] == count < before["products"]
    assert f"{len(after['hits'])} " in page.inner_text("#found-meta")
    assert "items" not in page.inner_text("#found-meta")
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
    names = [rows.nth(n).locator(".value-name").inner_text().lower() for n in (0, 1)]
    found = [{i["product_id"] for i in shop.items if i["color"] == name} for name in names]
    assert counts == [len(products) for products in found]
    assert both["products"] == len(found[0] | found[1])
    assert page.locator("#active .chip").count() == 2


def test_price_and_stock_narrow_the_answer(page, shop):
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    page.get_by_label("to", exact=True).fill("40")
    answer(page, lambda: page.keyboard.press("Enter"))
    reply = answer(page, lambda: page.get_by_role("switch", name="In stock only").check())
    cheap = [i for i in shop.items if float(i["price"]) <= 40 and i["in_stock"] == "true"]
    assert reply["total"] == len(cheap)
    page.get_by_label("to", exact=True).fill("0.5")
    answer(page, lambda: page.keyboard.press("Enter"))
    # Without hits, the currency is that of the answer before.
    assert page.get_by_role("button", name="Remove filter Up to €0.50").is_visible()
    assert page.locator(".price legend").inner_text() == "Price in EUR"
    page.go_back()
    page.wait_for_selector("#grid .card")
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
    assert page.inner_text("#found-meta") == "24 products in 1,000 colors and sizes"
