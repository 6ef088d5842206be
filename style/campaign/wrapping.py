"""Break a title into lines that fit a width; shorten it where it does not fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Wrapped", "wrap"]

ELLIPSIS = "…"
_NOT_FIRST = frozenset(
    "、。，．・：；？！ー々〜）］｝」』】〉》’”%％…,.;:!?)]}-–—/"
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
_NOT_LAST = frozenset("（［｛「『【〈《‘“([{")
_HEAD = 4  # characters before a hyphen, at least, where a line may end after it


class Wrapped(NamedTuple):
    """Lines of text; whether some of the text was left out, and whether a word was broken."""

    lines: list[str]
    shortened: bool
    broken: bool = False


def wrap(text: str, most: int, fits: Callable[[str], bool]) -> Wrapped:
    """Break a text into at most ``most`` lines for which ``fits`` is True.

    Lines end between words, after a hyphen of a compound, and between characters of Chinese and
    Japanese, except where their typography forbids it and within a word of katakana. Only a word
    that is wider than a line is broken. If the text does not fit, the last line ends in an
    ellipsis. A text of which not even one character fits gives no lines.
    """
    pieces = _pieces(text)
    filled, rest, broken = _filled(pieces, most, fits)
    last = _shortened(filled.pop() if filled else "", rest, fits) if rest else ""
    lines = [line.rstrip() for line in filled]
    return Wrapped([*lines, last] if last else lines, bool(rest), broken)


def _pieces(text: str) -> list[str]:
    """Cut the text where a line may end; a space stays at the end of its piece."""
    pieces = [""]
    for at, character in enumerate(text):
        pieces[-1] += character
        following = text[at + 1 : at + 2]
        if not following:
            break
        ideographs = _ideograph(character) or _ideograph(following)
        forbidden = (
            following in _NOT_FIRST
            or character in _NOT_LAST
            or following == " "
            or (_katakana(character) and _katakana(following))
        )
        compound = character == "-" and len(pieces[-1]) > _HEAD and following.isalpha()
        if character == " " or compound or (ideographs and not forbidden):
            pieces.append("")
    return [piece for piece in pieces if piece]


def _ideograph(character: str) -> bool:
    """Return True for characters between which lines may end; Korean has spaces for that."""
    wide = unicodedata.east_asian_width(character) in "WF"
    return wide and not unicodedata.name(character, "").startswith("HANGUL")


def _katakana(character: str) -> bool:
    return "ァ" <= character <= "ヺ" or character == "ー"


def _filled(
    pieces: list[str], most: int, fits: Callable[[str], bool]
) -> tuple[list[str], str, bool]:
    """Fill lines one after the other; return them, what did not fit, and if a word was broken.

    A space at the end of a line stays.
    """
    lines: list[str] = []
    line = ""
    broken = False
    waiting = list(reversed(pieces))
    while waiting:
        piece = waiting.pop()
        if fits((line + piece).rstrip()):
            line += piece
            continue
        if line and fits(piece.rstrip()):
            lines.append(line)
            line = ""
            waiting.append(piece)
        else:
            head = _head(line, piece, fits)
            if not head and not line:
                return lines, piece + "".join(reversed(waiting)), broken
            broken = broken or bool(head)
            lines.append(line + head)
            line = ""
            waiting.append(piece[len(head) :])
        if len(lines) == most:
            return lines, "".join(reversed(waiting)), broken
    return ([*lines, line] if line.strip() else lines), "", broken


def _head(line: str, piece: str, fits: Callable[[str], bool]) -> str:
    """Return the longest beginning of a piece that fits behind a line."""
    low, high = 0, len(piece)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(line + piece[:middle]) else (low, middle - 1)
    return piece[:low]


def _shortened(line: str, rest: str, fits: Callable[[str], bool]) -> str:
    """Return the beginning of line and rest that fits with an ellipsis, without half a word."""
    whole = line + rest
    low, high = 0, len(whole)
    while low < high:
        middle = (low + high + 1) // 2
        ends = fits(whole[:middle].rstrip() + ELLIPSIS)
        low, high = (middle, high) if ends else (low, middle - 1)
    kept = whole[:low]
    if not kept:
        return ELLIPSIS if fits(ELLIPSIS) else ""
    space = kept.rfind(" ")
    whole_word = whole[low : low + 1] == " " or _ideograph(kept[-1])
    if not whole_word and space > len(kept) // 2:
        kept = kept[:space]
    return kept.rstrip(" ,.;:-–—，、；：") + ELLIPSIS
