"""The evaluation of recommenders: the split, its audit, the figures, and models that cannot win."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from indexer.errors import BadQuery
from search.personal.event import Event
from search.quality.baselines import BASELINES, Ease, History, ItemKnn, Model, Popular
from search.quality.eval_recommend import evaluate_recommenders
from search.quality.interactions import audit, interactions_of, split_by_time
from search.quality.mixer_model import Mixer
from search.quality.predictions import histories
from search.quality.vbpr import Vbpr

needs_personal = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("implicit", "scipy"))),
    reason="needs the extra personal",
)
ITEMS = [f"i{number}" for number in range(20)]


def event(user: str, item: str, time: float, kind: str = "view") -> Event:
    return Event(event_id=f"{user}{item}{time}", user_id=user, item_id=item, type=kind, time=time)


def pairs_log(users: int = 60) -> list[Event]:
    """Each user meets items in pairs: i0 then i1, or i2 then i3, and so on."""
    rng = np.random.default_rng(5)
    events = []
    for user in range(users):
        for step, pair in enumerate(rng.permutation(10)[:5].tolist()):
            at = 1e6 + 5000.0 * user + 100 * step
            events += [
                event(f"u{user}", f"i{2 * pair}", at),
                event(f"u{user}", f"i{2 * pair + 1}", at + 1),
            ]
    return events


@pytest.fixture
def log():
    return interactions_of(pairs_log(), ITEMS)


@pytest.fixture
def vectors():
    return np.eye(len(ITEMS), 32, dtype=np.float32)


class Oracle(Model):
    """Knows the other item of a pair, as ``pairs_log`` makes them."""

    name = "oracle"
    settings = ({},)

    def fit(self, log):
        self.count = len(log.item_ids)

    def scores(self, history: History):
        scores = np.zeros(self.count)
        if history.items and history.items[-1] % 2 == 0:
            scores[history.items[-1] + 1] = 1
        return scores


class Constant(Model):
    """Thinks the same of all items."""

    name = "constant"
    settings = ({},)

    def fit(self, log):
        self.count = len(log.item_ids)

    def scores(self, history: History):
        return np.zeros(self.count)


def test_the_split_keeps_events_of_one_time_together():
    events = [event(f"u{n}", "i0", float(n // 30)) for n in range(300)]
    log = interactions_of(events, ITEMS)
    split = split_by_time(log, 0.1, 0.1)
    for start in split:
        assert log.times[start - 1] < log.times[start]


def test_events_that_all_have_one_time_cannot_be_split():
    log = interactions_of([event(f"u{n}", "i0", 5.0) for n in range(200)], ITEMS)
    with pytest.raises(BadQuery, match="same time"):
        split_by_time(log, 0.1, 0.1)


def test_too_few_events_are_refused():
    with pytest.raises(BadQuery, match=r"at least 100 .* got \d+ of \d+"):
        interactions_of([event("u", "i0", 1.0)] * 99, ITEMS)


def test_the_audit_counts_what_the_figures_depend_on():
    events = [event(f"u{n % 20}", f"i{n % 7}", float(n)) for n in range(100)]
    events += [event("new", "i0", 200.0), event("u0", "i19", 201.0), event("u0", "i0", 202.0)]
    log = interactions_of(events, ITEMS)
    found = audit(log, split_by_time(log, 0.1, 0.03), unknown_items=4)
    assert (found.test_events, found.unknown_items, found.leaks) == (4, 4, 0)
    assert found.new_items == 0.25  # i19
    assert found.new_users == 0.25
    assert found.repeats == 0.25  # u0 met i0 before


def test_a_history_ends_before_its_target(log):
    targets = np.arange(len(log))
    for number, history in histories(log, targets):
        earlier = [log.items[at] for at in range(number) if log.users[at] == log.users[number]]
        assert history.items == earlier
        assert all(one.time <= history.time for one in history.events)


def test_who_knows_the_answers_gets_them_and_who_knows_nothing_is_at_chance(log, vectors):
    result = evaluate_recommenders(log, vectors, models=[Oracle, Constant, Popular])
    oracle, constant = result.models["oracle"], result.models["constant"]
    # Half of the targets are the second of a pair; the first is anyone's guess among the rest.
    assert oracle.ndcg_10 > 0.55
    assert oracle.mrr > constant.mrr + 0.2
    assert constant.recall_20 == 1.0  # of 20 items
    assert result.best_baseline == "oracle"
    assert constant.difference.high < 0
    assert oracle.difference is None
    # A user begins with the first of a pair, and ends with the second.
    first, any_one, last = (oracle.one_target[rule] for rule in ("first", "random", "last"))
    assert constant.one_target["first"] == first < any_one < last == 1.0


def test_no_model_sees_an_event_of_the_test(log, vectors):
    latest = []

    class Watching(Constant):
        name = "watching"
        settings = ({"a": 1}, {"a": 2})

        def fit(self, log):
            super().fit(log)
            latest.append(log.times.max())

    split = split_by_time(log, 0.1, 0.1)
    evaluate_recommenders(log, vectors, models=[Watching])
    assert len(latest) == 3  # two settings on the validation, then the test
    assert max(latest[:2]) < log.times[split.validation]
    assert latest[2] < log.times[split.test]


@needs_personal
def test_pairs_are_learned_by_neighbors_and_by_the_mixer(log, vectors):
    result = evaluate_recommenders(log, vectors, models=[Popular, ItemKnn, Ease, Mixer])
    popular = result.models["popular"].ndcg_10
    for name in ("item-knn", "ease", "vitrine"):
        assert result.models[name].ndcg_10 > popular + 0.1


def test_vbpr_learns_from_pictures_who_likes_what_nobody_met(vectors):
    """Users like even or odd items, and so it looks; the last two items nobody met."""
    rng = np.random.default_rng(3)
    looks = np.eye(2, 32, dtype=np.float32)[np.arange(len(ITEMS)) % 2]
    events = [
        event(f"u{user}", f"i{2 * item + user % 2}", 100.0 * user + place)
        for user in range(20)
        for place, item in enumerate(rng.permutation(9)[:6].tolist())
    ]
    log = interactions_of(events, ITEMS)
    model = Vbpr(looks, {"factors": 8, "rate": 0.2, "epochs": 10})
    model.fit(log)
    for user in (0, 1):
        scores = model.scores(History(user, [], [], 0.0))
        assert scores[18 + user] > scores[19 - user]


@needs_personal
def test_every_baseline_fits_and_scores_all_items(log, vectors):
    for kind in (*BASELINES, Vbpr):
        model = kind(vectors, kind.settings[0])
        model.fit(log)
        for history in (
            History(0, [0, 2], log.events[:2], log.times[-1]),
            History(log.user_count - 1, [], [], log.times[-1]),
        ):
            scores = model.scores(history)
            assert scores.shape == (len(ITEMS),)
            assert np.isfinite(scores).all()
