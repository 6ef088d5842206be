"""Every recipe builds, saves, loads, filters, and knows what it does not hold."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.errors import IndexCorrupt, VitrineError
from indexer.vectors.contract import Contract, Effort
from indexer.vectors.index import EXACT, VectorIndex
from indexer.vectors.recipe import Recipe
from indexer.vectors.recipes import build_index, recipes_for

N, DIM = 3000, 16
RECIPES = ["Flat", *recipes_for(N, DIM)]


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(1)
    centers = unit(rng.normal(size=(100, DIM)))
    found = unit(centers[rng.integers(0, 100, N)] + 0.15 * rng.normal(size=(N, DIM)))
    return unit(found.astype(np.float16))  # what the store gives


@pytest.fixture(scope="module", params=RECIPES)
def index(request, vectors, tmp_path_factory):
    """Built, saved and read again; row numbers are three times the places of the vectors."""
    folder = tmp_path_factory.mktemp("index")
    built = VectorIndex.build(vectors, 3 * np.arange(N), request.param)
    built.save(folder / "vectors.faiss", folder / "rows.npy")
    assert (folder / EXACT).exists() != Recipe.parse(request.param).holds_exact
    return VectorIndex.load(folder / "vectors.faiss", folder / "rows.npy", built.contract)


def thorough(index):
    """The most effort that is ever measured; of an exact recipe, none."""
    efforts = Recipe.parse(index.recipe).efforts(N)
    return efforts[-1] if efforts else Effort(1)


def test_exact_search_of_every_recipe_is_brute_force(index, vectors):
    queries = unit(vectors[:20] + 0.1)
    rows, scores = index.search(queries, 10)
    likeness = queries @ stored(index, vectors).T  # (20, n)
    best = np.argsort(-likeness, axis=1, kind="stable")[:, :10]
    assert (rows // 3).tolist() == best.tolist()
    assert scores == pytest.approx(np.take_along_axis(likeness, best, axis=1), abs=1e-5)


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_exact_search_under_a_filter_is_brute_force(index, vectors, rng, share):
    mask = rng.random(N) < share
    rows, scores = index.search(vectors[:5], 10, mask[index.rows // 3])
    assert mask[rows // 3].all()
    likeness = np.where(mask, vectors[:5] @ stored(index, vectors).T, -2)  # (5, n)
    assert scores == pytest.approx(-np.sort(-likeness, axis=1)[:, :10], abs=1e-5)


def test_a_thorough_search_finds_what_exact_search_finds(index, vectors, rng):
    queries = unit(vectors[:50] + 0.05 * rng.normal(size=(50, DIM)))
    positions, scores = index.search_with_effort(queries, 10, thorough(index))
    right, best = index.exact(queries, 10)
    assert (positions == right).mean() > 0.97
    assert scores[positions == right] == pytest.approx(best[positions == right], abs=1e-5)


def test_more_rows_than_there_are_end_in_minus_one(index, vectors):
    for rows, scores in (
        index.search(vectors[:1], N + 7),
        index.search_with_effort(vectors[:1], N + 7, thorough(index)),
    ):
        assert rows.shape == scores.shape == (1, N + 7)
        assert rows[0, -7:].tolist() == [-1] * 7
        assert np.isneginf(scores[0, -7:]).all()


def test_vectors_come_back_as_they_are_stored(index, vectors):
    places = index.rows[[7, 3]] // 3
    held = index.vectors_at(np.array([7, 3]))
    assert held == pytest.approx(stored(index, vectors)[places], abs=1e-6)


def test_the_memory_foretold_is_the_memory_taken(index, vectors):
    taken = index_bytes(build_index(index.recipe, vectors).index)
    lists = int(index.recipe[3 : index.recipe.index("-")]) if "IVF" in index.recipe else 0
    # fast-scan codes are padded to 32 rows in each list
    assert taken == pytest.approx(
        Recipe.parse(index.recipe).bytes_per_row(DIM) * N, rel=0.1, abs=lists * 32 * 8
    )


@pytest.mark.parametrize("recipe", ["Flat", "Flat-fp16", "HNSW32-fp16"])
def test_an_empty_index_of_a_recipe_finds_nothing(recipe):
    empty = VectorIndex.build(np.empty((0, 8), np.float32), np.empty(0, np.int64), recipe)
    rows, scores = empty.search_with_effort(np.ones((1, 8), np.float32), 3, Effort(16))
    assert rows.tolist() == [[-1, -1, -1]]
    assert np.isneginf(scores).all()


def test_an_unknown_recipe_is_told(vectors):
    with pytest.raises(VitrineError, match="no index recipe 'LSH'; there are Flat"):
        build_index("LSH", vectors)


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 99])
def test_exact_vectors_that_are_missing_or_no_index_are_told(vectors, tmp_path, content):
    built = VectorIndex.build(vectors[:500], np.arange(500), "Flat-sq8")
    built.save(tmp_path / "v", tmp_path / "r.npy")
    (tmp_path / EXACT).unlink()
    if content is not None:
        (tmp_path / EXACT).write_bytes(content)
    with pytest.raises(IndexCorrupt, match="cannot be read"):
        VectorIndex.load(tmp_path / "v", tmp_path / "r.npy", built.contract)


def test_exact_vectors_of_another_index_are_told(vectors, tmp_path):
    for count in (500, 400):
        built = VectorIndex.build(vectors[:count], np.arange(count), "Flat-sq8")
        built.save(tmp_path / f"v{count}", tmp_path / f"r{count}.npy")
    with pytest.raises(IndexCorrupt, match="holds 500 vectors of 16 numbers"):
        VectorIndex.load(tmp_path / "v500", tmp_path / "r500.npy", built.contract)


def test_an_effort_tries_harder_by_a_factor():
    assert Effort(16, 40).times(2.5) == Effort(40, 100)


def test_a_contract_without_levels_is_exact():
    assert Contract().exact
    assert Contract().recall == 1


def stored(index, vectors):
    """What the index has of the vectors: fp32, or fp16."""
    return vectors if index.recipe == "Flat" else vectors.astype(np.float16).astype(np.float32)


def index_bytes(index):
    import faiss

    return faiss.serialize_index(index).nbytes
