"""A shop that is written to while it is searched: from each view of it to the next.

A change costs what changed, not what the shop holds: new rows become a small segment, changed
fields a thin layer, and the arrays that say what is alive are copied. Small segments of like
size are joined, so there are never many. The generation's own index is never touched.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.arrays import unit
from indexer.store.records import Change
from indexer.vectors.index import VectorIndex
from search.live.layers import RATIO, LayeredColumns
from search.live.view import Segment, ShopView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from indexer.items import Item
    from indexer.lexical import LexicalIndex
    from indexer.store.records import ItemRecord, Row
    from indexer.store.store import Store
    from indexer.store.transactions import Reader

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

    ``view`` may be read, and ``refresh`` called, from any thread. The words answer for the
    ``sequence`` of the view that a search has taken.
    """

    view: ShopView

    def __init__(self, store: Store, index: VectorIndex, words: LexicalIndex, key: bytes) -> None:
        """Read everything once; ``key`` is the encoder's in the store."""
        self.words = words
        self._store = store
        self._key = key
        self._dim = index.dim
        self._products: dict[str, int] = {}
        self._rows: dict[int, list[int]] = {}  # of each item: what must die when it changes
        self._refreshing = threading.Lock()
        with store.read() as reader:
            items = [record.item for record in reader.items()]
            self._ids = [item.item_id for item in items]
            self._numbers = {item_id: number for number, item_id in enumerate(self._ids)}
            self._first = _spread(items)
            rows = dict(reader.rows())
            for number, row in rows.items():
                self._rows.setdefault(self._numbers[row.item_id], []).append(number)
            known = set(index.rows.tolist())
            images = {n: (row.image_index, row.rendition) for n, row in rows.items() if n in known}
            fresh = [(number, row) for number, row in rows.items() if number not in known]
            self.view = ShopView(
                sequence=reader.sequence,
                size=len(items),
                ids=self._ids,
                numbers=self._numbers,
                product=np.array([self._product(item) for item in items], dtype=np.int64),
                product_numbers=len(self._products),
                columns=LayeredColumns.of(items),
                segments=(
                    Segment(index, self._items_of(index.rows, rows), images),
                    *self._segment(reader, fresh),
                ),
                first=self._first,
            )
            self._follow_words(reader, reader.changes_since(words.sequence))

    def refresh(self) -> bool:
        """Go on to what the store holds now; whether that is anything new."""
        with self._refreshing, self._store.read() as reader:
            return self._go_on(reader)

    @contextmanager
    def moment(self) -> Iterator[tuple[ShopView, Reader]]:
        """The view of this moment, and the store as it is at this very moment."""
        with ExitStack() as stack:
            with self._refreshing:
                reader = stack.enter_context(self._store.read())
                self._go_on(reader)
                view = self.view
            yield view, reader

    def _go_on(self, reader: Reader) -> bool:
        """Make the view that of ``reader``, which nobody may overtake; whether it was another."""
        changes = reader.changes_since(self.view.sequence)
        if changes is None:  # the log has been shortened: look at everything
            changes = dict.fromkeys(self._ids, Change.ALL)
            changes |= {record.item.item_id: Change.ALL for record in reader.items()}
        if not changes:
            return False
        records = self._follow_words(reader, changes)
        self._follow(reader, changes, records)
        return True

    def _follow_words(
        self, reader: Reader, changes: Mapping[str, Change] | None
    ) -> dict[str, ItemRecord | None]:
        """Bring the words in line with ``reader``; returns the records of all changed items."""
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

    def _follow(
        self,
        reader: Reader,
        changes: Mapping[str, Change],
        records: Mapping[str, ItemRecord | None],
    ) -> None:
        """Make the view of ``reader``, given what changed and the items as they are now."""
        fields: dict[int, Item | None] = {}
        dead: list[int] = []
        fresh: list[tuple[int, Row]] = []
        rows_now: dict[int, list[int]] = {}
        for item_id, change in changes.items():
            record = records[item_id]
            if record is None and item_id not in self._numbers:
                continue  # came and went between two looks
            number = self._number(item_id)
            if Change.FIELDS in change:
                fields[number] = None if record is None else record.item
            if Change.ROWS in change:
                dead.extend(self._rows.get(number, ()))
                rows = [] if record is None else list(record.numbered_rows())
                rows_now[number] = [row for row, _ in rows]
                fresh.extend(rows)
        self.view = self._next(reader, fields, dead, fresh)
        self._rows.update(rows_now)  # only now: what failed is made again, from what was there

    def _next(
        self,
        reader: Reader,
        fields: Mapping[int, Item | None],
        dead: list[int],
        fresh: list[tuple[int, Row]],
    ) -> ShopView:
        view, size = self.view, len(self._ids)
        product = np.concatenate([view.product, np.full(size - view.size, -1, dtype=np.int64)])
        for number, item in fields.items():
            if item is not None:
                product[number] = self._product(item)
        segments = [_without(segment, dead) for segment in view.segments]
        segments += self._segment(reader, fresh)
        return replace(
            view,
            sequence=reader.sequence,
            size=size,
            product=product,
            product_numbers=len(self._products),
            columns=view.columns.changed(fields, size) if fields else view.columns,
            segments=tuple(self._joined(segments)),
        )

    def _number(self, item_id: str) -> int:
        """The number of an item, for good: also while it is deleted."""
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

    def _items_of(self, numbers: NDArray[np.int64], rows: Mapping[int, Row]) -> NDArray[np.int64]:
        """The items that rows (n,) find: (n,), -1 where the store has no such row any more."""
        return np.array(
            [self._numbers[rows[n].item_id] if n in rows else -1 for n in numbers.tolist()],
            dtype=np.int64,
        )

    def _segment(self, reader: Reader, fresh: list[tuple[int, Row]]) -> list[Segment]:
        """A segment of these rows; none where there are none.

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
        vectors = unit(reader.embeddings(self._key, pictures, self._dim))  # (r, dim)
        numbers = np.fromiter(rows, dtype=np.int64, count=len(rows))
        images = {number: (row.image_index, row.rendition) for number, row in rows.items()}
        index = VectorIndex.build(vectors, numbers)
        return [Segment(index, self._items_of(numbers, rows), images)]

    def _joined(self, segments: list[Segment]) -> list[Segment]:
        """The generation's segment, and the small ones joined where they are of like size."""
        first, *small = segments
        small = [segment for segment in small if (segment.item_of >= 0).any()]
        while len(small) > 1 and len(small[-2].vectors) <= RATIO * len(small[-1].vectors):
            upper, lower = small.pop(), small.pop()
            small.append(_join([lower, upper]))
        return [first, *small]


