"""Read events from a CSV, JSON lines or Parquet file, and write them as JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.recordfile import check_mapping, kind_of, record_reader
from indexer.errors import BadCatalog, BadEvent
from indexer.recordfields import is_absent
from search.personal.event import FIELDS, event_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from indexer.catalog.item_parser import Record
    from search.personal.event import Event, EventType

# Other names of the fields in exports of shops and in public sets of events, in lowercase letters.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "user_id": ("user", "customer", "customerid", "visitor", "visitorid", "userpseudoid",
                "shopper", "shopperid", "member", "memberid", "reviewerid"),
    "item_id": ("item", "sku", "variantid", "article", "articleid", "product", "productid",
                "asin", "movieid"),
    "event_id": ("id",),
    "type": ("event", "eventtype", "eventname", "action", "behavior", "behaviour"),
    "time": ("timestamp", "datetime", "date", "eventtime", "eventtimestamp", "createdat"),
    "value": ("rating", "stars", "overall", "quantity", "qty"),
}  # fmt: skip
_STARS: Final = ("rating", "stars", "overall")
_TYPES: Final[Mapping[EventType, tuple[str, ...]]] = {
    "view": ("viewed", "pageview", "pv", "viewitem", "itemview", "productview", "detail"),
    "click": ("clicked", "select", "selectitem"),
    "cart": ("addtocart", "addedtocart", "basket", "addtobasket"),
    "purchase": ("purchased", "buy", "bought", "order", "ordered", "transaction", "sale"),
    "hide": ("hidden", "dislike", "disliked", "notinterested", "dismiss"),
    "rating": ("rate", "rated", "review"),
}
_TYPE_OF: Final = {name: kind for kind, names in _TYPES.items() for name in (kind, *names)}
_MOST_SHAPES: Final = 1_000  # records with other columns, of which the columns are remembered
_EACH_LINE: Final = ("jsonl", "json")  # whose records have columns of their own


class BadRow(NamedTuple):
    """A row that is not an event: its place in the file, such as "row 3", and the reason."""

    where: str
    reason: str


def read_events(
    path: Path,
    *,
    now: float,
    mapping: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> Iterator[Event | BadRow]:
    """Yield the events of a file in its order, with a BadRow in place of each invalid row.

    A field is read from the column that ``mapping`` names, else from the column of its name, else
    from one of a common other name such as ``customerId`` or ``timestamp``; types have other names
    too, such as ``add_to_cart``. Case, spaces and signs do not matter. Columns of no field are
    ignored. If a file has no column for the type, a row with a ``rating`` or ``stars`` is a
    rating, and the others are views. ``encoding`` is that of a CSV file.

    Raises BadCatalog if the file as a whole cannot be read, if a table has no column for users or
    items, or if ``mapping`` names an unknown field or column.
    """
    mapping = dict(mapping or {})
    check_mapping(mapping, FIELDS)
    if not path.is_file():
        raise BadCatalog(f"no such file: {path}")
    if not path.stat().st_size:
        raise BadCatalog(f"{path} is empty: expected events with at least 'user_id' and 'item_id'")
    columns: dict[tuple[str, ...], Mapping[str, str]] = {}  # of fields, by those of a record
    for where, record in record_reader(path, "events are in", encoding=encoding)(path):
        if isinstance(record, BrokenRow):
            yield BadRow(where, record.reason)
            continue
        if (names := tuple(record)) not in columns:
            found = _columns_of(names, mapping)
            if not columns:
                _check_columns(path, names, mapping, found)
            if len(columns) < _MOST_SHAPES:
                columns[names] = found
        try:
            yield event_from(_fields_of(record, columns.get(names, found)), now=now)
        except BadEvent as error:
            yield BadRow(where, str(error))


def _columns_of(names: tuple[str, ...], mapping: Mapping[str, str]) -> Mapping[str, str]:
    """Return the column of each field that a record with columns of these names has."""
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(_plain(name), name)
    found = {}
    for field in FIELDS:
        if field in mapping:
            found[field] = mapping[field]
        elif field in names:
            found[field] = field
        else:
            known = (_plain(field), *_ALIASES.get(field, ()))
            column = next((plain[name] for name in known if name in plain), None)
            if column is not None:
                found[field] = column
    return found


def _check_columns(
    path: Path, names: tuple[str, ...], mapping: Mapping[str, str], found: Mapping[str, str]
) -> None:
    """Raise BadCatalog if the first record lacks a column that is mapped or, in a table, needed."""
    has = f"it has {', '.join(map(repr, sorted(names)[:20]))}"
    for field, column in mapping.items():
        if column not in names:
            raise BadCatalog(
                f"{path} has no column {column!r} (mapped to {field!r}); {has}", param="map"
            )
    if kind_of(path) in _EACH_LINE:
        return
    for field in ("user_id", "item_id"):
        if field not in found:
            raise BadCatalog(
                f"{path} has no column {field!r}; {has}; name one with --map {field}=COLUMN",
                param="map",
            )


def _fields_of(record: Record, columns: Mapping[str, str]) -> Record:
    # A JSON record may lack a mapped column.
    fields: Record = {field: record.get(column) for field, column in columns.items()}
    kind = fields.get("type")
    if "type" not in columns:
        has_stars = _plain(columns.get("value", "")) in _STARS
        fields["type"] = "rating" if has_stars and not is_absent(fields["value"]) else "view"
    elif isinstance(kind, str):
        fields["type"] = _TYPE_OF.get(_plain(kind), kind)
    return fields


def _plain(name: object) -> str:
    """Return a name in lowercase, only its letters and digits."""
    return "".join(letter for letter in str(name).lower() if letter.isalnum())
