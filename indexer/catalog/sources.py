"""Read a catalog (a folder of images, a table, JSON or a feed) into items.

Formats of shop programs are recognized by their columns; see ``formats``. A plain record has the
same fields in every kind of file: ``id`` (required), ``product_id``, ``title``, ``description``,
``categories``, ``price``, ``currency``, ``in_stock``, ``url``, ``attributes`` and ``images``. Any
other column becomes an attribute. A mapping ``{field: columns}`` renames columns.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from indexer.catalog.cleaning import Cleaner
from indexer.catalog.decimalmarks import DecimalMarks
from indexer.catalog.encodings import encoding_of, is_guess
from indexer.catalog.folderfile import folder_records, object_names, object_records
from indexer.catalog.formatnames import FILE_KINDS, FORMATS
from indexer.catalog.formats import format_of_rows
from indexer.catalog.imagefiles import ImageFiles
from indexer.catalog.item_parser import (
    FIELDS,
    BadRecord,
    BrokenRow,
    GivenFields,
    NumberedRow,
    Record,
    given_fields,
    id_from,
    is_empty,
    item_from,
)
from indexer.catalog.packedfile import is_packed, unpacked
from indexer.catalog.recordfile import check_skipped, ends_line, kind_of, record_reader
from indexer.catalog.shopformat import LIST_FIELDS, ShopFormat
from indexer.csvrows import list_columns
from indexer.errors import BadCatalog
from indexer.exportcells import EXPORT_MARK
from indexer.items import Item, Remark, Skipped, UnreadableRow
from indexer.objectstore import is_object_url

_Reader: TypeAlias = Callable[[Path], Iterator[NumberedRow]]
_TOTAL = re.compile(
    r"(?:grand |sub)?(?:totals?|summe|gesamt|sum|totale|totaal|suma|razem|итого|合计|总计|合計)\b",
    re.IGNORECASE,
)
_WEB = ("http://", "https://")
_KINDS = "a catalog is a folder of images or"


class Entry(NamedTuple):
    """An item, its place in the catalog ("row 3"), and the fields that its record gives.

    ``unread`` are fields that the record has but that could not be read; they are not in ``given``.
    """

    item: Item
    where: str
    given: GivenFields
    unread: frozenset[str] = frozenset()


class Scan(NamedTuple):
    """The counts of one pass over a catalog, before any image is opened.

    ``items`` and ``images`` are counts, ``ids`` the ids of the items, and ``given`` the fields
    that any record gives. ``skipped`` includes remarks on fields. ``ends_line`` is whether the last
    line of a text file has its end; None for other files, and if its row is broken anyway.
    """

    items: int
    images: int
    skipped: list[Skipped]
    ids: frozenset[str]
    given: GivenFields
    ends_line: bool | None = None


class Reading(NamedTuple):
    """How to read a catalog. ``format`` is one of ``FORMATS``; ``encoding`` that of a CSV file.

    ``language`` chooses among texts in several languages. ``exclude`` are patterns of files and
    folders that are not read from a folder, such as ``*_thumb.jpg``. ``address`` is the URL of a
    feed that was fetched, or of a file or folder in an object store; paths of images are relative
    to it. ``images`` is another folder that they are relative to, or the URL of one, in an object
    store or on the web.
    """

    format: str = "auto"
    encoding: str | None = None
    language: str | None = None
    exclude: tuple[str, ...] = ()
    address: str = ""
    images: str | None = None


class Catalog:
    """A catalog file or folder, read as a stream any number of times.

    Image paths are relative to ``root``: a folder, or the URL of one in an object store. If the
    address of ``reading`` is that of a folder in an object store, which ends in a slash, its files
    are the items, and ``path`` is an empty folder. A packed file is unpacked for as long as the
    catalog exists.
    """

    def __init__(
        self,
        path: Path,
        mapping: Mapping[str, str | Sequence[str]] | None = None,
        reading: Reading = Reading(),  # noqa: B008  # immutable
    ) -> None:
        """Open ``path``; raise BadCatalog if it is missing, of an unknown kind, or badly mapped."""
        self.path = path
        self._mapping = {
            field: (columns,) if isinstance(columns, str) else tuple(columns)
            for field, columns in (mapping or {}).items()
        }
        self._reading = reading
        self._columns: set[str] = set()  # columns, fields and attributes seen so far
        self._fields: frozenset[str] = frozenset()
        self._attributes: frozenset[str] = frozenset()
        self._format: ShopFormat | None = None
        self._marks: DecimalMarks | None = None
        self._check_mapping()
        if not path.exists():
            raise BadCatalog(f"no such catalog: {path}")
        self.root = self._image_root()
        self._file = self._unpacked() if is_packed(path) else path  # what is read
        with self._named():
            self._read = partial(self._reader(), self._file)
        files = None if path.is_dir() else ImageFiles(self.root, self._web_address())
        self._cleaner = Cleaner(files, language=reading.language, decimal_mark=self._decimal_mark)

    @property
    def name(self) -> str:
        """How messages name it: the URL of what was fetched without its query, or its path."""
        return self._reading.address.partition("?")[0] or str(self.path)

    @property
    def place(self) -> str:
        """Where it comes from: the URL of what was fetched, or else its absolute path.

        The query of a URL is left out, because it may be a secret.
        """
        return self._reading.address.partition("?")[0] or str(self.path.resolve())

    def __iter__(self) -> Iterator[Entry | Skipped]:
        """Yield the items in catalog order, with a Skipped in place of each invalid row.

        Remarks on the fields of an item come before it. Raise BadCatalog if the file as a whole
        cannot be read, or most of very many rows cannot: their reports are held in memory.
        """
        items = skipped = 0
        with self._named():
            for entry in self._all_entries():
                if isinstance(entry, Entry):
                    items += 1
                elif not isinstance(entry, Remark):
                    skipped += 1
                    check_skipped(self._file, skipped, items, entry.where, entry.reason)
                yield entry

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the catalog as its user does in errors of what was fetched or unpacked."""
        try:
            yield
        except BadCatalog as error:
            message = str(error).replace(str(self._file), self.name)
            if message == str(error):
                raise
            raise BadCatalog(message, param=error.param, skipped=error.skipped) from error

    def _unpacked(self) -> Path:
        """Return the file that a packed one holds, in a folder that is deleted with the catalog."""
        folder = Path(tempfile.mkdtemp(prefix="vitrine-catalog-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return unpacked(self.path, folder)

    def _all_entries(self) -> Iterator[Entry | Skipped]:
        form = self._found_format()
        if guess := self._guessed_encoding():
            reason = f"read as {guess}; if letters are wrong, name the encoding with --encoding"
            yield Remark("", reason, where="file", field="encoding")
        for number, (where, row) in enumerate(form.rows(self._read)):
            if number == 0:
                yield from self._guessed_columns(form)
            if isinstance(row, BrokenRow):
                guess = self._guess(row)
                skipped = Skipped("", row.reason, where=where)
                yield (
                    UnreadableRow("", row.reason, where=where, guess=guess) if guess else skipped
                )
                continue
            self._columns.update(row)
            yield from self._entries(form, where, row)

    def _guessed_columns(self, form: ShopFormat) -> Iterator[Remark]:
        """Yield a remark on each column that was read because of its cells."""
        for field, names in form.guesses().items():
            if field not in self._mapping:
                columns = " and ".join(map(repr, names))
                reason = (
                    f"read from {columns}, because of the cells; --map {field}=COLUMN is certain"
                )
                if not names:
                    reason = "rows without texts are read as variants of the row above them"
                yield Remark("", reason, where="file", field=field)

    def _guessed_encoding(self) -> str:
        """Return the encoding of a CSV file which nothing states, or ""."""
        if self._reading.encoding is not None or self.path.is_dir():
            return ""
        if kind_of(self._file, self._kind()) != "csv":
            return ""
        encoding = encoding_of(self._file)
        return encoding if is_guess(encoding) else ""

    def _kind(self) -> str | None:
        """Return the kind of file that the format names, if it names one."""
        return self._reading.format if self._reading.format in FILE_KINDS else None

    def _entries(self, form: ShopFormat, where: str, row: Record) -> Iterator[Entry | Skipped]:
        """Yield the item of a row, after remarks on its fields, or why it is none."""
        record, unread, notes = self._cleaner.clean(form.record(row, self._mapping))
        given = given_fields(record)
        try:
            item = item_from(record)
        except BadRecord as error:
            kind = Skipped if error.id_known or not error.item_id else UnreadableRow
            yield kind(error.item_id, str(error), where=where)
            return
        is_titled = item.title or item.images or EXPORT_MARK in row
        if not is_titled and _TOTAL.match(item.item_id):
            yield Skipped(item.item_id, "a row of totals, no item", where=where)
            return
        if not is_titled and " " in item.item_id and _filled(row) == 1:
            yield Skipped(item.item_id, "a remark below a table, no item", where=where)
            return
        if reason := form.not_for_sale(row):
            yield Remark(item.item_id, f"left out: {reason}", where=where, field="status")
            return
        for note in notes:
            yield Remark(item.item_id, note.reason, note.image, where, field=note.field)
        self._fields |= given.fields
        self._attributes |= given.attributes
        yield Entry(item, where, given, unread)

    def scan(self) -> Scan:
        """Read the whole catalog once and count it; images are not opened.

        Raise BadCatalog if two rows share an id, no row is an item, or no row has the column
        ``id`` or a column that a field is mapped to.
        """
        places: dict[str, str] = {}
        images = 0
        skipped: list[Skipped] = []
        entry: Entry | Skipped | None = None
        for entry in self:
            if isinstance(entry, Skipped):
                skipped.append(entry)
                continue
            item_id = entry.item.item_id
            if item_id in places:
                raise BadCatalog(
                    f"{self.name}: id {item_id!r} is in {places[item_id]} and again in "
                    f"{entry.where}; ids must be unique"
                )
            places[item_id] = entry.where
            images += len(entry.item.images)
        self._check_columns()
        if isinstance(entry, UnreadableRow) and entry.guess and not entry.guess.endswith("/"):
            reason = f"{entry.reason}; it is the last row, and more may be cut off"
            skipped[-1] = Skipped("", reason, where=entry.where)
        if not places:
            why = f"; {skipped[0].where}: {skipped[0].reason}" if skipped else ""
            raise BadCatalog(f"{self.name} holds no items{why}", skipped=skipped)
        given = GivenFields(self._fields, self._attributes)
        ends = ends_line(self._file, self._kind()) if isinstance(entry, Entry) else None
        return Scan(len(places), images, skipped, frozenset(places), given, ends)

    def _guess(self, broken: BrokenRow) -> str:
        """Return the likely id of a broken row, or "" if none can be read."""
        try:
            return id_from(self._found_format().record(broken.readable, self._mapping))
        except BadRecord:
            return ""

    def _check_mapping(self) -> None:
        for field, columns in self._mapping.items():
            if field not in FIELDS:
                raise BadCatalog(
                    f"--map names the unknown field {field!r}; fields are {', '.join(FIELDS)}",
                    param="map",
                )
            if len(columns) > 1 and field not in LIST_FIELDS:
                raise BadCatalog(
                    f"--map gives {field!r} {len(columns)} columns: {', '.join(columns)}; only "
                    f"{' and '.join(sorted(LIST_FIELDS))} may have several",
                    param="map",
                )

    def _check_columns(self) -> None:
        has = list_columns(sorted(map(str, self._columns)))
        for field, columns in self._mapping.items():
            for column in columns:
                if column not in self._columns and self._columns:
                    raise BadCatalog(
                        f"{self.name} has no column {column!r} (mapped to {field!r}); it has {has}",
                        param="map",
                    )
        sample: Record = dict.fromkeys(self._columns, "")
        if self._columns and "id" not in self._found_format().record(sample, self._mapping):
            raise BadCatalog(
                f"{self.name} has no column 'id'; it has {has}. Name the right one with "
                "--map id=COLUMN"
            )

    def _reader(self) -> _Reader:
        """Return the function that reads the rows of the file or folder."""
        name = self._reading.format
        if name not in FORMATS:
            raise BadCatalog(
                f"unknown format {name!r}; formats are {', '.join(FORMATS)}", param="format"
            )
        is_folder = self.path.is_dir()
        if name != "auto" and is_folder != (name == "folder"):
            kind = "a folder" if is_folder else "a file"
            raise BadCatalog(f"{self.path} is {kind}, not of format {name!r}", param="format")
        address, exclude = self._reading.address, self._reading.exclude
        if is_folder and is_object_url(address):
            names = object_names(address, exclude)  # once, because it takes long
            return lambda _path: object_records(names)
        if is_folder:
            return partial(folder_records, exclude=exclude)
        if self._reading.exclude:
            raise BadCatalog(f"{self.path}: --exclude is for folders of images", param="exclude")
        encoding = self._reading.encoding
        return record_reader(self._file, _KINDS, kind=self._kind(), encoding=encoding)

    def _web_address(self) -> str:
        """Return the URL that image paths are relative to on the web; empty if they are files."""
        named = self._reading.images
        if named is None:
            address = self._reading.address
            return "" if is_object_url(address) else address
        return f"{named.rstrip('/')}/" if named.startswith(_WEB) else ""

    def _image_root(self) -> Path | str:
        """Return the folder of the images. Raises BadCatalog if the one named is none."""
        named = self._reading.images
        if named is None:
            if is_object_url(self._reading.address):
                return self._reading.address.rpartition("/")[0]
            return self.path if self.path.is_dir() else self.path.parent
        if self.path.is_dir():
            raise BadCatalog(f"{self.path} is a folder, --images is for files", param="images")
        if named.startswith(_WEB):
            return self.path.parent
        if "://" in named:
            return named
        if not Path(named).is_dir():
            raise BadCatalog(f"no such folder of images: {named}", param="images")
        return Path(named)

    def _found_format(self) -> ShopFormat:
        """Return the format named, or the one that the first records show."""
        if self._format is None:
            name, language = self._reading.format, self._reading.language
            self._format = format_of_rows(self._read, name, language)
        return self._format

    def _decimal_mark(self) -> str | None:
        """Return the decimal mark of the prices, if one can be told.

        The first call reads the whole catalog.
        """
        if self._marks is None:
            self._marks = DecimalMarks()
            form = self._found_format()
            for _, row in self._read():
                if not isinstance(row, BrokenRow):
                    self._marks.add(form.record(row, self._mapping).get("price"))
        return self._marks.common()


def _filled(row: Record) -> int:
    """Return how many cells of a row are not empty."""
    return sum(not is_empty(cell) for cell in row.values())


def open_catalog(
    path: Path | str,
    mapping: Mapping[str, str | Sequence[str]] | None = None,
    reading: Reading | None = None,
) -> Catalog:
    """Open the catalog at ``path``; see ``Catalog``."""
    return Catalog(Path(path), mapping, reading or Reading())
