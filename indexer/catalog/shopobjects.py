"""Products as the interfaces of shop programs write them: JSON objects that hold variants."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.objectvariants import VARIANTS, nodes_in, variant_rows, variants_in
from indexer.catalog.plaintable import PlainTable
from indexer.catalog.programs.akeneo import akeneo_record, is_akeneo
from indexer.catalog.programs.commercetools import commercetools_record, is_commercetools
from indexer.catalog.programs.icecat import icecat_record, is_icecat
from indexer.catalog.programs.squareobjects import is_square, square_products
from indexer.catalog.programs.sylius import is_sylius, sylius_record
from indexer.catalog.programs.vtex import is_vtex, vtex_record
from indexer.catalog.programs.zalando import is_zalando, zalando_record
from indexer.catalog.shopformat import ReadRows, text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_PRICED: Final = ("prices", "calculated_price", "price_money", "pricing")


class ShopObjects(PlainTable):
    """Items are variants, or products without variants, of any program.

    Akeneo, commercetools, Icecat and Square have a form of their own, which is undone first. Read
    the same way are Medusa, Saleor, BigCommerce, Ecwid, Squarespace, Shopware, Etsy and others.
    """

    name = "objects"

    def recognizes(self, columns: Collection[str]) -> bool:  # noqa: ARG002
        """Return False: the values of a record show it, not its columns; see ``holds``."""
        return False

    @staticmethod
    def holds(record: Record) -> bool:
        """Return True if a record is such an object."""
        if is_akeneo(record) or is_commercetools(record) or is_icecat(record) or is_square(record):
            return True
        if is_vtex(record) or is_zalando(record) or is_sylius(record):
            return True
        if "@type" in record or "@graph" in record:
            return False
        variants = variants_in(record)
        if any(isinstance(record.get(name), str) for name in VARIANTS):
            return bool(variants)  # a cell of a table
        if isinstance(record.get("handle"), str) or "body_html" in record:  # Shopify's, Medusa's
            return any(name in variant for variant in variants for name in _PRICED)
        return bool(variants)

    @staticmethod
    def may_hold(record: Record) -> bool:
        """Return True if a record has a list of variants, which is empty."""
        return any(record.get(name) == [] for name in VARIANTS)

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield a row for each variant, or for a product without variants."""
        return super().rows(lambda: _expanded(read))


def _expanded(read: ReadRows) -> Iterator[NumberedRow]:
    first = next((row for _, row in read() if not isinstance(row, BrokenRow)), {})
    for where, row in square_products(read) if is_square(first) else read():
        if isinstance(row, BrokenRow):
            yield where, row
            continue
        rows = [akeneo_record(row)] if is_akeneo(row) else list(variant_rows(_plain(row)))
        for number, variant in enumerate(rows, start=1):
            yield where if len(rows) == 1 else f"{where}, variant {number}", variant


def _plain(row: Record) -> Record:
    """Return the object of a program without the form that only this program has."""
    if is_commercetools(row):
        return commercetools_record(row)
    if is_icecat(row):
        return icecat_record(row)
    if is_vtex(row):
        return vtex_record(row)
    if is_zalando(row):
        return zalando_record(row)
    if is_sylius(row):
        return sylius_record(row)
    if "blueprint_id" in row:  # of Printify
        return {**row, "variants": [_in_cents(one) for one in variants_in(row)]}
    if isinstance(product := row.get("sync_product"), Mapping):  # of Printful
        row = {**{name: part for name, part in row.items() if name != "sync_product"}, **product}
        row["variants"] = [_with_preview(one) for one in nodes_in(row.pop("sync_variants", []))]
    translated: Any = row.get("translated")
    if isinstance(translated, Mapping):  # of Shopware: texts with those of the default language
        texts = {name: part for name, part in translated.items() if isinstance(part, str) and part}
        row = {**row, **texts}
        del row["translated"]
    page, own = row.get("productPageUrl"), row.get("custom_url")
    if isinstance(page, Mapping):  # of Wix
        base, path = text_cell(page.get("base")), text_cell(page.get("path"))
        row = {**row, "url": f"{base.rstrip('/')}/{path.lstrip('/')}"}
        del row["productPageUrl"]
    elif isinstance(own, Mapping):  # of BigCommerce
        row = {**row, "url": own.get("url")}
        del row["custom_url"]
    elif isinstance(row.get("url"), str) and "/" not in row["url"]:  # of Lightspeed
        row = {**row, "slug": row["url"]}
        del row["url"]
    return row


def _with_preview(variant: Record) -> Record:
    """Return a variant of Printful with its picture; its other files are what is printed."""
    files = nodes_in(variant.get("files"))
    found = [file.get("preview_url") for file in files if file.get("type") == "preview"]
    rest = {name: part for name, part in variant.items() if name not in ("files", "product")}
    return {**rest, "images": list(filter(None, found))}


def _in_cents(variant: Record) -> Record:
    """Return a variant of Printify, whose price is in cents, with its price as it is paid."""
    price = variant.get("price")
    return {**variant, "price": price / 100 if isinstance(price, int) else price}
