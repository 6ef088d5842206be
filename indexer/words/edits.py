"""Find words that differ from a typed one by a letter or two, by comparing it with all words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

DOUBLINGS_OF, ONE_EDIT_FROM, TWO_EDITS_FROM = 4, 5, 9  # letters of a word


def edits_allowed(word: str) -> int:
    """Return how many edits a word may be away from the word that was meant."""
    if len(word) >= TWO_EDITS_FROM:
        return 2
    return 1 if len(word) >= ONE_EDIT_FROM else 0


def other_doublings(word: str) -> list[str]:
    """Return what a word of four letters is without, and then with, one more doubled letter.

    It is [] for other words: the neighbors of shorter ones are other words, as of bed and beed.
    """
    if len(word) != DOUBLINGS_OF:
        return []
    single = [word[:at] + word[at + 1 :] for at in range(1, len(word)) if word[at] == word[at - 1]]
    doubled = [word[: at + 1] + word[at:] for at in range(len(word))]
    return list(dict.fromkeys(single + doubled))


class WordMatrix:
    """Words as rows of numbers, which numpy compares with a typed word all at once."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._lengths = np.array([len(word) for word in self.words], dtype=np.int64)  # (n,)
        width = int(self._lengths.max()) if self.words else 0
        # UTF-32 padded with zeros: a letter is a number.
        text = "".join(word.ljust(width, "\0") for word in self.words)
        letters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        self._letters = letters.reshape(len(self.words), width)  # (n, width)

    def near(self, word: str, most: int) -> list[tuple[str, int]]:
        """Return the words at most ``most`` edits away, with that number, nearest first.

        An edit adds, removes or replaces a letter, or swaps two neighbors.
        """
        possible = np.flatnonzero(np.abs(self._lengths - len(word)) <= most)
        if not len(possible):
            return []
        typed = np.frombuffer(word.encode("utf-32-le"), dtype=np.uint32)  # (m,)
        distances = _distances(self._letters[possible], self._lengths[possible], typed, most)
        close = np.flatnonzero(distances <= most)
        order = close[np.argsort(distances[close], kind="stable")]
        return [(self.words[possible[at]], int(distances[at])) for at in order.tolist()]


def _distances(
    letters: NDArray[np.uint32], lengths: NDArray[np.int64], typed: NDArray[np.uint32], most: int
) -> NDArray[np.int16]:
    """Return the optimal string alignment distance of ``typed`` (m,) to each row: (n,).

    ``letters`` is (n, width). The usual dynamic program fills one table for two words; this one
    fills the tables of all rows together, so that each step is one operation on arrays (n,).
    """
    n = len(letters)
    width = min(letters.shape[1], len(typed) + most)
    before_last: list[NDArray[np.int16]] = []
    last = [np.full(n, column, dtype=np.int16) for column in range(width + 1)]
    for row, letter in enumerate(typed, start=1):
        current = [np.full(n, row, dtype=np.int16)]
        for column in range(1, width + 1):
            compared = letters[:, column - 1]
            cost = (compared != letter).astype(np.int16)
            best = np.minimum(last[column - 1] + cost, last[column] + 1)
            best = np.minimum(best, current[column - 1] + 1)
            if row > 1 and column > 1:
                swapped = (compared == typed[row - 2]) & (letters[:, column - 2] == letter)
                best = np.where(swapped, np.minimum(best, before_last[column - 2] + 1), best)
            current.append(best.astype(np.int16))
        before_last, last = last, current
    table = np.stack(last)  # (width + 1, n)
    found: NDArray[np.int16] = table[np.minimum(lengths, width), np.arange(n)]
    return found
