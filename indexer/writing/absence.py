"""Items that a catalog lacks: on purpose, and they go; or through a failure, and they stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indexer.errors import CatalogShrank, first_names
from indexer.items import Skipped, UnreadableRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

MANY = 10
SHARE = 0.1
STAYS = "the item stays as it was"


class Absence(NamedTuple):
    """The items of a shop that a catalog does not hold, and its skipped rows with what they keep.

    ``gone`` are absent on purpose. ``kept`` stay, because a row that could not be read is theirs
    or may be.
    """

    gone: list[str]
    kept: list[str]
    skipped: list[Skipped]


def absence(standing: Iterable[str], listed: Collection[str], skipped: list[Skipped]) -> Absence:
    """Compare the ids of a shop with those of a catalog, of which some rows were skipped.

    A row that names an item of the shop keeps it. One that may be of any item keeps all that are
    absent, for nobody can tell which of them it is.
    """
    absent = {item_id for item_id in standing if item_id not in listed}
    kept: set[str] = set()
    reported: list[Skipped] = []
    for row in skipped:
        keeps = _keeps(row, absent)
        kept |= keeps
        if isinstance(row, UnreadableRow) and row.guess.endswith("/") and not keeps:
            continue  # a folder that holds nothing, and from which the shop has nothing
        reported.append(_with_ending(row, keeps))
    return Absence(sorted(absent - kept), sorted(kept), reported)


def check_absence(catalog: Path, gone: list[str], standing: int) -> None:
    """CatalogShrank when a build would remove so many items that it may be a mistake."""
    if is_much(len(gone), standing):
        raise CatalogShrank(catalog, gone, standing)


def is_much(gone: int, standing: int) -> bool:
    """Whether so many items are not to be removed without a question: above 10, and above 10 %."""
    return gone > MANY and gone > SHARE * standing


def _keeps(row: Skipped, absent: set[str]) -> set[str]:
    """The absent items that stay because of a skipped row."""
    if row.image:
        return set()
    if not isinstance(row, UnreadableRow):
        return {row.item_id} & absent if row.item_id else absent
    if row.guess.endswith("/"):
        return {item_id for item_id in absent if f"{item_id}/".startswith(row.guess)}
    return {row.guess} if row.guess in absent else absent


def _with_ending(row: Skipped, keeps: set[str]) -> Skipped:
    """The skipped row, with what becomes of the items that it keeps."""
    if not keeps:
        return row
    if row.item_id in keeps:
        stays = STAYS
    elif isinstance(row, UnreadableRow) and keeps == {row.guess}:
        stays = f"item {row.guess!r} stays as it was"
    else:
        stays = f"{len(keeps)} items that the catalog lacks stay: {first_names(sorted(keeps))}"
    return msgspec.structs.replace(row, reason=f"{row.reason}; {stays}")
