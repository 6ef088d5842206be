"""Read products and projections of commercetools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from indexer.catalog.shopformat import text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record


def is_commercetools(record: Mapping[str, Any]) -> bool:
    """Return True if a record is a product, or the projection of one."""
    parts = (record.get(name) for name in ("masterVariant", "masterData"))
    return any(isinstance(part, Mapping) for part in parts)


def commercetools_record(record: Mapping[str, Any]) -> Record:
    """Return a product as it is published, with all its variants in one list.

    The staged data come in place of the published where there are none. A category is its name
    with those above it, where the export has been told to expand it, else its id.
    """
    found: Record = {
        name: part
        for name, part in record.items()
        if name in ("id", "key", "published", "name", "description", "variants", "categories")
    }
    master_data = record.get("masterData")
    data = master_data if isinstance(master_data, Mapping) else record
    inner = data.get("current") or data.get("staged") or record
    if isinstance(inner, Mapping):
        found |= {name: inner[name] for name in ("name", "description") if name in inner}
        master = inner.get("masterVariant")
        others = inner.get("variants")
        found["variants"] = [
            {**part, "id": f"{text_cell(record.get('key') or record.get('id'))}-{part.get('id')}"}
            for part in [master, *(others if isinstance(others, list) else [])]
            if isinstance(part, dict)
        ]
        categories = inner.get("categories")
        found["categories"] = [
            _path(part) for part in (categories if isinstance(categories, list) else [])
        ]
    if "published" in data:
        found["published"] = data["published"]
    return found


def _path(category: Any) -> Any:
    """Return the name of a category and those above it, in the language of the first name."""
    if not isinstance(category, Mapping):
        return category
    inner = category.get("obj")
    if not isinstance(inner, Mapping):
        return category.get("name") or category.get("key") or category.get("id")
    above = inner.get("ancestors")
    levels = [*(above if isinstance(above, list) else []), category]
    names = [
        one["obj"]["name"]
        for one in levels
        if isinstance(one, Mapping) and isinstance(one.get("obj"), Mapping) and "name" in one["obj"]
    ]
    languages = [name.keys() for name in names if isinstance(name, Mapping)]
    if len(languages) < len(names) or not names:
        return names[-1] if names else category.get("id")
    shared = [code for code in names[-1] if all(code in keys for keys in languages)]
    return {code: " > ".join(str(name[code]) for name in names) for code in shared}
