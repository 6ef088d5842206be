"""The operator's page on a small shop of its own: two generations, reports, suggestions, keys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from service.apikey import Scope
from service.keyfile import KeyFile
from service.lastreports import keep_report
from service.settings import Settings
from tests.conftest import write_catalog
from tests.suggested import suggest
from tests.webserver import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Place:
    """Where the page is, the shop behind it, and a key of each scope."""

    def __init__(self, url: str, shop: Path, tokens: dict[str, str]) -> None:
        self.url = url
        self.shop = shop
        self.tokens = tokens


@pytest.fixture(scope="module")
def place(tiny_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    shop = tmp_path_factory.mktemp("admin") / "shop"
    shutil.copytree(tiny_shop, shop)
    folder = ShopFolder(shop)
    catalog = write_catalog(shop.parent / "catalogs" / "tiny")
    text = catalog.read_text(encoding="utf-8")
    catalog.write_text(text.replace("Red mug", "Red cup"), encoding="utf-8")
    build_index(open_catalog(catalog), folder, ColorEncoder())  # a second generation
    tokens = {scope: KeyFile(shop).add(scope, scope) for scope in Scope}
    skipped = {"item_id": "red-mug", "image": "red-mug-3.jpg", "where": "row 7",
               "reason": "not an image: 14 bytes of text"}  # fmt: skip
    report = {"generation": folder.current(), "items": 12, "skipped": [skipped], "suspects": []}
    keep_report(shop, "index", report)
    picture = {"item_id": "red-mug", "image_index": 0, "path": "1.jpg"}
    finding = {"kind": "category", "confidence": 0.9, "reason": "looks like Mugs",
               "items": ["red-mug"], "pictures": [picture],
               "given": "Shoes", "suggested": "Mugs"}  # fmt: skip
    audit = {"items": 12, "pictures": 24, "findings": [finding], "notes": [], "seconds": 0.1}
    keep_report(shop, "audit", audit)
    suggest_mugs(shop, "Drinkware > Mugs")
    settings = Settings(
        shop=shop,
        catalogs=shop.parent / "catalogs",
        request_log=False,
        queue_deadline_s=120,
        require_key=True,
    )
    with serving(settings) as url:
        yield Place(url, shop, tokens)


def suggest_mugs(shop: Path, value: str) -> None:
    """Suggest a category for three mugs."""
    suggest(shop, {f"{color}-mug": ("taxonomy", value) for color in ("red", "blue", "green")})


def sign_in(page: Page, place: Place, section: str = "overview") -> None:
    page.goto(f"{place.url}/admin#{section}")
    page.get_by_label("Key").fill(place.tokens[Scope.ADMIN])
    page.keyboard.press("Enter")
    drawn(page)


def go(page: Page, section: str) -> None:
    page.get_by_role("link", name=section, exact=True).click()
    page.locator(f"h1:has-text('{section}')").wait_for()
    drawn(page)


def drawn(page: Page) -> None:
    page.wait_for_selector("#main:not([aria-busy]) h1")
