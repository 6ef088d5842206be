"""The interface of vector engines: a few calls, the same for Milvus and Qdrant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from indexer.errors import VectorsUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.arrays import Positions, Scores, Vectors

GRAPH_LINKS, GRAPH_BUILD = 16, 200  # of HNSW on a server: M and efConstruction


class CollectionMissing(VectorsUnavailable):
    """The server has no collection of this name."""


class CollectionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A collection: its name, the length of its vectors, and whether it compares all of them."""

    name: str
    dim: int
    exact: bool


class Driver(Protocol):
    """One vector engine, reached by its own client. Thread-safe.

    The id of a vector is its position, 0 to n - 1. A call that the server does not answer raises
    the client's error; ``Connection`` translates it. CollectionMissing is raised as it is.
    """

    max_rows: int  # most results of one search

    def ping(self) -> None:
        """Return if the server answers."""
        ...

    def exists(self, name: str) -> bool:
        """Return True if the server has this collection."""
        ...

    def create(self, spec: CollectionSpec) -> None:
        """Create an empty collection; one of the same name is deleted first."""
        ...

    def put(self, name: str, positions: Positions, vectors: Vectors) -> None:
        """Store vectors (p, dim) under positions (p,), replacing those that are there."""
        ...

    def finish(self, name: str) -> None:
        """Return when everything that was put is stored, indexed and can be searched."""
        ...

    def load(self, name: str) -> None:
        """Prepare a collection for searches. Raises CollectionMissing."""
        ...

    def count(self, name: str) -> int:
        """Return the number of vectors, with every write that was acknowledged."""
        ...

    def positions(self, name: str) -> Iterator[Positions]:
        """Return the positions of all vectors, in blocks and any order."""
        ...

    def vectors_at(self, name: str, positions: Positions, dim: int) -> Vectors:
        """Return vectors (p, dim); a position that the collection lacks is all NaN."""
        ...

    def delete(self, name: str, positions: Positions) -> None:
        """Delete the vectors at these positions."""
        ...

    def search(
        self, spec: CollectionSpec, queries: Vectors, k: int, depth: int, without: Positions | None
    ) -> tuple[Positions, Scores]:
        """Find the k best positions of each query (q, dim): (q, k) each, padded with -1 and -inf.

        ``depth`` is the effort of an approximate search; 0 compares all vectors. ``without`` are
        positions that must not be found.
        """
        ...

    def drop(self, name: str) -> None:
        """Delete a collection with its alias, if it exists."""
        ...

    def point_alias(self, alias: str, name: str) -> None:
        """Make ``alias`` a name of this collection alone, in one step."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
