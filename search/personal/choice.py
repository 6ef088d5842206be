"""The choice of recommended items: candidates of several sources, mixed and diversified."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.arrays import unit
from search.filter_grammar import parse_filter
from search.personal.diversity import diversify
from search.personal.mixer import FEATURES, Evidence, contributions, features_of
from search.personal.reasons import Grounds, find_reasons
from search.personal.taste import taste_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Vectors
    from search.live.columns import Mask
    from search.live.view import ShopView
    from search.personal.mixer import Features
    from search.personal.neighbors import Neighbors
    from search.personal.profile import Profile
    from search.personal.recommendation import Fallback, RecommendQuery
    from search.personal.taste import Taste

_PER_SOURCE: Final = 120  # candidates
_FROM_BEHAVIOR: Final = 300
_IN_STOCK: Final = parse_filter("in_stock = true")
_RANKED: Final = 400  # of all candidates, the best are diversified


class Chosen(NamedTuple):
    """A recommended item: its number, main row (-1 without a vector), score, and why."""

    item: int
    row: int
    score: float
    grounds: Grounds
    contributions: dict[str, float]


class Choice(NamedTuple):
    """Recommended items in the order in which to show them, and the fallback that was needed."""

    chosen: list[Chosen]
    fallback: Fallback | None


class Sources(NamedTuple):
    """What recommendations are drawn from, besides the profile: of one view of a shop.

    ``popular`` (items of the view,) are scores in [0, 1]; ``neighbors`` returns those of items.
    """

    view: ShopView
    dim: int
    popular: NDArray[np.float32]
    neighbors: Callable[[list[int]], Neighbors]
    weights: Mapping[str, float]


def choose_items(profile: Profile, query: RecommendQuery, sources: Sources) -> Choice:
    """Choose items for a user; empty only if the filter allows nothing that is not hidden.

    Never chosen are hidden items and the context's product. Items that the user has met are chosen
    with ``query.seen``, or if nothing else is left; items out of stock, if none are in stock.
    """
    view = sources.view
    allowed = allowed_items(query, profile, view)
    evidence = _evidence(profile, query, sources)
    if query.context is not None and (number := view.number(query.context)) >= 0:
        allowed &= view.product != view.product[number]
    new = allowed if query.seen else allowed & ~_mask(view, profile.seen)
    choice = _choose(new, query, sources, evidence)
    missing = query.limit - len(choice.chosen)
    if missing and not query.seen and profile.seen:
        taken = np.isin(view.product, view.product[[chosen.item for chosen in choice.chosen]])
        again = _choose(allowed & ~new & ~taken, query, sources, evidence)
        seen_before = [
            chosen._replace(grounds=Grounds("seen_before", -1)) for chosen in again.chosen[:missing]
        ]
        if seen_before:
            return Choice([*choice.chosen, *seen_before], "seen_before")
    return choice if choice.chosen else Choice([], "nothing_allowed")


def allowed_items(query: RecommendQuery, profile: Profile, view: ShopView) -> Mask:
    """Return the items that pass the filter and are not hidden: (size,).

    Items out of stock are among them only if none of them is in stock.
    """
    allowed = view.columns.alive if query.filter is None else view.columns.mask(query.filter)
    allowed = allowed & ~_mask(view, profile.hidden)
    in_stock = allowed & view.columns.mask(_IN_STOCK)
    return in_stock if in_stock.any() else allowed


def _choose(allowed: Mask, query: RecommendQuery, sources: Sources, evidence: Evidence) -> Choice:
    """Choose among the allowed items (size,), and fill up with popular and assorted ones."""
    view = sources.view
    items = _candidates(allowed, sources, evidence)
    ranked = _ranked(items, sources, evidence)
    places = diversify(
        ranked.scores,
        ranked.vectors,
        view.product[ranked.items],
        query.limit,
        query.diversity if _is_personal(evidence) else 0.0,
    )
    chosen = _explained(ranked, places, evidence)
    if len(chosen) == query.limit:
        fallback: Fallback | None = None if _is_personal(evidence) else "popular"
        return Choice(chosen, fallback)
    taken = set(view.product[[entry.item for entry in chosen]].tolist())
    assorted = _assorted(allowed, view, taken, query.limit - len(chosen))
    if assorted:
        return Choice([*chosen, *assorted], "assorted")
    return Choice(chosen, None if _is_personal(evidence) else "popular")


class _Ranked(NamedTuple):
    """Candidates by score, best first: (n,) and (n, dim)."""

    items: NDArray[np.int64]
    rows: NDArray[np.int64]
    vectors: Vectors
    features: Features
    scores: NDArray[np.float32]


def _ranked(items: NDArray[np.int64], sources: Sources, evidence: Evidence) -> _Ranked:
    view = sources.view
    rows = view.main_rows(items.tolist())
    vectors = view.vectors_of(rows, sources.dim)
    features = features_of(items, vectors, evidence)
    scores = contributions(features, evidence.weights).sum(axis=1)
    # Equal scores by id: item numbers differ between processes.
    ids = np.array([view.ids[item] for item in items.tolist()], dtype=np.str_)
    order = np.lexsort((ids, -scores))[:_RANKED]
    return _Ranked(items[order], rows[order], vectors[order], features[order], scores[order])


def _explained(ranked: _Ranked, places: NDArray[np.int64], evidence: Evidence) -> list[Chosen]:
    features = ranked.features[places]
    grounds = find_reasons(ranked.items[places], ranked.vectors[places], features, evidence)
    added = contributions(features, evidence.weights)
    return [
        Chosen(
            int(ranked.items[place]),
            int(ranked.rows[place]),
            float(ranked.scores[place]),
            why,
            {name: round(float(value), 6) for name, value in zip(FEATURES, row, strict=True)},
        )
        for place, why, row in zip(places.tolist(), grounds, added, strict=True)
    ]


def _evidence(profile: Profile, query: RecommendQuery, sources: Sources) -> Evidence:
    view = sources.view
    context: Embedding | None = None
    if query.context is not None and (number := view.number(query.context)) >= 0:
        rows = view.main_rows([number])
        context = view.vectors_of(rows, sources.dim)[0] if rows[0] >= 0 else None
    taste = taste_of(profile, view, sources.dim)
    items = np.union1d(taste.liked.items, taste.recent.items).tolist()
    return Evidence(taste, context, sources.popular, sources.neighbors(items), sources.weights)


def _is_personal(evidence: Evidence) -> bool:
    taste = evidence.taste
    return bool(len(taste.liked.items) or len(taste.recent.items)) or evidence.context is not None


def _candidates(allowed: Mask, sources: Sources, evidence: Evidence) -> NDArray[np.int64]:
    """Return the allowed items that any source proposes: (n,), ascending."""
    view, taste = sources.view, evidence.taste
    found: list[NDArray[np.int64]] = [_most_popular(evidence.popular, allowed)]
    for vector in _directions(taste, evidence.context):
        nearest = view.nearest(vector, allowed, view.product, _PER_SOURCE)
        found.append(np.array([candidate.item for candidate in nearest.found], dtype=np.int64))
    found.append(evidence.neighbors.strongest(_FROM_BEHAVIOR))
    items = np.unique(np.concatenate(found))
    return items[allowed[items]]


def _directions(taste: Taste, context: Embedding | None) -> list[Embedding]:
    """The vectors whose neighbors are candidates: each interest, the newest items, the context."""
    found = [taste.liked.vectors[interest.place] for interest in taste.interests]
    recent = taste.recent.mean()
    return [unit(vector) for vector in (*found, recent, context) if vector is not None]


def _most_popular(popular: NDArray[np.float32], allowed: Mask) -> NDArray[np.int64]:
    items = np.flatnonzero(allowed & (popular > 0))
    order = np.argsort(-popular[items], kind="stable")
    return np.asarray(items[order[:_PER_SOURCE]], dtype=np.int64)


def _assorted(allowed: Mask, view: ShopView, taken: set[int], limit: int) -> list[Chosen]:
    """Return items of products not taken yet: one of each category in turn, then any."""
    items: list[int] = []
    for item in chain(view.starters(view.size), np.flatnonzero(allowed).tolist()):
        if len(items) == limit:
            break
        if allowed[item] and int(view.product[item]) not in taken:
            taken.add(int(view.product[item]))
            items.append(item)
    rows = view.main_rows(items).tolist()
    return [
        Chosen(item, row, 0.0, Grounds("assorted", -1), {})
        for item, row in zip(items, rows, strict=True)
    ]


def _mask(view: ShopView, item_ids: frozenset[str]) -> Mask:
    """Which items of the view these are: (size,)."""
    mask = np.zeros(view.size, dtype=np.bool_)
    numbers = [number for item_id in item_ids if (number := view.number(item_id)) >= 0]
    mask[numbers] = True
    return mask
