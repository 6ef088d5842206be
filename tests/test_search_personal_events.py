"""Events: how they are read, stored once, found by user, counted and erased."""

from __future__ import annotations

import multiprocessing
import random
import threading
from datetime import date, datetime

import pytest

from indexer.errors import BadEvent
from search.personal.event import EVENT_TYPES, Event, event_from
from search.personal.event_log import EventLog, data_file, open_if_exists
from search.personal.popularity import Popularity
from tests.personalevents import event, items_of, log

__all__ = ["log"]  # fixtures

NOW = 1_700_000_000.0


# --- Reading one -----------------------------------------------------------------------------


def test_an_event_is_read_from_texts_as_a_table_has_them():
    read = event_from(
        {
            "event_id": " e1 ",
            "user_id": "u",
            "item_id": "i",
            "type": "rating",
            "time": "2023-11-14T22:13:20Z",
            "value": "4.5",
            "position": "3",
            "propensity": "0.25",
            "consent": "yes",
            "surface": "",
            "rendition": None,
        },
        now=NOW,
    )
    assert read == Event(
        event_id="e1",
        user_id="u",
        item_id="i",
        type="rating",
        time=NOW,
        value=4.5,
        position=3,
        propensity=0.25,
    )


@pytest.mark.parametrize(
    "time", [NOW, NOW * 1000, str(int(NOW)), "2023-11-14T23:13:20+01:00", "2023-11-14 22:13:20"]
)
def test_a_time_is_iso_8601_or_seconds_or_milliseconds(time):
    assert event("u", "i", time=time).time == NOW


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", ""),
        ("user_id", "u" * 257),
        ("user_id", "a\x1b[31m"),
        ("user_id", "\ud800"),
        ("user_id", ["u"]),
        ("item_id", None),
        ("type", "buy"),
        ("type", ["view"]),
        ("time", "yesterday"),
        ("time", NOW + 301),
        ("time", -5),
        ("time", "inf"),
        ("time", True),
        ("value", "nan"),
        ("value", 10**400),
        ("position", -1),
        ("position", 1.5),
        ("propensity", 0),
        ("propensity", 1.01),
        ("consent", "perhaps"),
        ("surface", "x" * 65),
        ("color", "red"),
    ],
)
def test_a_bad_field_is_refused_by_its_name(field, value):
    record = {"user_id": "u", "item_id": "i", "type": "view", field: value}
    with pytest.raises(BadEvent) as caught:
        event_from(record, now=NOW)
    assert caught.value.param == field
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("kind", ["cart", "purchase"])
def test_a_returned_quantity_is_no_purchase(kind):
    record = {"user_id": "u", "item_id": "i", "type": kind, "value": "-2"}
    with pytest.raises(BadEvent, match=f"a {kind} needs a quantity of at least 0, got -2"):
        event_from(record, now=NOW)
    assert event_from(record | {"value": 0}, now=NOW).value == 0


@pytest.mark.parametrize("value", [None, -1, 5.5])
def test_a_rating_needs_stars_from_0_to_5(value):
    with pytest.raises(BadEvent, match="0 to 5 stars"):
        event("u", "i", "rating", value=value)


def test_a_time_before_the_oldest_kept_is_refused():
    record = {"user_id": "u", "item_id": "i", "type": "view", "time": NOW - 10}
    with pytest.raises(BadEvent, match="older than events are kept"):
        event_from(record, now=NOW, oldest=NOW - 5)


@pytest.mark.parametrize(
    "time", ["2023", "202311", "1_700_000_000", "\u0661\u0662\u0663", "12345678"]
)
def test_a_text_that_may_be_a_year_or_a_date_is_no_number_of_seconds(time):
    with pytest.raises(BadEvent, match="ISO 8601"):
        event("u", "i", time=time)


def test_values_are_read_as_parquet_has_them():
    moment = datetime(2023, 11, 14, 22, 13, 20)  # noqa: DTZ001 - as pyarrow gives it
    read = event(48213.0, 7, time=moment, value=float("nan"))
    assert (read.user_id, read.item_id, read.time, read.value) == ("48213", "7", NOW, None)
    assert event("u", "i", time=date(2023, 11, 14)).time == NOW - 80_000


# --- Storing ---------------------------------------------------------------------------------


