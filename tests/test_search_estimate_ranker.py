"""What other weights would earn, estimated from lists of which some places were drawn at random."""

from __future__ import annotations

import json
from random import Random

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from indexer.errors import BadQuery
from indexer.layout import RANKERS, RULES
from indexer.shop.rankers import Ranker
from search.engine import SearchEngine
from search.personal.mixer import FEATURES, SCALE
from search.quality.estimate_ranker import estimate_ranker
from service.cli.main import vitrine
from tests.personalevents import NOW, event

PLACES = 4
OTHER = dict.fromkeys(FEATURES, 0.0) | {"interest": -1.0}  # the least like what the user met
RATES = {"red": 0.1, "blue": 0.7, "white": 0.4, "black": 0.2}


@pytest.fixture
def engine(tiny_shop, tmp_path):
    (tmp_path / RULES).write_text(json.dumps({"explore": 0.6}))
    with SearchEngine.open(tiny_shop) as engine:
        engine.recommender = engine.recommender.with_events(tmp_path, clock=lambda: NOW)
        # One interval of twenty misses the truth; the same draws make the same lists each time.
        engine.recommender._sources._rng.seed(1)
        yield engine


def rate_of(item_id: str) -> float:
    return RATES.get(item_id.split("-")[0], 0.3)


def shown_lists(engine, users: int, seed: int = 1, *, with_values: bool = True):
    """Lists as served, one event for each place; shoppers click by the color alone."""
    rng = Random(seed)
    items = sorted(engine.item_vectors()[0])
    engine.recommender.add(
        [event(f"u{user}", rng.choice(items), time=NOW - 50) for user in range(users)]
    )
    shown, clicks = [], []
    for user in range(users):
        for place, item in enumerate(engine.recommend(f"u{user}", k=PLACES).items):
            is_clicked = rng.random() < rate_of(item.item_id)
            more = {"value": float(is_clicked)} if with_values else {}
            shown.append(
                event(
                    f"u{user}", item.item_id, time=NOW - 40,
                    position=place, propensity=item.propensity, **more,
                )
            )  # fmt: skip
            if is_clicked:
                clicks.append(event(f"u{user}", item.item_id, "click", time=NOW - 30))
    return shown, clicks


def true_reward(engine, shown) -> float:
    """The mean rate of what the other weights show at each place, after what was shown before."""
    rates = []
    for start in range(0, len(shown), PLACES):
        rows = [row.item_id for row in shown[start : start + PLACES]]
        listed = engine.recommender.replay(shown[start].user_id, NOW - 40, rows, OTHER).listed
        view = engine.recommender._live.view
        ids = [view.ids[int(np.flatnonzero(view.product == product)[0])] for product in listed]
        others = (
            next(item for item in ids if item not in rows[:place]) for place in range(1, PLACES)
        )
        rates.extend(rate_of(item) for item in others)
    return float(np.mean(rates))


def test_a_list_is_made_again_as_it_would_have_been_served(engine):
    (engine.recommender._folder / RULES).unlink()
    engine.recommender.add([event("u", "red-shoe", time=NOW - 50)])
    ranker = Ranker(
        scale=SCALE, weights=dict(OTHER), trained="", ndcg=0, ndcg_untrained=0, test_events=0
    )
    rankers = engine.recommender._folder / RANKERS  # of the recommender with events of its own
    rankers.write_bytes(msgspec.json.encode({"": ranker}))
    served = [item.item_id for item in engine.recommend("u", k=PLACES).items]
    rankers.unlink()
    assert [item.item_id for item in engine.recommend("u", k=PLACES).items] != served
    engine.recommender.add([event("u", "blue-mug", time=NOW)])  # later than the list
    replay = engine.recommender.replay("u", NOW - 40, [*served, "gone"], OTHER)
    assert replay.listed[:PLACES] == replay.shown[:PLACES]
    assert replay.shown[PLACES] == -1


def test_the_estimates_hold_the_truth_that_the_mean_of_the_log_misses(engine):
    shown, _ = shown_lists(engine, 150)
    truth = true_reward(engine, shown)
    found = estimate_ranker(engine.recommender, shown, OTHER)
    assert (found.users, found.lists, found.left_out) == (150, 150, 0)
    assert found.places == 150 * (PLACES - 1)  # the first place is never drawn
    assert not found.logged.low < truth < found.logged.high
    for estimate in (found.snips, found.doubly_robust):
        assert estimate.low < truth < estimate.high
        assert 10 < estimate.effective < found.places


def test_rewards_are_what_users_did_soon_after(engine):
    shown, clicks = shown_lists(engine, 30, with_values=False)
    values = [
        row.item_id in {one.item_id for one in clicks if one.user_id == row.user_id}
        for row in shown
        if row.position
    ]
    engine.recommender.add([*clicks, event("u0", shown[0].item_id, "hide", time=NOW - 29)])
    found = estimate_ranker(engine.recommender, shown, OTHER, hours=1.0)
    assert found.logged.value == pytest.approx(np.mean(values))
    late = estimate_ranker(engine.recommender, shown, OTHER, hours=0.001)
    assert late.logged.value == 0.0


def test_places_after_a_gap_and_lists_with_a_place_twice_are_left_out(engine):
    shown, _ = shown_lists(engine, 20)
    gap, twice, whole = shown[:4], shown[4:8], shown[8:]
    found = estimate_ranker(engine.recommender, [gap[0], *gap[2:], *twice, twice[1], *whole], OTHER)
    assert (found.lists, found.places, found.left_out) == (20, 18 * 3, 2 + 5)


def test_lists_of_which_nothing_was_drawn_are_refused(engine):
    shown = [event("u", "red-shoe", position=0, propensity=1.0)]
    with pytest.raises(BadQuery, match="explore"):
        estimate_ranker(engine.recommender, shown, OTHER)


def test_the_command_prints_the_estimates(tiny_shop, tmp_path):
    lists = tmp_path / "shown.csv"
    with SearchEngine.open(tiny_shop) as engine:
        first, second = (item.item_id for item in engine.recommend("nobody", k=2).items)
    rows = ["user_id,item_id,time,position,propensity,value"]
    for user in range(8):
        rows += [f"u{user},{first},2023-01-01,0,1,0", f"u{user},{second},2023-01-01,1,0.5,1"]
    lists.write_text("\n".join([*rows, "u9,red-mug,never,0,1,0"]))
    weights = tmp_path / "weights.json"
    weights.write_text('{"interest": -1}')
    words = ["events", "estimate", str(lists), "--shop", str(tiny_shop), "--weights", str(weights)]
    found = json.loads(CliRunner().invoke(vitrine, [*words, "--json"]).stdout)
    assert (found["lists"], found["places"], found["refused"]) == (8, 8, 1)
    assert found["logged"]["value"] == 1.0
    assert "effective places" in CliRunner().invoke(vitrine, words).stdout
    weights.write_text('{"beauty": 1}')
    result = CliRunner().invoke(vitrine, words)
    assert result.exit_code == 1
    assert "'beauty'" in str(result.exception)
