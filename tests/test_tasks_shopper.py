"""What shoppers come to do (`docs/tasks.md`), at a desk by keyboard alone and on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.enrichment.faqfile import FaqEntry
from indexer.enrichment.faqlog import FaqLog, StoredEntry
from indexer.enrichment.imports import import_file
from indexer.progress import no_progress
from indexer.sample.shop import SampleShop
from service.apikey import Scope
from service.client import Vitrine
from service.keyfile import KeyFile
from service.settings import Settings
from tests.page_driver import (
    Shop,
    answer,
    browser,
    encoded,
    hits,
    photo_of,
    settled,
    tabs,
    two_things,
)
from tests.person import Person, Typist, person
from tests.webserver import serving

if TYPE_CHECKING:
    from playwright.sync_api import Locator

__all__ = ["browser", "person", "tabs"]  # fixtures
pytestmark = pytest.mark.browser

GREEN = "tee-solstice-green-zigzag"
CHARCOAL = "tee-solstice-charcoal-solid"
BUY = "https://shop.example/tee-green"
REVIEWS = """item_id,title,review,stars
tee-solstice-green-zigzag,Lovely,"I love it. It is so soft and comfortable!",5
tee-solstice-green-zigzag,No,"Terrible quality, it fell apart. I am very disappointed.",1
"""
SHOWN = """(items) => {
  const shown = document.querySelectorAll("#grid:not([aria-busy]) .card");
  return JSON.stringify([...shown].map((card) => card.dataset.item)) === JSON.stringify(items);
}"""
DELIVERY = FaqEntry(question="How long does delivery take?", answer="Two to four working days.")


@pytest.fixture(scope="module")
def shop(
    drawn_shop: SampleShop, drawn_index: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """The drawn shop, with a link to buy one item, two reviews and an answer."""
    folder = tmp_path_factory.mktemp("tasks")
    shutil.copytree(drawn_index, folder / "shop")
    (folder / "reviews.csv").write_text(REVIEWS, encoding="utf-8")
    import_file(folder / "shop", folder / "reviews.csv", {}, no_progress)
    with FaqLog(folder / "shop", create=True) as log:
        log.put([StoredEntry(entry=DELIVERY)], replace=False)
    settings = Settings(
        shop=folder / "shop",
        request_log=False,
        queue_deadline_s=120,
        imprint_url="https://shop.example/imprint",
        contact="help@shop.example",
    )
    with serving(settings) as url:
        with Vitrine(url, KeyFile(folder / "shop").add("till", Scope.WRITE)) as client:
            client.patch(GREEN, {"url": BUY})
        yield Shop(url, drawn_shop.folder)


@pytest.fixture
def start(person: Person, shop: Shop) -> Callable[[str], Person]:
    """Opens a page of the shop."""

    def visit(path: str = "/") -> Person:
        person.page.goto(shop.url + path)
        return person

    return visit


def named(person: Person, role: str, name: str) -> Locator:
    return person.page.get_by_role(role, name=name, exact=True)


def search_photo(person: Person, data: bytes) -> dict:
    """Choose a photo on the start page; return the reply."""

    def choose() -> None:
        with person.page.expect_file_chooser() as asked:
            person.press(named(person, "button", "Choose a photo"))
        asked.value.set_files({"name": "p.jpg", "mimeType": "image/jpeg", "buffer": data})

    return answer(person.page, choose)


def search_words(person: Person, words: str) -> dict:
    field = person.page.get_by_role("searchbox")
    person.write(field, words)
    return answer(person.page, lambda: field.press("Enter"))


def shows(person: Person, items: list[str]) -> None:
    """Wait until these are the results: the page may have kept the answer from before."""
    person.page.wait_for_function(SHOWN, arg=items)


def card(person: Person, item: str) -> Locator:
    return person.page.locator(f'#grid [data-item="{item}"] .card-link')


def open_panel(person: Person, item: str) -> Locator:
    """Open the panel of a product among the results."""
    person.press(card(person, item))
    panel = person.page.locator("#panel[open]")
    panel.locator("#details:not([hidden])").wait_for()
    return panel


def open_filters(person: Person) -> None:
    """Show the filters, which are in a sheet on a phone."""
    if not isinstance(person, Typist):
        person.press(named(person, "button", "Filters"))


def close_filters(person: Person) -> None:
    if not isinstance(person, Typist):
        person.press(person.page.get_by_role("button", name="Show", exact=False).last)


def test_find_the_shirt_of_a_photo_in_green_and_buy_it(start, shop):
    person = start()
    charcoal = next(item for item in shop.items if item["id"] == CHARCOAL)
    search_photo(person, photo_of(shop, charcoal))
    panel = open_panel(person, hits(person.page)[0])
    person.press(panel.get_by_role("link", name="green, zigzag"))
    buy = panel.get_by_role("link", name="View in shop")
    buy.wait_for()
    assert "green" in panel.locator("#panel-title").inner_text()
    person.page.context.route("https://shop.example/**", lambda route: route.fulfill(body="shop"))
    with person.page.expect_popup() as bought:
        person.press(buy)
    assert bought.value.url == BUY


def test_search_for_one_of_two_things_in_a_photo(start, shop):
    person = start()
    _, right, data = two_things(shop)
    reply = search_photo(person, data)
    if reply["cropped"] is not None:
        answer(person.page, lambda: person.press(named(person, "button", "Whole photo")))
    crop = person.page.locator(".crop")
    if isinstance(person, Typist):
        person.reach(crop)

        def narrow() -> None:
            for _ in range(25):
                person.page.keyboard.press("Shift+ArrowLeft")
            for _ in range(25):
                person.page.keyboard.press("ArrowRight")

        answer(person.page, narrow)
    else:
        area = person.page.locator(".frame").bounding_box()
        point = (area["x"] + 0.75 * area["width"], area["y"] + 0.5 * area["height"])
        answer(person.page, lambda: person.page.touchscreen.tap(*point))
    first = "id => document.querySelector('#grid:not([aria-busy]) .card')?.dataset.item === id"
    person.page.wait_for_function(first, arg=right["id"])


def test_add_a_word_to_a_photo(start, shop):
    person = start()
    search_photo(person, photo_of(shop, shop.first_of("Hoodies")))
    search_words(person, "white")
    assert hits(person.page)[0] == "hoodie-heron-white-chest-stripe"


def test_find_products_by_a_mistyped_word(start):
    person = start()
    assert search_words(person, "tepot")["did_you_mean"] == "teapot"
    assert "Showing results for" in person.page.locator("#found-note").inner_text()
    assert hits(person.page) == ["teapot-ember-pink-solid"]


def test_narrow_to_a_price_and_what_is_in_stock_and_sort(start):
    person = start()
    search_words(person, "cotton")
    answer(person.page, lambda: person.choose(person.page.get_by_label("Sort"), "price"))
    assert hits(person.page)[0] == CHARCOAL  # the cheapest, which is sold out
    open_filters(person)
    stock = person.page.get_by_role("switch", name="In stock only")
    answer(person.page, lambda: person.press(stock))
    most = person.page.get_by_label("to", exact=True)
    person.write(most, "60")
    answer(person.page, lambda: most.press("Enter"))
    close_filters(person)
    settled(person.page)
    assert hits(person.page)[0] == GREEN
    prices = person.page.locator("#grid .card-price").all_inner_texts()
    costs = [float(price.strip("€").replace(",", "")) for price in prices]
    assert costs == sorted(costs)
    assert costs[-1] <= 60


def test_undo_a_filter(start):
    person = start()
    search_words(person, "cotton")
    before = hits(person.page)
    open_filters(person)
    person.press(person.page.get_by_role("button", name="Show all").first)
    tick = person.page.get_by_role("checkbox", name="Dresses")
    answer(person.page, lambda: person.press(tick))
    close_filters(person)
    assert hits(person.page) == ["dress-hazel-olive-solid"]
    active = person.page.get_by_role("list", name="Active filters")
    undo = active.get_by_role("button", name="Remove filter")
    person.press(undo)
    shows(person, before)
    # The focus stays among the filters or the results: the next Tab goes on from there.
    assert person.page.evaluate("document.activeElement !== document.body")


def test_compare_two_products(start):
    person = start()
    search_words(person, "cotton")
    names = ("Bramble slim shirt, gray", "Hazel V-neck dress, olive")
    for name in names:
        person.press(named(person, "button", f"Save {name}"))
    person.press(named(person, "button", "Saved products, 2"))
    saved = person.page.get_by_role("dialog", name="Saved products")
    for name in names:
        row = saved.get_by_role("listitem").filter(has_text=name)
        person.press(row.get_by_role("checkbox", name="Compare"))
    table = saved.get_by_role("table", name="Compared")
    row = table.get_by_role("row").filter(has_text="Price")
    assert sorted(row.get_by_role("cell").all_inner_texts()) == ["€162.00", "€87.00"]


def test_save_a_product_and_find_it_on_the_next_visit(start):
    person = start()
    search_words(person, "teapot")
    person.press(named(person, "button", "Save Ember round teapot, pink"))
    start()
    person.press(named(person, "button", "Saved products, one"))
    saved = person.page.get_by_role("dialog", name="Saved products")
    person.press(saved.get_by_role("link", name="Ember round teapot, pink"))
    panel = person.page.locator("#panel[open]")
    panel.locator("#details:not([hidden])").wait_for()
    assert panel.get_by_role("button", name="Saved").get_attribute("aria-pressed") == "true"


def test_go_on_when_nothing_matches_closely(start, shop):
    person = start()
    noise = encoded(shop.picture(shop.first_of("Hats")).resize((8, 6)).resize((320, 240)))
    reply = search_photo(person, noise)
    assert reply["no_close_match"]
    person.page.get_by_role("heading", name="No close match").wait_for()
    person.press(named(person, "button", "Add a word"))
    assert person.page.evaluate("document.activeElement.id") == "text"
    person.page.keyboard.type("cap")
    answer(person.page, lambda: person.page.keyboard.press("Enter"))
    assert hits(person.page)[0] == "hat-ridge-forest-green-solid"


def test_read_what_customers_say_about_a_product(start):
    person = start(f"/?q=tee&open={GREEN}")
    said = person.page.get_by_role("region", name="What customers say")
    assert "It is so soft and comfortable" in said.inner_text()
    assert "it fell apart" in said.inner_text()


def test_ask_questions_about_a_product_and_about_the_shop(start):
    person = start(f"/?q=tee&open={GREEN}")
    panel = person.page.locator("#panel[open]")
    panel.locator("#details:not([hidden])").wait_for()
    person.press(panel.locator("summary", has_text="Ask a question"))
    field = panel.get_by_role("textbox", name="Your question")
    for question, reply in (
        ("Is it made of cotton?", "cotton jersey"),
        ("How long is delivery?", "Two to four working days."),
        ("Who painted the Mona Lisa?", "help@shop.example"),
    ):
        person.write(field, question)
        person.press(panel.get_by_role("button", name="Ask", exact=True))
        panel.locator(".ask-found").get_by_text(reply).first.wait_for()


def test_send_a_search_to_a_friend(start, person):
    start()
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    search_words(person, "cotton")
    answer(person.page, lambda: person.choose(person.page.get_by_label("Sort"), "-price"))
    shown = hits(person.page)
    person.page.evaluate("navigator.share = undefined")
    person.press(named(person, "button", "Share this search"))
    person.page.get_by_text("Link copied").wait_for()
    link = person.page.evaluate("navigator.clipboard.readText()")
    friend = person.page.context.browser.new_page()
    friend.goto(link)
    settled(friend)
    assert hits(friend) == shown
    friend.close()


def test_look_at_a_product_and_go_back_to_the_same_place(start):
    person = start()
    search_words(person, "cotton")
    item = hits(person.page)[3]
    panel = open_panel(person, item)
    person.press(panel.get_by_role("button", name="Close"))
    person.page.wait_for_selector("#panel:not([open])", state="attached")
    assert card(person, item).evaluate("link => link === document.activeElement")
    person.page.go_back()
    person.page.wait_for_selector("#hero:not([hidden])")


def test_see_less_like_a_product_and_take_it_back(start, shop):
    person = start()
    search_photo(person, photo_of(shop, shop.first_of("Hoodies")))
    before = hits(person.page)
    panel = open_panel(person, before[0])
    answer(person.page, lambda: person.press(panel.get_by_role("button", name="Less like this")))
    assert before[0] not in hits(person.page)
    back = person.page.get_by_role("button", name="Stop searching for")
    person.press(back)
    shows(person, before)


def test_change_the_language_and_keep_the_search(start, shop):
    person = start()
    teapot = photo_of(shop, shop.first_of("Teapots"))
    shown = [hit["item_id"] for hit in search_photo(person, teapot)["hits"]]
    person.press(named(person, "link", "中文"))
    person.page.get_by_role("heading", name="与您的照片相似").wait_for()
    shows(person, shown)
    assert person.page.evaluate("document.documentElement.lang") == "zh"


def test_reach_the_imprint_though_the_results_go_on(start):
    person = start()
    search_words(person, "cotton")
    imprint = "https://shop.example/imprint"
    person.page.route(imprint, lambda route: route.fulfill(body="ours"))
    person.press(named(person, "link", "Imprint"))
    person.page.wait_for_url(imprint)
