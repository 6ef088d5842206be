"""Which hits have a confidence, and when a reply says that nothing is close."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.confidence.curve import Calibration
from search.confidence import ConfidenceScorer
from search.engine import SearchEngine
from search.hits import Hit
from search.live.best_rows import Candidate
from search.query import EmbeddingPart, ImagePart, ItemPart, Query, TextPart

CALIBRATION = Calibration(
    score_weight=1.0,
    margin_weight=20.0,
    offset=-2.0,
    sold_at=0.4,
    sold_width=0.05,
    floor=0.2,
    queries=100,
)
PHOTO = EmbeddingPart(np.ones(4, dtype=np.float32))
PRODUCT = np.arange(10)
FOUND = [Candidate(0, 0, 0.9), Candidate(1, 1, 0.5)]


def judged(query: Query, *, text_tower: bool = False) -> list[Candidate]:
    return ConfidenceScorer(CALIBRATION, text_tower=text_tower).score(query, FOUND, PRODUCT)


def hit(confidence: float | None) -> Hit:
    return Hit(
        item_id="a", product_id="a", score=0.5, confidence=confidence, image="", image_index=0,
        variant="original",
    )  # fmt: skip


@pytest.mark.parametrize("part", [PHOTO, ItemPart("a")])
def test_hits_of_a_photo_or_an_item_get_confidences_in_order(part):
    first, second = (one.confidence for one in judged(Query(parts=[part])))
    assert 0 <= second < first <= 1


def test_words_beside_a_photo_take_nothing_from_what_the_photo_shows():
    alone = judged(Query(parts=[PHOTO]))
    assert judged(Query(parts=[PHOTO, TextPart("red")])) == alone


@pytest.mark.parametrize(
    ("parts", "text_tower"),
    [
        ([PHOTO, ItemPart("a", weight=-0.5)], False),  # says what to avoid
        ([PHOTO, TextPart("red")], True),  # words are in the vector
        ([TextPart("red")], True),
    ],
)
def test_a_question_for_something_else_than_what_was_seen_gets_none(parts, text_tower):
    assert judged(Query(parts=parts), text_tower=text_tower) == FOUND


def test_without_a_calibration_there_is_no_confidence_and_no_verdict():
    judge = ConfidenceScorer(None, text_tower=False)
    assert judge.score(Query(parts=[PHOTO]), FOUND, PRODUCT) == FOUND
    assert not judge.no_close_match(Query(parts=[PHOTO]), [hit(None)])


@pytest.mark.parametrize(
    ("parts", "confidence", "below", "verdict"),
    [
        ([PHOTO], 0.1, 0.2, True),
        ([PHOTO], 0.2, 0.2, False),
        ([PHOTO], 0.1, 0.0, False),  # 0 turns it off
        ([ImagePart(b"")], 0.1, 0.2, True),
        ([ItemPart("a")], 0.1, 0.2, False),  # similar things were asked for
        ([TextPart("red")], None, 0.2, False),
    ],
)
def test_no_close_match_is_said_of_photos_whose_best_hit_is_unlikely(
    parts, confidence, below, verdict
):
    judge = ConfidenceScorer(CALIBRATION, text_tower=False, below=below)
    assert judge.no_close_match(Query(parts=parts), [hit(confidence)]) is verdict


def test_no_hits_at_all_are_no_verdict():
    assert not ConfidenceScorer(CALIBRATION, text_tower=False).no_close_match(
        Query(parts=[PHOTO]), []
    )


def test_an_engine_gives_confidences_to_photos_and_none_to_words(engine, photo):
    sure = [one.confidence for one in engine.by_image(photo("red"), k=5)]
    assert sure == sorted(sure, reverse=True)
    assert all(0 <= one <= 1 for one in sure)
    assert {one.confidence for one in engine.by_text("red")} == {None}


def test_a_hit_is_as_sure_alone_as_among_many(engine, photo):
    (alone,) = engine.by_image(photo("red"), k=1)
    assert alone == engine.by_image(photo("red"), k=12)[0]


def test_a_photo_of_nothing_in_the_shop_is_no_close_match(tiny_shop, photo):
    with SearchEngine.open(tiny_shop, no_match_below=0.15) as engine:
        known = engine.search(Query(parts=[ImagePart(photo("red"))]))
        stripes = np.zeros((64, 64, 3), dtype=np.uint8)
        stripes[::2] = (255, 0, 255)
        stripes[:, ::3] = (0, 255, 255)
        strange = engine.search(Query(parts=[ImagePart(stripes)]))
    assert not known.no_close_match
    assert strange.no_close_match
    assert strange.hits  # still shown


def test_the_threshold_decides(tiny_shop, photo):
    query = Query(parts=[ImagePart(photo("red"))])
    with SearchEngine.open(tiny_shop, no_match_below=1.0) as engine:
        assert engine.search(query).no_close_match
    with SearchEngine.open(tiny_shop, no_match_below=0.0) as engine:
        assert not engine.search(query).no_close_match
