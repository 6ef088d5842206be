"""The events of a replica: a copy of those of its primary, which follows them.

A replica stores no events of its own: its service hands them to the primary, and they come back
with those of all other machines. So every machine knows all users, and recommends alike.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from indexer.errors import BadPrimary, Conflict
from indexer.layout import EVENTS
from indexer.replication.log_copy import copy_database
from search.personal.event import EVENT_TYPES
from search.personal.event_deletion import delete_events
from search.personal.event_log import LEARNED, EventLog, open_if_exists
from search.personal.event_reader import (
    FACTOR_MAP,
    KEY_BYTES,
    POPULARITY,
    SEQUENCE,
    TIME,
    WEIGHTS_KEY,
    decode_event,
    decode_pair,
    encode_pair,
    item_key,
)

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.replication.replica import Replica, Step
    from indexer.store.lmdb_transactions import WriteTransaction
    from search.personal.event_feed import EventFeed, EventPrimary

_TAUGHT: Final = (FACTOR_MAP, POPULARITY)  # in ``meta``: what was learned, besides LEARNED


class Counters(NamedTuple):
    """How far a copy is: the counters of its log, see ``EventReader``."""

    secret: bytes | None = None
    sequence: int = 0
    deletions: int = 0
    lessons: int = 0


class EventCopy:
    """Follows the events of a primary. The caller holds the job lock of the shop."""

    def __init__(self, shop: Path, primary: EventPrimary) -> None:
        self._shop = shop
        self._primary = primary

    def step(self) -> bool:
        """Ask the primary for what is new, and copy it; return True if more may be left.

        Every step can be repeated after an interruption. Raises PrimaryLost, BadPrimary, StoreFull;
        Conflict if the copy has events of its own, or of another primary.
        """
        log = open_if_exists(self._shop)
        ours = Counters()
        if log is not None:
            with log, log.read() as reader:
                ours = Counters(reader.secret, reader.sequence, reader.deletions, reader.lessons)
        feed = self._primary.feed(ours.sequence)
        if ours.secret is not None and (
            ours.secret != feed.secret or ours.sequence > feed.sequence
        ):
            raise Conflict(
                f"the events of {self._shop} are not those of its primary: they were stored here, "
                "or the primary was restored. To replace them with those of the primary, stop the "
                "service of this copy and add --anew"
            )
        known = (feed.secret, feed.sequence, feed.deletions, feed.lessons)
        if feed.secret is None or known == ours:
            return False
        with EventLog(self._shop / EVENTS, create=True) as log:
            if ours.secret is None:
                self._begin(log, feed)
            elif ours.deletions != feed.deletions:
                self._delete(log, feed)
            self._store(log, feed)
            if feed.last and ours.lessons != feed.lessons:
                self._copy_learned(log, feed)
        return not feed.last

    def _begin(self, log: EventLog, feed: EventFeed) -> None:
        with log.write() as txn:
            txn.put("meta", b"secret", feed.secret or b"")
            _note_deletions(txn, feed)

    def _delete(self, log: EventLog, feed: EventFeed) -> None:
        """Delete the events that the primary has no more. It keeps no list of what it deleted."""

        def delete(txn: WriteTransaction, _key: bytes, name: bytes) -> None:
            delete_events(txn, [name])

        page = self._primary.page
        copy_database(log.write, partial(page, "log"), "log", delete=delete, put=False)
        copy_database(log.write, partial(page, "pairs"), "pairs")
        with log.write() as txn:
            _note_deletions(txn, feed)

    def _store(self, log: EventLog, feed: EventFeed) -> None:
        with log.write() as txn:
            for sequence, name, value in feed.events:
                _put(txn, sequence, name, value)
            reached = feed.sequence if feed.last else feed.events[-1][0]
            txn.put("meta", b"sequence", msgspec.msgpack.encode(reached))

    def _copy_learned(self, log: EventLog, feed: EventFeed) -> None:
        for database in LEARNED:
            copy_database(log.write, partial(self._primary.page, database), database)
        found = dict(self._primary.page("meta", b"").entries)
        weights = WEIGHTS_KEY.encode()
        with log.write() as txn:
            for name in {*_TAUGHT, *(key for key in found if key.startswith(weights))}:
                if name in found:
                    txn.put("meta", name, found[name])
                else:
                    txn.delete("meta", name)
            txn.put("meta", b"lessons", msgspec.msgpack.encode(feed.lessons))


class ReplicaWithEvents:
    """Follows a primary, and its events."""

    def __init__(self, replica: Replica, events: EventCopy) -> None:
        self._replica = replica
        self._events = events

    def step(self) -> Step:
        """See ``Replica.step`` and ``EventCopy.step``."""
        step = self._replica.step()
        more = self._events.step()
        return msgspec.structs.replace(step, behind=max(step.behind, int(more)))


def _note_deletions(txn: WriteTransaction, feed: EventFeed) -> None:
    txn.delete("meta", POPULARITY)
    for name, count in ((b"deletions", feed.deletions), (b"kept_from", feed.kept_from)):
        if count:
            txn.put("meta", name, msgspec.msgpack.encode(count))


def _put(txn: WriteTransaction, sequence: int, name: bytes, value: bytes) -> None:
    """Store an event under the number and the key that it has on the primary."""
    try:
        event = decode_event(value)
    except msgspec.MsgspecError as error:
        raise BadPrimary(f"the primary sent an event that cannot be read: {error}") from error
    start = KEY_BYTES + TIME.size
    if event.sequence != sequence or len(name) != start + KEY_BYTES:
        raise BadPrimary(f"the primary sent event {sequence} under a key of another one")
    time = name[KEY_BYTES:start]
    pair = name[:KEY_BYTES] + bytes([EVENT_TYPES.index(event.type)]) + item_key(event.item_id)
    known = txn.get("pairs", pair)
    newest = None if known is None else decode_pair(known)[1]
    if newest is None or time > newest:
        txn.put("pairs", pair, encode_pair(event.item_id, time))
    txn.put("events", name, value)
    txn.put("ids", name[start:], name)
    txn.put("log", SEQUENCE.pack(sequence), name)
