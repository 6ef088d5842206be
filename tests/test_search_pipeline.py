"""The steps of an answer, and what plugs into them: new kinds of parts, other rankings."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from indexer.arrays import Embedding
from indexer.errors import BadQuery, IndexMismatch
from search import bound_query
from search.bound_query import BoundQuery, bind
from search.candidates import Candidates, find_candidates
from search.collapse import Collapser
from search.confidence import ConfidenceScorer
from search.cursor import question_of
from search.engine import SearchEngine
from search.filters.grammar import parse_filter
from search.parts import Space
from search.pipeline import Pipeline
from search.query import EmbeddingPart, ImagePart, ItemPart, Part, Query, TextPart
from search.query_vector import query_vector
from search.rank import Ranking, ScoreRanker
from tests.test_architecture import targets

SEARCH = Path(__file__).parents[1] / "search"
STEPS = [
    *("parts", "query", "query_vector", "bound_query"),
    *("candidates", "rank", "collapse", "page", "pipeline", "engine"),
]


class TastePart(Part, frozen=True):
    """The taste of a shopper: a kind of part that no module of ``search`` knows."""

    shopper: str
    toward: Embedding
    weight: float = 1.0

    def identity(self) -> tuple[object, ...]:
        return (*super().identity(), self.shopper)

    def vector(self, space: Space) -> Embedding:
        return space.unit_vector(self.toward)


class TagPart(Part, frozen=True):
    """Another such kind: words, and an item that hits must not show again."""

    tag: str
    seen: str
    weight: float = 1.0

    @property
    def words(self) -> str:
        return self.tag

    @property
    def named_items(self) -> tuple[str, ...]:
        return (self.seen,)


class LastIdFirst:
    """A ranking by something else than likeness: the last item id first."""

    def has_fixed_depth(self, bound: BoundQuery) -> bool:
        return True

    def rank(self, bound: BoundQuery, found: Candidates) -> Ranking:
        ids = bound.view.ids
        ranked = sorted(found.by_vector, key=lambda candidate: ids[candidate.item], reverse=True)
        scored = [
            candidate._replace(score=1 - place / 100) for place, candidate in enumerate(ranked)
        ]
        return Ranking(scored, "learned")


@pytest.fixture
def taste(engine: SearchEngine, photo) -> TastePart:
    return TastePart("ann", engine._searcher._space.photo_vector(photo("red"), (0, 0, 1, 1)) * 3)


def ids(engine: SearchEngine, *parts: Part, **fields: object) -> list[str]:
    return [hit.item_id for hit in engine.search(Query(parts=list(parts), **fields)).hits]


def pages(engine: SearchEngine, *parts: Part, limit: int, **fields: object) -> list[str]:
    """The ids of all pages, one after the other."""
    found: list[str] = []
    cursor = None
    while True:
        query = Query(parts=list(parts), limit=limit, cursor=cursor, **fields)
        reply = engine.search(query)
        found += [hit.item_id for hit in reply.hits]
        cursor = reply.next_cursor
        if cursor is None:
            return found


def bound(engine: SearchEngine, *parts: Part, **fields: object) -> BoundQuery:
    query = Query(parts=list(parts), **fields).check()
    vector = query_vector(query, engine._searcher._space)
    return bind(query, vector, engine._live.view, engine._live.words)


def test_a_new_kind_of_part_is_searched_with_by_its_vector(engine, taste):
    embedding = EmbeddingPart(taste.toward)
    assert ids(engine, taste, limit=12) == ids(engine, embedding, limit=12)
    assert ids(engine, taste)[0].startswith("red")


@pytest.mark.parametrize(
    "fields",
    [{}, {"collapse": 0.97}, {"filter": parse_filter("price < 50")}, {"group": "item"}],
    ids=["plain", "collapsed", "filtered", "by item"],
)
def test_an_answer_to_a_new_kind_of_part_has_pages(engine, taste, fields):
    whole = ids(engine, taste, limit=50, **fields)
    assert pages(engine, taste, limit=2, **fields) == whole
    assert len(whole) >= 6


def test_a_cursor_is_bound_to_what_a_new_kind_of_part_says_it_is(engine, taste):
    cursor = engine.search(Query(parts=[taste], limit=2)).next_cursor
    same = TastePart("ann", taste.toward + 1e-6)
    assert len(ids(engine, same, limit=2, cursor=cursor)) == 2
    with pytest.raises(BadQuery, match="another query"):
        ids(engine, TastePart("bob", taste.toward), limit=2, cursor=cursor)


def test_a_new_kind_of_part_goes_with_photos_words_and_items(engine, taste, photo):
    reply = engine.search(
        Query(parts=[ImagePart(photo("blue")), TastePart("ann", taste.toward, 0.1)], limit=12)
    )
    assert reply.hits[0].item_id.startswith("blue")
    assert {hit.confidence for hit in reply.hits} == {None}  # fitted to photos alone
    assert not reply.no_close_match
    fused = engine.search(Query(parts=[taste, TextPart("mug")]))
    assert (fused.mode, fused.hits[0].item_id) == ("fused", "red-mug")
    assert "red-mug" not in ids(engine, taste, ItemPart("red-mug"), limit=12)


def test_a_new_kind_of_part_pushes_away_with_a_negative_weight(engine, taste, photo):
    away = TastePart("ann", taste.toward, -0.5)
    assert not ids(engine, ImagePart(photo("blue")), away, limit=12)[0].startswith("red")


def test_a_new_kind_of_part_is_checked_like_the_others(engine, taste):
    with pytest.raises(BadQuery, match="a weight must be from -1000 to 1000 and not 0"):
        ids(engine, TastePart("ann", taste.toward, 0.0))
    with pytest.raises(IndexMismatch, match="takes"):
        ids(engine, TastePart("ann", taste.toward[:5]))


def test_a_new_kind_of_part_may_bring_words_and_leave_items_out(engine):
    reply = engine.search(Query(parts=[TagPart("mug", seen="red-mug")], limit=12))
    assert (reply.mode, reply.total) == ("lexical", 5)
    assert [hit.item_id.split("-")[1] for hit in reply.hits] == ["mug"] * 5
    assert "red-mug" not in [hit.item_id for hit in reply.hits]
    with pytest.raises(BadQuery, match="together have 1200 characters"):
        ids(engine, *[TagPart("mug " * 100, seen="red-mug")] * 3)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_knows_only_those_before_it(step):
    known = {parts[1] for parts in targets(SEARCH / f"{step}.py") if parts[0] == "search"}
    assert known & set(STEPS) <= set(STEPS[: STEPS.index(step)])


def test_a_view_of_the_shop_knows_no_step():
    known = {
        parts[1]
        for path in (SEARCH / "live").glob("*.py")
        for parts in targets(path)
        if parts[0] == "search"
    }
    assert known & set(STEPS) <= {"query"}  # whose limits are those of a view too


def test_no_step_asks_what_kind_a_part_is():
    asked = []
    for path in SEARCH.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
                asked += [f"{path.name}: {name}" for name in names if name.endswith("Part")]
    assert asked == []


def test_cursors_of_earlier_versions_belong_to_the_same_question():
    query = Query(
        parts=[
            TextPart("mug"),
            ItemPart("red-mug", 2.0),
            ImagePart(b"x", -0.5),
            EmbeddingPart(np.ones(3, dtype=np.float32)),
        ],
        filter=parse_filter("price < 50"),
        group="item",
        collapse=0.9,
    )
    assert question_of(query).hex() == "cbceaf0c6a35a53f"  # as it was before parts had an identity


def test_another_ranking_plugs_in_and_has_pages(engine, photo):
    engine._searcher._pipeline = Pipeline(
        ConfidenceScorer(None, text_tower=False), None, engine.encoder.dim, LastIdFirst()
    )
    part = ImagePart(photo("red"))
    whole = ids(engine, part, limit=50)
    assert whole == sorted(whole, reverse=True)
    assert len(whole) == 12
    assert pages(engine, part, limit=5) == whole


def test_a_ranking_says_what_its_scores_mean(engine, taste):
    ranker, scorer = ScoreRanker(), ConfidenceScorer(None, text_tower=False)
    scales = []
    words = [taste, TextPart("nice things")]
    for parts in ([taste], [TextPart("mug")], words, [taste, TextPart("mug")]):
        asked = bound(engine, *parts)
        ranking = ranker.rank(asked, find_candidates(asked, 20, scorer))
        scores = [candidate.score for candidate in ranking.candidates]
        assert scores == sorted(scores, reverse=True)
        scales.append(ranking.scale)
    assert scales == ["cosine", "bm25", "rrf", "valued"]


def test_the_steps_change_nothing_that_they_are_given(engine, taste):
    scorer = ConfidenceScorer(None, text_tower=False)
    asked = bound(engine, taste, TextPart("mug"), TextPart("shoe", -0.5), collapse=0.97)
    found = find_candidates(asked, 200, scorer)
    assert find_candidates(asked, 200, scorer) == found
    ranking = ScoreRanker().rank(asked, found)
    assert ScoreRanker().rank(asked, found) == ranking
    assert found == find_candidates(asked, 200, scorer)
    dim = engine.encoder.dim
    collapsed = Collapser(asked, dim).collapse(ranking, 200)
    assert ScoreRanker().rank(asked, found) == ranking
    deeper = Collapser(asked, dim)
    deeper.collapse(ranking, 3)
    assert deeper.collapse(ranking, 200) == collapsed  # in pieces as at once


def test_a_query_is_checked_once(engine, serve, monkeypatch):
    checked: list[str] = []
    check = TextPart.check

    def count(part: TextPart) -> None:
        checked.append(part.text)
        check(part)

    monkeypatch.setattr(TextPart, "check", count)
    engine.by_text("mug")
    assert checked == ["mug"]
    engine.search(Query(parts=[TextPart("shoe")]).check())
    assert checked == ["mug", "shoe"]
    serve().post("/v1/search", json={"parts": [{"text": "red"}]})
    assert checked == ["mug", "shoe", "red"]


def test_a_checked_query_is_the_same_query():
    query = Query(parts=[TextPart("mug")], limit=3, facets=["color"], cursor="x")
    checked = query.check()
    assert checked.check() is checked
    assert repr(checked) == repr(query).replace("Query(", "CheckedQuery(", 1)


def test_dropping_the_named_item_finds_what_a_search_without_it_finds(engine, monkeypatch):
    asked = [
        Query(parts=[ItemPart(item_id), *more], limit=limit, group=group)
        for item_id in ("red-shoe", "blue-mug")
        for more in ([], [ItemPart("black-mug", weight=-0.5)])
        for group in ("product", "item")
        for limit in (1, 3, 12)
    ]
    dropping = [engine.search(query) for query in asked]
    monkeypatch.setattr(bound_query, "FEW", -1)  # so that all are searched by a mask
    for query, dropped in zip(asked, dropping, strict=True):
        masked = engine.search(query)
        assert dropped.hits == masked.hits
        for name in ("total", "products", "next_cursor"):
            assert getattr(dropped, name) == getattr(masked, name)
        assert (
            not {"red-shoe", "blue-mug"}
            & {part.item_id for part in query.parts}
            & {hit.item_id for hit in dropped.hits}
        )
