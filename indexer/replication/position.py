"""How far a replica has come; kept in the ``meta`` of its store, and written with the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.jsonbytes import decode_json_as

if TYPE_CHECKING:
    from indexer.store.replay import ReplayWriter
    from indexer.store.transactions import Reader

_NAME = "replica"
OWN_META = (_NAME, "changes", "format")
"""The entries of ``meta`` that a replica does not take from its primary."""


class Position(msgspec.Struct, frozen=True):
    """The state of a copy.

    ``since`` is the last change of the primary that was applied; the replica has it under the
    number ``since + offset``. ``offset`` is never negative, so the changes after one that a
    generation of the primary names are all found under greater numbers. While items are copied,
    ``copied`` is the id of the last one; None afterwards. ``logs`` and ``files`` are the states of
    what is beside the store.
    """

    lineage: str = ""
    since: int = 0
    offset: int = 0
    copied: str | None = None
    meta_mark: str = ""
    logs: dict[str, int] = {}
    files: dict[str, str] = {}


def read_position(reader: Reader) -> Position:
    """Return the position, or a new one if the store never was a replica."""
    text = reader.meta(_NAME, "")
    try:
        return decode_json_as(text, Position) if text else Position()
    except msgspec.MsgspecError:  # of another version: everything is compared once more
        return Position()


def write_position(writer: ReplayWriter, position: Position) -> None:
    """Store the position within the transaction that brings the replica there."""
    writer.put_meta(_NAME, msgspec.json.encode(position).decode())
