"""The order in which chosen items are shown: pins, floors and exploration over a ranking."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    import numpy as np
    from numpy.typing import NDArray


class Slot(NamedTuple):
    """A place of the list: the candidate shown there, and the probability of that.

    The probability is that of this candidate at this place after those before it. ``explored`` is
    True if it was drawn at random.
    """

    candidate: int
    propensity: float
    explored: bool


class Ranked(NamedTuple):
    """Candidates by number: ``order`` best first (those that may be shown), and their groups.

    ``groups`` (n,) has the product of each candidate; a list shows one candidate of a product.
    """

    order: Sequence[int]
    groups: NDArray[np.int64]


class Constraints(NamedTuple):
    """The constraints that an arrangement satisfies.

    ``pins`` maps places to candidates. ``floors`` are masks over candidates (n,), each with the
    least share of the places that they get. ``explore`` is the share of places whose candidate is
    drawn at random.
    """

    pins: Mapping[int, int]
    floors: Sequence[tuple[NDArray[np.bool_], float]]
    explore: float


def arrange(ranked: Ranked, constraints: Constraints, limit: int, rng: Random) -> list[Slot]:
    """Fill up to ``limit`` places. A floor that has no candidate left is ignored."""
    left = _without(ranked, list(ranked.order), list(constraints.pins.values()))
    shown: list[Slot] = []
    while len(shown) < limit:
        place = len(shown)
        pinned = constraints.pins.get(place)
        if pinned is not None:
            shown.append(Slot(pinned, 1.0, explored=False))
            continue
        pool = _pool_of_floor(left, shown, constraints, place) or left
        if not pool:
            break
        slot = _draw(pool, constraints.explore if place else 0.0, rng)
        shown.append(slot)
        left = _without(ranked, left, [slot.candidate])
    return shown


def _pool_of_floor(
    left: list[int], shown: list[Slot], constraints: Constraints, place: int
) -> list[int]:
    """Return the candidates of the first floor that is not met up to this place; [] if all are."""
    for mask, share in constraints.floors:
        count = sum(bool(mask[slot.candidate]) for slot in shown)
        if count < floor(share * (place + 1) + 1e-9):
            pool = [candidate for candidate in left if mask[candidate]]
            if pool:
                return pool
    return []


def _draw(pool: list[int], explore: float, rng: Random) -> Slot:
    """Return the best of the pool, or with the probability ``explore`` any of it."""
    explored = explore > 0 and rng.random() < explore
    candidate = rng.choice(pool) if explored else pool[0]
    propensity = explore / len(pool) + (1 - explore if candidate == pool[0] else 0.0)
    return Slot(candidate, propensity, explored)


def _without(ranked: Ranked, order: list[int], taken: list[int]) -> list[int]:
    """Return an order without the groups of candidates that are taken."""
    groups = {int(ranked.groups[candidate]) for candidate in taken}
    return [candidate for candidate in order if int(ranked.groups[candidate]) not in groups]
