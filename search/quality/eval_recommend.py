"""Evaluate recommenders on logged events: split by time, rank all items, tune all models alike.

The target rule is *successive*: each test event is predicted from all earlier events of its user,
by models that were fitted without the test. Items that the user has met are not ranked, so
repeated targets are left out. Recall@k of one target is 1 if it is among the first k, and its nDCG
is ``1 / log2(rank + 1)``, with ranks from 1. Rankings of models depend on the rule, so nDCG is also
reported with one target a user: the first, the last, or any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.errors import BadQuery
from search.quality.baselines import BASELINES, BUDGET, Model
from search.quality.interactions import FEW_EVENTS, audit, split_by_time
from search.quality.metrics import Estimate
from search.quality.mixer_model import Mixer, TrainedMixer
from search.quality.predictions import (
    Run,
    gains_of,
    histories,
    interval_by_user,
    run_model,
    targets_of,
)
from search.quality.ratings import RatingEvaluation, evaluate_ratings
from search.quality.vbpr import Vbpr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from indexer.progress import Progress
    from search.quality.baselines import Setting
    from search.quality.interactions import Audit, Interactions, Split

OURS: tuple[type[Model], ...] = (Mixer, TrainedMixer)
TARGET_RULE = "successive"
_TUNING_EVENTS = 1_000  # of the validation, spread evenly


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one model over the test events, and over slices of them.

    ``cold`` are targets with fewer than five events before the test, ``warm_users`` users with
    events before the test, ``cold_users`` the others. ``coverage@20`` is the share of items that
    were among the first 20 of any event, ``gini@20`` how unevenly they were (0 is even), and
    ``novelty@20`` the mean information in bits of meeting them. ``one_target`` is nDCG@10 over one
    target of each user, by the rule that chooses it: ``first``, ``last`` or ``random``.
    ``difference`` is the mean difference of nDCG@10 from the best baseline, paired by user.
    """

    recall_10: float = msgspec.field(name="recall@10")
    recall_20: float = msgspec.field(name="recall@20")
    recall_50: float = msgspec.field(name="recall@50")
    ndcg_10: float = msgspec.field(name="ndcg@10")
    ndcg_20: float = msgspec.field(name="ndcg@20")
    mrr: float
    cold_recall: float = msgspec.field(name="cold_recall@20")
    warm_user_ndcg: float = msgspec.field(name="warm_user_ndcg@10")
    cold_user_ndcg: float = msgspec.field(name="cold_user_ndcg@10")
    coverage: float = msgspec.field(name="coverage@20")
    gini: float = msgspec.field(name="gini@20")
    novelty: float = msgspec.field(name="novelty@20")
    one_target: dict[str, float] = msgspec.field(name="ndcg@10_one_target")
    interval: Estimate = msgspec.field(name="ndcg@10_interval")
    difference: Estimate | None = msgspec.field(name="ndcg@10_difference")
    setting: dict[str, float]


class RecommendEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all models, how the events were split, and the audit of the split.

    ``ratings`` are the figures of models that predict stars; None if there are few ratings.
    """

    models: dict[str, Figures]
    split: dict[str, float | str]
    audit: Audit
    best_baseline: str
    ratings: RatingEvaluation | None = None


def evaluate_recommenders(
    log: Interactions,
    vectors: Vectors,
    *,
    facts: NDArray[np.float32] | None = None,
    unknown_items: int = 0,
    validation: float = 0.1,
    test: float = 0.1,
    models: Sequence[type[Model]] = (*BASELINES, Vbpr, *OURS),
    progress: Progress | None = None,
) -> RecommendEvaluation:
    """Tune all models on the validation, then judge them on the test.

    ``vectors`` (items, dim) are those of the items' pictures, ``facts`` (items, columns) what the
    catalog states, see ``search.personal.facts``. Every model may try ``BUDGET``
    settings, including its training window. Raises BadQuery if the events cannot be split.
    """
    split = split_by_time(log, validation, test)
    if not len(targets_of(log, split.validation, split.test)):
        raise BadQuery("no event of the validation can be predicted", param="events")
    if not len(targets_of(log, split.test, len(log))):
        raise BadQuery("no event of the test can be predicted", param="events")
    runs: dict[str, Run] = {}
    for number, kind in enumerate(models):
        setting = _tuned(kind, log, (vectors, facts), split)
        model = kind(vectors, setting, facts)
        model.fit(log.until(split.test))
        runs[kind.name] = run_model(model, setting, log, targets_of(log, split.test, len(log)))
        if progress is not None:
            progress("models", number + 1, len(models))
    targets = targets_of(log, split.test, len(log))
    best = max(
        (kind.name for kind in models if kind not in OURS),
        key=lambda name: float(gains_of(runs[name].ranks, 10).mean()),
    )
    figures = {
        name: _figures(run, log, split, targets, None if name == best else runs[best])
        for name, run in runs.items()
    }
    return RecommendEvaluation(
        models=figures,
        split={
            "rule": "global time",
            "targets": TARGET_RULE,
            "validation": validation,
            "test": test,
            "settings_per_model": BUDGET,
        },
        audit=audit(log, split, unknown_items),
        best_baseline=best,
        ratings=evaluate_ratings(log, vectors, split),
    )


def _tuned(
    kind: type[Model],
    log: Interactions,
    sides: tuple[Vectors, NDArray[np.float32] | None],
    split: Split,
) -> Setting:
    """Return the setting with the best nDCG@10 on the validation, or the one learned there."""
    settings = list(kind.settings)[:BUDGET]
    targets = targets_of(log, split.validation, split.test)
    targets = targets[:: max(1, len(targets) // _TUNING_EVENTS)]
    if len(settings) == 1:
        model = kind(sides[0], settings[0], sides[1])
        model.fit(log.until(split.validation))
        return model.trained(log, histories(log, targets))
    best, best_gain = settings[0], -1.0
    for setting in settings:
        model = kind(sides[0], setting, sides[1])
        model.fit(log.until(split.validation))
        gain = float(gains_of(run_model(model, setting, log, targets).ranks, 10).mean())
        if gain > best_gain:
            best, best_gain = setting, gain
    return best


def _figures(
    run: Run, log: Interactions, split: Split, targets: NDArray[np.int64], best: Run | None
) -> Figures:
    before = log.until(split.test)
    counts = before.item_counts()
    is_cold = counts[log.items[targets]] < FEW_EVENTS
    known = np.zeros(log.user_count, dtype=np.bool_)
    known[before.users] = True
    is_warm = known[log.users[targets]]
    users = log.users[targets]
    ranks, gains = run.ranks, gains_of(run.ranks, 10)
    difference = None
    if best is not None:
        difference = interval_by_user(gains - gains_of(best.ranks, 10), users)
    return Figures(
        recall_10=_mean(ranks < 10),
        recall_20=_mean(ranks < 20),
        recall_50=_mean(ranks < 50),
        ndcg_10=_mean(gains),
        ndcg_20=_mean(gains_of(ranks, 20)),
        mrr=_mean(1 / (ranks + 1)),
        cold_recall=_mean(ranks[is_cold] < 20),
        warm_user_ndcg=_mean(gains[is_warm]),
        cold_user_ndcg=_mean(gains[~is_warm]),
        coverage=_mean(run.shown > 0),
        gini=_gini(run.shown),
        novelty=_novelty(run.shown, counts),
        one_target={rule: _mean(gains[kept]) for rule, kept in _one_each(users).items()},
        interval=interval_by_user(gains, users),
        difference=difference,
        setting=dict(run.setting),
    )


def _one_each(users: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return the places of one target of each user, by rule; ``users`` (t,) ascend in time."""
    shuffled = np.random.default_rng(1).permutation(len(users))
    return {
        "first": np.unique(users, return_index=True)[1],
        "last": len(users) - 1 - np.unique(users[::-1], return_index=True)[1],
        "random": shuffled[np.unique(users[shuffled], return_index=True)[1]],
    }


def _gini(shown: NDArray[np.int64]) -> float:
    """Return the Gini coefficient of how often items were shown: 0 if equally, near 1 if one is."""
    ascending = np.sort(shown).astype(np.float64)
    total = ascending.sum()
    if not total:
        return 0.0
    ranks = np.arange(1, len(ascending) + 1)
    return round(float((2 * ranks - len(ascending) - 1) @ ascending / (len(ascending) * total)), 4)


def _novelty(shown: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Return the mean of -log2 of the items' shares of all events, over what was shown."""
    share = (counts + 1) / (counts.sum() + len(counts))
    return round(float((shown * -np.log2(share)).sum() / max(1, shown.sum())), 3)


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return round(float(np.mean(values)), 4) if len(values) else 0.0
