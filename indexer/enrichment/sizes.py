"""Read sizes and model numbers of titles, and measured sizes of descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_NUMBER: Final = r"\d+(?:[.,]\d+)?"
_UNIT: Final = (
    r"(?:ml|cl|dl|liters?|litres?|l|kg|mg|g|fl\.?\s?oz|oz|lbs?|cm|mm|inch(?:es)?|ft|m)(?![\w²³/])"
    r"|(?:毫升|升|千克|公斤|克|斤|厘米|毫米|米|英寸|寸)|[\"″](?!\w)"
)
_SIDES: Final = re.compile(
    rf"(?<![A-Za-z\d.]){_NUMBER}(?:\s?(?:cm|mm|m|in|厘米|毫米|米))?(?:\s?[x×*]\s?{_NUMBER}(?:\s?(?:cm|mm|m|in|厘米|毫米|米))?){{1,2}}"
    rf"(?:\s?(?:{_UNIT}))?",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    r"\bsize:?\s+(?P<named>xxs|xs|s|m|l|xl|xxl|xxxl|\d{1,3}(?:[.,]5)?)\b"
    r"|[(,/]\s*(?P<letter>XXS|XS|S|M|L|XL|XXL|XXXL|[2-6]XL)\s*(?:\)|$)"
    r"|(?<![\w-])(?P<plain>XXS|XS|XL|XXL|XXXL|[2-6]XL|One Size)(?![\w-])"
    r"|(?P<region>\b(?:EU|US|UK)\s?\d{1,2}(?:[.,]5)?(?![\w-]))"
    r"|(?P<code>\d{2}(?:\.5)?|(?<![A-Z])[2-6]?X{0,3}[SML])\s?码|(?P<china>均码)",
    re.IGNORECASE,
)
_AMOUNT: Final = re.compile(rf"(?<![A-Za-z\d.,]){_NUMBER}\s?(?:{_UNIT})", re.IGNORECASE)
_MEASURED: Final = re.compile(
    r"(?:\b(?:length|diameter|size|dimensions?|width|height|measures|capacity|volume)\b"
    r"|尺寸|长度?|宽度?|高度?|直径|圈口|容量)\s*(?:is|of|:|：|为)?\s*",
    re.IGNORECASE,
)
# "For TVs up to 65 inch": the size of another thing.
_FITS: Final = re.compile(
    r"\b(?:for(?!\s(?:men|women|kids|him|her|adults)\b)|fits?|holds?)\s[^,.;|()]*$|\bup\sto\s?$"
    r"|适用于?[^，。]*$",
    re.IGNORECASE,
)
_NEAR: Final = 40  # letters before a size
_MODEL: Final = re.compile(
    r"(?<![\w-])(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*(?![\w-]|\.\d)"
)
# Codes of standards and amounts, which many products have.
_NO_MODEL: Final = re.compile(
    r"\d+(?:ML|CL|L|G|KG|OZ|CM|MM|IN|M|W|V|A|AH|MAH|WH|GB|TB|MB|D|K|MP|HZ|MHZ|GHZ|S|X|P|PC|PCS|CT|N|T|ST|ND|RD|TH|XL|IN1)?"
    r"|[XSML]+|\d+XL|SPF\d+|UPF\d+|UV\d*|IP[X\d]\d|E\d{2}|GU\d+(?:\.\d)?|DDR\d|MP[34]|HDMI\d?|USB\d?|PD\d*W?"
    r"|A[0-6]|B[0-6]|AA+A?|LR\d+|CR\d+|C\d|CAT\d|WIFI\d?|\d+G|4K|8K|PM\d+|B12|H2O|CO2|D3|K2|Q10|S925|\d+K"
    r"|\d+-\d+[A-Z]?|\d+-(?:PACK|PIECE|IN-1|WAY|PORT)|[A-Z]-?\d",
    re.IGNORECASE,
)


def sizes_in(title: str) -> list[tuple[str, int, int]]:
    """Return the size of a title with its place, or [] if it has none, or several.

    A named size such as "XL" goes first, then sides such as "90 x 200 cm", then an amount.
    """
    for found in (list(_named(title)), list(_plain(_SIDES, title)), list(_plain(_AMOUNT, title))):
        if found:
            return found[:1] if len({name.lower() for name, _, _ in found}) == 1 else []
    return []


def measured_in(description: str) -> list[tuple[str, int, int]]:
    """Return the first size that a description gives as one: "diameter 30 mm"."""
    for label in _MEASURED.finditer(description):
        for pattern in (_SIDES, _AMOUNT):
            match = pattern.match(description, label.end())
            if match is not None:
                return [(match.group().strip(), match.start(), match.end())]
    return []


def models_in(title: str) -> Iterator[tuple[str, int, int]]:
    """Yield the model numbers of a title: capital letters with digits, of three signs and more."""
    for match in _MODEL.finditer(title):
        if len(match.group()) >= 3 and not _NO_MODEL.fullmatch(match.group()):
            yield match.group(), match.start(), match.end()


def _named(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _NAMED.finditer(text):
        yield next(group for group in match.groups() if group), match.start(), match.end()


def _plain(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, int, int]]:
    for match in pattern.finditer(text):
        if not _FITS.search(text[max(0, match.start() - _NEAR) : match.start()]):
            yield match.group().strip(), match.start(), match.end()
