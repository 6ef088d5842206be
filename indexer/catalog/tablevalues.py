"""Read the values that several columns of a table give together: prices, stock, options."""

from __future__ import annotations

import datetime
import re
from typing import Any, Final

from indexer.catalog.cleaning import NULLS
from indexer.catalog.columnnames import loose_key
from indexer.catalog.idcolumn import short_text
from indexer.catalog.item_parser import Cells, Record
from indexer.catalog.objectstock import stock_in
from indexer.catalog.optioncolumns import options_of, paired_cells
from indexer.catalog.prices import UnclearPrice, parse_price
from indexer.catalog.saleprice import discounted, is_on, price_now
from indexer.catalog.shopformat import is_blank
from indexer.catalog.stock import parse_stock
from indexer.catalog.tablecolumns import TableColumns, currency_in

NO: Final = frozenset(
    "0 false no n nein non off -1 não nao nee nej nei ne nie nu nem ei hayır нет ні لا לא ไม่ không "
    "tidak όχι 否 いいえ 아니오".split()
)
YES: Final = frozenset(
    "1 true yes y ja oui sí si sim tak ano áno da igen kyllä evet да так نعم כן ใช่ có ya ναι 是 "
    "はい 예".split()
)
_HIDDEN: Final = frozenset(
    {
        *("draft", "archived", "inactive", "disabled", "hidden", "unlisted", "offline", "trash"),
        *("entwurf", "inaktiv", "brouillon", "borrador", "pausada", "inactiva", "inactivo"),
        *("passive", "pasif", "inativo", "inattivo", "inactief", "nieaktywny", "neaktivní"),
        *("nonaktif", "неактивен", "скрыт", "скрытый", "ukryty", "下架", "非公開", "blocked"),
        *("ended", "beendet", "zakończona", "finalizada", "terminée", "retired", "unpublished"),
        *("not published", "已下架", "仓库中", "판매중지"),
        *("0", "false", "d", "h"),  # CS-Cart: disabled, hidden
    }
)
_SITE: Final = re.compile(r"\bCurrency=([A-Z]{3})\b")  # in the header of a listing file of eBay
_SMALL_UNITS: Final = re.compile(r"\b(?:cents|pence|minor|centimes|centavos|grosze)\b")
_BETWEEN: Final = re.compile(r"(\.[a-z]{3,4})\s*[;|,\n]\s*(?=\S)", re.IGNORECASE)  # two files
_DATES: Final = ("from", "to")  # of PrestaShop's discount
_OF_A_PLACE: Final = ("Current Quantity ", "inventory_")  # counts of Square and Vend


def reason_to_hide(row: Record, columns: TableColumns) -> str:
    """Return the cell that hides a row from shoppers, as a reason; "" if none does."""
    for role, hiding in (("active", NO | _HIDDEN), ("archived", YES), ("status", _HIDDEN)):
        column = columns.first(role)
        text = short_text(row[column]) if column is not None else ""
        if text.casefold() in hiding:
            return f"its {column} is {text!r}"
    return ""


def join_folder(record: Record, columns: TableColumns) -> None:
    """Put the folder in a column such as ``Image Folder`` before names of files without one."""
    folder = record.get(columns.folder) if columns.folder else None
    if not isinstance(folder, str) or not folder.strip():
        return
    start = folder.strip().rstrip("/\\") + "/"
    cells = record.get("images")
    if isinstance(cells, Cells):
        record["images"] = Cells(_in_folder(start, cell) for cell in cells)
    elif cells is not None:
        record["images"] = _in_folder(start, cells)


def _in_folder(start: str, cell: Any) -> Any:
    """Return a cell with ``start`` before each name; a cell with folders stays as it is."""
    if not isinstance(cell, str) or not cell.strip() or "/" in cell or "\\" in cell:
        return cell
    return start + _BETWEEN.sub(lambda end: f"{end[1]}; {start}", cell.strip())


def set_price(record: Record, row: Record, columns: TableColumns, today: datetime.date) -> None:
    """Set the price of today, and the currency that the name of a column states."""
    sale = columns.first("sale price")
    flag = columns.by_key.get("on sale", columns.by_key.get("onsale"))
    if sale is not None and (flag is None or short_text(row[flag]).casefold() not in NO):
        start, end = (row.get(day) for day in columns.sale_days())
        record["price"] = price_now(record["price"], row[sale], start, end, today)
    for key, is_share in (("discount amount", False), ("discount percent", True)):
        start, end = (row.get(columns.by_key.get(f"discount {name}", "")) for name in _DATES)
        if key in columns.by_key and is_on(start, end, today):
            less = row[columns.by_key[key]]
            record["price"] = discounted(record["price"], less, is_share=is_share)
    price = record["price"]
    names = columns.fields.get("price", [])
    if names and _SMALL_UNITS.search(loose_key(names[0])) and re.fullmatch(r"\d+", str(price)):
        price = record["price"] = int(price) / 100
    if "currency" in record or (isinstance(price, str) and _states_currency(price)):
        return
    sites = (found[1] for name in row if (found := _SITE.search(name)))
    if currency := (currency_in(names[0]) if names else "") or next(sites, ""):
        record["currency"] = currency


def _states_currency(price: str) -> bool:
    """Return True if a price has a currency; a sign of several currencies is none."""
    try:
        return bool(parse_price(price, ".").currency)
    except UnclearPrice:
        return True


def set_stock(record: Record, row: Record, columns: TableColumns) -> None:
    """Set whether an item is in stock from a count or a status, which stays an attribute."""
    of_place = (name for name in columns.names if name.startswith(_OF_A_PLACE))
    column = columns.first("count") or next(of_place, None) or columns.first("status")
    counted = columns.first("counted")
    if column is None or is_blank(row[column]):
        return
    if counted is not None and short_text(row[counted]).casefold() in {*NO, "none"}:
        return  # the shop sells it without counting
    if isinstance(row[column], dict):
        found = stock_in({"stock": row[column]})
        if found is not None:
            record["in_stock"] = found
        return
    if short_text(row[column]) in NULLS:
        return
    try:
        record["in_stock"] = parse_stock(row[column])
    except ValueError:
        return  # a quantity such as "500 g" is no stock


def join_levels(record: Record, row: Record, columns: TableColumns) -> None:
    """Put a category together whose levels are in several columns, or in the list of a path."""
    category = record.get("categories")
    if isinstance(category, str):
        if "CATEGORYTEXT" in columns.names:
            category = category.replace("|", ">")  # as price comparisons write levels
        texts = (short_text(row[column]) for column in columns.subcategories())
        record["categories"] = " > ".join(part for part in (category, *texts) if part.strip())
    elif columns.is_path and isinstance(category, list):
        if all(isinstance(level, str) for level in category):
            record["categories"] = [" > ".join(category)]
    elif columns.levels and "categories" not in record:
        texts = (short_text(row[name]) for name in columns.levels)
        record["categories"] = [" > ".join(filter(None, texts))]


def add_options(record: Record, row: Record, columns: TableColumns) -> None:
    """Replace the columns of options, and cells of pairs, by the attributes that they give."""
    pairs = paired_cells(row, columns.paired)
    for name in (*pairs, *(name for option in columns.options for name in option)):
        record.pop(name, None)
    for name, value in options_of(row, columns.options).items():
        record.setdefault(name, value)
    for cells in pairs.values():
        for name, value in cells.items():
            record.setdefault(name, value)
