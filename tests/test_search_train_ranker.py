"""Training the mixer on a shop's events: deployed only if it predicts later events better."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.layout import EVENTS
from search.engine import SearchEngine
from search.personal.event import Event
from search.personal.event_log import EventLog
from search.personal.mixer import FEATURES, WEIGHTS
from search.quality.interactions import interactions_of
from search.quality.mixer_model import fitted_to_scale
from search.quality.train_ranker import train_ranker
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


def test_learned_weights_are_used_from_the_next_request_on(shop):
    with SearchEngine.open(shop) as engine, EventLog(shop / EVENTS, create=True) as log:
        event = {"event_id": "e", "user_id": "u", "item_id": "red-shoe", "type": "view"}
        engine.recommender.add([Event(**event, time=engine.recommender.now())])
        before = engine.recommend("u", explain=True).items[0]
        log.set_weights({**WEIGHTS, "interest": 3 * WEIGHTS["interest"]})
        after = engine.recommend("u", explain=True).items[0]
        assert after.contributions["interest"] == pytest.approx(
            3 * before.contributions["interest"], rel=1e-3
        )
        log.set_weights({**WEIGHTS, "interest": 0.0}, b"another encoder")
        assert engine.recommend("u", explain=True).items[0].contributions == after.contributions
        log.set_weights({"interest": 1.0})  # of a version that had other features
        assert engine.recommend("u", explain=True).items[0].contributions == before.contributions
        log.set_weights(None)
        assert engine.recommend("u", explain=True).items[0].contributions == before.contributions


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
        with log.read() as reader:
            assert reader.weights() is None


def test_weights_are_those_of_the_encoder_that_they_were_learned_with(tmp_path):
    ours, theirs, earlier = ({**WEIGHTS, "interest": value} for value in (2.0, 3.0, 4.0))
    with EventLog(tmp_path / EVENTS, create=True) as log:
        log.set_weights(earlier)  # stored by a version that knew of one encoder only
        log.set_weights(ours, b"a")
        log.set_weights(theirs, b"b")
        with log.read() as reader:
            assert [reader.weights(model) for model in (b"a", b"b", b"c")] == [
                ours, theirs, earlier,
            ]  # fmt: skip
        log.set_weights(None, b"b")
        with log.read() as reader:
            assert [reader.weights(model) for model in (b"a", b"b")] == [ours, None]


def test_a_reset_is_reported_as_json_too(shop):
    with EventLog(shop / EVENTS, create=True) as log:
        log.set_weights({**WEIGHTS, "interest": 3.0})
        words = ["train-ranker", "--shop", str(shop), "--reset", "--json"]
        assert json.loads(CliRunner().invoke(vitrine, words).stdout) == {"reset": True}
        with log.read() as reader:
            assert reader.weights() is None
