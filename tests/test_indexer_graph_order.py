"""A graph in breadth-first order: neighbors close together, the same answers as before."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from indexer.arrays import unit
from indexer.vectors.contract import Effort
from indexer.vectors.graph_order import reorder_graph
from indexer.vectors.index import VectorIndex
from indexer.vectors.row_table import RowTable

N, DIM = 2000, 16


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(1)
    centers = unit(rng.normal(size=(50, DIM)))
    return unit(centers[rng.integers(0, 50, N)] + 0.2 * rng.normal(size=(N, DIM)))


@pytest.fixture(scope="module")
def graphs(vectors):
    """A graph as FAISS made it, the same one reordered, and the order."""
    before = faiss.IndexHNSWSQ(DIM, faiss.ScalarQuantizer.QT_fp16, 8, faiss.METRIC_INNER_PRODUCT)
    before.add(vectors)
    after = faiss.clone_index(before)
    return before, after, reorder_graph(after)


def lowest_layer(index):
    """The neighbors of each position in the lowest layer: (n, m), -1 where there are fewer."""
    graph = index.hnsw
    starts = faiss.vector_to_array(graph.offsets)[:-1].astype(np.int64)
    return faiss.vector_to_array(graph.neighbors)[
        starts[:, None] + np.arange(graph.nb_neighbors(0))
    ]


def test_every_position_has_one_place_in_the_order(graphs):
    _, _, order = graphs
    assert sorted(order.tolist()) == list(range(N))


def test_the_entry_point_comes_first_and_then_its_neighbors(graphs):
    before, after, order = graphs
    entry = before.hnsw.entry_point
    near = [position for position in lowest_layer(before)[entry].tolist() if position >= 0]
    assert order[: 1 + len(near)].tolist() == [entry, *near]
    assert after.hnsw.entry_point == 0


def test_each_vector_keeps_its_neighbors(graphs):
    before, after, order = graphs
    moved = lowest_layer(after)
    expected = lowest_layer(before)[order]
    assert np.where(moved >= 0, order[moved], -1).tolist() == expected.tolist()


def test_neighbors_move_closer_together(graphs):
    before, after, _ = graphs

    def distance(index):
        near = lowest_layer(index)
        return np.abs(near - np.arange(N)[:, None])[near >= 0].mean()

    assert distance(after) < 0.8 * distance(before)


def test_a_search_finds_the_same_vectors_with_the_same_scores(graphs, vectors, rng):
    before, after, order = graphs
    queries = unit(vectors[:100] + 0.1 * rng.normal(size=(100, DIM)))
    scores, positions = before.search(queries, 10)
    again, moved = after.search(queries, 10)
    assert again.tolist() == scores.tolist()
    assert order[moved].tolist() == positions.tolist()


def test_vectors_that_the_entry_point_does_not_lead_to_come_last(vectors):
    index = faiss.IndexHNSWSQ(DIM, faiss.ScalarQuantizer.QT_fp16, 8, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors[:50])
    links = faiss.rev_swig_ptr(index.hnsw.neighbors.data(), index.hnsw.neighbors.size())
    links[:] = -1  # nothing leads anywhere
    entry = index.hnsw.entry_point
    order = reorder_graph(index)
    assert order.tolist() == [entry, *(at for at in range(50) if at != entry)]


@pytest.mark.parametrize("recipe", ["HNSW32-fp16", "HNSW32-sq8"])
def test_rows_and_exact_vectors_follow_the_order(vectors, recipe):
    """Row numbers are 7, 10, 13 ...; each row is found by its own vector."""
    rows = 7 + 3 * np.arange(N)
    index = VectorIndex.build(vectors, rows, recipe)
    assert index.rows.tolist() != rows.tolist()
    positions = RowTable(index.rows).positions_of(rows)
    assert index.vectors_at(positions) == pytest.approx(vectors, abs=1e-3)
    found, _ = index.search_with_effort(vectors[:200], 1, Effort(64, 40))
    assert index.rows[found[:, 0]].tolist() == rows[:200].tolist()
