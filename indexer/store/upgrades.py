"""The format of a store, and the numbered steps from each format to the next.

A store notes its format as a number in its ``meta``. Readers serve every format from the first
to the newest, and upgrade nothing: a shop may be read-only, or served by an earlier version. The
first write, so also every long job, upgrades: all steps that are due run within its transaction,
so a store is never between two formats. An earlier version refuses a store that was upgraded.

To change the format, append a step to ``UPGRADES``, make readers serve the format before it, and
add a shop of that format to ``tests/golden``. What earlier versions can read and write without
harm, such as the pictures of a rendition under keys of their own, needs no new format.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from indexer.errors import IndexMismatch

if TYPE_CHECKING:
    from indexer.store.transactions import Reader, Writer

FIRST_FORMAT = 1
_FORMAT = "format"  # in the store's meta


class Upgrade(NamedTuple):
    """A step from the format ``to - 1`` to ``to``; ``apply`` runs within the write transaction.

    A named database that the step needs is listed in ``indexer.store.store.DATABASES``: it
    exists when the step runs, and reads as empty in stores that were not upgraded yet.
    """

    to: int
    name: str
    apply: Callable[[Writer], None]


UPGRADES: tuple[Upgrade, ...] = ()


def newest_format() -> int:
    """The format that this version writes."""
    return UPGRADES[-1].to if UPGRADES else FIRST_FORMAT


def is_new(reader: Reader) -> bool:
    """Whether the store notes no format yet: its creation was not completed."""
    return reader.meta(_FORMAT, 0) == 0


def check_format(reader: Reader, path: Path) -> None:
    """IndexMismatch unless this version reads the format of the store in ``path``."""
    found = reader.meta(_FORMAT, 0)
    newest = newest_format()
    if FIRST_FORMAT <= found <= newest:
        return
    known = f"format {newest}" if newest == FIRST_FORMAT else f"formats {FIRST_FORMAT} to {newest}"
    way_out = (
        "open it with the version of Vitrine that wrote it, or a later one"
        if found > newest
        else "it was never completed: move it away and index again"
    )
    raise IndexMismatch(f"{path} is of store format {found}, this version reads {known}; {way_out}")


def upgrade(writer: Writer) -> None:
    """Run the steps that are due, in the caller's transaction; a new store gets the newest format.

    The format of the store has been checked.
    """
    found = before = writer.meta(_FORMAT, 0)
    for step in UPGRADES:
        if FIRST_FORMAT <= found < step.to:
            step.apply(writer)
            found = step.to
    if found == 0:
        found = newest_format()
    if found != before:
        writer.put_meta(_FORMAT, found)
