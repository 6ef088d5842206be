"""Words in a query: prices, values of fields beside a photo, excluded words, corrections."""

from __future__ import annotations

import shutil

import pytest
from msgspec.structs import replace

from indexer.items import Item
from indexer.writing.writes import Draft
from search.engine import SearchEngine
from search.query import ImagePart, ItemPart, Query, TextPart
from search.words.price_words import described, take_price
from tests.commandline import vitrine

__all__ = ["vitrine"]  # a fixture


def ids(engine: SearchEngine, *parts, **fields) -> list[str]:
    return [hit.item_id for hit in engine.search(Query(parts=list(parts), **fields)).hits]


# Prices


@pytest.mark.parametrize(
    ("typed", "rest", "price"),
    [
        ("red mugs under 20", "red mugs", "price < 20"),
        ("red mugs under $20", "red mugs", "price < 20"),
        ("mug up to 12.50 EUR blue", "mug blue", "price <= 12.5"),
        ("tasse unter 15 €", "tasse", "price < 15"),
        ("robe moins de 40€", "robe", "price <= 40"),
        ("lamp over 100", "lamp", "price > 100"),
        ("flat under 12345678.90", "flat", "price < 12345678.9"),
        ("vase between 10 and 20", "vase", "price >= 10 and price <= 20"),
        ("vase from 20 to 10", "vase", "price >= 10 and price <= 20"),
        ("lamp < 1,50", "lamp", "price < 1.5"),
        ("laptop under 1,299", "laptop", "price < 1299"),
        ("laptop unter 1.299,50 €", "laptop", "price < 1299.5"),
        ("杯子 20 以下", "杯子", "price <= 20"),
        ("20元以下的红色杯子", "红色杯子", "price <= 20"),
        ("不到100块 灯", "灯", "price < 100"),
        ("服 1万円未満", "服", "price < 10000"),
        ("バッグ 3,000円以上", "バッグ", "price >= 3000"),
        ("머그컵 20000원 이하", "머그컵", "price <= 20000"),
        ("杯子 10到20元", "杯子", "price >= 10 and price <= 20"),
        ("кружка дешевле 500 руб", "кружка", "price < 500"),
        ("чашка от 100 до 500", "чашка", "price >= 100 and price <= 500"),
        ("kubek poniżej 20 zł", "kubek", "price < 20"),
        ("kupa 200 TL altında", "kupa", "price <= 200"),
        ("игрушки до 3 лет", "игрушки до 3 лет", None),
        ("20英寸以下 箱", "20英寸以下 箱", None),
        ("shelf under 20 cm", "shelf under 20 cm", None),
        ("lamp under 20w", "lamp under 20w", None),
        ("over 50 pieces", "over 50 pieces", None),
        ("under armour shirt", "under armour shirt", None),
        ("size 20", "size 20", None),
        ("", "", None),
    ],
)
def test_a_price_among_words_is_a_limit(typed, rest, price):
    found = take_price(typed)
    assert found.text == rest
    assert (found.price and described(found.price)) == price


def test_a_price_restricts_the_hits_and_the_reply_says_so(engine):
    reply = engine.search(Query(parts=[TextPart("mug under 30")], limit=12, facets=["color"]))
    assert {hit.item_id for hit in reply.hits} == {"red-mug", "green-mug"}
    assert (reply.total, reply.understood) == (2, ["price < 30"])
    assert {one.value for one in reply.facets["color"]} == {"red", "green"}


def test_a_price_alone_is_a_limit_beside_a_photo_and_without_one(engine, photo):
    reply = engine.search(Query(parts=[ImagePart(photo("red")), TextPart("under 20")], limit=12))
    assert {hit.item_id for hit in reply.hits} == {"red-shoe", "red-mug"}
    assert set(ids(engine, TextPart("under 20"))) == {"red-shoe", "red-mug"}


def test_an_amount_of_money_is_the_most_to_spend(engine):
    assert set(ids(engine, TextPart("mug for $30"))) == {"red-mug", "green-mug"}
    assert take_price("$30-50 tee").price is None
    assert take_price("dumbbell 20 pounds").price is None


def test_what_is_cheap_comes_first_if_the_words_ask_for_it(engine):
    reply = engine.search(Query(parts=[TextPart("cheapest mug")], limit=12))
    prices = [hit.price for hit in reply.hits if hit.price is not None]
    assert prices == sorted(prices)
    assert all("mug" in hit.item_id for hit in reply.hits)
    assert reply.understood == ["sort = price"]
    dear = engine.search(Query(parts=[TextPart("most expensive mug")], limit=12))
    assert [hit.price for hit in dear.hits if hit.price is not None] == prices[::-1]


