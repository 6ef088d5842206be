"""Products of Shopify's GraphQL: lines of a bulk operation, and lists of edges and nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.item_parser import Record
from indexer.catalog.shopformat import ReadRows, grouped, is_blank, text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

PARENT: Final = "__parentId"
_NODE: Final = re.compile(r"gid://shopify/(\w+)/(\w+)")
_PICTURES: Final = frozenset({"MediaImage", "ProductImage", "Image", "ImageSource"})
_OF_A_VARIANT: Final = frozenset({"sku", "price", "selectedOptions", "inventoryQuantity"})
_REST: Final = {
    "descriptionHtml": "body_html",
    "productType": "product_type",
    "availableForSale": "available",
    "inventoryQuantity": "inventory_quantity",
    "compareAtPrice": "compare_at_price",
    "onlineStoreUrl": "url",
}  # the names that the REST API gives to the same fields


def is_node(row: Record) -> bool:
    """Return True if a record is an object of Shopify's GraphQL."""
    return PARENT in row or _NODE.match(text_cell(row.get("id"))) is not None


def products_of(read: ReadRows) -> Iterator[NumberedRow]:
    """Yield the products in the form of the REST API: with variants, options and images.

    In a bulk operation each line is a product, or a variant, a picture, a metafield or a collection
    that names its product in ``__parentId``. A variant with its product as an object is one too.
    Products whose lines are together are in memory one at a time.
    """
    roots: dict[str, str] = {}  # the product of every other object, by the object's id

    def product_of(row: Record) -> str | None:
        own = text_cell(row.get("id"))
        parent = text_cell(row.get(PARENT)) or text_cell(_object(row.get("product")).get("id"))
        root = roots.get(parent, parent) or own
        if own and parent:
            roots[own] = root
        return root or None

    for group in grouped(read, product_of):
        if isinstance(group, tuple):
            yield group
        else:
            yield group[0][0], _product([row for _, row in group])


def _product(rows: list[Record]) -> Record:
    """Return the product that the first row begins, with what the other rows add."""
    is_variant = isinstance(rows[0].get("product"), dict)
    product = _plain(rows[0]["product"] if is_variant else rows[0])
    variants = [_plain(part) for part in _nodes(product.pop("variants", None))]
    pictures = [
        *_nodes(product.pop("images", None)),
        *(picture for part in _nodes(product.pop("media", None)) if (picture := _picture(part))),
    ]
    collections = [text_cell(part.get("title")) for part in _nodes(product.get("collections"))]
    by_id = {text_cell(variant.get("id")): variant for variant in variants}
    for row in rows if is_variant else rows[1:]:
        parent = by_id.get(text_cell(row.get(PARENT)))
        if _kind(row) == "ProductVariant" or _OF_A_VARIANT & row.keys():
            variant = _plain(row)
            variant.pop("product", None)
            variants.append(variant)
            by_id[text_cell(row.get("id"))] = variant
        elif (picture := _picture(row)) is not None:
            if parent is None:
                pictures.append(picture)
            else:
                parent.setdefault("image", picture)
        elif not is_blank(row.get("key")) and "value" in row:
            target = product if parent is None else parent
            target.setdefault(text_cell(row["key"]), row["value"])
        elif _kind(row) == "Collection" and not is_blank(row.get("title")):
            collections.append(text_cell(row["title"]))
    product["collections"] = collections
    first = product.pop("featuredImage", None) or product.pop("featuredMedia", None)
    if first and (picture := _picture(first)) is not None:
        pictures.insert(0, picture)
    own = {_address(part) for variant in variants if (part := _object(variant.get("image")))}
    product["images"] = _unique([part for part in pictures if _address(part) not in own])
    product["variants"] = [_with_options(variant) for variant in variants] or [{}]
    least = _object(_object(product.get("priceRangeV2")).get("minVariantPrice"))
    if least.get("currencyCode"):
        product["currency"] = least["currencyCode"]
    category = _object(product.get("category"))
    if category:
        product["category"] = category.get("fullName") or category.get("name")
    return product


def _plain(row: Mapping[str, Any]) -> Record:
    """Return an object with the names of the REST API, and the number in its id."""
    record = {_REST.get(name, name): value for name, value in row.items() if name != PARENT}
    if (match := _NODE.match(text_cell(record.get("id")))) is not None:
        record["id"] = match[2]
    for name, value in record.items():
        if isinstance(value, dict) and value.keys() & {"edges", "nodes"}:
            record[name] = _nodes(value)
    return record


def _with_options(variant: Record) -> Record:
    """Return a variant whose picture and options are named as in the REST API."""
    options = variant.pop("selectedOptions", None)
    for option in map(_object, options if isinstance(options, list) else []):
        name, value = text_cell(option.get("name")), text_cell(option.get("value"))
        if name and name != "Title" and value:
            variant.setdefault(name.lower(), value)
    if (picture := variant.pop("image", None)) is not None:
        variant["featured_image"] = _picture(picture)
    return variant


def _kind(row: Record) -> str:
    match = _NODE.match(text_cell(row.get("id")))
    return match[1] if match else ""


def _picture(value: Any) -> Record | None:
    """Return the picture in an object such as ``{"image": {"url": ...}}``; None if it has none."""
    part = _object(value)
    for name in ("image", "preview"):
        if isinstance(part.get(name), dict):
            return _picture(part[name])
    is_image = not _kind(part) or _kind(part) in _PICTURES
    return {"src": _address(part)} if is_image and _address(part) else None


def _address(part: Record) -> str:
    names = ("src", "url", "originalSrc", "transformedSrc")
    return next((text for name in names if (text := text_cell(part.get(name)))), "")


def _unique(pictures: list[Any]) -> list[Record]:
    return [{"src": text} for text in dict.fromkeys(_address(_object(part)) for part in pictures)]


def _nodes(value: Any) -> list[Record]:
    """Return the objects of a list, or of a connection of edges or nodes."""
    if isinstance(value, dict):
        value = value.get("nodes") or value.get("edges")
    parts = value if isinstance(value, list) else []
    return [_object(part.get("node", part)) for part in parts if isinstance(part, dict)]


def _object(value: Any) -> Record:
    return value if isinstance(value, dict) else {}
