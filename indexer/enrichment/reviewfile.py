"""Read reviews, texts to score, and labeled texts from CSV, JSON, Excel and Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.recordfile import check_mapping, record_reader
from indexer.enrichment.review import BadReview, Review, review_from
from indexer.enrichment.training import Labeled
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record

FIELDS: Final = ("review_id", "about", "text", "title", "stars", "time")
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "review_id": ("id",),
    "about": ("item_id", "product_id", "item", "product", "sku"),
    "text": ("review", "body", "content", "comment", "review_text"),
    "title": ("headline", "summary", "review_title"),
    "stars": ("rating", "score"),
    "time": ("date", "created_at", "timestamp"),
}
_TRUE: Final = frozenset("1 1.0 true yes y positive pos happy good 好评 正面".split())
_FALSE: Final = frozenset("0 0.0 -1 false no n negative neg unhappy bad 差评 负面".split())
_JOINT: Final = ". "  # between the columns of one text


class SkippedRow(NamedTuple):
    """A row that could not be used: its place in the file, such as "row 3", and the reason."""

    where: str
    reason: str


def read_reviews(
    path: Path, mapping: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Review] | SkippedRow]:
    """Yield each review of a file with its place, in the file's order, or why a row is none.

    A field is read from the column that ``mapping`` names, else from the column of its name, else
    from a common other name such as ``item_id`` or ``rating``. Raises BadCatalog for a file that
    cannot be read, or for a column that does not exist.
    """
    mapping = dict(mapping or {})
    check_mapping(mapping, FIELDS)
    for where, record in _records(path, tuple(mapping.values())):
        if isinstance(record, BrokenRow):
            yield SkippedRow(where, record.reason)
            continue
        try:
            yield where, review_from(_fields_of(record, mapping))
        except BadReview as error:
            yield SkippedRow(where, str(error))


def read_texts(path: Path, columns: Sequence[str]) -> Iterator[str | SkippedRow]:
    """Yield the text of each row, in order; several columns are joined to one text.

    Raises BadCatalog for a file that cannot be read, or for a column that does not exist.
    """
    for where, record in _records(path, columns):
        if isinstance(record, BrokenRow):
            yield SkippedRow(where, record.reason)
        else:
            yield joined_text(record, columns)


def read_labeled(path: Path, columns: Sequence[str], label: str, stars: str | None) -> Labeled:
    """Read texts with their labels (1 or 0, yes or no, positive or negative), and stars if given.

    Rows without text are left out. Raises BadCatalog for a label that is none of these, for stars
    that are not numbers, and as ``read_texts`` does.
    """
    texts: list[str] = []
    labels: list[bool] = []
    values: list[float] = []
    needed = (*columns, label, *((stars,) if stars else ()))
    for where, record in _records(path, needed):
        if isinstance(record, BrokenRow):
            raise BadCatalog(f"{path}, {where}: {record.reason}")
        text = joined_text(record, columns)
        if not text.strip():
            continue
        texts.append(text)
        labels.append(_label(path, where, record.get(label)))
        if stars:
            values.append(_number(path, where, record.get(stars)))
    if not texts:
        raise BadCatalog(f"{path} has no row with a text in {', '.join(map(repr, columns))}")
    return Labeled(texts, np.array(labels, bool), np.array(values, float) if stars else None)


def joined_text(record: Record, columns: Sequence[str]) -> str:
    """Return the texts of the columns as one; what is not a text counts as empty."""
    cells = (record.get(column) for column in columns)
    return _JOINT.join(cell for cell in cells if isinstance(cell, str) and cell.strip())


def _records(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, Record | BrokenRow]]:
    """Yield the records of a file; the first one must have the ``columns``."""
    if not path.is_file():
        is_folder = path.is_dir()
        raise BadCatalog(
            f"{path} is a folder, expected a file" if is_folder else f"no such file: {path}"
        )
    is_checked = False
    for where, record in record_reader(path, "reviews are in")(path):
        if not is_checked and not isinstance(record, BrokenRow):
            missing = next((column for column in columns if column not in record), None)
            if missing is not None:
                raise BadCatalog(
                    f"{path} has no column {missing!r}; it has "
                    f"{', '.join(map(repr, sorted(map(str, record))[:20]))}"
                )
            is_checked = True
        yield where, record


def _fields_of(record: Record, mapping: Mapping[str, str]) -> Record:
    fields: Record = {}
    for field in FIELDS:
        if field in mapping:
            fields[field] = record.get(mapping[field])  # a JSON record may lack it
            continue
        names = (field, *_ALIASES[field])
        column = next((name for name in names if record.get(name) not in (None, "")), None)
        if column is not None:
            fields[field] = record[column]
    return fields


def _label(path: Path, where: str, value: object) -> bool:
    text = str(value).strip().lower()
    if text not in _TRUE and text not in _FALSE:
        raise BadCatalog(
            f"{path}, {where}: the label must be 1 or 0, yes or no, positive or negative, got "
            f"{text[:80]!r}"
        )
    return text in _TRUE


def _number(path: Path, where: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not 0 <= number <= 100:
        raise BadCatalog(f"{path}, {where}: stars must be a number, got {str(value)[:80]!r}")
    return number
