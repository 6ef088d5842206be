"""The protocol of a vector index: everything that Vitrine needs from one.

``indexer.vectors.backends`` lists the implementations. All code outside of a backend (the canary,
the recall watch, the live segments) uses only this protocol. A position is a place in an index,
0 to n - 1. An index may order its vectors as it likes: ``rows`` maps positions to row numbers, and
``indexer.vectors.row_table`` maps row numbers to positions.
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

    ``mode`` is ``exact`` if every allowed vector was compared.
    """

    positions: Positions
    scores: Scores
    mode: Literal["exact", "ann"]


class RecallPromise(NamedTuple):
    """The recall@10 of approximate searches: promised to the operator, and measured at the build.

    ``extra_levels`` is the number of levels of effort above the promised one.
    """

    promised: float
    measured: float
    extra_levels: int


class VectorBackend(Protocol):
    """An index of unit vectors, searched by inner product. Thread-safe.

    Equal scores come in any order. If a search finds fewer than ``k``, the result is padded with
    position -1 and score -inf. A query of another dimension raises IndexMismatch.
    """

    @property
    def rows(self) -> Rows:
        """The row number of each position: (n,)."""
        ...

    @property
    def dim(self) -> int:
        """The length of the vectors."""
        ...

    @property
    def note(self) -> str:
        """Where the index is searched, for people to read, such as ``cpu``."""
        ...

    @property
    def promise(self) -> RecallPromise | None:
        """The recall of approximate searches; None if every search is exact."""
        ...

    def __len__(self) -> int: ...

    def nearest(
        self, query: Embedding, k: int, allowed: PositionMask | None, *, extra_levels: int = 0
    ) -> Nearest:
        """Find the k best allowed positions for a query (dim,), exactly or approximately.

        The cheaper way is chosen. Finds fewer than k only if fewer are allowed; None allows all.
        An approximate search uses ``extra_levels`` more levels of effort than promised, or all
        there are.
        """
        ...

    def exact(
        self, queries: Vectors, k: int, allowed: PositionMask | None = None
    ) -> tuple[Positions, Scores]:
        """Find the k best allowed positions of each query (q, dim) by comparing all: (q, k) each.

        Scores are computed from the vectors as stored.
        """
        ...

    def approximate(self, queries: Vectors, k: int) -> tuple[Positions, Scores]:
        """Search like ``exact``, but with the effort that the promise was measured with.

        May find fewer than k. If ``promise`` is None, this is ``exact``.
        """
        ...

    def vectors_at(self, positions: Positions) -> Vectors:
        """Return the vectors at these positions, as stored: (p,) to (p, dim)."""
        ...

    def build_delta(self, vectors: Vectors, rows: Rows) -> VectorBackend:
        """Build an exact index in memory, for rows written after this index was built.

        Takes (n, dim) unit vectors and (n,) row numbers.
        """
        ...

    @classmethod
    def build(cls, vectors: Vectors, rows: Rows) -> Self:
        """Build an exact index of (n, dim) unit vectors with row numbers (n,); n may be 0."""
        ...

    @classmethod
    def open(cls, folder: Path, contract: Contract | None = None, *, serving: bool = False) -> Self:
        """Open what ``save`` wrote to a folder; ``contract`` comes from the generation's manifest.

        The caller must have verified the checksums of the files. ``serving`` prepares the index
        for many searches, on GPUs if they are faster. Raises IndexCorrupt if it cannot be read.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the files that ``open`` reads. Raises StoreFull if they cannot be written."""
        ...

    @classmethod
    def drop(cls, folder: Path) -> None:
        """Delete everything that ``save`` wrote, in this folder and elsewhere.

        Does nothing if it was deleted before. Raises OSError if it cannot be deleted, and
        VectorsUnavailable if that is because a server does not answer: then the folder is kept
        for another try.
        """
        ...

    @classmethod
    def announce(cls, folder: Path, shop: Path) -> None:
        """Note outside of the shop's folder that the generation in ``folder`` serves.

        Called after CURRENT has moved. Does nothing if the index is in the folder alone. Raises
        VectorsUnavailable.
        """
        ...

    def check_ready(self) -> None:
        """Raise VectorsUnavailable if searches would fail now; cheap enough for a health check."""
        ...


def promise_of(contract: Contract) -> RecallPromise | None:
    """Return the promise of an index with this contract; None if every search is exact."""
    if contract.exact:
        return None
    above = len(contract.levels) - 1 - contract.level
    return RecallPromise(contract.targets.recall, contract.recall, above)


def rows_at(rows: Rows, positions: Positions) -> Rows:
    """Return the row numbers at these positions, an array of any shape; -1 stays -1."""
    if not len(rows):
        return np.full_like(positions, -1)
    return np.where(positions >= 0, rows[positions], -1)
