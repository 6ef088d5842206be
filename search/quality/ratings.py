"""Compare models of ratings: each predicts a user's ratings from the earlier ones.

The models have seen no event of the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from search.quality.metrics import Estimate
from search.quality.predictions import interval_by_user
from search.quality.rating_models import BIAS_PRIOR, MODELS, Means, Rated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.quality.interactions import Interactions, Split
    from search.quality.rating_models import RatingModel, Setting, Values

MIN_RATINGS: Final = 100  # of the training and of the test: fewer say nothing
_TUNED_ON: Final = 1_500  # ratings of the validation, spread evenly


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
    cold = counts[rated.items[targets]] < BIAS_PRIOR
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


def _root(errors: Values) -> float:
    return round(float(np.sqrt((errors**2).mean())), 4) if len(errors) else 0.0
