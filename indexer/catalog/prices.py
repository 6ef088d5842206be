"""Read prices as shops write them: an amount and a currency, or the reason why there is none.

No library is used, because the known ones choose one of the two meanings of ``1.299`` silently.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal
from typing import Final, NamedTuple

from indexer.catalog.currencies import (
    CODES,
    COMMA_DECIMAL,
    DOT_DECIMAL,
    SYMBOLS,
    WITHOUT_DECIMALS,
)
from indexer.catalog.texts import plain_text

_ABSENT: Final = frozenset(
    {
        *(
            "n/a",
            "na",
            "n.a.",
            "none",
            "null",
            "nan",
            "-",
            "--",
            "---",
            "–",
            "—",
            "tba",
            "tbd",
            "?",
        ),
        *("call for price", "price on request", "on request", "contact us", "poa", "ask"),
        *("auf anfrage", "preis auf anfrage", "sur demande", "prix sur demande", "nous consulter"),
        *(
            "a consultar",
            "consultar",
            "su richiesta",
            "sob consulta",
            "op aanvraag",
            "na zapytanie",
        ),
        *("по запросу", "договорная", "面议", "价格面议", "要問い合わせ", "お問い合わせ", "応相談"),
    }
)
_NUMBER: Final = re.compile(r"\d+(?:[ .,']\d+)*|[.,]\d+")
_RANGE: Final = re.compile(r"\s*(?:-|–|—|~|\.\.+|…|to|bis|till|à|a|al)\s*", re.IGNORECASE)
_CODE: Final = re.compile(r"(?<![A-Za-z])(?:[A-Z]{3}|eur|usd|gbp|chf)(?![A-Za-z])")
_SYMBOL: Final = re.compile("|".join(map(re.escape, sorted(SYMBOLS, key=len, reverse=True))))
_DOT_SIGNS: Final = "[¥￥₨]|Rs"  # of several currencies, all of which separate thousands by commas
_HARMLESS: Final = frozenset(
    "from ab von price preis only now nur ca approx incl inkl tax vat mwst à partir de desde "
    "da vanaf about starting at each inc vat. mwst. ttc ht excl exkl zzgl net brutto netto / /ea "
    "ea pro per je piece stück stk /stück /st /pc pc unit pièce pieza pezzo moms iva btw cad "
    "uvp rrp msrp od от desde ud uds unidad und szt sztuka kus ks each".split()
)  # words around a price that do not change it
_DASHES: Final = re.compile(r"(?<=\d)(?:[.,:]\s?[-–—]+|/[-–—])(?=\D*$)")  # "12,-" and "12/-" are 12
_REMARK: Final = re.compile(
    r"\s*[(\[][^()\[\]]*[)\]]|\s*\+\s*\D+$|(?:incl?|inkl|excl?|exkl|zzgl)\.?\s*\d+\s*%.*$",
    re.IGNORECASE,
)  # "(incl. 20% VAT)", "+ shipping"
_INSTEAD: Final = re.compile(
    r"(?:statt|was|before|uvp|avant|au lieu de|antes|prima|was)\b.*\d.*?"
    r"\b(?:jetzt|nur|now|only|maintenant|ahora|ora|nu)\b\s*:?\s*(.+)",
    re.IGNORECASE,
)
_CROSSED_OUT: Final = re.compile(r"<(del|s|strike)\b[^>]*>.*?</\1>", re.IGNORECASE | re.DOTALL)
_SIGNS: Final = str.maketrans(
    {"’": "'", "`": "'", "٫": ".", "٬": ",", "\u200e": "", "\u200f": "", "\u202c": "", "−": "-"}
)  # marks of Arabic numbers; signs of the direction of writing
_LONGEST: Final = 1000  # characters, with markup; some expressions take quadratic time
_PLAIN_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,2})?|\d(?:\.\d{1,15})?[eE][+-]?\d{1,2}")
_RAND: Final = re.compile(r"^R(?=\s?\d)")  # the sign of South Africa, a letter of many words


class UnclearPrice(ValueError):
    """A text that is not a price, or that may be one of two; the message is for the report."""


class Money(NamedTuple):
    """A price, and its currency (ISO 4217) or "" if the text has none.

    ``amount`` is None if the text states that there is no price, such as ``N/A``.
    """

    amount: float | None
    currency: str = ""


def parse_price(value: object, decimal_mark: str | None = None) -> Money:
    """Parse a price such as ``12.50``, ``1.299,00 €``, ``USD 5`` or ``10.00 - 20.00``.

    Return the lower end of a range. ``decimal_mark`` ("." or ",", "" if they are whole numbers) is
    that of the other prices of the catalog, and decides what ``1.299`` means. Raises UnclearPrice
    if the value is not a price, is negative, or may be one of two numbers.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise UnclearPrice(_not_a_price(value))
    if not isinstance(value, str):
        return Money(_checked(float(value), value))
    if _PLAIN_NUMBER.fullmatch(value):
        return Money(float(value))
    if len(value) > _LONGEST:
        raise UnclearPrice(_not_a_price(value))
    text = _normalized(value)
    if text.casefold() in _ABSENT:
        return Money(None)
    rest, currency = _without_currency(text)
    first, *more = _numbers_of(rest, value)
    if _DASHES.search(rest):
        decimal_mark = ""  # "1.299,-" states that it has no decimals
    amounts = [_amount(number, currency, decimal_mark, value) for number in (first, *more)]
    return Money(min(amounts), currency)


