"""Small catalogs in files, and what is read from them."""

from __future__ import annotations

from pathlib import Path

from indexer.catalog.sources import open_catalog
from indexer.items import Item, Skipped


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def items_of(path: Path, mapping: dict[str, str] | None = None) -> list[Item]:
    entries = list(open_catalog(path, mapping))
    assert [one for one in entries if isinstance(one, Skipped)] == []
    return [entry.item for entry in entries if not isinstance(entry, Skipped)]


def read(path: Path) -> tuple[list[str], list[tuple[str, str, str]]]:
    """The ids that came through, and (where, id, reason) of what did not."""
    good, bad = [], []
    for entry in open_catalog(path):
        if isinstance(entry, Skipped):
            bad.append((entry.where, entry.item_id, entry.reason))
        else:
            good.append(entry.item.item_id)
    return good, bad
