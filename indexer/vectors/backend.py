"""What Vitrine needs of an index of vectors, whoever stores and searches them.

``indexer.vectors.backends`` names the implementations. Everything above an index (the canary,
the recall watch, the live segments) uses this protocol alone. A position is a place in an index,
0 to n - 1, in the order in which vectors were added; ``rows`` gives the row number of each, and
``indexer.vectors.row_table`` the way back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from indexer.arrays import Embedding, Positions, Rows, Scores, Vectors
    from indexer.vectors.contract import Contract
    from indexer.vectors.position_mask import PositionMask


class Nearest(NamedTuple):
    """The result of one query: positions (k,), padded with -1, and scores (k,), best first.

    ``mode`` is ``exact`` where every allowed vector was compared.
    """

    positions: Positions
    scores: Scores
    mode: Literal["exact", "ann"]


class RecallPromise(NamedTuple):
    """The recall@10 of approximate searches: promised to the operator, and measured at the build.

    ``extra_levels`` is how many levels of effort there are above the one that was promised.
    """

    promised: float
    measured: float
    extra_levels: int


class VectorBackend(Protocol):
    """An index of unit vectors, searched by inner product. Thread-safe.

    Scores of equal rank come in any order. Where a search finds fewer than ``k``, its tail is
    position -1, score -inf. A query of another dimension raises IndexMismatch.
    """

    @property
    def rows(self) -> Rows:
        """The row number of each position: (n,)."""
        ...

    @property
    def dim(self) -> int:
        """The length of its vectors."""
        ...

    @property
    def note(self) -> str:
        """Where it is searched, in words for people, such as ``cpu``."""
        ...

    @property
    def promise(self) -> RecallPromise | None:
        """The recall of approximate searches; None if every search is exact."""
        ...

    def __len__(self) -> int: ...

    def nearest(
        self, query: Embedding, k: int, allowed: PositionMask | None, *, extra_levels: int = 0
    ) -> Nearest:
        """Find the k best allowed positions for a query (dim,), by whichever way is cheapest.

        Fewer than k are found only if fewer are allowed; None allows all. An approximate search
        tries ``extra_levels`` levels harder than promised, as far as there are so many.
        """
        ...

    def exact(
        self, queries: Vectors, k: int, allowed: PositionMask | None = None
    ) -> tuple[Positions, Scores]:
        """Find the k best allowed positions of each query (q, dim) by comparing all: (q, k) each.

        Scores are those of the vectors as they are stored.
        """
        ...

    def approximate(self, queries: Vectors, k: int) -> tuple[Positions, Scores]:
        """Search as ``exact``, with the effort that the promise was measured at.

        May find fewer than k. The same as ``exact`` if ``promise`` is None.
        """
        ...

    def vectors_at(self, positions: Positions) -> Vectors:
        """Return the vectors at these positions, as stored: (p,) to (p, dim)."""
        ...

    def build_delta(self, vectors: Vectors, rows: Rows) -> VectorBackend:
        """Index rows written since this index was built: exact, and in this process's memory.

        (n, dim) unit vectors and (n,) row numbers.
        """
        ...

    @classmethod
    def build(cls, vectors: Vectors, rows: Rows) -> Self:
        """Index (n, dim) unit vectors under their row numbers (n,), exactly; n may be 0."""
        ...

    @classmethod
    def open(cls, folder: Path, contract: Contract | None = None, *, serving: bool = False) -> Self:
        """Open what ``save`` wrote to a folder, under the contract in its generation's manifest.

        The caller has verified the checksums of its files. ``serving`` makes it ready for many
        searches, on GPUs where they pay. IndexCorrupt if it cannot be read.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write what ``open`` needs to a folder. StoreFull if it cannot be written."""
        ...

    @classmethod
    def drop(cls, folder: Path) -> None:
        """Delete what ``save`` wrote, in this folder and elsewhere; nothing if it is gone already.

        OSError if it cannot be deleted.
        """
        ...


def rows_at(rows: Rows, positions: Positions) -> Rows:
    """Return the row numbers (n,) at these positions, of any shape; -1 stays -1."""
    if not len(rows):
        return np.full_like(positions, -1)
    return np.where(positions >= 0, rows[positions], -1)
