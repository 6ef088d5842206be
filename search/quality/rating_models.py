"""Models that predict ratings: means, matrix factors, and a Gaussian process over pictures.

``PicturesAndBehavior`` is a Gaussian process for each user over the items that the user has rated:

    rating(item) = mean + bias(item) + f(item) + noise
    covariance of f(i) and f(j) = user + behavior * c(i, j) + pictures * cosine(i, j)

``user`` is the variance of how high users rate on the whole, ``c`` the correlation of what ratings
of two items leave unexplained by the means. The bias of an item that few rated is drawn to what
its picture suggests, by ridge regression. All is closed form, and a new rating counts at once. With
``behavior`` and ``pictures`` 0 it is the usual model of user and item means, shrunk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors

    Values = NDArray[np.float64]
    Setting = Mapping[str, float]

BIAS_PRIOR: Final = 5.0  # ratings that pull the mean of an item or a user to the usual
_BIAS_ROUNDS: Final = 5
_RIDGE: Final = 30.0
_SHRINK: Final = 20.0  # squared stars that pull a correlation to 0
_MOST_RATINGS: Final = 100  # of a user, the newest: the solution takes the cube of it
_ALS_ROUNDS: Final = 8


class Rated(NamedTuple):
    """Ratings in the order of time: users, items and stars (n,) each; sizes of the catalog."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    stars: Values
    user_count: int
    item_count: int

    def part(self, start: int, end: int) -> Rated:
        """Return the ratings from ``start`` to ``end``."""
        piece = slice(start, end)
        return self._replace(
            users=self.users[piece], items=self.items[piece], stars=self.stars[piece]
        )


class RatingModel(ABC):
    """A model of ratings: fitted to ratings of many users, asked with those of one."""

    name: ClassVar[str]
    settings: ClassVar[Sequence[Setting]]

    def __init__(self, rated: Rated, vectors: Vectors, setting: Setting) -> None:
        """Fit to ratings; ``vectors`` (items, dim) are of pictures, zeros for none."""
        self.setting = setting
        self.mean = float(rated.stars.mean())
        self.low, self.high = float(rated.stars.min()), float(rated.stars.max())
        user_bias, self.bias = _biases(rated, self.mean, vectors, pictures=self._uses_pictures())
        left = rated.stars - self.mean - user_bias[rated.users] - self.bias[rated.items]
        self.fit(rated, left, vectors)

    def predict(self, items: NDArray[np.int64], stars: Values, item: int) -> float:
        """Return the stars that a user who gave ``stars`` (n,) to ``items`` will give to one."""
        base = self.mean + float(self.bias[item])
        items, stars = items[-_MOST_RATINGS:], stars[-_MOST_RATINGS:]
        if len(items):
            base += self.own(items, stars - self.mean - self.bias[items], item)
        return min(self.high, max(self.low, base))

    def _uses_pictures(self) -> bool:
        return False

    @abstractmethod
    def fit(self, rated: Rated, left: Values, vectors: Vectors) -> None:
        """Learn from what the means leave unexplained of each rating: (n,)."""

    @abstractmethod
    def own(self, items: NDArray[np.int64], above: Values, item: int) -> float:
        """Return how far above its mean a user will rate an item.

        ``above`` (n,) is how far above their means the user rated ``items``; n is at least 1.
        """


class PicturesAndBehavior(RatingModel):
    """The Gaussian process of this module."""

    name = "vitrine"
    settings = tuple(
        {"user": 0.2, "behavior": behavior, "pictures": pictures, "noise": 0.8}
        for behavior in (0.3, 0.8)
        for pictures in (0.0, 0.02, 0.1, 0.3)
    )

    def _uses_pictures(self) -> bool:
        return self.setting["pictures"] > 0

    def fit(self, rated: Rated, left: Values, vectors: Vectors) -> None:
        """Keep the correlations of items, and the vectors of their pictures."""
        self._vectors = vectors.astype(np.float64)
        self._correlations: Values | None = None
        if self.setting["behavior"]:
            table = np.zeros((rated.user_count, rated.item_count), dtype=np.float32)
            table[rated.users, rated.items] = left
            gram = (table.T @ table).astype(np.float64)
            length = np.sqrt(np.diag(gram) + _SHRINK)
            self._correlations = gram / np.outer(length, length)

    def own(self, items: NDArray[np.int64], above: Values, item: int) -> float:
        """Solve for the user."""
        setting = self.setting
        user, noise = setting["user"], setting["noise"]
        if self._correlations is None and not setting["pictures"]:
            return float(user * above.sum() / (noise + user * len(above)))
        both = np.append(items, item)
        kernel = np.full((len(items), len(both)), user)
        if self._correlations is not None:
            kernel += setting["behavior"] * self._correlations[np.ix_(items, both)]
        if setting["pictures"]:
            kernel += setting["pictures"] * (self._vectors[items] @ self._vectors[both].T)
        among = kernel[:, :-1] + noise * np.eye(len(items))
        return float(kernel[:, -1] @ np.linalg.solve(among, above))


