"""Score the mood of Chinese reviews by a list of words, until a shop trains its own model.

No collection of Chinese reviews may be used for weights that are shipped, so the words and their
strengths were chosen by hand. The probabilities are rough. Many reviews get none, because their
words are not clear enough.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.confidence.curve import sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE: Final = Path(__file__).parent / "weights" / "moods_zh.txt"
_NEGATED: Final = re.compile(
    "(?:不|没|没有|无|未|别|毫无|并非|不是|不太|不够|不怎么|不算|谈不上|称不上|不能|不会|不觉得)"
    "(?:很|太|是|那么|什么|怎么|多|再|大|特别|感觉|觉得)?$"
)
_STRONG: Final = re.compile(
    "(?:很|太|非常|特别|超|超级|极|极其|十分|相当|真|真的|最|实在|实在是|简直|好)$"
)
_TURN: Final = re.compile("但是|但|可是|不过|然而|就是|只是")
_AFTER_TURN: Final = 1.5  # what follows "but" counts more
_SLOPE: Final = 1.0
_LEAST: Final = 0.5  # strength; below it there is no probability


class _Words(NamedTuple):
    """Strengths by word, and the pattern that finds the longest word first."""

    strengths: dict[str, float]
    pattern: re.Pattern[str]


@lru_cache(maxsize=1)
def _words() -> _Words:
    strengths: dict[str, float] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            strength, *words = line.split()
            strengths |= dict.fromkeys(words, float(strength))
    longest_first = sorted(strengths, key=len, reverse=True)
    return _Words(strengths, re.compile("|".join(map(re.escape, longest_first))))


def _clause_strength(clause: str) -> tuple[float, int]:
    """Return the sum of the strengths in a clause, and the number of words with a strength."""
    total, count = 0.0, 0
    strengths, pattern = _words()
    for match in pattern.finditer(clause):
        value = strengths[match.group()]
        if not value:
            continue
        before = clause[max(0, match.start() - 6) : match.start()]
        if _NEGATED.search(before):
            value *= -1.0 if value > 0 else -0.5
        elif _STRONG.search(before):
            value *= 1.5
        total += value
        count += 1
    return total, count


def strength(text: str) -> float:
    """Return the mood of a clean Chinese text: above 0 for happy, 0 for no word of mood."""
    parts = _TURN.split(text)
    total, count = 0.0, 0
    for number, part in enumerate(parts):
        value, words = _clause_strength(part)
        total += value * (_AFTER_TURN if number else 1.0)
        count += words
    return total / math.sqrt(max(count, 1))


class ChineseLexicon:
    """Scores Chinese texts by the words above; it has the method of ``SentimentModel``."""

    name = "words-zh-2"

    def probability(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability that each clean text is happy, (n,); NaN where it is unclear."""
        strengths = np.array([strength(text) for text in texts], np.float64)
        return np.where(np.abs(strengths) < _LEAST, np.nan, sigmoid(_SLOPE * strengths))
