"""Compounds in the search by words, and words such as "not"."""

from __future__ import annotations

import pytest

from indexer.items import Item
from indexer.words.lexical import LexicalIndex

GERMAN = (
    "Winterjacke Damen", "Regenjacke Kinder", "Jacke Übergang", "Hose zum Laufen",
    "Herrenhose Chino", "Laufschuh Herren", "Turnschuhe mit Klett", "Küchenmesser",
    "Geschirrtücher", "Handtuch", "Mützen", "Gläser und Krüge",
)  # fmt: skip
DUTCH = (
    "Winterjas dames", "Regenjassen kinderen", "Hardloopschoenen heren", "Schoen leer",
    "Joggingbroek", "Broek met riem", "Fietstas", "Tassen",
)  # fmt: skip
SWEDISH = (
    "Jacka för barn", "Barnjacka blå", "Vinterjacka dam", "Väska i läder", "Kopp utan handtag",
    "Byxor med fickor för herr",
)  # fmt: skip
DANISH = ("Jakke til børn", "Børnejakke", "Vinterjakke dame", "Taske med lomme", "Sko til børn")
FINNISH = ("Lastentakki sininen", "Talvitakki naisten", "Nahkalaukku musta", "Takki")
CHINESE = (
    "红色连帽衫", "黑色夹克 带帽子", "白色夹克", "红色夹克", "马克杯 陶瓷 红色", "玻璃杯 300毫升",
)  # fmt: skip
ENGLISH = ("Table lamp", "Comfortable chair", "Sweatshirt red", "Sweatshirt blue",
           "Shirt without sleeves", "Lactose free milk", "Oat milk", "Running shoes",
           "Walking shoes")  # fmt: skip


def index_of(titles):
    return LexicalIndex.in_memory(
        [Item(item_id=title, product_id=title, title=title) for title in titles]
    )


@pytest.fixture(scope="module")
def shops():
    titles = {
        "de": GERMAN, "nl": DUTCH, "en": ENGLISH, "sv": SWEDISH, "da": DANISH, "fi": FINNISH,
        "zh": CHINESE,
    }  # fmt: skip
    return {language: index_of(listed) for language, listed in titles.items()}


def found(index, text):
    excluded = set(index.without(index.read(text).excluded).tolist())
    numbers = {item_id: number for number, item_id in enumerate(index.ids_after(0), start=1)}
    return [item_id for item_id in index.search(text, 10)[0] if numbers[item_id] not in excluded]


@pytest.mark.parametrize(
    ("shop", "text", "titles"),
    [
        ("de", "jacke", ["Jacke Übergang", "Regenjacke Kinder", "Winterjacke Damen"]),
        ("de", "schuhe", ["Laufschuh Herren", "Turnschuhe mit Klett"]),
        ("de", "tuecher", ["Geschirrtücher", "Handtuch"]),
        ("de", "muetze", ["Mützen"]),
        ("nl", "jas", ["Regenjassen kinderen", "Winterjas dames"]),
        ("sv", "jackor", ["Barnjacka blå", "Jacka för barn", "Vinterjacka dam"]),
        ("sv", "väskor", ["Väska i läder"]),
        ("da", "jakker", ["Børnejakke", "Jakke til børn", "Vinterjakke dame"]),
        ("fi", "takki", ["Lastentakki sininen", "Takki", "Talvitakki naisten"]),
        ("nl", "winterjassen", ["Winterjas dames"]),
        ("nl", "sporttas", ["Fietstas", "Tassen"]),
        ("nl", "schoen", ["Hardloopschoenen heren", "Schoen leer"]),
        ("en", "table", ["Table lamp"]),  # and not what only ends like it
        ("en", "sweatshirts", ["Sweatshirt blue", "Sweatshirt red"]),
    ],
)
def test_a_word_finds_compounds_that_end_in_it(shops, shop, text, titles):
    assert sorted(found(shops[shop], text)) == titles


