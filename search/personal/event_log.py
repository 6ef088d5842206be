"""The log of events: durable, each event once, in an environment apart from the catalog.

Named databases, and what a key of each leads to::

    meta     name                                  -> a number or bytes (msgpack)
    events   user key, time, event key             -> sequence and event (msgpack)
    ids      event key                             -> key of the event in ``events``
    log      sequence, 8 bytes big-endian          -> key of the event in ``events``
    pairs    user key, type, hash of the item's id -> the item's id, time of the newest event
    neighbors, together, linear, factors    hash of an item's id -> learned, see ``learning``

A user key is a keyed hash of the user's id: no id of a user is stored. Ids of events are stored as
they were sent. The events of a user are next to each other in the order of their times, whatever
the order in which they came. Events have an environment of their own, because LMDB allows one
writer at a time, and a catalog write of minutes must not delay them.

``log`` is for counting events: a counter reads what was stored after the last sequence number that
it saw. Deleted events are missing from it, and ``EventReader.deletions`` says when to start over.
``pairs`` marks that a user has an event of a type on an item, so that one user counts once.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from indexer.layout import EVENTS
from indexer.store.environment import DATA_FILE, Environment, exists
from search.personal.event import EVENT_TYPES, Event
from search.personal.event_deletion import (
    AT_ONCE,
    delete_before,
    delete_events,
    delete_pairs_before,
    names_of,
    note_deletion,
    note_kept_from,
)
from search.personal.event_folder import current_place, open_environment
from search.personal.event_reader import (
    FACTOR_MAP,
    POPULARITY,
    SEQUENCE,
    TIME,
    EventReader,
    UserEvent,
    decode_pair,
    encode_map,
    encode_pair,
    event_key,
    item_key,
    keyed_hash,
    time_key,
    weights_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from indexer.store.lmdb_transactions import WriteTransaction
    from search.personal.factor_map import FactorMap

LEARNED: Final = ("neighbors", "together", "linear", "factors")
DATABASES: Final = ("meta", "events", "ids", "log", "pairs", *LEARNED)
Stored = Literal["stored", "repeated", "no_consent"]

MOVED: Final = b"moved"  # in ``meta``: the subfolder to which a compaction moved everything
ADVICE: Final = "restore it, or move it away; the catalog and its index do not need it"
_SECRET_BYTES = 32
_DELETED_AT_ONCE = AT_ONCE


class EventLog:
    """The events of a shop; close it, or use it in a ``with`` block.

    Thread-safe, and safe between processes; never carry it across a fork.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the log in the folder ``path``; with ``create``, make it if it is missing.

        IndexNotFound, IndexCorrupt and StoreFull as for ``Environment``.
        """
        self.folder = path
        self._lock = threading.Lock()
        self._environment = open_environment(path, DATABASES, create=create, advice=ADVICE)
        self._earlier: list[Environment] = []  # other threads may still read them

    @property
    def path(self) -> Path:
        """The folder of the environment in use: below ``folder`` after a compaction."""
        return self._environment.path

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        for environment in (self._environment, *self._earlier):
            environment.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[EventReader]:
        """Open a consistent view. Keep it short, because the pages that it sees are not reused."""
        while True:
            environment = self._environment
            with environment.read() as txn:
                moved = txn.get("meta", MOVED)
                if moved is None:
                    yield EventReader(txn)
                    return
            self._follow(environment, moved)

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """Open a transaction, which is on disk when its block ends. StoreFull."""
        while True:
            environment = self._environment
            with environment.write() as txn:
                moved = txn.get("meta", MOVED)
                if moved is None:
                    yield txn
                    return
            self._follow(environment, moved)

    def _follow(self, left: Environment, moved: bytes) -> None:
        """Open the environment to which a compaction moved everything."""
        with self._lock:
            if self._environment is not left:
                return  # another thread has opened it
            place = current_place(self.folder)
            if place.resolve() == left.path:  # the compaction is about to end, or was killed
                place = self.folder / moved.decode()
            self._environment = Environment(place, DATABASES, advice=ADVICE)
            self._earlier.append(left)

    def add(self, events: Sequence[Event]) -> list[Stored]:
        """Store events; return the outcome of each, in their order.

        All are on disk when this returns, or none of them if it raises. An event whose id is
        already stored is ``repeated`` and changes nothing, whatever its other fields are.
        StoreFull.
        """
        with self.write() as txn:
            secret = _secret(txn)
            sequence = EventReader(txn).sequence
            outcomes: list[Stored] = []
            for event in events:
                outcome = _put(txn, secret, sequence + 1, event)
                sequence += outcome == "stored"
                outcomes.append(outcome)
            txn.put("meta", b"sequence", msgspec.msgpack.encode(sequence))
        return outcomes

    def delete_user(self, user_id: str) -> int:
        """Delete all events of a user; return how many there were.

        Each transaction deletes at most 2,000 events. The freed pages keep their bytes until they
        are reused or the log is compacted.
        """
        deleted = 0
        while True:
            with self.write() as txn:
                key = EventReader(txn).user_key(user_id)
                if key is None:
                    return 0
                names = names_of(txn, "events", key, _DELETED_AT_ONCE)
                pairs = names_of(txn, "pairs", key, _DELETED_AT_ONCE)
                delete_events(txn, names)
                for pair in pairs:
                    txn.delete("pairs", pair)
                deleted += len(names)
                is_done = max(len(names), len(pairs)) < _DELETED_AT_ONCE
                if is_done and deleted:
                    note_deletion(txn)
            if is_done:
                return deleted

    def delete_before(self, time: float) -> int:
        """Delete all events older than ``time``, in seconds since 1970; return how many.

        Items that users hid before that time are no longer hidden.
        """
        deleted = 0
        for delete in (delete_before, delete_pairs_before):
            start, is_done = b"", False
            while not is_done:
                with self.write() as txn:
                    count, start = delete(txn, time, start, _DELETED_AT_ONCE)
                    is_done = not start
                    if delete is delete_before:
                        deleted += count
                    if is_done and deleted:
                        note_kept_from(txn, time)
                        note_deletion(txn)
        return deleted

    def replace_learned(
        self,
        values: Mapping[str, Mapping[str, bytes]],
        factor_map: FactorMap | None = None,
        *,
        deletions: int,
        popularity: bytes | None = None,
        model: bytes = b"",
    ) -> bool:
        """Replace what was learned: of each database, the values by item id. StoreFull.

        ``popularity`` is that of ``search.personal.popularity``, ``model`` the key of the model
        whose vectors were used. Returns False, and changes nothing, if events were deleted since
        ``deletions`` was read.
        """
        with self.write() as txn:
            if EventReader(txn).deletions != deletions:
                return False
            for database, by_item in values.items():
                for key in list(txn.keys(database)):
                    txn.delete(database, key)
                for item_id, value in by_item.items():
                    txn.put(database, item_key(item_id), value)
            txn.delete("meta", b"picture_map")  # of earlier versions
            txn.put("meta", FACTOR_MAP, encode_map(factor_map, model))
            if popularity is not None:
                txn.put("meta", POPULARITY, popularity)
            lessons = EventReader(txn).lessons + 1
            txn.put("meta", b"lessons", msgspec.msgpack.encode(lessons))
        return True

    def delete_weights(self, model: bytes = b"") -> None:
        """Delete the mixer's weights that an earlier version stored here. StoreFull.

        They are those for a model of encoder, by its key, and those for any.
        """
        with self.write() as txn:
            for key in (weights_key(model), weights_key(b"")):
                txn.delete("meta", key.encode())

    def bytes_used(self) -> int:
        """Return how many bytes the log takes on disk."""
        return self._environment.bytes_used()


def open_if_exists(shop: Path) -> EventLog | None:
    """Open the log of a shop's folder; None if no event was ever stored there."""
    path = shop / EVENTS
    return EventLog(path) if exists(current_place(path)) else None


