"""Visual Bayesian personalized ranking (VBPR, He and McAuley, 2016), trained here.

A user ``u`` scores an item ``i`` with the unit vector ``f`` of its picture as::

    g_u . g_i + t_u . (E f) + b_i + b . f

Triples of a user, an item that was met and one that was not are drawn, and the difference of their
scores is raised: ``ln sigmoid`` of it, less a penalty on the sizes, by AdaGrad in batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from search.quality.baselines import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from search.quality.baselines import History, Scores, Setting
    from search.quality.interactions import Interactions

    _Table = NDArray[np.float32]

_BATCH: Final = 1_024
_PENALTY: Final = 0.01
_NEWEST: Final = 20  # items that stand for a user whom the training did not see


class _Learned:
    """Parameters that AdaGrad moves along gradients, less a penalty on their size."""

    def __init__(self, values: _Table) -> None:
        self.values = values
        self._squares = np.full(values.shape, 1e-6, dtype=np.float32)  # sums of squared gradients

    def move(self, gradient: _Table, rate: np.float32) -> None:
        """Move all values along a gradient of their shape."""
        gradient = gradient - _PENALTY * self.values
        self._squares += gradient**2
        self.values += rate * gradient / np.sqrt(self._squares)

    def move_rows(self, rows: NDArray[np.int64], gradient: _Table, rate: np.float32) -> None:
        """Move rows (b,) along a gradient (b, ...); a row that occurs again moves again."""
        gradient = gradient - _PENALTY * self.values[rows]
        np.add.at(self._squares, rows, gradient**2)
        np.add.at(self.values, rows, rate * gradient / np.sqrt(self._squares[rows]))


class Vbpr(Model):
    """VBPR with half of the factors for pictures.

    A user without events before the split has the mean factors of the newest items.
    """

    name: ClassVar[str] = "vbpr"
    settings: ClassVar[Sequence[Setting]] = tuple(
        {"factors": factors, "rate": rate, "epochs": epochs}
        for factors in (32, 64)
        for rate in (0.1, 0.2)
        for epochs in (10, 30)
    )

    def fit(self, log: Interactions) -> None:
        """Learn factors by sampled triples; the result is the same for the same log."""
        rng = np.random.default_rng(1)
        count, half = len(log.item_ids), int(self.setting["factors"]) // 2
        dim = self.vectors.shape[1]

        def drawn(*shape: int) -> _Learned:
            return _Learned(rng.normal(scale=0.1, size=shape).astype(np.float32))

        self._users = drawn(log.user_count, 2 * half)  # by behavior, then by pictures
        self._items = drawn(count, half)
        self._map = drawn(dim, half)
        self._bias = _Learned(np.zeros(count, dtype=np.float32))
        self._look = _Learned(np.zeros(dim, dtype=np.float32))
        pairs = np.unique(log.users * count + log.items)
        for _ in range(int(self.setting["epochs"])):
            taken = rng.permutation(pairs)
            other = rng.integers(0, count, len(taken))
            met = np.isin(taken // count * count + other, pairs)
            taken, other = taken[~met], other[~met]
            for start in range(0, len(taken), _BATCH):
                batch = taken[start : start + _BATCH]
                self._step(batch // count, batch % count, other[start : start + _BATCH])
        self._known = np.bincount(log.users, minlength=log.user_count) > 0
        seen = self.vectors @ self._map.values
        self._factors = np.concatenate([self._items.values, seen], axis=1)  # (items, factors)
        self._constant = self._bias.values + self.vectors @ self._look.values

    def _step(
        self, users: NDArray[np.int64], taken: NDArray[np.int64], other: NDArray[np.int64]
    ) -> None:
        """Raise the scores of items that were taken above those of others: (b,) each."""
        half = self._items.values.shape[1]
        rate = np.float32(self.setting["rate"])
        looks = self.vectors[taken] - self.vectors[other]  # (b, dim)
        behavior = self._items.values[taken] - self._items.values[other]
        gaps = np.concatenate([behavior, looks @ self._map.values], axis=1)  # (b, factors)
        user, bias = self._users.values[users], self._bias.values
        margin = (user * gaps).sum(axis=1) + bias[taken] - bias[other] + looks @ self._look.values
        pull = 1 / (1 + np.exp(margin))  # (b,), of ln sigmoid
        pulled = pull[:, None] * user
        self._map.move((pull[:, None] * looks).T @ user[:, half:], rate)
        self._look.move(pull @ looks, rate)
        self._users.move_rows(users, pull[:, None] * gaps, rate)
        for items, sign in ((taken, 1), (other, -1)):
            self._items.move_rows(items, sign * pulled[:, :half], rate)
            self._bias.move_rows(items, sign * pull, rate)

    def scores(self, history: History) -> Scores:
        """Multiply the user's factors with the items', and add what all users share."""
        if self._known[history.user]:
            user = self._users.values[history.user]
        elif history.items:
            user = self._factors[history.items[-_NEWEST:]].mean(axis=0)
        else:
            user = np.zeros(self._factors.shape[1], dtype=np.float32)
        scores: Scores = (self._factors @ user + self._constant).astype(np.float64)
        return scores
