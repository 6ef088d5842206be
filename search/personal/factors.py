"""Factors of items by behavior: implicit matrix factorization by alternating least squares.

Users ``x`` and items ``y`` get factors that minimize (Hu, Koren and Volinsky, 2008)::

    sum over all pairs of c (p - x y)^2  +  REGULARIZATION (sum of x^2 + sum of y^2)

where ``p`` is 1 and ``c`` is ``1 + ALPHA`` if the user met the item, else 0 and 1. Each step solves
for all users or all items in closed form. Unlike the linear model of ``linear``, factors have no
limit on the number of items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Factors = NDArray[np.float32]  # (n, FACTORS)
    _Solved = NDArray[np.float64]  # so that the order of users is only rounding

FACTORS: Final = 32
ALPHA: Final = 5.0
REGULARIZATION: Final = 1.0
FOLDING: Final = 50.0
WARM_FROM: Final = 5  # users of an item from which it has factors of its own
_STEPS: Final = 10
_AT_ONCE: Final = 1 << 20  # numbers of the factors that one batch gathers


def learn_factors(
    users: NDArray[np.int64], items: NDArray[np.int64], order: NDArray[np.int64]
) -> Factors:
    """Return the factors of items: (items, FACTORS), see ``leading``.

    ``users`` and ``items`` (n,) are numbers of what was met, pairs may repeat. ``order`` (items,)
    is the rank of each item, such as that of its id: the result does not depend on the numbers.
    """
    count = len(order)
    users, items = np.divmod(np.unique(users * count + items), count)
    by_user = _Lists(users, items, int(users.max(initial=-1)) + 1)
    by_item = _Lists(items, users, count)
    found: _Solved = np.random.default_rng(1).normal(scale=0.1, size=(count, FACTORS))[order]
    for _ in range(_STEPS):
        found = by_item.solved(by_user.solved(found))
    return leading(found, np.bincount(items, minlength=count))


def leading(factors: _Solved, counts: NDArray[np.int64]) -> Factors:
    """Return factors whose products say how strongly one item leads to another: (n, FACTORS).

    ``z_i z_j = s y_i (Y' Y + FOLDING)^-1 y_j``: the least squares that give a user factors, for
    one item that was met. It does not depend on the others, so what several lead to is a sum.
    ``s`` makes the mean of ``z_i z_i`` 1 over the items that enough users met, by ``counts`` (n,),
    so that the number of items does not matter. The rows of other items are zeros.
    """
    warm = counts >= WARM_FROM
    found: Factors = np.zeros(factors.shape, dtype=np.float32)
    if not warm.any():
        return found
    square = factors.T @ factors + FOLDING * np.eye(factors.shape[1])
    own = factors[warm] @ np.linalg.cholesky(np.linalg.inv(square))  # (w, f)
    found[warm] = own / np.sqrt(np.maximum((own**2).sum(axis=1).mean(), 1e-12))
    return found


class _Lists:
    """The items that each user met, or the users who met each item, in batches of like length."""

    def __init__(self, owners: NDArray[np.int64], others: NDArray[np.int64], count: int) -> None:
        order = np.argsort(owners, kind="stable")
        self._others = others[order]
        self._lengths = np.bincount(owners, minlength=count)
        self._starts = np.cumsum(self._lengths) - self._lengths

    def solved(self, others: _Solved) -> _Solved:
        """Return the best factors of the owners, given those of the others."""
        base = others.T @ others + REGULARIZATION * np.eye(FACTORS)
        inverse = np.linalg.inv(base)
        padded = np.concatenate([others, np.zeros((1, FACTORS))])
        found = np.zeros((len(self._lengths), FACTORS))
        for owners, places in self._batches():
            met = padded[places]  # (b, width, f); rows of zeros where a list is shorter
            turned = met.transpose(0, 2, 1)
            if places.shape[1] < FACTORS // 2:
                # (B + a M'M)^-1 M' = B^-1 M' (I + a M B^-1 M')^-1: smaller for short lists.
                led = met @ inverse  # (b, width, f)
                square = np.eye(places.shape[1]) + ALPHA * (led @ turned)
                ones = np.ones((*places.shape, 1))
                part = led.transpose(0, 2, 1) @ np.linalg.solve(square, ones)  # (b, f, 1)
                found[owners] = (1 + ALPHA) * part[:, :, 0]
            else:
                square = base + ALPHA * (turned @ met)  # (b, f, f)
                right = (1 + ALPHA) * met.sum(axis=1)
                found[owners] = np.linalg.solve(square, right[:, :, None])[:, :, 0]
        return found

    def _batches(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield owners (b,) with the places of what they met (b, width), -1 for none."""
        order = np.argsort(self._lengths, kind="stable")
        order = order[self._lengths[order] > 0]
        start = 0
        while start < len(order):
            # Ascending lengths: a batch takes lists up to twice as long as its first.
            width = 2 * int(self._lengths[order[start]])
            end = int(np.searchsorted(self._lengths[order], width, side="right"))
            end = min(end, start + max(1, _AT_ONCE // (width * FACTORS)))
            owners = order[start:end]
            lengths = self._lengths[owners]
            columns = np.arange(int(lengths.max()))
            places = self._starts[owners][:, None] + columns
            is_list = columns < lengths[:, None]
            yield owners, np.where(is_list, self._others[np.where(is_list, places, 0)], -1)
            start = end
