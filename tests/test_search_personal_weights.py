"""The weights of the mixer, learned from choices."""

from __future__ import annotations

import numpy as np
import pytest

from search.personal.mixer import FEATURES
from search.personal.weights import learn_weights


def choices(rng, weights, count=800, others=20):
    """Choices of somebody who takes an item with a probability that the weights give it."""
    made = []
    for _ in range(count):
        features = rng.normal(size=(others, len(FEATURES)))
        scores = features @ weights
        share = np.exp(scores - scores.max())
        taken = rng.choice(others, p=share / share.sum())
        order = [taken, *(place for place in range(others) if place != taken)]
        made.append(features[order])
    return np.array(made, dtype=np.float32)


def test_the_weights_behind_choices_are_found(rng):
    truth = np.array([2.0, 1.0, 0.5, 0.0, -1.0, 0.25, -0.5, 0.75, 0.3])
    found = learn_weights(choices(rng, truth))
    assert list(found) == list(FEATURES)
    assert list(found.values()) == pytest.approx((truth / 2).tolist(), abs=0.08)


def test_a_feature_that_never_differs_has_no_weight(rng):
    made = choices(rng, np.full(len(FEATURES), 0.5))
    made[:, :, 2] = 0.7
    assert learn_weights(made)[FEATURES[2]] == 0.0


def test_the_scale_of_a_feature_changes_its_weight_alone(rng):
    made = choices(rng, np.full(len(FEATURES), 1.0))
    before = np.array(list(learn_weights(made).values()))
    made[:, :, 1] *= 10
    after = np.array(list(learn_weights(made).values()))
    assert after[1] / after[0] == pytest.approx(before[1] / before[0] / 10, rel=1e-3)


def test_choices_that_say_nothing_give_no_weights():
    made = np.zeros((10, 5, len(FEATURES)), dtype=np.float32)
    assert set(learn_weights(made).values()) == {0.0}


def test_choices_that_a_feature_explains_nearly_alone_do_not_make_it_diverge(rng):
    made = rng.normal(size=(300, 50, len(FEATURES))).astype(np.float32) * 0.01
    made[:, 0, 0] += 5.0  # what was taken stands far out
    made[:9, 0, 0] -= 10.0
    weights = np.array(list(learn_weights(made).values()))
    assert ((made @ weights).argmax(axis=1) == 0).mean() > 0.95
