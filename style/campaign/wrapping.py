"""Break a title into lines that fit a width; shorten it where it does not fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Wrapped", "wrap"]

ELLIPSIS = "…"
_NOT_FIRST = frozenset("、。，．・：；？！ー々〜）］｝」』】〉》’”%％…,.;:!?)]}-–—/")
_NOT_LAST = frozenset("（［｛「『【〈《‘“([{")
_LONG = 20  # characters of a word that may be broken anywhere rather than leave half a line empty


class Wrapped(NamedTuple):
    """Lines of text, and whether some of the text was left out."""

    lines: list[str]
    shortened: bool


def wrap(text: str, most: int, fits: Callable[[str], bool]) -> Wrapped:
    """Break a text into at most ``most`` lines for which ``fits`` is True.

    Lines end between words, and between characters of Chinese and Japanese except where their
    typography forbids it. A word wider than a line is broken. If the text does not fit, the last
    line ends in an ellipsis. A text of which not even one character fits gives no lines.
    """
    pieces = _pieces(text)
    lines, rest = _filled(pieces, most, fits)
    if rest:
        last = _shortened(lines.pop() if lines else "", rest, fits)
        return Wrapped([*lines, last] if last else lines, True)
    return Wrapped(lines, False)


def _pieces(text: str) -> list[str]:
    """Cut the text where a line may end; a space stays at the end of its piece."""
    pieces = [""]
    for at, character in enumerate(text):
        pieces[-1] += character
        following = text[at + 1 : at + 2]
        if not following:
            break
        wide = _wide(character) or _wide(following)
        forbidden = following in _NOT_FIRST or character in _NOT_LAST or following == " "
        if character == " " or (wide and not forbidden):
            pieces.append("")
    return [piece for piece in pieces if piece]


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _filled(pieces: list[str], most: int, fits: Callable[[str], bool]) -> tuple[list[str], str]:
    """Fill lines one after the other; return them, and what did not fit."""
    lines: list[str] = []
    line = ""
    waiting = list(reversed(pieces))
    while waiting:
        piece = waiting.pop()
        if fits((line + piece).rstrip()):
            line += piece
            continue
        if line and len(piece) <= _LONG:
            lines.append(line.rstrip())
            line = ""
            waiting.append(piece)
        else:
            head = _head(line, piece, fits)
            if not head and not line:
                return lines, piece + "".join(reversed(waiting))
            lines.append((line + head).rstrip())
            line = ""
            waiting.append(piece[len(head) :])
        if len(lines) == most:
            return lines, "".join(reversed(waiting))
    return ([*lines, line.rstrip()] if line.strip() else lines), ""


def _head(line: str, piece: str, fits: Callable[[str], bool]) -> str:
    """Return the longest beginning of a piece that fits behind a line."""
    low, high = 0, len(piece)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(line + piece[:middle]) else (low, middle - 1)
    return piece[:low]


def _shortened(line: str, rest: str, fits: Callable[[str], bool]) -> str:
    """Return the beginning of line and rest that fits with an ellipsis, without half a word."""
    whole = f"{line} {rest}" if line and not _wide(rest[:1]) else line + rest
    low, high = 0, len(whole)
    while low < high:
        middle = (low + high + 1) // 2
        ends = fits(whole[:middle].rstrip() + ELLIPSIS)
        low, high = (middle, high) if ends else (low, middle - 1)
    kept = whole[:low]
    if not kept:
        return ELLIPSIS if fits(ELLIPSIS) else ""
    space = kept.rfind(" ")
    whole_word = whole[low : low + 1] == " " or _wide(kept[-1])
    if not whole_word and space > len(kept) // 2:
        kept = kept[:space]
    return kept.rstrip(" ,.;:-–—，、；：") + ELLIPSIS
