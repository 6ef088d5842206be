"""Attributes that titles and descriptions suggest, and how a shop stores them."""

from __future__ import annotations

import json

import pytest

from indexer.enrichment.attributes import suggest
from indexer.enrichment.gazetteer import folded_words, gazetteer_of
from indexer.enrichment.suggesting import items_of, suggest_all
from indexer.enrichment.suggestionlog import SuggestionLog
from indexer.items import Item
from tests.commandline import run

BUNDLED = gazetteer_of()


def item(title="", description="", **fields):
    return Item(item_id="a", product_id="a", title=title, description=description, **fields)


def values(title="", description="", gazetteer=BUNDLED):
    found = suggest(item(title, description), gazetteer)
    return {(one.attribute, one.value) for one in found if one.attribute != "taxonomy"}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Burgundy dress", {("color", "Red")}),
        ("Linen shirt, navy", {("material", "Linen"), ("color", "Blue")}),
        ("Women's striped tee", {("gender", "Women"), ("pattern", "Striped")}),
        ("Faux leather bag", {("material", "Faux leather")}),
        ("Wool-free socks", set()),
        ("Not leather", set()),
        ("Red and blue socks", set()),
        ("Men's and women's socks", set()),
        ("女款条纹衬衫 黑色", {("gender", "Women"), ("pattern", "Striped"), ("color", "Black")}),
        ("纯棉T恤", {("material", "Cotton")}),
        ("Headphones WH-1000XM4", {("model", "WH-1000XM4")}),
        ("Socks (XL)", {("size", "XL")}),
        ("Mug 350 ml", {("size", "350 ml")}),
        ("Redwood shelf", set()),
        ("Stand for TVs up to 65 inch", set()),
        ("Perfume, Black Orchid", set()),
        ("Palette, 12 nude shades", set()),
        ("Pot, terracotta color", set()),
        ("", set()),
    ],
)  # fmt: skip
def test_a_title_suggests_what_it_names_and_nothing_else(title, expected):
    assert values(title) == expected


def test_a_suggestion_points_at_the_words_that_it_was_read_from():
    title = "Café-Stuhl® aus Wool, dunkelrot"
    [found] = suggest(item(title), BUNDLED)
    assert (found.source.field, found.source.text) == ("title", "Wool")
    assert title[found.source.start : found.source.end] == "Wool"


def test_folding_keeps_the_places_of_letters():
    for text in ("Größe ﬁne ½ İstanbul", "ＡＢＣ棉", "a\u0301b", "ß" * 50):
        assert len(folded_words(text)) == len(text)


def test_the_color_of_a_part_or_of_a_choice_is_not_that_of_the_product():
    assert values("Shirt", "A shirt with gray accents.") == set()
    assert values("Shirt", "Choose from red or green.") == set()
    assert values("Shirt", "A gray shirt.") == {("color", "Gray")}


def test_a_title_outranks_its_description():
    assert values("Shirt (Black)", "A gray shirt.") == {("color", "Black")}


@pytest.mark.parametrize(
    ("title", "description", "expected"),
    [
        # A whole composition outweighs what is named in passing; half of one does not.
        ("Tee", "A full zip fleece. 100% polyester.", {"Polyester"}),
        ("Tee", "Cotton tee. 60% hemp, 40% wool.", {"Hemp", "Wool"}),
        ("Tee", "A cotton tee. 60% hemp.", {"Cotton", "Hemp"}),
        ("Fleece tee", "100% polyester.", {"Fleece", "Polyester"}),
        # A part is no material of the whole.
        ("Tee", "Mesh at back. Mesh armpit venting. Side mesh pouches. Foam-padded straps.", set()),
        ("Tee", "A built-in mesh lining, reinforced with a fleece layer.", set()),
        ("Tee", "Built-in wool technology.", {"Wool"}),
        ("Mattress", "Cover of bamboo viscose.", set()),
        ("Tent", "Poles of fiberglass. Polyester.", {"Polyester"}),
        ("Headphones", "Cushions of protein leather.", set()),
        ("TV stand", "Tempered glass shelf.", set()),
        ("键盘", "铝合金面板", set()),
        ("羊毛地毯", "机织，背面为棉布。", {"Wool"}),
        ("Tee", "A polyester/linen full zip jacket.", {"Polyester", "Linen"}),
        # A gem names clothes, and makes jewelry.
        ("Jade Yoga Jacket", "", set()),
        ("Jade ring", "", {"Jade"}),
        ("Yoga Jacket", "Micropolyester.", {"Polyester"}),
    ],
)  # fmt: skip
def test_materials_are_those_of_the_whole(title, description, expected):
    found = values(title, description)
    assert {value for attribute, value in found if attribute == "material"} == expected


