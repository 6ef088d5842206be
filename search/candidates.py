"""The first step of an answer: the items that may be hits, by their vectors and by their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from indexer.confidence.curve import RIVALS
from search.live.view import Candidate

if TYPE_CHECKING:
    from search.bound_query import BoundQuery
    from search.confidence import ConfidenceScorer
    from search.hits import Mode
    from search.live.recall import RecallWatch
    from search.live.view import ShopView


class Candidates(NamedTuple):
    """The candidates of a query, in two lists of which either may be empty; both best first.

    ``by_vector`` has cosines, at most one candidate of each item, and confidences where the query
    allows them; ``by_words`` has the BM25 scores of all parts of positive weight. ``depth`` is
    the number of groups that were asked for by vector.
    """

    by_vector: list[Candidate]
    by_words: list[Candidate]
    mode: Mode
    depth: int


def find_candidates(
    bound: BoundQuery, depth: int, scorer: ConfidenceScorer, watch: RecallWatch | None = None
) -> Candidates:
    """Find at least ``depth`` groups by vector, if so many are allowed, and all items by words.

    ``scorer`` adds the confidences, and ``watch`` may raise the effort of the vector search.
    """
    query, view = bound.query, bound.view
    by_words = _by_words(bound) if bound.words else []
    if bound.vector is None:
        return Candidates([], by_words, "lexical", depth)
    mask = None if bound.allowed is view.columns.alive else bound.allowed
    # Never fewer than the rivals: the confidence of a hit must not depend on the limit.
    nearest = view.nearest(bound.vector, mask, bound.groups, max(depth, RIVALS + 1), watch)
    by_vector = scorer.score(query, nearest.found, view.product)
    return Candidates(by_vector, by_words, "fused" if bound.words else nearest.mode, depth)


def by_score(scores: dict[int, float], view: ShopView) -> list[Candidate]:
    """Candidates by their scores, best first; equal ones by id, as in every other process."""
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], view.ids[pair[0]]))
    return [Candidate(item, -1, score) for item, score in ranked]


def _by_words(bound: BoundQuery) -> list[Candidate]:
    scores: dict[int, float] = {}
    for match in bound.words:
        if match.weight > 0:
            for item, score in match.scores:
                scores[item] = scores.get(item, 0.0) + match.weight * score
    return by_score(
        {item: score for item, score in scores.items() if bound.allowed[item]}, bound.view
    )
