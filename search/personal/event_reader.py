"""Read events: those of a user by time, all since a sequence number, and what was learned.

The databases and their keys are described in ``search.personal.event_log``.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from search.personal.event import EVENT_TYPES, Event, EventType
from search.personal.factor_map import FactorMap
from search.personal.facts import FactCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from indexer.store.lmdb_transactions import ReadTransaction

KEY_BYTES: Final = 16  # of a keyed hash
SEQUENCE: Final = struct.Struct(">Q")
WEIGHTS_KEY: Final = "weights 2"  # in ``meta``, of earlier versions
POPULARITY: Final = b"popularity"  # in ``meta``
FACTOR_MAP: Final = b"factor_map"  # in ``meta``
_MOST_HIDDEN: Final = 10_000
TIME: Final = struct.Struct(">Q")  # milliseconds since 1970


class UserEvent(msgspec.Struct, frozen=True, array_like=True):
    """An event as it is stored: without the user's id, and with its sequence number.

    ``is_first`` is True if the user had no event of this type on this item when it was stored;
    otherwise ``newest_before`` is the time of the newest, in milliseconds since 1970. Events of
    earlier versions lack it.
    """

    sequence: int
    is_first: bool
    event_id: str
    item_id: str
    type: EventType
    time: float
    value: float | None = None
    surface: str = ""
    position: int | None = None
    rendition: str = ""
    propensity: float | None = None
    newest_before: int | None = None

    def event(self, user_id: str) -> Event:
        """Return the event as it came, with the id of its user."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        del values["sequence"], values["is_first"], values["newest_before"]
        return Event(user_id=user_id, **values)


class LoggedEvent(NamedTuple):
    """An event of the log, with the key of its user (16 bytes)."""

    user: bytes
    event: UserEvent


