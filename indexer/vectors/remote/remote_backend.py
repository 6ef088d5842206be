"""A backend whose vectors are searched by a server: Milvus or Qdrant.

The server finds candidates. Their scores, exact searches and ``vectors_at`` come from the exact
vectors in the generation's folder (``LocalVectors``), so an answer never depends on an engine's
arithmetic. A collection never changes once it serves: rows written later are searched in this
process, and deleted rows are positions that a search must not find.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from indexer.errors import IndexCorrupt, VectorsUnavailable
from indexer.vectors.backend import Nearest, RecallPromise, promise_of
from indexer.vectors.contract import MEASURED_K, Contract
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.remote.access import ACCESS
from indexer.vectors.remote.checked_search import checked_search
from indexer.vectors.remote.connection import connection_to
from indexer.vectors.remote.descriptor import Descriptor, alias_of, file_of, read_descriptor
from indexer.vectors.remote.localvectors import ROWS, VECTORS, LocalVectors
from indexer.vectors.remote.reconcile import fill, reconcile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexer.arrays import Embedding, Positions, Rows, Scores, Vectors
    from indexer.vectors.position_mask import PositionMask
    from indexer.vectors.remote.address import ServerAddress

LOCAL_ROWS = 5000  # a filter that allows at most this many rows is searched in this process
PUSHED_IDS = 1000  # most positions that a search names to the server, to leave them out
_SPARE_ROWS = 8  # asked for beyond k, because a server may order nearly equal scores differently
_AT_ONCE = 50  # queries in a request
_SPARE = 1.5  # rows to expect behind a filter, relative to those needed, as in the planner


class RemoteBackend:
    """Searches a collection on a server. See ``VectorBackend``.

    Until it is saved it has no collection, and compares all vectors in this process. A search
    raises VectorsUnavailable if the server does not answer, or if its answer cannot be right.
    """

    engine: ClassVar[str]

    def __init__(
        self,
        local: LocalVectors,
        descriptor: Descriptor | None = None,
        contract: Contract | None = None,
        draft: Path | None = None,
    ) -> None:
        """``draft`` is the folder that names the collection until ``save`` does."""
        self.contract = contract or Contract(recipe=self.engine)
        self.dim = local.dim
        self._local = local
        self._descriptor = descriptor
        self._draft = draft

    @classmethod
    def build(cls, vectors: Vectors, rows: Rows) -> Self:
        """See ``VectorBackend.build``."""
        return cls(LocalVectors.copy_of(vectors, rows))

    @classmethod
    def fill(
        cls,
        address: ServerAddress,
        draft: Path,
        vectors: Vectors,
        rows: Rows,
        *,
        exact: bool,
        watch: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Self:
        """Build an index, and fill its collection before it is saved, so that it can be measured.

        The collection is named in the folder ``draft`` first, so that ``drop`` finds it after a
        crash.
        """
        local = LocalVectors.copy_of(vectors, rows)
        descriptor = Descriptor.new(address, dim=local.dim, rows=len(local), exact=exact)
        cls.drop(draft)  # of a build that failed
        draft.mkdir(parents=True, exist_ok=True)
        descriptor.write(draft)
        fill(connection_to(address), descriptor, local.vectors, watch)
        return cls(local, descriptor, Contract(recipe=cls.engine), draft)

    def with_contract(self, contract: Contract) -> Self:
        """Return this index with another contract; the collection is shared."""
        return type(self)(self._local, self._descriptor, contract, self._draft)

    @classmethod
    def open(cls, folder: Path, contract: Contract | None = None, *, serving: bool = False) -> Self:
        """See ``VectorBackend.open``. Compares the collection with its vectors, and mends it.

        Raises VectorsUnavailable if the server does not answer.
        """
        del serving
        try:
            descriptor = read_descriptor(folder, cls.engine)
        except FileNotFoundError as error:
            raise IndexCorrupt(f"{error.filename} cannot be read: it is missing") from error
        local = LocalVectors.open(folder)
        if (descriptor.rows, descriptor.dim) != local.vectors.shape:
            raise IndexCorrupt(
                f"{folder} holds vectors of shape {local.vectors.shape}, its collection has shape "
                f"{(descriptor.rows, descriptor.dim)}"
            )
        reconcile(connection_to(descriptor.address), descriptor, local.vectors)
        return cls(local, descriptor, contract)

    def save(self, folder: Path) -> None:
        """See ``VectorBackend.save``. The collection of ``fill`` is kept; else one is made."""
        self._local.save(folder)
        if self._draft is not None and self._descriptor is not None:
            self._descriptor.write(folder)
            with suppress(OSError):  # a draft that stays would drop the collection later
                file_of(self._draft, self.engine).unlink(missing_ok=True)
                self._draft.rmdir()
            self._draft = None
            return
        address = self._descriptor.address if self._descriptor else ACCESS.current.default
        if address is None or address.engine != self.engine:
            raise VectorsUnavailable(
                f"an index of {self.engine} is saved to a server, and none is set; set "
                f"VITRINE_VECTORS to {self.engine}:URI"
            )
        exact = self._descriptor.exact if self._descriptor else True
        copy = Descriptor.new(address, dim=self.dim, rows=len(self), exact=exact)
        copy.write(folder)  # before the collection is made, so that ``drop`` finds it
        fill(connection_to(address), copy, self._local.vectors)

    @classmethod
    def drop(cls, folder: Path) -> None:
        """See ``VectorBackend.drop``. Raises VectorsUnavailable if the server does not answer."""
        try:
            descriptor = read_descriptor(folder, cls.engine)
        except FileNotFoundError:
            return
        except IndexCorrupt:  # the collection has no name any more
            descriptor = None
        if descriptor is not None and not ACCESS.current.read_only:
            name = descriptor.collection
            connection_to(descriptor.address).call(lambda driver: driver.drop(name))
        for path in (folder / VECTORS, folder / ROWS, file_of(folder, cls.engine)):
            path.unlink(missing_ok=True)

    @classmethod
    def announce(cls, folder: Path, shop: Path) -> None:
        """See ``VectorBackend.announce``: an alias of the shop points to this collection."""
        if ACCESS.current.read_only:
            return
        descriptor = read_descriptor(folder, cls.engine)
        alias, name = alias_of(shop), descriptor.collection
        connection_to(descriptor.address).call(lambda driver: driver.point_alias(alias, name))

    def check_ready(self) -> None:
        """See ``VectorBackend.check_ready``."""
        if self._descriptor is not None:
            connection_to(self._descriptor.address).check()

    @property
    def rows(self) -> Rows:
        """See ``VectorBackend.rows``."""
        return self._local.rows

    @property
    def note(self) -> str:
        """See ``VectorBackend.note``."""
        if self._descriptor is None:
            return f"cpu: not yet on {self.engine}"
        return f"{self._descriptor.address}, collection {self._descriptor.collection}"

    @property
    def promise(self) -> RecallPromise | None:
        """See ``VectorBackend.promise``."""
        return promise_of(self.contract)

    def __len__(self) -> int:
        return len(self._local)

    def nearest(
        self, query: Embedding, k: int, allowed: PositionMask | None, *, extra_levels: int = 0
    ) -> Nearest:
        """See ``VectorBackend.nearest``. Chooses where to search by what the filter allows.

        Few allowed rows are compared in this process. Few forbidden rows are named to the server.
        Otherwise more rows are requested, and those that pass are kept; if too few pass, all
        allowed rows are compared in this process.
        """
        queries = query[None, :]  # (1, dim)
        self._local.check_queries(queries)
        n = len(self)
        count = n if allowed is None else allowed.count
        found = None
        if count and (allowed is None or count > LOCAL_ROWS or n - count <= PUSHED_IDS):
            found = self._search_server(queries, min(k, count), allowed, count, extra_levels)
        if found is None:
            positions, scores = self._local.exact(queries, k, allowed)
            return Nearest(positions[0], scores[0], "exact")
        positions, scores = _padded(*found, k)
        return Nearest(positions[0], scores[0], "exact" if self.contract.exact else "ann")

    def exact(
        self, queries: Vectors, k: int, allowed: PositionMask | None = None
    ) -> tuple[Positions, Scores]:
        """See ``VectorBackend.exact``. Compares in this process, whatever the server holds."""
        return self._local.exact(queries, k, allowed)

    def approximate(self, queries: Vectors, k: int) -> tuple[Positions, Scores]:
        """See ``VectorBackend.approximate``."""
        if self.contract.exact:
            return self.exact(queries, k)
        return self.search_with_depth(queries, k, self._depth(0))

    def search_with_depth(self, queries: Vectors, k: int, depth: int) -> tuple[Positions, Scores]:
        """Search the server for each query (q, dim) with this effort: (q, k) each.

        Some at a time, because the time limit of a search is for one request.
        """
        self._local.check_queries(queries)
        parts = [
            self._search_collection(queries[start : start + _AT_ONCE], min(k, len(self)), depth)
            for start in range(0, max(1, len(queries)), _AT_ONCE)
        ]
        found = np.concatenate(parts)
        return _padded(*self._local.rank(queries, found, min(k, len(self))), k)

    def vectors_at(self, positions: Positions) -> Vectors:
        """See ``VectorBackend.vectors_at``."""
        return self._local.at(positions)

    def build_delta(self, vectors: Vectors, rows: Rows) -> FaissBackend:
        """See ``VectorBackend.build_delta``. New rows are searched by FAISS in this process."""
        return FaissBackend.build(vectors, rows)

    def _depth(self, extra_levels: int) -> int:
        """Return the effort of approximate searches; 0 if the collection is exact."""
        levels = self.contract.levels
        if not levels:
            return 0
        return levels[min(self.contract.level + extra_levels, len(levels) - 1)].effort.depth

    def _search_server(
        self,
        queries: Vectors,
        k: int,
        allowed: PositionMask | None,
        count: int,
        extra_levels: int,
    ) -> tuple[Positions, Scores] | None:
        """Find the k best allowed positions of one query on the server, of ``count`` allowed ones.

        Returns (1, k) each, or None if this must be searched in this process.
        """
        descriptor = self._descriptor
        if descriptor is None or (not descriptor.exact and self.contract.exact):
            return None
        n = len(self)
        without = None
        rows = max(k + _SPARE_ROWS, MEASURED_K)
        if allowed is not None and n - count <= PUSHED_IDS:
            without = np.flatnonzero(~allowed.mask)
        elif allowed is not None:
            rows = max(MEASURED_K, math.ceil(_SPARE * rows * n / count))
        rows = min(rows, n if without is None else count)
        if rows > connection_to(descriptor.address).max_rows:
            return None
        depth = self._depth(extra_levels)
        factor = max(1.0, rows / MEASURED_K) if depth else 0
        found = self._search_collection(queries, rows, round(depth * factor), without)  # (1, rows)
        if allowed is not None:
            # Position -1 reads the last entry of the mask; the comparison drops it.
            found = found[:, (allowed.mask[found[0]] & (found[0] >= 0))]
        if int((found >= 0).sum()) < k:
            return None
        return self._local.rank(queries, found, k)

    def _search_collection(
        self, queries: Vectors, rows: int, depth: int, without: Positions | None = None
    ) -> Positions:
        """Return the positions (q, rows) that the server finds; before it has them, the best."""
        if self._descriptor is None or not len(queries) or not rows:
            return self._local.exact(queries, rows)[0]
        return checked_search(self._descriptor, self._local, queries, rows, depth, without)


class MilvusBackend(RemoteBackend):
    """Searches a collection of Milvus. See ``RemoteBackend``."""

    engine = "milvus"


class QdrantBackend(RemoteBackend):
    """Searches a collection of Qdrant. See ``RemoteBackend``."""

    engine = "qdrant"


def _padded(positions: Positions, scores: Scores, k: int) -> tuple[Positions, Scores]:
    """Pad results (q, up to k) to (q, k) with position -1 and score -inf."""
    tail = ((0, 0), (0, k - positions.shape[1]))
    return (
        np.pad(positions, tail, constant_values=-1),
        np.pad(scores, tail, constant_values=-np.inf),
    )
