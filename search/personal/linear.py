"""A linear model of which items lead to which, in closed form.

It is the item-item model EASE (Steck, 2019) over the items that most users met; pictures count as
further users who like what looks alike (as in Jeunen et al., 2020).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.covisits import Visits
    from search.personal.neighbors import Row

MOST_ITEMS: Final = 4_000  # that most users met: the solution takes the cube of it
KEPT: Final = 100  # weights of an item, the largest in size
_L2: Final = 1000.0
_PICTURES: Final = 5.0  # how much a cosine of 1 counts against one user who met both


def learn_linear(
    visits: Visits, items: int, vectors: Vectors | None, *, min_users: int = 1
) -> dict[int, Row]:
    """Return weights by item: the items that it leads to, ascending, and how strongly (or below 0).

    They are learned from which items users met; the order of their visits does not matter.
    ``items`` is how many items there are, ``vectors`` (items, dim) are of their pictures, zeros for
    an item without one. Weights of pairs that fewer than ``min_users`` users met are left out.
    """
    codes = np.unique(visits.users * items + visits.items)
    users, met = np.divmod(codes, items)
    counts = np.bincount(met, minlength=items)
    chosen = np.sort(np.argsort(-counts, kind="stable")[:MOST_ITEMS])
    chosen = chosen[counts[chosen] >= min_users]
    if len(chosen) <= 1:
        return {}
    gram = _gram(users, met, chosen, items)
    support = gram.copy()
    if vectors is not None:
        gram += _PICTURES * (vectors[chosen] @ vectors[chosen].T)
    gram[np.diag_indices_from(gram)] += _L2
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    weights[support < min_users] = 0
    np.fill_diagonal(weights, 0)
    return _strongest(weights, chosen)


def _gram(
    users: NDArray[np.int64], met: NDArray[np.int64], chosen: NDArray[np.int64], items: int
) -> NDArray[np.float64]:
    """Return how many users met both of two chosen items: (c, c).

    ``users`` and ``met`` (n,) are pairs of a user and an item, in the order of users.
    """
    place = np.full(items, -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    known = place[met] >= 0
    users, columns = users[known], place[met[known]]
    _, starts, rows, lengths = np.unique(
        users, return_index=True, return_inverse=True, return_counts=True
    )
    by_item = np.argsort(columns, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=len(chosen)))])
    gram = np.zeros((len(chosen), len(chosen)), dtype=np.float64)
    for item, (begin, end) in enumerate(pairwise(bounds.tolist())):
        people = rows[by_item[begin:end]]
        count = lengths[people]
        # All items of those users, one user after another.
        first = np.repeat(starts[people] - (np.cumsum(count) - count), count)
        gram[item] = np.bincount(columns[first + np.arange(len(first))], minlength=len(chosen))
    return gram


def _strongest(weights: NDArray[np.float64], chosen: NDArray[np.int64]) -> dict[int, Row]:
    """Return the largest weights of each item, by size; items without any are left out."""
    rows: dict[int, Row] = {}
    kept = min(KEPT, weights.shape[1])
    for row, item in zip(weights, chosen.tolist(), strict=True):
        places = np.sort(np.argpartition(-np.abs(row), kept - 1)[:kept])
        places = places[row[places] != 0]
        if len(places):
            rows[item] = (chosen[places], row[places].astype(np.float32))
    return rows
