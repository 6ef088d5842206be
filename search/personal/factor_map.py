"""A map from what is known of an item, its picture and its facts, to factors of behavior.

It is a ridge regression, in closed form, over the items that enough users met. Of an item that
nobody met, it says what kind of user would meet it (as in VBPR, He and McAuley, 2016, but solved
instead of trained).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.facts import SCALE, FactCode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.factors import Factors
    from search.personal.facts import ItemFacts

_RIDGE: Final = 3.0
_FEWEST: Final = 32  # items to learn from


class FactorMap(NamedTuple):
    """The rows of the map: of pictures (dim + 1, f), the last being a constant, and of facts.

    ``facts`` (columns of ``code``, f) are those of a true fact.
    """

    pictures: NDArray[np.float32]
    code: FactCode
    facts: NDArray[np.float32]

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
) -> FactorMap | None:
    """Return the map that fits items' factors (n, f); None if fewer than 32 have some.

    Items without factors have zeros there. ``vectors`` (n, dim) are of their pictures, ``table``
    (n, columns) has their facts by ``code``.
    """
    warm = np.flatnonzero(np.any(factors, axis=1) & (np.any(vectors, axis=1) | table.any(axis=1)))
    if len(warm) < _FEWEST:
        return None
    one = np.ones((len(warm), 1))
    known = np.concatenate([vectors[warm], table[warm], one], axis=1).astype(np.float64)
    square = known.T @ known + _RIDGE * np.eye(known.shape[1])
    weights = np.linalg.solve(square, known.T @ factors[warm]).astype(np.float32)
    dim = vectors.shape[1]
    pictures = np.concatenate([weights[:dim], weights[-1:]])
    return FactorMap(pictures, code, weights[dim:-1])
