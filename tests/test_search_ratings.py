"""Predict ratings: from means, from what other users liked, and from pictures."""

from __future__ import annotations

import numpy as np
import pytest

from search.quality.interactions import Split, interactions_of
from search.quality.rating_models import Means, PicturesAndBehavior, Rated
from search.quality.ratings import evaluate_ratings
from tests.personalevents import NOW, event

KINDS = 4
ITEMS = 60
SETTING = {"user": 0.2, "behavior": 0.5, "pictures": 0.5, "noise": 0.3}


def pictures() -> np.ndarray:
    vectors = np.zeros((ITEMS, KINDS), dtype=np.float32)
    vectors[np.arange(ITEMS), np.arange(ITEMS) % KINDS] = 1
    return vectors


def ratings(rng: np.random.Generator, users: int, each: int) -> Rated:
    """Users who love the items of one kind and dislike the others; half of the items are new."""
    loved = rng.integers(0, KINDS, users)
    who = np.repeat(np.arange(users), each)
    old = np.concatenate([rng.permutation(ITEMS // 2)[:each] for _ in range(users)])
    stars = np.where(old % KINDS == loved[who], 5.0, 2.0)
    return Rated(who, old, stars, users, ITEMS)


def test_a_user_without_ratings_gives_an_item_its_mean(rng):
    rated = ratings(rng, 200, 10)
    model = Means(rated, pictures(), Means.settings[3])
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    mean = rated.stars[rated.items == 0].mean()
    assert model.predict(*nothing, 0) == pytest.approx(mean, abs=0.2)


def test_who_rates_low_is_predicted_to_rate_low(rng):
    model = Means(ratings(rng, 200, 10), pictures(), Means.settings[3])
    harsh = model.predict(np.array([1, 2, 3, 5, 6, 7]), np.full(6, 2.0), 0)
    kind = model.predict(np.array([1, 2, 3, 5, 6, 7]), np.full(6, 4.0), 0)
    assert harsh < kind - 0.5


def test_an_item_that_nobody_rated_is_predicted_by_its_picture(rng):
    model = PicturesAndBehavior(ratings(rng, 200, 10), pictures(), SETTING)
    rated = np.array([0, 1, 4, 5])  # two of the kind 0, two of the kind 1
    stars = np.array([5.0, 2.0, 5.0, 2.0])
    new = ITEMS // 2 + np.arange(KINDS)
    by_kind = {int(item) % KINDS: model.predict(rated, stars, int(item)) for item in new}
    assert max(by_kind, key=by_kind.__getitem__) == 0
    assert by_kind[0] > by_kind[1] + 1


def test_predictions_stay_within_the_stars_that_were_given(rng):
    model = PicturesAndBehavior(ratings(rng, 50, 10), pictures(), SETTING)
    assert model.predict(np.array([0, 4, 8]), np.array([5.0, 5.0, 5.0]), 12) <= 5.0


def test_pictures_and_behavior_predict_ratings_better_than_means(rng):
    rated = ratings(rng, 80, 12)
    order = rng.permutation(len(rated.users))
    events = [
        event(f"u{rated.users[n]}", f"i{rated.items[n]}", "rating", NOW - 2000 + place,
              value=float(rated.stars[n]))
        for place, n in enumerate(order)
    ]  # fmt: skip
    log = interactions_of(events, [f"i{n}" for n in range(ITEMS)])
    found = evaluate_ratings(log, pictures(), Split(700, 830))
    assert found.ratings == 960 - 830
    assert found.models["means"].better_by.value == 0.0
    assert found.models["vitrine"].rmse < found.models["means"].rmse * 0.7
    assert found.models["vitrine"].better_by.low > 0
    assert found.models["als"].rmse < found.models["means"].rmse


def test_a_log_without_ratings_has_no_figures():
    events = [event(f"u{n % 40}", f"i{n % ITEMS}", time=NOW - 500 + n) for n in range(400)]
    log = interactions_of(events, [f"i{n}" for n in range(ITEMS)])
    assert evaluate_ratings(log, pictures(), Split(300, 350)) is None
