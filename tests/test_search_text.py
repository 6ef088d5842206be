"""Reciprocal rank fusion: rankings of different kinds become one."""

from __future__ import annotations

import pytest

from search.rank import fuse


def test_first_everywhere_is_1_and_the_order_is_kept():
    scores = fuse([([7, 3], 1.0), ([7, 3], 1.0)])
    assert list(scores) == [7, 3]
    assert scores == pytest.approx({7: 1.0, 3: 61 / 62})


def test_what_both_rankings_know_comes_before_what_one_knows():
    scores = fuse([([1, 2], 1.0), ([3, 2], 1.0)])
    assert list(scores) == [2, 1, 3]
    assert scores == pytest.approx({2: 61 / 62, 1: 0.5, 3: 0.5})


def test_the_heavier_ranking_decides():
    assert list(fuse([([1, 2], 1.0), ([2, 1], 3.0)])) == [2, 1]


def test_what_ranks_high_in_a_negative_ranking_loses():
    scores = fuse([([1, 2, 3], 1.0), ([1], -1.0)])
    assert list(scores) == [2, 3, 1]
    assert scores[1] == pytest.approx(0)


def test_scores_do_not_grow_with_the_weights():
    assert fuse([([1], 5.0), ([1], 5.0)]) == pytest.approx({1: 1.0})


def test_ties_keep_the_order_of_first_appearance():
    assert list(fuse([([5, 4], 1.0), ([4, 5], 1.0)])) == [5, 4]


def test_nothing_fused_is_nothing():
    assert fuse([]) == {}
    assert fuse([([], 1.0)]) == {}
