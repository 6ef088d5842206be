"""One stopwatch for all: laps in a row, and blocks that several threads time."""

from __future__ import annotations

import threading

import pytest

from indexer import stopwatch as module
from indexer.stopwatch import Stopwatch
from search.searcher import milliseconds


@pytest.fixture
def ticks(monkeypatch):
    """Time that goes on by one second with each look at it."""
    seconds = iter(range(1000))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(seconds))


def test_laps_of_the_same_name_add_up(ticks):
    watch = Stopwatch()
    for stage in ("read", "write", "read"):
        watch.lap(stage)
    assert watch.seconds == {"read": 2, "write": 1}
    assert watch.total == 3


def test_a_block_that_fails_counts_too(ticks):
    watch = Stopwatch()
    with pytest.raises(ZeroDivisionError), watch.timed("decode"):
        _ = 1 / 0
    assert watch.seconds == {"decode": 1}


def test_blocks_that_overlap_in_two_threads_both_count(ticks):
    watch = Stopwatch()
    with watch.timed("decode"):
        thread = threading.Thread(target=_time_a_block, args=(watch,))
        thread.start()
        thread.join()
    assert watch.seconds == {"decode": 1 + 3}  # the outer block ends two looks later


def _time_a_block(watch: Stopwatch) -> None:
    with watch.timed("decode"):
        pass


def test_a_reply_gives_the_laps_in_milliseconds(ticks):
    watch = Stopwatch()
    watch.lap("encode_ms")
    watch.lap("search_ms")
    assert milliseconds(watch) == {"encode_ms": 1000.0, "search_ms": 1000.0, "total_ms": 2000.0}
