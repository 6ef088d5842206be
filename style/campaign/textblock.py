"""The text of a campaign picture, set in lines: title, price, old price, note."""

from __future__ import annotations

import math
import unicodedata
from typing import NamedTuple

from style.campaign.frame import Frame
from style.campaign.template import Template
from style.campaign.typeface import CAP, Typeface
from style.campaign.wrapping import Wrapped, wrap
from style.errors import BadFont

__all__ = ["Line", "TextBlock", "set_text"]

# Sizes are shares of the frame's unit.
_TITLE, _PRICE, _OLD, _NOTE = 0.052, 0.082, 0.046, 0.032
_SMALLER = (1.0, 0.9, 0.8, 0.7)  # sizes that are tried before a title is shortened
_LEADING = 1.28  # between baselines, of the size
_LONGEST = 500  # characters of a title that are looked at; far fewer fit
_DESCENT = 0.24  # below the baseline, of the size


class Line(NamedTuple):
    """A line of text: its place in the block, and how it is drawn."""

    text: str
    left: int
    baseline: int
    size: int
    bold: bool = True
    quiet: bool = False
    struck: bool = False


class TextBlock(NamedTuple):
    """All lines, in pixels from the upper left of the block, and the block's size."""

    lines: list[Line]
    width: int
    height: int
    shortened: bool
    missing: str


def set_text(
    title: str,
    price: str,
    old: str,
    template: Template,
    frame: Frame,
    bold: Typeface,
    medium: Typeface,
) -> TextBlock:
    """Set the words for a frame; no line is wider than its column.

    Raises BadFont if no font has a letter of the title: without it, the title says something else.
    """
    column = frame.column
    words, missing = bold.drawable(title[:_LONGEST])
    if letters := [sign for sign in missing if unicodedata.category(sign)[0] in "LM"]:
        raise BadFont(
            f"no font has the letters {''.join(letters[:20])!r} of the title; name one that has "
            "them in the template of 'vitrine campaign'"
        )
    price, strange = bold.drawable(price)
    old, _ = medium.drawable(old)
    most = template.title_lines + (1 if frame.beside else 0)  # that column is narrow and high
    wrapped, size = _title(words, most, frame, bold)
    lines: list[Line] = []
    y = 0.0
    for text in wrapped.lines:
        y += (CAP if not lines else _LEADING) * size
        lines.append(Line(text, 0, round(y), size))
    if price:
        big = _fitting(price, round(_PRICE * frame.unit), column, bold)
        y += CAP * big + (0.72 * size if lines else 0)
        lines.append(Line(price, 0, round(y), big))
        if old:
            lines.append(_old_line(old, lines[-1], frame, bold, medium))
            y = float(lines[-1].baseline)
    note, unknown = medium.drawable(template.note)
    if note:
        small = _fitting(note, round(_NOTE * frame.unit), column, medium)
        y += (CAP + 1.1 if lines else CAP) * small
        cut = wrap(note, 1, lambda text: medium.width(text, small) <= column)
        lines += [Line(text, 0, round(y), small, bold=False, quiet=True) for text in cut.lines]
    below = _DESCENT * lines[-1].size if lines else 0
    missing = "".join(dict.fromkeys(missing + strange + unknown))
    width = max(
        (line.left + (bold if line.bold else medium).width(line.text, line.size) for line in lines),
        default=0.0,
    )
    return TextBlock(lines, math.ceil(width), round(y + below), wrapped.shortened, missing)


def _title(text: str, most: int, frame: Frame, face: Typeface) -> tuple[Wrapped, int]:
    """Wrap a title at the largest size at which it fits without a broken word.

    If there is none, at the largest size at which it fits; else shorten it at the smallest size.
    """
    sizes = [max(6, round(share * _TITLE * frame.unit)) for share in _SMALLER]
    tried = [(_wrapped(text, most, frame.column, face, size), size) for size in sizes]
    fitting = [(wrapped, size) for wrapped, size in tried if not wrapped.shortened]
    whole = [(wrapped, size) for wrapped, size in fitting if not wrapped.broken]
    wrapped, size = (whole or fitting or tried[-1:])[0]
    return _balanced(text, wrapped, frame.column, face, size), size


def _wrapped(text: str, most: int, column: int, face: Typeface, size: int) -> Wrapped:
    return wrap(text, most, lambda line: face.width(line, size) <= column)


def _balanced(text: str, wrapped: Wrapped, column: int, face: Typeface, size: int) -> Wrapped:
    """Make lines about equally long, so that no last line has a single word."""
    count = len(wrapped.lines)
    if count < 2 or wrapped.shortened:
        return wrapped
    for share in (0.55, 0.65, 0.75, 0.85, 0.92):
        tried = _wrapped(text, count, round(share * column), face, size)
        if not tried.shortened and tried.broken <= wrapped.broken:
            return tried
    return wrapped


def _old_line(old: str, price: Line, frame: Frame, bold: Typeface, medium: Typeface) -> Line:
    """Set the old price beside the price, or below it where there is no room."""
    size = _fitting(old, round(_OLD * frame.unit), frame.column, medium)
    left = bold.width(price.text, price.size) + 0.3 * price.size
    if left + medium.width(old, size) <= frame.column:
        return Line(old, round(left), price.baseline, size, bold=False, quiet=True, struck=True)
    below = round(price.baseline + 1.35 * size)
    return Line(old, 0, below, size, bold=False, quiet=True, struck=True)


def _fitting(text: str, size: int, column: int, face: Typeface) -> int:
    """Return the size, or the largest smaller one at which the text fits the column."""
    size = max(6, size)
    while size > 6 and face.width(text, size) > column:
        size = max(6, size - max(1, size // 12))
    return size
