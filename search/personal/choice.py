"""Choose the items to recommend: candidates of several sources, mixed and diversified."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.candidates import PER_SOURCE, find_candidates
from search.personal.factor_path import FactorPath
from search.personal.listing import (
    SURFACE,
    ListOptions,
    Ranking,
    Reserved,
    make_list,
)
from search.personal.mixer import (
    BEHAVIOR_HALF_LIFE,
    FACTORS_HALF_LIFE,
    FEATURES,
    FOLLOWING_HALF_LIFE,
    Evidence,
    contributions,
    features_of,
)
from search.personal.newcomers import due
from search.personal.paths import Path
from search.personal.reasons import Grounds, find_reasons
from search.personal.repeats import SHARE
from search.personal.taste import taste_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Mask
    from search.live.view import ShopView
    from search.personal.listing import Place
    from search.personal.profile import Profile
    from search.personal.recommendation import Fallback, RecommendQuery
    from search.personal.sources import Sources

_RANKED: Final = 400  # the best candidates, which are diversified


class Chosen(NamedTuple):
    """A recommended item: its number, main row (-1 without a vector), score, and why."""

    item: int
    row: int
    score: float
    grounds: Grounds
    contributions: dict[str, float]
    propensity: float = 1.0
    surface: str = SURFACE


class Choice(NamedTuple):
    """Recommended items in the order in which to show them, and the fallback that was needed."""

    chosen: list[Chosen]
    fallback: Fallback | None


def choose_items(profile: Profile, query: RecommendQuery, sources: Sources) -> Choice:
    """Choose items for a user; empty only if the filter allows nothing that is not hidden.

    Hidden items and the product of the context are never chosen. Items that the user has met are
    chosen with ``query.seen``, if they are due to be bought again, or if nothing else is left.
    Items out of stock are chosen if no allowed item is in stock.
    """
    view = sources.view
    allowed = allowed_items(query, profile, sources)
    evidence = _evidence(profile, query, sources)
    if query.context is not None and (number := view.number(query.context)) >= 0:
        allowed &= view.product != view.product[number]
    new = allowed if query.seen else allowed & ~_mask(view, profile.seen)
    again = _due_again(profile, query, allowed, view)
    choice = _choose(new, again, query, sources, evidence)
    missing = query.limit - len(choice.chosen)
    if missing and not query.seen and profile.seen:
        taken = np.isin(view.product, view.product[[chosen.item for chosen in choice.chosen]])
        seen = _choose(allowed & ~new & ~taken, again[:0], query, sources, evidence)
        seen_before = [
            chosen._replace(grounds=Grounds("seen_before", -1)) for chosen in seen.chosen[:missing]
        ]
        if seen_before:
            return Choice([*choice.chosen, *seen_before], "seen_before")
    return choice if choice.chosen else Choice([], "nothing_allowed")


def allowed_items(query: RecommendQuery, profile: Profile, sources: Sources) -> Mask:
    """Return the mask (size,) of items that pass the filter and are not hidden.

    It has those in stock or, if none of them is, those out of stock.
    """
    columns = sources.view.columns
    allowed = columns.alive if query.filter is None else columns.mask(query.filter)
    allowed = allowed & ~_mask(sources.view, profile.hidden)
    in_stock = allowed & sources.in_stock
    return in_stock if in_stock.any() else allowed


def _due_again(
    profile: Profile, query: RecommendQuery, allowed: Mask, view: ShopView
) -> NDArray[np.int64]:
    """Return the allowed items that are due to be bought again, at most one for four places.

    There are none on the page of another item, whose list is about that item.
    """
    if query.context is not None:
        return np.zeros(0, dtype=np.int64)
    numbers = view.numbers_of(profile.due)
    numbers = numbers[numbers >= 0]
    return numbers[allowed[numbers]][: query.limit // SHARE]


def _choose(
    allowed: Mask,
    again: NDArray[np.int64],
    query: RecommendQuery,
    sources: Sources,
    evidence: Evidence,
) -> Choice:
    """Choose among the allowed items (size,), and fill up with popular and assorted ones.

    The items ``again`` (n,) are chosen too.
    """
    view, applied = sources.view, sources.rules
    is_personal = _is_personal(evidence)
    newcomers = _newcomers(allowed, query, sources, evidence)
    own = np.union1d(newcomers, again)
    wanted = np.union1d(own, applied.wanted(allowed)).astype(np.int64)
    found = find_candidates(
        allowed,
        evidence,
        sources.factors,
        sources.most_popular,
        lambda directions: view.nearest_numbers(directions, allowed, view.product, PER_SOURCE),
    )
    items = np.union1d(found, wanted)
    ranking = _ranked(items, wanted, sources, evidence)
    options = ListOptions(query, is_personal, applied, sources.factors, sources.rng)
    places = make_list(ranking, Reserved(again, newcomers), view, options)
    chosen = _explained(ranking, places, evidence, adds=query.explain)
    if len(chosen) == query.limit:
        fallback: Fallback | None = None if is_personal else "popular"
        return Choice(chosen, fallback)
    taken = set(view.product[[entry.item for entry in chosen]].tolist())
    assorted = _assorted(allowed, view, taken, query.limit - len(chosen))
    if assorted:
        return Choice([*chosen, *assorted], "assorted")
    return Choice(chosen, None if is_personal else "popular")


def _newcomers(
    allowed: Mask, query: RecommendQuery, sources: Sources, evidence: Evidence
) -> NDArray[np.int64]:
    """Return the newcomers that may get a place of the list: at most three for each place."""
    most = 3 * due(query.limit, sources.factors.share)
    if not most or not _is_personal(evidence):
        return np.zeros(0, dtype=np.int64)
    return sources.factors.newcomers(evidence.taste.met, allowed, sources.popular, most)


def _ranked(
    items: NDArray[np.int64], wanted: NDArray[np.int64], sources: Sources, evidence: Evidence
) -> Ranking:
    """Return the best candidates by score, and those that are wanted, best first."""
    view = sources.view
    rows, vectors = sources.images.rows_of(items), sources.images.vectors_of(items)
    features = features_of(items, vectors, evidence)
    boosts = sources.rules.boosts_of(items)
    scores = contributions(features, evidence.weights).sum(axis=1) + boosts
    order = _order(items, scores, view)
    rest = order[_RANKED:]
    order = np.concatenate([order[:_RANKED], rest[np.isin(items[rest], wanted)]])
    return Ranking(
        items[order], rows[order], vectors[order], features[order], scores[order], boosts[order]
    )


def _order(
    items: NDArray[np.int64], scores: NDArray[np.float32], view: ShopView
) -> NDArray[np.int64]:
    """Return the order by score; equal scores by id, as item numbers differ between processes."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    if not (ranked[1:] == ranked[:-1]).any():
        return order
    ids = np.array([view.ids[item] for item in items.tolist()], dtype=np.str_)
    return np.lexsort((ids, -scores))


