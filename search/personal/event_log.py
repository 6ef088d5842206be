"""The log of events: durable, each event once, in an environment apart from the catalog.

Named databases, and what a key of each leads to::

    meta     name                                  -> a number or bytes (msgpack)
    events   user key, time, event key             -> sequence and event (msgpack)
    ids      event key                             -> key of the event in ``events``
    log      sequence, 8 bytes big-endian          -> key of the event in ``events``
    pairs    user key, type, hash of the item's id -> the item's id
    neighbors, together    hash of an item's id    -> what was learned, see ``learning``

A user key is a keyed hash of the user's id: no id of a user is stored. Ids of events are stored as
they were sent. The events of a user stand together in the order of their times, whatever the
order in which they came. LMDB allows one writer at a time; a catalog write of minutes must not
delay events, hence an environment of their own.

``log`` serves those who count events: they read what was written after the last sequence number
they saw. Deleted events are missing from it, and ``EventReader.deletions`` says when to start over.
``pairs`` marks the first event of a type that a user has on an item, so that one user counts once.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from indexer.store.environment import DATA_FILE, Environment, exists
from search.personal.event import EVENT_TYPES, Event
from search.personal.event_reader import (
    KEY_BYTES,
    SEQUENCE,
    TIME,
    EventReader,
    UserEvent,
    decode_event,
    item_key,
    keyed_hash,
    time_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from indexer.store.environment import ReadTransaction, WriteTransaction

EVENTS_FOLDER: Final = "events.lmdb"
LEARNED: Final = ("neighbors", "together")
DATABASES: Final = ("meta", "events", "ids", "log", "pairs", *LEARNED)
Stored = Literal["stored", "repeated", "no_consent"]

_ADVICE = "restore it, or move it away; the catalog and its index do not need it"
_SECRET_BYTES = 32
_DELETED_AT_ONCE = 2000  # events in one transaction: writers wait no longer than that


class EventLog:
    """The events of a shop; close it, or use it in a ``with`` block.

    Thread-safe, and safe between processes; never carry it across a fork.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the log in the folder ``path``; with ``create``, make it if it is missing.

        IndexNotFound, IndexCorrupt and StoreFull as for ``Environment``.
        """
        self._environment = Environment(path, DATABASES, create=create, advice=_ADVICE)
        self.path = self._environment.path

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._environment.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[EventReader]:
        """A consistent view. Keep it short: pages it can see cannot be reused meanwhile."""
        with self._environment.read() as txn:
            yield EventReader(txn)

    def add(self, events: Sequence[Event]) -> list[Stored]:
        """Store events; return what became of each, in their order.

        All are on disk when this returns, or none of them if it raises. An event whose id is
        stored already is ``repeated`` and changes nothing, whatever its other fields say.
        StoreFull.
        """
        with self._environment.write() as txn:
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

        In transactions of at most 2,000 events. The freed pages keep their bytes until they are
        reused or the log is compacted.
        """
        deleted = 0
        while True:
            with self._environment.write() as txn:
                key = EventReader(txn).user_key(user_id)
                if key is None:
                    return 0
                names, pairs = _names(txn, "events", key), _names(txn, "pairs", key)
                _delete(txn, names)
                for pair in pairs:
                    txn.delete("pairs", pair)
                deleted += len(names)
                is_done = max(len(names), len(pairs)) < _DELETED_AT_ONCE
                if is_done and deleted:
                    _note_deletion(txn)
            if is_done:
                return deleted

    def delete_before(self, time: float) -> int:
        """Delete all events older than ``time``, in seconds since 1970; return how many."""
        deleted = 0
        start = b""
        while True:
            with self._environment.write() as txn:
                names, start = _names_before(txn, time_key(time), start)
                _delete(txn, names)
                deleted += len(names)
                if not start and deleted:
                    _note_deletion(txn)
            if not start:
                return deleted

    def replace_learned(self, values: Mapping[str, Mapping[str, bytes]], *, deletions: int) -> bool:
        """Replace what was learned: of each database, the values by item id. StoreFull.

        Returns False, and changes nothing, if events were deleted since ``deletions`` was read.
        """
        with self._environment.write() as txn:
            if EventReader(txn).deletions != deletions:
                return False
            for database, by_item in values.items():
                for key in list(txn.keys(database)):
                    txn.delete(database, key)
                for item_id, value in by_item.items():
                    txn.put(database, item_key(item_id), value)
        return True

    def set_weights(self, weights: Mapping[str, float] | None) -> None:
        """Store the mixer's weights, or delete them. StoreFull."""
        with self._environment.write() as txn:
            if weights is None:
                txn.delete("meta", b"weights")
            else:
                txn.put("meta", b"weights", msgspec.msgpack.encode(dict(weights)))

    def bytes_used(self) -> int:
        """Bytes of disk that the log takes."""
        return self._environment.bytes_used()


