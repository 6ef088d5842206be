"""Prices as they are set in a picture, and the discount between two of them."""

from __future__ import annotations

import math

__all__ = ["discount", "price_text"]

_SYMBOLS = {
    "AUD": "A$", "BRL": "R$", "CAD": "C$", "CHF": "CHF\u00a0", "CNY": "¥", "CZK": "Kč\u00a0",
    "DKK": "kr\u00a0", "EUR": "€", "GBP": "£", "HKD": "HK$", "ILS": "₪", "INR": "₹", "JPY": "¥",
    "KRW": "₩", "MXN": "MX$", "NOK": "kr\u00a0", "NZD": "NZ$", "PLN": "zł\u00a0", "RUB": "₽",
    "SEK": "kr\u00a0", "TRY": "₺", "TWD": "NT$", "UAH": "₴", "USD": "$", "VND": "₫",
}  # fmt: skip
_MOST = 1e12
_LONGEST = 8  # letters of a currency that is not one of these
_WHOLE = {"JPY", "KRW", "VND", "CLP", "ISK", "HUF"}  # without cents


def price_text(price: float, currency: str, pattern: str, decimal: str) -> str:
    """Return a price such as ``€18.95``; empty if it is negative, not finite, or 10^12 or more.

    ``pattern`` has ``{amount}``, and ``{symbol}`` or ``{code}``. ``decimal`` is ``.`` or ``,``; the
    other of them separates thousands. Without a currency, the pattern's blanks are trimmed.
    """
    if not 0 <= price < _MOST:
        return ""
    currency = currency[:_LONGEST]
    digits = 0 if currency in _WHOLE else 2
    amount = f"{price:,.{digits}f}"
    if decimal == ",":
        amount = amount.translate(str.maketrans(",.", ".,"))
    symbol = _SYMBOLS.get(currency, f"{currency}\u00a0" if currency else "")
    if not pattern.endswith("{amount}"):  # behind the amount, no blank follows the symbol
        symbol = symbol.rstrip()
    text = pattern.replace("{amount}", amount).replace("{symbol}", symbol)
    return text.replace("{code}", currency).strip()


def discount(price: float, old_price: float) -> int:
    """Return by how many whole percent the old price fell, rounded down; 0 if it did not fall."""
    if not (math.isfinite(price) and math.isfinite(old_price)) or not 0 <= price < old_price:
        return 0
    # A hair more than the quotient: 10 % of 0.3 must not become 9 % because of rounding.
    return math.floor(100 * (old_price - price) / old_price + 1e-9)