def _without(segment: Segment, dead: Iterable[int]) -> Segment:
    """The segment in which these rows are dead; itself where it has none of them."""
    held = np.array([row for row in dead if row in segment.images], dtype=np.int64)
    if not len(held) or not len(segment.vectors):
        return segment
    places = segment.vectors.positions(held)  # (held,)
    item_of = segment.item_of.copy()
    item_of[places[segment.vectors.rows[places] == held]] = -1
    return replace(segment, item_of=item_of)


def _join(segments: list[Segment]) -> Segment:
    """One segment of what is alive in these."""
    alive = [np.flatnonzero(segment.item_of >= 0) for segment in segments]  # (a,) each
    rows = [segment.vectors.rows[at] for segment, at in zip(segments, alive, strict=True)]
    vectors = [segment.vectors.vectors_at(at) for segment, at in zip(segments, alive, strict=True)]
    items = [segment.item_of[at] for segment, at in zip(segments, alive, strict=True)]
    return Segment(
        VectorIndex.build(np.concatenate(vectors), np.concatenate(rows)),
        np.concatenate(items),
        {
            row: segment.images[row]
            for segment, kept in zip(segments, rows, strict=True)
            for row in kept.tolist()
        },
    )


def _spread(items: list[Item]) -> list[int]:
    """Item numbers, one of each main category in turn: a first impression of the shop."""
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
