"""Read prices that are objects or lists of them, as the interfaces of shop programs write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from indexer.catalog.currencies import CODES, WITHOUT_DECIMALS
from indexer.catalog.nested import first_of

_AMOUNTS: Final = (
    "amount", "value", "calculated_amount", "price", "lowPrice", "low_price", "minPrice",
    "minVariantPrice", "gross", "net", "priceRange", "start", "basePrice", "minimum_price",
    "final_price", "regular_price", "$numberDecimal", "current", "now", "min", "from",
    "regular", "default",
)  # fmt: skip
_CURRENCIES: Final = (
    "currency", "currencyCode", "currency_code", "priceCurrency", "currencyIso", "currency_iso",
)  # fmt: skip
_SALES: Final = ("discountedPrice", "sale", "special")  # what is asked for in place of a price
_NOT_PRICED: Final = ("", "0", "0.00", None)  # what a sale price holds that is none
_MEDUSA: Final = "ma_"  # before the ids of Medusa's older prices, which are in cents
_LARGEST: Final = 10**15
_MOST_DIGITS: Final = 12
_DEEPEST: Final = 8


class Amount(NamedTuple):
    """A text or number that is a price, and the currency that its object names or ""."""

    value: Any
    currency: str


def amounts_in(value: Any, currency: str = "", depth: int = 0) -> Iterator[Amount]:
    """Yield the amounts in a price: a text, a number, an object, or a list of these.

    A discount or sale of an object comes in place of its price. Amounts in the smallest unit of a
    currency are taken as such where the object states it. ``currency`` is that of the objects
    around. Raises ValueError for an object without an amount.
    """
    if isinstance(value, Mapping) and depth < _DEEPEST:
        yield from _amounts_of(value, _currency_of(value) or currency, depth + 1)
    elif isinstance(value, list | tuple) and depth < _DEEPEST:
        for part in value:
            yield from amounts_in(part, currency, depth + 1)
    elif value is None or isinstance(value, str | int | float | Decimal | bool):
        yield Amount(value, currency)
    else:
        raise ValueError(f"price must be a number, got {type(value).__name__}")


def _amounts_of(value: Mapping[str, Any], currency: str, depth: int) -> Iterator[Amount]:
    if (amount := _of_small_units(value, currency)) is not None:
        yield Amount(amount, currency)
        return
    if isinstance(value.get("discounted"), Mapping):  # of commercetools
        yield from amounts_in(value["discounted"], currency, depth)
        return
    by_currency = {str(name).upper(): part for name, part in value.items()}
    if by_currency and by_currency.keys() <= CODES:
        for name, part in by_currency.items():
            yield from amounts_in(part, name, depth)
        return
    sale = value.get("salePrice")
    if value.get("onSale") and sale not in _NOT_PRICED:  # of Squarespace
        yield from amounts_in(sale, currency, depth)
        return
    lower = next((value[name] for name in _SALES if _is_lower(value.get(name))), None)
    found = first_of(value, _AMOUNTS) if lower is None else lower
    if found is None and len(numbers := [part for part in value.values() if _is_amount(part)]) == 1:
        found = numbers[0]  # under a name of its own, as ONIX's PriceAmount
    if found is None and len(value) == 1 and isinstance(inner := next(iter(value.values())), dict):
        found = inner  # as cXML's <UnitPrice><Money>
    if found is None:
        if currency:
            return  # an amount that is not set
        names = ", ".join(map(str, value))[:60]
        raise ValueError(f"price must be a number, got an object of {names}")
    yield from amounts_in(found, currency, depth)


def _is_lower(value: Any) -> bool:
    """Return True for an amount, and for an object of one."""
    return _is_amount(first_of(value, _AMOUNTS) if isinstance(value, Mapping) else value)


def _is_amount(value: Any) -> bool:
    """Return True for a number above 0, and a text with one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return any(digit in "123456789" for digit in str(value))


def _of_small_units(value: Mapping[str, Any], currency: str) -> Decimal | None:
    """Return the amount of an object that states it in cents or the like; None if it does not."""
    digits = _count(value.get("fractionDigits", 2), _MOST_DIGITS)
    # The former has all the digits.
    cents = _count(value.get("preciseAmount", value.get("centAmount")))
    if cents is not None and digits is not None:  # of commercetools
        return Decimal(cents).scaleb(-digits)
    if (unit := _count(value.get("unit_amount"))) is not None:  # of Stripe
        return Decimal(unit).scaleb(0 if currency in WITHOUT_DECIMALS else -2)
    amount, divisor = _count(value.get("amount")), _count(value.get("divisor"))
    if amount is not None and divisor:  # of Etsy
        return Decimal(amount) / Decimal(divisor)
    if amount is not None and str(value.get("id", "")).startswith(_MEDUSA):
        return Decimal(amount).scaleb(0 if currency in WITHOUT_DECIMALS else -2)
    if amount is not None and "includes_tax" in value:  # of Elastic Path
        return Decimal(amount).scaleb(0 if currency in WITHOUT_DECIMALS else -2)
    minor = _count(value.get("currency_minor_unit"), _MOST_DIGITS)
    found = first_of(value, _AMOUNTS)
    if minor is not None and str(found).isdecimal():  # of WooCommerce's store: 1800 is 18.00
        return Decimal(str(found)).scaleb(-minor)
    return None


def _count(value: Any, most: int = _LARGEST) -> int | None:
    """Return a whole number from 0 to ``most``, else None."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value <= most else None


def _currency_of(value: Mapping[str, Any]) -> str:
    found = first_of(value, _CURRENCIES)
    if found is None:
        found = next(
            (part for part in value.values() if isinstance(part, str) and part in CODES), ""
        )
    return found.strip().upper() if isinstance(found, str) else ""
