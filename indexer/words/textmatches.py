"""Add up the scores of the words of a query: which texts have any, and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FEW = 8  # if fewer than a text in so many matches, only those that match get a place in arrays

_MODIFIER = 0.5  # of the score of the least text with the word that it says more of


class FormScores(NamedTuple):
    """The texts that have one word or phrase, by rising number, and their scores > 0: both (m,)."""

    numbers: NDArray[np.integer]
    scores: NDArray[np.float64]


# A group of forms, of which the best counts: shares, and the forms whose scores are added up.
GroupScores: TypeAlias = "Sequence[tuple[float, Sequence[FormScores]]]"


class TextMatches(NamedTuple):
    """The texts that match a query, by rising number.

    ``scores`` are the sums over the words, and ``words`` is how many of them a text has. All three
    are (m,).
    """

    numbers: NDArray[np.int64]
    scores: NDArray[np.float64]
    words: NDArray[np.int64]

    def those(self, kept: NDArray[np.bool_]) -> TextMatches:
        """Return the matches where ``kept`` (m,) is True."""
        return TextMatches(self.numbers[kept], self.scores[kept], self.words[kept])

    @property
    def totals(self) -> NDArray[np.float64]:
        """The score of each text (m,), so that more words rank above fewer.

        Each word but the first adds the best sum of all.
        """
        most = float(self.scores.max(initial=0.0))
        return self.scores + (self.words - 1) * most


NO_MATCHES = TextMatches(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64))


def match_groups(
    groups: Sequence[GroupScores], texts: int, modifying: Sequence[bool] = ()
) -> TextMatches:
    """Return the texts, numbered from 1 to ``texts``, that have a form of any group.

    The forms of a group come in parts, the best ones first; a form of a later part is worth no more
    than the word itself: "grapefruit" is rare among fruits, but says no more of "fruit". A group
    that is ``modifying`` says more of the next one, as "children" does in "children's
    jacket": a text with it alone scores less than any with the next one.
    """
    found = [form.numbers for group in groups for _, forms in group for form in forms]
    if sum(map(len, found)) > texts // _FEW:
        numbers = np.arange(texts + 1, dtype=np.int64)  # (n,)
    else:
        numbers = np.unique(np.concatenate(found)).astype(np.int64)  # (n,)
    is_all = len(numbers) == texts + 1
    scores = np.zeros(len(numbers))
    words = np.zeros(len(numbers), dtype=np.int64)
    bests: list[NDArray[np.float64]] = []
    for group in groups:
        best = np.zeros(len(numbers))
        telling = np.inf  # as much as the word itself, once its forms have been counted
        for share, forms in group:
            total = np.zeros(len(numbers))
            weights = [_weight(len(form.numbers), texts) for form in forms]
            for form, weight in zip(forms, weights, strict=True):
                places = form.numbers if is_all else np.searchsorted(numbers, form.numbers)
                total[places] += form.scores * min(1.0, telling / weight)
            telling = min(
                [telling, *(w for w, f in zip(weights, forms, strict=True) if len(f.numbers))]
            )
            np.maximum(best, share * total, out=best)
        bests.append(best)
    for place, best in enumerate(bests):
        if any(modifying[place : place + 1]) and place + 1 < len(bests):
            best *= _share_below(bests[place + 1], best)
        scores += best
        words += best > 0
    return TextMatches(numbers, scores, words).those(words > 0)


def _weight(found: int, texts: int) -> float:
    """Return how telling a word of ``found`` of the ``texts`` is, by the formula of BM25."""
    return max(float(np.log((texts - found + 0.5) / (found + 0.5))), 1e-6)


def _share_below(head: NDArray[np.float64], modifier: NDArray[np.float64]) -> float:
    """Return the factor that makes the scores of a modifier at most half of the least of its head.

    Scores are (n,), 0 for texts without the word. 1 if they are less already.
    """
    least = float(head[head > 0].min(initial=np.inf))
    most = float(modifier.max(initial=0.0))
    return 1.0 if not most or least == np.inf else min(1.0, _MODIFIER * least / most)