def decimal_mark_of(value: object) -> str | None:
    """Return the decimal mark that a price certainly uses, or None if it does not show it."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    rest, _ = _without_currency(_normalized(value))
    for number in _NUMBER.findall(rest):
        marks = re.sub(r"[^.,]", "", number)
        if len(set(marks)) == 2:
            return marks[-1]
        if len(marks) > 1:  # a repeated mark separates thousands
            return "," if marks[0] == "." else "."
        if marks and not _is_ambiguous(number.partition(marks)[0], number.partition(marks)[2]):
            return marks
    return None


def _normalized(value: str) -> str:
    if "<" in value:
        value = plain_text(_CROSSED_OUT.sub(" ", value))
    text = unicodedata.normalize("NFKC", value.translate(_SIGNS))
    text = "".join(_digit(sign) for sign in " ".join(text.split()))
    if instead := _INSTEAD.match(text):
        text = instead[1]
    bare = _REMARK.sub("", text)
    return bare if bare != text and re.search(r"\d", bare) else text


def _digit(sign: str) -> str:
    """Return a digit of any script, such as Arabic or Thai, as one of ours."""
    return sign if sign.isascii() or not sign.isdecimal() else str(unicodedata.decimal(sign))


def _without_currency(text: str) -> tuple[str, str]:
    """Return the text without its currency, and the currency; "" if it has none.

    Raises UnclearPrice for two currencies.
    """
    text = _RAND.sub("ZAR ", text)
    found = [code.upper() for code in _CODE.findall(text) if code.upper() in CODES]
    rest = _CODE.sub(lambda match: " " if match[0].upper() in CODES else match[0], text)
    if not found:
        found = [SYMBOLS[symbol] for symbol in _SYMBOL.findall(rest)]
    rest = _SYMBOL.sub(" ", rest)
    if len(set(found)) > 1:
        raise UnclearPrice(f"price {text[:40]!r} has two currencies")
    return rest.strip(), found[0] if found else ""


def _numbers_of(text: str, value: str) -> list[str]:
    """Return the number in a text, or both ends of a range."""
    text = _DASHES.sub("", text)
    numbers = list(_NUMBER.finditer(text))
    if not 1 <= len(numbers) <= 2:
        raise UnclearPrice(_not_a_price(value))
    before, after = text[: numbers[0].start()], text[numbers[-1].end() :]
    if before.rstrip().endswith(("-", "−")):
        raise UnclearPrice(f"price {value[:40]!r} is negative")
    words = re.split(r"[\s.:*/]+", f"{before} {after}".casefold())
    if any(word and word not in _HARMLESS for word in words):
        raise UnclearPrice(_not_a_price(value))
    if len(numbers) == 2 and not _RANGE.fullmatch(text[numbers[0].end() : numbers[1].start()]):
        raise UnclearPrice(f"price {value[:40]!r} has two numbers")
    return [number[0] for number in numbers]


def _amount(number: str, currency: str, decimal_mark: str | None, value: str) -> float:
    """Return the number that a text such as ``1.299,00`` means."""
    plain = re.sub(r"[ ']", "", number)
    marks = re.sub(r"[^.,]", "", plain)
    if not marks:
        if plain != number:
            _check_groups(re.sub("'", " ", number), " ", value)
        return _checked(float(plain), value)
    last = marks[-1]
    if len(set(marks)) == 2:
        other = marks[0]
        if marks.count(last) > 1:
            raise UnclearPrice(_not_a_price(value))
        whole, _, part = plain.rpartition(last)
        _check_groups(whole, other, value)
        return _checked(float(f"{whole.replace(other, '')}.{part}"), value)
    if len(marks) > 1:
        _check_groups(plain, last, value)
        return _checked(float(plain.replace(last, "")), value)
    whole, _, part = plain.partition(last)
    is_unclear = plain == number and _is_ambiguous(whole, part)
    if is_unclear and _separates_thousands(last, currency, decimal_mark, value):
        return _checked(float(whole + part), value)
    return _checked(float(f"{whole or 0}.{part}"), value)


def _is_ambiguous(whole: str, part: str) -> bool:
    """Return True if ``1.299`` may be a thousand and more: three digits follow one to three."""
    return len(part) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")


def _separates_thousands(mark: str, currency: str, decimal_mark: str | None, value: str) -> bool:
    if currency in WITHOUT_DECIMALS:
        return True
    if decimal_mark is not None:
        return mark != decimal_mark
    has_dots = currency in DOT_DECIMAL or re.search(_DOT_SIGNS, value) is not None
    if mark == "," and (has_dots or value.lstrip().startswith("€")):
        return True
    if mark == "." and (
        currency in COMMA_DECIMAL or "€" in value
    ):  # a price with the sign is written for people
        return True
    raise UnclearPrice(
        f"price {value[:40]!r} is unclear: {mark!r} may separate decimals or thousands"
    )


def _check_groups(text: str, separator: str, value: str) -> None:
    """Raise UnclearPrice unless groups of three digits (or two, in India) end in one of three."""
    first, *groups = text.split(separator)
    is_grouped = 1 <= len(first) <= 3 and all(len(group) in (2, 3) for group in groups)
    if not is_grouped or (groups and len(groups[-1]) != 3):
        raise UnclearPrice(_not_a_price(value))


def _checked(amount: float, value: object) -> float:
    if not math.isfinite(amount):
        raise UnclearPrice(_not_a_price(value))
    if amount < 0:
        raise UnclearPrice(f"price {str(value)[:40]!r} is negative")
    return amount


def _not_a_price(value: object) -> str:
    return f"price must be a number such as 12.50, got {str(value)[:40]!r}"
