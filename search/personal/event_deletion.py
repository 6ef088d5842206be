"""Delete events: those of a user, and all that are older than a time.

Each function works in one write transaction on a bounded number of keys, so that writers of new
events do not wait long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from search.personal.event import EVENT_TYPES
from search.personal.event_reader import (
    KEY_BYTES,
    POPULARITY,
    SEQUENCE,
    TIME,
    EventReader,
    decode_event,
    decode_pair,
    item_key,
    time_key,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.store.lmdb_transactions import ReadTransaction, WriteTransaction

AT_ONCE: Final = 2000  # events in one transaction
_LOOKED_AT: Final = 10  # keys looked at in one transaction, for each event deleted at most


def names_of(txn: ReadTransaction, database: str, user: bytes, most: int) -> list[bytes]:
    """Return the first keys that begin with a user's key, at most ``most``."""
    names: list[bytes] = []
    for name in txn.keys(database, user):
        if len(names) == most or not name.startswith(user):
            break
        names.append(name)
    return names


def delete_before(txn: WriteTransaction, time: float, start: bytes, most: int) -> tuple[int, bytes]:
    """Delete events older than ``time``, in seconds since 1970, from the key ``start`` on.

    Returns how many were deleted, and the key to continue from, which is empty at the end.
    """
    before = time_key(time)
    names: list[bytes] = []
    rest = b""
    for looked_at, name in enumerate(txn.keys("events", start)):
        if looked_at == _LOOKED_AT * most or len(names) == most:
            rest = name
            break
        if name[KEY_BYTES : KEY_BYTES + TIME.size] < before:
            names.append(name)
    delete_events(txn, names)
    return len(names), rest


def delete_pairs_before(
    txn: WriteTransaction, time: float, start: bytes, most: int
) -> tuple[int, bytes]:
    """Delete the marks of pairs whose newest event is older than ``time``, as ``delete_before``.

    Marks without a time, of earlier versions, are deleted if none of their events is left.
    """
    before = time_key(time)
    names: list[bytes] = []
    rest = b""
    for looked_at, (name, value) in enumerate(txn.entries("pairs", start)):
        if looked_at == _LOOKED_AT * most or len(names) == most:
            rest = name
            break
        _, newest = decode_pair(value)
        is_old = not _has_event(txn, name) if newest is None else newest < before
        if is_old:
            names.append(name)
    for name in names:
        txn.delete("pairs", name)
    return len(names), rest


def delete_events(txn: WriteTransaction, names: Sequence[bytes]) -> None:
    """Delete events by their keys, in all databases but ``pairs``."""
    for name in names:
        value = txn.get("events", name)
        if value is not None:
            txn.delete("log", SEQUENCE.pack(decode_event(value).sequence))
        txn.delete("ids", name[KEY_BYTES + TIME.size :])
        txn.delete("events", name)


def note_deletion(txn: WriteTransaction) -> None:
    """Count the deletion, so that readers who have counted events start over."""
    deletions = EventReader(txn).deletions
    txn.delete("meta", POPULARITY)
    txn.put("meta", b"deletions", msgspec.msgpack.encode(deletions + 1))


def note_kept_from(txn: WriteTransaction, time: float) -> None:
    """Store the time, in seconds since 1970, before which events were deleted."""
    kept_from = max(TIME.unpack(time_key(time))[0], EventReader(txn).kept_from)
    txn.put("meta", b"kept_from", msgspec.msgpack.encode(kept_from))


def _has_event(txn: ReadTransaction, pair: bytes) -> bool:
    """Return True if the user of a pair still has an event of its type on its item."""
    user, kind, item = pair[:KEY_BYTES], EVENT_TYPES[pair[KEY_BYTES]], pair[KEY_BYTES + 1 :]
    for name, value in txn.entries("events", user):
        if not name.startswith(user):
            return False
        event = decode_event(value)
        if event.type == kind and item_key(event.item_id) == item:
            return True
    return False