@pytest.mark.parametrize(
    ("shop", "text", "first"),
    [
        ("de", "laufhose", "Hose zum Laufen"),
        ("de", "damenwinterjacke", "Winterjacke Damen"),
        ("de", "kinderregenjacke", "Regenjacke Kinder"),
        ("de", "herrenlaufschuhe", "Laufschuh Herren"),
        ("de", "übergangsjacke", "Jacke Übergang"),
        ("de", "weingläser", "Gläser und Krüge"),  # the shop has no word for wine
        ("nl", "damesjas", "Winterjas dames"),
        ("en", "redsweatshirt", "Sweatshirt red"),
    ],
)
def test_a_compound_that_no_item_has_finds_items_with_its_parts(shops, shop, text, first):
    assert found(shops[shop], text)[0] == first


def test_the_head_of_a_compound_counts_more_than_what_it_is_said_of():
    toys = [f"Spielzeug Kinder {number}" for number in range(3)]
    jackets = [f"Jacke Modell {number} warm und weich" for number in range(20)]
    index = index_of([*toys, *jackets, "Warme Jacke für Kinder"])
    best = found(index, "kinderjacke")
    assert best[0] == "Warme Jacke für Kinder"
    assert all("Jacke" in title for title in best)


@pytest.mark.parametrize(
    ("titles", "text", "first"),
    [
        (("Puzzle Kinder", "Winterjacke Damen", "Jacke Kinder"), "kinderjacke", "Jacke Kinder"),
        (("Hose Herren", "Winterjacke Herren", "Jacke Damen"), "herrenjacke", "Winterjacke Herren"),
        (("Puzzel kinderen", "Winterjas dames", "Jas kinderen"), "kinderjas", "Jas kinderen"),
    ],
)
def test_a_compound_is_taken_apart_at_a_word_and_not_at_the_end_of_one(titles, text, first):
    assert found(index_of(titles), text)[0] == first


def test_a_mistyped_compound_is_corrected_and_not_taken_apart(shops):
    assert found(shops["de"], "winterjakce") == ["Winterjacke Damen"]
    assert shops["de"].read("winterjakce").corrected == "winterjacke"


@pytest.mark.parametrize(
    ("shop", "text", "titles"),
    [
        ("sv", "barnjacka", ["Barnjacka blå", "Jacka för barn"]),
        ("da", "børnejakke", ["Børnejakke", "Jakke til børn"]),
        ("sv", "jacka för barn", ["Jacka för barn", "Barnjacka blå"]),
        ("sv", "läderväska", ["Väska i läder"]),
        ("nl", "kinderregenjas", ["Regenjassen kinderen"]),
    ],
)
def test_a_compound_finds_its_parts_and_its_parts_find_it(shops, shop, text, titles):
    assert found(shops[shop], text)[: len(titles)] == titles


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("不要红色的夹克", ["白色夹克", "黑色夹克 带帽子"]),
        ("夹克没有帽子", ["红色夹克", "白色夹克"]),
        ("杯子", ["玻璃杯 300毫升", "马克杯 陶瓷 红色"]),
    ],
)
def test_chinese_excludes_after_without_and_reads_nouns_without_their_ending(shops, text, titles):
    assert sorted(found(shops["zh"], text)) == sorted(titles)


def test_a_chinese_color_and_a_noun_that_stand_apart_are_found_first(shops):
    assert found(shops["zh"], "红色杯")[0] == "马克杯 陶瓷 红色"


def test_an_unknown_word_in_an_english_shop_finds_nothing_by_its_end(shops):
    assert found(shops["en"], "smartlamp") == []


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("shoes not running", ["Walking shoes"]),
        ("sweatshirt without red", ["Sweatshirt blue"]),
        ("milk without oat", ["Lactose free milk"]),
        ("shirt without sleeves", ["Shirt without sleeves"]),  # what the shop sells so
        ("milk without lactose", ["Lactose free milk", "Oat milk"]),
        ("not running", []),  # nothing else is asked for
    ],
)
def test_words_after_not_and_without_are_excluded(shops, text, titles):
    assert sorted(found(shops["en"], text)) == titles
