"""Decode untrusted JSON with one kind of error."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")


def decode_json(data: bytes | str | msgspec.Raw) -> Any:
    """Return the value of a JSON text. Raise msgspec.DecodeError as ``decode_json_as`` does."""
    return decode_json_as(data, object)


def decode_json_as(data: bytes | str | msgspec.Raw, kind: type[T]) -> T:
    """Return the value of a JSON text, of type ``kind``.

    Raise msgspec.DecodeError for all that is not JSON of this type: also for bytes that are not
    UTF-8 and for nesting that is too deep, for which msgspec raises errors of other classes.
    """
    try:
        value: T = msgspec.json.decode(data, type=cast("Any", kind if kind is not object else Any))
    except UnicodeError as error:
        raise msgspec.DecodeError(f"not UTF-8: {error}") from error
    except RecursionError:
        raise msgspec.DecodeError("nested too deeply") from None
    return value
