"""Read the rows and vectors of one model, in one transaction, to build an index from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.arrays import Rows, Vectors, unit_in_place
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
    """
    key = Model.of(encoder).key
    with store.read() as reader:
        everything = list(reader.rows())
        rows = [
            (number, row)
            for number, row in everything
            if not reader.has_no_picture(key, row.picture)
        ]
        pictures = [row.picture for _, row in rows]
        stored = StoredRows(
            rows=rows,
            vectors=unit_in_place(reader.embeddings(key, pictures, encoder.dim)),
            records=list(reader.items()),
            changes=reader.sequence,
            next_row=reader.meta("next_row", 0),
            styles=style_counts(reader, (row.picture for _, row in rows)),
        )
    check_counts([row for _, row in rows], stored.records, lost=len(everything) - len(rows))
    return stored


def style_counts(reader: Reader, pictures: Iterable[PictureKey]) -> list[StyleCount]:
    """Count these pictures in each style of the shop; each picture counts once."""
    return count_styles(reader, set(pictures)) if indexed_styles(reader) else []
