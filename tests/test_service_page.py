"""The page in a real browser: one item, what is kept, what goes wrong, and for whom it works."""

from __future__ import annotations

import contextlib

import pytest

from tests.page_driver import (
    PATIENCE_MS,
    PHONE,
    answer,
    browser,
    drop,
    hits,
    no_wider_than_the_screen,
    opened,
    page,
    photo_of,
    settled,
    shop,
    tabs,
    visit,
)

__all__ = ["browser", "page", "shop", "tabs", "visit"]  # fixtures
pytestmark = pytest.mark.browser

# --- A shop that is being filled ---------------------------------------------------------------


def test_the_page_counts_the_items_while_a_shop_is_filled(page):
    counts = [540, 640]

    def plan(route):
        document = route.fetch()
        route.fulfill(
            response=document, body=document.text().replace('"planned": 0', '"planned": 640')
        )

    page.route("**/", plan)
    page.route(
        "**/v1/status",
        lambda route: route.fulfill(
            json={"items": counts[0], "products": 124, "facets": [], "max_limit": 24}
        ),
    )
    page.clock.install()
    page.reload()
    line = page.locator("#growth")
    line.wait_for()
    assert line.inner_text() == "540 of 640 items indexed"
    counts.remove(540)
    page.clock.run_for(2000)
    line.wait_for(state="hidden")
    assert page.locator("#foot-products").inner_text() == "124 products"


# --- One item --------------------------------------------------------------------------------


def test_the_panel_quotes_customers_as_text(page, shop):
    markup = "<img src=x onerror=alert(1)> is soft"
    quote = {"sentence": markup, "aspect": "comfort", "positive": 0.9, "review_id": "1"}
    comfort = {"aspect": "comfort", "count": 3, "positive": 1.0, "months": []}
    fit = {"aspect": "fit", "count": 2, "positive": 0.5, "months": []}
    summary = {
        "count": 7,
        "unclear": 1,
        "positive": 0.6667,
        "stars": 4.5,
        "months": [],
        "aspects": [comfort, fit],
        "pros": [quote],
        "cons": [],
    }
    reply = {"item_id": "x", "summary": summary, "reviews": []}
    page.route("**/reviews?limit=0", lambda route: route.fulfill(json=reply))
    answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Mugs"))))
    page.locator("#grid .card-link").first.click()
    page.locator("#reviews blockquote").wait_for()
    shown = page.locator("#reviews").inner_text()
    assert "7 reviews · 4.5 of 5 stars · 67 % of 6 seem happy" in shown
    assert page.locator("#reviews .aspects li").all_inner_texts() == ["Comfort\n100 % happy (3)"]
    assert page.locator("#reviews blockquote").inner_text() == markup
    assert "What they like" in shown
    assert "What they don’t like" not in shown


def test_a_question_is_answered_by_a_quotation_that_is_text(page):
    markup = "<img src=x onerror=alert(1)>"
    reply = {
        "kind": "fact", "answer": markup, "holds": True, "source": None, "confidence": 0.9,
        "items": [{"item_id": "a b", "title": markup}], "contact": "", "language": "en",
    }  # fmt: skip
    page.route("**/v1/ask", lambda route: route.fulfill(json=reply))
    box = page.locator("#foot .ask")
    box.locator("summary").click()
    box.locator("input").fill("Does it come in green?")
    box.locator("button").click()
    box.locator("blockquote").wait_for()
    assert box.locator("blockquote").inner_text() == markup
    assert "Yes." in box.inner_text()
    assert box.locator("li a").get_attribute("href") == "?open=a+b"
    reply |= {"answer": "color: Black; Gray", "source": {"field": "color"}, "holds": False}
    box.locator("button").click()
    box.get_by_text("No.").wait_for()
    assert box.locator("blockquote").inner_text() == "Color: Black, Gray"
    reply |= {"kind": "unknown", "answer": "", "contact": "help@shop.example"}
    box.locator("button").click()
    contact = box.get_by_role("link", name="help@shop.example")
    assert contact.get_attribute("href") == "mailto:help@shop.example"


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
        words = "A mug. • Glazed • <b>Two</b> sizes"
        route.fulfill(json={**item, "url": link, "description": words})

    def with_pattern(route):
        document = route.fetch()
        pattern = '"itemUrl": "https://shop.example/p/{item_id}"'
        route.fulfill(response=document, body=document.text().replace('"itemUrl": ""', pattern))

    item = shop.first_of("Mugs")
    page.route(f"**/v1/items/{item['id']}", with_link)
    page.route("**/?open=*", with_pattern)
    page.goto(f"{shop.url}/?open={item['id']}")
    panel = page.get_by_role("dialog")
    panel.get_by_role("button", name="Search with this item").wait_for()
    # The list that a feed writes into one line is a list.
    assert panel.locator("p.facts-words").inner_text() == "A mug."
    assert panel.locator(".points li").all_inner_texts() == ["Glazed", "<b>Two</b> sizes"]
    shown = panel.get_by_role("link", name="View in shop")
    address = link or f"https://shop.example/p/{item['id']}"
    assert shown.count() == (1 if address.startswith("https:") else 0)
    if address.startswith("https:"):
        assert shown.get_attribute("href") == address
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
    page.get_by_role("searchbox").fill("mug")
    answer(page, lambda: page.keyboard.press("Enter"))
    page.route("**/v1/search", lambda route: route.abort("connectionrefused"))
    page.get_by_role("searchbox").fill("lamp")
    page.keyboard.press("Enter")
    page.wait_for_selector("#notice:not([hidden])")
    assert page.locator("#quick").is_hidden()  # what was there narrows the mugs
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
    reply = answer(page, lambda: sheet.get_by_role("checkbox", disabled=False).first.check())
    assert reply["next_cursor"] is None
    sheet.get_by_role("button", name=f"Show {len(reply['hits'])} products").wait_for()
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
