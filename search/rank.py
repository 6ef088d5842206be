"""The second step of an answer: candidates in the order of their scores.

A learned or personal ranking plugs in here: it is one more implementation of ``Ranker``, handed to
``search.pipeline.Pipeline``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from search.candidates import by_score
from search.live.view import Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.bound_query import BoundQuery
    from search.candidates import Candidates

Scale: TypeAlias = Literal["cosine", "bm25", "rrf", "learned"]

_K = 60.0  # of reciprocal rank fusion
_WORDS_PER_VECTOR = 5  # how much deeper the ranking by words is fused than that by vector


class Ranking(NamedTuple):
    """Candidates, best first, at most one of each item, and what their scores mean.

    ``cosine`` is likeness in [-1, 1]; ``bm25`` is that of the words, less that of unwanted ones;
    ``rrf`` is a sum of reciprocal ranks (see ``fuse``); ``learned`` is a model's own number.
    """

    candidates: list[Candidate]
    scale: Scale


class Ranker(Protocol):
    """Brings candidates into the order in which they are shown."""

    def has_fixed_depth(self, bound: BoundQuery) -> bool:
        """Return True if a candidate's score depends on which others are ranked.

        Then all pages of an answer rank the same number of candidates. Otherwise as many are
        ranked as the page needs.
        """
        ...

    def rank(self, bound: BoundQuery, found: Candidates) -> Ranking:
        """Rank candidates of the query, best first: scores never increase.

        Equal candidates must give equal rankings in every process, also where scores are equal:
        each page may be asked of another process.
        """
        ...


class ScoreRanker:
    """Ranks by the cosine, by BM25 where there are only words, and fuses both where both are."""

    def has_fixed_depth(self, bound: BoundQuery) -> bool:
        """Return True for words: how they are fused depends on the ranks."""
        return bool(bound.words)

    def rank(self, bound: BoundQuery, found: Candidates) -> Ranking:
        """See ``Ranker.rank``."""
        if bound.vector is None:
            return Ranking(_by_words(bound, found), "bm25")
        if not bound.words:
            return Ranking(found.by_vector, "cosine")
        return Ranking(_fused(bound, found), "rrf")


def fuse(rankings: Sequence[tuple[Sequence[int], float]]) -> dict[int, float]:
    """Merge rankings of the same things into one score for each, best first.

    Each ranking is a list of numbers, best first, and its weight, which may be negative: what
    ranks high there then loses. The score is reciprocal rank fusion (Cormack, Clarke and
    Buettcher, 2009, with their k = 60), scaled so that first in every positive ranking is 1.
    Ranks are summed because a cosine and a BM25 score cannot be: they are spread differently.
    Ties keep the order of first appearance.
    """
    scale = (_K + 1) / (sum(weight for _, weight in rankings if weight > 0) or 1.0)
    scores: dict[int, float] = {}
    for ranking, weight in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + scale * weight / (_K + rank)
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))


def _by_words(bound: BoundQuery, found: Candidates) -> list[Candidate]:
    """The candidates by words, ranked less the scores of unwanted words."""
    unwanted: dict[int, float] = {}
    for match in bound.words:
        if match.weight < 0:
            for item, score in match.scores:
                unwanted[item] = unwanted.get(item, 0.0) + match.weight * score
    if not unwanted:
        return found.by_words
    scores = {
        candidate.item: candidate.score + unwanted.get(candidate.item, 0.0)
        for candidate in found.by_words
    }
    return by_score(scores, bound.view)


def _fused(bound: BoundQuery, found: Candidates) -> list[Candidate]:
    """All candidates by the fused ranks of vector and words. Confidences are kept."""
    words_weight = sum(match.weight for match in bound.words if match.weight > 0)
    vector_weight = sum(abs(part.weight) for part in bound.query.parts if part.words is None)
    by_words = [candidate.item for candidate in found.by_words]
    unwanted = [
        ([item for item, _ in match.scores if bound.allowed[item]], match.weight)
        for match in bound.words
        if match.weight < 0
    ]
    scores = fuse(
        [
            ([candidate.item for candidate in found.by_vector], vector_weight or words_weight),
            (by_words[: _WORDS_PER_VECTOR * found.depth], words_weight),
            *unwanted,
        ]
    )
    seen = {candidate.item: candidate for candidate in found.by_vector}
    matching = set(by_words)
    unseen = Candidate(-1, -1, 0.0)
    return [
        seen.get(item, unseen)._replace(item=item, score=score)
        for item, score in scores.items()
        if item in seen or item in matching
    ]
