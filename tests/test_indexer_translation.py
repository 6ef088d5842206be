"""Words of other languages find what the shop calls otherwise, without the extra ``words``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from indexer.items import Item
from indexer.words.foreignnames import meaning_of
from indexer.words.lexical import LexicalIndex
from indexer.words.spellings import EMPTY_WORDS

TITLES = {
    "en": [
        "Red jacket", "Blue jacket with hood", "Blue pants", "Leather backpack", "Apple juice",
        "Oat milk", "Vitamin drink", "Garden gloves", "Bathrobe and robe", "Vest",
    ],
    "de": ["Rote Jacke für Damen", "Regenjacke und Hut", "Schwarze Hose", "Apfelsaft"],
    "zh": ["红色连衣裙", "黑色双肩包"],
}  # fmt: skip


@pytest.fixture(scope="module")
def shops() -> Iterator[dict[str, LexicalIndex]]:
    with contextlib.ExitStack() as stack:
        yield {
            language: stack.enter_context(
                contextlib.closing(
                    LexicalIndex.in_memory(
                        Item(item_id=f"no{place}", product_id=f"no{place}", title=title)
                        for place, title in enumerate(titles)
                    )
                )
            )
            for language, titles in TITLES.items()
        }


def first(shops: dict[str, LexicalIndex], language: str, text: str) -> str:
    found, _ = shops[language].search(text, 9)
    return TITLES[language][int(found[0][2:])] if found else ""


@pytest.mark.parametrize(
    ("language", "text", "title"),
    [
        ("en", "rote Jacke", "Red jacket"),
        ("en", "veste rouge", "Red jacket"),
        ("en", "veste", "Red jacket"),  # and not the vest, which has the same stem
        ("en", "chaqueta roja", "Red jacket"),
        ("en", "giacca rossa", "Red jacket"),
        ("en", "rød jakke", "Red jacket"),
        ("en", "红色外套", "Red jacket"),
        ("en", "赤いジャケット", "Red jacket"),
        ("en", "リュックサック", "Leather backpack"),
        ("en", "sac à dos", "Leather backpack"),
        ("en", "succo d'arancia", "Apple juice"),
        ("en", "Apfelsaft", "Apple juice"),
        ("en", "Hafermilch", "Oat milk"),
        ("en", "blaue Hose", "Blue pants"),
        ("de", "red jacket", "Rote Jacke für Damen"),
        ("de", "rain jackets", "Regenjacke und Hut"),
        ("de", "黑色裤子", "Schwarze Hose"),
        ("de", "noire", "Schwarze Hose"),
        ("zh", "red dress", "红色连衣裙"),
        ("zh", "backpack", "黑色双肩包"),
    ],
)
def test_a_word_of_another_language_finds_what_the_shop_calls_otherwise(
    shops, language, text, title
):
    assert first(shops, language, text) == title
    assert shops[language].read(text).corrected == ""


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("robe", "Bathrobe and robe"),  # French for a dress, but the shop has robes
        ("garden hose", "Garden gloves"),  # German for pants, but an English word
        ("vit", "Vitamin drink"),  # Swedish for white, but the word is not finished
    ],
)
def test_a_word_that_the_shop_has_or_english_speakers_type_is_not_translated(shops, text, title):
    assert first(shops, "en", text) == title


def test_an_english_word_is_translated_if_it_is_alone(shops):
    assert first(shops, "en", "hose") == "Blue pants"


def test_what_is_excluded_is_translated_too(shops):
    index = shops["en"]
    query = index.read("Rucksäcke ohne Kapuze")
    assert (query.excluded[0], query.plain) == ("hood", "backpack")


def test_a_symbol_alone_is_searched_for_by_its_name(shops):
    assert first(shops, "en", "🍎") == "Red jacket"  # "red apple": both have one of the words
    assert shops["en"].read("🍎 juice").plain == "juice"
    assert first(shops, "en", "👖🎒") == "Leather backpack"


def test_no_word_of_the_table_is_one_without_content():
    assert meaning_of(("rot",)).names[0] == ("red",)
    assert not any(meaning_of((word,)) for word in EMPTY_WORDS)
