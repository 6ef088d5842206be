"""Pages of one answer, and near copies folded into the first of them."""

from __future__ import annotations

import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from indexer.arrays import Vectors, unit
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadQuery, CursorExpired
from search.collapse import NearCopies
from search.cursor import Cursor, question_of
from search.engine import SearchEngine
from search.filters.grammar import parse_filter
from search.query import EmbeddingPart, ImagePart, ItemPart, Query, TextPart
from tests.spokes import draft, new_shop, spoke


@pytest.fixture
def photo() -> np.ndarray:
    return np.full((40, 40, 3), (220, 30, 40), dtype=np.uint8)


@pytest.fixture
def written(tiny_shop: Path, tmp_path: Path):
    """An engine over a copy of the tiny shop, to write to."""
    shop = tmp_path / "shop"
    shutil.copytree(tiny_shop, shop)
    with SearchEngine.open(shop, encoder=ColorEncoder()) as engine:
        yield engine


def joined(pages: list[list[str]]) -> list[str]:
    return [one for page in pages for one in page]


def pages(engine: SearchEngine, **fields) -> list[list[str]]:
    """The ids of every page until there are no more."""
    out, cursor = [], None
    while True:
        reply = engine.search(Query(cursor=cursor, **fields))
        out.append([hit.item_id for hit in reply.hits])
        cursor = reply.next_cursor
        if cursor is None:
            return out


@pytest.mark.parametrize("words", [[], [TextPart("mug")]], ids=["photo", "photo and words"])
@pytest.mark.parametrize("limit", [1, 5, 6, 12])
def test_pages_together_are_the_answer_in_one(engine, photo, words, limit):
    parts = [ImagePart(photo), *words]
    (whole,) = pages(engine, parts=parts, limit=100)
    found = pages(engine, parts=parts, limit=limit)
    assert joined(found) == whole
    assert len(whole) == 12
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert found[-1]


def test_pages_of_words_alone_and_under_a_filter(engine):
    fields = {"parts": [TextPart("mug")], "filter": parse_filter("price < 50")}
    assert joined(pages(engine, **fields, limit=2)) == joined(pages(engine, **fields, limit=50))
    assert len(pages(engine, **fields, limit=2)) == 2


def test_an_answer_without_hits_has_no_next_page(engine):
    query = Query(parts=[TextPart("mug")], filter=parse_filter("price < 0"))
    assert engine.search(query).next_cursor is None


def test_writes_between_two_pages_repeat_nothing_and_lose_nothing(written, photo):
    parts = [ImagePart(photo)]
    before = joined(pages(written, parts=parts, limit=100))
    first = written.search(Query(parts=parts, limit=5))
    shown = [hit.item_id for hit in first.hits]
    written.delete([shown[0], shown[-1], before[7]])
    written.refresh()
    rest = []
    cursor = first.next_cursor
    while cursor:
        reply = written.search(Query(parts=parts, limit=3, cursor=cursor))
        rest += [hit.item_id for hit in reply.hits]
        cursor = reply.next_cursor
    assert rest == [one for one in before[5:] if one != before[7]]


def test_much_that_is_written_before_the_next_page_hides_nothing_behind_it(tmp_path):
    shop = new_shop(tmp_path / "shop", *(draft(f"old{n}", 10 + n) for n in range(30)))
    parts = [EmbeddingPart(spoke(0)[0])]
    with SearchEngine.open(shop.path) as engine:
        first = engine.search(Query(parts=parts, limit=5))
        engine.put([draft(f"new{n}", 1) for n in range(60)])
        engine.refresh()
        second = engine.search(Query(parts=parts, limit=5, cursor=first.next_cursor))
    assert [hit.item_id for hit in second.hits] == [f"old{n}" for n in range(5, 10)]


