"""Vectors of any length become vectors of length one."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.arrays import unit, unit_in_place


@pytest.mark.parametrize("size", [1e-44, 1e-30, 1e-12, 1.0, 1e15, 1e30, 3e38])
def test_a_vector_keeps_its_direction_however_long_it_is(size):
    long = np.full(4, size, dtype=np.float32)
    assert unit(long) == pytest.approx([0.5] * 4)
    mixed = unit(np.stack([long, [3, 4, 0, 0], np.zeros(4)]))
    assert mixed == pytest.approx(np.array([[0.5] * 4, [0.6, 0.8, 0, 0], [0] * 4]))


def test_zeros_stay_zeros_and_nothing_stays_nothing():
    assert not unit(np.zeros(4)).any()
    assert unit(np.zeros((0, 4))).shape == (0, 4)


def test_vectors_are_made_unit_in_place_block_by_block(monkeypatch):
    monkeypatch.setattr("indexer.arrays._BLOCK", 3)
    vectors = np.array([[3, 4], [0, 0], [1e30, 0], [1e-30, 0], [-2, 0]], dtype=np.float32)
    expected = unit(vectors)
    assert unit_in_place(vectors) is vectors
    assert vectors.tolist() == expected.tolist()
    assert vectors[0].tolist() == pytest.approx([0.6, 0.8])
