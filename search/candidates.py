"""The first step of an answer: find items that may be hits, by vector and by words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.confidence.curve import RIVALS
from search.filters.jsonform import Match
from search.live.best_rows import Candidate

if TYPE_CHECKING:
    from indexer.arrays import Mask
    from search.bound_query import BoundQuery
    from search.confidence import ConfidenceScorer
    from search.hits import Mode
    from search.live.recall import RecallWatch
    from search.live.view import ShopView

_VOTERS = 10  # nearest items whose categories are counted to find the kind


class Candidates(NamedTuple):
    """The candidates of a query in two lists, best first; either may be empty.

    ``by_vector`` has at most one candidate of each item, with its cosine and, if the query allows
    it, its confidence. ``by_words`` has the sum of the BM25 scores of all parts of positive weight.
    ``depth`` is the number of groups that were asked for by vector. ``kind`` (size,) is the mask of
    items of the kind that the picture shows, for queries with values; None if it is unknown.
    """

    by_vector: list[Candidate]
    by_words: list[Candidate]
    mode: Mode
    depth: int
    kind: Mask | None = None


def find_candidates(
    bound: BoundQuery, depth: int, scorer: ConfidenceScorer, watch: RecallWatch | None = None
) -> Candidates:
    """Find at least ``depth`` groups by vector, or all that are allowed, and all items by words.

    ``scorer`` adds the confidences. ``watch`` sets the effort of the vector search.
    """
    query, view = bound.query, bound.view
    by_words = _find_by_words(bound) if bound.words else []
    if bound.vector is None:
        return Candidates([], by_words, "lexical", depth)
    mask = None if bound.allowed is view.columns.alive else bound.allowed
    if bound.values:
        by_vector, kind = _find_by_values(bound, depth, scorer, watch)
        return Candidates(by_vector, by_words, "fused", depth, kind)
    # A confidence is computed from the next RIVALS groups: it must not depend on the limit.
    nearest = view.nearest(bound.vector, mask, bound.groups, max(depth, RIVALS + 1), watch)
    by_vector = scorer.score(query, nearest.found, view.product)
    return Candidates(by_vector, by_words, "fused" if bound.words else nearest.mode, depth)


def _find_by_values(
    bound: BoundQuery, depth: int, scorer: ConfidenceScorer, watch: RecallWatch | None
) -> tuple[list[Candidate], Mask | None]:
    """Find the nearest of all items, of those with each value, and of those with all values.

    Items that have the values may rank far down among all items, so they are searched for
    separately. Scores are cosines; ``search.rank`` scales them by the values. The second result is
    the kind of ``likely_kind``.
    """
    view, vector = bound.view, bound.vector
    assert vector is not None
    depth = max(depth, RIVALS + 1)
    nearest = view.nearest(vector, bound.allowed, bound.groups, depth, watch).found
    kind = likely_kind(nearest, bound)
    wanted = [value.mask if value.weight > 0 else ~value.mask for value in bound.values]
    masks = [bound.allowed & mask for mask in wanted]
    both = [*wanted, *([] if kind is None else [kind])]
    if len(both) > 1:
        masks.append(np.logical_and.reduce([bound.allowed, *both]))
    scored = scorer.score(bound.query, nearest, view.product)
    found = {candidate.item: candidate for candidate in scored}
    for mask in masks:
        for candidate in view.nearest(vector, mask, bound.groups, depth, watch).found:
            found.setdefault(candidate.item, candidate)
    ranked = sorted(
        found.values(), key=lambda candidate: (-candidate.score, view.ids[candidate.item])
    )
    return ranked, kind


def likely_kind(nearest: list[Candidate], bound: BoundQuery) -> Mask | None:
    """Return the mask (size,) of the items of the kind that the picture shows; None if unknown.

    The kind is the deepest category of the item that the query names or, for a photo, the deepest
    that most of the nearest items have; of several, the one with the fewest items. It is unknown
    if the words name a category, because that is then the kind.
    """
    if any(value.is_category for value in bound.values):
        return None
    view = bound.view
    parts = [part for part in bound.query.parts if part.weight > 0]
    voters = [view.number(item_id) for part in parts for item_id in part.named_items]
    voters = voters or [candidate.item for candidate in nearest[:_VOTERS]]
    mask = np.zeros(view.size, dtype=np.bool_)
    mask[voters] = True
    votes = view.columns.tally("category", mask & view.columns.alive)
    common = [label for label, count in votes.items() if 2 * count > len(voters)]
    if not common:
        return None
    depth = max(label.count("/") for label in common)
    deepest = sorted(label for label in common if label.count("/") == depth)
    masks = [view.columns.mask(Match("category", (label,))) for label in deepest]
    return min(masks, key=np.count_nonzero)


def by_score(scores: dict[int, float], view: ShopView) -> list[Candidate]:
    """Return candidates by score, best first. Ties are in the order of ids, in every process."""
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], view.ids[pair[0]]))
    return [Candidate(item, -1, score) for item, score in ranked]


def _find_by_words(bound: BoundQuery) -> list[Candidate]:
    """Find the allowed items with any wanted words, best first."""
    scores: dict[int, float] = {}
    for match in bound.words:
        if match.weight > 0:
            for item, score in match.scores:
                scores[item] = scores.get(item, 0.0) + match.weight * score
    allowed = bound.allowed[list(scores)].tolist()
    pairs = zip(scores.items(), allowed, strict=True)
    return by_score(dict(pair for pair, is_allowed in pairs if is_allowed), bound.view)
