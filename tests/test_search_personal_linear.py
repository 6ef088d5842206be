"""The linear model, factors, the map to them from pictures and facts, places for newcomers."""

from __future__ import annotations

import numpy as np

from indexer.layout import EVENTS
from search.personal.event import event_from
from search.personal.event_log import EventLog
from search.personal.factor_map import LIKENESS, learn_factor_map
from search.personal.factor_path import FactorPath
from search.personal.factors import ALPHA, FACTORS, REGULARIZATION, _Lists, learn_factors
from search.personal.facts import FactCode
from search.personal.item_factors import ItemFactors
from search.personal.learning import Pictures, learn, linear_of
from search.personal.linear import KEPT, learn_linear
from search.personal.newcomer_share import Sides, first_meetings, share_of_places
from search.personal.newcomers import Newcomers, due, insert
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
    others, weights = found[4]
    assert len(others) <= KEPT
    assert 4 not in others
    np.testing.assert_allclose(weights, expected[4, others], atol=1e-5)


def test_visits_of_one_user_count_once_whatever_their_order(rng):
    sequences = two_tastes(rng)
    twice = [[*sequence[::-1], *sequence] for sequence in sequences]
    one, other = learn_linear(visits(*sequences), 80, None), learn_linear(visits(*twice), 80, None)
    assert one.keys() == other.keys()
    np.testing.assert_allclose(one[3][1], other[3][1])


def test_pairs_of_too_few_users_have_no_weight():
    found = learn_linear(
        visits([0, 1], [0, 1], [0, 1], [0, 2], [1, 2], [2, 3]), 4, None, min_users=3
    )
    assert found.keys() == {0, 1}
    assert found[0][0].tolist() == [1]


def test_only_the_items_that_most_users_met_are_solved_for(monkeypatch, rng):
    monkeypatch.setattr("search.personal.linear.MOST_ITEMS", 10)
    sequences = [[*range(10), 10 + user] for user in range(20)]
    assert set(learn_linear(visits(*sequences), 30, None)) == set(range(10))


def factors_of(sequences: list[list[int]], items: int) -> np.ndarray:
    """The factors of items that users met, ranked by their numbers."""
    met = visits(*sequences)
    return learn_factors(met.users, met.items, np.arange(items))


def test_factors_lead_from_an_item_to_those_of_the_same_users(rng):
    factors = factors_of(two_tastes(rng), 90)
    assert not factors[80:].any()  # nobody met them
    own = (factors[:80] ** 2).sum(axis=1)
    assert abs(own.mean() - 1) < 1e-5
    leads = factors[:80] @ factors[:80].T
    np.fill_diagonal(leads, np.nan)
    assert np.nanmean(leads[0::2, 0::2]) > 0.04
    assert abs(np.nanmean(leads[0::2, 1::2])) < 0.001


def test_factors_do_not_depend_on_the_numbers_of_users_and_items(rng):
    met = visits(*two_tastes(rng))
    factors = learn_factors(met.users, met.items, np.arange(80))
    numbers = rng.permutation(80)  # the new number of each item
    again = learn_factors(met.users.max() - met.users, numbers[met.items], np.argsort(numbers))
    np.testing.assert_allclose(again[numbers], factors, atol=1e-5)


def test_factors_of_short_and_long_lists_are_those_of_the_closed_form(rng):
    others = rng.normal(size=(60, FACTORS))
    lengths = [1, 5, 15, 16, 40]
    met = [rng.choice(60, size=length, replace=False) for length in lengths]
    owners = np.repeat(np.arange(len(met)), lengths)
    found = _Lists(owners, np.concatenate(met), len(met)).solved(others)
    for row, items in zip(found, met, strict=True):
        weights = np.ones(60)
        weights[items] = 1 + ALPHA
        square = (others.T * weights) @ others + REGULARIZATION * np.eye(FACTORS)
        expected = np.linalg.solve(square, (1 + ALPHA) * others[items].sum(axis=0))
        np.testing.assert_allclose(row, expected, atol=1e-9)


def test_an_item_that_too_few_users_met_has_no_factors():
    factors = factors_of([[0, 1]] * 5 + [[0, 2]] * 4, 3)
    assert factors.any(axis=1).tolist() == [True, True, False]
    assert not factors_of([], 2).any()


