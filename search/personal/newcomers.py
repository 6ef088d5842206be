"""Give places to items that too few users met; their pictures and facts say who may like them.

Such items have no scores from behavior, so without places of their own nobody would meet them.
Their share of the places is learned (``newcomer_share``), and at least every third place from the
twelfth on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from search.personal.factors import FACTORS

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from search.personal.factors import Factors

_FREE: Final = 9  # places; of those after them, a third is the least that newcomers get
_STEP: Final = 3
HALF_LIFE: Final = 10.0  # items: of a user's newest, the eleventh newest counts half
POPULAR: Final = 2.0


def rank_newcomers(
    factors: Factors, met: Factors, popular: NDArray[np.float32], allowed: Mask, most: int
) -> NDArray[np.int64]:
    """Return the places of the allowed newcomers that fit a user best, best first: (<= most,).

    ``factors`` (n, f) are theirs, ``met`` (m, f) those of the items that the user met, the newest
    first; the first ``FACTORS`` columns are of behavior, the others of likeness, and both count
    alike. ``popular`` (n,) is how many users met each, 0 for too few to count: the most popular
    newcomer gains ``POPULAR`` standard deviations of the fit. ``allowed`` is (n,).
    """
    count = min(most, int(allowed.sum()))
    if not count:
        return np.zeros(0, dtype=np.int64)
    user = 2 ** (-np.arange(len(met), dtype=np.float32) / HALF_LIFE) @ met  # (f,)
    scores = np.zeros(len(factors), dtype=np.float32)
    for part in (slice(FACTORS), slice(FACTORS, None)):
        if user[part].any():
            fit = factors[:, part] @ user[part]
            scores += fit / max(float(fit.std()), 1e-12)
    if largest := float(popular.max()):
        scores += POPULAR / largest * popular
    scores[~allowed] = -np.inf
    # Partitioning values is several times as fast as partitioning their places.
    least = np.partition(scores, -count)[-count]
    best = np.flatnonzero(scores >= least)
    return np.asarray(best[np.argsort(-scores[best], kind="stable")][:count], dtype=np.int64)


def due(places: int, share: float) -> int:
    """Return how many of the first ``places`` of a list newcomers get."""
    return max(int(places * share), (places - _FREE) // _STEP, 0)


def insert(
    shown: Sequence[int], newcomers: Sequence[int], new: Container[int], limit: int, share: float
) -> list[int]:
    """Return a list of at most ``limit`` items: those shown, with newcomers where they are due.

    ``newcomers`` are those to insert, best first; ``new`` are all, and those that are shown by
    themselves count too.
    """
    found: list[int] = []
    rest, wanted = list(reversed(shown)), list(reversed(newcomers))
    held = 0  # newcomers among those found
    while len(found) < limit and (rest or wanted):
        is_due = held < due(len(found) + 1, share) and bool(wanted)
        from_wanted = not rest or (is_due and rest[-1] not in new)
        item = (wanted if from_wanted else rest).pop()
        if item not in found:
            found.append(item)
            held += item in new
    return found