def _explained(
    ranking: Ranking, shown: list[Place], evidence: Evidence, *, adds: bool
) -> list[Chosen]:
    """Return what is shown, each with its reason and, with ``adds``, its contributions."""
    places = np.array([place.place for place in shown], dtype=np.int64)
    features = ranking.features[places]
    grounds = find_reasons(ranking.items[places], ranking.vectors[places], features, evidence)
    added = contributions(features, evidence.weights)
    chosen = []
    for place, why, row in zip(shown, grounds, added, strict=True):
        item = int(ranking.items[place.place])
        if place.kind == "again":
            why = Grounds("buy_again", item)
        elif place.kind == "new":
            why = Grounds("new", -1)
        boost = float(ranking.boosts[place.place])
        chosen.append(
            Chosen(
                item,
                int(ranking.rows[place.place]),
                float(ranking.scores[place.place]),
                why,
                _parts(row, boost) if adds else {},
                place.propensity,
                place.surface,
            )
        )
    return chosen


def _parts(added: NDArray[np.float32], boost: float) -> dict[str, float]:
    """Return what each feature (features,) and the boosts add to a score, by name."""
    parts = {name: round(float(value), 6) for name, value in zip(FEATURES, added, strict=True)}
    return parts | ({"boosts": round(boost, 6)} if boost else {})


def _evidence(profile: Profile, query: RecommendQuery, sources: Sources) -> Evidence:
    view = sources.view
    context: Embedding | None = None
    number = -1 if query.context is None else view.number(query.context)
    if number >= 0:
        item = np.array([number])
        has_image = sources.images.rows_of(item)[0] >= 0
        context = sources.images.vectors_of(item)[0] if has_image else None
    taste = taste_of(profile, sources.images)
    if number >= 0:  # the item that the user looks at is the newest that is met
        met = np.concatenate([[number], taste.met[taste.met != number]]).astype(np.int64)
        taste = taste._replace(met=met)
    neighbors, linear = sources.neighbors(taste.met.tolist())
    following = Path(taste.met, neighbors, FOLLOWING_HALF_LIFE)
    behavior = Path(taste.met, linear, BEHAVIOR_HALF_LIFE)
    factors = FactorPath(taste.met, sources.factors.own, FACTORS_HALF_LIFE)
    return Evidence(
        taste,
        context,
        sources.popular,
        sources.reviews,
        following,
        behavior,
        factors,
        sources.weights,
    )


def _is_personal(evidence: Evidence) -> bool:
    taste = evidence.taste
    return bool(len(taste.liked.items) or len(taste.met)) or evidence.context is not None


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
    """Return the mask (size,) of these items."""
    mask = np.zeros(view.size, dtype=np.bool_)
    if item_ids:
        numbers = view.numbers_of(list(item_ids))
        mask[numbers[numbers >= 0]] = True
    return mask
