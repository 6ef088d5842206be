"""Values of JSON that are not decoded: their parts, within bounds of memory."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from indexer.jsonbytes import decode_json_as

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_VALUES: Final = 1_000_000  # of a record, or commas in its texts
_MOST_FIELDS: Final = 1_000_000  # of an object around products, if they are short
_SHORT: Final = 16  # bytes of a value and its comma; an undecoded value takes 80 to 230 bytes
_DEEPEST_PART: Final = 1000  # levels, as msgspec
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"?'
_FLAT: Final = rb'\[(?:[^][{}"]++|%(s)b)*+\]|\{(?:[^][{}"]++|%(s)b)*+\}' % {b"s": _STRING}
_BETWEEN_BRACKETS = re.compile(rb'(?:[^][{}"]++|%b|%b)*+' % (_STRING, _FLAT), re.DOTALL)
_BETWEEN_COMMAS = re.compile(rb'(?:[^][{},"]++|%b|%b)*+' % (_STRING, _FLAT), re.DOTALL)


def raw_parts(value: msgspec.Raw) -> Iterable[msgspec.Raw]:
    """Return the parts of a list, undecoded; one at a time if all would take too much memory.

    Raises msgspec.DecodeError: of parts one at a time when they have been read.
    """
    if not has_short_values(value):
        return decode_json_as(value, list[msgspec.Raw])
    text = bytes(value)
    return (msgspec.Raw(text[start:end].strip()) for start, end in _places(text))


def raw_fields(value: msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Return the fields of an object, undecoded. Raises msgspec.DecodeError."""
    if has_short_values(value) and any(islice(_places(bytes(value)), _MOST_FIELDS, None)):
        raise msgspec.DecodeError(f"an object has more than {_MOST_FIELDS:,} fields")
    return decode_json_as(value, dict[str, msgspec.Raw])


def has_short_values(value: msgspec.Raw) -> bool:
    """Return True for millions of values so short that objects for them would fill the memory."""
    size = memoryview(value).nbytes
    if size <= MOST_VALUES:
        return False
    return bytes(value).count(b",") > max(MOST_VALUES, size / _SHORT)


def _places(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each part of a list or field of an object begins and ends."""
    depth = start = at = 1
    while 0 < depth <= _DEEPEST_PART:
        match = (_BETWEEN_COMMAS if depth == 1 else _BETWEEN_BRACKETS).match(text, at)
        at = match.end() if match else at
        mark = text[at : at + 1]
        if not mark:
            raise msgspec.DecodeError("it ends within a list or an object")
        depth += 1 if mark in b"[{" else -1 if mark in b"]}" else 0
        at += 1
        if depth == 0 or mark == b",":
            yield start, at - 1
            start = at
    if depth:
        raise msgspec.DecodeError("nested too deeply")


def is_list(value: msgspec.Raw) -> bool:
    """Return True for a list."""
    return bytes(memoryview(value)[:1]) == b"["


def is_object(value: msgspec.Raw) -> bool:
    """Return True for an object."""
    return bytes(memoryview(value)[:1]) == b"{"
