"""Vectors of any length become vectors of length one, and many take a file in place of memory."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from indexer.arrays import empty_vectors, places_of_largest, unit
from indexer.errors import StoreFull


@pytest.mark.parametrize("size", [1e-44, 1e-30, 1e-12, 1.0, 1e15, 1e30, 3e38])
def test_a_vector_keeps_its_direction_however_long_it_is(size):
    long = np.full(4, size, dtype=np.float32)
    assert unit(long) == pytest.approx([0.5] * 4)
    mixed = unit(np.stack([long, [3, 4, 0, 0], np.zeros(4)]))
    assert mixed == pytest.approx(np.array([[0.5] * 4, [0.6, 0.8, 0, 0], [0] * 4]))


def test_zeros_stay_zeros_and_nothing_stays_nothing():
    assert not unit(np.zeros(4)).any()
    assert unit(np.zeros((0, 4))).shape == (0, 4)


def test_many_vectors_are_in_a_file_that_is_gone_with_them(tmp_path, monkeypatch):
    assert type(empty_vectors(3, 4, tmp_path).base) is not np.memmap
    monkeypatch.setattr("indexer.arrays._MOST_IN_MEMORY", 40)
    vectors = empty_vectors(3, 4, tmp_path)
    vectors[:] = [[1, 2, 3, 4]] * 3
    assert vectors.sum(axis=0).tolist() == [3, 6, 9, 12]
    assert isinstance(vectors.base, np.memmap)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_for_the_vectors_is_an_error_that_says_so(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("indexer.arrays._MOST_IN_MEMORY", 40)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StoreFull, match=r"no room for 3 vectors of 4 numbers.*No space left"):
        empty_vectors(3, 4, tmp_path)


@pytest.mark.parametrize(("size", "count"), [(0, 3), (2, 3), (50, 3), (10_000, 1), (10_000, 40)])
def test_the_largest_are_those_that_sorting_finds(rng, size, count):
    values = rng.normal(size=size).astype(np.float32)
    expected = np.sort(np.argsort(-values)[:count])
    assert places_of_largest(values, count).tolist() == expected.tolist()


def test_of_equal_values_none_is_left_out():
    values = np.zeros(1_000, dtype=np.float32)
    values[[3, 500, 999]] = [2.0, 1.0, 1.0]
    assert places_of_largest(values, 2).tolist() == [3, 500, 999]
    assert len(places_of_largest(np.full(1_000, -np.inf, dtype=np.float32), 2)) == 1_000
