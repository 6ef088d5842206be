"""What a primary sends of its events to its replicas, and how it is read from its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from indexer.errors import BadQuery
from indexer.replication.messages import LogPage
from search.personal.event_log import LEARNED, open_if_exists

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES: Final = 8 << 20  # of one message; a single larger value is sent alone
LISTED: Final = ("log", "pairs", "meta", *LEARNED)
"""The databases that replicas ask for as a whole."""

Count = Annotated[int, Meta(ge=0)]


class EventFeed(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of a log of events, and the events after a sequence number, as of one view.

    ``secret`` is that of its hashes, as it is stored; None if no event was ever stored. The
    counters are those of ``EventReader``. ``events`` have their sequence number, and their key and
    value in the database ``events``; ``last`` if no events follow.
    """

    secret: bytes | None = None
    sequence: Count = 0
    deletions: Count = 0
    kept_from: Count = 0
    lessons: Count = 0
    events: list[tuple[Count, bytes, bytes]] = []
    last: bool = True


class EventPrimary(Protocol):
    """The events of a primary. Every method raises PrimaryLost if it does not answer now."""

    def feed(self, since: int) -> EventFeed:
        """Return the counters, and the first events after this sequence number."""
        ...

    def page(self, database: str, after: bytes) -> LogPage:
        """Return the entries of a database whose keys follow ``after``, from the first if empty."""
        ...


class EventSource:
    """Reads the events of a shop for its replicas; an ``EventPrimary``. Thread-safe."""

    def __init__(self, shop: Path) -> None:
        self._shop = shop

    def feed(self, since: int) -> EventFeed:
        """See ``EventPrimary.feed``."""
        log = open_if_exists(self._shop)
        if log is None:
            return EventFeed()
        events: list[tuple[int, bytes, bytes]] = []
        size, last = 0, True
        with log, log.read() as reader:
            for sequence, name, value in reader.stored_since(since):
                size += len(name) + len(value)
                if events and size > _MOST_BYTES:
                    last = False
                    break
                events.append((sequence, name, value))
            return EventFeed(
                secret=reader.secret,
                sequence=reader.sequence,
                deletions=reader.deletions,
                kept_from=reader.kept_from,
                lessons=reader.lessons,
                events=events,
                last=last,
            )

    def page(self, database: str, after: bytes) -> LogPage:
        """See ``EventPrimary.page``. Raises BadQuery for a database that is not ``LISTED``."""
        if database not in LISTED:
            raise BadQuery(f"expected one of {', '.join(LISTED)}, got {database[:40]!r}")
        log = open_if_exists(self._shop)
        entries: list[tuple[bytes, bytes]] = []
        size = 0
        if log is not None:
            with log, log.read() as reader:
                for key, value in reader.entries(database, after + b"\0" if after else b""):
                    size += len(key) + len(value)
                    if entries and size > _MOST_BYTES:
                        return LogPage(entries, last=False)
                    entries.append((key, value))
        return LogPage(entries, last=True)
