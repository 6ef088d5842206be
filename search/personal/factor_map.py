"""A map from what is known of an item, its picture and its facts, to factors.

Factors of behavior say what kind of user would meet an item that nobody met (as in VBPR, He and
McAuley, 2016, but solved instead of trained): a ridge regression, in closed form, over the items
that enough users met. Where few items are met, they say little, so there are also factors of
likeness: the principal components of pictures and facts, which need no users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.factors import FACTORS
from search.personal.facts import SCALE, FactCode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.factors import Factors
    from search.personal.facts import ItemFacts

LIKENESS: Final = 32  # factors
_RIDGE: Final = 3.0
_FEWEST: Final = 32  # items to learn from
_MOST: Final = 5_000  # items whose principal components are taken, spread evenly


class FactorMap(NamedTuple):
    """The rows of the map: of pictures (dim + 1, f), the last being a constant, and of facts.

    ``facts`` (columns of ``code``, f) are those of a true fact. The first ``FACTORS`` columns are
    of behavior, the others of likeness. ``share`` is that of the places of a list that newcomers
    get, see ``newcomer_share``.
    """

    pictures: NDArray[np.float32]
    code: FactCode
    facts: NDArray[np.float32]
    share: float = 0.0

    def of_pictures(self, vectors: Vectors) -> Factors:
        """Return what pictures (n, dim) add to factors: (n, f)."""
        found: Factors = vectors @ self.pictures[:-1] + self.pictures[-1]
        return found

    def of_facts(self, facts: ItemFacts, count: int) -> Factors:
        """Return what facts add to the factors of ``count`` items: (count, f)."""
        found = np.zeros((count, self.pictures.shape[1]), dtype=np.float32)
        for row, items in zip(self.facts, self.code.columns(facts), strict=True):
            found[items] += np.float32(SCALE) * row
        return found


def learn_factor_map(
    factors: Factors, vectors: Vectors, code: FactCode, table: NDArray[np.float32]
) -> FactorMap:
    """Return the map that fits items' factors (n, f); zeros if fewer than 32 items have some.

    Items without factors have zeros there. ``vectors`` (n, dim) are of their pictures, ``table``
    (n, columns) has their facts by ``code``.
    """
    known = np.concatenate([vectors, table], axis=1).astype(np.float64)  # (n, d)
    has_some: NDArray[np.bool_] = np.any(known, axis=1)
    rows = np.concatenate(
        [_behavior(known, factors, has_some), _likeness(known[has_some])], axis=1
    ).astype(np.float32)  # (d + 1, FACTORS + LIKENESS)
    dim = vectors.shape[1]
    return FactorMap(np.concatenate([rows[:dim], rows[-1:]]), code, rows[dim:-1])


def _behavior(
    known: NDArray[np.float64], factors: Factors, has_some: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the ridge regression from ``known`` (n, d) to factors: (d + 1, FACTORS)."""
    warm = np.flatnonzero(factors.any(axis=1) & has_some)
    if len(warm) < _FEWEST:
        return np.zeros((known.shape[1] + 1, FACTORS))
    inputs = np.concatenate([known[warm], np.ones((len(warm), 1))], axis=1)
    square = inputs.T @ inputs + _RIDGE * np.eye(inputs.shape[1])
    found: NDArray[np.float64] = np.linalg.solve(square, inputs.T @ factors[warm])
    return found


def _likeness(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the map from ``known`` (n, d) to its principal components: (d + 1, LIKENESS)."""
    some = known[:: max(1, len(known) // _MOST)]
    rows = np.zeros((known.shape[1] + 1, LIKENESS))
    if len(some):
        mean = some.mean(axis=0)
        _, directions = np.linalg.eigh((some - mean).T @ (some - mean))  # ascending
        leading = directions[:, -LIKENESS:]  # (d, <= LIKENESS)
        rows[:-1, : leading.shape[1]] = leading
        rows[-1] = -mean @ rows[:-1]
    return rows
