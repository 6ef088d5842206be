"""Questions to the engine, and the answers one can work out by eye."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from indexer.encoders.color import ColorEncoder
from indexer.errors import BadImage, BadQuery, IndexMismatch, UnknownItem
from indexer.items import ORIGINAL
from indexer.words.lexical import LexicalIndex
from search.filters.grammar import parse_filter
from search.filters.jsonform import AllOf
from search.hits import Hit, Reply
from search.live.layers import LayeredColumns
from search.query import EmbeddingPart, ImagePart, ItemPart, Query, TextPart
from tests.conftest import COLORS, PRICES, jpeg
from tests.hitlists import ids, of_color


def test_a_photo_finds_the_items_of_its_color_first(engine, photo):
    hits = engine.by_image(photo("red"), k=3)
    assert set(ids(hits[:2])) == {"red-shoe", "red-mug"}
    assert hits[0].score > 0.9 > hits[2].score


def test_a_file_its_bytes_and_its_pixels_find_the_same(engine, photo, tmp_path):
    path = tmp_path / "photo.anything"
    path.write_bytes(photo("green"))
    by_path = engine.by_image(path)
    assert by_path == engine.by_image(str(path)) == engine.by_image(photo("green"))
    assert ids(engine.by_image(of_color("green"), k=2)) == ids(by_path)[:2]


def test_a_hit_carries_the_fields_of_its_item_and_the_image_that_matched(engine, tiny_catalog):
    photo = (tiny_catalog.parent / "images" / "red-mug-2.jpg").read_bytes()
    (hit,) = engine.by_image(photo, k=1)
    assert hit == Hit(
        item_id="red-mug",
        product_id="mug-red",
        score=hit.score,
        confidence=hit.confidence,
        image="images/red-mug-2.jpg",
        image_index=1,
        variant=ORIGINAL,
        title="Red mug",
        description="A mug in red, for every day.",
        price=PRICES["red"] + 5,
        currency="EUR",
        in_stock=True,
        categories=["Home/Mugs"],
        attributes={"color": "red"},
    )
    assert hit.score == pytest.approx(1, abs=1e-2)  # it was indexed at a larger scale


def test_words_find_items_by_title_and_color(engine):
    assert set(ids(engine.by_text("yellow"))) == {"yellow-shoe", "yellow-mug"}
    assert ids(engine.by_text("blue mug"))[0] == "blue-mug"
    assert engine.by_text("trombone") == []


def test_what_passes_a_filter_is_found_though_others_have_the_words(engine):
    for kind, category in (("shoe", "Wear/Shoes"), ("mug", "Home/Mugs")):
        hits = engine.by_text("yellow", filter=f'category = "{category}"')
        assert ids(hits) == [f"yellow-{kind}"]


def test_an_item_finds_what_resembles_it_and_never_itself(engine):
    assert ids(engine.by_item("red-shoe", k=1)) == ["red-mug"]
    assert "red-shoe" not in ids(engine.by_item("red-shoe", k=50))
    assert len(engine.by_item("red-shoe", k=50)) == 11


def test_a_reply_says_how_it_came_about(engine):
    reply = engine.search(Query(parts=[ImagePart(of_color("red"))], limit=3))
    assert isinstance(reply, Reply)
    assert (reply.total, reply.mode, reply.encoder) == (12, "exact", "color")
    assert reply.generation == "000001"
    assert set(reply.timings) == {"encode_ms", "search_ms", "rank_ms", "fields_ms", "total_ms"}
    words = engine.search(Query(parts=[TextPart("mug")]))
    assert (words.mode, words.total, len(words.hits)) == ("lexical", 6, 6)


def test_scores_never_rise_from_hit_to_hit(engine, photo):
    queries = [
        [ImagePart(photo("red"))],
        [TextPart("red mug every day")],
        [ItemPart("green-shoe"), ImagePart(photo("black"), weight=-0.3)],
        [ImagePart(photo("red")), TextPart("mug")],
    ]
    for parts in queries:
        scores = [hit.score for hit in engine.search(Query(parts=parts, limit=50)).hits]
        assert len(scores) > 5
        assert scores == sorted(scores, reverse=True)


# Weights, boxes and mixes


def test_a_negative_part_turns_the_answer_away(engine):
    half = np.concatenate([of_color("red"), of_color("blue")], axis=1)
    plus = [ImagePart(half)]
    assert {
        hit.item_id.split("-")[0] for hit in engine.search(Query(parts=plus, limit=4)).hits
    } == {
        "red",
        "blue",
    }
    minus = [*plus, ImagePart(of_color("blue"), weight=-1.0)]
    reply = engine.search(Query(parts=minus, limit=12))
    assert {hit.item_id for hit in reply.hits[:2]} == {"red-shoe", "red-mug"}
    assert {hit.item_id for hit in reply.hits[-2:]} == {"blue-shoe", "blue-mug"}


@pytest.mark.parametrize(("box", "color"), [((0, 0, 0.5, 1), "red"), ((0.5, 0, 1, 1), "blue")])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_box_looks_at_its_part_of_the_photo_only(engine, box, color, as_bytes):
    pixels = np.concatenate([of_color("red"), of_color("blue")], axis=1)
    picture = Image.fromarray(pixels).resize((400, 200), Image.Resampling.NEAREST)
    photo = jpeg(picture) if as_bytes else np.asarray(picture)
    assert set(ids(engine.by_image(photo, k=2, box=box))) == {f"{color}-shoe", f"{color}-mug"}


@pytest.mark.parametrize("box", [(0.5, 0, 0.5, 1), (0, 0, 2, 1), (0.8, 0, 0.2, 1)])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_box_that_is_none_is_refused(engine, box, as_bytes, photo):
    picture = photo("red") if as_bytes else of_color("red")
    with pytest.raises(BadImage, match="box must be x0,y0,x1,y1"):
        engine.by_image(picture, box=box)


def test_words_beside_a_photo_choose_among_what_looks_alike(engine, photo):
    for kind in ("mug", "shoe"):
        parts = [ImagePart(photo("red")), TextPart(kind)]
        reply = engine.search(Query(parts=parts, limit=3))
        assert reply.mode == "fused"
        assert reply.hits[0].item_id == f"red-{kind}"


def test_negative_words_beside_a_photo_push_down_what_they_name(engine, photo):
    parts = [ImagePart(photo("red")), TextPart("mug", weight=-1.0)]
    reply = engine.search(Query(parts=parts, limit=12))
    assert reply.hits[0].item_id == "red-shoe"
    assert ids(reply.hits).index("red-mug") >= 6


@pytest.mark.parametrize("condition", [None, "price < 100"])
@pytest.mark.parametrize("kinds", [("shoe", "mug"), ("mug", "shoe")])
def test_negative_words_alone_push_down_what_they_name(engine, kinds, condition):
    wanted, unwanted = kinds
    parts = [TextPart("red"), TextPart(unwanted, weight=-1.0)]
    reply = engine.search(Query(parts=parts, filter=condition and parse_filter(condition)))
    assert reply.mode == "lexical"
    assert (ids(reply.hits), reply.total) == ([f"red-{wanted}", f"red-{unwanted}"], 2)
    assert reply.hits[0].score > reply.hits[1].score
    first = engine.search(Query(parts=parts, limit=1))
    second = engine.search(Query(parts=parts, limit=1, cursor=first.next_cursor))
    assert ids(first.hits) + ids(second.hits) == ids(reply.hits)


def test_what_is_unwanted_under_a_filter_is_known_though_others_have_the_words(engine, photo):
    parts = [ImagePart(photo("red")), TextPart("mug", weight=-1.0)]
    reply = engine.search(Query(parts=parts, filter=parse_filter("color = red")))
    assert ids(reply.hits) == ["red-shoe", "red-mug"]
    assert reply.hits[1].score < 0.5 * reply.hits[0].score


@pytest.mark.parametrize(("length", "weight"), [(7, 1.0), (1e30, 1.0), (1e-30, 1.0), (1, 1e-30)])
def test_an_embedding_of_any_length_and_weight_asks_like_its_photo(engine, length, weight):
    vector = ColorEncoder().encode_images([of_color("white")])[0] * np.float32(length)
    asked = engine.search(Query(parts=[EmbeddingPart(vector, weight)], limit=5)).hits
    assert ids(asked) == ids(engine.by_image(of_color("white"), k=5))
    assert [hit.score for hit in asked] == pytest.approx(
        [hit.score for hit in engine.by_image(of_color("white"), k=5)], abs=1e-5
    )


@pytest.mark.parametrize("shape", [(3,), (111,), (1, 112), ()])
def test_an_embedding_of_another_shape_is_a_mismatch(engine, shape):
    with pytest.raises(IndexMismatch, match=r"embedding has shape .* takes \(112,\)") as caught:
        engine.search(Query(parts=[EmbeddingPart(np.ones(shape, dtype=np.float32))]))
    assert caught.value.param == "embedding"


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_an_embedding_without_a_direction_is_refused(engine, value):
    vector = np.full(112, value, dtype=np.float32)
    with pytest.raises(BadQuery, match="finite and not all zero"):
        engine.search(Query(parts=[EmbeddingPart(vector)]))


@pytest.mark.parametrize("weights", [(1.0, -1.0), (0.1, 0.2, -0.3), (1e-9, 2e-9, -3e-9)])
def test_parts_that_cancel_out_are_refused(engine, weights):
    vector = ColorEncoder().encode_images([of_color("red")])[0]
    parts = [EmbeddingPart(vector, weight) for weight in weights]
    with pytest.raises(BadQuery, match="cancel each other out"):
        engine.search(Query(parts=parts))


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"limit": 0}, "limit", "limit must be from 1 to 1000, got 0"),
        ({"limit": 1001}, "limit", "got 1001"),
        ({"parts": []}, "parts", "1 to 16 parts"),
        ({"parts": [TextPart("x")] * 17}, "parts", "got 17"),
        ({"parts": [TextPart("  ")]}, "text", "text is empty"),
        ({"parts": [TextPart("x" * 1001)]}, "text", "1001 characters, at most 1000"),
        ({"facets": ["color"] * 17}, "facets", "names 17 fields, at most 16"),
        ({"parts": [TextPart("x", weight=0)]}, "weight", "not 0, got 0"),
        ({"parts": [TextPart("x", weight=float("nan"))]}, "weight", "got nan"),
        ({"parts": [TextPart("x", weight=-1)]}, "weight", "at least one part needs a positive"),
    ],
)
def test_a_question_that_cannot_be_answered_names_its_field(engine, fields, param, message):
    with pytest.raises(BadQuery, match=message) as caught:
        engine.search(Query(**{"parts": [TextPart("mug")], **fields}))
    assert caught.value.param == param


def test_an_unknown_item_is_named(engine):
    for ask in (engine.by_item, engine.item, engine.thumbnail, engine.main_category):
        with pytest.raises(UnknownItem, match="no item 'trombone' in this shop"):
            ask("trombone")


def test_bytes_that_are_no_image_are_refused(engine, tmp_path):
    with pytest.raises(BadImage, match="not an image we read"):
        engine.by_image(b"hello, I am text")
    with pytest.raises(BadImage, match="no such file"):
        engine.by_image(tmp_path / "nowhere.jpg")


# Filters


def test_a_filter_may_be_text_data_or_json(engine):
    text = "color = red and price < 12"
    expected = ["red-shoe"]
    assert ids(engine.by_image(of_color("red"), filter=text)) == expected
    assert ids(engine.by_image(of_color("red"), filter=parse_filter(text))) == expected
    assert ids(engine.by_text("red", filter=text)) == expected
    assert ids(engine.by_item("blue-mug", filter=text)) == expected


def test_a_filter_that_nothing_passes_gives_no_hits(engine):
    reply = engine.search(
        Query(parts=[ImagePart(of_color("red"))], filter=parse_filter("price > 1000"))
    )
    assert (reply.hits, reply.total) == ([], 0)


def test_facets_count_as_if_their_own_field_were_not_filtered(engine):
    query = Query(
        parts=[ImagePart(of_color("red"))],
        filter=parse_filter("color = red and category = Home"),
        facets=["color", "category", "in_stock"],
    )
    reply = engine.search(query)
    assert (reply.total, ids(reply.hits)) == (1, ["red-mug"])
    assert {one.value: one.count for one in reply.facets["color"]} == dict.fromkeys(COLORS, 1)
    assert {one.value: one.count for one in reply.facets["category"]} == {
        "Home": 1,
        "Home/Mugs": 1,
        "Wear": 1,
        "Wear/Shoes": 1,
    }
    assert [(one.value, one.count) for one in reply.facets["in_stock"]] == [("true", 1)]


def test_a_filter_is_applied_once_more_only_for_facets_of_its_own_fields(engine, monkeypatch):
    applied: list[object] = []
    mask = LayeredColumns.mask
    monkeypatch.setattr(
        LayeredColumns, "mask", lambda self, given: applied.append(given) or mask(self, given)
    )
    condition = parse_filter("price < 30 and color in [red, green]")
    fields = ["in_stock", "category", "color", "color"]
    reply = engine.search(
        Query(parts=[ItemPart("red-mug")], filter=condition, facets=fields, group="item")
    )
    assert applied == [condition, AllOf(condition.parts[:1])]
    assert [(one.value, one.count) for one in reply.facets["in_stock"]] == [("true", 3)]
    assert {one.value: one.count for one in reply.facets["color"]} == {"red": 1, "green": 2}
    words = engine.search(Query(parts=[TextPart("mug")], facets=["color"]))
    assert len(words.facets["color"]) == 6
    assert engine.search(Query(parts=[ItemPart("red-mug")], limit=12)).total == 11


def test_facets_of_a_search_by_words_count_only_what_has_the_words(engine):
    reply = engine.search(Query(parts=[TextPart("mug")], facets=["category", "color"]))
    assert {one.value: one.count for one in reply.facets["category"]} == {"Home": 6, "Home/Mugs": 6}
    assert len(reply.facets["color"]) == 6


def test_words_are_looked_up_once_however_many_facets_are_counted(engine, monkeypatch):
    asked: list[str] = []
    find = LexicalIndex.find
    monkeypatch.setattr(
        LexicalIndex,
        "find",
        lambda self, text, **named: asked.append(text) or find(self, text, **named),
    )
    query = Query(
        parts=[TextPart("mug")], filter=parse_filter("color = red"), facets=["color", "category"]
    )
    reply = engine.search(query)
    assert asked == ["mug"]
    assert len(reply.facets["color"]) == 6  # as if color were not filtered
    assert {one.value: one.count for one in reply.facets["category"]} == {"Home": 1, "Home/Mugs": 1}


# Items and pictures


def test_an_item_is_told_with_the_images_that_can_be_shown(engine):
    item = engine.item("red-shoe")
    assert item.images == ["images/red-shoe-1.jpg", "images/red-shoe-2.jpg"]
    assert (item.title, item.price) == ("Red shoe", 10.0)
    assert engine.has_item("red-shoe")
    assert not engine.has_item("trombone")
    assert engine.main_category("red-shoe") == "Wear/Shoes"


def test_a_thumbnail_is_a_jpeg_of_the_image(engine):
    data = engine.thumbnail("red-shoe", 1)
    assert data[:2] == b"\xff\xd8"
    with pytest.raises(UnknownItem, match="has 2 images, there is no image 2"):
        engine.thumbnail("red-shoe", 2)
    with pytest.raises(UnknownItem):
        engine.thumbnail("red-shoe", -1)


def test_the_first_impression_takes_turns_between_categories(engine):
    first = engine.items(4)
    assert [item.categories[0] for item in first] == ["Home/Mugs", "Wear/Shoes"] * 2
    assert len(engine.items(100)) == 12


def test_the_status_says_what_serves(engine):
    status = engine.status()
    assert (status.generation, status.encoder, status.dim) == ("000001", "color", 112)
    assert (status.items, status.products, status.rows, status.skipped) == (12, 12, 24, 0)
    assert (status.text, status.facets) == ("lexical", ["category", "color", "in_stock"])
    assert status.bytes > 10_000