def test_what_factors_lead_to_falls_by_what_each_item_adds(rng):
    factors = factors_of(two_tastes(rng), 80)
    met, items = np.array([4, 6, 11]), np.array([8, 9])
    path = FactorPath(met, factors, 10.0)
    whole, drop = path.strength(items), path.drop(items)
    for place in range(3):
        rest = FactorPath(np.delete(met, place), factors, 10.0)
        np.testing.assert_allclose(whole - drop[:, place], rest.strength(items), atol=1e-5)
    allowed = np.ones(90, dtype=bool)  # of a view with newer items
    best = ItemFactors(factors, factors).led_to(path.user, 5, allowed)
    assert set(best.tolist()) == set(np.argsort(-path.strength(np.arange(80)))[:5].tolist())
    allowed[best[0]] = False
    rest = ItemFactors(factors, factors).led_to(path.user, 5, allowed)
    assert len(rest) == 5
    assert set(best[1:].tolist()) < set(rest.tolist())
    assert path.strength(np.array([500])) == 0  # newer than the factors


def test_a_picture_and_facts_say_who_may_like_what_nobody_met(rng):
    factors, pictures = factors_of(two_tastes(rng), 90), pictures_of(rng, 90)
    kind = np.eye(2, dtype=np.float32)[np.arange(90) % 2]  # facts: even, odd
    everyone, nobody = np.ones(90, dtype=bool), np.zeros(90, dtype=np.float32)
    blank, code = np.zeros_like(pictures), FactCode(words=["kind: even", "kind: odd"])
    for vectors, table in ((pictures, np.zeros_like(kind)), (blank, kind)):
        found = learn_factor_map(factors, vectors, code, table)
        mapped = found.of_pictures(vectors) + table @ found.facts
        known = ItemFactors(factors, mapped, 0.0)
        for met in (np.array([10, 20, 30]), np.array([11, 21, 31])):
            ranked = known.newcomers(met, everyone, nobody, 10)
            assert set(ranked.tolist()) == set(range(80, 90))
            assert {item % 2 for item in ranked[:5].tolist()} == {int(met[0] % 2)}
            allowed = np.arange(90) != ranked[0]
            assert known.newcomers(met, allowed, nobody, 1)[0] == ranked[1]
        popular = nobody.copy()
        popular[ranked[4]] = 0.01  # the most popular newcomer moves up
        assert known.newcomers(met, everyone, popular, 5)[0] == ranked[4]


def test_where_too_few_items_are_met_what_looks_alike_fits_a_user(rng):
    pictures, no_facts = pictures_of(rng, 30), np.zeros((30, 0), dtype=np.float32)
    nothing_met = np.zeros((30, FACTORS), dtype=np.float32)
    found = learn_factor_map(nothing_met, pictures, FactCode(), no_facts)
    mapped = found.of_pictures(pictures)
    assert not mapped[:, :FACTORS].any()
    like = pictures - pictures.mean(axis=0)
    of_likeness = mapped[:, FACTORS:]
    np.testing.assert_allclose(of_likeness @ of_likeness.T, like @ like.T, atol=1e-5)
    known = ItemFactors(nothing_met, mapped, 1.0)
    others, nobody = np.arange(30) != 0, np.zeros(30, dtype=np.float32)
    ranked = known.newcomers(np.array([0]), others, nobody, 5)
    assert ranked.tolist() == (1 + np.argsort(-(like @ like[0])[1:]))[:5].tolist()


def test_a_catalog_without_pictures_and_facts_has_no_likeness():
    found = learn_factor_map(
        np.zeros((0, FACTORS), dtype=np.float32),
        np.zeros((0, DIM), dtype=np.float32),
        FactCode(),
        np.zeros((0, 0), dtype=np.float32),
    )
    assert found.pictures.shape == (DIM + 1, FACTORS + LIKENESS)
    assert not found.pictures.any()


def test_newcomers_are_what_few_users_had_met_when_it_was_met():
    def newcomers(users, items):
        return first_meetings(users, items, np.arange(len(users), dtype=np.float64)).newcomers

    users, items = np.repeat(np.arange(10), 2), np.tile([0, 1], 10)  # everyone meets both
    # The newest fifth are four meetings of items that eight users had met.
    assert newcomers(users, items) == 0.0
    items = np.where(np.arange(20) >= 16, np.arange(20), items)  # the last four are all new
    assert newcomers(users, items) == 1.0
    items = np.where(np.arange(20) >= 18, np.arange(20), np.tile([0, 1], 10))
    assert newcomers(users, items) == 0.5
    # A user who meets an item a thousand times meets it once.
    again = np.concatenate([users, np.full(1000, 9)]), np.concatenate([items, np.full(1000, 19)])
    assert newcomers(*again) == 0.5
    # One user who meets a thousand new items counts no more than sixty times.
    flood = (
        np.concatenate([users, np.full(1000, 10)]),
        np.concatenate([items, 100 + np.arange(1000)]),
    )
    assert len(first_meetings(*flood, np.arange(1020.0)).newest) == (20 + 60) // 5
    nothing = np.zeros(0, dtype=np.int64)
    assert newcomers(nothing, nothing) == 0.0


