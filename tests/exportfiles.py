"""Exports of shop programs, in a folder with the pictures that they name, and read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indexer.catalog.sources import Reading, open_catalog
from indexer.items import Item, Skipped


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the pictures that the catalogs of these tests name."""
    (tmp_path / "p").mkdir()
    for number in range(5):
        (tmp_path / "p" / f"{number}.jpg").touch()
    return tmp_path


def read(
    folder: Path, name: str, content: str | bytes, mapping: Any = None, **reading: Any
) -> tuple[list[Item], list[Skipped]]:
    """The items of a catalog, and everything that its report would say, in each of two passes."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    catalog = open_catalog(path, mapping, Reading(**reading))
    entries = list(catalog)
    assert list(catalog) == entries, "a build reads a catalog twice"
    items = [entry.item for entry in entries if not isinstance(entry, Skipped)]
    return items, [entry for entry in entries if isinstance(entry, Skipped)]


def ids(items: list[Item]) -> list[str]:
    return [item.item_id for item in items]


def facts(item: Item) -> tuple[Any, ...]:
    """Id, title, categories, price, currency, stock, pictures."""
    return (
        item.item_id,
        item.title,
        "; ".join(item.categories),
        item.price,
        item.currency,
        item.in_stock,
        " ".join(item.images),
    )


# Shopify

SHOPIFY = (
    "Handle,Title,Body (HTML),Option1 Value,Variant SKU,Variant Price,Image Src\n"
    'anchor,Anchor Bracelet,"<p>Black &amp; gold</p>",Gold,AN-G,69.99,p/0.jpg\n'
    "anchor,,,Silver,AN-S,55.00,p/1.jpg\n"
    "anchor,,,,,,p/2.jpg\n"
    "bangle,Bangle,Gold bangle,Default Title,,39.99,p/3.jpg\n"
)


# WooCommerce

WOO = (
    'ID,Name,"In stock?","Regular price",Categories,Images\n'
    '44,V-neck tee,1,20,"Clothing > Tshirts, Sale","p/0.jpg, p/1.jpg"\n'
    '78,Cap,1,18,"Clothing > Accessories",p/2.jpg\n'
)


# Google Merchant

GOOGLE = (
    "id\ttitle\timage_link\tadditional_image_link\tavailability\tprice\titem_group_id\t"
    "product_type\tlink\n"
    "A-1\tBlue runner\tp/0.jpg\tp/1.jpg,p/2.jpg\tin_stock\t59.00 EUR\tA\tShoes > Running\t"
    "https://shop.example/a1\n"
    "A-2\tRed runner\tp/3.jpg\t\tout_of_stock\t59.00 EUR\tA\tShoes > Running\t\n"
)
GOOGLE_XML = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>A-1</g:id><title>Blue runner</title><link>https://shop.example/a1</link>
<g:image_link>p/0.jpg</g:image_link><g:additional_image_link>p/1.jpg</g:additional_image_link>
<g:additional_image_link>p/2.jpg</g:additional_image_link><g:price>59.00 EUR</g:price>
<g:availability>in_stock</g:availability><g:item_group_id>A</g:item_group_id>
<g:product_type><![CDATA[Shoes > Running]]></g:product_type>
<g:shipping><g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping></item>
<item><g:id>A-2</g:id><g:title>Red runner</g:title><title>ignored</title>
<g:image_link>p/3.jpg</g:image_link><g:price>59.00 EUR</g:price><g:item_group_id>A</g:item_group_id>
<g:product_type>Shoes &gt; Running</g:product_type><g:availability>out_of_stock</g:availability>
</item></channel></rss>"""
