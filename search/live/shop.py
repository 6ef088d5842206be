"""A shop that is searched while it is written to: makes a new view after each change.

The cost of a change grows with the change, not with the shop. New rows become a small segment,
changed fields a small layer, and only the arrays of what is alive are copied. Small segments of
similar size are merged, so there are never many. The generation's own index never changes. Rows
are kept in arrays, because a Python object for each would take too much memory; items are objects.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.store.records import Change
from indexer.words.synonyms import SYNONYMS, Synonyms
from search.live.record_cache import RecordCache
from search.live.segment_builder import SegmentBuilder
from search.live.starters import MAX_STARTERS
from search.live.view import ShopView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.items import Item
    from indexer.store.records import ItemRecord, Row
    from indexer.store.store import Store
    from indexer.store.transactions import Reader
    from indexer.vectors.backend import VectorBackend
    from indexer.words.lexical import LexicalIndex
    from indexer.words.meaning import MeaningIndex
    from search.live.accepted import AcceptedValues
    from search.live.stored_items import StoredItems


class Backlog(NamedTuple):
    """How much was written since the index was built.

    ``rows`` counts the rows beside the index and the dead rows in it, ``changes`` the changes in
    the store's log, and ``indexed`` all rows of the index.
    """

    rows: int
    changes: int
    indexed: int


class LiveShop:
    """The newest view of a shop, and its index of words; ``refresh`` updates both from the store.

    Any thread may read ``view`` and call ``refresh``. A search takes a view, and searches the
    words as of the ``sequence`` of that view.
    """

    view: ShopView

    def __init__(
        self,
        store: Store,
        stored: StoredItems,
        index: VectorBackend,
        words: LexicalIndex,
        key: bytes,
        meaning: MeaningIndex | None = None,
        *,
        always_current: bool = False,
        accepted: AcceptedValues | None = None,
    ) -> None:
        """Make the first view. ``key`` is the store's key of the encoder.

        ``stored`` are the items of the store, whose reader is still open. ``accepted`` are values
        that items can be filtered by, beside their own fields. If ``always_current``, every answer
        has the writes that any process has finished, at the cost of waiting for this view to follow
        them; otherwise see ``refresh``.
        """
        self.words = words
        self.meaning = meaning
        self._store = store
        self._products = stored.products
        self._segments = SegmentBuilder(index, key, stored.renditions)
        self._synonyms = ""
        self._accepted = accepted
        self._refreshing = threading.Lock()
        self._always_current = always_current
        self._transaction = stored.transaction  # the view has all writes up to this one
        self._records = RecordCache()
        self._ids = stored.ids
        self._numbers = stored.numbers
        self._id_order = stored.id_order
        self._starters = stored.starters
        reader = stored.reader
        segment, missing_rows = stored.rows.make_segment(index)
        new_rows = _read_rows(reader, self._ids, missing_rows)
        self._update_words(reader, reader.changes_since(words.sequence))
        self._item_of_text = np.full(1, -1, dtype=np.int32)  # no text has number 0
        self.view = ShopView(
            sequence=reader.sequence,
            size=len(self._ids),
            ids=self._ids,
            numbers=self._numbers,
            product=stored.product,
            product_numbers=len(self._products),
            columns=stored.columns,
            segments=(segment, *self._segments.build(reader, new_rows, self._numbers)),
            id_rank=self._id_order.ranks,
            item_of_text=self._extended_items_of_texts(),
            starter_items=self._starters,
            records=self._records,
        )
        self._update_synonyms(reader)

    def refresh(self) -> bool:
        """Advance the view to the store's state; return True if it changed."""
        with self._refreshing:
            last = self._store.last_transaction  # before the reader, which has at least this one
            with self._store.read() as reader:
                found = self._advance(reader)
            self._transaction = last
            return found

    def catch_up(self) -> None:
        """Advance the view to the last write of any process, if it is to be always current."""
        if not self._always_current:
            return
        if self.transaction is None:
            self.refresh()

    @property
    def transaction(self) -> int | None:
        """The number of the store's last transaction; None if the view may lack its changes."""
        last = self._store.last_transaction
        return last if last == self._transaction else None

    @contextmanager
    def moment(self) -> Iterator[tuple[ShopView, Reader]]:
        """Yield the newest view, with a reader of the store at the state of that view."""
        with ExitStack() as stack:
            with self._refreshing:
                reader = stack.enter_context(self._store.read())
                self._advance(reader)
                view = self.view
            yield view, reader

    def _advance(self, reader: Reader) -> bool:
        """Advance the view to this reader's state; return True if it changed.

        The caller holds the lock.
        """
        self._update_synonyms(reader)
        changes = reader.changes_since(self.view.sequence)
        if changes is None:  # the log no longer reaches back so far: read all items again
            changes = dict.fromkeys(self._ids, Change.ALL)
            changes |= {record.item.item_id: Change.ALL for record in reader.items()}
        if not changes:
            return False
        records = self._update_words(reader, changes)
        self._replace_view(reader, changes, records)
        return True

    def _update_words(
        self, reader: Reader, changes: Mapping[str, Change] | None
    ) -> dict[str, ItemRecord | None]:
        """Update the words to this reader's state; return the records of all changed items.

        The record of a deleted item is None. ``changes`` of None stand for all items.
        """
        if changes is None:
            changes = dict.fromkeys(self._ids, Change.ALL)
        records = {item_id: reader.item(item_id) for item_id in changes}
        texts = {
            item_id: None if record is None else record.item
            for item_id, record in records.items()
            if Change.WORDS in changes[item_id]
        }
        self.words.change(texts, reader.sequence)
        if self.meaning is not None:
            self.meaning.change(texts, reader.sequence)
        return records

    def _update_synonyms(self, reader: Reader) -> None:
        """Take over the shop's synonyms if they have changed."""
        text = reader.meta(SYNONYMS, "")
        if text != self._synonyms:
            self._synonyms = text
            self.words.synonyms = Synonyms.parse(text)

    def _replace_view(
        self,
        reader: Reader,
        changes: Mapping[str, Change],
        records: Mapping[str, ItemRecord | None],
    ) -> None:
        """Replace the view: ``records`` are the changed items as this reader has them."""
        fields: dict[int, Item | None] = {}
        replaced: list[int] = []  # items whose rows until now are dead
        new_rows: list[tuple[int, Row]] = []
        for item_id, change in changes.items():
            record = records[item_id]
            if record is None and item_id not in self._numbers:
                continue  # added and deleted since the last refresh
            number = self._item_number(item_id)
            if Change.FIELDS in change:
                fields[number] = None if record is None else self._to_filter(record.item)
            self._records.forget(number, reader.sequence)
            if Change.ROWS in change:
                replaced.append(number)
                new_rows.extend(() if record is None else record.numbered_rows())
        self.view = self._next_view(reader, fields, replaced, new_rows)

    def _next_view(
        self,
        reader: Reader,
        fields: Mapping[int, Item | None],
        replaced: list[int],
        new_rows: list[tuple[int, Row]],
    ) -> ShopView:
        """Return the next view.

        ``fields`` has the changed items (None: deleted), ``replaced`` the items whose rows in the
        present view are dead, and ``new_rows`` the rows that take their place.
        """
        view, size = self.view, len(self._ids)
        product = np.concatenate([view.product, np.full(size - view.size, -1, dtype=np.int64)])
        for number, item in fields.items():
            if item is not None:
                product[number] = self._product_number(item)
        segments = list(view.segments)
        if replaced:
            mask = np.zeros(size, dtype=np.bool_)
            mask[replaced] = True
            segments = [segment.with_dead_rows(mask) for segment in segments]
        segments += self._segments.build(reader, new_rows, self._numbers)
        self._id_order.extend()
        return replace(
            view,
            sequence=reader.sequence,
            size=size,
            product=product,
            product_numbers=len(self._products),
            columns=view.columns.with_changes(fields, size) if fields else view.columns,
            segments=tuple(self._segments.merge_small(segments)),
            id_rank=self._id_order.ranks,
            item_of_text=self._extended_items_of_texts(),
        )

    def _extended_items_of_texts(self) -> NDArray[np.int32]:
        """Return the item of each text of the words (texts + 1,), new texts included."""
        known = self._item_of_text
        added = self.words.ids_after(len(known) - 1)
        if added:
            items = [self._numbers.get(item_id, -1) for item_id in added]
            self._item_of_text = np.concatenate([known, np.array(items, dtype=np.int32)])
        return self._item_of_text

    def _to_filter(self, item: Item) -> Item:
        """Return an item with all fields that it can be filtered by."""
        return item if self._accepted is None else self._accepted.added_to(item)

    def _item_number(self, item_id: str) -> int:
        """Return the number of an item; a new item gets the next number.

        An item that was deleted keeps its number, and gets it back if it is added again.
        """
        number = self._numbers.get(item_id)
        if number is None:
            number = len(self._ids)
            self._ids.append(item_id)
            self._numbers[item_id] = number
            if len(self._starters) < MAX_STARTERS:
                self._starters.append(number)
        return number

    def _product_number(self, item: Item) -> int:
        return self._products.setdefault(item.product_id, len(self._products))


def _read_rows(
    reader: Reader, ids: Sequence[str], item_of_row: Mapping[int, int]
) -> list[tuple[int, Row]]:
    """Read some rows from the store, by rising row number.

    ``item_of_row`` has the number of each row and the number of its item in ``ids``.
    """
    records = (reader.item(ids[item]) for item in sorted(set(item_of_row.values())))
    rows = (pair for record in records if record for pair in record.numbered_rows())
    return sorted((pair for pair in rows if pair[0] in item_of_row), key=itemgetter(0))