class EventReader:
    """Reads events in one transaction. A log that does not exist yet reads as empty."""

    def __init__(self, txn: ReadTransaction) -> None:
        self._txn = txn

    @property
    def secret(self) -> bytes | None:
        """The secret of the hashes, as it is stored; None if no event was ever stored."""
        return self._txn.get("meta", b"secret")

    @property
    def sequence(self) -> int:
        """The number of the newest event that was ever stored; 0 if there is none."""
        return int(self._meta("sequence", 0))

    @property
    def deletions(self) -> int:
        """How often events were deleted so far; counts from before a deletion are out of date."""
        return int(self._meta("deletions", 0))

    @property
    def kept_from(self) -> int:
        """The time before which events were deleted, in milliseconds since 1970; 0 if never."""
        return int(self._meta("kept_from", 0))

    def count(self) -> int:
        """Return the number of events."""
        return self._txn.count("events")

    def user_key(self, user_id: str) -> bytes | None:
        """Return the key of a user (16 bytes), known or not; None if no event was ever stored."""
        secret = self._meta("secret", None)
        return None if secret is None else keyed_hash(secret, b"user", user_id)

    def newest(self, user_id: str, limit: int, *, until: float | None = None) -> list[UserEvent]:
        """Return up to ``limit`` of the newest events of a user, the newest first.

        ``until`` leaves out later events; it is in seconds since 1970.
        """
        key = self.user_key(user_id)
        if key is None:
            return []
        end = key + (b"\xff" * TIME.size if until is None else time_key(until + 1e-3))
        events: list[UserEvent] = []
        for name, value in self._txn.entries_before("events", end):
            if len(events) == limit or not name.startswith(key):
                break
            events.append(decode_event(value))
        return events

    def hidden(self, user_id: str) -> frozenset[str]:
        """Return the items that a user ever hid, even if they were bought later; at most 10,000."""
        key = self.user_key(user_id)
        if key is None:
            return frozenset()
        prefix = key + bytes([EVENT_TYPES.index("hide")])
        pairs = takewhile(
            lambda pair: pair[0].startswith(prefix), self._txn.entries("pairs", prefix)
        )
        return frozenset(decode_pair(value)[0] for _, value in islice(pairs, _MOST_HIDDEN))

    def of_user(self, user_id: str) -> Iterator[UserEvent]:
        """Yield all events of a user, the oldest first."""
        key = self.user_key(user_id)
        if key is not None:
            for name, value in self._txn.entries("events", key):
                if not name.startswith(key):
                    return
                yield decode_event(value)

    def page_of_user(self, user_id: str, after: bytes, limit: int) -> tuple[list[UserEvent], bytes]:
        """Return up to ``limit`` events of a user, the oldest first, and the key of the last one.

        They come after that key of an earlier page; b"" begins. The key is b"" if no more follow.
        """
        key = self.user_key(user_id)
        if key is None:
            return [], b""
        events: list[UserEvent] = []
        last = after
        for name, value in self._txn.entries("events", after + b"\0" if after else key):
            if not name.startswith(key):
                return events, b""
            if len(events) == limit:
                return events, last
            events.append(decode_event(value))
            last = name
        return events, b""

    def since(self, sequence: int) -> Iterator[LoggedEvent]:
        """Yield the events that were stored after this sequence number, in that order."""
        for _, name in self._txn.entries("log", SEQUENCE.pack(sequence + 1)):
            value = self._txn.get("events", name)
            if value is not None:
                yield LoggedEvent(name[:KEY_BYTES], decode_event(value))

    def stored_since(self, sequence: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield the events of ``since`` as they are stored: number, key and value."""
        for number, name in self._txn.entries("log", SEQUENCE.pack(sequence + 1)):
            value = self._txn.get("events", name)
            if value is not None:
                yield SEQUENCE.unpack(number)[0], name, value

    def entries(self, database: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys and values of a database, from a key on."""
        yield from self._txn.entries(database, start)

    def all(self) -> Iterator[LoggedEvent]:
        """Yield all events, user by user, the oldest first."""
        for name, value in self._txn.entries("events"):
            yield LoggedEvent(name[:KEY_BYTES], decode_event(value))

    def learned(self, database: str, item_id: str) -> bytes | None:
        """Return what was learned about an item; None if nothing was."""
        return self._txn.get(database, item_key(item_id))

    @property
    def lessons(self) -> int:
        """How often something was learned so far; what was read before the last is out of date."""
        return int(self._meta("lessons", 0))

    def factors(self, item_id: str) -> NDArray[np.float32] | None:
        """Return the factors of an item (f,); None if too few users met it."""
        value = self._txn.get("factors", item_key(item_id))
        return None if value is None else np.frombuffer(value, dtype="<f4")

    def factor_map(self, model: bytes = b"") -> FactorMap | None:
        """Return the map from pictures and facts to factors; None if none was learned.

        ``model`` is the key of the encoder's model. A map from the vectors of another is not
        returned, nor one of an earlier version, whose factors meant something else.
        """
        value = self._txn.get("meta", FACTOR_MAP)
        found = None if value is None else msgspec.msgpack.decode(value)
        if found is None or found["model"] not in (b"", model):
            return None
        pictures, facts = (_decode_table(found[name]) for name in ("pictures", "facts"))
        code = msgspec.convert(found["code"], FactCode)
        return FactorMap(pictures, code, facts, found.get("share", 0.0))

    def popularity(self) -> bytes | None:
        """Return the popularity of items as it was when something was last learned, see
        ``search.personal.popularity``; None if nothing was since events were last deleted.
        """
        return self._txn.get("meta", POPULARITY)

    def weights(self, model: bytes = b"") -> dict[str, float] | None:
        """Return the mixer's weights that an earlier version stored here; None if it did not.

        They are those of a model of encoder, by its key, or else those for any model. Trained
        rankers are parts of generations now, see ``indexer.shop.rankers``.
        """
        general = self._meta(WEIGHTS_KEY, None)
        weights: dict[str, float] | None = self._meta(weights_key(model), general)
        return weights

    def _meta(self, name: str, default: Any) -> Any:
        value = self._txn.get("meta", name.encode())
        return default if value is None else msgspec.msgpack.decode(value)


def encode_map(map_: FactorMap | None, model: bytes) -> bytes:
    """Return what ``EventReader.factor_map`` reads."""
    if map_ is None:
        return msgspec.msgpack.encode(None)
    tables = {"pictures": _encode_table(map_.pictures), "facts": _encode_table(map_.facts)}
    rest = {"model": model, "code": map_.code, "share": map_.share}
    return msgspec.msgpack.encode(rest | tables)


def _encode_table(table: NDArray[np.float32]) -> tuple[tuple[int, ...], bytes]:
    return table.shape, table.astype("<f4").tobytes()


def _decode_table(stored: tuple[list[int], bytes]) -> NDArray[np.float32]:
    shape, data = stored
    return np.frombuffer(data, dtype="<f4").reshape(shape)


def weights_key(model: bytes) -> str:
    """Return the name in ``meta`` of the weights for a model of encoder, given its key."""
    return f"{WEIGHTS_KEY} {model.hex()}" if model else WEIGHTS_KEY


def keyed_hash(secret: bytes, purpose: bytes, text: str) -> bytes:
    """Return the hash that replaces a user id or an event id in the files."""
    return blake2b(text.encode(), digest_size=KEY_BYTES, key=secret, person=purpose).digest()


def event_key(secret: bytes, event: Event) -> bytes:
    """Return the key of an event, from its id or else from all of its fields."""
    if event.event_id:
        return keyed_hash(secret, b"event", event.event_id)
    fields = msgspec.msgpack.encode(event)
    return blake2b(fields, digest_size=KEY_BYTES, key=secret, person=b"fields").digest()


def item_key(item_id: str) -> bytes:
    """Return the key of an item in the databases of what was learned."""
    return blake2b(item_id.encode(), digest_size=KEY_BYTES).digest()


def time_key(seconds: float) -> bytes:
    """Return a time, in seconds since 1970, as bytes that sort like it."""
    return TIME.pack(max(0, int(seconds * 1000)))


def decode_event(value: bytes) -> UserEvent:
    """Decode a stored event."""
    return msgspec.msgpack.decode(value, type=UserEvent)


def encode_pair(item_id: str, newest: bytes) -> bytes:
    """Return the value of a pair: the item, and the ``time_key`` of its newest event."""
    return item_id.encode() + b"\0" + newest


def decode_pair(value: bytes) -> tuple[str, bytes | None]:
    """Return the item of a pair, and the ``time_key`` of its newest event.

    The key is None if an earlier version stored the pair.
    """
    if len(value) > TIME.size and value[-TIME.size - 1 : -TIME.size] == b"\0":
        return value[: -TIME.size - 1].decode(), value[-TIME.size :]
    return value.decode(), None
