"""Describe the export of a shop program: its columns, and how its rows become records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, TypeAlias

from indexer.catalog.columnnames import is_private
from indexer.catalog.item_parser import FIELDS, BrokenRow, Cells, Record, is_empty, text_from

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

ColumnMapping: TypeAlias = Mapping[str, Sequence[str]]
"""The columns that the caller names for a field."""

ReadRows: TypeAlias = "Callable[[], Iterator[NumberedRow]]"
"""Reads all rows of a file from the start; a format may call it more than once."""

LIST_FIELDS = frozenset({"categories", "images"})
COMMON: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("name",),
    "categories": ("category",),
    "images": ("image",),
    "url": ("link", "permalink", "product url"),
    "product_id": ("item group id",),
    "in_stock": ("availability", "stock status"),
}  # the first column of these, if none has the name of the field


_UNIT: Final = re.compile(r" ?\(.*\)$")  # "shipping(country:price)"


class _Plan(NamedTuple):
    """The columns of each field, and the attribute of each other column, whether it is a list."""

    columns: tuple[str, ...]
    fields: list[tuple[str, list[str]]]
    attributes: list[tuple[str, str, bool]]


class ShopFormat:
    """The format of an export, for one catalog with one mapping.

    Subclasses state their columns; the base class is a plain table.
    Names of columns are compared without case, and with ``_`` equal to a space.
    """

    name: ClassVar[str] = "csv"
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The columns of each field: of a text the first that is not empty, of a list all."""
    attributes: ClassVar[Mapping[str, str]] = {}
    """Columns whose attribute has another name."""
    lists: ClassVar[frozenset[str]] = frozenset({"tags"})
    """Columns whose attribute is a list, separated by commas."""
    ignored: ClassVar[frozenset[str]] = frozenset()
    """Columns of the program itself, which are no attributes."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}  # by the name of a column
        self._last: tuple[tuple[str, ...], dict[str, str]] = ((), {})
        self._plan: _Plan | None = None

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if a file with these columns, by ``column_key``, has this format."""
        raise NotImplementedError

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield a row for each item: rows of one product are put together."""
        return read()

    def guesses(self) -> Mapping[str, Sequence[str]]:
        """Return the columns by field that were read because of their cells, not their names."""
        return {}

    def not_for_sale(self, row: Record) -> str:  # noqa: ARG002
        """Return why a row is not shown in the shop, or "" if it is."""
        return ""

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a row with our field names; ``mapping`` comes first."""
        plan = self._plan_of(row, mapping)
        record: Record = {
            field: self._value(field, [row[name] for name in names]) for field, names in plan.fields
        }
        for name, own, is_list in plan.attributes:
            value = row[name]
            if is_list and isinstance(value, str) and "," in value:
                value = [part.strip() for part in value.split(",") if part.strip()]
            record[own] = value
        return record

    def _plan_of(self, row: Record, mapping: ColumnMapping) -> _Plan:
        """Return what becomes of each column; the rows of a table share one plan."""
        columns = tuple(row)
        if self._plan is not None and self._plan.columns == columns:
            return self._plan
        found = self._index(row)
        fields: list[tuple[str, list[str]]] = []
        taken = set(mapping)
        for field in FIELDS:
            names = self._columns_of(field, found, mapping)
            taken.update(names)
            if present := [name for name in names if name in row]:
                fields.append((field, present))
        rest = [name for name in columns if name and name not in taken]
        self._plan = _Plan(columns, fields, [
            (name, own, self._is_list(name))
            for name in rest
            if (key := self._key(name)) not in self.ignored
            and _UNIT.sub("", key) not in self.ignored
            and not is_private(name)
            and (own := self.attributes.get(key, name)) not in FIELDS
        ])  # fmt: skip
        return self._plan

    def _is_list(self, name: str) -> bool:
        """Return True if the attribute of a column is a list, separated by commas."""
        return self._key(name) in self.lists

    def _columns_of(
        self, field: str, found: Mapping[str, str], mapping: ColumnMapping
    ) -> list[str]:
        known = [found[key] for key in self.columns.get(field, ()) if key in found]
        if not known:
            usual = (field.replace("_", " "), *COMMON.get(field, ()))
            known = [found[key] for key in usual if key in found][:1]
        if field not in mapping:
            return known
        wanted = list(mapping[field])
        # Naming some of the format's own lists of pictures does not take the others away.
        return known if field in LIST_FIELDS and set(wanted) <= set(known) else wanted

    def _value(self, field: str, values: list[Any]) -> Any:
        if field in LIST_FIELDS:
            return values[0] if len(values) == 1 else Cells(values)
        if field == "description" and len(values) > 1:
            texts = dict.fromkeys(value for value in values if isinstance(value, str))
            return "\n".join(text for text in texts if text.strip()) or values[0]
        return next((value for value in values if not is_empty(value)), values[0])

    def _index(self, row: Record) -> dict[str, str]:
        """Return the columns of a row by their keys; an exact name comes first."""
        names = tuple(row)
        if names != self._last[0]:  # the rows of a table have the same columns
            found: dict[str, str] = {}
            for name in names:
                key = self._key(name)
                if key not in found or name == key:
                    found[key] = name
            self._last = names, found
        return self._last[1]

    def _key(self, name: str) -> str:
        if name not in self._keys:
            self._keys[name] = column_key(name)
        return self._keys[name]

    def _get(self, row: Record, key: str) -> Any:
        """Return the cell of a column by its key, or None."""
        name = self._index(row).get(key)
        return None if name is None else row[name]


def column_key(name: object) -> str:
    """Return the name of a column as formats compare it: ``Variant_SKU`` is ``variant sku``."""
    return re.sub(r"[\s_]+", " ", str(name)).strip().casefold().removeprefix("g:")


def grouped(
    read: ReadRows, key: Callable[[Record], Hashable | None]
) -> Iterator[NumberedRow | list[tuple[str, Record]]]:
    """Yield the rows of each key as a list, when the last of them has been read.

    ``key`` is called on each row in order, twice per file; None is a group of its own. Broken rows
    are yielded as they come. Rows are in memory only while their group is incomplete.
    """
    counts = Counter(key(row) for _, row in read() if not isinstance(row, BrokenRow))
    waiting: dict[Hashable, list[tuple[str, Record]]] = {}
    for where, row in read():
        if isinstance(row, BrokenRow):
            yield where, row
            continue
        found = key(row)
        if found is None:
            yield [(where, row)]
            continue
        group = waiting.setdefault(found, [])
        group.append((where, row))
        if len(group) == counts[found]:
            yield waiting.pop(found)


def inherited(row: Record, parent: Record, columns: Iterable[str] | None = None) -> Record:
    """Return a row with its empty cells filled from another; only ``columns``, if given."""
    names = parent if columns is None else [name for name in columns if name in parent]
    filled = {name: parent[name] for name in names if is_blank(row.get(name))}
    return {**row, **filled}


def is_blank(value: object) -> bool:
    """Return True if a cell is empty, or white space."""
    return is_empty(value) or value == [] or (isinstance(value, str) and not value.strip())


def text_cell(value: object) -> str:
    """Return a cell as text; a number without ``.0``."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return text_from(value)