def test_the_pages_of_a_cheap_search_have_every_item_once(engine):
    parts, cursor, found = [TextPart("cheap")], None, []
    while True:
        reply = engine.search(Query(parts=parts, limit=5, cursor=cursor))
        found += [hit.item_id for hit in reply.hits]
        if (cursor := reply.next_cursor) is None:
            break
    assert len(found) == len(set(found)) == 12


def test_nothing_but_excluded_words_finds_everything_else(engine, photo):
    assert not any("mug" in item_id for item_id in ids(engine, TextPart("-mug"), limit=12))
    assert len(ids(engine, TextPart("not mug"), limit=12)) == 6
    beside = ids(engine, ImagePart(photo("red")), TextPart("-red"), limit=12)
    assert "red-mug" not in beside
    assert len(beside) == 10


# Words beside a picture


def test_a_value_beside_an_item_finds_what_is_alike_with_that_value(engine):
    parts = [ItemPart("red-mug"), TextPart("green")]
    reply = engine.search(Query(parts=parts, limit=12))
    assert reply.hits[0].item_id == "green-mug"
    assert (reply.mode, reply.understood) == ("fused", ["color = green"])
    assert len(reply.hits) == 11  # a soft filter: nothing is left out


def test_what_is_of_a_wider_kind_and_has_the_value_comes_before_the_same_kind_without_it(shop):
    categories = {"red-mug": ["Home/Mugs", "Home/Tableware"], "green-mug": ["Home/Tableware"]}
    categories["blue-mug"] = categories["red-mug"]
    with SearchEngine.open(shop) as engine:
        engine.put(
            [
                Draft(item_id, lambda old, given=given: replace(old, categories=given))
                for item_id, given in categories.items()
            ]
        )
        engine.refresh()
        found = ids(engine, ItemPart("red-mug"), TextPart("green"), limit=12)
    assert found[0] == "green-mug"
    assert found.index("green-mug") < found.index("blue-mug")
    assert found.index("green-mug") < found.index("green-shoe")


def test_a_category_that_words_name_comes_before_what_only_mentions_it(shop):
    with SearchEngine.open(shop) as engine:
        engine.put(
            [
                Draft(
                    "red-shoe", lambda old: replace(old, title="Mugs mug mug", description="mug")
                ),
                Draft("red-mug", lambda old: replace(old, title="Cup")),
            ]
        )
        engine.refresh()
        found = ids(engine, TextPart("mug"), limit=12)
    assert found[-1] == "red-shoe"
    assert found.index("red-mug") < found.index("red-shoe")


def test_a_chinese_value_beside_a_picture_is_read_too(shop):
    with SearchEngine.open(shop) as engine:
        for item_id, color in (
            ("red-mug", "红色"),
            ("green-mug", "深绿色"),
            ("green-shoe", "深绿色"),
        ):
            engine.put(
                [Draft(item_id, lambda old, color=color: replace(old, attributes={"color": color}))]
            )
        engine.refresh()
        query = Query(parts=[ItemPart("red-mug"), TextPart("深绿色")], limit=12)
        reply = engine.search(query)
    assert reply.hits[0].item_id == "green-mug"
    assert reply.understood == ["color = 深绿色"]


def test_two_values_count_both_and_their_order_does_not(engine, photo):
    for words in ("green mug", "mug green", "mugs in green"):
        assert ids(engine, ImagePart(photo("red")), TextPart(words), limit=12)[0] == "green-mug"


def test_a_category_beside_a_photo_is_a_value(engine, photo):
    found = ids(engine, ImagePart(photo("red")), TextPart("shoes"), limit=12)
    assert found[0] == "red-shoe"
    assert found.index("red-mug") > found.index("red-shoe")


def test_other_words_beside_values_still_rank(engine, photo):
    parts = [ImagePart(photo("red")), TextPart("green everyday")]
    reply = engine.search(Query(parts=parts, limit=12))
    assert reply.hits[0].item_id in ("green-mug", "green-shoe")


def test_the_pages_of_an_answer_with_values_have_every_item_once(engine, photo):
    parts = [ImagePart(photo("red")), TextPart("green")]
    whole = ids(engine, *parts, limit=12)
    cursor, found = None, []
    while True:
        reply = engine.search(Query(parts=parts, limit=5, cursor=cursor))
        found += [hit.item_id for hit in reply.hits]
        if (cursor := reply.next_cursor) is None:
            break
    assert found == whole
    assert len(set(found)) == 12


