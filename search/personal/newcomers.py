"""Give places to items that too few users met; their pictures and facts say who may like them.

Such items have no scores from behavior, so without places of their own nobody would meet them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from search.personal.factors import Factors

FIRST_PLACE: Final = 11  # from 0: the twelfth place, and every third after it
STEP: Final = 3
HALF_LIFE: Final = 10.0  # items: of a user's newest, the eleventh newest counts half
POPULAR: Final = 2.0


def rank_newcomers(
    factors: Factors, met: Factors, popular: NDArray[np.float32], most: int
) -> NDArray[np.int64]:
    """Return the places of the newcomers that fit a user best, best first: (<= most,).

    ``factors`` (n, f) are theirs, ``met`` (m, f) those of the items that the user met, the newest
    first. ``popular`` (n,) is how many users met each, 0 for too few to count: the most popular
    newcomer gains ``POPULAR`` standard deviations of the fit.
    """
    fit = factors @ (2 ** (-np.arange(len(met), dtype=np.float32) / HALF_LIFE) @ met)  # (n,)
    count = min(most, len(fit))
    if not count:
        return np.zeros(0, dtype=np.int64)
    largest = float(popular.max())
    scores = fit if not largest else fit + POPULAR * float(fit.std()) / largest * popular
    # Partitioning values is several times as fast as partitioning their places.
    least = np.partition(scores, -count)[-count]
    best = np.flatnonzero(scores >= least)
    return np.asarray(best[np.argsort(-scores[best], kind="stable")][:count], dtype=np.int64)


def places_in(limit: int) -> list[int]:
    """Return the places of a list that newcomers get."""
    return list(range(FIRST_PLACE, limit, STEP))


def insert(shown: Sequence[int], newcomers: Sequence[int], limit: int) -> list[int]:
    """Return a list of at most ``limit`` items, with newcomers at their places.

    A newcomer before the first of these places stays there.
    """
    first = set(shown[:FIRST_PLACE])
    wanted = [item for item in newcomers if item not in first][: len(places_in(limit))]
    moved = set(wanted)
    found = [item for item in shown if item not in moved]
    for place, item in zip(places_in(limit), wanted, strict=False):
        found.insert(place, item)
    return found[:limit]
