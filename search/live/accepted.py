"""Accepted suggestions as fields of items to filter by, beside the shop's own.

An accepted color is the field ``suggested.color``, never ``color``: what is shown of an item comes
from the store, which has none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from indexer.enrichment.suggestionlog import open_if_exists

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from indexer.enrichment.suggestionlog import Accepted, SuggestionLog
    from indexer.items import AttributeValue, Item

PREFIX: Final = "suggested."


class AcceptedValues:
    """Adds the accepted values of a shop to copies of its items. Close it after use."""

    def __init__(self, shop: Path) -> None:
        self._shop = shop
        self._log: SuggestionLog | None = None

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def added(self, items: Iterable[Item]) -> list[Item]:
        """Return all items of the shop, in order, with their accepted values."""
        log = self._opened()
        known: Mapping[str, Accepted] = {} if log is None else log.all_accepted()
        return [with_accepted(item, known.get(item.item_id, {})) for item in items]

    def added_to(self, item: Item) -> Item:
        """Return an item with its accepted values as they are now."""
        log = self._opened()
        return item if log is None else with_accepted(item, log.accepted(item.item_id))

    def _opened(self) -> SuggestionLog | None:
        if self._log is None:  # it may be made while the shop is served
            self._log = open_if_exists(self._shop)
        return self._log


def with_accepted(item: Item, accepted: Accepted) -> Item:
    """Return an item with the fields ``suggested.NAME``; the shop's own fields stay as they are."""
    if not accepted:
        return item
    found: dict[str, AttributeValue] = {
        f"{PREFIX}{name}": list(values) for name, values in accepted.items()
    }
    return msgspec.structs.replace(item, attributes={**found, **item.attributes})
