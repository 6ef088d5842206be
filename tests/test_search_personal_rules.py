"""The rules of a shop: boosts, pins, floors, exploration with propensities, and interleaving."""

from __future__ import annotations

import json
import os
from collections import Counter
from random import Random

import numpy as np
import pytest

from indexer.errors import BadQuery
from indexer.layout import EVENTS, RULES
from search.engine import SearchEngine
from search.personal.arrangement import Constraints, Ranked, arrange
from search.personal.event import event_from
from search.personal.event_log import EventLog
from search.personal.event_reader import LoggedEvent, UserEvent
from search.personal.interleaving import report, team_draft
from search.personal.rules import read_rules

NOW = 1_700_000_000.0


def event(user: str, item: str, kind: str = "view", **more):
    record = {"user_id": user, "item_id": item, "type": kind, "time": NOW, **more}
    return event_from(record, now=NOW)


@pytest.fixture
def engine(tiny_shop, tmp_path):
    with SearchEngine.open(tiny_shop) as engine:
        engine.recommender = engine.recommender.with_events(tmp_path, clock=lambda: NOW)
        engine.recommender.add([event("u", "red-shoe")])
        yield engine


@pytest.fixture
def rules(tmp_path):
    def write(**given):
        (tmp_path / RULES).write_text(json.dumps(given))

    return write


def ids(found) -> list[str]:
    return [item.item_id for item in found.items]


def test_without_rules_every_propensity_is_one(engine):
    found = engine.recommend("u", k=3)
    assert {(item.propensity, item.surface) for item in found.items} == {(1.0, "recommended")}


def test_a_boost_moves_what_passes_its_filter_up_and_is_explained(engine, rules):
    assert ids(engine.recommend("u", k=3))[0] == "red-mug"
    rules(boosts=[{"filter": "color = blue", "add": 3}])
    found = engine.recommend("u", k=3, explain=True)
    assert {"blue-shoe", "blue-mug"} == set(ids(found)[:2])
    for item in found.items:
        assert sum(item.contributions.values()) == pytest.approx(item.score, abs=1e-4)
    assert found.items[0].contributions["boosts"] == 3


def test_a_pin_has_its_place_unless_the_item_may_not_be_shown(engine, rules):
    rules(pins=[{"item_id": "white-mug", "place": 1}, {"item_id": "red-shoe", "place": 0}])
    found = ids(engine.recommend("u", k=4))
    assert found[1] == "white-mug"
    assert "red-shoe" not in found  # the user has met it
    assert len(set(found)) == 4
    assert "white-mug" not in ids(engine.recommend("u", k=4, filter="color = red"))


def test_a_floor_keeps_its_share_at_every_length(engine, rules):
    rules(floors=[{"filter": "color = blue", "share": 0.5}])
    found = ids(engine.recommend("u", k=4))
    assert sum(item.startswith("blue") for item in found[:2]) == 1
    assert sum(item.startswith("blue") for item in found) == 2


def test_rules_that_are_not_valid_change_nothing_and_are_logged(engine, rules, caplog):
    rules(boosts=[{"filter": "color = blue", "add": 3}])
    before = ids(engine.recommend("u", k=3))
    rules(boosts=[{"filter": "color = ", "add": 3}])
    with caplog.at_level("WARNING"):
        assert ids(engine.recommend("u", k=3)) == before
    assert RULES in caplog.text


def test_rules_that_cannot_be_read_change_nothing_and_are_logged_once(
    engine, rules, caplog, tmp_path
):
    rules(boosts=[{"filter": "color = blue", "add": 3}])
    before = ids(engine.recommend("u", k=3))
    (tmp_path / RULES).unlink()
    (tmp_path / RULES).symlink_to(tmp_path / RULES)
    with caplog.at_level("WARNING"):
        assert ids(engine.recommend("u", k=3)) == before
        assert ids(engine.recommend("u", k=3)) == before
    assert len(caplog.records) == 1


@pytest.mark.parametrize("kind", ["boosts", "floors"])
def test_a_rule_of_a_field_that_the_shop_lacks_is_left_out_and_logged_once(
    engine, rules, caplog, kind
):
    rules(**{kind: [{"filter": "nope = 1", "add" if kind == "boosts" else "share": 0.5}]})
    plain = ids(engine.recommend("u", k=3))
    assert plain == ["red-mug", "black-shoe", "black-mug"]
    assert ids(engine.recommend("u", k=3)) == plain
    assert len(caplog.records) == 1
    assert "'nope = 1'" in caplog.text


