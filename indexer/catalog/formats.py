"""The known formats of exports, by name, and how a file's format is recognized."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.jsonld import JsonLd
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.programs.commercetoolstable import CommercetoolsTable
from indexer.catalog.programs.etsy import Etsy
from indexer.catalog.programs.exported import Exported
from indexer.catalog.programs.google import GoogleFeed
from indexer.catalog.programs.magento import Magento
from indexer.catalog.programs.medusa import Medusa
from indexer.catalog.programs.saleor import Saleor
from indexer.catalog.programs.shopify import Shopify
from indexer.catalog.programs.shopifyjson import ShopifyJson
from indexer.catalog.programs.shopifynodes import is_node
from indexer.catalog.programs.woocommerce import WooCommerce
from indexer.catalog.programs.yahoojapan import YahooJapan
from indexer.catalog.shopformat import column_key
from indexer.catalog.shopobjects import ShopObjects
from indexer.catalog.variantrows import VariantRows
from indexer.exportcells import EXPORT_MARK

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record
    from indexer.catalog.shopformat import ReadRows, ShopFormat

_LOOKED_AT: Final = 100  # records


def format_of_rows(read: ReadRows, name: str, language: str | None) -> ShopFormat:
    """Return the format named, or the one that the first records show.

    Only some of the products of a file may have variants, so more than one record is looked at.
    """
    first: Record = {}
    for number, (_, row) in enumerate(islice(read(), _LOOKED_AT)):
        if isinstance(row, BrokenRow):
            continue
        if EXPORT_MARK in row:
            return Exported()
        first = first or row
        if number and name == "auto" and ShopObjects.holds(row):
            found = format_of(first, name, language)
            return ShopObjects(language) if type(found) is PlainTable else found
    if not first:
        first = next((row for _, row in read() if not isinstance(row, BrokenRow)), {})
    return format_of(first, name, language)


def format_of(first: Record, name: str, language: str | None) -> ShopFormat:
    """Return the format named, or with ``auto`` the one that the first record shows."""
    known: tuple[ShopFormat, ...] = (
        JsonLd(),
        ShopifyJson(),
        Shopify(),
        GoogleFeed(),
        WooCommerce(),
        VariantRows(language),
        Saleor(language),
        Medusa(language),
        CommercetoolsTable(language),
        Etsy(language),
        YahooJapan(language),
        Magento(language),
    )
    keys = {column_key(column) for column in first}
    if name in ("auto", "shopify") and is_node(first):
        return ShopifyJson()
    if name == "auto" and ShopObjects.holds(first):
        return ShopObjects(language)
    if name == "shopify":
        return ShopifyJson() if "variants" in keys else Shopify()
    for found in known:
        if name == found.name or (name == "auto" and found.recognizes(keys)):
            return found
    if name == "auto" and ShopObjects.may_hold(first):
        return ShopObjects(language)
    return PlainTable(language)