def open_if_exists(shop: Path) -> EventLog | None:
    """Open the log of a shop's folder; None if no event was ever stored there."""
    path = shop / EVENTS_FOLDER
    return EventLog(path) if exists(path) else None


def data_file(shop: Path) -> Path:
    """Return the path of the log's file in a shop's folder, whether it exists or not."""
    return shop / EVENTS_FOLDER / DATA_FILE


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
    event_key = _event_key(secret, event)
    if txn.get("ids", event_key) is not None:
        return "repeated"
    user = keyed_hash(secret, b"user", event.user_id)
    name = user + time_key(event.time) + event_key
    pair = user + bytes([EVENT_TYPES.index(event.type)]) + item_key(event.item_id)
    is_first = not txn.has("pairs", pair)
    stored = UserEvent(
        sequence,
        is_first,
        event.event_id,
        event.item_id,
        event.type,
        event.time,
        event.value,
        event.surface,
        event.position,
        event.rendition,
        event.propensity,
    )
    if is_first:
        txn.put("pairs", pair, event.item_id.encode())
    txn.put("events", name, msgspec.msgpack.encode(stored))
    txn.put("ids", event_key, name)
    txn.put("log", SEQUENCE.pack(sequence), name)
    return "stored"


def _event_key(secret: bytes, event: Event) -> bytes:
    """Return the key of an event, from its id or else from all of its fields."""
    if event.event_id:
        return keyed_hash(secret, b"event", event.event_id)
    fields = msgspec.msgpack.encode(event)
    return blake2b(fields, digest_size=KEY_BYTES, key=secret, person=b"fields").digest()


def _names(txn: ReadTransaction, database: str, user: bytes) -> list[bytes]:
    """Return the first keys that begin with a user's key, at most 2,000."""
    names: list[bytes] = []
    for name in txn.keys(database, user):
        if len(names) == _DELETED_AT_ONCE or not name.startswith(user):
            break
        names.append(name)
    return names


def _names_before(txn: ReadTransaction, time: bytes, start: bytes) -> tuple[list[bytes], bytes]:
    """Return keys of events before a time, and where to look on: empty at the end.

    Looks at 20,000 keys at most.
    """
    names: list[bytes] = []
    for looked_at, name in enumerate(txn.keys("events", start)):
        if looked_at == 10 * _DELETED_AT_ONCE or len(names) == _DELETED_AT_ONCE:
            return names, name
        if name[KEY_BYTES : KEY_BYTES + TIME.size] < time:
            names.append(name)
    return names, b""


def _delete(txn: WriteTransaction, names: Sequence[bytes]) -> None:
    for name in names:
        value = txn.get("events", name)
        if value is not None:
            txn.delete("log", SEQUENCE.pack(decode_event(value).sequence))
        txn.delete("ids", name[KEY_BYTES + TIME.size :])
        txn.delete("events", name)


def _note_deletion(txn: WriteTransaction) -> None:
    deletions = EventReader(txn).deletions
    txn.put("meta", b"deletions", msgspec.msgpack.encode(deletions + 1))
