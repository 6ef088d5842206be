"""Find attributes whose name and value are in two columns, or in one cell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from indexer.catalog.columnnames import loose_key
from indexer.catalog.item_parser import Cells, Record
from indexer.catalog.shopformat import is_blank, text_cell

_KIND: Final = re.compile(
    r"\b(?:option|variation|attribute|feature|property|specification|merkmal|eigenschaft|"
    r"additional ?info|характеристики|variacao|variacion|variazione|atributo|attributo|attribut|"
    r"opcion|opcao|opzione|opcja|cecha|caracteristica|thuoc tinh)\b"
)
_NUMBERS: Final[Mapping[str, str]] = {"one": "1", "two": "2", "three": "3"}
_NAMED: Final = re.compile(r"\b(?:name|title|название|nome|nombre|nom|nazwa)\b")
_VALUED: Final = re.compile(
    r"\b(?:value|values|choices|description|option for|значение|valor|valore|valeur|wert|"
    r"wartosc|gia tri)\b"
)
_GERMAN: Final = (("variationswertname", "variation value"), ("variationsname", "variation name"))
_CELLS: Final = frozenset({"variation details", "relationship details", "custom fields", "规格"})
_TRIPLES: Final = re.compile(r"name\s*:\s*value", re.IGNORECASE)  # of PrestaShop, in the header
_TYPED: Final = re.compile(r"name\s*:\s*type", re.IGNORECASE)  # PrestaShop's combinations
_PLACED: Final = re.compile(r"\(value\s*:\s*position\)", re.IGNORECASE)
_PREFIXED: Final = re.compile(
    r"(?:variant|attribute|option|property|свойство|параметр|характеристика)\s*:\s*(?:pa_)?(.+)",
    re.IGNORECASE,
)  # as Shoptet, InSales and WebToffee name the columns of options
_SWATCH: Final = re.compile(r"\[#[0-9A-Fa-f]{3,8}(?:,#[0-9A-Fa-f]{3,8})*\]|^#[0-9A-Fa-f]{3,8}:")
_PLAIN_NAMES: Final = frozenset({"title", ""})


def option_columns(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the columns of the names and values of options, such as ``Option1 Name``."""
    titles: dict[str, str] = {}
    values: dict[str, str] = {}
    bare: dict[str, str] = {}  # columns such as "Option 1" beside "Option 1 value"
    for name in names:
        key = " ".join(_NUMBERS.get(word, word) for word in loose_key(name).split())
        for german, english in _GERMAN:
            key = key.replace(german, english)
        key = re.sub(r"(?<=[a-z])(?=\d)", " ", key)
        if not _KIND.search(key):
            continue
        for pattern, found in ((_NAMED, titles), (_VALUED, values)):
            rest, count = pattern.subn("", key)
            if count:
                found.setdefault(" ".join(rest.split()), name)
                break
        else:
            bare.setdefault(key, name)
    titles = {**bare, **titles}
    return [(titles[rest], values[rest]) for rest in titles if rest in values]


def options_of(row: Record, columns: Sequence[tuple[str, str]]) -> Record:
    """Return the options of a row by their names in lower case; those without a value are left out.

    The only value of a product without variants, such as ``Default Title``, is none.
    """
    found: Record = {}
    for title, value in columns:
        cell, text = row.get(title), row.get(value)
        if isinstance(cell, Cells) and isinstance(text, Cells) and len(cell) == len(text):
            pairs = zip(cell, text, strict=True)  # columns of the same names, as of Prom
            found |= {str(name).lower(): part for name, part in pairs if not is_blank(name)}
            continue
        name = text_cell(cell).lower()
        if name in _PLAIN_NAMES or is_blank(text) or text == "Default Title":
            continue
        found.setdefault(name, without_swatch(text) if isinstance(text, str) else text)
    return found


def option_name(column: str) -> str:
    """Return the name of an option that a column states, as in ``variant:Color``, or the column."""
    match = _PREFIXED.fullmatch(column)
    return match[1] if match else column


def paired_columns(names: Sequence[str]) -> list[str]:
    """Return the columns whose cells list names and values of attributes."""
    return [
        name
        for name in names
        if any(part.search(name) for part in (_TRIPLES, _TYPED, _PLACED))
        or loose_key(name) in _CELLS
    ]


def paired_cells(row: Record, columns: Sequence[str]) -> dict[str, Record]:
    """Return the attributes that single cells list, by the column of the cell.

    ``[Size=M;Color=Red]`` and ``Size=M|Color=Red;Blue`` are lists of pairs; ``Fabric:Wool:1`` is a
    name, a value and a position in a column whose name says so. PrestaShop's combinations have
    names, such as ``Color:color:0``, in one column, and values in another.
    """
    found: dict[str, Record] = {}
    typed = next((column for column in columns if _TYPED.search(column)), None)
    for column in columns:
        cell = text_cell(row.get(column)) if isinstance(row.get(column), str) else ""
        if _TRIPLES.search(column):
            triples = (part.split(":") for part in cell.split(","))
            pairs = {part[0].strip(): part[1].strip() for part in triples if len(part) > 1}
            found[column] = {name: value for name, value in pairs.items() if name and value}
        elif _PLACED.search(column) and typed is not None:
            titles = [part.split(":")[0].strip() for part in text_cell(row.get(typed)).split(",")]
            values = [part.rpartition(":")[0].strip() or part for part in cell.split(",")]
            found[column] = {
                name: value for name, value in zip(titles, values, strict=False) if name and value
            }
            found[typed] = {}
        elif "=" in cell or loose_key(column) == "规格":
            found[column] = named_values(re.sub("[:：]", "=", cell))
    return {column: pairs for column, pairs in found.items() if pairs or column == typed}


def named_values(cell: str) -> Record:
    """Return ``Color=Red;Blue|Size=M`` as names in lower case and their values."""
    lists: dict[str, list[str]] = {}
    name = ""
    for part in re.split(r"[;|]", cell.strip().strip("[]")):
        key, equals, value = part.partition("=")
        if equals:
            name = key.strip().lower()
        text = without_swatch(value if equals else part)
        if name and text:
            lists.setdefault(name, []).append(text)
    return {name: values[0] if len(values) == 1 else values for name, values in lists.items()}


def without_swatch(text: str) -> str:
    """Return the name of a color without its code: ``Red[#ff0000]`` and ``#f00:Red`` are Red."""
    return _SWATCH.sub("", text).strip()