def test_newcomers_get_more_places_where_pictures_say_who_likes_them(rng):
    """Users like even or odd items; half of what the last of them meet nobody had met before."""
    users, items = [], []
    for user in range(120):
        newest = user >= 100
        old = rng.permutation(20)[:4] * 2 + user % 2  # of items 0 to 39
        new = 40 + 2 * (4 * (user - 100) + np.arange(4)) + user % 2  # of items 40 to 199
        met = np.concatenate([old, new]) if newest else old
        users += [user] * len(met)
        items += met.tolist()
    meetings = first_meetings(np.array(users), np.array(items), np.arange(len(users), dtype=float))
    assert meetings.newcomers > 0.5
    telling = pictures_of(rng, 200)
    silent = np.tile(telling[:1], (200, 1))  # all look alike
    facts, ranks = np.zeros((200, 0), dtype=np.float32), np.arange(200)
    told, untold = (
        share_of_places(meetings, Sides(pictures, facts, ranks), min_users=3)
        for pictures in (telling, silent)
    )
    assert untold < told < meetings.newcomers


def test_newcomers_have_their_share_and_at_least_every_third_place_from_the_twelfth_on():
    assert [due(places, 0.03) for places in (11, 12, 14, 15, 18, 20)] == [0, 1, 1, 2, 3, 3]
    assert [due(places, 0.5) for places in (1, 2, 3, 4, 20)] == [0, 1, 1, 2, 10]
    shown, new = list(range(20)), {100, 101, 102, 103, 3, 19}
    found = insert(shown, [100, 101, 102, 103], new - {3, 19}, 20, 0.0)
    assert [found[place] for place in (11, 14, 17)] == [100, 101, 102]
    assert found[:11] == shown[:11]
    assert len(found) == len(set(found)) == 20
    assert insert(shown, [100, 101, 102, 103], new - {3, 19}, 6, 0.5) == [0, 100, 1, 101, 2, 102]
    # A newcomer that is shown by itself counts, and one further down moves up.
    assert insert(shown, [100, 101], new, 20, 0.0)[11:15] == [11, 12, 13, 100]
    assert insert(shown, [19], new, 20, 0.0)[11] == 11
    assert insert([0, 1, 2, 19], [19], {19}, 4, 0.5) == [0, 19, 1, 2]


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
            found = reader.factor_map(b"model")
            assert found.pictures.shape == (DIM + 1, FACTORS + LIKENESS)
            assert found.share == 0  # what the last users met was no longer new
            assert reader.factor_map(b"another") is None  # its vectors mean something else
            assert reader.factors("i2").shape == (FACTORS,)
            assert reader.factors("i85") is None
            weights = dict(linear_of(reader, "i2"))
            same = [weight for item, weight in weights.items() if int(item[1:]) % 2 == 0]
            assert min(same) > 0
        learn(log)
        with log.read() as reader:
            assert reader.factor_map() is None
            assert reader.factors("i2").shape == (FACTORS,)


def test_newcomers_that_fit_come_first_however_few_are_allowed(rng):
    factors = rng.normal(size=(500, FACTORS + 32)).astype(np.float32)
    newcomers = Newcomers(np.arange(100, 600), factors)
    popular = np.zeros(600, dtype=np.float32)
    popular[100:103] = [1.0, 3.0, 2.0]
    met = rng.normal(size=(3, FACTORS + 32)).astype(np.float32)
    user = 2 ** (-np.arange(3) / 10) @ met
    fits = [factors[:, part] @ user[part] for part in (slice(FACTORS), slice(FACTORS, None))]
    scores = sum(fit / fit.std() for fit in fits)
    scores[:3] += [2 / 3, 2.0, 4 / 3]
    for allowed in (np.ones(600, dtype=np.bool_), np.arange(600) % 60 == 1):
        expected = [item for item in 100 + np.argsort(-scores) if allowed[item]][:12]
        found = newcomers.best(met, allowed, popular, 12)
        assert found.tolist() == expected
