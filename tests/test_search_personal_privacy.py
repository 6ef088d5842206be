"""What is left of events: after a kill, a retention, an erasure and a compaction, and in counts."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import search.personal.event_compaction as compaction
from indexer.layout import EVENTS
from search.personal.event_compaction import compact
from search.personal.event_folder import current_place
from search.personal.event_log import EventLog, data_file, open_if_exists
from search.personal.learning import bought_with, learn, neighbors_of
from search.personal.popularity import Popularity
from search.personal.publication import MAX_COUNTS, publish
from tests.personalevents import event, items_of

NOW = 1_700_000_000.0
DAY = 86_400.0


@pytest.fixture
def log(tmp_path):
    with EventLog(tmp_path / EVENTS, create=True) as log:
        yield log


def popular(log: EventLog) -> dict[str, float]:
    counts = Popularity()
    with log.read() as reader:
        while not counts.refresh(reader):
            pass
    return dict(counts.scores())


def raw_bytes(log: EventLog) -> bytes:
    files = sorted(path for path in log.folder.rglob("*") if path.is_file())
    return b"".join(path.read_bytes() for path in files)


# --- A kill ----------------------------------------------------------------------------------

_WRITER = """
    import sys
    from pathlib import Path
    from search.personal.event import Event
    from search.personal.event_log import EventLog

    with EventLog(Path(sys.argv[1]), create=True) as log:
        for number in range(1_000_000):
            log.add([
                Event(event_id=f"{number}-{n}", user_id=f"u{n}", item_id="i", type="view", time=1e9)
                for n in range(20)
            ])
            print(number, flush=True)
