"""The watch over promised recall: it sees a broken index, says so, and tries harder."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.vectors.contract import Contract, Effort, Level, Targets
from indexer.vectors.faiss_backend import FaissBackend
from search.live.recall import WINDOW, RecallWatch, Sample

N, DIM = 3000, 16
LEVELS = [
    Level(effort=Effort(depth, 160), recall=0.99, median_us=1, p95_us=2) for depth in (1, 16, 64)
]


@pytest.fixture(scope="module")
def vectors():
    return unit(np.random.default_rng(0).normal(size=(N, DIM)))


@pytest.fixture(scope="module")
def index(vectors):
    """Lists that are said to keep 0.95 at the first level, and do not: one of 64 is looked into."""
    built = FaissBackend.build(vectors, np.arange(N), "IVF64-PQ4").index
    targets = Targets(recall=0.95)
    contract = Contract(recipe=built.recipe, targets=targets, levels=LEVELS, row_us=1.0)
    return FaissBackend(built.with_contract(contract))


def watch(index, **options):
    found = RecallWatch(index, **options)
    found.close()  # these tests look themselves
    return found


def test_a_broken_index_is_seen_said_and_searched_harder(index, vectors, caplog):
    """Each query is answered at the effort of the moment, as by a serving engine."""
    looked = watch(index)
    with caplog.at_level(logging.WARNING, "vitrine.search"):
        for query in vectors[:300]:
            answer = index.nearest(query, 10, None, extra_levels=looked.extra_levels)
            assert answer.mode == "ann"
            looked.check(Sample(query, None, answer.scores))
    assert looked.extra_levels >= 1
    assert "of real queries is 0." in caplog.text
    assert "promised 0.95: searches use more effort, level 1 of 2" in caplog.text
    status = looked.status()
    assert status.live > 0.9
    assert (status.samples, status.raised) == (300, looked.extra_levels)


def test_a_promise_that_is_kept_changes_nothing(index):
    looked = watch(index)
    for _ in range(5 * WINDOW):
        looked.record(0.97)
    assert looked.extra_levels == 0
    assert looked.status().kept
    assert looked.status().live == 0.97


def test_one_bad_answer_proves_nothing(index):
    looked = watch(index)
    for recall in [0.0] + [1.0] * 50:
        looked.record(recall)
    assert looked.extra_levels == 0


def test_at_the_highest_effort_it_says_so_and_stays(index, caplog):
    looked = watch(index)
    with caplog.at_level(logging.ERROR, "vitrine.search"):
        for _ in range(6 * WINDOW):
            looked.record(0.5)
    assert looked.extra_levels == 2
    assert not looked.status().kept
    told = [line for line in caplog.messages if "run 'vitrine rebuild'" in line]
    assert 0 < len(told) < 7


def test_after_a_long_good_time_less_effort_is_tried_and_a_relapse_makes_it_wait_longer(index):
    looked = watch(index)
    for _ in range(WINDOW):
        looked.record(0.5)
        if looked.extra_levels == 1:
            break
    good = 0
    while looked.extra_levels:
        looked.record(1.0)
        good += 1
    assert good == 10 * WINDOW
    while not looked.extra_levels:
        looked.record(0.5)
    again = 0
    while looked.extra_levels:
        looked.record(1.0)
        again += 1
    assert again == 2 * good


def test_an_exact_index_needs_no_watching(vectors):
    looked = RecallWatch(FaissBackend.build(vectors, np.arange(N)), share=1.0)
    looked.offer(vectors[0], None, np.zeros(10, np.float32))
    looked.close()
    assert looked.status().samples == 0
    assert looked.status().promised == 1


def test_only_a_share_of_queries_is_looked_at_and_never_too_many_a_second(index, vectors):
    now = 0.0
    chances = iter([0.5, 0.005, 0.005, 0.005])
    looked = RecallWatch(
        index, share=0.01, per_second=2, random_number=lambda: next(chances), clock=lambda: now
    )
    kept = []
    looked._queue.put_nowait = kept.append
    scores = np.zeros(10, np.float32)
    looked.offer(vectors[0], None, scores)  # the chance says no
    looked.offer(vectors[1], None, scores)
    looked.offer(vectors[2], None, scores)  # too soon
    now = 0.6
    looked.offer(vectors[3], None, scores)
    del looked._queue.put_nowait
    looked.close()
    assert [sample.query.tolist() for sample in kept] == vectors[[1, 3]].tolist()


def test_queries_are_looked_at_for_a_fiftieth_of_the_time(index, vectors):
    now = 0.0

    class Slow:
        promise = index.promise

        def exact(self, *args):
            nonlocal now
            now += 0.3
            return index.exact(*args)

    looked = RecallWatch(Slow(), share=1.0, per_second=1e9, clock=lambda: now)
    kept = []
    looked._queue.put_nowait = kept.append
    sample = Sample(vectors[0], None, np.zeros(10, np.float32))
    looked.check(sample)
    for now in (0.4, 15.2, 15.4):  # noqa: B007 - the clock reads it
        looked.offer(*sample)
    del looked._queue.put_nowait
    looked.close()
    assert len(kept) == 1  # the last: 0.3 s of work, then 15 s of none


def test_a_full_queue_makes_nobody_wait(index, vectors):
    begin = threading.Event()
    looked = RecallWatch(index, share=1.0, per_second=1e9)
    looked.check = lambda sample: begin.wait(120)
    scores = np.zeros(10, np.float32)
    for _ in range(100):
        looked.offer(vectors[0], None, scores)
    assert looked._queue.full()
    begin.set()
    looked.close()


def test_queries_are_looked_at_in_the_background(index, vectors):
    looked = RecallWatch(index, share=1.0, per_second=1e9)
    done = threading.Event()
    record = looked.record
    looked.record = lambda recall: (record(recall), done.set())
    answer = index.nearest(vectors[0], 10, None)
    looked.offer(vectors[0], None, answer.scores)
    assert done.wait(120)
    looked.close()
    assert looked.status().samples == 1
