"""Recipes are chosen by measuring, and promises are kept or refused with the way out."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.errors import CannotPromise
from indexer.vectors.contract import RecipeMeasurement, Targets
from indexer.vectors.index import VectorIndex
from indexer.vectors.recall import TOP, held_out_queries, recall_of
from indexer.vectors.recipe import Recipe
from indexer.vectors.tuning import choose_recipe, rank_on_sample

N, DIM = 20_000, 32


def clustered(seed, n):
    centers = unit(np.random.default_rng(0).normal(size=(300, DIM)))
    rng = np.random.default_rng(seed)
    noisy = centers[rng.integers(0, 300, n)] + 0.1 * rng.normal(size=(n, DIM))
    return unit(unit(noisy).astype(np.float16))


@pytest.fixture(scope="module")
def vectors():
    return clustered(1, N)


@pytest.fixture(scope="module")
def chosen(vectors):
    """A shop of 20,000 rows, held to be a large one."""
    heard = []
    index = choose_recipe(
        vectors,
        2 * np.arange(N),
        Targets(recall=0.97, exact_below=1000),
        watch=lambda *at: heard.append(at),
    )
    return index, heard


def test_a_small_shop_stays_exact_and_says_so(vectors):
    index = choose_recipe(vectors[:5000], np.arange(5000))
    assert index.recipe == "Flat"
    assert index.contract.exact
    assert "5000 rows are below the limit of 50000" in index.contract.note


def test_an_empty_shop_is_exact():
    index = choose_recipe(np.empty((0, DIM), np.float32), np.empty(0, np.int64))
    assert (len(index), index.contract.exact, index.contract.met) == (0, True, True)


def test_what_was_promised_is_found_by_queries_it_never_saw(chosen, vectors):
    index, _ = chosen
    contract = index.contract
    assert contract.met
    assert not contract.exact
    queries = clustered(2, 400)
    best = VectorIndex.build(vectors, np.arange(N), "Flat-fp16").exact(queries, TOP)[1]
    scores = index.search_with_effort(queries, 40, contract.levels[contract.level].effort)[1]
    assert recall_of(scores, best).mean() >= 0.97


def test_the_contract_says_what_was_wished_measured_and_chosen(chosen):
    index, heard = chosen
    contract = index.contract
    assert contract.targets.recall == 0.97
    assert contract.recipe == index.recipe
    assert {"HNSW32-fp16", "IVF256-PQ4", "Flat"} <= {one.recipe for one in contract.measurements}
    assert contract.ram_bytes == round(Recipe.parse(index.recipe).bytes_per_row(DIM) * N)
    assert contract.levels[contract.level].recall >= 0.97
    assert heard == [(done, 8) for done in (*range(7), 8)]
    assert index.rows.tolist() == (2 * np.arange(N)).tolist()


def test_levels_rise_from_cheap_to_thorough_and_leave_room_to_raise(chosen):
    contract = chosen[0].contract
    depths = [one.effort.depth for one in contract.levels]
    assert depths == sorted(depths)
    assert contract.level < len(contract.levels) - 1
    assert contract.levels[-1].recall >= contract.levels[0].recall


def test_exact_search_of_a_sample_is_not_taken_for_that_of_all_rows():
    exact, lists, missed = (
        RecipeMeasurement(
            recipe=recipe, rows=50_000, recall=recall, median_us=micros, p95_us=micros,
            bytes_per_row=100, build_seconds=1,
        )
        for recipe, recall, micros in (
            ("Flat-fp16", 1.0, 830), ("IVF2048-PQ4", 1.0, 1036), ("HNSW32-fp16", 0.9, 100),
        )
    )  # fmt: skip
    for n, first in ((50_000, exact), (1_000_000, lists)):
        ranked = sorted(
            (exact, lists, missed), key=lambda one: rank_on_sample(one, Targets(recall=0.98), n)
        )
        assert ranked[0] is first
        assert ranked[-1] is missed


def test_recall_of_one_is_promised_by_exact_search_only(vectors):
    index = choose_recipe(vectors, np.arange(N), Targets(recall=1.0, exact_below=1000))
    assert index.contract.exact
    assert index.recipe in {"Flat", "Flat-fp16"}


def test_memory_decides_which_recipes_are_tried(vectors):
    """Half of what fp16 graphs take: small codes only."""
    limit = round(0.5 * Recipe.parse("HNSW32-fp16").bytes_per_row(DIM) * 5000)
    index = choose_recipe(
        vectors[:5000], np.arange(5000), Targets(recall=0.9, ram_bytes=limit, exact_below=1000)
    )
    assert index.contract.ram_bytes <= limit
    assert "HNSW32-fp16" not in {one.recipe for one in index.contract.measurements}


def test_too_little_memory_for_anything_is_told_with_what_it_takes(vectors):
    with pytest.raises(CannotPromise, match=r"fits in 1 kB; the smallest, IVF\d+-\w+, takes"):
        choose_recipe(vectors[:2000], np.arange(2000), Targets(ram_bytes=1000))


def test_a_time_nothing_keeps_is_refused_with_the_best_there_is(vectors):
    targets = Targets(p95_ms=1e-6)
    with pytest.raises(CannotPromise, match=r"nearest is Flat: .*raise --p95-ms") as raised:
        choose_recipe(vectors[:2000], np.arange(2000), targets)
    assert raised.value.param == "p95_ms"
    taken = choose_recipe(vectors[:2000], np.arange(2000), targets, strict=False)
    assert not taken.contract.met


def test_held_out_queries_are_near_the_catalog_and_not_in_it(vectors):
    queries = held_out_queries(vectors)
    best = (queries @ vectors.T).max(axis=1)  # (q, dim) @ (dim, n) -> (q,)
    assert best.max() < 0.99999
    assert np.median(best) > 0.7
    assert np.linalg.norm(queries, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_held_out_queries_of_a_tiny_shop(n):
    queries = held_out_queries(clustered(1, n), 10)
    assert queries.shape == (10, DIM)
    assert np.isfinite(queries).all()


def test_recall_counts_equal_scores_as_found():
    scores = np.array([[0.9, 0.8, 0.7], [0.9, 0.5, 0.4]], np.float32)
    best = np.array([[0.9, 0.8], [0.9, 0.8]], np.float32)
    assert recall_of(scores, best).tolist() == [1, 0.5]


def test_recall_of_a_shop_smaller_than_ten_counts_what_there_is():
    scores = np.array([[0.9, -np.inf]], np.float32)
    best = np.array([[0.9, 0.3, -np.inf]], np.float32)
    assert recall_of(scores, best).tolist() == [0.5]
