"""Train the mixer on a shop's own events, and deploy it only if it predicts them better."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.progress import no_progress
from search.personal.mixer import WEIGHTS
from search.quality.interactions import split_by_time
from search.quality.logged_lists import lists_of
from search.quality.mixer_model import Mixer
from search.quality.predictions import gains_of, histories, interval_by_user, targets_of
from search.quality.tree_ranking import lightgbm, ranks_by_trees
from search.quality.weight_search import best_weights, row_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from indexer.progress import Progress
    from search.quality.interactions import Interactions
    from search.quality.logged_lists import LoggedLists
    from search.quality.metrics import Estimate

_MIN_USERS = 30  # of the test: an interval of fewer means little
_LEARNED_EVENTS = 2_000  # spread evenly
_TEST_EVENTS = 4_000


class TrainedRanker(msgspec.Struct, frozen=True, kw_only=True):
    """Learned weights, and how well they and those that need no training predict later events.

    ``ndcg`` figures are means of nDCG@10 over test events, ``difference`` is by resampled users.
    ``is_better`` is True if its whole 95 % interval lies above 0 and the test has 30 users. The
    figures of trees are those of LightGBM's lambdarank; None unless they were asked for.
    """

    weights: dict[str, float]
    events: int
    test_events: int
    ndcg: float
    ndcg_untrained: float
    difference: Estimate
    is_better: bool
    ndcg_trees: float | None = None
    difference_trees: Estimate | None = None


def train_ranker(
    log: Interactions,
    vectors: Vectors,
    facts: NDArray[np.float32] | None = None,
    progress: Progress = no_progress,
    *,
    trees: bool = False,
) -> TrainedRanker:
    """Learn weights from the last tenth of the events but one, and judge them on the last tenth.

    The features are learned from the events before. Both rank the candidates that serving finds.
    ``vectors`` (items, dim) are those of the items' pictures, ``facts`` (items, columns) what the
    catalog states. ``progress`` has the stages "earlier", "weights" and "later". ``trees`` compares
    with LightGBM's lambdarank too. Raises BadQuery for too few events.
    """
    if trees:
        lightgbm()  # else it would be missed after all the work
    split, sides = split_by_time(log, 0.1, 0.1), (vectors, facts)
    targets = _spread(targets_of(log, split.validation, split.test), _LEARNED_EVENTS)
    earlier = _lists(log, split.validation, targets, sides, partial(progress, "earlier"))
    weights = best_weights(earlier, partial(progress, "weights"))
    targets = _spread(targets_of(log, split.test, len(log)), _TEST_EVENTS)
    later = _lists(log, split.test, targets, sides, partial(progress, "later"))
    users = log.users[targets]

    def gained(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
        gains = np.zeros(len(targets))  # 0 where the item that was taken was no candidate
        gains[later.of_targets] = gains_of(ranks, 10)
        return gains

    learned, plain = (
        gained(later.ranks(later.features @ row_of(setting))) for setting in (weights, WEIGHTS)
    )
    by_trees = gained(ranks_by_trees(earlier, later)) if trees else None
    difference = interval_by_user(learned - plain, users)
    return TrainedRanker(
        weights=dict(weights),
        events=len(log),
        test_events=len(targets),
        ndcg=_mean(learned),
        ndcg_untrained=_mean(plain),
        difference=difference,
        is_better=difference.low > 0 and len(np.unique(users)) >= _MIN_USERS,
        ndcg_trees=None if by_trees is None else _mean(by_trees),
        difference_trees=None if by_trees is None else interval_by_user(by_trees - plain, users),
    )


def _mean(gains: NDArray[np.float64]) -> float:
    return round(float(gains.mean()), 4)


def _spread(targets: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most ``most`` of the targets, evenly from all of them."""
    if len(targets) <= most:
        return targets
    return targets[np.linspace(0, len(targets) - 1, most).astype(np.int64)]


def _lists(
    log: Interactions,
    start: int,
    targets: NDArray[np.int64],
    sides: tuple[Vectors, NDArray[np.float32] | None],
    count: Callable[[int, int], None],
) -> LoggedLists:
    """Return the lists at the targets, with features learned from the events before ``start``.

    ``count`` gets how many lists are done, and how many there are.
    """
    count(0, len(targets))
    model = Mixer(sides[0], WEIGHTS, sides[1])
    model.fit(log.until(start))
    known = histories(log, targets)
    return lists_of(model.choices, log, known, lambda done: count(done, len(targets)))
