"""The first step of an answer: find items that may be hits, by vector and by words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.confidence.curve import RIVALS
from search.filters.jsonform import Match
from search.live.best_rows import Candidate

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from search.bound_query import BoundQuery
    from search.confidence import ConfidenceScorer
    from search.hits import Mode
    from search.live.recall import RecallWatch
    from search.live.view import ShopView

WORDS_PER_VECTOR = 5  # ranks of the ranking by words that are fused, for each by vector
_VOTERS = 10  # nearest items whose categories are counted to find the kind
_ELECTED = 0.4  # of the votes that the first category needs
_NEARLY = 0.8  # of its votes that others need
_CONTAINED = 0.9  # of the items of a kind that are of its wider kind


class Kind(NamedTuple):
    """The items of the kind that a picture shows, and those of its wider kind: both (size,).

    A shirt is of the category Shirts, and of the wider one Tops.
    """

    narrow: Mask
    wide: Mask


class Candidates(NamedTuple):
    """The candidates of a query in two lists, best first; either may be empty.

    ``by_vector`` has at most one candidate of each item, with its cosine and, if the query allows
    it, its confidence. ``by_words`` has the sum of the BM25 scores of all parts of positive weight.
    ``depth`` is the number of groups that were asked for. ``kind`` is what the picture shows, for
    queries with values; None if it is unknown.
    """

    by_vector: list[Candidate]
    by_words: list[Candidate]
    mode: Mode
    depth: int
    kind: Kind | None = None


def find_candidates(
    bound: BoundQuery, depth: int, scorer: ConfidenceScorer, watch: RecallWatch | None = None
) -> Candidates:
    """Find at least ``depth`` groups by vector, and by words, or all that are allowed.

    ``scorer`` adds the confidences. ``watch`` sets the effort of the vector search. All items are
    found by words if their order is not that of their scores: the query sorts by a field, or has
    unwanted words.
    """
    query, view = bound.query, bound.view
    reorders = bound.sort is not None or any(match.weight < 0 for match in bound.words)
    by_words = _find_by_words(bound, None if reorders else depth) if bound.words else []
    if bound.vector is None:
        return Candidates([], by_words, "lexical", depth)
    if bound.values:
        by_vector, kind = _find_by_values(bound, depth, scorer, watch)
        return Candidates(by_vector, by_words, "fused", depth, kind)
    # A confidence is computed from the next RIVALS groups: it must not depend on the limit.
    mask, left_out = _searched(bound)
    nearest = view.nearest(
        bound.vector, mask, bound.groups, max(depth, RIVALS + 1), watch, left_out=left_out
    )
    by_vector = scorer.score(query, nearest.found, view.product)
    return Candidates(by_vector, by_words, "fused" if bound.words else nearest.mode, depth)


def _searched(bound: BoundQuery) -> tuple[Mask | None, Sequence[int]]:
    """Return the mask (size,) of items to search, and the items to drop from what is found.

    The second are a few items that the query names: dropping them is cheaper than searching by a
    mask of all others.
    """
    if bound.allowed is bound.view.columns.alive:
        return None, ()
    return (None, bound.barred.tolist()) if bound.names_few else (bound.allowed, ())


def _find_by_values(
    bound: BoundQuery, depth: int, scorer: ConfidenceScorer, watch: RecallWatch | None
) -> tuple[list[Candidate], Kind | None]:
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
    for limits in [[]] if kind is None else [[kind.narrow], [kind.wide]]:
        both = [*wanted, *limits]
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


def likely_kind(nearest: list[Candidate], bound: BoundQuery) -> Kind | None:
    """Return the kind that the picture shows; None if unknown.

    The kind is the deepest category of the item that the query names; of several, the one with the
    fewest items. The wider kind has those of the several that contain it. For a photo, the nearest
    items vote: it is the category that more of them have than any other of that depth, at least
    four of ten, or else the deepest that most of them have. It is unknown if the words name a
    category, because that is then the kind.
    """
    if any(value.is_category for value in bound.values):
        return None
    view = bound.view
    parts = [part for part in bound.query.parts if part.weight > 0]
    named = [view.number(item_id) for part in parts for item_id in part.named_items]
    voters = named or [candidate.item for candidate in nearest[:_VOTERS]]
    mask = np.zeros(view.size, dtype=np.bool_)
    mask[voters] = True
    votes = view.columns.tally("category", mask & view.columns.alive)
    if not named:
        most = max((votes[label] for label in _leaves(votes)), default=0)
        if most >= _ELECTED * len(voters):
            leaders = [label for label in _leaves(votes) if votes[label] >= _NEARLY * most]
            kind, is_clear = _kind_of(leaders, view)
            if is_clear:
                return kind
    common = [label for label, count in votes.items() if 2 * count > len(voters)]
    return _kind_of(common, view)[0] if common else None


def _leaves(labels: Collection[str]) -> list[str]:
    """Return the categories that are above no other one."""
    return [label for label in labels if not any(o.startswith(f"{label}/") for o in labels)]


def _kind_of(labels: Sequence[str], view: ShopView) -> tuple[Kind, bool]:
    """Return the kind of the deepest of some categories, and whether each of them contains it."""
    depth = max(label.count("/") for label in labels)
    deepest = sorted(label for label in labels if label.count("/") == depth)
    masks = [view.columns.mask(Match("category", (label,))) for label in deepest]
    narrow = min(masks, key=np.count_nonzero)
    least = _CONTAINED * np.count_nonzero(narrow)
    wider = [mask for mask in masks if np.count_nonzero(mask & narrow) >= least]
    return Kind(narrow, np.logical_or.reduce(wider)), len(wider) == len(masks)


def by_score(
    items: NDArray[np.integer], scores: NDArray[np.float64], view: ShopView
) -> list[Candidate]:
    """Return items (m,) as candidates, best first.

    Ties are in the order of ids, in every process.
    """
    order = view.by_score(items, scores)
    pairs = zip(items[order].tolist(), scores[order].tolist(), strict=True)
    return [Candidate(item, -1, score) for item, score in pairs]


def _find_by_words(bound: BoundQuery, depth: int | None) -> list[Candidate]:
    """Find the allowed items with any wanted words, best first.

    They have at least ``depth`` groups, if there are so many. None finds all items.
    """
    total = np.zeros(bound.view.size)
    for match in bound.words:
        if match.weight > 0:
            total[match.items] += match.weight * match.scores
    items = bound.matching[bound.allowed[bound.matching]]  # (m,)
    scores = total[items]
    if depth is None:
        return by_score(items, scores, bound.view)
    count = WORDS_PER_VECTOR * depth
    while count < len(items):
        least = np.partition(scores, len(items) - count)[len(items) - count]
        first = by_score(items[scores >= least], scores[scores >= least], bound.view)
        groups = bound.groups[[candidate.item for candidate in first]]
        if len(np.unique(groups)) >= depth:
            return first
        count *= 4
    return by_score(items, scores, bound.view)
