"""A linear model of which items lead to which, and a map from pictures to behavior, in closed form.

``learn_linear`` solves the item-item model EASE (Steck, 2019) over the items that most users met;
pictures count as further users who like what looks alike (as in Jeunen et al., 2020).

Items that few users met have no weights there. For them the pictures of the others are mapped to
their factors, the eigenvectors of the items' cosines, by ridge regression: a picture then says what
kind of user would meet the item (as in VBPR, He and McAuley, 2016, but solved instead of trained).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.covisits import Visits
    from search.personal.neighbors import Row

MOST_ITEMS: Final = 4_000  # that most users met: the solution takes the cube of it
KEPT: Final = 100  # weights of an item, the largest in size
WARM_FROM: Final = 5  # users of an item from which its own factors are used
FACTORS: Final = 32
_L2: Final = 1000.0
_PICTURES: Final = 5.0  # how much a cosine of 1 counts against one user who met both
_RIDGE: Final = 3.0
_ITERATIONS: Final = 12


class PictureMap(NamedTuple):
    """The factors of items (n, FACTORS), by number, and the map to them (dim + 1, FACTORS).

    The last row of the map is its constant. Only items of ``WARM_FROM`` users have factors.
    """

    items: NDArray[np.int64]
    factors: NDArray[np.float32]
    weights: NDArray[np.float32]

    def of_pictures(self, vectors: Vectors) -> NDArray[np.float32]:
        """Return the factors that pictures (m, dim) suggest: (m, FACTORS)."""
        return mapped(vectors, self.weights)


class LinearModel(NamedTuple):
    """Weights by item: the items that it leads to, ascending, and how strongly, also below 0.

    ``pictures`` is None if too few items have both users and a picture.
    """

    rows: dict[int, Row]
    pictures: PictureMap | None


def mapped(vectors: Vectors, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors (m, dim) as factors (m, FACTORS), by the weights of a ``PictureMap``."""
    found: NDArray[np.float32] = vectors @ weights[:-1] + weights[-1]
    return found


def learn_linear(
    visits: Visits, items: int, vectors: Vectors | None, *, min_users: int = 1
) -> LinearModel:
    """Learn from which items users met; the order of their visits does not matter.

    ``items`` is how many items there are, ``vectors`` (items, dim) are of their pictures, zeros for
    an item without one. Weights of pairs that fewer than ``min_users`` users met are left out.
    """
    codes = np.unique(visits.users * items + visits.items)
    users, met = np.divmod(codes, items)
    counts = np.bincount(met, minlength=items)
    chosen = np.sort(np.argsort(-counts, kind="stable")[:MOST_ITEMS])
    chosen = chosen[counts[chosen] >= min_users]
    if len(chosen) <= 1:
        return LinearModel({}, None)
    gram = _gram(users, met, chosen, items)
    support = gram.copy()
    pictures = None
    if vectors is not None:
        pictures = _picture_map(gram, chosen, vectors)
        gram += _PICTURES * (vectors[chosen] @ vectors[chosen].T)
    gram[np.diag_indices_from(gram)] += _L2
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    weights[support < min_users] = 0
    np.fill_diagonal(weights, 0)
    return LinearModel(_strongest(weights, chosen), pictures)


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


def _picture_map(
    gram: NDArray[np.float64], chosen: NDArray[np.int64], vectors: Vectors
) -> PictureMap | None:
    counts = np.diag(gram)
    length = np.sqrt(np.maximum(counts, 1))
    factors = _eigenvectors(gram / np.outer(length, length))
    warm = (counts >= WARM_FROM) & np.any(vectors[chosen], axis=1)
    if warm.sum() < FACTORS:
        return None
    known = np.concatenate(
        [vectors[chosen[warm]], np.ones((int(warm.sum()), 1), dtype=np.float32)], axis=1
    ).astype(np.float64)
    square = known.T @ known + _RIDGE * np.eye(known.shape[1])
    weights = np.linalg.solve(square, known.T @ factors[warm])
    return PictureMap(chosen[warm], factors[warm].astype(np.float32), weights.astype(np.float32))


def _eigenvectors(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the eigenvectors of the largest eigenvalues, by subspace iteration: (c, FACTORS)."""
    count = min(FACTORS, len(cosines))
    start = np.random.default_rng(1).normal(size=(len(cosines), count))
    basis = np.linalg.qr(start)[0]
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(cosines @ basis)[0]
    found = np.zeros((len(cosines), FACTORS))
    found[:, :count] = basis
    return found


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
