"""Recommendations: profiles, candidates, reasons and fallbacks, in a shop one can work out by eye.

The shop has a shoe and a mug of each of six colors; to its encoder, things of one color are alike.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from indexer.enrichment.reviewlog import ReviewLog
from indexer.errors import BadQuery, UnknownItem
from indexer.layout import REVIEWS
from search.engine import SearchEngine
from search.personal.diversity import diversify
from search.personal.event import Event, event_from
from search.personal.learning import learn
from search.personal.moods import ReviewMoods
from search.personal.profile import profile_of
from search.personal.recommendation import Reason, RecommendQuery

NOW = 1_700_000_000.0
DAY = 86_400.0


def event(user: str, item: str, kind: str = "view", age: float = 0.0, **more) -> Event:
    record = {"user_id": user, "item_id": item, "type": kind, "time": NOW - age, **more}
    return event_from(record, now=NOW)


@pytest.fixture
def engine(tiny_shop, tmp_path):
    with SearchEngine.open(tiny_shop) as engine:
        engine.recommender = engine.recommender.with_events(tmp_path, clock=lambda: NOW)
        yield engine


def ids(recommendations) -> list[str]:
    return [item.item_id for item in recommendations.items]


# --- Profiles --------------------------------------------------------------------------------


def test_a_profile_does_not_depend_on_the_order_of_its_events():
    events = [
        event("u", f"i{n % 7}", ("view", "cart", "hide", "purchase")[n % 4], age=n * 1e4)
        for n in range(60)
    ]
    shuffled = events.copy()
    random.Random(1).shuffle(shuffled)
    assert profile_of(events, NOW) == profile_of(shuffled, NOW)


def test_weights_halve_in_thirty_days():
    new, old = (profile_of([event("u", "a", age=age)], NOW).liked["a"] for age in (0, 30 * DAY))
    # A sum w is saturated to w / (w + 8).
    assert new == pytest.approx(1 / 9)
    assert old == pytest.approx(0.5 / 8.5)


def test_a_profile_of_a_later_time_is_that_of_older_events():
    later = profile_of([event("u", "a", age=0)], NOW + 30 * DAY)
    assert later.liked == profile_of([event("u", "a", age=30 * DAY)], NOW).liked


def test_who_comes_back_after_years_has_the_taste_of_then():
    years = profile_of([event("u", "a", age=3000 * DAY), event("u", "b", age=3030 * DAY)], NOW)
    days = profile_of([event("u", "a", age=60 * DAY), event("u", "b", age=90 * DAY)], NOW)
    assert years.liked == days.liked


def test_an_event_from_the_future_counts_as_new():
    ahead = event_from({"user_id": "u", "item_id": "a", "type": "view", "time": NOW + 200}, now=NOW)
    assert profile_of([ahead], NOW).liked == profile_of([event("u", "a")], NOW).liked


def test_the_newest_items_come_first_and_the_sixth_counts_half():
    profile = profile_of([event("u", f"i{n}", age=n * DAY) for n in range(40)], NOW)
    assert list(profile.recent)[:2] == ["i0", "i1"]
    assert (profile.recent["i0"], profile.recent["i5"]) == (1.0, 0.5)
    assert len(profile.recent) == 30


def test_a_hidden_item_is_disliked_until_it_is_bought():
    hidden = [event("u", "a", "purchase", age=DAY), event("u", "a", "hide")]
    assert profile_of(hidden, NOW).hidden == {"a"}
    assert profile_of([*hidden, event("u", "b", "hide")], NOW).disliked.keys() == {"a", "b"}
    bought = [event("u", "a", "hide", age=DAY), event("u", "a", "purchase")]
    assert profile_of(bought, NOW).hidden == frozenset()


def test_ratings_count_by_their_distance_from_the_users_mean():
    stars = {"good": 5, "fair": 4, "bad": 1}
    profile = profile_of([event("u", i, "rating", value=v) for i, v in stars.items()], NOW)
    assert list(profile.liked) == ["good", "fair"]
    assert list(profile.disliked) == ["bad"]


def test_only_the_newest_thousand_events_count():
    events = [
        event("u", "old", "purchase", age=DAY),
        *(event("u", "new", age=n) for n in range(1000)),
    ]
    assert profile_of(events, NOW).seen == {"new"}


def test_styles_that_a_user_reacted_to_are_summed():
    events = [
        event("u", "a", "click", rendition="noir"),
        event("u", "b", "hide", rendition="film"),
        event("u", "c", "click", rendition="noir", age=30 * DAY),
        event("u", "d", "click"),
    ]
    assert profile_of(events, NOW).renditions == {"film": -8.0, "noir": 2.0 + 1.0}


def test_the_style_of_a_user_is_the_one_reacted_to_most():
    noir = [event("u", f"i{n}", rendition="noir") for n in range(4)]
    plain = [event("u", f"j{n}", rendition="original") for n in range(3)]
    assert profile_of([*noir, *plain], NOW).style == "noir"
    assert profile_of([*noir, *plain, *plain, event("u", "k", "hide")], NOW).style == "original"


def test_two_views_in_a_style_may_be_chance():
    events = [event("u", f"i{n}", rendition="noir") for n in range(2)]
    assert profile_of(events, NOW).style == "original"


def test_a_user_who_hides_what_a_style_shows_does_not_get_it():
    events = [event("u", f"i{n}", "cart", rendition="noir") for n in range(2)]
    hides = [event("u", "x", "hide", rendition="noir")]
    assert profile_of(events, NOW).style == "noir"
    assert profile_of([*events, *hides], NOW).style == "original"


# --- Recommendations -------------------------------------------------------------------------


def test_one_view_recommends_what_looks_like_it(engine):
    engine.recommender.add([event("u", "red-shoe")])
    found = engine.recommend("u", k=3)
    assert ids(found)[0] == "red-mug"
    assert "red-shoe" not in ids(found)
    assert found.fallback is None
    assert found.items[0].reason == Reason("like_recent", "red-shoe", "Red shoe")


def test_an_event_is_in_the_next_answer_of_another_engine(engine, tiny_shop, tmp_path):
    with SearchEngine.open(tiny_shop) as second:
        second.recommender = second.recommender.with_events(tmp_path, clock=lambda: NOW)
        assert second.recommend("u").fallback == "assorted"
        engine.recommender.add([event("u", "blue-shoe")])
        assert ids(second.recommend("u"))[0] == "blue-mug"


def test_two_interests_both_have_their_items(engine):
    engine.recommender.add(
        [event("u", "red-shoe", age=9 * DAY), event("u", "blue-mug", age=9 * DAY)]
    )
    assert {"red-mug", "blue-shoe"} <= set(ids(engine.recommend("u", k=3)))


def test_an_unknown_user_gets_some_of_each_category(engine):
    found = engine.recommend("stranger", k=4)
    assert found.fallback == "assorted"
    assert {item.categories[0] for item in found.items} == {"Wear/Shoes", "Home/Mugs"}
    assert all(item.reason.code == "assorted" for item in found.items)


def test_an_unknown_user_gets_what_many_took(engine):
    engine.recommender.add([event(f"u{n}", "green-mug", "purchase") for n in range(3)])
    found = engine.recommend("stranger", k=4)
    assert ids(found)[0] == "green-mug"
    assert found.items[0].reason.code == "popular"
    assert len(found.items) == 4


def test_what_two_users_took_is_not_published_as_popular(engine):
    engine.recommender.add([event(f"u{n}", "green-mug", "purchase") for n in range(2)])
    assert all(item.reason.code == "assorted" for item in engine.recommend("stranger").items)


def test_what_was_hidden_is_never_recommended_nor_what_is_like_it_first(engine):
    engine.recommender.add([event("u", "red-shoe", "hide"), event("u", "blue-shoe")])
    found = ids(engine.recommend("u", k=12))
    assert "red-shoe" not in found
    assert found[0] == "blue-mug"
    assert [item for item in found if item != "blue-shoe"][-1] == "red-mug"


def test_a_user_who_has_met_everything_is_shown_it_again(engine):
    engine.recommender.add([event("u", item) for item in engine._live.view.ids])
    found = engine.recommend("u", k=3)
    assert found.fallback == "seen_before"
    assert len(found.items) == 3
    assert {item.reason.code for item in found.items} == {"seen_before"}


def test_what_is_bought_again_and_again_comes_first_when_it_is_due(engine):
    engine.recommender.add(
        [event("u", "red-mug", "purchase", age=age * DAY) for age in (85, 58, 29)]
        + [event("u", "red-mug", "purchase", age=29 * DAY + 600), event("u", "blue-shoe")]
    )
    first, *rest = engine.recommend("u", k=4).items
    assert (first.item_id, first.reason) == ("red-mug", Reason("buy_again", "red-mug", "Red mug"))
    assert {item.item_id for item in rest[:2]} == {"red-shoe", "blue-mug"}
    assert "red-mug" not in ids(engine.recommend("u", k=3))  # one place of four
    assert "red-mug" not in ids(engine.recommend("u", k=4, context="green-shoe"))
    assert ids(engine.recommend("u", k=4, filter="title contains shoe"))[0] != "red-mug"
    engine.recommender.add([event("u", "red-mug", "hide")])
    assert "red-mug" not in ids(engine.recommend("u", k=4))


@pytest.mark.parametrize(
    ("ages", "is_due"),
    [
        ((60, 30), False),  # one repetition
        ((60, 30, 29.9, 0.1), False),  # a day is one purchase, and it was just bought
        ((91, 61, 31), True),
        ((84, 54, 24), True),  # 0.8 intervals
        ((83, 53, 23), False),
        ((150, 120, 90), True),
        ((152, 122, 92), False),  # three intervals: it is no longer bought
        ((200, 91, 61, 31), True),  # the median of the intervals
    ],
)
def test_what_is_due_depends_on_its_own_interval(ages, is_due):
    events = [event("u", "milk", "purchase", age=age * DAY) for age in ages]
    random.Random(2).shuffle(events)
    assert profile_of(events, NOW).due == (("milk",) if is_due else ())


def test_nothing_is_recommended_that_the_filter_forbids(engine):
    engine.recommender.add([event("u", "red-shoe")])
    assert set(ids(engine.recommend("u", filter="color = blue"))) == {"blue-shoe", "blue-mug"}
    none = engine.recommend("u", filter="price > 1000")
    assert (none.items, none.fallback) == ([], "nothing_allowed")


def test_a_short_list_that_is_personal_says_so(engine):
    engine.recommender.add([event("u", "green-shoe")])
    found = engine.recommend("u", filter="color = green and category = Home")
    assert (ids(found), found.fallback) == (["green-mug"], None)


def test_nothing_is_called_popular_that_is_not(engine):
    engine.recommender.add([event("u", "red-shoe")])
    for item in engine.recommend("u", k=12, explain=True).items:
        if item.reason.code == "popular":
            assert item.contributions["popular"] > 0


def test_a_hidden_item_stays_hidden_after_a_thousand_other_events(engine):
    engine.recommender.add([event("u", "red-mug", "hide", age=DAY)])
    engine.recommender.add([event("u", "red-shoe", age=n) for n in range(1100)])
    assert "red-mug" not in ids(engine.recommend("u", k=12))


def test_a_rating_of_no_stars_counts_in_the_mean():
    stars = [event("u", f"i{n}", "rating", value=0, age=n) for n in range(10)]
    assert profile_of(stars, NOW).liked.keys() == set()


def test_what_is_out_of_stock_is_recommended_only_if_nothing_else_is_there(engine):
    engine.recommender.add([event("u", "yellow-shoe")])
    assert "yellow-mug" not in ids(engine.recommend("u", k=12))
    assert ids(engine.recommend("u", filter="color = yellow"))[0] == "yellow-mug"


def test_the_item_in_view_leads_and_is_not_recommended(engine):
    found = engine.recommend("stranger", k=3, context="black-mug")
    assert ids(found)[0] == "black-shoe"
    assert found.items[0].reason.code == "like_context"
    assert "black-mug" not in ids(found)


def test_an_event_of_an_item_the_shop_does_not_have_is_kept_and_harms_nothing(engine):
    engine.recommender.add([event("u", "not-yet-here"), event("u", "red-shoe")])
    assert ids(engine.recommend("u"))[0] == "red-mug"


def test_people_who_took_it_took_this_too(engine):
    for user in ("a", "b", "c"):
        engine.recommender.add(
            [event(user, "red-shoe", age=9 * DAY), event(user, "green-mug", age=9 * DAY - 60)]
        )
    learn(engine.recommender.open_log())
    engine.recommender.add([event("u", "red-shoe", age=DAY)])
    found = {item.item_id: item for item in engine.recommend("u").items}
    assert found["green-mug"].reason.code == "others_took"
    assert found["green-mug"].reason.item_id == "red-shoe"


def test_contributions_sum_to_the_score(engine):
    engine.recommender.add([event("u", "red-shoe"), event("u", "green-mug", age=DAY)])
    for item in engine.recommend("u", explain=True).items:
        if item.contributions:
            assert sum(item.contributions.values()) == pytest.approx(item.score, abs=1e-4)
    assert engine.recommend("u").items[0].contributions is None


@pytest.mark.parametrize("praised", ["red-mug", "blue-shoe"])
def test_of_what_is_as_much_alike_what_its_customers_praise_comes_first(engine, tmp_path, praised):
    other = {"red-mug": "blue-shoe", "blue-shoe": "red-mug"}[praised]
    with ReviewLog(tmp_path, create=True) as log:
        log.set_item_moods({praised: 0.4, other: -0.4, "an item that is gone": 0.4})
    viewed = [event("u", item, age=9 * DAY) for item in ("red-shoe", "blue-mug")]
    engine.recommender.add(viewed)
    found = engine.recommend("u", k=2, explain=True)
    assert ids(found) == [praised, other]
    assert [item.contributions["reviews"] for item in found.items] == pytest.approx([0.04, -0.04])


def test_reviews_that_come_later_count_and_a_damaged_file_changes_nothing(engine, tmp_path, caplog):
    now = [0.0]
    moods = ReviewMoods(tmp_path, clock=lambda: now[0])
    view = engine._live.view
    assert not moods.of_items(view).any()
    with ReviewLog(tmp_path, create=True) as log:
        log.set_item_moods({"red-mug": 0.4})
    assert not moods.of_items(view).any()  # read a moment ago
    now[0] += 6
    assert moods.of_items(view)[view.number("red-mug")] == np.float32(0.4)
    (tmp_path / REVIEWS / "data.mdb").write_bytes(b"not LMDB")
    now[0] += 6
    assert moods.of_items(view)[view.number("red-mug")] == np.float32(0.4)
    assert "recommendations use the last moods" in caplog.text


def test_without_its_evidence_an_item_scores_lower(engine):
    events = [
        event("u", "red-shoe"),
        event("u", "blue-mug", age=2 * DAY),
        event("u", "green-mug", age=DAY),
    ]
    engine.recommender.add(events)
    query = RecommendQuery(limit=12, seen=True)
    named = 0
    for item in engine.recommender.recommend(profile_of(events, NOW), query).items:
        if item.reason.item_id:
            less = profile_of([e for e in events if e.item_id != item.reason.item_id], NOW)
            scores = {r.item_id: r.score for r in engine.recommender.recommend(less, query).items}
            assert scores.get(item.item_id, -1.0) < item.score
            named += 1
    assert named >= 3


def test_forgetting_a_user_gives_the_answers_of_a_stranger(engine):
    before = engine.recommend("u")
    engine.recommender.add([event("u", "red-shoe"), event("u", "blue-mug", "purchase")])
    assert engine.recommend("u").items != before.items
    assert engine.recommender.forget("u") == 2
    assert engine.recommend("u").items == before.items
    assert engine.recommender.events_of("u") == []


def test_one_user_with_many_events_changes_nothing_for_others(engine):
    engine.recommender.add(
        [event("robot", "white-mug", "purchase", event_id=f"e{n}") for n in range(3000)]
    )
    assert all(item.reason.code == "assorted" for item in engine.recommend("stranger").items)
    assert engine.recommend("robot").events == 1000


@pytest.mark.parametrize(
    ("query", "param"),
    [({"limit": 0}, "limit"), ({"limit": 10**6}, "limit"), ({"diversity": 2.0}, "diversity")],
)
def test_a_bad_query_is_refused_by_its_field(engine, query, param):
    with pytest.raises(BadQuery) as caught:
        engine.recommender.recommend(profile_of([], NOW), RecommendQuery(**query))
    assert caught.value.param == param


def test_an_unknown_context_is_an_error(engine):
    with pytest.raises(UnknownItem):
        engine.recommend("u", context="no-such-item")


# --- Diversity -------------------------------------------------------------------------------


def test_of_two_alike_the_second_gives_way_to_another_kind():
    vectors = np.array([[1, 0], [0.99, 0.141], [0, 1]], dtype=np.float32)
    scores = np.array([0.9, 0.89, 0.8], dtype=np.float32)
    groups = np.arange(3)
    assert diversify(scores, vectors, groups, 3, 0.0).tolist() == [0, 1, 2]
    assert diversify(scores, vectors, groups, 3, 0.2).tolist() == [0, 2, 1]
    assert diversify(scores, vectors, np.array([0, 0, 1]), 3, 0.0).tolist() == [0, 2]
