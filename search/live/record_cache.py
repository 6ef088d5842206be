"""Records of items that were shown lately, so that they need not be decoded again."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.store.records import ItemRecord

_MAX_RECORDS = 16_000  # a record takes two or three kB


class RecordCache:
    """Records by item number, each as of a change of the store. Thread-safe.

    A record that was read by a search in an old view must not be used in a new one. So it is kept
    with the sequence of that view, and is valid only if its item has not changed since.
    """

    def __init__(self) -> None:
        # Single operations on dicts are thread-safe; a record that gets lost is read again.
        self._records: OrderedDict[int, tuple[int, ItemRecord]] = OrderedDict()
        self._changed: dict[int, int] = {}

    def get(self, number: int, sequence: int) -> ItemRecord | None:
        """Return the record of an item in a view of this sequence, or None if it is not kept."""
        found = self._records.get(number)
        if found is None:
            return None
        changed = self._changed.get(number, 0)
        return found[1] if changed <= found[0] and changed <= sequence else None

    def put(self, number: int, sequence: int, record: ItemRecord) -> None:
        """Keep a record that is the same in the view of this sequence and in the store."""
        self._records[number] = sequence, record
        if len(self._records) > _MAX_RECORDS:
            with suppress(KeyError):  # other threads were faster
                self._records.popitem(last=False)

    def forget(self, number: int, sequence: int) -> None:
        """Note that an item has changed; views of this sequence and later need a new record.

        Call it before there is such a view.
        """
        self._changed[number] = sequence
        self._records.pop(number, None)