"""


def test_events_that_were_acknowledged_survive_kill_9(tmp_path):
    path = tmp_path / EVENTS
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_WRITER), str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    acknowledged = [int(process.stdout.readline()) for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    process.wait(120)
    process.stdout.close()
    with EventLog(path) as log, log.read() as reader:
        stored = {logged.event.event_id for logged in reader.all()}
    assert {f"{number}-{n}" for number in acknowledged for n in range(20)} <= stored


# --- Retention -------------------------------------------------------------------------------


def test_a_retention_leaves_what_newer_events_alone_would_have_left(log, tmp_path, monkeypatch):
    monkeypatch.setattr("search.personal.event_log._DELETED_AT_ONCE", 3)
    rng = random.Random(2)
    events = [
        event(f"u{rng.randrange(6)}", f"i{rng.randrange(3)}", rng.choice(["view", "hide"]), NOW - n)
        for n in range(60)
    ]
    rng.shuffle(events)
    log.add(events)
    log.delete_before(NOW - 20)
    with EventLog(tmp_path / "newer", create=True) as newer:
        newer.add([one for one in events if one.time >= NOW - 20])
        assert popular(log) == pytest.approx(popular(newer))
        with log.read() as ours, newer.read() as theirs:
            for user in range(6):
                assert ours.hidden(f"u{user}") == theirs.hidden(f"u{user}")


def test_after_a_retention_the_first_event_of_a_user_counts_again(log):
    log.add([event(f"u{n}", "a", time=NOW - 10) for n in range(3)])
    log.delete_before(NOW - 5)
    assert popular(log) == {}
    log.add([event(f"u{n}", "a") for n in range(3)])
    assert set(popular(log)) == {"a"}


def test_popularity_does_not_depend_on_the_order_of_arrival(tmp_path):
    rng = random.Random(4)
    events = [
        event(f"u{rng.randrange(5)}", f"i{rng.randrange(3)}", time=NOW - DAY * rng.randrange(90))
        for _ in range(80)
    ]
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(events)
        with EventLog(tmp_path / f"log{seed}", create=True) as log:
            for one in events:
                log.add([one])
            found.append(popular(log))
    assert found[0] == pytest.approx(found[1])
    assert found[0] == pytest.approx(found[2])


def test_counting_takes_some_requests_and_the_scores_before_hold_meanwhile(log, monkeypatch):
    monkeypatch.setattr("search.personal.popularity._AT_ONCE", 4)
    log.add([event(f"u{n}", "a") for n in range(9)] + [event("gone", "b")])
    counts = Popularity()
    with log.read() as reader:
        assert [counts.refresh(reader) for _ in range(3)] == [False, False, True]
    assert set(counts.scores()) == {"a"}
    log.delete_user("gone")
    with log.read() as reader:
        assert not counts.refresh(reader)
        assert set(counts.scores()) == {"a"}
        assert [counts.refresh(reader) for _ in range(2)] == [False, True]
    assert set(counts.scores()) == {"a"}


def test_after_learning_a_new_process_knows_what_is_popular_at_once(log, monkeypatch):
    monkeypatch.setattr("search.personal.popularity._AT_ONCE", 4)
    log.add([event(f"u{n}", "a") for n in range(9)] + [event("gone", "a", "click")])
    learn(log)
    log.add([event(f"u{n}", "b") for n in range(3)])
    counts = Popularity()
    with log.read() as reader:
        assert counts.refresh(reader)  # counts the three events since
    assert dict(counts.scores()) == pytest.approx(popular(log))
    assert set(counts.scores()) == {"a", "b"}


def test_a_count_from_before_an_erasure_is_not_kept(log):
    log.add([event(f"u{n}", "a") for n in range(3)])
    learn(log)
    log.delete_user("u0")
    with log.read() as reader:
        assert reader.popularity() is None
    assert popular(log) == {}


# --- Compaction ------------------------------------------------------------------------------


def test_after_an_erasure_and_a_compaction_no_trace_is_in_the_raw_files(log):
    log.add([event(f"u{n}", f"kept-{n}") for n in range(200)])
    log.add([event("gone", f"secret-item-{n}", event_id=f"secret-id-{n}") for n in range(50)])
    log.delete_user("gone")
    assert b"secret-" in raw_bytes(log)  # LMDB does not overwrite what was deleted
    compact(log)
    raw = raw_bytes(log)
    assert b"secret-" not in raw
    assert b"kept-199" in raw
    assert items_of(log, "u7") == ["kept-7"]
    assert log.add([event("u7", "new")]) == ["stored"]


def test_an_open_log_follows_a_compaction_and_a_second_one(log, tmp_path):
    log.add([event("u", "a")])
    with EventLog(log.folder) as other, EventLog(log.folder) as idle:
        compact(log)
        assert other.add([event("u", "b", time=NOW + 1)]) == ["stored"]
        compact(other)
        assert items_of(idle, "u") == items_of(log, "u") == ["a", "b"]
    with open_if_exists(tmp_path) as opened:
        assert items_of(opened, "u") == ["a", "b"]
    assert data_file(tmp_path).exists()
    assert len(list(log.folder.rglob("data.mdb"))) == 1


def test_a_compaction_that_is_killed_loses_nothing(log, monkeypatch):
    log.add([event("u", "a")])

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(compaction, "publish_place", killed)
    with pytest.raises(KeyboardInterrupt):
        compact(log)
    monkeypatch.undo()
    assert current_place(log.folder) == log.folder
    with EventLog(log.folder, create=True) as other:
        assert other.add([event("u", "b", time=NOW + 1)]) == ["stored"]
        assert items_of(log, "u") == items_of(other, "u") == ["a", "b"]
        compact(other)
    assert items_of(log, "u") == ["a", "b"]
    assert len(list(log.folder.rglob("data.mdb"))) == 1


def test_events_that_come_during_a_compaction_are_kept(log):
    stored: list[str] = []
    done = threading.Event()

    def write():
        with EventLog(log.folder) as other:
            number = 0
            while not done.is_set() or number < 30:
                if other.add([event("u", f"i{number}", time=NOW + number * 1e-2)]) == ["stored"]:
                    stored.append(f"i{number}")
                number += 1

    log.add([event("v", f"x{n}") for n in range(500)])
    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            compact(log)
    finally:
        done.set()
        thread.join(120)
    assert items_of(log, "u") == stored
    assert len(items_of(log, "v")) == 500


# --- One user among many ---------------------------------------------------------------------


def test_one_user_with_very_many_events_changes_no_more_than_one_user_may(log):
    people = [event(f"u{n}", f"i{n % 4}", time=NOW - 5 - n) for n in range(40)]
    people += [event(f"u{n}", f"i{(n + 1) % 4}", "purchase", NOW - n) for n in range(40)]
    log.add(people)
    before = popular(log)
    kinds = ("view", "click", "cart", "purchase")
    for batch in range(10):
        log.add(
            [
                event("robot", f"i{n % 2}" if n % 3 else f"spam{n % 9}", kinds[n % 4], NOW - n)
                for n in range(batch * 2000, batch * 2000 + 2000)
            ]
        )
    assert popular(log).keys() == before.keys()
    assert popular(log) == pytest.approx(before, abs=0.25)
    learn(log)
    with log.read() as reader:
        spam = {item for n in range(9) for item, _ in neighbors_of(reader, f"spam{n}")}
        bought = {found.item_id for n in range(4) for found in bought_with(reader, f"i{n}")}
    assert spam == set()
    assert not any(item.startswith("spam") for item in bought)


def test_baskets_of_one_user_are_no_support(log):
    for number in range(9):
        time = NOW - number * 2 * DAY
        log.add([event("u", item, "purchase", time) for item in ("cup", "saucer")])
    log.add([event(f"v{n}", "hat", "purchase") for n in range(20)])
    learn(log)
    with log.read() as reader:
        assert bought_with(reader, "cup") == []


@pytest.mark.parametrize("item", ["zero\u200bwidth", "no\xa0break", "soft\xadhyphen"])
def test_an_id_that_a_catalog_may_have_may_be_that_of_an_event(log, item):
    assert log.add([event("u", item, "hide")]) == ["stored"]
    with log.read() as reader:
        assert reader.hidden("u") == {item}


# --- Published counts ------------------------------------------------------------------------


def published(log, **options):
    with log.read() as reader:
        return publish(reader, **options)


def test_counts_of_too_few_users_are_not_published(log):
    log.add([event(f"u{n}", item, "purchase") for n in range(3) for item in ("cup", "saucer")])
    log.add([event(f"u{n}", "hat") for n in range(2)])
    found = published(log)
    assert [(entry.item_id, entry.users) for entry in found.trending] == [("cup", 3), ("saucer", 3)]
    pair = found.bought_together[0]
    assert (pair.first, pair.second, pair.users) == ("cup", "saucer", 3)
    assert (found.epsilon, found.noise_scale) == (None, 0)


def test_one_user_changes_the_counts_by_a_bounded_sum(log):
    log.add([event(f"u{n}", f"i{item}") for n in range(4) for item in range(100)])
    assert sum(entry.users for entry in published(log).trending) <= 4 * MAX_COUNTS


def test_noise_has_the_scale_that_epsilon_asks_for(log):
    for start in range(0, 400, 20):  # 20 users each meet the same 20 items
        log.add([event(f"u{start}-{n}", f"i{start + i}") for n in range(20) for i in range(20)])
    noisy = published(log, epsilon=10.0, rng=np.random.default_rng(7))
    assert noisy.noise_scale == MAX_COUNTS / 10.0
    noise = np.array([entry.users - 20 for entry in noisy.trending])
    assert len(noise) > 390
    assert np.abs(noise).mean() == pytest.approx(2.0, rel=0.2)
    again = published(log, epsilon=10.0, rng=np.random.default_rng(8))
    assert again.trending != noisy.trending
