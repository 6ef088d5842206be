"""Scores to probabilities: the two curves, worked out by hand, and what they never do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.confidence.curve import RIVALS, Calibration, margins, sigmoid

PLAIN = Calibration(
    score_weight=2.0,
    margin_weight=20.0,
    offset=-2.0,
    sold_at=0.4,
    sold_width=0.05,
    floor=0.2,
    queries=100,
)


def of(scores: list[float], products: list[int] | None = None) -> list[float]:
    numbers = np.array(products or range(len(scores)), dtype=np.int64)
    return PLAIN.confidences(np.array(scores), numbers).tolist()


def test_the_margin_is_the_lead_over_the_best_other_product():
    lead = margins(np.array([0.9, 0.2, 0.1]), np.array([7, 8, 9]), floor=-1.0)
    assert lead == pytest.approx([0.7, -0.7, -0.8], abs=0.01)


def test_two_rivals_of_one_score_count_for_more_than_one():
    one = margins(np.array([0.9, 0.5]), np.array([0, 1]), floor=-1.0)[0]
    two = margins(np.array([0.9, 0.5, 0.5]), np.array([0, 1, 2]), floor=-1.0)[0]
    assert one == pytest.approx(0.4)
    assert two == pytest.approx(0.4 - np.log(2) / 20)


def test_another_image_of_the_same_product_is_no_rival():
    lead = margins(np.array([0.9, 0.88, 0.2]), np.array([5, 5, 6]), floor=-1.0)
    assert lead == pytest.approx([0.7, 0.68, -0.7], abs=0.01)


def test_the_only_product_is_compared_with_nothing_at_all():
    assert margins(np.array([0.9]), np.array([0]), floor=0.3) == pytest.approx([0.6])


def test_confidence_does_not_depend_on_how_many_hits_were_asked_for():
    scores = np.linspace(0.9, 0.1, 60)
    many = PLAIN.confidences(scores, np.arange(60))
    few = PLAIN.confidences(scores[: RIVALS + 1], np.arange(RIVALS + 1))
    assert many[: RIVALS + 1] == pytest.approx(few)


def test_a_clear_winner_is_surer_than_one_of_two_twins():
    assert of([0.8, 0.5])[0] > 0.9
    assert of([0.8, 0.79])[0] < 0.5


def test_the_same_lead_far_below_what_the_shop_sells_is_no_match():
    assert of([0.8, 0.6])[0] > 0.9
    assert of([0.3, 0.1])[0] < 0.15


def test_nothing_found_has_no_confidence():
    assert of([]) == []


@given(
    scores=st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    products=st.lists(st.integers(0, 6), min_size=40, max_size=40),
    weights=st.tuples(st.floats(0, 100), st.floats(0, 500), st.floats(-50, 50)),
    sold=st.tuples(st.floats(-1, 1), st.floats(1e-3, 1)),
)
def test_confidence_is_a_probability_that_falls_with_the_score(scores, products, weights, sold):
    calibration = Calibration(
        score_weight=weights[0],
        margin_weight=weights[1],
        offset=weights[2],
        sold_at=sold[0],
        sold_width=sold[1],
        floor=0.1,
        queries=1,
    )
    scores.sort(reverse=True)
    found = calibration.confidences(np.array(scores), np.array(products[: len(scores)]))
    assert found.shape == (len(scores),)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) <= 0).all()


def test_the_logistic_curve_has_its_ends_and_its_middle():
    assert sigmoid(np.array([-1e4, 0.0, 1e4])) == pytest.approx([0, 0.5, 1])
