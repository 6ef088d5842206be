"""Searches of many threads take turns at an index, and those that wait are done together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from indexer.errors import IndexMismatch
from indexer.vectors.gpu.batcher import MAX_BATCH, GpuBatcher

DIM = 4


class Slow:
    """Row 0 is the answer to query (1, 0, 0, 0), row 1 to (0, 1, 0, 0); waits to be let go."""

    d, ntotal = DIM, DIM

    def __init__(self):
        self.go = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.batches = []
        self.busy = threading.Lock()

    def search(self, queries, k, params=None):
        assert self.busy.acquire(blocking=False), "two searches at once"
        self.batches.append((len(queries), k, params))
        self.begun.release()
        assert self.go.acquire(timeout=120)
        self.busy.release()
        best = np.argsort(-queries, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(queries, best, 1).copy(), best


class Broken:
    d, ntotal = DIM, DIM

    def search(self, *_args, **_kwargs):
        raise RuntimeError("out of memory")


def one(row):
    return np.eye(DIM, dtype=np.float32)[[row]]


def until(reached):
    """Wait until this holds; fail after a long while."""
    for _ in range(24_000):
        if reached():
            return
        threading.Event().wait(0.005)
    raise AssertionError("not reached in 120 s")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(12) as found:
        yield found


def test_what_waits_for_a_busy_index_is_searched_together_and_each_gets_its_own(pool):
    slow = Slow()
    turns = GpuBatcher([slow])
    first = pool.submit(turns.search, one(0), 1, "a", "how")
    assert slow.begun.acquire(timeout=120)
    later = [pool.submit(turns.search, one(row), 1, "a", "how") for row in (1, 2, 3, 1)]
    until(lambda: len(turns._waiting) == 4)
    slow.go.release(9)
    assert first.result(120)[0].tolist() == [[0]]
    assert [each.result(120)[0].tolist() for each in later] == [[[1]], [[2]], [[3]], [[1]]]
    assert slow.batches == [(1, 1, "how"), (4, 1, "how")]


def test_only_searches_that_are_alike_go_together(pool):
    slow = Slow()
    turns = GpuBatcher([slow])
    first = pool.submit(turns.search, one(0), 1, "a", None)
    assert slow.begun.acquire(timeout=120)
    asked = [(1, "a"), (2, "a"), (1, "b"), (1, "a")]
    later = [pool.submit(turns.search, one(1), k, alike, None) for k, alike in asked]
    until(lambda: len(turns._waiting) == 4)
    slow.go.release(9)
    for each in (first, *later):
        each.result(120)
    assert sorted(slow.batches[1:]) == [(1, 1, None), (1, 2, None), (2, 1, None)]


def test_a_batch_has_an_end(pool):
    slow = Slow()
    turns = GpuBatcher([slow])
    first = pool.submit(turns.search, one(0), 1, "a", None)
    assert slow.begun.acquire(timeout=120)
    many = np.tile(one(1), (MAX_BATCH // 2, 1))
    later = [pool.submit(turns.search, many, 1, "a", None) for _ in range(3)]
    until(lambda: len(turns._waiting) == 3)
    slow.go.release(9)
    assert all(each.result(120)[0].shape == (len(many), 1) for each in later)
    first.result(120)
    assert sorted(size for size, *_ in slow.batches) == [1, len(many), MAX_BATCH]


def test_two_replicas_search_at_the_same_time(pool):
    replicas = [Slow(), Slow()]
    turns = GpuBatcher(replicas)
    both = [pool.submit(turns.search, one(row), 1, "a", None) for row in (0, 1)]
    for replica in replicas:
        assert replica.begun.acquire(timeout=120)
        replica.go.release()
    assert [each.result(120)[0].tolist() for each in both] == [[[0]], [[1]]]


def test_what_one_replica_searches_for_the_other_does_not_search_again(pool):
    left, right = replicas = [Slow(), Slow()]
    turns = GpuBatcher(replicas)
    first = [pool.submit(turns.search, one(row), 1, "a", None) for row in (0, 1)]
    for replica in replicas:
        assert replica.begun.acquire(timeout=120)
    later = [pool.submit(turns.search, one(row), 1, "a", None) for row in (2, 3)]
    until(lambda: len(turns._waiting) == 2)
    left.go.release()
    assert left.begun.acquire(timeout=120)  # searches for both, and is not done
    right.go.release(9)  # idle from here on
    until(lambda: len(turns._idle) == 1)
    left.go.release(9)
    assert [each.result(120)[0].item() for each in (*first, *later)] == [0, 1, 2, 3]
    assert [size for size, *_ in left.batches + right.batches] == [1, 2, 1]


def test_a_query_of_another_dim_spoils_no_other_search(pool):
    slow = Slow()
    turns = GpuBatcher([slow])
    first = pool.submit(turns.search, one(0), 1, "a", None)
    assert slow.begun.acquire(timeout=120)
    right = pool.submit(turns.search, one(1), 1, "a", None)
    wrong = pool.submit(turns.search, np.ones((1, 3), np.float32), 1, "a", None)
    until(lambda: len(turns._waiting) == 2)
    slow.go.release(9)
    assert [each.result(120)[0].item() for each in (first, right)] == [0, 1]
    with pytest.raises(IndexMismatch, match=r"\(1, 3\) does not fit an index of dimension 4"):
        wrong.result(120)


def test_what_a_search_raises_all_of_its_batch_raise_and_the_index_goes_on(pool):
    turns = GpuBatcher([Broken()])
    asked = [pool.submit(turns.search, one(0), 1, "a", None) for _ in range(6)]
    for each in asked:
        with pytest.raises(RuntimeError, match="out of memory"):
            each.result(120)
    assert turns._waiting == []
    assert len(turns._idle) == 1
