"""Products of Shopify as JSON: objects with a list of variants."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.nested import picture_of, text_of
from indexer.catalog.programs.shopify import HIDDEN
from indexer.catalog.programs.shopifynodes import is_node, products_of
from indexer.catalog.shopformat import ColumnMapping, ReadRows, ShopFormat, is_blank, text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow


class ShopifyJson(ShopFormat):
    """Items are variants; the id is the SKU, or else the number of the variant.

    Read are the REST API, the storefront's ``products.json``, and GraphQL with its bulk operations.
    """

    name = "shopify"
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("sku", "id"),
        "product_id": ("handle", "product id"),
        "title": ("title",),
        "description": ("body html", "description"),
        "categories": ("category", "product type", "collections"),
        "price": ("price", "prices"),
        "in_stock": ("available", "inventory quantity"),
        "url": ("url",),
        "images": ("images",),
    }
    attributes: ClassVar[Mapping[str, str]] = {"vendor": "brand"}
    ignored = frozenset(
        {
            *("variants", "options", "image", "published at", "created at", "updated at", "status"),
            *("admin graphql api id", "template suffix", "published scope", "position", "grams"),
            *("image id", "product id", "inventory item id", "old inventory quantity", "taxable"),
            *("requires shipping", "compare at price", "fulfillment service", "weight unit"),
            *("inventory policy", "inventory management", "option1", "option2", "option3"),
            *("featured image", "weight", "presentment prices", "id", "product title"),
            *("pricerangev2", "pricerange", "inventoryitem", "inventorypolicy", "totalinventory"),
            *("inventory quantity", "product category", "tracksinventory", "createdat"),
            *("publishedat", "updatedat", "displayname", "legacyresourceid", "templatesuffix"),
        }
    )

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if the objects have variants and a handle or HTML."""
        has = set(columns)
        return {"title", "variants"} <= has and bool(has & {"handle", "body html", "images"})

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield an object for each variant, with the fields of its product."""
        first = next((row for _, row in read() if not isinstance(row, BrokenRow)), {})
        for where, row in products_of(read) if is_node(first) else read():
            variants = row.get("variants") if not isinstance(row, BrokenRow) else None
            if isinstance(row, BrokenRow) or not isinstance(variants, list):
                yield where, row
                continue
            # A product without variants is an item all the same.
            listed = [part for part in variants if isinstance(part, dict)] or [{}]
            skus = [text_cell(part.get("sku")) for part in listed]
            for number, variant in enumerate(listed, start=1):
                place = where if len(listed) == 1 else f"{where}, variant {number}"
                yield place, _variant(row, variant, skus)

    def not_for_sale(self, row: Record) -> str:
        """Return a reason for a draft and an archived product."""
        status = text_cell(row.get("status"))
        return f"its status is {status!r}" if status.casefold() in HIDDEN else ""

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a variant, which can be bought if its quantity does not limit it."""
        record = super().record(row, mapping)
        policy = text_cell(row.get("inventory_policy") or row.get("inventoryPolicy"))
        is_counted = "inventory_management" not in row or row["inventory_management"]
        if "in_stock" not in mapping and "available" not in row and "in_stock" in record:
            is_limited = is_counted and policy.casefold() != "continue"
            record["in_stock"] = record["in_stock"] if is_limited else True
        return record


def _variant(product: Record, variant: Record, skus: list[str]) -> Record:
    """Return a variant with the fields of its product; its title is the product's."""
    row = {name: value for name, value in product.items() if name not in ("sku", "variants")}
    row.update({name: value for name, value in variant.items() if name not in ("title", "handle")})
    own = text_cell(variant.get("sku"))
    if not own or skus.count(own) > 1:
        names = ("sku", "id", "handle")
        row["sku"] = variant.get("id") or next((product[n] for n in names if product.get(n)), "")
    if is_blank(row.get("handle")):
        row["handle"] = text_cell(product.get("id"))
    row["images"] = _images(product, variant)
    for number, option in enumerate(product.get("options") or [], start=1):
        name = text_of(option).lower()
        value = variant.get(f"option{number}")
        if name and name != "title" and not is_blank(value):
            row.setdefault(name, value)
    return row


def _images(product: Record, variant: Record) -> list[Any]:
    """Return the pictures of a variant: its own first, without those of other variants."""
    listed = product.get("images")
    images = listed if isinstance(listed, list) else [listed] if listed else []
    if not images and product.get("image"):
        images = [product["image"]]
    own: list[Any] = [variant["featured_image"]] if variant.get("featured_image") else []
    shared: list[Any] = []
    for image in images:
        of = image.get("variant_ids") if isinstance(image, dict) else None
        if of and variant.get("id") in of:
            own.append(image)
        elif not of:
            shared.append(image)
    found = own + shared or images
    return list({picture_of(image): image for image in found}.values())
