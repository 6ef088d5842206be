"""The suggestions of a shop, beside its items: in an LMDB environment of their own.

``suggestions`` maps the hash of an item's id to what was suggested. What the shop wrote is in
``catalog.lmdb``, which nothing here opens for writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from indexer.enrichment.attributes import Suggestion, suggest
from indexer.enrichment.gazetteer import gazetteer_of
from indexer.items import Item
from indexer.layout import SUGGESTIONS
from indexer.progress import Progress, no_progress
from indexer.store.environment import Environment, exists
from indexer.store.store import Store

_DATABASE: Final = "suggestions"
_ADVICE: Final = "move it away and run vitrine enrich again"
_AT_ONCE: Final = 2_000  # items of a transaction


class Suggested(msgspec.Struct, frozen=True):
    """A suggestion, and whether the operator's rule accepted it."""

    suggestion: Suggestion
    accepted: bool


class ItemSuggestions(msgspec.Struct, frozen=True):
    """What is suggested for an item, the surest first."""

    item_id: str
    suggestions: list[Suggested]


class SuggestionLog:
    """The suggestions of a shop; close it, or use it in a ``with`` block. Safe for threads."""

    def __init__(self, shop: Path, *, create: bool = False) -> None:
        """Open them in the folder of a shop. Errors are those of ``Environment``."""
        path = shop / SUGGESTIONS
        self._environment = Environment(path, [_DATABASE], create=create, advice=_ADVICE)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._environment.close()

    def __enter__(self) -> SuggestionLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def of(self, item_id: str) -> list[Suggested]:
        """Return what is suggested for an item, the surest first; [] if nothing is."""
        with self._environment.read() as txn:
            value = txn.get(_DATABASE, _key(item_id))
        if value is None:
            return []
        return msgspec.msgpack.decode(value, type=ItemSuggestions).suggestions

    def replace(self, found: Iterable[ItemSuggestions]) -> None:
        """Store the suggestions of these items, and forget those of all others. StoreFull."""
        with self._environment.write() as txn:
            left = set(map(bytes, txn.keys(_DATABASE)))
            for one in found:
                key = _key(one.item_id)
                left.discard(key)
                txn.put(_DATABASE, key, msgspec.msgpack.encode(one))
            for key in left:
                txn.delete(_DATABASE, key)


def open_if_exists(shop: Path) -> SuggestionLog | None:
    """Open the suggestions of a shop's folder; None if none were ever made."""
    return SuggestionLog(shop) if exists(shop / SUGGESTIONS) else None


def suggest_all(
    items: list[Item], accept_above: float | None, progress: Progress = no_progress
) -> Iterator[ItemSuggestions]:
    """Yield the suggestions for each item, in order; items without one are left out.

    With ``accept_above``, a value of an attribute that the item lacks is accepted if its confidence
    is at least that.
    """
    gazetteer = gazetteer_of(items)
    for number, item in enumerate(items, 1):
        found = [
            Suggested(
                one, accept_above is not None and one.is_new and one.confidence >= accept_above
            )
            for one in suggest(item, gazetteer)
        ]
        if found:
            yield ItemSuggestions(item.item_id, found)
        progress("enrich", number, len(items))


def items_of(store: Path) -> list[Item]:
    """Return all items of a shop, in the order of their ids."""
    with Store(store) as opened, opened.read() as reader:
        return [record.item for record in reader.items()]


def _key(item_id: str) -> bytes:
    return blake2b(item_id.encode("utf-8", "replace"), digest_size=16).digest()
