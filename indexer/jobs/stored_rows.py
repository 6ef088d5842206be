"""Read the rows and vectors of one model, in one transaction, to build an index from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.arrays import Rows, Vectors, empty_vectors, unit
from indexer.encoders.base import Model
from indexer.shop.styles import count_styles, indexed_styles
from indexer.store.records import ItemRecord, PictureKey, Row
from indexer.store.store import Store
from indexer.vectors.canary import check_counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.encoders.base import Encoder
    from indexer.shop.manifest import StyleCount
    from indexer.store.transactions import Reader

_BLOCK = 8192  # vectors read and normalized at a time


class StoredRows(NamedTuple):
    """The content of an index, as read in one transaction.

    ``rows`` are pairs of number and row, by rising number. ``vectors`` (n, dim), of unit length,
    have the same order. ``changes`` and ``next_row`` are the store's counters. ``styles``
    counts the pictures of these rows, as ``style_counts`` does.
    """

    rows: list[tuple[int, Row]]
    vectors: Vectors
    records: list[ItemRecord]
    changes: int
    next_row: int
    styles: list[StyleCount]

    @property
    def numbers(self) -> Rows:
        """The numbers of the rows (n,)."""
        return np.array([number for number, _ in self.rows], dtype=np.int64)


def read_rows(store: Store, encoder: Encoder) -> StoredRows:
    """Read the content of an index; raise IndexCorrupt if rows and items contradict each other.

    Rows without an embedding are left out if their picture was lost before it could be embedded.
    Many vectors are mapped from a file beside the store; raises StoreFull if it has no room.
    """
    key = Model.of(encoder).key
    rows: list[tuple[int, Row]] = []
    lost = 0
    with store.read() as reader:
        for number, row in reader.rows():
            if reader.has_no_picture(key, row.picture):
                lost += 1
            else:
                rows.append((number, _sharing_names(row)))
        vectors = empty_vectors(len(rows), encoder.dim, store.shop)
        for start in range(0, len(rows), _BLOCK):
            pictures = [row.picture for _, row in rows[start : start + _BLOCK]]
            block = reader.embeddings(key, pictures, encoder.dim)
            vectors[start : start + len(block)] = unit(block)
        stored = StoredRows(
            rows=rows,
            vectors=vectors,
            records=list(reader.items()),
            changes=reader.sequence,
            next_row=reader.meta("next_row", 0),
            styles=style_counts(reader, (row.picture for _, row in rows)),
        )
    check_counts([row for _, row in rows], stored.records, lost=lost)
    return stored


def _sharing_names(row: Row) -> Row:
    """Return a row whose texts are the same objects as equal ones of other rows: 117 bytes less."""
    return Row(sys.intern(row.item_id), row.image_index, sys.intern(row.rendition), row.content)


def style_counts(reader: Reader, pictures: Iterable[PictureKey]) -> list[StyleCount]:
    """Count these pictures in each style of the shop; each picture counts once."""
    return count_styles(reader, set(pictures)) if indexed_styles(reader) else []
