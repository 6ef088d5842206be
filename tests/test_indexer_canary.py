"""The canary: an index that is not what it should be never serves."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.canary import check_index, check_vectors
from indexer.errors import IndexCorrupt
from indexer.vectors import VectorIndex

ROWS = np.arange(10, 60)


@pytest.fixture
def vectors(rng):
    return unit(rng.normal(size=(50, 8)))


def test_a_good_index_passes(vectors):
    check_index(VectorIndex.build(vectors, ROWS), vectors, ROWS)


def test_an_empty_index_passes():
    nothing = np.empty((0, 8), dtype=np.float32)
    rows = np.empty(0, dtype=np.int64)
    check_index(VectorIndex.build(nothing, rows), nothing, rows)


def test_images_that_are_the_same_to_the_encoder_pass(vectors):
    vectors[1:] = vectors[0]
    check_index(VectorIndex.build(vectors, ROWS), vectors, ROWS)


def test_a_lost_row_is_told(vectors):
    index = VectorIndex.build(vectors[:-1], ROWS[:-1])
    with pytest.raises(IndexCorrupt, match="holds 49 rows, expected 50"):
        check_index(index, vectors, ROWS)


def test_one_vector_that_is_not_finite_is_told(vectors):
    vectors[7, 3] = np.nan
    with pytest.raises(IndexCorrupt, match="not finite"):
        check_index(VectorIndex.build(vectors, ROWS), vectors, ROWS)


def test_one_vector_that_is_not_of_unit_length_is_told(vectors):
    vectors[7] *= 1.01
    with pytest.raises(IndexCorrupt, match="1 of 50 vectors are not of unit length"):
        check_index(VectorIndex.build(vectors, ROWS), vectors, ROWS)


def test_rows_that_changed_places_are_told(vectors):
    swapped = ROWS.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    with pytest.raises(IndexCorrupt, match="2 of 50 sampled rows do not find themselves"):
        check_index(VectorIndex.build(vectors, swapped), vectors, ROWS)


def test_rows_of_another_index_are_told(vectors):
    with pytest.raises(IndexCorrupt, match="50 of 50 sampled rows"):
        check_index(VectorIndex.build(vectors, ROWS + 1000), vectors, ROWS)


def test_vectors_of_another_index_are_told(vectors):
    with pytest.raises(IndexCorrupt, match="sampled rows do not find themselves"):
        check_index(VectorIndex.build(vectors[::-1].copy(), ROWS), vectors, ROWS)


def test_what_an_encoder_promises_passes(vectors):
    check_vectors(vectors, (50, 8), "color")
    check_vectors(vectors * 1.005, (50, 8), "color")  # half precision
    check_vectors(vectors[:0], (0, 8), "color")


def test_one_bad_vector_among_good_ones_is_told(vectors):
    vectors[20] *= 0.5
    with pytest.raises(IndexCorrupt, match=r"'color' gave a vector of length 0\.5, expected 1"):
        check_vectors(vectors, (50, 8), "color")
