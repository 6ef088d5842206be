"""The format of a store, and the numbered steps from each format to the next.

The number of the format is stored in ``meta``. Readers support every format up to the newest, and
never upgrade: a shop may be read-only, or served by an earlier version. The first write upgrades
the store, and so does every long job. All pending steps run in one transaction, so a store is
never between two formats. An earlier version refuses an upgraded store.

To change the format, append a step to ``UPGRADES``, keep support for the previous format in the
readers, and add a shop of the new format to ``tests/golden``. Data that earlier versions can read
and write without damage, such as pictures of renditions under separate keys, needs no new format.
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

    List a new named database in ``indexer.store.store.DATABASES``: it exists when the step runs,
    and reads as empty in stores that are not upgraded yet.
    """

    to: int
    name: str
    apply: Callable[[Writer], None]


UPGRADES: tuple[Upgrade, ...] = ()


def newest_format() -> int:
    """Return the format that this version writes."""
    return UPGRADES[-1].to if UPGRADES else FIRST_FORMAT


def is_new(reader: Reader) -> bool:
    """Return True if the store has no format number yet, because it is still being created."""
    return reader.meta(_FORMAT, 0) == 0


def check_format(reader: Reader, path: Path) -> None:
    """Raise IndexMismatch if this version does not support the format of the store in ``path``."""
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
    """Run all pending steps in the caller's transaction; a new store gets the newest format.

    The caller must have checked the format.
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
