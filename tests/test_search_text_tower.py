"""Words with an encoder that understands them: the model's ranking and the words' are fused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from indexer.arrays import Vectors
from indexer.encoders.color import ColorEncoder
from search.engine import SearchEngine
from search.query import Query, TextPart

CRIMSON = np.full((8, 8, 3), (220, 30, 40), dtype=np.uint8)
NAVY = np.full((8, 8, 3), (40, 70, 210), dtype=np.uint8)


class ColorsByName(ColorEncoder):
    """The color encoder with a text tower that knows two words no catalog text has."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return self.encode_images([CRIMSON if "crimson" in text else NAVY for text in texts])


@pytest.fixture
def reading_engine(tiny_shop: Path) -> Iterator[SearchEngine]:
    with SearchEngine.open(tiny_shop, encoder=ColorsByName()) as opened:
        yield opened


def test_a_word_that_stands_nowhere_is_found_by_what_it_looks_like(reading_engine) -> None:
    reply = reading_engine.search(Query(parts=[TextPart("crimson")], limit=2))
    assert reply.mode == "fused"
    assert {hit.item_id for hit in reply.hits} == {"red-shoe", "red-mug"}


def test_a_word_of_the_catalog_decides_between_what_looks_alike(reading_engine) -> None:
    hits = reading_engine.by_text("crimson mug", k=2)
    assert hits[0].item_id == "red-mug"
    assert reading_engine.by_text("crimson shoe", k=2)[0].item_id == "red-shoe"


def test_without_a_text_tower_the_same_word_finds_nothing(engine: SearchEngine) -> None:
    assert engine.by_text("crimson") == []


def test_the_status_says_how_words_are_answered(reading_engine, engine: SearchEngine) -> None:
    assert reading_engine.status().text == "fused"
    assert engine.status().text == "lexical"
