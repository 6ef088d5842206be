"""Calibration error and the abstain curve, of queries that one can count on one's fingers."""

from __future__ import annotations

import numpy as np
import pytest

from search.quality.reliability import compare_unsold, reliability


def of(*pairs: tuple[float, int]):
    sure, right = zip(*pairs, strict=True)
    return reliability(np.array(sure, dtype=float), np.array(right, dtype=bool))


def test_a_confidence_that_is_right_as_often_as_it_says_has_no_error():
    found = of((0.75, 1), (0.75, 1), (0.75, 1), (0.75, 0))
    assert found.calibration_error == 0
    assert [(b.low, b.high, b.queries, b.right) for b in found.bins] == [(0.7, 0.8, 4, 0.75)]


def test_the_error_is_the_gap_of_each_bin_weighed_by_its_queries():
    # Three queries say 0.9 and are right; one says 0.5 and is wrong: (3 * 0.1 + 1 * 0.5) / 4.
    found = of((0.9, 1), (0.9, 1), (0.9, 1), (0.5, 0))
    assert found.calibration_error == pytest.approx(0.2)


def test_certainty_belongs_to_the_last_bin():
    assert [(b.low, b.confidence) for b in of((1.0, 1), (0.0, 0)).bins] == [(0.0, 0.0), (0.9, 1.0)]


def test_the_curve_answers_the_surest_first():
    found = of(*[(1 - n / 10, int(n < 5)) for n in range(10)])
    assert [cut.answered for cut in found.curve] == [n / 10 for n in range(1, 11)]
    assert [cut.precision for cut in found.curve[:6]] == [1, 1, 1, 1, 1, round(5 / 6, 4)]
    assert found.curve[-1].precision == 0.5


def test_at_90_percent_precision_one_wrong_answer_goes_with_nine_right_ones():
    found = of(*[(0.9, 1)] * 9, (0.8, 0), (0.7, 0))
    assert found.at_90 is not None
    assert found.at_90.answered == round(10 / 11, 4)
    assert found.at_90.confidence == 0.8
    assert found.possible == round(9 / 11 / 0.9, 4)


def test_equal_confidences_are_answered_together():
    found = of((0.5, 1), (0.5, 0))
    assert [(cut.answered, cut.precision) for cut in found.curve] == [(1.0, 0.5)] * 10
    assert found.at_90 is None


def test_unsold_things_below_all_sold_ones_are_told_apart():
    found = compare_unsold(np.array([0.5, 0.9]), np.array([0.1, 0.2, 0.4]), 0.3)
    assert (found.photos, found.auroc, found.refused, found.refused_wrongly) == (3, 1.0, 0.6667, 0)


def test_ties_between_sold_and_unsold_count_half():
    assert compare_unsold(np.array([0.5]), np.array([0.5, 0.9]), 0.3).auroc == 0.25
