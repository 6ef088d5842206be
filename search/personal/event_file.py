"""Read events from a CSV, JSON lines or Parquet file, and write them as JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.recordfile import check_mapping, record_reader
from indexer.errors import BadCatalog, BadEvent
from search.personal.event import FIELDS, event_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from indexer.catalog.item_parser import Record
    from search.personal.event import Event

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "user_id": ("user",),
    "item_id": ("item",),
    "event_id": ("id",),
    "type": ("event", "event_type"),
    "time": ("timestamp",),
    "value": ("rating", "stars", "quantity"),
}


class BadRow(NamedTuple):
    """A row that is not an event: its place in the file, such as "row 3", and the reason."""

    where: str
    reason: str


def read_events(
    path: Path, *, now: float, mapping: Mapping[str, str] | None = None
) -> Iterator[Event | BadRow]:
    """Yield the events of a file in its order, with a BadRow in place of each invalid row.

    A field is read from the column that ``mapping`` names, else from the column of its name, else
    from a common other name such as ``user`` or ``timestamp``. Columns of no field are ignored.
    If a file has no column for the type, a row with a ``rating`` or ``stars`` is a rating, and
    the others are views. Raises BadCatalog if the file as a whole cannot be read, or if
    ``mapping`` names an unknown field or column.
    """
    mapping = dict(mapping or {})
    check_mapping(mapping, FIELDS)
    if not path.is_file():
        raise BadCatalog(f"no such file: {path}")
    if not path.stat().st_size:
        raise BadCatalog(f"{path} is empty: expected events with at least 'user_id' and 'item_id'")
    is_checked = False
    for where, record in record_reader(path, "events are in")(path):
        if isinstance(record, BrokenRow):
            yield BadRow(where, record.reason)
            continue
        if not is_checked:
            _check_columns(path, record, mapping)
            is_checked = True
        try:
            yield event_from(_fields_of(record, mapping), now=now)
        except BadEvent as error:
            yield BadRow(where, str(error))


def _check_columns(path: Path, record: Record, mapping: Mapping[str, str]) -> None:
    """Raise BadCatalog if the first record of a file lacks a column that is mapped."""
    for field, column in mapping.items():
        if column not in record:
            raise BadCatalog(
                f"{path} has no column {column!r} (mapped to {field!r}); it has "
                f"{', '.join(map(repr, sorted(map(str, record))[:20]))}",
                param="map",
            )


def _fields_of(record: Record, mapping: Mapping[str, str]) -> Record:
    fields: Record = {}
    for field in FIELDS:
        if field in mapping:
            fields[field] = record.get(mapping[field])  # a JSON record may lack it
            continue
        names = (field, *_ALIASES.get(field, ()))
        column = next((name for name in names if name in record), None)
        if column is not None:
            fields[field] = record[column]
    if "type" not in fields:
        is_rated = any(record.get(name) not in (None, "") for name in ("rating", "stars"))
        fields["type"] = "rating" if is_rated or mapping.get("value") == "rating" else "view"
    return fields
