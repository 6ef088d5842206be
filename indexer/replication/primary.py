"""The protocol of a primary: all that a replica asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from indexer.errors import UnknownItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.replication.messages import Feed, ItemPage, LogPage
    from indexer.store.replay import ValueKey


class UnknownFile(UnknownItem):
    """A replica asked for a file that the shop does not have (any more)."""


class Primary(Protocol):
    """A shop that is copied: ``ReplicaSource`` reads it from disk, ``HttpPrimary`` over HTTP.

    Every method raises PrimaryLost if the primary does not answer now.
    """

    def feed(self, since: int, meta_mark: str) -> Feed:
        """Return the state of the shop, and the changes after ``since``."""
        ...

    def items(self, after: str) -> ItemPage:
        """Return the items whose ids follow ``after``."""
        ...

    def values(self, keys: Sequence[ValueKey]) -> list[bytes | None]:
        """Return the values of the first of these keys, at least one; None if there is none."""
        ...

    def log_names(self, environment: str) -> list[str]:
        """Return the names of the databases of an environment beside the store."""
        ...

    def log_page(self, environment: str, database: str, after: bytes) -> LogPage:
        """Return the entries of a database whose keys follow ``after``, from the first if empty."""
        ...

    def file(self, path: str) -> Iterator[bytes]:
        """Read a file of the shop, by its path in the shop's folder. Raises UnknownFile."""
        ...
