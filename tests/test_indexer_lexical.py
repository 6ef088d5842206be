"""Words to items, in any script, whatever is typed."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import IndexCorrupt, StoreFull
from indexer.items import Item
from indexer.words import lexical
from indexer.words.format1 import match_expression
from indexer.words.lexical import LexicalIndex
from indexer.words.vocabulary import Vocabulary


def item(item_id: str, title: str = "", **fields: object) -> Item:
    return Item(item_id=item_id, product_id=item_id, title=title, **fields)


ITEMS = [
    item("boots", "Red leather boots", description="For walking in the rain."),
    item("mug", "Café mug", categories=["Home/Mugs"], attributes={"color": "blue"}),
    item("polish", "Shoe polish", description="Keeps boots and shoes shiny"),
    item("pipe", 'Pipe 12" NEAR the sea OR not'),
    item("zh", "红色 运动鞋", description="适合跑步"),
    item("zh2", "蓝色跑鞋 Nike"),
    item("ja", "赤いスニーカー"),
    item("ko", "빨간운동화"),
    item("th", "รองเท้าแดง"),
    item("th2", "กระเป๋าน้ำเงิน"),
    item("hi", "लाल जूता"),
    item("hi2", "जातक कथा"),
    item("ru", "Красные ботинки"),
    item("ar", "حذاء أحمر"),
    item("sku-4711", "Vase", attributes={"handmade": True, "glazed": False, "tags": ["ivory"]}),
]


@pytest.fixture(scope="module")
def words():
    index = LexicalIndex.in_memory(ITEMS)
    yield index
    index.close()


def found(words: LexicalIndex, text: str, limit: int = 50) -> list[str]:
    return words.search(text, limit)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("boots", ["boots", "polish"]),  # the title counts more than the description
        ("BOOT", ["boots", "polish"]),
        ("walk", ["boots"]),
        ("walked", ["boots"]),
        ("shoes", ["polish"]),
        ("shining", []),  # a stem is not a synonym: "shiny" is another word to Porter
        ("leath", ["boots"]),  # the last word may still be being typed
        ("mugs", ["mug"]),
        ("home", ["mug"]),
        ("blue", ["mug"]),
        ("ivory", ["sku-4711"]),
        ("handmade", ["sku-4711"]),
        ("glazed", []),  # it says that it is not
        ("4711", ["sku-4711"]),
        ("sku-4711", ["sku-4711"]),
        ("nike", ["zh2"]),
        ("ｎｉｋｅ", ["zh2"]),
    ],
)
def test_english_words_find_by_stem_prefix_and_field(words, text, expected):
    assert found(words, text) == expected


def test_the_beginning_of_a_word_counts_only_for_the_last_one(words):
    assert found(words, "leath boots") == ["boots", "polish"]
    assert found(words, "leath xyz") == []


def test_two_letters_are_too_few_for_a_beginning(words):
    assert found(words, "bo") == []


@pytest.mark.parametrize("text", ["cafe", "café", "CAFÉ", "cafe\u0301"])
def test_accents_do_not_matter(words, text):
    assert found(words, text) == ["mug"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("跑步", ["zh"]),
        ("跑鞋", ["zh2"]),
        ("运动鞋", ["zh"]),
        ("红色", ["zh"]),
        ("色红", []),  # the letters of a word in another order are another word
        ("蓝", ["zh2"]),
        ("蓝色nike", ["zh2"]),
        ("スニーカー", ["ja"]),
        ("ｽﾆｰｶｰ", ["ja"]),
        ("赤い", ["ja"]),
        ("운동", ["ko"]),
        ("รองเท้า", ["th"]),
        ("กระเป๋า", ["th2"]),
        ("जूता", ["hi"]),
        ("ботинки", ["ru"]),
        ("حذاء", ["ar"]),
    ],
)
def test_other_scripts_find_their_words(words, text, expected):
    assert found(words, text) == expected


def test_more_of_the_words_rank_above_fewer(words):
    assert found(words, "red polish shiny")[0] == "polish"
    assert found(words, "red leather shiny")[0] == "boots"
    assert found(words, "红色跑步")[0] == "zh"  # two of its pairs, against one of zh2's


@pytest.mark.parametrize(
    "text",
    ['"', "*", "NEAR(", "boots NEAR", "a AND", "OR", "(", "title:boots", "^", "{", "'"],
)
def test_operators_are_words_like_any_other(words, text):
    ids, scores = words.search(text, 50)
    assert ("boots" in ids) == ("boots" in text)
    assert len(ids) == len(scores)


def test_a_quoted_text_finds_the_item_whose_title_holds_the_quote(words):
    assert found(words, '12"') == ["pipe"]
    assert found(words, "near") == ["pipe"]


@pytest.mark.parametrize("text", ["", " ", "\n\t", "!?", "\0", "🙂", "'"])
def test_a_text_without_words_finds_nothing(words, text):
    ids, scores = words.search(text, 50)
    assert (ids, scores.shape, scores.dtype) == ([], (0,), np.float32)


def test_a_very_long_text_is_cut_and_not_refused(words):
    assert found(words, "boots " + "x" * 100_000)[0] == "boots"
    assert "boots" in found(words, "boots " * 10_000)
    assert len(match_expression(" ".join(map(str, range(1000)))).split(" OR ")) == 33


def test_a_very_long_word_is_not_taken_apart_letter_by_letter(words, monkeypatch):
    asked = []
    has = Vocabulary.has
    monkeypatch.setattr(Vocabulary, "has", lambda self, term: asked.append(term) or has(self, term))
    assert found(words, "boots " + "x" * 5000) == ["boots", "polish"]
    assert len(asked) < 100


@pytest.mark.parametrize("joiner", "-.'/")
def test_a_thousand_words_joined_by_signs_are_answered(words, joiner):
    joined = joiner.join(["boots", *(f"nothing{n}" for n in range(1000))])
    assert found(words, joined) == ["boots", "polish"]


def test_scores_are_positive_and_fall(words):
    _, scores = words.search("red boots polish", 50)
    assert len(scores) > 1
    assert (scores > 0).all()
    assert (np.diff(scores) <= 0).all()


def test_a_limit_keeps_the_best(words):
    assert found(words, "boots", limit=1) == ["boots"]


def test_title_counts_above_categories_above_attributes_above_description():
    fields = [
        item("d", "x y", description="teapot"),
        item("a", "x y", attributes={"kind": "teapot"}),
        item("c", "x y", categories=["teapot"]),
        item("t", "teapot y"),
    ]
    index = LexicalIndex.in_memory(fields)
    assert found(index, "teapot") == ["t", "c", "a", "d"]
    index.close()


def test_a_written_index_answers_like_one_in_memory(words, tmp_path):
    LexicalIndex.write(tmp_path / "words.sqlite", ITEMS)
    loaded = LexicalIndex.load(tmp_path / "words.sqlite")
    for text in ("boots", "跑鞋", "red"):
        assert found(loaded, text) == found(words, text)
    loaded.close()


def test_a_path_with_signs_that_urls_use_is_no_trouble(tmp_path):
    path = tmp_path / "50% off? #1.sqlite"
    LexicalIndex.write(path, ITEMS)
    loaded = LexicalIndex.load(path)
    assert found(loaded, "mug") == ["mug"]
    loaded.close()


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 1000])
def test_a_file_that_is_no_index_is_corrupt(tmp_path, content):
    path = tmp_path / "words.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(IndexCorrupt, match=r"words\.sqlite cannot be read"):
        LexicalIndex.load(path)
    assert path.exists() == (content is not None)


def test_a_disk_that_is_full_is_store_full(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("indexer.words.lexical.fill_tables", full)
    with pytest.raises(StoreFull, match="database or disk is full"):
        LexicalIndex.write(tmp_path / "words.sqlite", ITEMS)


def test_many_threads_may_ask_at_once(words):
    answers: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(found(words, "boots") for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [["boots", "polish"]] * 200


def test_a_change_that_fails_half_way_can_be_made_again(words, monkeypatch):
    news = {"a": item("a", title="gondola"), "boots": None, "b": item("b", title="gondola")}
    add = lexical.add_texts

    def failing(connection: sqlite3.Connection, number: int, new: Item) -> None:
        if new.item_id == "b":
            raise sqlite3.OperationalError("out of memory")
        add(connection, number, new)

    with monkeypatch.context() as patch:
        patch.setattr(lexical, "add_texts", failing)
        with pytest.raises(sqlite3.OperationalError):
            words.change(news, 1)
    assert found(words, "gondola") == []
    assert found(words, "boots") == ["boots", "polish"]
    words.change(news, 1)
    assert found(words, "gondola") == ["a", "b"]
    assert found(words, "boots") == ["polish"]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_no_text_breaks_the_search(words, text):
    ids, _ = words.search(text, 5)
    assert len(ids) <= 5


@settings(max_examples=60, deadline=None)
@given(
    st.text(
        # The letter U+02BC is folded to an apostrophe, which alone is no word.
        alphabet=st.characters(categories=["L", "N"], exclude_characters="\u02bc"),
        min_size=1,
        max_size=12,
    )
)
def test_a_title_is_found_by_itself(title):
    index = LexicalIndex.in_memory([item("other", "teapot"), item("wanted", title)])
    try:
        assert "wanted" in found(index, title)
    finally:
        index.close()


@pytest.mark.parametrize("seed", range(12))
def test_a_file_with_damaged_pages_raises_index_corrupt_and_nothing_else(tmp_path, seed):
    path = tmp_path / "words.sqlite"
    titles = ("red mug", "blue mug", "green lamp")
    LexicalIndex.write(
        path,
        [Item(item_id=f"i{n}", product_id=f"i{n}", title=titles[n % 3]) for n in range(300)],
    )
    damaged = bytearray(path.read_bytes())
    dice = random.Random(seed)
    start = dice.randrange(100, len(damaged) - 4000)  # behind the file's header
    damaged[start : start + 3000] = dice.randbytes(3000)
    path.write_bytes(damaged)
    index = None
    with contextlib.suppress(IndexCorrupt):
        index = LexicalIndex.load(path)
        for text in ("mug", "red mug", '"blue mug"', "gre", "lamp -green"):
            index.search(text, 5)
            index.without(["green"])
    if index is not None:
        index.close()
