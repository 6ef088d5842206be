"""The events of a replica are those of its primary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from indexer.errors import BadPrimary, Conflict, PrimaryLost
from indexer.layout import EVENTS
from indexer.replication.messages import LogPage
from search.personal import event_feed
from search.personal.event_copy import EventCopy
from search.personal.event_feed import EventFeed, EventSource
from search.personal.event_log import DATABASES, EventLog
from search.personal.factor_map import FactorMap
from search.personal.facts import FactCode
from tests.personalevents import NOW, event, items_of

SHOES = [event("ann", f"shoe-{number}", time=NOW - number) for number in range(5)]


@pytest.fixture
def log(tmp_path):
    with EventLog(tmp_path / "primary" / EVENTS, create=True) as log:
        yield log


@pytest.fixture
def source(tmp_path):
    return EventSource(tmp_path / "primary")


@pytest.fixture
def copy(tmp_path, source):
    (tmp_path / "copy").mkdir()
    return EventCopy(tmp_path / "copy", source)


def catch_up(copy: EventCopy) -> None:
    while copy.step():
        pass


def content(folder) -> dict[str, Any]:
    with EventLog(folder / EVENTS) as log, log.read() as reader:
        return {database: dict(reader.entries(database)) for database in DATABASES}


def test_a_copy_of_a_shop_without_events_makes_none(copy, tmp_path):
    assert copy.step() is False
    assert not (tmp_path / "copy" / EVENTS).exists()


def test_a_copy_has_every_entry_of_its_primary_and_follows_page_by_page(
    log, copy, tmp_path, monkeypatch
):
    monkeypatch.setattr(event_feed, "_MOST_BYTES", 1)  # each message has one event
    log.add(SHOES[:3])
    assert [copy.step() for _ in range(3)] == [True, True, False]
    log.add([event("bob", "mug"), event("ann", "shoe-1", "hide"), event("ann", "shoe-1", time=5)])
    catch_up(copy)
    assert content(tmp_path / "copy") == content(tmp_path / "primary")


def test_users_are_known_to_the_copy_and_stay_known_after_it_is_left(log, copy, tmp_path):
    log.add(SHOES[:2])
    catch_up(copy)
    with EventLog(tmp_path / "copy" / EVENTS) as left:
        assert items_of(left, "ann") == ["shoe-1", "shoe-0"]
        assert left.add([SHOES[0], event("ann", "mug")]) == ["repeated", "stored"]


def test_an_erased_user_is_erased_in_the_copy_and_nobody_else(log, copy, tmp_path):
    log.add([*SHOES, event("bob", "mug"), event("ann", "mug", "hide")])
    catch_up(copy)
    log.delete_user("ann")
    log.add([event("bob", "cup", time=NOW + 1)])
    catch_up(copy)
    assert content(tmp_path / "copy") == content(tmp_path / "primary")
    with EventLog(tmp_path / "copy" / EVENTS) as erased:
        assert (items_of(erased, "ann"), items_of(erased, "bob")) == ([], ["mug", "cup"])


def test_events_that_expired_before_the_first_copy_are_no_gap(log, copy, tmp_path):
    log.add([event("ann", "old", time=100), *SHOES])
    log.delete_before(1000)
    log.add([event("bob", "last")])
    log.delete_user("bob")  # the newest number of all has no event any more
    catch_up(copy)
    assert copy.step() is False
    assert content(tmp_path / "copy") == content(tmp_path / "primary")


def test_what_was_learned_is_copied_and_replaced(log, copy, tmp_path):
    log.add(SHOES)
    for neighbors in ({"shoe-0": b"1", "shoe-1": b"2"}, {"shoe-1": b"3"}):
        factors = FactorMap(
            np.eye(3, 2, dtype=np.float32), FactCode(), np.zeros((0, 2), np.float32), 0.25
        )
        assert log.replace_learned(
            {"neighbors": neighbors}, factors, deletions=0, popularity=b"counts"
        )
        catch_up(copy)
        assert content(tmp_path / "copy") == content(tmp_path / "primary")


@pytest.mark.parametrize("lost_at", [1, 2, 3, 5, 8])
def test_a_copy_that_loses_its_primary_anywhere_goes_on(log, source, tmp_path, lost_at):
    log.add([*SHOES, event("bob", "mug")])
    copy = EventCopy(tmp_path / "copy", source)
    catch_up(copy)
    log.delete_user("ann")
    log.add([event("bob", "cup")])
    log.replace_learned({"together": {"cup": b"1"}}, deletions=1)
    calls = 0

    class Lost:
        def feed(self, since: int) -> EventFeed:
            self.ask()
            return source.feed(since)

        def page(self, database: str, after: bytes) -> LogPage:
            self.ask()
            return source.page(database, after)

        def ask(self) -> None:
            nonlocal calls
            calls += 1
            if calls >= lost_at:
                raise PrimaryLost("the cable was pulled")

    with pytest.raises(PrimaryLost):
        catch_up(EventCopy(tmp_path / "copy", Lost()))
    catch_up(copy)
    assert content(tmp_path / "copy") == content(tmp_path / "primary")


def test_events_of_its_own_are_not_replaced_unasked(log, copy, tmp_path):
    with EventLog(tmp_path / "copy" / EVENTS, create=True) as own:
        own.add(SHOES[:1])
    log.add(SHOES)
    with pytest.raises(Conflict, match=r"not those of its primary.*--anew"):
        copy.step()
    with EventLog(tmp_path / "copy" / EVENTS) as own:
        assert items_of(own, "ann") == ["shoe-0"]


@pytest.mark.parametrize("changed", [{"sequence": 7}, {"name": b"short"}, {"value": b"\xc1"}])
def test_an_event_that_cannot_be_right_is_refused(log, source, tmp_path, changed):
    log.add(SHOES[:1])

    class Wrong:
        def feed(self, since: int) -> EventFeed:
            feed = source.feed(since)
            sequence, name, value = feed.events[0]
            sent = {"sequence": sequence, "name": name, "value": value} | changed
            return EventFeed(secret=feed.secret, sequence=9, events=[tuple(sent.values())])

    with pytest.raises(BadPrimary, match=r"the primary sent (an )?event"):
        EventCopy(tmp_path / "copy", Wrong()).step()
