"""The lines of a CSV file: those before its header, and those of a broken row, read again."""

from __future__ import annotations

import re
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from indexer.catalog.columnnames import is_header
from indexer.csvrows import MAX_CELL
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MAX_LINE: Final = 32_000_000  # characters of a row without a line break
_MOST_REPEATED: Final = 2_000_000  # lines that are read again because of unclosed quotes
_MOST_COMMENTS: Final = 50  # lines before the header
_MOST_TITLES: Final = 10  # rows of a title before the header
_DELIMITERS: Final = ",;\t|"
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"?')
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
_BLANK: Final = _DELIMITERS + " \"'"  # a line of these alone is empty
_ID_COLUMNS: Final = frozenset({"id", '"id"', "sku", '"sku"'})  # a header of one column
_COMMENTS: Final = ("#", "//")
_NUMBER_COLUMN: Final = re.compile(r"#[,;\t|]")  # of the first column of a header
_IMPEX: Final = re.compile(r"(?:INSERT|UPDATE|INSERT_UPDATE) \w+\s*;|\$\w+\s*=|#%")
_MERCHANDISE: Final = "HDR|"  # of Rakuten Advertising: no names of columns follow
END_OF_MERCHANDISE: Final = "TRL"
_COLUMNS_OF_MERCHANDISE: Final = (
    "Product ID|Product Name|SKU|Category|Subcategory|Product URL|Image URL|"
    "Buy URL|Short Description|Description|Discount|Discount Type|Sale Price|Retail Price|"
    "Begin Date|End Date|Brand|Shipping|Is Deleted|Keywords|Part Number|Manufacturer|"
    "Shipping Information|Availability|UPC|Class ID|Currency|M1|Pixel"
)
_TEMPLATE: Final = "TemplateType="  # of Amazon: a row of labels follows, then the header


class Preamble(NamedTuple):
    """The lines from the header on that were read, the number of lines before, the delimiter."""

    read: list[str]
    before: int
    delimiter: str


def read_preamble(path: Path, file: TextIO) -> Preamble:
    """Read up to the first line of the header.

    Before it may be empty lines, comments, ``sep=``, and titles: lines without delimiters, and
    lines of several cells if the first names of columns come after them. Raises BadCatalog for a
    line of more than ``MAX_CELL`` characters.
    """
    delimiter = title = ""
    number = comments = 0
    while comments < _MOST_COMMENTS and (line := _line(path, file)):
        line = line.removeprefix("\ufeff")
        text = line.strip("\r\n")
        if text.startswith(_TEMPLATE) and "\t" in text:
            _line(path, file)
            return Preamble([_line(path, file)], number + 2, "\t")
        if _IMPEX.match(text):
            raise BadCatalog(
                f"{path} is ImpEx of SAP Commerce, whose products, prices and pictures are in "
                "tables of their own, which are not read together; export them as a Google feed, "
                "or as CSV with a row for each product"
            )
        if text.startswith(_MERCHANDISE):
            first = _line(path, file)
            names = _COLUMNS_OF_MERCHANDISE.split("|")
            more = (f"Attribute {number}" for number in range(1, first.count("|") + 2))
            header = [*names, *more][: first.count("|") + 1]
            return Preamble(["|".join(header) + "\n", first], number, "|")
        if separator := _SEPARATOR_LINE.fullmatch(text):
            delimiter = separator[1]
        elif text.startswith(_COMMENTS) and not _NUMBER_COLUMN.match(text):
            comments += 1
        elif text.strip(_BLANK):
            found = delimiter or _delimiter_of(text)
            words = text.strip(_DELIMITERS + " ")
            if title or _delimiter_of(words) or words.casefold() in _ID_COLUMNS:
                if title and not found:
                    return Preamble([title, line], number - 1, ",")
                return _without_titles(path, file, line, number, found or ",")
            title = line
        number += 1
    return Preamble([title] if title else [], 0, delimiter or ",")


def _without_titles(path: Path, file: TextIO, line: str, before: int, delimiter: str) -> Preamble:
    """Return the header from this line on: the first with names of columns, else this line."""
    lines = [line]
    for at in range(_MOST_TITLES):
        if at == len(lines):
            if is_header(_split(lines[0], delimiter)) or not (more := _line(path, file)):
                break
            lines.append(more)
        own = delimiter if at == 0 else _delimiter_of(lines[at].strip("\r\n")) or delimiter
        if is_header(_split(lines[at], own)):
            return Preamble(lines[at:], before + at, own)
    return Preamble(lines, before, delimiter)


def _line(path: Path, file: TextIO) -> str:
    line = file.readline(MAX_CELL)
    if len(line) == MAX_CELL and not line.endswith("\n"):
        raise BadCatalog(
            f"{path}: a line at the start has more than {MAX_CELL:,} characters; expected a "
            f"header with the names of columns, it begins with {line[:40]!r}"
        )
    return line


def _split(line: str, delimiter: str) -> list[str]:
    return [cell.strip(' "') for cell in line.strip("\r\n").split(delimiter)]


def _delimiter_of(line: str) -> str:
    """Return the most frequent delimiter outside of quotes, or "" if there is none."""
    outside = _QUOTED.sub("", line) if line.count('"') % 2 == 0 else line  # 12" or מק"ט
    found = max(_DELIMITERS, key=outside.count)
    return found if found in outside else ""


class CsvLines:
    """The lines of a file; lines of a broken row can be read again.

    Empty lines between rows are passed over: ``empty`` counts those before the present row.
    """

    def __init__(self, path: Path, file: TextIO, read: Sequence[str]) -> None:
        """``read`` are the lines that have been read already."""
        self._path = path
        self._file = iter(partial(file.readline, _MAX_LINE), "")
        self._pending: deque[str] = deque(read)
        self._row: list[str] = []
        self._repeated = 0
        self.empty = 0

    def __iter__(self) -> CsvLines:
        return self

    def __next__(self) -> str:
        """Return the next line. Raises BadCatalog if it, or what was read again, is too long."""
        if self._pending:
            line = self._pending.popleft()
        elif self._row:  # an empty line inside a row belongs to a quoted cell
            line = next(self._file)
        else:
            line = self._next_filled()
        if len(line) == _MAX_LINE:
            raise BadCatalog(
                f"{self._path}: a row has {_MAX_LINE:,} characters without a line break; is it a "
                f"CSV file? The row begins with {line[:40]!r}"
            )
        self._row.append(line)
        return line

    def _next_filled(self) -> str:
        # A loop of its own, because a file of 20 MB can have 20 million empty lines.
        for empty, line in enumerate(self._file):
            if not line.isspace():
                self.empty += empty
                return line
        raise StopIteration

    def accept_row(self) -> None:
        """Forget the lines read so far: their row is complete."""
        self._row.clear()
        self.empty = 0

    def rewind(self) -> str:
        """Return the first line since the last good row; all lines after it are read again.

        Raises BadCatalog if too many lines have been read again: each row of a hostile file can
        begin with a quote that is closed only at its end.
        """
        first = self._row[0] if self._row else ""
        self._repeated += len(self._row)
        if self._repeated > _MOST_REPEATED:
            raise BadCatalog(
                f"{self._path}: too many rows with a quote that is not closed, such as the one "
                f"that begins with {first[:40]!r}; correct the quotes"
            )
        self._pending.extendleft(reversed(self._row[1:]))
        self._row.clear()
        return first
