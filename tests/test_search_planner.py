"""The planner: exact where that is cheaper, approximate where it is not, and no answer lost."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.vectors.contract import MEASURED_K, Contract, Effort, Level
from indexer.vectors.index import VectorIndex
from indexer.vectors.planner import Plan, nearest, plan_for
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.recipe import Recipe

N = 20_000
DIM = 32
RECIPES = ("HNSW32-fp16", "IVF256-PQ4")


def clustered(rng, n):
    centers = unit(np.random.default_rng(2).normal(size=(400, DIM)))
    return unit(centers[rng.integers(0, 400, n)] + 0.12 * rng.normal(size=(n, DIM)))


def promised(index, *efforts, median_us=20.0, row_us=0.05):
    """The index under a contract with these efforts, said to cost a few microseconds."""
    levels = [
        Level(effort=e, recall=0.99, median_us=median_us * 2**at, p95_us=2 * median_us * 2**at)
        for at, e in enumerate(efforts)
    ]
    return index.with_contract(Contract(recipe=index.recipe, levels=levels, row_us=row_us))


@pytest.fixture(scope="module")
def vectors():
    return clustered(np.random.default_rng(3), N)


@pytest.fixture(scope="module")
def queries():
    return clustered(np.random.default_rng(4), 300)


@pytest.fixture(scope="module", params=RECIPES)
def index(request, vectors):
    built = VectorIndex.build(vectors, np.arange(N), request.param)
    effort = Effort(64) if request.param.startswith("HNSW") else Effort(24, 160)
    return promised(built, effort)


@pytest.fixture(scope="module")
def truth(index, vectors):
    """The same vectors at the same positions, which are always compared one by one."""
    return VectorIndex.build(vectors[index.rows], index.rows, "Flat-fp16")


def test_without_a_filter_the_index_is_asked(index, queries, truth):
    answers = [nearest(index, query, 40, None) for query in queries[:50]]
    assert {answer.mode for answer in answers} == {"ann"}
    right = truth.exact(queries[:50], 10)[0]
    assert recall(answers, right) >= 0.98


def test_a_tight_filter_is_answered_exactly(index, queries, truth, rng):
    allowed = PositionMask(rng.random(N) < 0.01)
    for query in queries[:50]:
        answer = nearest(index, query, 10, allowed)
        assert answer.mode == "exact"
        assert answer.positions.tolist() == truth.exact(query[None], 10, allowed)[0][0].tolist()


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02, 0.001, 0.0001])
def test_filters_cost_no_recall(index, queries, truth, share):
    """Also where the cost model would rather have been exact: its threshold is pushed away."""
    eager = promised(index, index.contract.levels[0].effort, row_us=1000.0)
    rng = np.random.default_rng(int(share * 1e6))
    answers, right = [], []
    # Where few rows pass, a walk visits nearly the whole graph.
    for query in queries[: 60 if share > 0.01 else 20]:
        allowed = PositionMask(rng.random(N) < share)
        answers.append(nearest(eager, query, 10, allowed))
        right.append(truth.exact(query[None], 10, allowed)[0][0])
    assert recall(answers, np.array(right)) >= 0.98


def test_a_filter_whose_rows_lie_away_from_the_query_costs_no_recall(index, queries, truth):
    """Half of the rows pass, and they are those least like the query: a walk meets few of them."""
    answers, right = [], []
    for query in queries[:40]:
        scores = truth.vectors_at(np.arange(N)) @ query  # (n, dim) @ (dim,) -> (n,)
        allowed = PositionMask(scores < np.median(scores))
        answers.append(nearest(index, query, 10, allowed))
        right.append(truth.exact(query[None], 10, allowed)[0][0])
    assert recall(answers, np.array(right)) >= 0.98


def test_fewer_rows_than_asked_for_are_all_found(index, queries):
    mask = np.zeros(N, dtype=np.bool_)
    mask[[5, 77, 9000]] = True
    answer = nearest(index, queries[0], 10, PositionMask(mask))
    assert sorted(answer.positions[:3].tolist()) == [5, 77, 9000]
    assert answer.positions[3:].tolist() == [-1] * 7
    assert np.isneginf(answer.scores[3:]).all()
    assert nearest(index, queries[0], 5, PositionMask(np.zeros(N, np.bool_))).positions.max() == -1


def test_exact_recipes_are_always_searched_exactly(truth, queries):
    assert nearest(truth, queries[0], 10, None).mode == "exact"


def test_a_raised_effort_is_that_of_the_next_level_up_to_the_last(vectors):
    index = promised(VectorIndex.build(vectors[:2000], np.arange(2000)), Effort(16), Effort(64))
    efforts = [plan_for(index, 10, 2000, extra).effort for extra in (0, 1, 2)]
    assert efforts == [Effort(16), Effort(64), Effort(64)]


def test_the_more_rows_are_asked_for_the_harder_it_tries(vectors):
    index = promised(VectorIndex.build(vectors[:2000], np.arange(2000)), Effort(16, 40))
    assert plan_for(index, 160, 2000).effort == Effort(64, 160)


def test_a_filter_makes_it_look_further_by_as_much_as_it_keeps_out(vectors):
    index = promised(VectorIndex.build(vectors[:2000], np.arange(2000)), Effort(16, 40), row_us=9)
    assert plan_for(index, 10, 500) == Plan(Effort(64, 160), 60)


def test_a_walk_is_at_least_as_wide_as_it_was_measured(vectors):
    index = promised(VectorIndex.build(vectors[:2000], np.arange(2000)), Effort(16), row_us=9)
    assert plan_for(index, 10, 2000) == Plan(Effort(16), MEASURED_K)


def test_the_cheaper_way_is_taken(vectors):
    """A walk costs 20 us over the share that passes, a comparison 15 us and 0.2 us a row."""
    index = promised(VectorIndex.build(vectors, np.arange(N)), Effort(16))
    assert plan_for(index, 10, 4000) is not None  # 100 us against 815 us
    assert plan_for(index, 10, 1000) is None  # 400 us against 215 us


def test_two_threads_of_different_effort_do_not_disturb_each_other(vectors, queries):
    """Depth is handed in with each call: what one thread asks for is not what the other gets."""
    index, queries = VectorIndex.build(vectors, np.arange(N), "HNSW32-fp16"), queries[:100]
    efforts = Recipe.parse(index.recipe).efforts(N)
    efforts = [efforts[0], efforts[-1]]
    alone = [index.search_with_effort(queries, 10, effort)[0] for effort in efforts]
    assert not np.array_equal(*alone)
    got: dict[int, list[np.ndarray]] = {0: [], 1: []}

    def ask(which):
        for _ in range(5):
            got[which].append(
                np.concatenate(
                    [index.search_with_effort(q[None], 10, efforts[which])[0] for q in queries]
                )
            )

    threads = [threading.Thread(target=ask, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for which in (0, 1):
        assert all(np.array_equal(one, alone[which]) for one in got[which])


def recall(answers, right):
    found = [
        len(set(a.positions[:10].tolist()) & set(r[r >= 0].tolist()))
        for a, r in zip(answers, right, strict=True)
    ]
    return sum(found) / sum((r >= 0).sum() for r in right)
