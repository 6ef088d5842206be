"""Clean the record of a catalog field by field, so that an unreadable field does not cost the item.

A field that cannot be read is left out of the record and reported. The item then keeps the value
that the shop has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from indexer.catalog.attributes import flat_attributes
from indexer.catalog.categories import category_paths
from indexer.catalog.currencies import COMMA_DECIMAL, DOT_DECIMAL, SYMBOLS, WITHOUT_DECIMALS
from indexer.catalog.item_parser import (
    FIELDS,
    MOST_VALUES,
    Cells,
    Record,
    Stored,
    check_length,
    is_empty,
    link_from,
    text_from,
)
from indexer.catalog.money import Amount, amounts_in
from indexer.catalog.nested import decoded_cell, picture_of, pictures_of, text_of
from indexer.catalog.prices import UnclearPrice, parse_price
from indexer.catalog.saleprice import amount_of
from indexer.catalog.stock import parse_stock
from indexer.catalog.texts import plain_text
from indexer.items import MAX_ID_BYTES

if TYPE_CHECKING:
    from indexer.catalog.imagefiles import ImageFiles

# Without the white space around a separator, which takes quadratic time; parts are stripped.
_BAR: Final = re.compile(r"[;|\n]")
_NO_PICTURE: Final = frozenset({"", "no_selection"})  # the latter of Magento
NULLS: Final = frozenset({"null", "None", "nan", "NaN"})
"""What programs write for no value."""
_CELL_ERRORS: Final = frozenset(
    {"#REF!", "#NAME?", "#VALUE!", "#N/A", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)  # what Excel writes in place of a value


class FieldNote(NamedTuple):
    """A note on a field for the report, and the image that it is about."""

    field: str
    reason: str
    image: str = ""


class CleanRecord(NamedTuple):
    """A record without the fields that cannot be read, their names, and notes for the report."""

    record: Record
    unread: frozenset[str]
    notes: list[FieldNote]


class Cleaner:
    """Cleans the records of one catalog."""

    def __init__(
        self,
        files: ImageFiles | None,
        *,
        language: str | None = None,
        decimal_mark: Callable[[], str | None] = lambda: None,
    ) -> None:
        """``files`` finds images; None leaves their paths as they are.

        ``decimal_mark`` is called for a price that may be one of two numbers.
        """
        self._files = files
        self._language = language
        self._decimal_mark = decimal_mark

    def clean(self, record: Record) -> CleanRecord:
        """Return a record that ``item_from`` reads whole, if its id is valid."""
        cleaned: Record = {}
        notes: list[FieldNote] = []
        unread: set[str] = set()
        for field in FIELDS:
            if field not in record or field == "attributes":
                continue
            try:
                if isinstance(record[field], Cells) and field not in ("categories", "images"):
                    record = {**record, field: _one_of(field, record[field], notes)}
                if field == "price":
                    cleaned[field] = self._price(record, notes)
                else:
                    cleaned[field] = self._cleaned(field, record[field], notes)
            except ValueError as error:
                unread.add(field)
                notes.append(FieldNote(field, str(error)))
        self._add_currency(record, cleaned)
        if isinstance(record.get("attributes"), Stored):
            cleaned["attributes"] = record["attributes"].value
            return CleanRecord(cleaned, frozenset(unread), notes)
        attributes = flat_attributes(record, self._language)
        notes += [FieldNote("attributes", reason) for reason in attributes.faults]
        cleaned |= attributes.columns
        if attributes.nested is not None:
            cleaned["attributes"] = attributes.nested
        return CleanRecord(cleaned, frozenset(unread), notes)

    def _cleaned(self, field: str, value: Any, notes: list[FieldNote]) -> Any:
        if field == "id":
            return value
        if isinstance(value, Stored):
            return value.value
        check_length(value, field)
        if isinstance(value, str) and value.strip() in _CELL_ERRORS:
            raise ValueError(f"{field} is {value.strip()!r}, an error of the spreadsheet")
        if isinstance(value, str) and field != "title" and value.strip() in NULLS:
            value = ""
        if field == "product_id":
            return _product_id(value)
        value = decoded_cell(value)
        if field in ("title", "description"):
            return plain_text(text_of(value, self._language))
        if field == "categories":
            return category_paths(value, self._language)
        if field == "images":
            paths = self._images(value, notes)
            return _unique(paths) if _is_cell(value) else paths
        if field == "in_stock":
            return _stock(value)
        text = text_of(value, self._language)
        return link_from(text.replace("&amp;", "&")) if field == "url" else SYMBOLS.get(text, text)

    def _price(self, record: Record, notes: list[FieldNote]) -> float | None:
        found: list[float] = []
        for amount in _of_one_currency(record):
            price = self._parsed(amount.value, record.get("currency"))
            if price is None:
                notes.append(
                    FieldNote("price", f"price {str(amount.value)[:40]!r} is read as none")
                )
            else:
                found.append(price)
        return min(found) if found else None

    def _parsed(self, amount: Any, currency: Any) -> float | None:
        try:
            return parse_price(amount).amount
        except UnclearPrice:
            mark = _mark_of(currency, amount)
            mark = self._decimal_mark() if mark is None else mark
            if mark is None:
                raise
            return parse_price(amount, mark).amount

    def _add_currency(self, record: Record, cleaned: Record) -> None:
        """Take the currency from the price, unless the record has a currency of its own."""
        if cleaned.get("currency") or is_empty(record.get("price")) or "price" not in cleaned:
            return
        for amount in _of_one_currency(record):
            try:
                currency = amount.currency or parse_price(amount.value, ".").currency
            except UnclearPrice:
                continue
            if currency:
                cleaned["currency"] = SYMBOLS.get(currency, currency)
                return

    def _images(self, value: Any, notes: list[FieldNote]) -> list[str]:
        written: list[str] = []
        for part in pictures_of(value):
            text = picture_of(part, self._language)
            if not isinstance(part, str) or not _is_cell(value):
                written.append(text)
            elif self._files is None:
                written += _BAR.split(text)
            else:
                written += self._files.split(text)
            if len(written) > MOST_VALUES:  # before any of them is looked for
                raise ValueError(f"has over {MOST_VALUES} images, at most {MOST_VALUES} are read")
        paths = (path.strip() for path in written)
        return [self._found(path, notes) for path in paths if path not in _NO_PICTURE]

    def _found(self, path: str, notes: list[FieldNote]) -> str:
        if self._files is None:
            return path
        found = self._files.find(path)
        if found.difference:
            reason = (
                f"there is no file {path!r}; read {found.path!r}, which differs in "
                f"{found.difference}"
            )
            notes.append(FieldNote("images", reason, found.path))
        return found.path


def _mark_of(currency: Any, price: Any) -> str | None:
    """Return the decimal mark of a price in a currency that makes it certain, else None.

    It is "" for money without decimals.
    """
    text = currency.strip() if isinstance(currency, str) else ""
    code = SYMBOLS.get(text, text.upper())
    if code in WITHOUT_DECIMALS:
        return ""
    if code in COMMA_DECIMAL:
        return ","
    return "." if code in DOT_DECIMAL and "," in str(price) else None


def _of_one_currency(record: Record) -> list[Amount]:
    """Return the amounts of a price in the currency of the record, else in the first one."""
    listed = [one for one in amounts_in(decoded_cell(record["price"])) if not is_empty(one.value)]
    named = [one.currency for one in listed if one.currency]
    wanted = text_from(record.get("currency")).upper()
    currency = wanted if wanted in named else named[0] if named else ""
    return [one for one in listed if one.currency == currency]


def _one_of(field: str, cells: Cells, notes: list[FieldNote]) -> Any:
    """Return the one value of several columns of a field: the first, if it is no price.

    Raises ValueError for two prices.
    """
    found = list(dict.fromkeys(str(cell).strip() for cell in cells if not is_empty(cell)))
    if len(found) > 1 and field == "price" and len({amount_of(text) for text in found}) > 1:
        raise ValueError(f"two columns are named as prices, with {found[0]!r} and {found[1]!r}")
    if len(found) > 1 and field != "price":
        reason = f"two columns are named alike; read {found[0][:40]!r}, not {found[1][:40]!r}"
        notes.append(FieldNote(field, reason))
    return found[0] if found else ""


def _is_cell(value: Any) -> bool:
    """Return True if a value is a cell or several, which may hold lists as text."""
    return isinstance(value, str | Cells)


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _product_id(value: Any) -> Any:
    if isinstance(value, str) and len(value.strip().encode("utf-8", "replace")) > MAX_ID_BYTES:
        raise ValueError(f"product_id is longer than {MAX_ID_BYTES} bytes; the item is on its own")
    if isinstance(value, str) and any(ord(letter) < 32 for letter in value.strip()):
        raise ValueError("product_id holds control characters; the item is on its own")
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise ValueError(f"product_id must be text, got {type(value).__name__}")
    return value


def _stock(value: Any) -> bool:
    if isinstance(value, dict):
        names = (
            "in_stock",
            "is_in_stock",
            "availability",
            "available",
            "status",
            "quantity",
            "qty",
            "stock",
        )
        value = next((value[name] for name in names if name in value), value)
        if isinstance(value, dict):
            raise ValueError("in_stock must be true or false, got an object")
    if isinstance(value, list | tuple):
        return not value or any(_stock(part) for part in value)
    return parse_stock(value)