def test_an_event_is_stored_once_whatever_comes_with_its_id_later(log):
    first = event("u", "a", event_id="e")
    assert log.add([first, first]) == ["stored", "repeated"]
    assert log.add([event("v", "b", "purchase", event_id="e")]) == ["repeated"]
    assert (items_of(log, "u"), items_of(log, "v")) == (["a"], [])


def test_without_an_id_an_event_is_known_by_all_of_its_fields(log):
    one, other = event("u", "a"), event("u", "a", time=NOW - 1)
    assert log.add([one, other]) == ["stored", "stored"]
    assert log.add([one, other]) == ["repeated", "repeated"]


def test_an_event_without_consent_is_not_stored(log):
    assert log.add([event("u", "a", consent=False)]) == ["no_consent"]
    assert items_of(log, "u") == []


def test_events_of_a_user_stand_by_their_times_whatever_order_they_came_in(log):
    log.add([event("u", "late", time=NOW), event("v", "other", time=NOW - 5)])
    log.add([event("u", "early", time=NOW - 100), event("u", "middle", time=NOW - 50)])
    assert items_of(log, "u") == ["early", "middle", "late"]
    with log.read() as reader:
        assert [e.item_id for e in reader.newest("u", 2)] == ["late", "middle"]
        assert [e.item_id for e in reader.newest("u", 9, until=NOW - 50)] == ["middle", "early"]
        assert reader.newest("nobody", 9) == []


def test_an_event_comes_back_as_it_was_sent(log):
    sent = event(
        "u", "a", "cart", value=2, surface="home", position=4, rendition="noir", propensity=0.5
    )
    log.add([sent])
    with log.read() as reader:
        assert [stored.event("u") for stored in reader.of_user("u")] == [sent]


def test_no_user_id_is_in_the_files(log):
    log.add([event("marguerite@example.org", "a"), event("marguerite@example.org", "b")])
    assert b"marguerite" not in (log.path / "data.mdb").read_bytes()
    with log.read() as reader:
        assert [stored.event_id for stored in reader.of_user("marguerite@example.org")] == ["", ""]


def test_a_hidden_item_is_known_however_many_events_came_after(log):
    log.add([event("u", "ugly", "hide", time=NOW - 9), event("v", "other", "hide")])
    log.add([event("u", f"i{n}") for n in range(1200)])
    with log.read() as reader:
        assert reader.hidden("u") == {"ugly"}
    log.delete_user("u")
    with log.read() as reader:
        assert reader.hidden("u") == frozenset()


def test_an_empty_folder_has_no_log_and_reading_makes_none(tmp_path):
    assert open_if_exists(tmp_path) is None
    assert not data_file(tmp_path).exists()


def test_a_batch_is_stored_whole_or_not_at_all(log, monkeypatch):
    import search.personal.event_log as module

    put = module._put

    def failing(txn, secret, sequence, one):
        if one.item_id == "bad":
            raise RuntimeError
        return put(txn, secret, sequence, one)

    monkeypatch.setattr(module, "_put", failing)
    with pytest.raises(RuntimeError):
        log.add([event("u", "good"), event("u", "bad")])
    assert items_of(log, "u") == []


def _add_many(path, worker):
    with EventLog(path, create=True) as log:
        for number in range(40):
            log.add(
                [event(f"u{worker}", f"i{number}"), event("shared", "x", event_id=f"s{number}")]
            )


def test_processes_write_at_once_and_lose_nothing(tmp_path):
    path = tmp_path / "events.lmdb"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_many, args=(path, n)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    with EventLog(path) as log, log.read() as reader:
        assert reader.count() == 2 * 40 + 40
        assert [logged.event.sequence for logged in reader.since(0)] == list(range(1, 121))


# --- Erasing ---------------------------------------------------------------------------------


def test_erasing_a_user_leaves_the_others_and_counts_as_never_seen(log):
    others = [event("v", "a"), event("w", "b", "purchase")]
    log.add([*others, event("u", "a", "purchase", event_id="mine"), event("u", "c")])
    assert log.delete_user("u") == 2
    assert (items_of(log, "u"), items_of(log, "v")) == ([], ["a"])
    with log.read() as reader:
        assert [logged.event.item_id for logged in reader.since(0)] == ["a", "b"]
    assert log.add([event("u", "a", "purchase", event_id="mine")]) == ["stored"]
    with log.read() as reader:
        assert next(iter(reader.of_user("u"))).is_first


