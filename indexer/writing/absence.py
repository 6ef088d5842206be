"""Find the items of a shop that a catalog lacks, except those that may be in a broken row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indexer.errors import BadCatalog, CatalogShrank, first_names
from indexer.items import Remark, Skipped, UnreadableRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from indexer.store.transactions import Reader, Writer

_ENDED = "catalog_ended"  # in the store's meta
_MOST_ITEMS = 10
_MOST_SHARE = 0.1
UNCHANGED = "the item stays as it was"


class Absence(NamedTuple):
    """The items of a shop that a catalog lacks.

    ``gone`` are removed from the catalog. ``kept`` may belong to a row that could not be read, so
    they stay in the shop. ``skipped`` are the catalog's skipped rows; the reason of each names the
    items that it keeps.
    """

    gone: list[str]
    kept: list[str]
    skipped: list[Skipped]


def absence(stored: Iterable[str], listed: Collection[str], skipped: list[Skipped]) -> Absence:
    """Compare the ids of a shop with those of a catalog that has some skipped rows.

    A skipped row with an id keeps the item of that id. A skipped row without an id may be any item,
    so it keeps all items that the catalog lacks.
    """
    absent = {item_id for item_id in stored if item_id not in listed}
    kept: set[str] = set()
    reported: list[Skipped] = []
    for row in skipped:
        keeps = _keeps(row, absent)
        kept |= keeps
        if isinstance(row, UnreadableRow) and row.guess.endswith("/") and not keeps:
            continue  # an unreadable folder that the shop has no items from
        reported.append(_with_kept_items(row, keeps))
    return Absence(sorted(absent - kept), sorted(kept), reported)


def check_absence(
    catalog: str, gone: list[str], stored: int, *, skipped: Sequence[Skipped] = ()
) -> None:
    """Raise CatalogShrank if a build would remove so many of ``stored`` items."""
    if are_too_many(len(gone), stored):
        raise CatalogShrank(catalog, gone, stored, skipped=skipped)


def check_end(reader: Reader, catalog: str, ends_line: bool | None) -> None:
    """Raise BadCatalog if the last line has no end, and that of the last catalog had one.

    Then the file was probably cut: its last cell may lack its end, and rows may be missing.
    """
    if ends_line is False and reader.meta(_ENDED, 0):
        raise BadCatalog(
            f"{catalog} ends in the middle of a line, unlike the catalog of the last build: its "
            "end may be cut off; nothing was changed. Copy it again, or run with --accept if it is "
            "complete"
        )


def note_end(writer: Writer, ends_line: bool | None) -> None:
    """Store whether the last line of a catalog had its end, for ``check_end`` of the next one."""
    if ends_line is not None:
        writer.put_meta(_ENDED, int(ends_line))


def are_too_many(gone: int, stored: int) -> bool:
    """Return True if removing so many items may be a mistake: more than 10, and over 10 %."""
    return gone > _MOST_ITEMS and gone > _MOST_SHARE * stored


def _keeps(row: Skipped, absent: set[str]) -> set[str]:
    """Return the absent items that stay in the shop because of a skipped row."""
    if row.image or isinstance(row, Remark):
        return set()
    if not isinstance(row, UnreadableRow):
        return {row.item_id} & absent if row.item_id else absent
    if row.guess.endswith("/"):
        return {item_id for item_id in absent if f"{item_id}/".startswith(row.guess)}
    return {row.guess} if row.guess in absent else absent


def _with_kept_items(row: Skipped, keeps: set[str]) -> Skipped:
    """Add the items that a skipped row keeps to its reason."""
    if not keeps:
        return row
    if row.item_id in keeps:
        stays = UNCHANGED
    elif isinstance(row, UnreadableRow) and keeps == {row.guess}:
        stays = f"item {row.guess!r} stays as it was"
    else:
        stays = f"{len(keeps)} items that the catalog lacks stay: {first_names(sorted(keeps))}"
    return msgspec.structs.replace(row, reason=f"{row.reason}; {stays}")
