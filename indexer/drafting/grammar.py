"""The number and the article of an English name, and sentences that agree with it."""

from __future__ import annotations

import re
from typing import Final

_END_OF_NOUN: Final = re.compile(
    r"(?<!\s)\s++(?:with|for|in|by|of|from)\s|[,(:|/–—]|\s-\s", re.IGNORECASE
)
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_SINGULAR: Final = re.compile(
    r"(?:[suiy]s|(?:^|\W)(?:canvas|gas|series|atlas|lens|molasses))$", re.IGNORECASE
)
_TITLE: Final = re.compile(r"(?:the|an?|my|our|your)\s|[\d\"'“‘«]|.*\sthe\s", re.IGNORECASE)
_CHOICE: Final = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")


def is_plural(name: str) -> bool:
    """Return True if the noun of a name is plural: the last word before "with", a comma and so on.

    "Emma Leggings" is, "Set of Straps", "Summer Dress" and "Short" are not.
    """
    words = _LETTERS.findall(_END_OF_NOUN.split(name, maxsplit=1)[0])
    return bool(words) and words[-1].lower().endswith("s") and not _SINGULAR.search(words[-1])


def article(name: str) -> str:
    """Return "the " for a name that is an adjective or a brand with a noun, otherwise "".

    A single word ("Ginger") has none, and neither has a name that is a title or begins with a
    number.
    """
    return "the " if " " in name.strip() and not _TITLE.match(name) else ""


def agreed(text: str, *, plural: bool) -> str:
    """Choose the first word of each "[is|are]", or the second one for a plural."""
    return _CHOICE.sub(lambda found: found[2 if plural else 1], text)
