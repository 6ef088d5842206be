"""The linear model in closed form, the map from pictures to factors, and places for newcomers."""

from __future__ import annotations

import numpy as np

from indexer.layout import EVENTS
from search.personal.event import event_from
from search.personal.event_log import EventLog
from search.personal.learning import Pictures, learn, linear_of
from search.personal.linear import FACTORS, KEPT, learn_linear
from search.personal.mixer import WEIGHTS
from search.personal.newcomers import Newcomers, insert, places_in, user_factors
from search.quality.weight_search import best_weights
from tests.personalevents import visits

NOW = 1_700_000_000.0
DIM = 16


def two_tastes(rng: np.random.Generator, users: int = 300, items: int = 80) -> list[list[int]]:
    """Half of the users meet even items, half meet odd ones."""
    return [
        (2 * rng.choice(items // 2, size=12, replace=False) + user % 2).tolist()
        for user in range(users)
    ]


def pictures_of(rng: np.random.Generator, items: int) -> np.ndarray:
    """Even items look alike, and odd ones do."""
    centers = rng.normal(size=(2, DIM))
    found = centers[np.arange(items) % 2] + 0.3 * rng.normal(size=(items, DIM))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_the_weights_are_those_of_the_closed_form(rng):
    sequences = two_tastes(rng)
    found = learn_linear(visits(*sequences), 80, None)
    matrix = np.zeros((len(sequences), 80))
    for user, items in enumerate(sequences):
        matrix[user, items] = 1
    inverse = np.linalg.inv(matrix.T @ matrix + 1000.0 * np.eye(80))
    expected = inverse / -np.diag(inverse)
    others, weights = found.rows[4]
    assert len(others) <= KEPT
    assert 4 not in others
    np.testing.assert_allclose(weights, expected[4, others], atol=1e-5)


def test_visits_of_one_user_count_once_whatever_their_order(rng):
    sequences = two_tastes(rng)
    twice = [[*sequence[::-1], *sequence] for sequence in sequences]
    one, other = learn_linear(visits(*sequences), 80, None), learn_linear(visits(*twice), 80, None)
    assert one.rows.keys() == other.rows.keys()
    np.testing.assert_allclose(one.rows[3][1], other.rows[3][1])


def test_pairs_of_too_few_users_have_no_weight():
    found = learn_linear(
        visits([0, 1], [0, 1], [0, 1], [0, 2], [1, 2], [2, 3]), 4, None, min_users=3
    )
    assert found.rows.keys() == {0, 1}
    assert found.rows[0][0].tolist() == [1]


def test_only_the_items_that_most_users_met_are_solved_for(monkeypatch, rng):
    monkeypatch.setattr("search.personal.linear.MOST_ITEMS", 10)
    sequences = [[*range(10), 10 + user] for user in range(20)]
    assert set(learn_linear(visits(*sequences), 30, None).rows) == set(range(10))


def test_a_picture_says_who_may_like_what_nobody_met(rng):
    pictures = pictures_of(rng, 90)  # nobody met the last ten
    found = learn_linear(visits(*two_tastes(rng)), 90, pictures).pictures
    assert set(found.items.tolist()) <= set(range(80))
    mapped = found.of_pictures(pictures)
    newcomers = Newcomers(np.arange(80, 90), mapped[80:])
    own = dict(zip(found.items.tolist(), found.factors, strict=True))
    for kind in (0, 1):
        met = [item for item in (10, 20, 30, 11, 21, 31) if item % 2 == kind]
        user = user_factors(np.stack([own[item] for item in met]))
        ranked = newcomers.ranked(user, np.ones(90, dtype=bool), 10)
        assert all(item % 2 == kind for item in ranked[:5].tolist())
        allowed = np.arange(90) != ranked[0]
        assert newcomers.ranked(user, allowed, 1)[0] == ranked[1]


def test_newcomers_have_every_third_place_from_the_twelfth_on():
    assert places_in(11) == []
    assert places_in(12) == [11]
    assert places_in(20) == [11, 14, 17]
    shown = list(range(20))
    found = insert(shown, [100, 101, 102, 103], 20)
    assert [found[place] for place in (11, 14, 17)] == [100, 101, 102]
    assert found[:11] == shown[:11]
    assert len(found) == len(set(found)) == 20
    # A newcomer that stands further up by itself stays there, and one further down moves up.
    assert insert(shown, [3, 100, 19], 20)[11] == 100
    assert insert(shown, [19], 20)[11] == 19


def test_factors_are_stored_for_items_that_enough_users_met(tmp_path, rng):
    with EventLog(tmp_path / EVENTS, create=True) as log:
        for user, items in enumerate(two_tastes(rng, users=120)):
            log.add(
                [
                    event_from(
                        {"user_id": f"u{user}", "item_id": f"i{item}", "type": "view", "time": NOW},
                        now=NOW,
                    )
                    for item in items
                ]
            )
        learn(log, Pictures([f"i{n}" for n in range(90)], pictures_of(rng, 90), b"model"))
        with log.read() as reader:
            assert reader.lessons == 1
            assert reader.picture_map(b"model").shape == (DIM + 1, FACTORS)
            assert reader.picture_map(b"another") is None  # its vectors mean something else
            assert reader.factors("i2").shape == (FACTORS,)
            assert reader.factors("i85") is None
            weights = dict(linear_of(reader, "i2"))
            same = [weight for item, weight in weights.items() if int(item[1:]) % 2 == 0]
            assert min(same) > 0
        learn(log)
        with log.read() as reader:
            assert reader.picture_map() is None
            assert reader.factors("i2") is None


def test_weights_are_chosen_by_what_they_rank_among_the_first(rng):
    # Likeness picks the item that was taken; behavior and popularity say nothing.
    tables = rng.normal(size=(60, 40, len(WEIGHTS))).astype(np.float32)
    tables[:, 0, 1] = 4.0
    tables[:, 30:] = np.nan
    found = best_weights(tables)
    assert found["interest"] > 10 * abs(found["following"])
    assert found["popular"] > 0
