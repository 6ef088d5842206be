"""Fit a linear head on stored vectors by ridge regression, with cross-fitted scores.

Each label is a target of 0 or 1. The Gram matrix of each fold is computed once, and subtracted from
the total for the head without that fold. All pictures of a product are in one fold, so its scores
come from a head that has not seen it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDS = 8
_RIDGES = (0.01, 0.1, 1.0, 10.0)  # times the mean variance of a dimension


class Head(NamedTuple):
    """A linear map from vectors to scores of labels: (dim, l), and the offsets (l,)."""

    matrix: Floats
    offset: Floats

    def scores(self, vectors: NDArray[np.floating]) -> Floats:
        """Return the score of each label for vectors (n, dim): (n, l), about 0 to 1."""
        return np.asarray(vectors, dtype=np.float64) @ self.matrix + self.offset


class CrossFitted(NamedTuple):
    """The head of all rows, and the scores (n, l) of each row by the head without its fold."""

    head: Head
    scores: Floats


def folds_of(products: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a fold for each row (n,), from 0 to FOLDS - 1; rows of a product share one."""
    numbers, place = np.unique(products, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(numbers))
    return np.asarray((order % FOLDS)[place], dtype=np.int64)


def cross_fit(
    features: Floats, targets: Floats, weights: Floats, folds: NDArray[np.int64]
) -> CrossFitted:
    """Fit a head on all rows, and score each row by a head without the rows of its fold.

    ``features`` is (n, dim), ``targets`` (n, l) and ``weights`` (n,). A row of weight 0 is scored,
    but not fitted. The strength of the regularization is the one whose cross-fitted scores have the
    least squared error.
    """
    design = np.column_stack([features, np.ones(len(features))])  # (n, dim + 1)
    weighted = design * weights[:, None]
    parts = [np.flatnonzero(folds == fold) for fold in range(FOLDS)]
    grams = [weighted[rows].T @ design[rows] for rows in parts]
    sides = [weighted[rows].T @ targets[rows] for rows in parts]
    gram, side = np.sum(grams, axis=0), np.sum(sides, axis=0)
    total = max(float(weights.sum()), 1e-12)
    center = gram[-1, :-1] / total
    variance = float(np.trace(gram[:-1, :-1]) / total - center @ center) / features.shape[1]
    best: tuple[float, float, Floats] | None = None
    for strength in _RIDGES:
        ridge = strength * max(variance, 1e-12) * total
        scores = np.empty_like(targets)
        for rows, fold_gram, fold_side in zip(parts, grams, sides, strict=True):
            scores[rows] = design[rows] @ _solve(gram - fold_gram, side - fold_side, ridge)
        error = float((weights[:, None] * (scores - targets) ** 2).sum())
        if best is None or error < best[0]:
            best = (error, ridge, scores)
    assert best is not None
    solution = _solve(gram, side, best[1])
    return CrossFitted(Head(solution[:-1], solution[-1]), best[2])


def _solve(gram: Floats, side: Floats, ridge: float) -> Floats:
    """Solve the normal equations; the last row, which is the offset, is not regularized."""
    penalty = np.full(len(gram), ridge)
    penalty[-1] = 1e-9
    return np.asarray(np.linalg.solve(gram + np.diag(penalty), side), dtype=np.float64)


def product_weights(products: NDArray[np.int64]) -> Floats:
    """Return a weight for each row (n,), which limits the influence of products with many."""
    _, place, counts = np.unique(products, return_inverse=True, return_counts=True)
    return np.asarray(1 / np.sqrt(counts[place]), dtype=np.float64)
