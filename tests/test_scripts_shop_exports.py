"""Full exports in every format of shop programs: every product and variant comes in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.items import Skipped
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from tests.conftest import COLORS, plain

FORMATS = ["shopify", "woocommerce", "magento", "google table", "google xml", "nested json",
           "json-ld", "xlsx", "shopify bulk", "wix", "bigcommerce", "shopware"]  # fmt: skip


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six products with and without sizes, each with one or two drawn pictures."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "scripts")
    records = []
    for number, (color, rgb) in enumerate(COLORS.items()):
        images = [f"{color}-{view}.png" for view in range(1 + number % 2)]
        for view, name in enumerate(images):
            plain(rgb, 24, 6 * view).save(tmp_path / name)
        record = {"id": color, "title": f'A "{color}" tee, & more', "price": 1299.5 + number}
        record |= {"images": images, "categories": ["Men/Tops & Tees", "Sale"]}
        record |= {"description": "Soft; wool | cotton", "attributes": {"color": color}}
        records.append(record | ({"sizes": ["S", "M"]} if number % 3 else {}))
    path = tmp_path / "catalog.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_two_hundred_products_come_in_from_every_format(catalog, name):
    from export_formats import EXPORTS, expected_items, read_products

    if name == "xlsx":
        pytest.importorskip("python_calamine")
    products = read_products(catalog, 200)
    entries = list(open_catalog(EXPORTS[name](products, catalog.parent)))
    assert [entry for entry in entries if isinstance(entry, Skipped)] == []
    items = [entry.item for entry in entries if not isinstance(entry, Skipped)]
    assert len({item.item_id for item in items}) == expected_items(name, products)
    assert len({item.product_id for item in items}) == 200
    assert all(item.images for item in items)
    assert all("Men/Tops & Tees" in item.categories for item in items)
    assert {item.price for item in items if item.price} == {1299.5 + n for n in range(6)}
    gone = {product.item_id for product in products if not product.in_stock}
    assert sum(not item.in_stock for item in items) >= len(gone)


@pytest.mark.parametrize("name", ["shopify", "woocommerce", "magento", "google xml"])
def test_an_export_is_indexed_with_its_pictures(catalog, tmp_path, name):
    from export_formats import EXPORTS, expected_items, read_products

    products = read_products(catalog, 6)
    path = EXPORTS[name](products, catalog.parent)
    report = build_index(open_catalog(path), ShopFolder(tmp_path / "shop"), ColorEncoder())
    assert (report.skipped, report.products) == ([], 6)
    assert report.items == expected_items(name, products)
