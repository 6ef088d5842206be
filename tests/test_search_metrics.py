"""Metrics: the same numbers as trec_eval, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from search.quality.metrics import average_precision, estimate, ndcg, reciprocal_rank, success


def hits(text: str) -> np.ndarray:
    """``hits(".X.")``: the second of three hits is right."""
    return np.array([letter == "X" for letter in text], dtype=np.bool_)


def test_success_looks_at_the_first_k_hits():
    assert [success(hits("..X"), k) for k in (1, 2, 3)] == [0, 0, 1]
    assert success(hits(""), 1) == 0


def test_the_reciprocal_rank_is_that_of_the_first_right_hit():
    assert reciprocal_rank(hits("..XX")) == pytest.approx(1 / 3)
    assert reciprocal_rank(hits("....")) == 0


def test_average_precision_of_a_perfect_ranking_is_1_however_many_are_right():
    assert average_precision(hits("X........."), 1) == 1
    assert average_precision(hits("XXX......."), 3) == 1
    assert average_precision(hits("XXXXXXXXXX"), 500) == 1


def test_average_precision_by_hand():
    # Right at 1 and 3: precisions 1 and 2/3, over the two right answers there are.
    assert average_precision(hits("X.X......."), 2) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(hits("X.X......."), 4) == pytest.approx((1 + 2 / 3) / 4)


def test_gain_by_hand():
    # One right answer, at rank 2: 1/log2(3) of what rank 1 would have given.
    assert ndcg(hits(".X........"), 1) == pytest.approx(1 / np.log2(3))
    assert ndcg(hits("XX........"), 2) == 1
    assert ndcg(hits("X"), 2) == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_where_nothing_is_right_every_metric_is_0():
    for metric in (average_precision, ndcg):
        assert metric(hits("....."), 0) == metric(hits("....."), 3) == 0


# pytrec_eval, through ir_measures, is what papers are measured with.
def test_the_metrics_are_those_of_trec_eval(rng):
    ir = pytest.importorskip("ir_measures")
    pytrec = ir.pytrec_eval
    measures = [ir.Success @ 1, ir.Success @ 5, ir.Success @ 10, ir.RR, ir.AP @ 10, ir.nDCG @ 10]
    qrels, run, ours = {}, {}, {}
    for number in range(200):
        query = str(number)
        total = int(rng.integers(1, 11))  # above 10 the two differ, as the docstring says
        ranks = set(rng.choice(14, size=total, replace=False).tolist())  # from 10 on: not found
        relevant = np.array([rank in ranks for rank in range(10)])
        qrels[query] = {f"doc{rank}": 1 for rank in ranks}
        run[query] = {f"doc{rank}": 100.0 - rank for rank in range(10)}
        ours[query] = [
            success(relevant, 1),
            success(relevant, 5),
            success(relevant, 10),
            reciprocal_rank(relevant),
            average_precision(relevant, total, 10),
            ndcg(relevant, total, 10),
        ]
    theirs = {query: [np.nan] * len(measures) for query in qrels}
    for result in pytrec.iter_calc(measures, qrels, run):
        theirs[result.query_id][measures.index(result.measure)] = result.value
    for query in qrels:
        assert ours[query] == pytest.approx(theirs[query], abs=1e-4), (query, qrels[query])


def test_an_estimate_is_the_mean_with_an_interval_around_it():
    one = estimate(np.array([1.0, 0.0, 1.0, 1.0] * 25))
    assert one.value == 0.75
    assert 0.6 < one.low < 0.75 < one.high < 0.9


def test_the_same_values_give_the_same_interval():
    values = np.array([1.0, 0.0, 0.5, 1.0] * 9)
    assert estimate(values) == estimate(values.copy())
    assert estimate(values, seed=1).value == estimate(values).value


def test_values_that_are_all_the_same_have_no_width():
    assert estimate(np.ones(7)) == estimate(np.ones(1))
    assert (estimate(np.ones(7)).low, estimate(np.ones(7)).high) == (1, 1)


def test_more_queries_give_a_narrower_interval():
    few, many = (estimate(np.array([1.0, 0.0] * n)) for n in (10, 1000))
    assert (few.high - few.low) > 5 * (many.high - many.low)


def test_the_interval_covers_the_truth_about_95_times_in_100(rng):
    """150 experiments with a true mean of 0.7: binomial, so 134 to 149 cover it (99 %)."""
    covered = 0
    for _ in range(150):
        one = estimate((rng.random(200) < 0.7).astype(np.float64), resamples=300)
        covered += one.low <= 0.7 <= one.high
    assert 134 <= covered <= 149
