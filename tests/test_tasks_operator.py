"""What operators come to do (`docs/tasks.md`), at a desk by keyboard alone and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexer.enrichment.suggestionlog import SuggestionLog
from indexer.shop.folder import ShopFolder
from service.apikey import Scope
from service.client import Vitrine
from service.keyfile import KeyFile
from tests.operator_driver import drawn, place, suggest_mugs
from tests.page_driver import browser, tabs
from tests.person import Person, person

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

__all__ = ["browser", "person", "place", "tabs"]  # fixtures
pytestmark = pytest.mark.browser


@pytest.fixture
def page(person: Person, place) -> Page:
    """The operator's page after signing in."""
    person.page.goto(f"{place.url}/admin")
    person.write(person.page.get_by_label("Key"), place.tokens[Scope.ADMIN])
    person.page.keyboard.press("Enter")
    drawn(person.page)
    return person.page


def go(person: Person, section: str) -> None:
    person.press(person.page.get_by_role("link", name=section, exact=True))
    person.page.get_by_role("heading", level=1, name=section).wait_for()
    drawn(person.page)


def press(person: Person, name: str, within: Locator | None = None) -> None:
    person.press((within or person.page).get_by_role("button", name=name, exact=True))


def sure(person: Person, name: str) -> None:
    """Press the button that the page asks to press again, which is not the first one there."""
    dialog = person.page.get_by_role("dialog")
    dialog.wait_for()
    cancel = dialog.get_by_role("button", name="Cancel")
    assert cancel.evaluate("button => button === document.activeElement")
    press(person, name, dialog)


def test_see_how_the_shop_is_served(person, page, place):
    with Vitrine(place.url, place.tokens[Scope.READ]) as shopper:
        shopper.search_text("mug")
    go(person, "Models")
    go(person, "Overview")
    generation = page.locator(".tile", has_text="Serving generation")
    assert ShopFolder(place.shop).current() in generation.inner_text()
    page.locator(".tile", has_text="Time of a search").get_by_text("ms").first.wait_for()


def test_see_why_a_picture_was_skipped(person, page):
    go(person, "Pictures")
    reason = page.get_by_role("region", name="Skipped, by reason")
    assert "not an image: 14 bytes of text" in reason.inner_text()
    entry = page.get_by_role("listitem").filter(has_text="red-mug-3.jpg")
    assert "row 7" in entry.inner_text()


def test_roll_back_a_bad_build_and_promote_it_again(person, page, place):
    folder = ShopFolder(place.shop)
    newest = folder.current()
    go(person, "Generations")
    press(person, "Roll back")
    sure(person, "Roll back")
    promote = page.get_by_role("button", name=f"Promote {newest}")
    promote.wait_for()
    assert folder.current() != newest
    person.press(promote)
    sure(person, "Promote")
    page.locator("tr", has_text=newest).get_by_text("current").wait_for()
    assert folder.current() == newest


def test_see_what_a_catalog_would_change_and_build_it(person, page, place):
    catalog = place.shop.parent / "catalogs" / "tiny" / "catalog.csv"
    text = catalog.read_text(encoding="utf-8")
    catalog.write_text(text.replace("Black mug", "Black beaker " + type(person).__name__), "utf-8")
    before = ShopFolder(place.shop).current()
    go(person, "Builds")
    person.choose(page.get_by_role("combobox", name="Catalog"), "tiny/catalog.csv")
    jobs = page.locator("article.job")
    known = jobs.count()
    press(person, "Only show what would change")
    jobs.nth(known).wait_for()
    job = page.get_by_role("article", name="Build of tiny/catalog.csv").first
    job.get_by_text("succeeded").wait_for()
    person.press(job.get_by_text("What would change"))
    changes = job.get_by_role("region", name="What would change")
    changes.wait_for()
    texts = changes.get_by_role("row").last.get_by_role("cell").all_inner_texts()
    assert texts[0] == "title"
    assert texts[1].startswith("Black ")
    assert texts[2] == f"Black beaker {type(person).__name__}"
    assert job.locator(".tile", has_text="Unchanged").inner_text().split() == ["Unchanged", "11"]
    assert ShopFolder(place.shop).current() == before
    assert "Canary" not in job.inner_text()  # nothing was built
    press(person, "Build it")
    jobs.nth(known + 1).wait_for()
    built = jobs.first
    built.get_by_text("succeeded").wait_for()
    assert "Canary passed" in built.inner_text()
    person.press(built.get_by_text("Report"))
    assert "Items changed\n1\n" in built.inner_text()
    assert ShopFolder(place.shop).current() != before
    catalog.write_text(text, encoding="utf-8")


def test_rotate_a_key(person, page, place):
    name = type(person).__name__.lower()
    old = KeyFile(place.shop).add(name, Scope.READ)
    go(person, "Keys")
    press(person, f"Rotate {name}")
    sure(person, "Rotate")
    made = page.get_by_role("group", name=f"The new key of {name}")
    made.wait_for()
    token = made.locator("code").inner_text()
    for key in (old, token):  # for a day, both are valid
        with Vitrine(place.url, key) as till:
            assert till.status().items == 12
    go(person, "Storage")
    go(person, "Keys")
    assert token not in page.content()
    # The key in use cannot be removed by mistake.
    assert page.get_by_role("button", name=f"Remove {name}").first.is_visible()
    assert page.get_by_role("button", name="Remove admin").count() == 0


def test_accept_suggestions_that_shoppers_can_then_filter_by(person, page, place):
    value = f"Drinkware > {type(person).__name__}"
    suggest_mugs(place.shop, value)
    go(person, "Texts")
    press(person, f"Refuse taxonomy {value} for Blue mug")
    page.locator(".decision").nth(2).wait_for(state="detached")
    # One goes on where one was: the entry that came to the place of the refused one.
    assert page.evaluate("document.activeElement.closest('.decision') !== null")
    person.press(page.get_by_label("All 2 shown"))
    press(person, "Accept the chosen")
    page.get_by_text("Nothing of this kind.").wait_for()
    with SuggestionLog(place.shop) as log:
        assert [(one.accepted, one.by) for one in log.of("blue-mug")] == [(False, "operator")]
    condition = f'suggested.taxonomy = "{value}"'
    with Vitrine(place.url, place.tokens[Scope.READ]) as shopper:
        found = shopper.search_text("mug", filter=condition)
    assert sorted(hit.item_id for hit in found.hits) == ["green-mug", "red-mug"]
    person.choose(page.get_by_label("State"), "refused")
    page.get_by_text("refused by the operator").wait_for()


def test_draft_a_description_and_see_what_it_is_from(person, page):
    go(person, "Texts")
    person.write(page.get_by_label("Item number"), "red-mug")
    press(person, "Draft a text")
    draft = page.get_by_role("article", name="Draft for Red cup")
    first = draft.locator(".draft-text").inner_text()
    assert "Draft, not published" in draft.inner_text()
    assert "A mug in red, for every day." in draft.inner_text()  # the shop's own text, beside it
    person.press(draft.get_by_text("What each sentence is from"))
    assert "title: " in draft.locator("li").first.inner_text()
    press(person, "Another draft", draft)
    draft.locator(".draft-text").filter(has_not_text=first).wait_for()
