"""Postings of words: the scores that SQLite's own ranking gives, in arrays."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from indexer.errors import IndexCorrupt
from indexer.items import Item
from indexer.words import postings
from indexer.words.lexical import LexicalIndex
from indexer.words.postings import COLUMN_WEIGHTS, Postings
from indexer.words.stems import Stemmer
from indexer.words.wordquery import WordGroup, WordQuery

WORDS = ["red", "blue", "mug", "mugs", "running", "lamp", "table", "t-shirt", "红色", "straße"]


def item(number: int, seed: int) -> Item:
    dice = random.Random(seed)
    title, description = (" ".join(dice.choices(WORDS, k=k)) for k in (4, dice.choice([3, 150])))
    return Item(
        item_id=f"i{number}",
        product_id=f"i{number}",
        title=title,
        description=description,
        categories=dice.choices(WORDS, k=2),
        attributes={"made of": dice.choice(WORDS)},
    )


@pytest.fixture
def index():
    found = LexicalIndex.in_memory([item(number, number) for number in range(60)])
    yield found
    found.close()


def scores_of(index: LexicalIndex, *words: str) -> dict[int, float]:
    query = WordQuery([WordGroup((word,), (), True) for word in words], [], [], "")
    found = index._texts.match_groups(query, index.sequence)
    return dict(zip(found.numbers.tolist(), found.scores.tolist(), strict=True))


def scores_of_sqlite(index: LexicalIndex, word: str) -> dict[int, float]:
    rows = index._connection.execute(
        "SELECT words.rowid, -bm25(words, ?, ?, ?, ?) FROM words "
        "JOIN items ON number = words.rowid WHERE words MATCH ? AND died > ?",
        (*COLUMN_WEIGHTS, f'"{word}"', index.sequence),
    )
    return dict(rows.fetchall())


@pytest.mark.parametrize("word", ["red", "running", "runs", "strasse", "absent"])
def test_scores_are_those_of_sqlite_to_the_last_bit(index, word):
    assert scores_of(index, word) == scores_of_sqlite(index, word)
    assert bool(scores_of(index, word)) == (word != "absent")


def test_scores_stay_those_of_sqlite_while_items_change(index):
    for change in range(1, 6):
        scores_of(index, "red")  # what is read now is kept, and extended after the change
        changed = {f"i{number}": item(number, 100 * change) for number in range(change * 9)}
        index.change({**changed, "i59": None}, change)
        assert scores_of(index, "red") == scores_of_sqlite(index, "red") != {}


def test_an_earlier_moment_finds_the_texts_of_that_moment(index):
    before = index.search("lamp", 100)[0]
    index.change({"i0": Item(item_id="i0", product_id="i0", title="mug"), before[0]: None}, 1)
    assert set(index.search("lamp", 100, sequence=0)[0]) == set(before)
    assert set(index.search("lamp", 100, sequence=1)[0]) == set(before) - {"i0", before[0]}


def test_a_text_of_any_length_is_measured(tmp_path):
    texts = [0, 1, 127, 128, 16_383, 16_384, 100_000]
    items = [
        Item(item_id=f"i{n}", product_id="p", description="word " * count)
        for n, count in enumerate(texts)
    ]
    LexicalIndex.write(tmp_path / "words", items)
    with closing(sqlite3.connect(tmp_path / "words")) as connection:
        lengths = Postings(connection).lengths()
    # The id is a word of the title.
    assert lengths.tolist() == [0, *(count + 1 for count in texts)]


def test_what_is_kept_is_bounded_and_read_again(index, monkeypatch):
    monkeypatch.setattr(postings, "_MAX_KEPT", 1500)
    kept = Postings(index._connection)
    first = kept.of("red")
    for stem in ("blue", "mug", "lamp"):
        assert len(kept.of(stem).numbers) > 0
    assert list(kept._kept) == ["lamp"]
    assert kept._kept_bytes == kept.of("lamp").nbytes
    assert np.array_equal(kept.of("red").numbers, first.numbers)


@pytest.mark.parametrize(
    ("word", "stem"), [("running", "run"), ("red", "red"), ("t shirt", None), ("", None)]
)
def test_a_stem_is_that_of_the_index_and_of_one_word_only(word, stem):
    stemmer = Stemmer()
    assert [stemmer.stem_of(word), stemmer.stem_of(word)] == [stem, stem]


def test_the_scores_of_words_add_up_whether_few_or_most_texts_match(index):
    for words in (["red", "lamp"], ["absent", "lamp"]):
        total = dict.fromkeys(range(61), 0.0)
        for word in words:
            for number, score in scores_of(index, word).items():
                total[number] += score
        assert scores_of(index, *words) == {n: score for n, score in total.items() if score}


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM words_docsize WHERE id = 7",
        "UPDATE words_docsize SET sz = x'8181' WHERE id = 7",
        "UPDATE words_docsize SET sz = x'' WHERE id = 7",
        "DELETE FROM words_docsize WHERE id > 7",
    ],
)
def test_tables_that_contradict_each_other_are_a_corrupt_index(index, damage):
    index._connection.execute(damage)
    with pytest.raises(IndexCorrupt, match="the words in memory cannot be read: the index has"):
        index.search("red mug", 5)
