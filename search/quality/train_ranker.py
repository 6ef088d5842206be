"""Train the mixer on a shop's own events, and deploy it only if it predicts them better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from search.quality.interactions import split_by_time
from search.quality.mixer_model import Mixer, TrainedMixer
from search.quality.predictions import gains_of, histories, interval_by_user, run_model, targets_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.quality.interactions import Interactions
    from search.quality.metrics import Estimate

_MIN_USERS = 30  # of the test: an interval of fewer means little
_MOST_EVENTS = 4_000  # of the training and of the test, spread evenly


class TrainedRanker(msgspec.Struct, frozen=True, kw_only=True):
    """Learned weights, and how well they and those that need no training predict later events.

    ``ndcg`` figures are means of nDCG@10 over test events, ``difference`` is by resampled users.
    ``is_better`` is True if its whole 95 % interval lies above 0 and the test has 30 users.
    """

    weights: dict[str, float]
    events: int
    test_events: int
    ndcg: float
    ndcg_untrained: float
    difference: Estimate
    is_better: bool


def train_ranker(
    log: Interactions, vectors: Vectors, facts: NDArray[np.float32] | None = None
) -> TrainedRanker:
    """Learn weights from the last tenth of the events but one, and judge them on the last tenth.

    The features are learned from the events before. ``vectors`` (items, dim) are those of the
    items' pictures, ``facts`` (items, columns) what the catalog states. Raises BadQuery for too few
    events.
    """
    split = split_by_time(log, 0.1, 0.1)
    learner = TrainedMixer(vectors, TrainedMixer.settings[0], facts)
    learner.fit(log.until(split.validation))
    choices = targets_of(log, split.validation, split.test)
    choices = choices[:: max(1, len(choices) // _MOST_EVENTS)]
    weights = learner.trained(log, histories(log, choices))
    targets = targets_of(log, split.test, len(log))
    targets = targets[:: max(1, len(targets) // _MOST_EVENTS)]
    gains = []
    for setting in (weights, Mixer.settings[0]):
        model = Mixer(vectors, setting, facts)
        model.fit(log.until(split.test))
        gains.append(gains_of(run_model(model, setting, log, targets).ranks, 10))
    difference = interval_by_user(gains[0] - gains[1], log.users[targets])
    return TrainedRanker(
        weights=dict(weights),
        events=len(log),
        test_events=len(targets),
        ndcg=round(float(gains[0].mean()), 4),
        ndcg_untrained=round(float(gains[1].mean()), 4),
        difference=difference,
        is_better=difference.low > 0 and len(np.unique(log.users[targets])) >= _MIN_USERS,
    )
