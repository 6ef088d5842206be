"""Predict ratings from pictures and behavior, and compare with means and matrix factors.

``PicturesAndBehavior`` is a Gaussian process for each user over the items that the user has rated:

    rating(item) = mean + bias(item) + f(item) + noise
    covariance of f(i) and f(j) = user + behavior * c(i, j) + pictures * cosine(i, j)

``user`` is the variance of how high users rate on the whole, ``c`` the correlation of what ratings
of two items leave unexplained by the means. The bias of an item that few rated is drawn to what
its picture suggests, by ridge regression. All is closed form, and a new rating counts at once. With
``behavior`` and ``pictures`` 0 it is the usual model of user and item means, shrunk.

Each rating of the test is predicted from its user's earlier ratings, by models that saw no event of
the test.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import msgspec
import numpy as np

from search.quality.metrics import Estimate
from search.quality.predictions import interval_by_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.quality.interactions import Interactions, Split

    Values = NDArray[np.float64]
    Setting = Mapping[str, float]

MIN_RATINGS: Final = 100  # of the training and of the test: fewer say nothing
_BIAS_PRIOR: Final = 5.0  # ratings that pull the mean of an item or a user to the usual
_BIAS_ROUNDS: Final = 5
_RIDGE: Final = 30.0
_SHRINK: Final = 20.0  # squared stars that pull a correlation to 0
_MOST_RATINGS: Final = 100  # of a user, the newest: the solution takes the cube of it
_TUNED_ON: Final = 1_500  # ratings of the validation, spread evenly
_ALS_ROUNDS: Final = 8


class RatingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The root of the mean squared error and the mean absolute error of predicted stars.

    ``cold_rmse`` is over items that fewer than five users rated before the test. ``better_by`` is
    how much smaller the mean squared error is than that of user and item means, by resampled users.
    """

    rmse: float
    mae: float
    cold_rmse: float
    better_by: Estimate
    setting: dict[str, float]


class RatingEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all models of ratings, by name, over ``ratings`` of the test."""

    ratings: int
    cold: int
    models: dict[str, RatingFigures]


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
        user = above.sum() / (len(above) + _BIAS_PRIOR)
        factors = self._solve(self._items[items], above - user)
        return float(user + factors @ self._items[item])

    def _solve(self, known: Values, left: Values) -> Values:
        square = known.T @ known + self.setting["l2"] * np.eye(known.shape[1])
        return np.asarray(np.linalg.solve(square, known.T @ left), dtype=np.float64)


MODELS: Final[tuple[type[RatingModel], ...]] = (Means, Factors, Behavior, PicturesAndBehavior)


def evaluate_ratings(log: Interactions, vectors: Vectors, split: Split) -> RatingEvaluation | None:
    """Tune all models of ratings on the validation, and judge them on the test.

    None if the log has few ratings. Every model may try eight settings.
    """
    numbers = np.array(
        [n for n, event in enumerate(log.events) if event.type == "rating"], dtype=np.int64
    )
    rated = Rated(
        log.users[numbers],
        log.items[numbers],
        np.array([log.events[n].value for n in numbers.tolist()], dtype=np.float64),
        log.user_count,
        len(log.item_ids),
    )
    start, test = np.searchsorted(numbers, [split.validation, split.test]).tolist()
    if min(start, test - start, len(numbers) - test) < MIN_RATINGS:
        return None
    targets = np.arange(test, len(numbers))
    counts = np.bincount(rated.items[:test], minlength=rated.item_count)
    cold = counts[rated.items[targets]] < _BIAS_PRIOR
    tuned_on = np.arange(start, test)[:: max(1, (test - start) // _TUNED_ON)]
    errors: dict[str, tuple[Setting, Values]] = {}
    for kind in MODELS:
        fits = [
            (_errors(kind(rated.part(0, start), vectors, setting), rated, tuned_on), setting)
            for setting in kind.settings
        ]
        setting = min(fits, key=lambda fit: float((fit[0] ** 2).mean()))[1]
        model = kind(rated.part(0, test), vectors, setting)
        errors[kind.name] = (setting, _errors(model, rated, targets))
    means = errors[Means.name][1] ** 2
    users = rated.users[targets]
    return RatingEvaluation(
        ratings=len(targets),
        cold=int(cold.sum()),
        models={
            name: RatingFigures(
                rmse=_root(error),
                mae=round(float(np.abs(error).mean()), 4),
                cold_rmse=_root(error[cold]),
                better_by=interval_by_user(means - error**2, users),
                setting=dict(setting),
            )
            for name, (setting, error) in errors.items()
        },
    )


def _errors(model: RatingModel, rated: Rated, targets: NDArray[np.int64]) -> Values:
    """Return the errors of ratings by number, ascending, each from those before it: (t,)."""
    items: dict[int, list[int]] = {}
    stars: dict[int, list[float]] = {}
    wanted = set(targets.tolist())
    found = []
    for number in range(int(targets[-1]) + 1):
        user, item, value = (
            int(rated.users[number]), int(rated.items[number]), float(rated.stars[number])
        )  # fmt: skip
        met, given = items.setdefault(user, []), stars.setdefault(user, [])
        if number in wanted:
            known = np.array(met, dtype=np.int64), np.array(given, dtype=np.float64)
            found.append(value - model.predict(*known, item))
        met.append(item)
        given.append(value)
    return np.array(found)


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
        user = np.bincount(rated.users, left, rated.user_count) / (of_user + _BIAS_PRIOR)
        left = rated.stars - mean - user[rated.users]
        sums = np.bincount(rated.items, left, rated.item_count)
        item = (sums + _BIAS_PRIOR * suggested) / (of_item + _BIAS_PRIOR)
        if pictures:
            suggested = _by_picture(vectors, sums / np.maximum(of_item, 1), of_item)
    return user, item


def _by_picture(vectors: Vectors, means: Values, counts: NDArray[np.int64]) -> Values:
    """Return the means that pictures suggest, by ridge regression weighted by counts: (items,)."""
    known = np.concatenate([vectors, np.ones((len(vectors), 1))], axis=1).astype(np.float64)
    weights = np.minimum(counts, 50).astype(np.float64)
    square = (known * weights[:, None]).T @ known + _RIDGE * np.eye(known.shape[1])
    found: Values = known @ np.linalg.solve(square, known.T @ (weights * means))
    return found


def _groups(numbers: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Return the places of each number."""
    order = np.argsort(numbers, kind="stable")
    distinct, starts = np.unique(numbers[order], return_index=True)
    return dict(zip(distinct.tolist(), np.split(order, starts[1:]), strict=True))


def _root(errors: Values) -> float:
    return round(float(np.sqrt((errors**2).mean())), 4) if len(errors) else 0.0