class Means(PicturesAndBehavior):
    """The means of the user and of the item."""

    name = "means"
    settings = tuple(
        {"user": user, "behavior": 0.0, "pictures": 0.0, "noise": 0.8}
        for user in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0)
    )


class Behavior(PicturesAndBehavior):
    """The Gaussian process without pictures."""

    name = "behavior"
    settings = tuple(
        {"user": 0.2, "behavior": behavior, "pictures": 0.0, "noise": noise}
        for behavior in (0.2, 0.4, 0.8, 1.6)
        for noise in (0.6, 0.9)
    )


class Factors(RatingModel):
    """Matrix factors by alternating least squares over what the means leave unexplained.

    The user's factors are solved anew from the ratings so far, with one for the user's mean.
    """

    name = "als"
    settings = tuple(
        {"factors": float(factors), "l2": l2} for factors in (4, 16) for l2 in (1, 3, 6, 12)
    )

    def fit(self, rated: Rated, left: Values, vectors: Vectors) -> None:  # noqa: ARG002
        """Alternate between the factors of users and of items."""
        size = int(self.setting["factors"])
        rng = np.random.default_rng(1)
        self._items = rng.normal(scale=0.1, size=(rated.item_count, size))
        users = np.zeros((rated.user_count, size))
        by_user, by_item = _groups(rated.users), _groups(rated.items)
        for _ in range(_ALS_ROUNDS):
            for user, rows in by_user.items():
                users[user] = self._solve(self._items[rated.items[rows]], left[rows])
            for item, rows in by_item.items():
                self._items[item] = self._solve(users[rated.users[rows]], left[rows])

    def own(self, items: NDArray[np.int64], above: Values, item: int) -> float:
        """Solve for the user's mean, then for the factors."""
        user = above.sum() / (len(above) + BIAS_PRIOR)
        factors = self._solve(self._items[items], above - user)
        return float(user + factors @ self._items[item])

    def _solve(self, known: Values, left: Values) -> Values:
        square = known.T @ known + self.setting["l2"] * np.eye(known.shape[1])
        return np.asarray(np.linalg.solve(square, known.T @ left), dtype=np.float64)


MODELS: Final[tuple[type[RatingModel], ...]] = (Means, Factors, Behavior, PicturesAndBehavior)


def _biases(
    rated: Rated, mean: float, vectors: Vectors, *, pictures: bool
) -> tuple[Values, Values]:
    """Return how far above the mean users rate, and items are rated: (users,) and (items,).

    Both are drawn to 0 where few ratings are known; with ``pictures``, an item's to what its
    picture suggests.
    """
    user, item = np.zeros(rated.user_count), np.zeros(rated.item_count)
    suggested = np.zeros(rated.item_count)
    of_user = np.bincount(rated.users, minlength=rated.user_count)
    of_item = np.bincount(rated.items, minlength=rated.item_count)
    for _ in range(_BIAS_ROUNDS):
        left = rated.stars - mean - item[rated.items]
        user = np.bincount(rated.users, left, rated.user_count) / (of_user + BIAS_PRIOR)
        left = rated.stars - mean - user[rated.users]
        sums = np.bincount(rated.items, left, rated.item_count)
        item = (sums + BIAS_PRIOR * suggested) / (of_item + BIAS_PRIOR)
        if pictures:
            suggested = _by_picture(vectors, sums / np.maximum(of_item, 1), of_item)
    return user, item


def _by_picture(vectors: Vectors, means: Values, counts: NDArray[np.int64]) -> Values:
    """Return the means that pictures suggest, by ridge regression weighted by counts: (items,)."""
    known = np.concatenate([vectors, np.ones((len(vectors), 1))], axis=1).astype(np.float64)
    weights = np.minimum(counts, 50).astype(np.float64)
    square = (known * weights[:, None]).T @ known + _RIDGE * np.eye(known.shape[1])
    return np.asarray(known @ np.linalg.solve(square, known.T @ (weights * means)), np.float64)


def _groups(numbers: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Return the places of each number."""
    order = np.argsort(numbers, kind="stable")
    distinct, starts = np.unique(numbers[order], return_index=True)
    return dict(zip(distinct.tolist(), np.split(order, starts[1:]), strict=True))
