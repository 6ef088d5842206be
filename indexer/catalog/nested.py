"""Read nested values of JSON and XML: prices, pictures and names that are objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from indexer.catalog.item_parser import is_empty, text_from
from indexer.catalog.texts import in_language, is_translated
from indexer.jsonbytes import decode_json

_AMOUNTS: Final = (
    "amount", "value", "price", "lowPrice", "low_price", "minPrice", "minVariantPrice",
    "gross", "net",
)  # fmt: skip
_CURRENCIES: Final = (
    "currency", "currencyCode", "currency_code", "priceCurrency", "currencyIso", "currency_iso",
)  # fmt: skip
_PICTURES: Final = (
    "src", "url", "contentUrl", "href", "file", "path", "original", "image", "image_url", "link",
)  # fmt: skip
_NAMES: Final = (
    "name", "title", "label", "full_name", "path", "value", "text", "#text", "rendered", "id",
)  # fmt: skip

_QUOTED: Final = re.compile(r"'([^'\\\\]*)'|\"([^\"\\\\]*)\"")


def text_of(value: Any, language: str | None = None) -> str:
    """Return a value as text, never as a Python object.

    A text in several languages is that of ``language``; an object is its name; a list is joined by
    commas. "" for an object without a name.
    """
    if isinstance(value, dict):
        if is_translated(value):
            return text_of(in_language(value, language), language)
        name = first_of(value, _NAMES)
        return (
            "" if name is None or (isinstance(name, dict) and not name) else text_of(name, language)
        )
    if isinstance(value, list | tuple):
        return ", ".join(text for part in value if (text := text_of(part, language)))
    if isinstance(value, bool):
        return "true" if value else "false"
    return text_from(value)


def picture_of(value: Any, language: str | None = None) -> str:
    """Return the path or URL of a picture that is a text or an object such as ``{"src": ...}``."""
    if isinstance(value, dict):
        found = first_of(value, _PICTURES)
        if isinstance(found, dict | list):
            return picture_of(found, language)
        return text_from(found) if found is not None else text_of(value, language)
    if isinstance(value, list | tuple):
        return picture_of(value[0], language) if value else ""
    return text_from(value)


def money_value(value: Any) -> Iterator[Any]:
    """Yield the amounts in a price: a text, a number, an object, or a list of these."""
    if isinstance(value, dict):
        found = first_of(value, _AMOUNTS)
        if found is None:
            raise ValueError(
                f"price must be a number, got an object of {', '.join(map(str, value))[:60]}"
            )
        minor = value.get("currency_minor_unit")  # of WooCommerce's store: 1800 is 18.00
        if isinstance(minor, int) and 0 < minor < 5 and str(found).isdecimal():
            yield Decimal(str(found)).scaleb(-minor)
            return
        yield from money_value(found)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from money_value(part)
    elif value is None or isinstance(value, str | int | float | Decimal | bool):
        yield value
    else:
        raise ValueError(f"price must be a number, got {type(value).__name__}")


def currency_of(value: Any) -> str:
    """Return the currency that a price object names, or ""."""
    if isinstance(value, dict):
        found = first_of(value, _CURRENCIES)
        if isinstance(found, str):
            return found.strip().upper()
        amount = first_of(value, _AMOUNTS)
        return currency_of(amount) if isinstance(amount, dict | list) else ""
    if isinstance(value, list | tuple):
        return next((currency for part in value if (currency := currency_of(part))), "")
    return ""


def first_of(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first value of these names that is not empty, or None."""
    return next(
        (value[name] for name in names if name in value and not is_empty(value[name])), None
    )


def decoded_cell(value: Any) -> Any:
    """Return the list or object that a cell holds as JSON, else the cell.

    A list of texts may also be written as pandas does: ``['a.jpg', 'b.jpg']``.
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        found = decode_json(value)
    except msgspec.DecodeError:
        if _QUOTED.sub("", value).strip("[], \n"):
            return value
        found = [first or second for first, second in _QUOTED.findall(value)]
    return found if isinstance(found, list | dict) else value