def test_rules_in_a_pipe_are_refused_before_they_are_read(tmp_path):
    os.mkfifo(tmp_path / RULES)
    with pytest.raises(BadQuery, match="not a regular file"):
        read_rules(tmp_path / RULES)


@pytest.mark.parametrize(
    "given",
    [
        {"boost": []},
        {"boosts": [{"filter": "a = 1", "add": 1000}]},
        {"boosts": [{"filter": "a = 1"}]},
        {"pins": [{"item_id": "a", "place": -1}]},
        {"floors": [{"filter": "a = 1", "share": 0.7}, {"filter": "b = 1", "share": 0.7}]},
        {"explore": 1.5},
        {"interleave": {"beauty": 1.0}},
        {"interleave": {"popular": 1e308}},
    ],
)
def test_rules_are_checked(tmp_path, given):
    (tmp_path / RULES).write_text(json.dumps(given))
    with pytest.raises(BadQuery, match=RULES):
        read_rules(tmp_path / RULES)


def test_propensities_are_how_often_items_are_shown():
    ranked = Ranked([0, 1, 2, 3], np.arange(4))
    constraints = Constraints({}, [], 0.4)
    rng = Random(5)
    second = Counter()
    logged: dict[int, float] = {}
    for _ in range(6000):
        first, slot = arrange(ranked, constraints, 2, rng)
        assert (first.candidate, first.propensity) == (0, 1.0)
        second[slot.candidate] += 1
        logged[slot.candidate] = slot.propensity
    assert sum(logged.values()) == pytest.approx(1)
    for candidate, propensity in logged.items():
        assert second[candidate] / 6000 == pytest.approx(propensity, abs=0.03)


def test_explored_items_say_so(engine, rules):
    rules(explore=1.0)
    found = engine.recommend("u", k=4)
    assert [item.surface for item in found.items] == [
        "recommended",
        *["recommended/explore"] * 3,
    ]
    assert all(0 < item.propensity < 1 for item in found.items[1:])


def test_team_draft_gives_both_rankers_the_same_chances():
    rng = Random(3)
    first = Counter()
    for _ in range(400):
        drafted = team_draft("abcdef", "fedcba", 4, rng)
        lists = {"a": "abcdef", "b": "fedcba"}
        keys = [lists[entry.team][entry.place] for entry in drafted]
        assert len(set(keys)) == 4
        assert sorted(entry.team for entry in drafted) == ["a", "a", "b", "b"]
        first[drafted[0].team] += 1
    assert 150 < first["a"] < 250


def test_rankers_that_agree_are_interleaved_into_their_list():
    drafted = team_draft("abc", "abc", 9, Random(1))
    assert [entry.place for entry in drafted] == [0, 1, 2]


def test_an_even_split_among_many_users_has_the_largest_p_value():
    clicks = [
        LoggedEvent(f"{team}{user}".encode(), reaction)
        for team in ("a", "b")
        for reaction in [UserEvent(1, True, "", "x", "click", NOW, surface=f"recommended/{team}")]
        for user in range(501)
    ]
    assert (report(clicks).users, report(clicks).p_value) == (1002, 1.0)


def test_an_interleaved_list_names_the_ranker_of_each_item(engine, rules):
    rules(interleave={"recent": -1.0, "interest": -1.0})
    found = engine.recommend("u", k=4)
    assert {item.surface for item in found.items} == {"recommended/a", "recommended/b"}
    assert ids(found)[0] != ids(found)[1]


def test_the_report_counts_users_not_clicks(tmp_path):
    with EventLog(tmp_path / EVENTS, create=True) as log:
        for user in range(12):
            log.add([event(f"u{user}", "x", "click", surface="recommended/b")])
        for n in range(50):
            log.add([event("robot", f"i{n}", "click", surface="recommended/a")])
        log.add([event("v", "x", "click", surface="recommended/explore"), event("v", "x")])
        with log.read() as reader:
            found = report(reader.all())
    assert (found.users, found.a_wins, found.b_wins, found.ties) == (13, 1, 12, 0)
    assert found.p_value == pytest.approx(2 * (1 + 13) / 2**13, abs=1e-6)
