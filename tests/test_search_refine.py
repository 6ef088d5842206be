"""Sorting by a field, and leaving out what is too unlike the query."""

from __future__ import annotations

import pytest

from indexer.errors import BadQuery
from indexer.items import Item
from indexer.writing.writes import Draft, ImageInput
from search.confidence import ConfidenceScorer
from search.engine import SearchEngine
from search.query import ImagePart, ItemPart, Query, TextPart
from search.sort import NEWEST, Sort, parse_sort
from tests.conftest import COLORS, jpeg, plain

EVERY = 12  # items of the tiny shop; all match these words
WORDS = [TextPart("shoe mug")]


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("price", Sort("price", descending=False)),
        ("-price", Sort("price", descending=True)),
        ("price desc", Sort("price", descending=True)),
        ("price:ASC", Sort("price", descending=False)),
        ("-price desc", Sort("price", descending=False)),
        ("attributes.description", Sort("attributes.description", descending=False)),
        ("newest", Sort(NEWEST, descending=True)),
        ("oldest", Sort(NEWEST, descending=False)),
        ("-newest", Sort(NEWEST, descending=False)),
        ("score", None),
        (" relevance ", None),
    ],
)
def test_a_sort_has_a_field_and_a_direction(text, sort):
    assert parse_sort(text) == sort


@pytest.mark.parametrize("text", ["", "  ", "-", "x" * 201])
def test_a_sort_without_a_field_is_refused(text):
    with pytest.raises(BadQuery, match="sort takes the name of a field") as caught:
        parse_sort(text)
    assert caught.value.param == "sort"


def prices(engine, **fields):
    return [hit.price for hit in engine.search(Query(**fields)).hits]


def test_hits_are_sorted_by_price_in_both_directions(engine):
    rising = prices(engine, parts=WORDS, limit=EVERY, sort="price")
    assert len(rising) == EVERY
    assert rising == sorted(rising)
    falling = prices(engine, parts=WORDS, limit=EVERY, sort="-price")
    assert falling == sorted(falling, reverse=True)


def test_a_sorted_search_for_two_words_shows_what_has_both(engine):
    found = engine.search(Query(parts=[TextPart("red mug")], limit=EVERY, sort="price")).hits
    assert [hit.item_id for hit in found] == ["red-mug"]
    one = engine.search(Query(parts=[TextPart("mug")], limit=EVERY, sort="-price")).hits
    assert len(one) == 6
    assert all(hit.item_id.endswith("-mug") for hit in one)


def test_photos_are_sorted_among_what_looks_alike(engine, photo):
    found = prices(engine, parts=[ImagePart(photo("red"))], limit=EVERY, sort="price")
    assert found == sorted(found)
    best = engine.search(Query(parts=[ImagePart(photo("red"))], limit=EVERY)).hits
    least = best[1].score
    two = engine.search(
        Query(parts=[ImagePart(photo("red"))], limit=EVERY, sort="-price", min_score=least - 1e-6)
    ).hits
    assert {hit.item_id for hit in two} == {hit.item_id for hit in best[:2]}
    assert two[0].price >= two[1].price


def test_equal_values_are_in_the_order_of_their_scores(engine, photo):
    part = ImagePart(photo("green"))
    by_score = engine.search(Query(parts=[part], limit=EVERY)).hits
    same = engine.search(Query(parts=[part], limit=EVERY, sort="cost")).hits
    assert [hit.item_id for hit in same] == [
        hit.item_id for hit in sorted(by_score, key=lambda hit: hit.attributes["cost"])
    ]


@pytest.fixture
def engine(make_shop) -> SearchEngine:
    """The tiny shop with an attribute that is the same number for several items."""
    with SearchEngine.open(make_shop()) as opened:
        drafts = []
        for number, old in enumerate(opened.items(EVERY)):

            def change(item: Item | None, cost: int = number % 2) -> Item:
                assert item is not None
                return Item(
                    **{
                        **{name: getattr(item, name) for name in item.__struct_fields__},
                        "attributes": {**item.attributes, "cost": float(cost)},
                    }
                )

            drafts.append(Draft(old.item_id, change))
        assert {outcome.status for outcome in opened.put(drafts)} == {"updated"}
        opened.refresh()
        yield opened