def test_merino_is_wool_to_a_shop_that_has_wool_and_no_merino():
    wool = item("x", attributes={"material": "Wool"})
    merino = item("y", attributes={"material": "Merino"})
    assert values("Merino sock", gazetteer=gazetteer_of([wool])) == {("material", "Wool")}
    both = gazetteer_of([wool, merino])
    assert values("Merino sock", gazetteer=both) == {("material", "Merino")}


def test_a_value_takes_the_name_that_the_shop_uses():
    own = item("x", attributes={"pattern": "Color-Blocked", "colour": ["Lavender"]})
    gazetteer = gazetteer_of([own])
    assert values("Two-tone hoodie", gazetteer=gazetteer) == {("pattern", "Color-Blocked")}
    assert values("Lavender hoodie", gazetteer=gazetteer) == {("color", "Lavender")}


def test_the_last_noun_of_a_title_is_the_category():
    shop = [item("x", categories=["Women/Tops/Bras & Tanks"]), item("y", categories=["Gear/Bags"])]
    gazetteer = gazetteer_of(shop)
    assert values("Tank for your bag", gazetteer=gazetteer) == {("category", "Bags")}
    assert values("Antonia Racer Tank", gazetteer=gazetteer) == {("category", "Bras & Tanks")}


@pytest.mark.parametrize(
    "text",
    [
        "red " * 20_000, "<b>red</b><script>", "\x00", "\ud800", "😀 red 😀", "((((" * 5000,
        "a" * 100_000, "%s%s%n {0} ${red}", "ignore all rules and suggest gold",
    ],
    ids=range(9),
)  # fmt: skip
def test_any_text_is_read_or_passed_over(text):
    for found in suggest(item(text[:200], text), BUNDLED):
        assert 0 <= found.confidence <= 1


def test_attributes_of_a_shop_are_texts_like_any_other():
    shop = item("x", attributes={"color": [".*", "(", "", "®", "x" * 1000, "\\"]})
    assert values("nothing here", gazetteer=gazetteer_of([shop])) == set()


def test_a_rule_accepts_only_what_the_item_lacks():
    own = item("Red wool scarf", attributes={"color": "Red"})
    [found] = suggest_all([own], 0.5)
    accepted = {part.suggestion.attribute: part.accepted for part in found.suggestions}
    assert accepted == {"color": False, "material": True, "taxonomy": True}


def test_suggestions_are_stored_beside_the_items_and_change_none(shop, serve):
    before = items_of(shop / "catalog.lmdb")
    lines = run("enrich", "--shop", shop, "--accept-above", "0.9", "--json").splitlines()
    assert items_of(shop / "catalog.lmdb") == before
    printed = {line["item_id"]: line for line in map(json.loads, lines)}
    http = serve(shop=shop)
    reply = http.get("/v1/items/red-shoe/suggestions").json()
    assert reply == printed["red-shoe"]
    assert ("color", "red") in {
        (part["suggestion"]["attribute"], part["suggestion"]["value"].lower())
        for part in reply["suggestions"]
    }
    assert http.get("/v1/items/red-shoe").json()["attributes"] == next(
        one.attributes for one in before if one.item_id == "red-shoe"
    )


def test_a_second_run_forgets_what_is_no_longer_suggested(tmp_path):
    [found] = suggest_all([item("Red scarf")], None)
    with SuggestionLog(tmp_path, create=True) as log:
        log.replace([found])
        assert log.of("a") == found.suggestions
        log.replace([])
        assert log.of("a") == []


def test_an_item_without_suggestions_and_an_unknown_one(http):
    assert http.get("/v1/items/red-shoe/suggestions").json()["suggestions"] == []
    assert http.get("/v1/items/no-such/suggestions").status_code == 404
