"""Words on products: read from pictures, searched, and matched with those in a photo."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from indexer.errors import RecognizerNotFound
from indexer.items import PICTURE_TEXT
from indexer.layout import PICTURE_TEXTS
from indexer.recognizers import text_reader
from indexer.recognizers.text_reader import TextReader, check_reader
from search.engine import SearchEngine
from search.hits import Hit
from search.picture_texts import read_pictures
from search.recognition.verified_hits import reordered_by_words
from search.recognition.words_seen import likenesses, words_in


def words(text: str) -> frozenset[str]:
    return words_in([text])


def test_words_are_folded_and_short_ones_and_numbers_left_out():
    assert words("ÄPPLE Juice 100% 1l, 橙汁") == {"apple", "juice", "橙汁"}


def test_the_word_that_tells_two_cartons_apart_decides():
    hits = [words("God Morgon apple"), words("God Morgon orange"), words("milk")]
    apple, orange, milk = likenesses(words("GOD MORGON ORANGE"), hits)
    assert orange > apple > milk == 0


def test_one_misread_letter_is_forgiven_in_longer_words_only():
    hits = [words("orange"), words("red")]
    assert likenesses(words("oranqe"), hits) == [1.0, 0.0]
    assert likenesses(words("rad"), hits) == [0.0, 0.0]


def test_words_of_all_hits_or_of_none_say_nothing():
    hits = [words("juice apple"), words("juice pear")]
    assert likenesses(words("juice tractor"), hits) == [0.0, 0.0]
    assert likenesses(frozenset(), hits) == [0.0, 0.0]
    assert likenesses(words("juice"), []) == []


def hit(item_id: str, score: float, text: str = "") -> Hit:
    return Hit(
        item_id=item_id, product_id=item_id, score=score, image="", image_index=0, variant="",
        attributes={PICTURE_TEXT: text} if text else {},
    )  # fmt: skip


def test_hits_with_the_words_of_the_photo_come_first_among_equals():
    hits = [hit("apple", 0.80, "juice apple"), hit("orange", 0.79, "juice orange"), hit("x", 0.2)]
    order = [found.item_id for found in reordered_by_words(["ORANGE", "juice"], hits)]
    assert order == ["orange", "apple", "x"]
    assert reordered_by_words([], hits) == hits


class FakeReader:
    """Reads the color of a picture, and counts the pictures."""

    def __init__(self) -> None:
        self.count = 0

    def read(self, pixels: np.ndarray) -> list[str]:
        self.count += 1
        red, green, _ = pixels.reshape(-1, 3).mean(axis=0)
        return ["SCARLET", "label"] if red > 150 and green < 90 else []


def test_words_on_pictures_are_searched_and_no_picture_is_read_twice(tiny_shop, tmp_path):
    shop = tmp_path / "shop"
    shutil.copytree(tiny_shop, shop)
    reader = FakeReader()
    with SearchEngine.open(shop) as engine:
        assert engine.by_text("scarlet") == []
        done = read_pictures(engine, reader)
        engine.refresh()
        assert (done.items, done.read, done.with_words) == (12, reader.count, 2)
        found = {found.item_id for found in engine.by_text("scarlet")}
        assert found == {"red-shoe", "red-mug"}
        again = read_pictures(engine, reader)
        assert (again.read, again.changed, again.with_words) == (0, 0, 2)
        (shop / PICTURE_TEXTS).write_bytes(b"damaged")
        assert read_pictures(engine, reader).read == done.read


def test_without_rapidocr_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(text_reader, "find_spec", lambda _: None)
    with pytest.raises(RecognizerNotFound, match=r"vitrine\[ocr\]"):
        check_reader()


@pytest.mark.slow
def test_the_words_on_a_carton_are_read():
    pytest.importorskip("rapidocr", reason="needs the extra ocr")
    image = Image.new("RGB", (240, 240), "white")
    ImageDraw.Draw(image).text((30, 90), "ORANGE", "black", ImageFont.load_default(40))
    assert words_in(TextReader().read(np.asarray(image))) == {"orange"}