@pytest.mark.parametrize("sort", ["price", "-price", "cost", "-cost", "newest", "oldest"])
@pytest.mark.parametrize("kind", ["words", "photo"])
def test_pages_of_sorted_hits_follow_each_other(engine, photo, sort, kind):
    parts = WORDS if kind == "words" else [ImagePart(photo("blue"))]
    whole = [hit.item_id for hit in engine.search(Query(parts=parts, limit=EVERY, sort=sort)).hits]
    paged: list[str] = []
    cursor = None
    while len(paged) <= EVERY:
        reply = engine.search(Query(parts=parts, limit=5, sort=sort, cursor=cursor))
        paged += [hit.item_id for hit in reply.hits]
        cursor = reply.next_cursor
        if cursor is None:
            break
    assert paged == whole
    assert len(set(paged)) == EVERY


def test_a_deleted_hit_is_no_gap_between_sorted_pages(engine):
    first = engine.search(Query(parts=WORDS, limit=5, sort="price"))
    whole = [hit.item_id for hit in engine.search(Query(parts=WORDS, limit=12, sort="price")).hits]
    engine.delete([whole[4]])
    engine.refresh()
    rest = engine.search(Query(parts=WORDS, limit=12, sort="price", cursor=first.next_cursor))
    assert [hit.item_id for hit in rest.hits] == whole[5:]


def test_a_cursor_belongs_to_its_order(engine):
    cursor = engine.search(Query(parts=WORDS, limit=5, sort="price")).next_cursor
    with pytest.raises(BadQuery, match="another query"):
        engine.search(Query(parts=WORDS, limit=5, sort="-price", cursor=cursor))


def test_the_newest_item_is_the_one_that_came_last(engine):
    photo = jpeg(plain(COLORS["red"], spot=2))
    item = Item(item_id="late", product_id="late", title="Late shoe", images=["late"])
    engine.put([Draft("late", lambda _: item, [ImageInput("late", lambda: photo)])])
    engine.refresh()
    newest = engine.search(Query(parts=WORDS, limit=13, sort="newest")).hits
    assert newest[0].item_id == "late"
    assert newest[-1].price is not None
    by_price = engine.search(Query(parts=WORDS, limit=13, sort="-price")).hits
    assert by_price[-1].item_id == "late"  # it has no price


def test_a_least_score_cuts_the_ranking(engine, photo):
    part = ImagePart(photo("red"))
    best = engine.search(Query(parts=[part], limit=EVERY)).hits
    kept = engine.search(Query(parts=[part], limit=EVERY, min_score=best[3].score - 1e-6))
    assert [hit.item_id for hit in kept.hits] == [hit.item_id for hit in best[:4]]
    assert kept.next_cursor is None
    assert engine.search(Query(parts=[part], min_score=2)).hits == []


def test_a_least_confidence_is_refused_where_none_is_known(engine, photo):
    with pytest.raises(BadQuery, match="needs a photo or an item"):
        engine.search(Query(parts=WORDS, min_confidence=0.5))
    query = Query(parts=[ImagePart(photo("red"))], min_confidence=0.5)
    with pytest.raises(BadQuery, match="too few products to compute confidences; use min_score"):
        ConfidenceScorer(None, text_tower=False).check(query)
    unlike = Query(parts=[*query.parts, ItemPart("red-mug", -1)], min_confidence=0.5)
    with pytest.raises(BadQuery, match="with negative parts, have no confidence"):
        engine.search(unlike)
    with pytest.raises(BadQuery, match="from 0 to 1"):
        engine.search(Query(parts=[ItemPart("red-mug")], min_confidence=1.5))


def test_a_least_confidence_cuts_the_ranking(drawn_index):
    with SearchEngine.open(drawn_index) as engine:
        item = engine.items(1)[0]
        photo = engine.thumbnail(item.item_id)
        hits = engine.search(Query(parts=[ImagePart(photo)], limit=20)).hits
        least = (hits[0].confidence or 0) / 2
        assert least > 0
        sure = engine.search(Query(parts=[ImagePart(photo)], limit=20, min_confidence=least)).hits
        assert [hit.item_id for hit in sure] == [
            hit.item_id for hit in hits if (hit.confidence or 0) >= least
        ]
        assert 0 < len(sure) < len(hits)
