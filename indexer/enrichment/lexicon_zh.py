"""Score the mood of Chinese reviews by a list of words, until a shop trains its own model.

No collection of Chinese reviews may be used for weights that are shipped, so the words and their
strengths were chosen by hand. The probabilities are rough. Many reviews get none, because their
words are not clear enough.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
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
_OPENS: Final = 12  # characters, where authors say what they think of the whole
_OPENING: Final = 1.5
_SLOPE: Final = 1.4  # a review with one word of strength 1 is happy four times in five
_LEAST: Final = 1.0  # strength of a word of mood; a weaker one is a hint
_NO_MOOD: Final = 0.25  # strength of words; hints decide below it
_CLEAR: Final = 0.9  # strength of a text; one that is nearer to 0 than about one word is unclear


class _Words(NamedTuple):
    """Strengths by word, and the lengths of words by their first character, the longest first."""

    strengths: dict[str, float]
    lengths: dict[str, list[int]]


@lru_cache(maxsize=1)
def _words() -> _Words:
    strengths: dict[str, float] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            strength, *words = line.split()
            strengths |= dict.fromkeys(words, float(strength))
    lengths: dict[str, set[int]] = {}
    for word in strengths:
        lengths.setdefault(word[0], set()).add(len(word))
    return _Words(strengths, {first: sorted(of, reverse=True) for first, of in lengths.items()})


def _words_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield the words of the list in a text and where they start; at each place the longest."""
    strengths, lengths = _words()
    at = 0
    while at < len(text):
        for length in lengths.get(text[at], ()):
            word = text[at : at + length]
            if word in strengths:
                yield at, word
                at += length
                break
        else:
            at += 1


def _found(text: str) -> Iterator[tuple[int, float, bool]]:
    """Yield the words of mood in a text: the place, the strength, and whether it is only a hint."""
    for at, word in _words_in(text):
        value = _words().strengths[word]
        if not value:
            continue
        is_hint = abs(value) < _LEAST
        before = text[max(0, at - 6) : at]
        if _NEGATED.search(before):
            value *= -1.0 if value > 0 else -0.5
        elif _STRONG.search(before):
            value *= 1.5
        yield at, value, is_hint


def strength(text: str) -> float:
    """Return the mood of a clean Chinese text: above 0 for happy, 0 for no word of mood.

    Hints ("客服", "不") decide only where the words of mood do not.
    """
    of_words: list[float] = []
    of_hints: list[float] = []
    turn = _TURN.search(text)
    turned = turn.end() if turn else len(text)
    for at, value, is_hint in _found(text):
        weight = (_AFTER_TURN if at >= turned else 1.0) * (_OPENING if at < _OPENS else 1.0)
        (of_hints if is_hint else of_words).append(weight * value)
    found = _mean_strength(of_words)
    return found if abs(found) >= _NO_MOOD else _mean_strength(of_words + of_hints)


def _mean_strength(values: Sequence[float]) -> float:
    return sum(values) / math.sqrt(max(len(values), 1))


class ChineseLexicon:
    """Scores Chinese texts by the words above; it has the method of ``SentimentModel``."""

    name = "words-zh-3"

    def probability(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability that each clean text is happy, (n,); NaN where it is unclear."""
        strengths = np.array([strength(text) for text in texts], np.float64)
        return np.where(np.abs(strengths) < _CLEAR, np.nan, sigmoid(_SLOPE * strengths))
