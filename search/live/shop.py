"""A shop that is written to while it is searched: from each view of it to the next.

A change costs what changed, not what the shop holds: new rows become a small segment, changed
fields a thin layer, and the arrays that say what is alive are copied. Small segments of like
size are joined, so there are never many. The generation's own index is never touched. What is
known of each row is kept in arrays; only items have Python objects.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.arrays import unit
from indexer.store.records import Change
from search.live.layers import RATIO, LayeredColumns
from search.live.row_columns import RowColumns
from search.live.row_images import RenditionNames, joined
from search.live.view import Segment, ShopView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from indexer.items import Item
    from indexer.lexical import LexicalIndex
    from indexer.store.records import ItemRecord, Row
    from indexer.store.store import Store
    from indexer.store.transactions import Reader
    from indexer.vectors.backend import VectorBackend
    from search.live.columns import Mask

logger = logging.getLogger("vitrine.search")

_FIRST = 200  # items that are kept to begin with


class Backlog(NamedTuple):
    """What was written since the index was built: rows beside it or dead in it, and changes.

    ``indexed`` is how many rows the index has.
    """

    rows: int
    changes: int
    indexed: int


class LiveShop:
    """A shop's view and its words, kept in step with its store.

    Any thread may read ``view`` and call ``refresh``. A search asks the words as of the
    ``sequence`` of the view that it took.
    """

    view: ShopView

    def __init__(self, store: Store, index: VectorBackend, words: LexicalIndex, key: bytes) -> None:
        """Read all items once; ``key`` is the encoder's in the store."""
        self.words = words
        self._store = store
        self._key = key
        self._index = index
        self._products: dict[str, int] = {}
        self._renditions = RenditionNames()
        self._refreshing = threading.Lock()
        with store.read() as reader:
            stored = RowColumns(self._renditions)
            items: list[Item] = []
            for number, record in enumerate(reader.items()):
                items.append(record.item)
                stored.add(number, record)
            self._ids = [item.item_id for item in items]
            self._numbers = {item_id: number for number, item_id in enumerate(self._ids)}
            self._first = _spread(items)
            segment, pending = stored.segment_of(index)
            self.view = ShopView(
                sequence=reader.sequence,
                size=len(items),
                ids=self._ids,
                numbers=self._numbers,
                product=np.array([self._product(item) for item in items], dtype=np.int64),
                product_numbers=len(self._products),
                columns=LayeredColumns.of(items),
                segments=(segment, *self._segment(reader, self._rows_of(reader, pending))),
                first=self._first,
            )
            self._update_words(reader, reader.changes_since(words.sequence))

    def refresh(self) -> bool:
        """Advance the view to what the store holds now; True if that is anything new."""
        with self._refreshing, self._store.read() as reader:
            return self._advance(reader)

    @contextmanager
    def moment(self) -> Iterator[tuple[ShopView, Reader]]:
        """Yield the newest view, with a reader of the store at exactly its state."""
        with ExitStack() as stack:
            with self._refreshing:
                reader = stack.enter_context(self._store.read())
                self._advance(reader)
                view = self.view
            yield view, reader

    def _advance(self, reader: Reader) -> bool:
        """Advance the view to this reader's state (caller holds the lock); True if it changed."""
        changes = reader.changes_since(self.view.sequence)
        if changes is None:  # the log has been shortened: look at everything
            changes = dict.fromkeys(self._ids, Change.ALL)
            changes |= {record.item.item_id: Change.ALL for record in reader.items()}
        if not changes:
            return False
        records = self._update_words(reader, changes)
        self._apply(reader, changes, records)
        return True

    def _update_words(
        self, reader: Reader, changes: Mapping[str, Change] | None
    ) -> dict[str, ItemRecord | None]:
        """Bring the words to this reader's state; return the records of all changed items."""
        if changes is None:
            changes = dict.fromkeys(self._ids, Change.ALL)
        records = {item_id: reader.item(item_id) for item_id in changes}
        texts = {
            item_id: None if record is None else record.item
            for item_id, record in records.items()
            if Change.WORDS in changes[item_id]
        }
        self.words.change(texts, reader.sequence)
        return records

    def _apply(
        self,
        reader: Reader,
        changes: Mapping[str, Change],
        records: Mapping[str, ItemRecord | None],
    ) -> None:
        """Make the view of this reader's state, from the changes and the items as they are now."""
        fields: dict[int, Item | None] = {}
        moved: list[int] = []  # items whose rows so far die
        fresh: list[tuple[int, Row]] = []
        for item_id, change in changes.items():
            record = records[item_id]
            if record is None and item_id not in self._numbers:
                continue  # came and went between two looks
            number = self._number(item_id)
            if Change.FIELDS in change:
                fields[number] = None if record is None else record.item
            if Change.ROWS in change:
                moved.append(number)
                fresh.extend(() if record is None else record.numbered_rows())
        self.view = self._next_view(reader, fields, moved, fresh)

    def _next_view(
        self,
        reader: Reader,
        fields: Mapping[int, Item | None],
        moved: list[int],
        fresh: list[tuple[int, Row]],
    ) -> ShopView:
        view, size = self.view, len(self._ids)
        product = np.concatenate([view.product, np.full(size - view.size, -1, dtype=np.int64)])
        for number, item in fields.items():
            if item is not None:
                product[number] = self._product(item)
        segments = list(view.segments)
        if moved:
            gone = np.zeros(size, dtype=np.bool_)
            gone[moved] = True
            segments = [_without(segment, gone) for segment in segments]
        segments += self._segment(reader, fresh)
        return replace(
            view,
            sequence=reader.sequence,
            size=size,
            product=product,
            product_numbers=len(self._products),
            columns=view.columns.changed(fields, size) if fields else view.columns,
            segments=tuple(self._merge_small(segments)),
        )

    def _number(self, item_id: str) -> int:
        """Return the number of an item, a new one if it has none; deletion does not free it."""
        number = self._numbers.get(item_id)
        if number is None:
            number = len(self._ids)
            self._ids.append(item_id)
            self._numbers[item_id] = number
            if len(self._first) < _FIRST:
                self._first.append(number)
        return number

    def _product(self, item: Item) -> int:
        return self._products.setdefault(item.product_id, len(self._products))

    def _rows_of(self, reader: Reader, pending: dict[int, int]) -> list[tuple[int, Row]]:
        """Return these rows, given with the numbers of their items, by rising row number."""
        records = (reader.item(self._ids[item]) for item in sorted(set(pending.values())))
        rows = (pair for record in records if record for pair in record.numbered_rows())
        return sorted((pair for pair in rows if pair[0] in pending), key=itemgetter(0))

    def _segment(self, reader: Reader, fresh: list[tuple[int, Row]]) -> list[Segment]:
        """Return a segment of these rows, or [] if there are none.

        A row that this encoder has not encoded yet is left out: another process writes for
        another encoder.
        """
        rows = {
            number: row for number, row in fresh if reader.has_embedding(self._key, row.picture)
        }
        if len(rows) < len(fresh):
            logger.warning("%d images are not encoded yet and not found", len(fresh) - len(rows))
        if not rows:
            return []
        pictures = [row.picture for row in rows.values()]
        vectors = unit(reader.embeddings(self._key, pictures, self._index.dim))  # (r, dim)
        numbers = np.fromiter(rows, dtype=np.int64, count=len(rows))
        items = [self._numbers[row.item_id] for row in rows.values()]
        images = self._renditions.images(
            [row.image_index for row in rows.values()],
            [self._renditions.number(row.rendition) for row in rows.values()],
        )
        index = self._index.build_delta(vectors, numbers)
        return [Segment.of(index, np.array(items, dtype=np.int64), images)]

    def _merge_small(self, segments: list[Segment]) -> list[Segment]:
        """Return the generation's segment, and the small ones joined if they are of like size."""
        first, *small = segments
        small = [segment for segment in small if (segment.item_of >= 0).any()]
        while len(small) > 1 and len(small[-2].vectors) <= RATIO * len(small[-1].vectors):
            upper, lower = small.pop(), small.pop()
            small.append(self._join([lower, upper]))
        return [first, *small]

    def _join(self, segments: list[Segment]) -> Segment:
        """Return one segment of what is alive in these."""
        alive = [np.flatnonzero(segment.item_of >= 0) for segment in segments]  # (a,) each
        pairs = list(zip(segments, alive, strict=True))
        index = self._index.build_delta(
            np.concatenate([segment.vectors.vectors_at(at) for segment, at in pairs]),
            np.concatenate([segment.vectors.rows[at] for segment, at in pairs]),
        )
        items = np.concatenate([segment.item_of[at] for segment, at in pairs])
        return Segment.of(index, items, joined([s.images.at_all(at) for s, at in pairs]))


def _without(segment: Segment, gone: Mask) -> Segment:
    """Return the segment in which the rows of these items (items,) are dead.

    The segment itself if it has none of them.
    """
    dead = gone[segment.item_of] & (segment.item_of >= 0)  # (n,): -1 reads what & drops
    if not dead.any():
        return segment
    return replace(segment, item_of=np.where(dead, -1, segment.item_of))


def _spread(items: list[Item]) -> list[int]:
    """Return item numbers, one of each main category in turn: a first impression of the shop."""
    by_category: dict[str, list[int]] = {}
    products: set[str] = set()
    for number, item in enumerate(items):
        if item.product_id not in products:
            products.add(item.product_id)
            category = item.categories[0] if item.categories else ""
            by_category.setdefault(category, []).append(number)
    out: list[int] = []
    for turn in range(max(map(len, by_category.values()), default=0)):
        out.extend(numbers[turn] for numbers in by_category.values() if turn < len(numbers))
        if len(out) > _FIRST:
            break
    return out