@pytest.mark.parametrize("degrees", [1, 80], ids=["to the top", "to the end"])
def test_the_last_hit_of_a_page_may_get_another_picture_before_the_next(tmp_path, degrees):
    shop = new_shop(tmp_path / "shop", *(draft(f"i{n}", 10 + n) for n in range(30)))
    parts = [EmbeddingPart(spoke(0)[0])]
    with SearchEngine.open(shop.path) as engine:
        first = engine.search(Query(parts=parts, limit=5))
        engine.put([draft("i4", degrees)])
        engine.refresh()
        second = engine.search(Query(parts=parts, limit=30, cursor=first.next_cursor))
    shown = [hit.item_id for hit in second.hits]
    assert shown == [f"i{n}" for n in range(5, 30)] + ["i4"] * (degrees == 80)


@pytest.mark.parametrize("deleted", [False, True])
def test_pages_of_one_picture_sold_many_times_show_each_item_once(tmp_path, deleted):
    # Their ids fall while their rows rise, so neither order is the other's by chance.
    shop = new_shop(tmp_path / "shop", *(draft(f"i{90 - n}", 0) for n in range(60)))
    with SearchEngine.open(shop.path) as engine:
        first = engine.search(Query(parts=[EmbeddingPart(spoke(0)[0])], limit=5))
        shown = [hit.item_id for hit in first.hits]
        if deleted:
            engine.delete([shown[-1]])
            engine.refresh()
        cursor = first.next_cursor
        while cursor:
            query = Query(parts=[EmbeddingPart(spoke(0)[0])], limit=5, cursor=cursor)
            reply = engine.search(query)
            shown += [hit.item_id for hit in reply.hits]
            cursor = reply.next_cursor
    assert sorted(shown) == [f"i{n}" for n in range(31, 91)]


@pytest.mark.parametrize(("seen", "depth"), [(1, 10**9), (10**9, 200), (1, 0), (1, -5), (0, 200)])
def test_a_cursor_that_was_made_up_does_not_reach_deeper_than_pages_do(engine, photo, seen, depth):
    query = Query(parts=[ImagePart(photo), TextPart("mug")])
    made_up = Cursor(engine.generation, question_of(query), seen, depth, 0.5, "x").text()
    with pytest.raises(BadQuery, match="leave it out for the first page"):
        engine.search(Query(parts=query.parts, cursor=made_up))


def test_a_cursor_belongs_to_its_question(engine, photo):
    cursor = engine.search(Query(parts=[ImagePart(photo)], limit=2)).next_cursor
    assert cursor
    for fields in (
        {"parts": [ItemPart("red-mug")]},
        {"parts": [ImagePart(photo)], "group": "item"},
        {"parts": [ImagePart(photo)], "filter": parse_filter("price < 50")},
        {"parts": [ImagePart(photo)], "collapse": 0.9},
        {"parts": [ImagePart(photo, weight=2.0)]},
    ):
        with pytest.raises(BadQuery, match="another query") as told:
            engine.search(Query(cursor=cursor, **fields))
        assert told.value.param == "cursor"


@pytest.mark.parametrize("text", ["x", "%%%", "AAAA", "é", "A" * 5000])
def test_what_is_no_cursor_is_refused(engine, photo, text):
    with pytest.raises(BadQuery, match="not the next_cursor of a reply"):
        engine.search(Query(parts=[ImagePart(photo)], cursor=text))


def test_a_cursor_ends_with_its_generation(written, photo):
    cursor = written.search(Query(parts=[ImagePart(photo)], limit=2)).next_cursor
    written._searcher._generation = "000099"
    with pytest.raises(CursorExpired, match="000099 serves now"):
        written.search(Query(parts=[ImagePart(photo)], limit=2, cursor=cursor))


def test_near_copies_are_folded_into_the_first_of_them(engine, photo):
    reply = engine.search(Query(parts=[ImagePart(photo)], limit=6, collapse=0.97))
    assert len(reply.hits) == 6
    for hit in reply.hits:  # a shoe and a mug of each color
        (copy,) = hit.copies
        assert copy != hit.item_id
        assert copy.split("-")[0] == hit.item_id.split("-")[0]
    apart = engine.search(Query(parts=[ImagePart(photo)], limit=12))
    assert [hit.copies for hit in apart.hits] == [[]] * 12


def test_pages_of_folded_hits(engine, photo):
    fields = {"parts": [ImagePart(photo)], "collapse": 0.97}
    (whole,) = pages(engine, **fields, limit=50)
    assert len(whole) == 6
    assert joined(pages(engine, **fields, limit=2)) == whole


