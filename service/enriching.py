"""Store what was suggested for a shop, so that searches see accepted values at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from indexer.enrichment.suggestionlog import Decision, ItemSuggestions, Suggested, SuggestionLog
from indexer.store.store import Store

if TYPE_CHECKING:
    from indexer.shop.folder import ShopFolder


def store_suggestions(folder: ShopFolder, found: Iterable[ItemSuggestions]) -> None:
    """Store the suggestions of all items, and forget former ones. Raises StoreFull."""
    with SuggestionLog(folder.path, create=True) as log:
        _touch(folder, log.replace(found))


def decide(folder: ShopFolder, item_id: str, decision: Decision) -> list[Suggested]:
    """Accept or refuse a suggested value of an item; return what is suggested for it.

    BadQuery if the value is not suggested.
    """
    return decide_many(folder, {item_id: [decision]})[item_id]


def decide_many(
    folder: ShopFolder, decisions: Mapping[str, Sequence[Decision]]
) -> dict[str, list[Suggested]]:
    """Accept or refuse suggested values of several items; see ``SuggestionLog.decide_many``."""
    with SuggestionLog(folder.path, create=True) as log:
        found = log.decide_many(decisions)
    _touch(folder, set(decisions))
    return found


def _touch(folder: ShopFolder, changed: set[str]) -> None:
    """Log in the store that fields of these items changed: views read their values again."""
    if not changed:
        return
    with Store(folder.store) as store, store.write() as writer:
        for item_id in sorted(changed):
            writer.touch(item_id)
