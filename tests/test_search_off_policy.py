"""Off-policy estimates on a simulator whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.errors import BadQuery
from search.quality.off_policy import Impressions, doubly_robust, snips

RATES = np.array([0.05, 0.1, 0.2, 0.6])  # the chance of a click on each of four items
LOGGING = np.array([0.6, 0.2, 0.15, 0.05])
TARGET = np.array([0.05, 0.05, 0.2, 0.7])
TRUTH = float(TARGET @ RATES)


def logged(seed: int, count: int = 4000) -> tuple[Impressions, np.ndarray]:
    rng = np.random.default_rng(seed)
    shown = rng.choice(4, size=count, p=LOGGING)
    rewards = (rng.random(count) < RATES[shown]).astype(float)
    return Impressions(rewards, LOGGING[shown], TARGET[shown]), shown


def test_the_mean_of_the_log_is_not_the_truth_but_the_estimate_is():
    found, _ = logged(1)
    assert abs(found.rewards.mean() - TRUTH) > 0.3
    estimate = snips(found)
    assert estimate.value == pytest.approx(TRUTH, abs=0.05)
    assert estimate.low < TRUTH < estimate.high


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for seed in range(60):
        estimate = snips(logged(seed, 1500)[0], seed=seed)
        held += estimate.low < TRUTH < estimate.high
    assert held >= 52


def test_doubly_robust_is_right_if_either_part_is():
    found, shown = logged(2)
    wrong, right = np.full(4, 0.5), RATES
    by_weights = doubly_robust(found, wrong[shown], np.full(len(shown), TARGET @ wrong))
    lying = found._replace(propensities=np.full(len(shown), 0.25))
    by_model = doubly_robust(lying, right[shown], np.full(len(shown), TARGET @ right))
    assert by_weights.value == pytest.approx(TRUTH, abs=0.05)
    assert by_model.value == pytest.approx(TRUTH, abs=0.05)
    assert snips(lying).value != pytest.approx(TRUTH, abs=0.03)


def test_a_good_model_makes_the_interval_narrow():
    found, shown = logged(3)
    robust = doubly_robust(found, RATES[shown], np.full(len(shown), TARGET @ RATES))
    plain = snips(found)
    assert robust.high - robust.low < plain.high - plain.low


def test_effective_impressions_are_all_where_both_rankers_agree():
    rewards = np.array([1.0, 0.0, 1.0, 0.0])
    same = snips(Impressions(rewards, np.full(4, 0.5), np.full(4, 0.5)))
    assert (same.value, same.effective) == (0.5, 4.0)
    few = snips(Impressions(rewards, np.full(4, 0.5), np.array([1.0, 0.0, 0.0, 0.0])))
    assert (few.value, few.effective) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("rewards", "propensities", "target"),
    [
        ([], [], []),
        ([1.0], [0.0], [0.5]),
        ([1.0], [1e-300], [0.5]),
        ([1.0], [1.5], [0.5]),
        ([1.0], [0.5], [0.0]),
    ],
)
def test_a_log_that_says_nothing_is_refused(rewards, propensities, target):
    with pytest.raises(BadQuery):
        snips(Impressions(np.array(rewards), np.array(propensities), np.array(target)))
