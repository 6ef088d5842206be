"""Make the list that is shown from a ranking: diversity, newcomers, a second ranker, the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

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

    ``surface`` says why the item is here; events on it send this back to the service. An item that
    is ``inserted`` is here as a newcomer, whatever its score.
    """

    place: int
    propensity: float
    surface: str
    inserted: bool


class ListOptions(NamedTuple):
    """Options for making a list from a ranking; ``is_personal`` is True if the user is known."""

    query: RecommendQuery
    is_personal: bool
    applied: AppliedRules
    factors: ItemFactors
    rng: Random


def make_list(
    ranking: Ranking, newcomers: NDArray[np.int64], view: ShopView, options: ListOptions
) -> list[Place]:
    """Return the places of up to ``query.limit`` items, one of each product, in order.

    ``newcomers`` (m,) are item numbers, best first; all are in the ranking.
    """
    groups = view.product[ranking.items]
    order = _diverse(ranking, ranking.scores, groups, options)
    teams: Mapping[int, str] = {}
    rules, limit = options.applied.rules, options.query.limit
    if rules.interleave is not None and options.is_personal:
        order, teams = _interleaved(ranking, order, groups, options)
    by_score = set(order)
    order = _with_newcomers(order, newcomers, ranking, groups, options)
    inserted = set(order) - by_score
    if not (rules.pins or rules.floors or rules.explore):
        return [Place(place, 1.0, teams.get(place, SURFACE), place in inserted) for place in order]
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
            slot.candidate in inserted,
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
    place_of = {item: place for place, item in enumerate(ranking.items.tolist())}
    taken = set(groups[order].tolist())
    found: list[int] = []
    for item in newcomers.tolist():
        place = place_of[item]
        if int(groups[place]) not in taken:
            taken.add(int(groups[place]))
            found.append(place)
    new = set(np.flatnonzero(options.factors.are_new(ranking.items)).tolist())
    return insert(order, found, new, limit, options.factors.share)


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
