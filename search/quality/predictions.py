"""Predict logged events one by one: the rank of each target among all items, and its gain."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.quality.baselines import History
from search.quality.interactions import repeats
from search.quality.metrics import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from search.quality.baselines import Model, Setting
    from search.quality.interactions import Interactions

TOP = 20  # items that count as shown
_RESAMPLES = 1_000


class Run(NamedTuple):
    """A model over the test: ranks of the targets from 0 (t,), and how often items were shown."""

    setting: Setting
    ranks: NDArray[np.int64]
    shown: NDArray[np.int64]  # (items,)


def histories(log: Interactions, targets: NDArray[np.int64]) -> Iterator[tuple[int, History]]:
    """Yield each target event with its user's history before it. Targets ascend.

    The lists of a history are shared: they grow as the iteration goes on.
    """
    items: dict[int, list[int]] = {}
    events: dict[int, list[object]] = {}
    wanted = set(targets.tolist())
    last = int(targets[-1]) if len(targets) else -1
    for number in range(last + 1):
        user = int(log.users[number])
        met = items.setdefault(user, [])
        done = events.setdefault(user, [])
        if number in wanted:
            yield number, History(user, met, done, float(log.times[number]))  # type: ignore[arg-type]
        met.append(int(log.items[number]))
        done.append(log.events[number])


def targets_of(log: Interactions, start: int, end: int) -> NDArray[np.int64]:
    """Return the numbers of the events to predict: those whose item is new to the user."""
    numbers = np.arange(start, end)
    return numbers[~repeats(log)[start:end]]


def run_model(model: Model, setting: Setting, log: Interactions, targets: NDArray[np.int64]) -> Run:
    """Predict the targets, event numbers in ascending order, with a fitted model."""
    ranks = np.zeros(len(targets), dtype=np.int64)
    shown = np.zeros(len(log.item_ids), dtype=np.int64)
    for place, (number, history) in enumerate(histories(log, targets)):
        scores = np.array(model.scores(history), dtype=np.float64)
        if not np.isfinite(scores).all():
            raise ValueError(f"{model.name} gave scores that are not finite")
        scores[history.items] = -np.inf
        own = scores[log.items[number]]
        # Half of the items with an equal score count as better, so that ties gain nothing.
        equal = int((scores == own).sum()) - 1
        ranks[place] = int((scores > own).sum()) + equal // 2
        top = min(TOP, len(scores) - 1)
        shown[np.argpartition(-scores, top)[:top]] += 1
    return Run(setting, ranks, shown)


def gains_of(ranks: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return the nDCG@k of each target: (t,)."""
    return np.where(ranks < k, 1 / np.log2(ranks + 2), 0.0)


def interval_by_user(values: NDArray[np.float64], users: NDArray[np.int64]) -> Estimate:
    """Return the mean with its 95 % interval, from resampled users.

    Users are resampled, not events, because the events of one user depend on each other.
    """
    distinct, owner = np.unique(users, return_inverse=True)
    sums = np.bincount(owner, values, len(distinct))
    sizes = np.bincount(owner, minlength=len(distinct))
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, len(distinct), size=(_RESAMPLES, len(distinct)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(round(float(np.mean(values)), 4), round(float(low), 4), round(float(high), 4))
