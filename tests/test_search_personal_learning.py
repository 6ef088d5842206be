"""What is learned from all events: items met together, and items bought together."""

from __future__ import annotations

import numpy as np
import pytest

from search.personal.baskets import learn_baskets, log_likelihood_ratio
from search.personal.covisits import KEPT, SHRINK, learn_covisits
from search.personal.event import event_from
from search.personal.event_log import EventLog
from search.personal.learning import bought_with, learn, neighbors_of
from tests.personalevents import log, visits

__all__ = ["log"]  # fixtures

NOW = 1_700_000_000.0


def as_dict(found) -> dict[tuple[int, int], float]:
    return {
        (item, int(other)): float(strength)
        for item, others, strengths in found.by_item()
        for other, strength in zip(others, strengths, strict=True)
    }


def test_the_strength_of_a_pair_is_what_the_formula_says():
    found = as_dict(learn_covisits(visits([0, 1, 2], [0, 2]), 3))
    # 0 and 2: two steps apart once, one step once; both met by two users.
    assert found[0, 2] == pytest.approx((1 / np.sqrt(2) + 1) / (2 + SHRINK))
    assert found[0, 1] == pytest.approx(1 / (np.sqrt(2 * 1) + SHRINK))
    assert found[0, 2] == found[2, 0]


def test_a_pair_beyond_the_window_does_not_count():
    long = list(range(30))
    found = as_dict(learn_covisits(visits(long), 30))
    assert (0, 10) in found
    assert (0, 11) not in found


def test_a_user_counts_once_for_a_pair_however_often_it_is_met():
    once = as_dict(learn_covisits(visits([0, 1]), 2))
    to_and_fro = as_dict(learn_covisits(visits([0, 1, 0, 1, 0, 0, 1]), 2))
    assert to_and_fro == once


def test_pairs_of_too_few_users_are_left_out():
    found = as_dict(learn_covisits(visits([0, 1], [0, 1], [0, 2]), 3, min_users=2))
    assert set(found) == {(0, 1), (1, 0)}


def test_each_item_keeps_its_strongest_neighbors():
    items = KEPT + 10
    sequences = [[0, other] for other in range(1, items) for _ in range(other)]
    found = as_dict(learn_covisits(visits(*sequences), items))
    assert {other for item, other in found if item == 0} == set(range(10, items))


def test_learning_in_parts_gives_what_learning_at_once_gives(monkeypatch, rng):
    sequences = [rng.integers(0, 12, size=rng.integers(0, 9)).tolist() for _ in range(60)]
    whole = as_dict(learn_covisits(visits(*sequences), 12))
    monkeypatch.setattr("search.personal.covisits._PAIRS_AT_ONCE", 100)
    assert as_dict(learn_covisits(visits(*sequences), 12)) == pytest.approx(whole)


def test_nothing_is_learned_from_nothing():
    assert as_dict(learn_covisits(visits(), 1)) == {}
    assert list(learn_baskets([], 5)) == []


def test_the_ratio_is_dunnings():
    # His table of "the swiss" style counts: k11 = 110, k12 = 2442, k21 = 111, k22 = 29114.
    both, first, second = np.array([110]), np.array([110 + 2442]), np.array([110 + 111])
    ratio = log_likelihood_ratio(both, first, second, 110 + 2442 + 111 + 29114)
    assert ratio[0] == pytest.approx(270.72, abs=0.01)  # as Dunning (1993), table 1, gives it
    independent = log_likelihood_ratio(np.array([25]), np.array([50]), np.array([50]), 100)
    assert independent[0] == pytest.approx(0, abs=1e-9)


def test_items_bought_together_more_often_than_by_chance_are_found():
    bread, butter, wine = 0, 1, 2
    baskets = [np.array([bread, butter])] * 6 + [np.array([wine])] * 6 + [np.array([bread, wine])]
    found = dict(learn_baskets(baskets, 3))
    assert found[bread].items.tolist() == [butter]
    assert found[bread].support.tolist() == [6]
    assert wine not in found


def event(user, item, kind="view", time=NOW):
    return event_from({"user_id": user, "item_id": item, "type": kind, "time": time}, now=NOW)


def test_what_three_users_met_together_is_learned_and_what_two_did_is_not(log):
    for user in "abc":
        log.add([event(user, "x", time=NOW - 9), event(user, "y")])
    for user in "ab":
        log.add([event(user, "z", time=NOW - 8)])
    learned = learn(log)
    assert (learned.events, learned.users) == (8, 3)
    with log.read() as reader:
        assert [item for item, _ in neighbors_of(reader, "x")] == ["y"]
        assert neighbors_of(reader, "z") == []


def test_purchases_within_an_hour_are_a_basket(log):
    for user in "abcd":
        times = {"cup": NOW - 7000, "saucer": NOW - 6000, "hat": NOW}
        log.add([event(user, item, "purchase", time) for item, time in times.items()])
    log.add([event(f"u{n}", "hat", "purchase") for n in range(9)])
    learn(log)
    with log.read() as reader:
        assert [bought.item_id for bought in bought_with(reader, "cup")] == ["saucer"]
        assert bought_with(reader, "cup")[0].baskets == 4
        assert bought_with(reader, "hat") == []


def test_what_was_hidden_teaches_nothing(log):
    for user in "abc":
        log.add([event(user, "x", time=NOW - 9), event(user, "y", "hide")])
    learn(log)
    with log.read() as reader:
        assert neighbors_of(reader, "x") == []


def test_after_an_erasure_learning_again_is_as_if_the_user_had_never_come(log, tmp_path):
    people = {"a": "xyz", "b": "xyz", "c": "xyw", "d": "xz"}

    def add(to, user):
        to.add([event(user, item, time=NOW - 9 + n) for n, item in enumerate(people[user])])

    for user in people:
        add(log, user)
    learn(log)
    log.delete_user("d")
    learn(log)
    with EventLog(tmp_path / "never.lmdb", create=True) as never:
        for user in "abc":
            add(never, user)
        learn(never)
        with log.read() as one, never.read() as two:
            for item in "xyzw":
                assert neighbors_of(one, item) == neighbors_of(two, item)


def test_what_is_erased_while_learning_is_not_learned(log, monkeypatch):
    import search.personal.learning as module

    for user in "abc":
        log.add([event(user, "x", time=NOW - 9), event(user, "y")])
    learn_covisits = module.learn_covisits
    runs = []

    def interrupted(*args, **options):
        if not runs:
            log.delete_user("a")
        runs.append(1)
        return learn_covisits(*args, **options)

    monkeypatch.setattr(module, "learn_covisits", interrupted)
    assert learn(log).users == 2
    assert len(runs) == 2
    with log.read() as reader:
        assert neighbors_of(reader, "x") == []  # two users are too few