@pytest.mark.parametrize("collapse", [0.2, 1.5, float("nan")])
def test_a_collapse_that_is_no_cosine_of_copies_is_refused(engine, photo, collapse):
    with pytest.raises(BadQuery, match="collapse is a cosine from"):
        engine.search(Query(parts=[ImagePart(photo)], collapse=collapse))


def copies_of(vectors: Vectors, at: float) -> dict[int, list[int]]:
    """Those of a whole ranking that stay, each with what is folded into it."""
    folding = NearCopies(vectors.shape[1], at)
    folding.add(vectors)
    return folding.kept


def test_copies_are_of_one_that_stays_never_of_a_copy():
    angles = np.radians([0.0, 10.0, 20.0, 30.0, 90.0])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], 1))
    found = copies_of(vectors, float(np.cos(np.radians(12))))
    # 20 degrees is near 10, but 10 is folded into 0 already: 20 stays.
    assert found == {0: [1], 2: [3], 4: []}


def test_what_has_no_vector_is_like_nothing():
    assert copies_of(np.zeros((3, 4), dtype=np.float32), 0.5) == {0: [], 1: [], 2: []}
    assert copies_of(np.zeros((0, 4), dtype=np.float32), 0.5) == {}


def test_the_same_picture_is_a_copy_by_the_highest_cosine_there_is(tmp_path):
    degrees = range(0, 90, 10)  # half precision makes some of these vectors shorter than 1
    drafts = [draft(f"{name}{n}", n) for n in degrees for name in ("first", "second")]
    with SearchEngine.open(new_shop(tmp_path / "shop", *drafts).path) as engine:
        reply = engine.search(Query(parts=[EmbeddingPart(spoke(0)[0])], limit=9, collapse=1.0))
    assert [(hit.item_id, hit.copies) for hit in reply.hits] == [
        (f"first{n}", [f"second{n}"]) for n in degrees
    ]


def test_many_are_folded_as_few_are(rng):
    vectors = unit(rng.normal(size=(700, 3)))
    kept: dict[int, list[int]] = {}
    for number, vector in enumerate(vectors):
        like = [head for head in kept if float(vectors[head] @ vector) >= 0.9]
        kept.setdefault(like[0] if like else number, []).extend([number] if like else [])
    assert copies_of(vectors, 0.9) == kept


def test_folding_a_long_ranking_takes_no_square_of_it(tmp_path):
    shop = new_shop(tmp_path / "shop", *(draft(f"i{n}", n % 90, title="mug") for n in range(3000)))
    with SearchEngine.open(shop.path) as engine:
        for part in (TextPart("mug"), EmbeddingPart(spoke(0)[0])):
            tracemalloc.start()
            engine.search(Query(parts=[part], collapse=0.5))
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert most < 3000 * 3000  # bytes; each pair once would take four times as many


def test_a_page_is_filled_behind_ten_thousand_copies_of_one_placeholder(tmp_path):
    copies = [draft(f"p{n}", 0) for n in range(10_050)]
    shop = new_shop(tmp_path / "shop", *copies, *(draft(f"o{n}", n) for n in range(10, 91, 8)))
    with SearchEngine.open(shop.path) as engine:
        query = Query(parts=[EmbeddingPart(spoke(0)[0])], limit=5, collapse=0.999)
        reply = engine.search(query)
    assert [hit.item_id for hit in reply.hits][1:] == ["o10", "o18", "o26", "o34"]
    assert len(reply.hits[0].copies) == 10_049


def test_folding_in_pieces_is_folding_at_once(rng):
    vectors = unit(rng.normal(size=(3000, 3)))
    for at in (0.5, 0.99, 0.99999):
        folding = NearCopies(3, at)
        for start in (0, 1, 7, 500, 1100):
            ends = {0: 1, 1: 7, 7: 500, 500: 1100, 1100: 3000}[start]
            folding.add(vectors[start:ends])
        assert folding.kept == copies_of(vectors, at)
        assert len(folding) == 3000
