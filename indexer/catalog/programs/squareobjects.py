"""Read the objects of Square's catalog: items that name their categories and pictures by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.shopformat import ReadRows, text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow


def is_square(record: Mapping[str, Any]) -> bool:
    """Return True if a record is an object of Square's catalog."""
    kind = record.get("type")
    return isinstance(kind, str) and kind.isupper() and f"{kind.lower()}_data" in record


def square_products(read: ReadRows) -> Iterator[NumberedRow]:
    """Yield the items as products with variations; the other objects are what items name by id."""
    texts: dict[str, str] = {}  # by id: the names of categories, the addresses of pictures
    for _, row in read():
        if isinstance(row, BrokenRow) or not is_square(row):
            continue
        data = _data(row)
        if row["type"] in ("CATEGORY", "IMAGE"):
            texts[text_cell(row.get("id"))] = text_cell(
                data.get("name" if row["type"] == "CATEGORY" else "url")
            )
    for where, row in read():
        if isinstance(row, BrokenRow):
            yield where, row
        elif is_square(row) and row["type"] == "ITEM":
            yield where, _product(row, texts)


def _product(row: Record, texts: Mapping[str, str]) -> Record:
    data = _data(row)
    listed = data.get("categories")
    categories = [part.get("id") for part in listed or [] if isinstance(part, Mapping)]
    first = data.get("category_id") or _mapping(data.get("reporting_category")).get("id")
    names = (texts.get(text_cell(part)) for part in dict.fromkeys([*categories, first]))
    product: Record = {
        "id": row.get("id"),
        "name": data.get("name"),
        "description": data.get("description_html") or data.get("description"),
        "categories": [name for name in names if name],
        "images": _pictures(row, texts),
        "is_deleted": row.get("is_deleted", False) or data.get("is_archived", False),
    }
    variations = data.get("variations")
    product["variations"] = [
        {**_data(part), "id": part.get("id"), "images": _pictures(part, texts)}
        for part in (variations if isinstance(variations, list) else [])
        if isinstance(part, dict)
    ]
    for part in product["variations"]:
        if len(product["variations"]) > 1 and part.get("name"):
            part["attributes"] = {"variation": part["name"]}
        part.pop("item_id", None)
    return product


def _pictures(row: Record, texts: Mapping[str, str]) -> list[str]:
    data = _data(row)
    listed = (
        data.get("image_ids")
        or row.get("image_ids")
        or [data.get("image_id") or row.get("image_id")]
    )
    named = (texts.get(text_cell(part)) for part in (listed if isinstance(listed, list) else []))
    return [text for text in named if text]


def _data(row: Mapping[str, Any]) -> Record:
    return _mapping(row.get(f"{text_cell(row.get('type')).lower()}_data"))


def _mapping(value: Any) -> Record:
    return value if isinstance(value, dict) else {}