def test_erasing_more_events_than_one_transaction_takes_deletes_all(log, monkeypatch):
    monkeypatch.setattr("search.personal.event_log._DELETED_AT_ONCE", 7)
    log.add([event("u", f"i{n}") for n in range(40)] + [event("v", "a")])
    assert log.delete_user("u") == 40
    assert items_of(log, "v") == ["a"]


def test_events_before_a_time_are_deleted_for_all_users(log, monkeypatch):
    monkeypatch.setattr("search.personal.event_log._DELETED_AT_ONCE", 3)
    log.add([event(f"u{n % 4}", f"i{n}", time=NOW - n) for n in range(20)])
    assert log.delete_before(NOW - 9.5) == 10
    left = [item for n in range(4) for item in items_of(log, f"u{n}")]
    assert sorted(left) == [f"i{n}" for n in range(10)]


# --- Popularity ------------------------------------------------------------------------------


def popular(log: EventLog, counts: Popularity | None = None) -> dict[str, float]:
    counts = counts or Popularity()
    with log.read() as reader:
        counts.refresh(reader)
    return counts.scores()


def test_popular_is_what_many_users_met_not_what_one_met_often(log):
    log.add([event("robot", "spam", time=NOW - n) for n in range(500)])
    log.add([event(f"u{n}", "good") for n in range(4)] + [event(f"u{n}", "fair") for n in range(3)])
    assert list(popular(log)) == ["good", "fair"]  # spam has one user: too few to be published


def test_scores_are_made_anew_once_a_second(log):
    now = [100.0]
    counts = Popularity(clock=lambda: now[0])
    log.add([event(f"u{n}", "a") for n in range(3)])
    first = popular(log, counts)
    log.add([event(f"u{n}", "b") for n in range(3)])
    assert popular(log, counts) is first
    now[0] += 1.0
    assert set(popular(log, counts)) == {"a", "b"}


def test_a_reader_from_before_an_erasure_does_not_bring_the_user_back(log):
    now = [100.0]
    counts = Popularity(clock=lambda: now[0])
    log.add([event(f"u{n}", "a") for n in range(3)])
    with log.read() as older:
        popular(log, counts)
        threading.Thread(target=log.delete_user, args=("u0",)).start()
        while True:
            with log.read() as newer:
                if newer.deletions:
                    break
        now[0] += 1.0
        assert popular(log, counts) == {}
        counts.refresh(older)
        now[0] += 1.0
        assert counts.scores() == {}


def test_newer_events_weigh_more(log):
    old = NOW - 90 * 86_400
    log.add([event(f"u{n}", "was", time=old) for n in range(6)])
    log.add([event(f"u{n}", "is") for n in range(3)])
    assert list(popular(log)) == ["is", "was"]


def test_what_was_popular_long_ago_is_still_ranked_after_one_new_event(log):
    long_ago = NOW - 30 * 365 * 86_400
    log.add([event(f"u{n}", "second", time=long_ago) for n in range(3)])
    log.add([event(f"u{n}", "first", time=long_ago) for n in range(5)])
    log.add([event(f"u{n}", "now") for n in range(3)])
    scores = popular(log)
    assert list(scores) == ["now", "first", "second"]
    assert scores["now"] > scores["first"] > scores["second"] > 0


def test_counting_on_gives_what_counting_anew_gives_in_any_order(log):
    events = [
        event(f"u{n % 9}", f"i{n % 5}", EVENT_TYPES[n % 4], time=NOW - 86_400 * (n % 700))
        for n in range(300)
    ]
    random.Random(3).shuffle(events)
    now = [0.0]
    counts = Popularity(clock=lambda: now[0])
    for start in range(0, 300, 30):
        log.add(events[start : start + 30])
        now[0] += 1.0
        popular(log, counts)
    assert popular(log, counts) == pytest.approx(popular(log))


def test_after_an_erasure_counts_are_as_if_the_user_had_never_come(log, tmp_path):
    rest = [event(f"u{n}", f"i{n % 3}") for n in range(12)]
    counts = Popularity()
    log.add([*rest, event("gone", "i0", "purchase"), event("gone", "i9")])
    popular(log, counts)
    log.delete_user("gone")
    with EventLog(tmp_path / "never.lmdb", create=True) as never:
        never.add(rest)
        assert popular(log, counts) == pytest.approx(popular(never), abs=1e-5)