def data_file(shop: Path) -> Path:
    """Return the path of the log's file in a shop's folder, whether it exists or not."""
    return current_place(shop / EVENTS) / DATA_FILE


def _secret(txn: WriteTransaction) -> bytes:
    """Return the secret of the log's hashes; make it with the first event."""
    value = txn.get("meta", b"secret")
    if value is not None:
        secret: bytes = msgspec.msgpack.decode(value)
        return secret
    secret = os.urandom(_SECRET_BYTES)
    txn.put("meta", b"secret", msgspec.msgpack.encode(secret))
    return secret


def _put(txn: WriteTransaction, secret: bytes, sequence: int, event: Event) -> Stored:
    if not event.consent:
        return "no_consent"
    key = event_key(secret, event)
    if txn.get("ids", key) is not None:
        return "repeated"
    user = keyed_hash(secret, b"user", event.user_id)
    name = user + time_key(event.time) + key
    pair = user + bytes([EVENT_TYPES.index(event.type)]) + item_key(event.item_id)
    known = txn.get("pairs", pair)
    newest = None if known is None else decode_pair(known)[1]
    stored = UserEvent(
        sequence,
        known is None,
        event.event_id,
        event.item_id,
        event.type,
        event.time,
        event.value,
        event.surface,
        event.position,
        event.rendition,
        event.propensity,
        None if newest is None else TIME.unpack(newest)[0],
    )
    time = time_key(event.time)
    if newest is None or time > newest:
        txn.put("pairs", pair, encode_pair(event.item_id, time))
    txn.put("events", name, msgspec.msgpack.encode(stored))
    txn.put("ids", key, name)
    txn.put("log", SEQUENCE.pack(sequence), name)
    return "stored"
