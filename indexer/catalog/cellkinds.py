"""What the cells of a column may be: pictures, prices, ids, names, flags, levels of categories."""

from __future__ import annotations

import re
from typing import Final

from indexer.catalog.currencies import CODES, SYMBOLS
from indexer.catalog.prices import UnclearPrice, parse_price
from indexer.catalog.stock import parse_stock
from indexer.catalog.texts import plain_text

_PICTURE: Final = re.compile(
    r"\S.*\.(?:jpe?g|png|webp|gif|avif|heic|heif|bmp|tiff?)(?:[?#].*|\s*\(.*\))?", re.IGNORECASE
)
LINK: Final = re.compile(r"https?://[^\s,;|]+", re.IGNORECASE)
_LONGEST_ID: Final = 80
_LONGEST_TITLE: Final = 200


def is_picture(cell: str) -> bool:
    """Return True if a cell is the path or URL of a picture, or a list of them."""
    return _PICTURE.fullmatch(re.split(r"[;|\n]|&&", cell)[0].strip()) is not None


def is_short(cell: str) -> bool:
    """Return True if a cell may be an id by its length."""
    return len(cell) <= _LONGEST_ID and "\n" not in cell


def is_code(cell: str) -> bool:
    """Return True for a code: without spaces, with a digit, and no price."""
    return " " not in cell and re.search(r"\d", cell) is not None and not has_currency(cell)


def is_title(cell: str) -> bool:
    """Return True if a cell may be a name: not too long, and no link."""
    return len(cell) <= _LONGEST_TITLE and LINK.match(cell) is None


def is_currency(cell: str) -> bool:
    """Return True for a code or a sign of a currency."""
    return cell in CODES or cell in SYMBOLS


def is_text(value: object) -> bool:
    """Return True for a text or a number."""
    return isinstance(value, str | int | float)


def is_price(cell: str) -> bool:
    """Return True if a price can be read."""
    if not re.search(r"\d", cell):
        return False
    try:
        return parse_price(cell, ".").amount is not None
    except UnclearPrice:
        return False


def has_currency(cell: str) -> bool:
    """Return True for a price with a currency."""
    if not is_price(cell):
        return False
    return bool(parse_price(cell, ".").currency) or any(sign in cell for sign in SYMBOLS)


def is_stock(cell: str) -> bool:
    """Return True if it can be read whether an item can be bought."""
    try:
        parse_stock(cell)
    except ValueError:
        return False
    return True


def is_flag(cell: str) -> bool:
    """Return True for yes or no, in any form."""
    return cell in ("0", "1") or (not cell.isdecimal() and is_stock(cell))


def has_levels(cell: str) -> bool:
    """Return True for a category with levels."""
    return re.search(r"\S\s*(?:>|»|›)\s*\S", plain_text(cell)) is not None
