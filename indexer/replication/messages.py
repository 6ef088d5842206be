"""What a primary sends to its replicas: MessagePack, typed, and numbered by ``PROTOCOL``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from indexer.store.records import ItemRecord
from indexer.store.replay import LoggedChange

PROTOCOL = 1
"""Raised when an older version of Vitrine could not understand the messages."""

Size = Annotated[int, Meta(ge=0)]


class FileState(msgspec.Struct, frozen=True, array_like=True):
    """The size of a file, and a mark that differs if the file was written again."""

    bytes: Size
    mark: str


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a primary, and the changes after a number, as of one view of its store.

    ``lineage`` is another one if the shop was restored or replaced. ``generation`` serves, ``seal``
    identifies its manifest, ``encoder`` and ``weights`` are its model, and ``base`` is the last
    change that it includes. ``sequence`` is the last change of all. ``changes`` are the first ones
    after the requested number, and ``records`` what their items are now (None: deleted); both are
    None if the log does not reach back so far. ``meta`` are the encoded numbers and texts of the
    store, None if their ``meta_mark`` is that of the replica. ``files`` are the files outside of
    generations, by path, and ``logs`` the environments beside the store, with the number of their
    last transaction.
    """

    lineage: str
    generation: str
    seal: str
    encoder: str
    weights: str
    base: int
    sequence: int
    changes: list[LoggedChange] | None
    records: dict[str, ItemRecord | None] | None
    meta: dict[str, bytes] | None
    meta_mark: str
    files: dict[str, FileState]
    logs: dict[str, int]


class ItemPage(msgspec.Struct, frozen=True):
    """Items in the order of their ids; ``last`` if no items follow."""

    records: list[ItemRecord]
    last: bool


class LogPage(msgspec.Struct, frozen=True):
    """Keys and values of one database of an environment; ``last`` if none follow."""

    entries: list[tuple[bytes, bytes]]
    last: bool
