"""Read the documents of Sanity: products that refer to pictures and categories beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.item_parser import BrokenRow

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow, Record

_MARKS: Final = frozenset({"_id", "_type"})
_SYSTEM: Final = ("sanity.", "system.")  # types of assets, and of what is Sanity's own
_DEEPEST: Final = 20
_LONGEST: Final = 2000  # characters of a name or URL that is kept


def sanity_rows(
    read: Callable[[Path], Iterator[NumberedRow]],
) -> Callable[[Path], Iterator[NumberedRow]]:
    """Return a reader of lines that puts what documents refer to in place of the references.

    Assets are no items, and neither are documents of other types if some are products. Another
    file is read as it is.
    """

    def rows(path: Path) -> Iterator[NumberedRow]:
        first = next((row for _, row in read(path)), {})
        if isinstance(first, BrokenRow) or not first.keys() >= _MARKS:
            yield from read(path)
            return
        known: dict[str, str] = {}
        types: set[str] = set()
        for _, row in read(path):
            if not isinstance(row, BrokenRow):
                types.add(str(row.get("_type")))
                text = row.get("url") or row.get("title") or row.get("name")
                if isinstance(text, str) and len(text) <= _LONGEST:
                    known[str(row.get("_id"))] = text
        products = {name for name in types if "product" in name.casefold()}
        for where, row in read(path):
            if isinstance(row, BrokenRow):
                yield where, row
                continue
            name = str(row.get("_type"))
            if not name.startswith(_SYSTEM) and (not products or name in products):
                yield where, _resolved(row, known)

    return rows


def _resolved(document: Record, known: dict[str, str]) -> Record:
    """Return a document with the targets of its references, without what only Sanity reads."""
    kept = {name: part for name, part in document.items() if name[:1] != "_" or name == "_id"}
    return {name: _value(part, known, 0) for name, part in kept.items()}


def _value(value: Any, known: dict[str, str], depth: int) -> Any:
    if depth > _DEEPEST:
        return value
    if isinstance(value, list):
        return [_value(part, known, depth + 1) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get("_type") == "slug":
        return value.get("current")
    asset = value.get("asset")
    reference = asset.get("_ref") if isinstance(asset, dict) else value.get("_ref")
    if isinstance(reference, str):
        return known.get(reference, "")
    inner = {name: part for name, part in value.items() if name[:1] != "_"}
    return {name: _value(part, known, depth + 1) for name, part in inner.items()}
