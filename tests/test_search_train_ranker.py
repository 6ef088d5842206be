"""Training the mixer on a shop's events: deployed only if it predicts later events better."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.layout import EVENTS, RANKERS
from search.personal.event import Event
from search.personal.event_log import EventLog
from search.personal.mixer import FEATURES, WEIGHTS
from search.quality.interactions import interactions_of
from search.quality.logged_lists import LoggedLists
from search.quality.train_ranker import train_ranker
from search.quality.tree_ranking import ranks_by_trees
from search.quality.weight_search import best_weights, fitted_to_scale
from service.cli.main import vitrine

ITEMS = [f"i{number}" for number in range(40)]


def chains(users: int, rng: np.random.Generator) -> list[Event]:
    """Everyone who meets an item meets the next of its group of four soon after."""
    events = []
    for user in range(users):
        for step, group in enumerate(rng.permutation(10)[:4].tolist()):
            for place in range(4):
                item = f"i{4 * group + place}"
                time = 1e6 + 4000.0 * user + 100 * step + place
                events.append(
                    Event(
                        event_id=f"{user}-{item}",
                        user_id=f"u{user}",
                        item_id=item,
                        type="view",
                        time=time,
                    )
                )
    return events


@pytest.fixture
def vectors(rng):
    """Pictures that say nothing of the groups, yet differ: likeness only misleads."""
    found = rng.normal(size=(len(ITEMS), 8))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_training_finds_that_behavior_counts_and_pictures_do_not(vectors, rng):
    trained = train_ranker(interactions_of(chains(400, rng), ITEMS), vectors)
    assert trained.is_better
    assert trained.ndcg > trained.ndcg_untrained
    weights = trained.weights
    # One of ten visits that follow counts more than all likeness.
    assert 0.1 * weights["following"] > abs(weights["interest"])


def test_where_nothing_can_be_learned_the_trained_weights_are_not_better(vectors, rng):
    events = [
        Event(
            event_id=str(number),
            user_id=f"u{number % 90}",
            item_id=ITEMS[int(rng.integers(len(ITEMS)))],
            type="view",
            time=1e6 + number,
        )
        for number in range(1500)
    ]
    assert not train_ranker(interactions_of(events, ITEMS), vectors).is_better


def lists(tables) -> LoggedLists:
    """Lists of candidates (n, m, features), of which the first was taken."""
    count, size, _ = tables.shape
    return LoggedLists(np.concatenate(tables), np.full(count, size), np.arange(count))


def test_weights_are_chosen_by_what_they_rank_among_the_first(rng):
    # Likeness picks the item that was taken; behavior and popularity say nothing.
    tables = rng.normal(size=(60, 40, len(WEIGHTS))).astype(np.float32)
    tables[:, 0, 1] = 4.0
    found = best_weights(lists(tables))
    assert found["interest"] > 5 * abs(found["following"])
    assert found["popular"] > 0


def test_ties_rank_in_the_middle():
    three = LoggedLists(np.zeros((9, 1)), np.array([2, 3, 4]), np.arange(3))
    scores = np.array([1.0, 2.0, 5.0, 5.0, 5.0, 3.0, 1.0, 3.0, 9.0])
    assert three.ranks(scores).tolist() == [1, 1, 1]
    first, others = three.split(1)
    assert first.ranks(scores[:2]).tolist() == [1]
    assert others.ranks(scores[2:]).tolist() == [1, 1]


def test_trees_find_what_no_weighted_sum_can(rng):
    """What was taken has a likeness near zero: neither much nor little."""
    pytest.importorskip(
        "lightgbm", reason="needs the extra personal", exc_type=(ImportError, OSError)
    )
    tables = rng.normal(size=(600, 20, len(WEIGHTS))).astype(np.float32)
    tables[:, :, 1] += np.sign(tables[:, :, 1])  # none is near zero
    tables[:, 0, 1] = 0.0
    whole = lists(tables)
    earlier, later = whole.split(200)
    assert np.median(later.ranks(later.features[:, 1])) == pytest.approx(10, abs=1)
    assert np.median(ranks_by_trees(earlier, later)) == 0


def test_learned_weights_come_on_the_scale_of_the_others(rng):
    features = rng.normal(size=(500, len(FEATURES))).astype(np.float32)
    found = fitted_to_scale({name: 10 * weight for name, weight in WEIGHTS.items()}, features)
    assert found == pytest.approx(dict(WEIGHTS))


def test_what_logged_events_do_not_show_keeps_its_weight(rng):
    features = rng.normal(size=(500, len(FEATURES))).astype(np.float32)
    hidden = ["context", "disliked"]
    features[:, [FEATURES.index(name) for name in hidden]] = 0
    learned = dict.fromkeys(FEATURES, 1.0) | dict.fromkeys(hidden, 0.0)
    found = fitted_to_scale(learned, features)
    assert {name: found[name] for name in hidden} == {name: WEIGHTS[name] for name in hidden}


def test_the_command_refuses_weights_that_are_not_better(shop, rng):
    ids = ["red-shoe", "red-mug", "blue-shoe", "blue-mug", "green-shoe", "green-mug", "white-mug"]
    events = [
        Event(
            event_id=str(number),
            user_id=f"u{number % 150}",
            item_id=ids[int(rng.integers(len(ids)))],
            type="view",
            time=1e6 + number,
        )
        for number in range(600)
    ]
    with EventLog(shop / EVENTS, create=True) as log:
        log.add(events)
        result = CliRunner().invoke(vitrine, ["train-ranker", "--shop", str(shop), "--json"])
        assert result.exit_code == 1
        report = json.loads(result.stdout)
        assert report["is_better"] is False
        assert set(report["weights"]) == set(FEATURES)
    assert not (shop / RANKERS).exists()
