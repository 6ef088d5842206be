"""The second step of an answer: rank the candidates.

To order search results in another way, implement ``Ranker`` and pass it to
``search.pipeline.Pipeline``. Recommendations have a score of their own, see
``search.personal.mixer``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from search.candidates import WORDS_PER_VECTOR, by_score
from search.live.best_rows import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.bound_query import BoundQuery
    from search.candidates import Candidates

Scale: TypeAlias = Literal["cosine", "bm25", "rrf", "valued", "learned"]

_UNSORTED: Mapping[int, float] = MappingProxyType({})
_K = 60.0  # of reciprocal rank fusion
_WITHOUT_VALUE = 0.4  # of its likeness that an item keeps for each value that it lacks
_OTHER_KIND = 0.4  # of its likeness that an item of another kind than the picture keeps
_WIDER_KIND = 0.7  # the same of an item that is only of the wider kind


class Ranking(NamedTuple):
    """Candidates, best first, at most one of each item, and the scale of their scores.

    ``cosine`` is in [-1, 1]; ``bm25`` is the score of the words, minus that of unwanted words;
    ``rrf`` is a sum of reciprocal ranks (see ``fuse``); ``valued`` is a likeness in [0, 1] times a
    share for each value that the item lacks; ``learned`` is the output of a model. ``values`` is
    empty, or has a number for each item: the candidates are sorted by it, the least first, and
    equal ones by score.
    """

    candidates: list[Candidate]
    scale: Scale
    values: Mapping[int, float] = _UNSORTED


class Ranker(Protocol):
    """Sorts candidates into the order in which they are shown."""

    def has_fixed_depth(self, bound: BoundQuery) -> bool:
        """Return True if the score of a candidate depends on the other candidates.

        All pages of an answer then rank the same number of candidates. Otherwise each page ranks
        as many as it needs.
        """
        ...

    def rank(self, bound: BoundQuery, found: Candidates) -> Ranking:
        """Rank candidates of the query by falling score.

        The same candidates must give the same ranking in every process, ties included, because
        the pages of an answer may come from several processes.
        """
        ...


class ScoreRanker:
    """Ranks by cosine, by BM25 if there are only words, and by both fused if there are both."""

    def has_fixed_depth(self, bound: BoundQuery) -> bool:
        """Return True if the query has a picture with words or values.

        Fused scores depend on the ranks, and items with a value are found by searches of their own.
        """
        return bound.vector is not None and bool(bound.words or bound.values)

    def rank(self, bound: BoundQuery, found: Candidates) -> Ranking:
        """See ``Ranker.rank``."""
        if bound.vector is None:
            return Ranking(_rank_by_words(bound, found), "bm25")
        if bound.values:
            found = found._replace(by_vector=_rank_by_values(bound, found))
        if not bound.words:
            return Ranking(found.by_vector, "valued" if bound.values else "cosine")
        return Ranking(_rank_fused(bound, found), "rrf")


def fuse(rankings: Sequence[tuple[Sequence[int], float]]) -> dict[int, float]:
    """Fuse rankings of the same items: return the score of each item, best first.

    Each ranking is a list of item numbers, best first, and a weight. A negative weight lowers the
    score of items that rank high. The score is reciprocal rank fusion (Cormack, Clarke and
    Buettcher, 2009, with their k = 60), scaled so that an item that is first in all rankings of
    positive weight has 1. Ranks are used because cosines and BM25 scores are not on one scale.
    Ties keep the order of first appearance.
    """
    scale = (_K + 1) / (sum(weight for _, weight in rankings if weight > 0) or 1.0)
    scores: dict[int, float] = {}
    for ranking, weight in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + scale * weight / (_K + rank)
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))


def _rank_by_words(bound: BoundQuery, found: Candidates) -> list[Candidate]:
    """Return the candidates by words, ranked by their score minus that of unwanted words."""
    unwanted = [match for match in bound.words if match.weight < 0]
    if not unwanted:
        return found.by_words
    loss = np.zeros(bound.view.size)
    for match in unwanted:
        loss[match.items] += match.weight * match.scores
    items = np.array([candidate.item for candidate in found.by_words], dtype=np.int64)  # (m,)
    scores = np.array([candidate.score for candidate in found.by_words])  # (m,)
    return by_score(items, scores + loss[items], bound.view)


def _rank_by_values(bound: BoundQuery, found: Candidates) -> list[Candidate]:
    """Return the candidates by vector, ranked by likeness and values: the product of the two.

    At a weight of 1, an item keeps a share of its likeness for each value that it lacks. The weight
    of each unwanted value that it has is subtracted, so that at 1 it ranks after all items without
    one.
    """
    items = [candidate.item for candidate in found.by_vector]
    share, unwanted = np.ones(len(items)), np.zeros(len(items))  # (c,)
    for value in bound.values:
        has = value.mask[items]  # (c,)
        if value.weight > 0:
            share *= np.where(has, 1.0, _WITHOUT_VALUE**value.weight)
        else:
            unwanted += np.where(has, -value.weight, 0.0)
    if found.kind is not None:
        share *= np.where(found.kind.wide[items], _WIDER_KIND, _OTHER_KIND)
        share[found.kind.narrow[items]] /= _WIDER_KIND
    cosines = np.array([candidate.score for candidate in found.by_vector])  # (c,)
    scores = (1 + cosines) / 2 * share - unwanted  # a likeness from 0 to 1, less the unwanted
    ranked = [
        candidate._replace(score=score)
        for candidate, score in zip(found.by_vector, scores.tolist(), strict=True)
    ]
    ids = bound.view.ids
    return sorted(ranked, key=lambda candidate: (-candidate.score, ids[candidate.item]))


def _rank_fused(bound: BoundQuery, found: Candidates) -> list[Candidate]:
    """Return all candidates, ranked by fusing vector and words. Confidences are kept."""
    words_weight = sum(match.weight for match in bound.words if match.weight > 0)
    vector_weight = sum(abs(part.weight) for part in bound.query.parts if part.words is None)
    by_words = [candidate.item for candidate in found.by_words]
    unwanted = [
        (match.ranked(bound.view, bound.allowed), match.weight)
        for match in bound.words
        if match.weight < 0
    ]
    scores = fuse(
        [
            ([candidate.item for candidate in found.by_vector], vector_weight or words_weight),
            (by_words[: WORDS_PER_VECTOR * found.depth], words_weight),
            *unwanted,
        ]
    )
    seen = {candidate.item: candidate for candidate in found.by_vector}
    matching = np.zeros(bound.view.size, dtype=np.bool_)
    matching[bound.matching] = bound.allowed[bound.matching]
    unseen = Candidate(-1, -1, 0.0)
    return [
        seen.get(item, unseen)._replace(item=item, score=score)
        for item, score in scores.items()
        if item in seen or matching[item]
    ]