def test_an_unwanted_value_ranks_last(engine, photo):
    parts = [ImagePart(photo("red")), TextPart("red", weight=-1.0)]
    assert set(ids(engine, *parts, limit=12)[-2:]) == {"red-shoe", "red-mug"}


def test_words_after_a_minus_are_left_out_beside_a_photo_too(engine, photo):
    found = ids(engine, ImagePart(photo("red")), TextPart("-mug red"), limit=12)
    assert "red-mug" not in found
    assert found[0] == "red-shoe"
    assert ids(engine, TextPart("red -mug")) == ["red-shoe"]


def test_variants_of_an_item_are_found_when_words_are_added(tiny_shop, tmp_path):
    shutil.copytree(tiny_shop, tmp_path / "shop")
    with SearchEngine.open(tmp_path / "shop") as engine:
        names = ("red-mug", "green-mug", "blue-mug")
        engine.put([Draft(name, lambda old: replace(old, product_id="mug")) for name in names])
        engine.refresh()
        assert set(names) & set(ids(engine, ItemPart("red-mug"), limit=12)) == set()
        found = ids(engine, ItemPart("red-mug"), TextPart("green"), limit=12)
        assert found[0] == "green-mug"
        assert "red-mug" not in found
        unlike = [ItemPart("red-mug"), TextPart("everyday", weight=-1.0)]
        assert set(names) & set(ids(engine, *unlike, limit=12)) == set()


def test_two_photos_in_one_question_are_weighed(engine, photo):
    red, green = photo("red"), photo("green")
    more_red = ids(engine, ImagePart(red, 2.0), ImagePart(green, 1.0), limit=4)
    more_green = ids(engine, ImagePart(red, 1.0), ImagePart(green, 2.0), limit=4)
    assert set(more_red[:2]) == {"red-shoe", "red-mug"}
    assert set(more_green[:2]) == {"green-shoe", "green-mug"}


# Corrections and synonyms


def test_a_corrected_word_is_searched_for_and_reported(engine):
    reply = engine.search(Query(parts=[TextPart("yelow mug")]))
    assert reply.hits[0].item_id == "yellow-mug"
    assert reply.did_you_mean == "yellow mug"
    assert engine.search(Query(parts=[TextPart("yellow mug")])).did_you_mean is None


def test_filters_fold_letters_as_words_do_but_not_ids(tmp_path):
    from search.filters.jsonform import Match
    from search.live.layers import LayeredColumns

    items = [
        Item(item_id=name, product_id=name, attributes={"city": city})
        for name, city in (("ø1", "Łódź"), ("o1", "STRASSE"), ("a", "Ålesund"))
    ]
    columns = LayeredColumns.of(items)
    for value, expected in (
        ("lodz", [True, False, False]),
        ("Straße", [False, True, False]),
        ("alesund", [False, False, True]),
    ):
        assert columns.mask(Match("city", (value,))).tolist() == expected
    assert columns.mask(Match("item_id", ("O1",))).tolist() == [False, True, False]


def test_synonyms_are_set_listed_and_removed_while_a_shop_is_open(vitrine, shop, tmp_path):
    file = tmp_path / "synonyms.txt"
    file.write_text("beaker, mug\ntrainers => shoe\n", encoding="utf-8")
    with SearchEngine.open(shop) as engine:
        assert engine.by_text("beaker") == []
        assert vitrine("synonyms", file, "--shop", shop, "--json").json["synonyms"][1] == {
            "typed": ["trainers"],
            "found": ["shoe"],
        }
        engine.refresh()
        assert len(engine.by_text("beaker")) == 6
        assert len(engine.by_text("red trainers")) >= 6
        listed = vitrine("synonyms", "--shop", shop)
        assert listed.out.splitlines() == ["beaker, mug", "trainers => shoe"]
        assert vitrine("synonyms", "--remove", "--shop", shop).code == 0
        engine.refresh()
        assert engine.by_text("beaker") == []


@pytest.mark.parametrize("content", [b"alone\n", b"\xff\xfe\x00a", None])
def test_a_file_without_synonyms_is_refused_and_changes_nothing(vitrine, shop, tmp_path, content):
    good = tmp_path / "good.txt"
    good.write_text("beaker, mug\n", encoding="utf-8")
    vitrine("synonyms", good, "--shop", shop)
    bad = tmp_path / "bad.txt"
    if content is not None:
        bad.write_bytes(content)
    done = vitrine("synonyms", bad, "--shop", shop)
    assert done.code != 0
    assert "bad.txt" in done.err
    assert vitrine("synonyms", "--shop", shop).out.splitlines() == ["beaker, mug"]
    assert vitrine("synonyms", good, "--remove", "--shop", shop).code != 0
