"""What people type finds what they mean: beginnings, spellings, compounds, typos, synonyms."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import BadCatalog
from indexer.items import Item
from indexer.words import wordtables
from indexer.words.edits import WordMatrix, edits_allowed, other_doublings
from indexer.words.folding import fold
from indexer.words.lexical import LexicalIndex
from indexer.words.synonyms import Synonyms
from indexer.words.typed import take_apart

TITLES = [
    "Running shoes", "Earrings silver", "Dress long", "Dream catcher", "Bodysuit black",
    "Polyester shirt", "Straße Schuhe", "Pullover groß", "Łódź plate", "Øre klokke", "IŞIK lamba",
    "T-Shirt weiß", "Tshirt navy", "Cola 500ml", "Water 500 ml", "Red lamp", "Green mug",
    "Winterjacke Damen", "Wool scarf grey for men", "Scarf for women", "Wedding gown",
    "Leggings dark", "Knitted hat", "Swimming goggles", "Comfortable table", "Kleid blau",
    "Regenschirm", "Set of four plates", "Light box", "Tagesdecken",
]  # fmt: skip


def items_of(*titles: str) -> list[Item]:
    return [Item(item_id=f"no{at}", product_id=f"no{at}", title=t) for at, t in enumerate(titles)]


@pytest.fixture(scope="module")
def index():
    made = LexicalIndex.in_memory([*items_of(*TITLES), *items_of(*[])])
    yield made
    made.close()


def titles(index: LexicalIndex, text: str) -> list[str]:
    return [TITLES[int(item_id[2:])] for item_id in index.search(text, 50)[0]]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("runni", "Running shoes"),
        ("earr", "Earrings silver"),
        ("wedd", "Wedding gown"),
        ("legg", "Leggings dark"),
        ("knitt", "Knitted hat"),
        ("swimm", "Swimming goggles"),
        ("shoes runn", "Running shoes"),
    ],
)
def test_the_beginning_of_a_word_finds_it_from_the_third_letter_on(index, typed, first):
    assert titles(index, typed)[0] == first
    for length in range(3, len(typed.split()[-1]) + 1):
        unfinished = typed[: len(typed) - len(typed.split()[-1]) + length]
        assert first in titles(index, unfinished)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("strasse", ["Straße Schuhe"]),
        ("STRASSE", ["Straße Schuhe"]),
        ("gross", ["Pullover groß"]),
        ("groesse gross", ["Pullover groß"]),
        ("lodz", ["Łódź plate"]),
        ("ŁÓDŹ", ["Łódź plate"]),
        ("ore", ["Øre klokke"]),
        ("øre", ["Øre klokke"]),
        ("isik", ["IŞIK lamba"]),
        ("ışık", ["IŞIK lamba"]),
        ("işik", ["IŞIK lamba"]),
    ],
)
def test_letters_that_do_not_decompose_are_folded_too(index, typed, expected):
    assert titles(index, typed) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("tshirt", "t-shirt", {"T-Shirt weiß", "Tshirt navy"}),
        ("500ml", "500-ml", {"Cola 500ml", "Water 500 ml"}),
        ("bodysuit", "body-suit", {"Bodysuit black"}),
        ("dreamcatcher", "dream-catcher", {"Dream catcher"}),
        ("grey", "gray", {"Wool scarf grey for men"}),
    ],
)
def test_words_are_found_however_they_are_written(index, one, other, expected):
    assert titles(index, one) == titles(index, other)
    assert set(titles(index, one)) == expected


@pytest.mark.parametrize(("glued", "apart"), [("500ml", "500 ml"), ("bodysuit", "body suit")])
def test_words_typed_apart_find_the_glued_ones_first(index, glued, apart):
    found = titles(index, glued)
    assert titles(index, apart)[: len(found)] == found


def test_an_article_number_is_found_without_its_hyphens():
    items = [Item(item_id=name, product_id=name, title="Vase") for name in ("AB-12-34", "ab1234-X")]
    index = LexicalIndex.in_memory(items)
    assert set(index.search("ab1234", 5)[0]) == {"AB-12-34", "ab1234-X"}
    assert set(index.search("AB-12-34", 5)[0]) == {"AB-12-34", "ab1234-X"}
    assert index.search("ab1234x", 5)[0] == ["ab1234-X"]
    index.close()


def test_the_order_of_words_changes_nothing(index):
    for text in ("red mug", "scarf for men", "green red lamp"):
        turned = " ".join(reversed(text.split()))
        assert index.search(text, 50)[0] == index.search(turned, 50)[0]
        assert index.search(text, 50)[1].tolist() == pytest.approx(
            index.search(turned, 50)[1].tolist()
        )


def test_items_with_more_of_the_words_rank_first():
    items = [
        Item(item_id="title", product_id="1", title="red red red"),
        Item(item_id="text", product_id="2", title="Cup", description=f"A {'x ' * 300} mug in red"),
        *items_of(*["Green mug"] * 3),
    ]
    index = LexicalIndex.in_memory(items)
    assert index.search("red mug", 5)[0][0] == "text"
    assert index.search("mug red", 5)[0][0] == "text"
    ids, scores = index.search("red mug", 5)
    assert (np.diff(scores) <= 0).all()
    assert len(ids) == 5
    index.close()


def test_common_words_do_not_bury_the_rare_one():
    items = items_of("Scarf for women", *["Belt for men"] * 30, "Wool scarf grey for men")
    index = LexicalIndex.in_memory(items)
    assert index.search("scarf for men", 5)[0][:2] == ["no31", "no0"]
    assert index.search("for men scarf", 5)[0][:2] == ["no31", "no0"]
    index.close()


@pytest.mark.parametrize(
    ("typed", "found", "corrected"),
    [
        ("runing shoes", "Running shoes", "running shoes"),
        ("dreem catcher", "Dream catcher", "dream catcher"),
        ("polyster", "Polyester shirt", "polyester"),
        ("leggigns", "Leggings dark", "leggings"),
        ("swiming gogles", "Swimming goggles", "swimming goggles"),
        ("compfortabel table", "Comfortable table", "comfortable table"),
        ("redd lammp", "Red lamp", "red lamp"),
        ("redd lampp", "Red lamp", "red lamp"),
    ],
)
def test_a_mistyped_word_finds_the_word_that_was_meant(index, typed, found, corrected):
    assert titles(index, typed)[0] == found
    assert index.read(typed).corrected == corrected


@pytest.mark.parametrize("typed", ["drss", "mgu", "50ml", "xyzzy", "for"])
def test_short_words_numbers_and_strangers_are_not_corrected(index, typed):
    assert index.read(typed).corrected == ""


def test_a_word_that_an_item_has_is_not_corrected(index):
    assert titles(index, "lamp")[0] == "Red lamp"
    assert "IŞIK lamba" not in titles(index, "lamp light")[:1]
    assert index.read("lamp").corrected == ""


def test_edits_are_counted_with_swaps():
    matrix = WordMatrix(["running", "runner", "run", "earring", "Ørsted"])
    assert matrix.near("runnign", 1) == [("running", 1)]
    assert matrix.near("runing", 1) == [("running", 1)]
    assert dict(matrix.near("runnning", 2)) == {"running": 1}
    assert matrix.near("zzzzz", 2) == []
    assert WordMatrix([]).near("any", 2) == []
    assert [edits_allowed("x" * n) for n in (4, 5, 8, 9)] == [0, 1, 1, 2]


def test_a_letter_of_a_short_word_is_doubled_or_single_by_mistake():
    assert other_doublings("mugg")[0] == "mug"
    assert "green" in other_doublings("gren")
    assert other_doublings("bed") == other_doublings("beige") == []


@given(st.text(alphabet="abcd", max_size=6), st.text(alphabet="abcd", min_size=1, max_size=6))
def test_the_distance_is_that_of_a_plain_loop(one, other):
    def distance(a: str, b: str) -> int:
        table = {(i, -1): i + 1 for i in range(-1, len(a))} | {
            (-1, j): j + 1 for j in range(-1, len(b))
        }
        for i in range(len(a)):
            for j in range(len(b)):
                cost = a[i] != b[j]
                table[i, j] = min(
                    table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + cost
                )
                if i and j and a[i] == b[j - 1] and a[i - 1] == b[j]:
                    table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
        return table[len(a) - 1, len(b) - 1]

    found = WordMatrix([one]).near(other, 2)
    expected = distance(other, one)
    assert found == ([(one, expected)] if expected <= 2 else [])


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("jacke", "Winterjacke Damen"),
        ("jacken", "Winterjacke Damen"),
        ("schirm", "Regenschirm"),
        ("decke", "Tagesdecken"),
        ("kleider", "Kleid blau"),
        ("scarves", "Scarf for women"),
        ("woman", "Scarf for women"),
        ("man", "Wool scarf grey for men"),
    ],
)
def test_compounds_and_plurals_are_found_by_their_word(index, typed, expected):
    assert expected in titles(index, typed)


def test_a_word_itself_ranks_above_compounds_and_no_part_of_a_word_is_a_compound():
    index = LexicalIndex.in_memory(
        items_of("Winterjacke", "Jacke", "Winter", "Comfortable chair", "Table", "Unstable desk")
    )
    assert index.search("jacke", 5)[0] == ["no1", "no0"]
    assert index.search("table", 5)[0] == ["no4"]
    index.close()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ('"for women"', ["Scarf for women"]),
        ("“for women”", ["Scarf for women"]),
        ('scarf "for women"', ["Scarf for women"]),
        ('"women for"', []),
        ('"scarf" "women"', ["Scarf for women"]),
    ],
)
def test_a_phrase_in_quotes_must_be_there(index, typed, expected):
    assert titles(index, typed) == expected


def excluded_ids(index: LexicalIndex, text: str) -> list[str]:
    ids = index.ids_after(0)
    return [ids[number - 1] for number in index.without(index.read(text).excluded)]


def test_a_minus_before_a_word_excludes_it(index):
    assert excluded_ids(index, "scarf -men") == [f"no{TITLES.index('Wool scarf grey for men')}"]
    assert index.read('lamp -"dark red" t-shirt').excluded == ["dark red", "darkred"]
    assert index.read("t-shirt - red").excluded == []
    assert excluded_ids(index, "scarf") == []


def test_a_minus_is_of_what_an_item_is_before_what_is_said_of_it():
    pepper = Item(item_id="r", product_id="r", title="Red pepper", description="Sweeter than green")
    green = Item(item_id="g", product_id="g", title="Green pepper", description="With a stem")
    with contextlib.closing(LexicalIndex.in_memory([pepper, green])) as index:
        assert excluded_ids(index, "pepper -green") == ["g"]
        assert excluded_ids(index, "pepper -stem") == ["g"]
        assert excluded_ids(index, "pepper -sweeter") == ["r"]


def test_words_of_other_countries_find_the_same_and_count_half():
    names = ["Yoga pants", "Wool trousers", "Jump rope", "Rope", "Zucchini"]
    with contextlib.closing(LexicalIndex.in_memory(items_of(*names))) as index:
        found = [names[int(item_id[2:])] for item_id in index.search("trousers", 9)[0]]
        assert found == ["Wool trousers", "Yoga pants"]
        assert index.search("skipping rope", 9)[0][0] == "no2"
        assert index.search("courgettes", 9)[0] == ["no4"]
        assert index.read("courgettes").corrected == ""


def test_a_number_and_its_unit_are_found_apart_however_short():
    with contextlib.closing(LexicalIndex.in_memory(items_of("Bag 29 L", "Bag 28 L"))) as index:
        assert index.search("29l", 9)[0] == ["no0"]


def test_nothing_but_excluded_words_is_no_search_for_them(index):
    assert index.read("-women").excluded[0] == "women"
    assert titles(index, "-women") == []


def test_a_size_in_inches_is_no_phrase():
    typed = take_apart('pipe 12" x 6" long')
    assert typed.required == []
    assert [unit.text for unit in typed.units] == ["pipe", "12", "x", "6", "long"]


@given(st.text(max_size=60))
def test_any_text_can_be_taken_apart(text):
    typed = take_apart(text)
    assert len(typed.units) <= 32
    assert fold(fold(text)) == fold(text) or not text.isascii()


def test_synonyms_find_each_other_or_one_way(index):
    index.synonyms = Synonyms.parse("beaker, mug\n# no line\nboots => shoes, running shoes\n")
    try:
        assert titles(index, "beaker") == ["Green mug"]
        assert set(titles(index, "boots")) == {"Running shoes"}
        assert titles(index, "beaker green")[0] == "Green mug"
    finally:
        index.synonyms = Synonyms([])
    assert titles(index, "beaker") == []


def test_a_synonym_of_several_words_is_found_as_a_phrase(index):
    index.synonyms = Synonyms.parse("night gown, wedding gown")
    try:
        assert titles(index, "night gown")[0] == "Wedding gown"
    finally:
        index.synonyms = Synonyms([])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("sofa", "line 1"),
        ("sofa, couch\n=> x", "line 2"),
        ("a => ", "line 1"),
        ("one two three four five six, x", "more than 5 words"),
        (",".join(f"w{n}" for n in range(60)), "at most 50"),
        ("x" * 1_000_001, "larger than"),
    ],
)
def test_synonyms_that_cannot_be_read_are_refused_by_line(text, where):
    with pytest.raises(BadCatalog, match=where):
        Synonyms.parse(text, "shop.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a, b\n" * 50_001, "50,001 lines, at most 50,000"),
        ("".join(f"a => w{n}\n" for n in range(201)), "'a' has 201 synonyms, at most 200"),
    ],
)
def test_more_synonyms_than_a_search_can_afford_are_read_but_not_taken(text, message):
    synonyms = Synonyms.parse(text)
    with pytest.raises(BadCatalog, match=message):
        synonyms.check_size("shop.txt")


def test_an_index_of_an_earlier_version_answers_as_that_version_did(tmp_path: Path):
    path = tmp_path / "words.sqlite"
    connection = sqlite3.connect(path)
    wordtables.make_tables(connection)
    for number, item in enumerate(items_of(*TITLES), start=1):
        connection.execute("INSERT INTO items VALUES (?, ?)", (number, item.item_id))
        wordtables.add_texts(connection, number, item)
    connection.commit()
    connection.close()
    index = LexicalIndex.load(path)
    assert index.is_plain
    assert titles(index, "runni") == []
    assert titles(index, "run") == ["Running shoes"]
    assert index.read("runing").corrected == ""
    index.change({"new": Item(item_id="new", product_id="new", title="Straße 5")}, 1)
    assert index.search("Straße", 5, sequence=1)[0] == ["new", "no6"]
    assert index.is_plain
    index.close()


def test_words_of_a_change_are_found_in_all_these_ways(tmp_path: Path):
    LexicalIndex.write(tmp_path / "words.sqlite", items_of(*TITLES))
    index = LexicalIndex.load(tmp_path / "words.sqlite")
    assert index.search("gondel", 5)[0] == []
    index.change({"g": Item(item_id="g", product_id="g", title="Seilbahngondel Żółw")}, 1)
    for typed in ("seilb", "gondel", "seilbahngondle", "zolw"):
        assert index.search(typed, 5, sequence=1)[0] == ["g"]
        assert index.search(typed, 5, sequence=0)[0] == []
    index.change({"g": None}, 2)
    assert index.search("seilb", 5, sequence=2)[0] == []
    assert index.read("seilbahngondle", sequence=2).corrected == ""
    index.close()


def test_a_letter_before_a_word_is_typed_with_it_or_apart(index):
    assert titles(index, "t shirt") == titles(index, "t-shirt")
    assert titles(index, "s shirt")  # no item has both as neighbors


def test_a_rare_compound_says_no_more_than_the_word_in_it():
    fruits = [f"{name} fruit" for name in ("Kiwi", "Peach", "Plum", "Fig", "Date")]
    others = ["Grapefruit juice", "Grape jam", *(f"Jar {number}" for number in range(9))]
    with contextlib.closing(LexicalIndex.in_memory(items_of(*fruits, *others))) as made:
        assert list(made.search("fruit", 50)[0]) == ["no0", "no1", "no2", "no3", "no4", "no5"]
