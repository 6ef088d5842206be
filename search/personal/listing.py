"""Make the list that is shown from a ranking: diversity, own places, a second ranker, the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from search.personal.arrangement import Constraints, Ranked, arrange
from search.personal.diversity import diversify
from search.personal.interleaving import TEAM_SURFACE, team_draft
from search.personal.mixer import FEATURES, contributions
from search.personal.newcomers import insert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.live.view import ShopView
    from search.personal.applied_rules import AppliedRules
    from search.personal.item_factors import ItemFactors
    from search.personal.mixer import Features
    from search.personal.recommendation import RecommendQuery

SURFACE: Final = "recommended"
EXPLORED: Final = "recommended/explore"
PlaceKind = Literal["score", "again", "new"]


class Ranking(NamedTuple):
    """Candidates by score, best first: (n,) each, vectors (n, dim); scores include the boosts."""

    items: NDArray[np.int64]
    rows: NDArray[np.int64]
    vectors: Vectors
    features: Features
    scores: NDArray[np.float32]
    boosts: NDArray[np.float32]


class Place(NamedTuple):
    """A place of the list: the place of its item in the ranking, and its probability to be here.

    ``surface`` says why the item is here; events on it send this back to the service. ``kind`` says
    whether the place was given by score, or reserved.
    """

    place: int
    propensity: float
    surface: str
    kind: PlaceKind


class Reserved(NamedTuple):
    """The numbers of items that get places whatever their scores, best first.

    ``again`` (a,) are those that the user buys again and again; they come first in the list.
    ``newcomers`` (n,) get their share of its places. All are in the ranking.
    """

    again: NDArray[np.int64]
    newcomers: NDArray[np.int64]


class ListOptions(NamedTuple):
    """Options for making a list from a ranking; ``is_personal`` is True if the user is known."""

    query: RecommendQuery
    is_personal: bool
    applied: AppliedRules
    factors: ItemFactors
    rng: Random


def make_list(
    ranking: Ranking, reserved: Reserved, view: ShopView, options: ListOptions
) -> list[Place]:
    """Return the places of up to ``query.limit`` items, one of each product, in order."""
    groups = view.product[ranking.items]
    order = _diverse(ranking, ranking.scores, groups, options)
    teams: Mapping[int, str] = {}
    rules, limit = options.applied.rules, options.query.limit
    if rules.interleave is not None and options.is_personal:
        order, teams = _interleaved(ranking, order, groups, options)
    again = _places_of(reserved.again, ranking)
    order = _first_of_groups([*again, *order], groups)[:limit]
    inserted = _with_newcomers(order, reserved.newcomers, ranking, groups, options)
    kinds: dict[int, PlaceKind] = dict.fromkeys(set(inserted) - set(order), "new")
    kinds |= dict.fromkeys(again, "again")
    order = inserted
    if not (rules.pins or rules.floors or rules.explore):
        return [
            Place(place, 1.0, teams.get(place, SURFACE), kinds.get(place, "score"))
            for place in order
        ]
    shown = set(order)
    rest = [place for place in range(len(ranking.items)) if place not in shown]
    slots = arrange(
        Ranked([*order, *rest], groups),
        _constraints(ranking, view, options.applied),
        limit,
        options.rng,
    )
    return [
        Place(
            slot.candidate,
            slot.propensity,
            EXPLORED if slot.explored else teams.get(slot.candidate, SURFACE),
            kinds.get(slot.candidate, "score"),
        )
        for slot in slots
    ]


def _diverse(
    ranking: Ranking, scores: NDArray[np.float32], groups: NDArray[np.int64], options: ListOptions
) -> list[int]:
    query = options.query
    cost = _likeness_cost(scores, query) if options.is_personal else 0.0
    places = diversify(scores, ranking.vectors, groups, query.limit, cost)
    return [int(place) for place in places]


def _likeness_cost(scores: NDArray[np.float32], query: RecommendQuery) -> float:
    """Return what an item loses for likeness: where scores spread wider, it costs more."""
    shown = np.sort(scores)[-query.limit :]
    return query.diversity * max(1.0, float(np.ptp(shown))) if len(shown) else 0.0


def _interleaved(
    ranking: Ranking, order: list[int], groups: NDArray[np.int64], options: ListOptions
) -> tuple[list[int], dict[int, str]]:
    """Return the list that both rankers share, and the surface of each of its places."""
    weights = dict.fromkeys(FEATURES, 0.0) | dict(options.applied.rules.interleave or {})
    scores = contributions(ranking.features, weights).sum(axis=1) + ranking.boosts
    other = _diverse(ranking, scores, groups, options)
    lists = {"a": order, "b": other}
    keys = {team: groups[places].tolist() for team, places in lists.items()}
    drafted = team_draft(keys["a"], keys["b"], options.query.limit, options.rng)
    places = [lists[entry.team][entry.place] for entry in drafted]
    return places, {
        place: TEAM_SURFACE + entry.team for place, entry in zip(places, drafted, strict=True)
    }


def _with_newcomers(
    order: list[int],
    newcomers: NDArray[np.int64],
    ranking: Ranking,
    groups: NDArray[np.int64],
    options: ListOptions,
) -> list[int]:
    """Return places of the ranking with those of newcomers among them, one of each product."""
    limit = options.query.limit
    if not len(newcomers) or len(order) < limit:
        return order
    found = _first_of_groups([*order, *_places_of(newcomers, ranking)], groups)[len(order) :]
    new = set(np.flatnonzero(options.factors.are_new(ranking.items)).tolist())
    return insert(order, found, new, limit, options.factors.share)


def _places_of(items: NDArray[np.int64], ranking: Ranking) -> list[int]:
    """Return the places of items in the ranking."""
    if not len(items):
        return []
    order = np.argsort(ranking.items)
    found: list[int] = order[np.searchsorted(ranking.items, items, sorter=order)].tolist()
    return found


def _first_of_groups(places: list[int], groups: NDArray[np.int64]) -> list[int]:
    """Return the first place of each group, in order."""
    first: dict[int, int] = {}
    for place in places:
        first.setdefault(int(groups[place]), place)
    return list(first.values())


def _constraints(ranking: Ranking, view: ShopView, applied: AppliedRules) -> Constraints:
    place_of = {item: place for place, item in enumerate(ranking.items.tolist())}
    pins: dict[int, int] = {}
    products: set[int] = set()
    for place, item in applied.pins:
        if item in place_of and int(view.product[item]) not in products:
            products.add(int(view.product[item]))
            pins[place] = place_of[item]
    floors = [(floor.mask[ranking.items], floor.share) for floor in applied.floors]
    return Constraints(pins, floors, applied.rules.explore)
