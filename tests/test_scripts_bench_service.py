"""The figures of the service's benchmark: what holds, what is missed, and how memory grows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


def load(rate, p50, p99):
    figures = {"goodput_per_s": rate, "good_p50_ms": p50, "good_p99_ms": p99}
    return {"closed": figures, "rate": 0.7 * rate, "open": figures}


def verdicts(found):
    from bench_service import table

    return {row.what: row.holds for row in table(found)}


def test_a_figure_is_compared_with_what_it_should_be():
    found = {"similar, kept": load(3000, 2, 14), "similar, searched": load(2999, 2, 16)}
    assert verdicts(found) == {
        "similar, kept: a second": True,
        "similar, kept: p99 at 70 %, ms": True,
        "similar, searched: a second": False,
        "similar, searched: p99 at 70 %, ms": False,
    }


def test_photos_are_compared_with_one_by_one_and_with_the_encoder():
    single = {"goodput_per_s": 60, "good_p50_ms": 16.0}
    found = {
        "photos": load(100, 19, 90), "12 MP": load(70, 61, 200), "photos, one at a time": single,
        "one by one": 10.0, "alone": 200.0,
    }  # fmt: skip
    holds = verdicts(found)
    assert holds["photos, times one by one"] is True
    assert holds["photos, share of decoding and encoding alone"] is False
    assert holds["photos: p50 at 70 %, ms"] is True
    assert holds["12 MP: p50 at 70 %, ms"] is False
    assert holds["photos, one at a time: p50, ms"] is None


def test_goodput_under_overload_is_a_share_of_the_capacity():
    twice = {"sent_per_s": 200, "goodput_per_s": 91, "good_p50_ms": 9, "good_p99_ms": 120}
    nothing = {"sent_per_s": 640, "goodput_per_s": 0}
    found = {"photos": load(100, 20, 70), "overload, 2 times": twice, "overload, 10 times": nothing}
    assert verdicts(found) == {
        "at 2 times (2.0 sent): goodput, share of capacity": True,
        "at 2 times (2.0 sent): p99 of accepted, times that at capacity": True,
        "at 10 times (6.4 sent): goodput, share of capacity": False,
        "at 10 times (6.4 sent): p99 of accepted, times that at capacity": False,
    }


def test_the_slope_of_memory_is_in_bytes_a_second():
    from bench_soak import Sample, slope_of

    steady = [Sample(at, 1000, 9) for at in (0.0, 5.0, 10.0)]
    assert slope_of(steady) == pytest.approx(0)
    growing = [Sample(at, 1000 + 3 * int(at), 9) for at in (0.0, 5.0, 10.0)]
    assert slope_of(growing) == pytest.approx(3)


def test_a_process_is_watched_with_what_it_holds():
    from bench_soak import family_of, sample_of

    family = family_of(os.getpid())
    assert family[0] == os.getpid()
    before = sample_of([os.getpid()])
    assert before.rss > 1_000_000
    with (SCRIPTS / "bench_soak.py").open():
        assert sample_of([os.getpid()]).files == before.files + 1
