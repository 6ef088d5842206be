"""Read products as partners send them to Zalando: a model, its colors, and the sizes of each."""

from __future__ import annotations

from typing import Any, Final

from indexer.catalog.item_parser import Record

_LEVELS: Final = ("model", "config", "simple")  # a product, its colors, their sizes
_PATH: Final = "media_path"


def is_zalando(record: Record) -> bool:
    """Return True if a record is such a product."""
    return isinstance(record.get("product_model"), dict)


def zalando_record(record: Record) -> Record:
    """Return a product with its variants, by the names that other programs use."""
    return _level(record["product_model"], 0)


def _level(part: Record, depth: int) -> Record:
    """Return a product, a color or a size, whose data are in an object of their own."""
    level = _LEVELS[depth]
    own: Any = part.get(f"product_{level}_attributes")
    found: Record = dict(own) if isinstance(own, dict) else {}
    found["sku"] = part.get(f"merchant_product_{level}_id")
    media = found.pop("media", None)
    if isinstance(media, list):
        found["images"] = [one.get(_PATH) for one in media if isinstance(one, dict)]
    if depth + 1 < len(_LEVELS):
        below = part.get(f"product_{_LEVELS[depth + 1]}s")
        listed = below if isinstance(below, list) else []
        found["variants"] = [_level(one, depth + 1) for one in listed if isinstance(one, dict)]
    return found
