"""Write the events anew, so that no byte of deleted events is left in the files.

LMDB reuses the pages of deleted events some time, but does not overwrite them. So the events that
are left are written into a new environment, and the old one is deleted.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from indexer.shop.joblock import job_lock
from indexer.store.environment import Environment
from search.personal.event_folder import next_place, publish_place
from search.personal.event_log import ADVICE, DATABASES, MOVED

if TYPE_CHECKING:
    from indexer.store.lmdb_transactions import ReadTransaction
    from search.personal.event_log import EventLog

_AT_ONCE: Final = 20_000  # entries of one transaction


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes on disk before and after a compaction."""

    bytes_before: int
    bytes_after: int


def compact(log: EventLog) -> Compacted:
    """Write the events of a log anew, and delete the old files.

    New events wait until it is done; other processes find the new files by themselves. If it is
    interrupted, nothing is lost, and the next compaction deletes the leftover files.
    Raises StoreBusy if another compaction runs, StoreFull.
    """
    with job_lock(log.folder, "events compact"):
        before = log.bytes_used()
        with log.write() as txn:
            place = next_place(log.folder)
            with Environment(place, DATABASES, create=True, advice=ADVICE) as fresh:
                _copy(txn, fresh)
            # From here on, whoever opens the old files is sent to the new ones.
            txn.put("meta", MOVED, place.name.encode())
        publish_place(log.folder, place)
        with log.read():  # opens the new files
            return Compacted(bytes_before=before, bytes_after=log.bytes_used())


def _copy(txn: ReadTransaction, fresh: Environment) -> None:
    for database in DATABASES:
        entries = txn.entries(database)
        while batch := list(islice(entries, _AT_ONCE)):
            with fresh.write() as out:
                for key, value in batch:
                    out.put(database, key, value)
