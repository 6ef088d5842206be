"""The events of a primary that is reached over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.replication.messages import LogPage
from search.personal.event_feed import EventFeed

if TYPE_CHECKING:
    from indexer.replication.http_primary import HttpPrimary


class HttpEvents:
    """Asks a service of Vitrine for its events; an ``EventPrimary``."""

    def __init__(self, primary: HttpPrimary) -> None:
        self._primary = primary

    def feed(self, since: int) -> EventFeed:
        """See ``EventPrimary.feed``."""
        return self._primary.ask("events", EventFeed, since=since)

    def page(self, database: str, after: bytes) -> LogPage:
        """See ``EventPrimary.page``."""
        return self._primary.ask("event_pages", LogPage, database=database, after=after.hex())
