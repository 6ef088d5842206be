"""Read products of Akeneo's interface: each attribute is a list of values by locale and channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.columnnames import NAMES, known_key
from indexer.catalog.item_parser import Cells
from indexer.catalog.shopformat import text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record

_CHANNELS: Final = (None, "ecommerce", "web", "default")  # before print, mobile and the like
_IMAGES: Final = frozenset(
    {"pim_catalog_image", "pim_assets_collection", "pim_catalog_asset_collection"}
)
_IDENTIFIER: Final = "pim_catalog_identifier"
_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".heic")


def is_akeneo(record: Mapping[str, Any]) -> bool:
    """Return True if a record has its attributes as lists of values."""
    values = record.get("values")
    if values in ({}, []):  # PHP writes {} as []
        return "enabled" in record and "family" in record
    lists = values.values() if isinstance(values, Mapping) and values else [None]
    return all(
        isinstance(part, list) and all(isinstance(one, Mapping) and "data" in one for one in part)
        for part in lists
    )


def akeneo_record(record: Mapping[str, Any]) -> Record:
    """Return a product with our field names; its attributes are columns, in all their languages."""
    found: Record = {
        "id": text_cell(record.get("identifier") or record.get("code") or record.get("uuid")),
        "categories": record.get("categories") or [],
        "enabled": record.get("enabled", True),
    }
    if record.get("parent"):
        found["product_id"] = record["parent"]
    if record.get("family"):
        found["family"] = record["family"]
    images = Cells()
    values = record["values"] or {}
    for name, entries in values.items():
        if (
            entries
            and entries[0].get("attribute_type") == _IDENTIFIER
            and not record.get("identifier")
        ):
            found["id"] = text_cell(entries[0]["data"]) or found["id"]
        if _is_picture(name, entries):
            images += _pictures(entries)
        elif (data := _data(entries)) not in (None, [], {}):
            price = "price" not in found and _is_price(data)
            found["price" if price else name] = data
    found["images"] = images
    if "label" in found and not any(name in found for name in ("name", "title")):
        found["title"] = found.pop("label")
    return found


def _data(entries: list[Record]) -> Any:
    """Return the value of an attribute in the first channel: by language, if it has languages."""
    scopes = [entry.get("scope") for entry in entries]
    scope = next((one for one in _CHANNELS if one in scopes), scopes[0] if scopes else None)
    chosen = [entry for entry in entries if entry.get("scope") == scope]
    by_locale = {entry["locale"]: entry["data"] for entry in chosen if entry.get("locale")}
    if by_locale and all(isinstance(data, str) for data in by_locale.values()):
        return by_locale
    data = chosen[0]["data"] if chosen else None
    if isinstance(data, Mapping) and set(data) == {"amount", "unit"}:
        return f"{text_cell(data['amount'])} {text_cell(data['unit'])}".strip()
    return data


def _is_price(data: Any) -> bool:
    return isinstance(data, list) and all(
        isinstance(part, Mapping) and {"amount", "currency"} <= part.keys() for part in data
    )


def _is_picture(name: str, entries: list[Record]) -> bool:
    """Return True if the values of an attribute are files that are pictures."""
    if any(entry.get("attribute_type") in _IMAGES for entry in entries):
        return True
    texts = [text for entry in entries for text in _texts(entry["data"])]
    if not texts or not all(text.casefold().endswith(_ENDINGS) for text in texts):
        return False
    named = known_key(name) in NAMES["images"] or known_key(name) in NAMES["more images"]
    return named or any("_links" in entry for entry in entries) or "/" in texts[0]


def _pictures(entries: list[Record]) -> list[str]:
    """Return the files of an attribute, each once; one that is elsewhere has its address, too."""
    found: list[str] = []
    for entry in entries:
        links = entry.get("_links")
        download = links.get("download") if isinstance(links, Mapping) else None
        address = text_cell(download.get("href")) if isinstance(download, Mapping) else ""
        texts = _texts(entry["data"])
        found += [f"{texts[0]} ({address})"] if address and len(texts) == 1 else texts
    return list(dict.fromkeys(found))


def _texts(data: Any) -> list[str]:
    parts = data if isinstance(data, list) else [data]
    return [part for part in parts if isinstance(part, str) and part]
