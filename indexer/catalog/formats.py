"""The known formats of exports, by name, and how a file's format is recognized."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from indexer.catalog.google import GoogleFeed
from indexer.catalog.jsonld import JsonLd
from indexer.catalog.magento import Magento
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.shopformat import column_key
from indexer.catalog.shopify import Shopify
from indexer.catalog.shopifyjson import ShopifyJson
from indexer.catalog.variantrows import VariantRows
from indexer.catalog.woocommerce import WooCommerce

if TYPE_CHECKING:
    from indexer.catalog.shopformat import ShopFormat


def format_of(columns: Collection[object], name: str, language: str | None) -> ShopFormat:
    """Return the format named, or with ``auto`` the first that recognizes these columns."""
    known: tuple[ShopFormat, ...] = (
        JsonLd(),
        ShopifyJson(),
        Shopify(),
        GoogleFeed(),
        WooCommerce(),
        VariantRows(language),
        Magento(language),
    )
    keys = {column_key(column) for column in columns}
    if name == "shopify":
        return ShopifyJson() if "variants" in keys else Shopify()
    for found in known:
        if name == found.name or (name == "auto" and found.recognizes(keys)):
            return found
    return PlainTable(language)
