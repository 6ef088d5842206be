"""Learn from baskets which items are bought together, and how strongly.

The strength with which an item leads to another is the chance that a basket with the first holds
the second, times a power of its lift over all baskets::

    strength(a, b) = chance * (chance / share(b)) ** LIFT
    chance = (baskets(a, b) + PRIOR * share(b)) / (baskets(a) + PRIOR)

By chance alone the most popular items would go with everything, by lift alone the rarest.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MIN_SUPPORT: Final = 3
"""Users who must have bought both items; fewer could reveal what one person bought."""
MAX_BASKETS: Final = 50  # of one user, the newest: more is a reseller, or a robot
MAX_BASKET: Final = 100  # items of one basket: more is a wholesaler, and pairs grow as its square
KEPT: Final = 20  # of an item
PRIOR: Final = 10.0  # baskets: of fewer, the second item's share of all baskets decides
LIFT: Final = 0.2


class Together(NamedTuple):
    """Items bought with one item, the strongest first, (k,) each.

    ``ratios`` are log-likelihood ratios, ``support`` the baskets with both.
    """

    items: NDArray[np.int64]
    strengths: NDArray[np.float64]
    ratios: NDArray[np.float64]
    support: NDArray[np.int64]


def learn_baskets(
    baskets: Sequence[NDArray[np.int64]],
    items: int,
    owners: NDArray[np.int64] | None = None,
) -> Iterator[tuple[int, Together]]:
    """Yield the items that are bought with others, each with those, at most ``KEPT``.

    ``baskets`` are item numbers below ``items``; ``owners`` (b,) are their users, by default a
    different one each. Pairs need ``MIN_SUPPORT`` users.
    """
    counts = np.zeros(items, dtype=np.int64)
    codes, buyers = [], []
    people = np.arange(len(baskets)) if owners is None else owners
    for owner, basket in zip(people.tolist(), baskets, strict=True):
        chosen = np.unique(basket)[:MAX_BASKET]
        counts[chosen] += 1
        left, right = np.triu_indices(len(chosen), 1)
        codes.append(chosen[left] * items + chosen[right])
        buyers.append(np.full(len(left), owner))
    if not codes:
        return
    code = np.concatenate(codes)
    pairs, support = np.unique(code, return_counts=True)
    enough = _distinct_users(code, np.concatenate(buyers)) >= MIN_SUPPORT
    pairs, support = pairs[enough], support[enough]
    first, second = pairs // items, pairs % items
    ratio = log_likelihood_ratio(support, counts[first], counts[second], len(baskets))
    left, right = np.concatenate([first, second]), np.concatenate([second, first])
    both, count = np.concatenate([ratio, ratio]), np.concatenate([support, support])
    strength = _strengths(count, counts[left], counts[right] / len(baskets))
    order = np.lexsort((right, -strength, left))
    left, right, strength = left[order], right[order], strength[order]
    both, count = both[order], count[order]
    bounds = np.flatnonzero(np.diff(left, prepend=-1, append=-1)).tolist()
    for start, end in pairwise(bounds):
        part = slice(start, min(end, start + KEPT))
        yield int(left[start]), Together(right[part], strength[part], both[part], count[part])


def _strengths(
    both: NDArray[np.int64], first: NDArray[np.int64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the strengths of pairs (p,).

    ``both`` and ``first`` (p,) count the baskets with both items and with the first; ``share`` is
    that of the baskets with the second.
    """
    chance = (both + PRIOR * share) / (first + PRIOR)
    strengths: NDArray[np.float64] = chance * (chance / share) ** LIFT
    return strengths


def _distinct_users(codes: NDArray[np.int64], users: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many users each distinct code has, in ascending order of the codes: (p,)."""
    order = np.lexsort((users, codes))
    code, user = codes[order], users[order]
    is_new = np.ones(len(code), dtype=np.bool_)
    is_new[1:] = (code[1:] != code[:-1]) | (user[1:] != user[:-1])
    return np.asarray(np.unique(code[is_new], return_counts=True)[1], dtype=np.int64)


def log_likelihood_ratio(
    both: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64], total: int
) -> NDArray[np.float64]:
    """Return Dunning's G2 of 2 x 2 tables: (p,), 0 for independent items.

    ``both``, ``first`` and ``second`` (p,) count the baskets with both items and with each of them,
    ``total`` all baskets.
    """
    table = np.stack([both, first - both, second - both, total - first - second + both])  # (4, p)
    rows, columns = np.stack([first, total - first]), np.stack([second, total - second])
    ratio = 2 * (_entropy(rows) + _entropy(columns) - _entropy(table))
    return np.asarray(np.maximum(ratio, 0.0), dtype=np.float64)


def _entropy(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the entropy of each column of counts (c, p), times its sum, in nats: (p,)."""
    values = counts.astype(np.float64)
    parts: NDArray[np.float64] = _x_log_x(values).sum(axis=0)
    return _x_log_x(values.sum(axis=0)) - parts


def _x_log_x(values: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = values * np.log(np.where(values > 0, values, 1.0))
    return result
