"""ETags of items, and writes that apply only to the item that the client has seen."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from service.http.problems import HttpError

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.items import Item


def item_etag(item: Item) -> str:
    """Return the strong ETag of an item: it changes with any field, and any name of an image."""
    return f'"{blake2b(msgspec.json.encode(item), digest_size=16).hexdigest()}"'


def names(condition: str, etag: str) -> bool:
    """Return whether an ``If-Match`` or ``If-None-Match`` header names this ETag, or any by ``*``.

    The suffix of a compressed reply is ignored: it has the same content.
    """
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or etag in [tag.replace('-gzip"', '"') for tag in tags]


def check_of(condition: str | None) -> Callable[[Item | None], None] | None:
    """Return a check of the stored item for an ``If-Match`` header; None without one.

    The check raises HttpError (412) if the item is not one that the header names, or is gone. Call
    it within the transaction of the write.
    """
    if condition is None:
        return None

    def check(item: Item | None) -> None:
        if item is None or not names(condition, item_etag(item)):
            raise HttpError(
                412,
                "precondition_failed",
                "the item has changed since it was read; read it again, and repeat the change",
                param="If-Match",
            )

    return check
