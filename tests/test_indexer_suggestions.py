"""What texts say in their context, the taxonomy, what goes with a kind, and colors by meaning."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from indexer.classification.labels import Field
from indexer.enrichment.attributes import suggest
from indexer.enrichment.category import guess_category
from indexer.enrichment.gazetteer import gazetteer_of
from indexer.enrichment.kinds import KindVotes
from indexer.enrichment.nearest import NearestColor
from indexer.enrichment.suggesting import Suggester
from indexer.enrichment.suggestion import Source, Suggestion
from indexer.enrichment.suggestionlog import Decision, ItemSuggestions, Suggested, SuggestionLog
from indexer.enrichment.tree import bundled_tree
from indexer.errors import BadQuery
from indexer.items import Item
from search.audit.titles import FAMILIES, color_claims
from search.recognition.picture_suggestions import JudgedField, PictureEvidence

BUNDLED = gazetteer_of()
FRUITS = "Food, Beverages & Tobacco > Food Items > Fruits & Vegetables > Fresh & Frozen Fruits"


def item(title="", description="", item_id="a", **fields):
    return Item(item_id=item_id, product_id=item_id, title=title, description=description, **fields)


def values(attribute, title="", description=""):
    found = suggest(item(title, description), BUNDLED)
    return sorted(one.value for one in found if one.attribute == attribute)


@pytest.mark.parametrize(
    ("description", "materials"),
    [
        ("80% cotton, 20% polyester.", ["Cotton", "Polyester"]),
        ("Contains no leather and no suede.", []),
        ("Soft like cashmere.", []),
        ("Cotton-feel fabric.", []),
        ("Faux leather with a leather look.", ["Faux leather"]),
        ("Made without wool or silk.", []),
        ("Made of linen. Lined with silk.", ["Linen"]),
        ("A steel-toed boot with a rubber sole.", []),
        ("Use it on wood floors.", []),
        ("Not only cotton.", ["Cotton"]),
        ("不含羊毛。", []),
        ("手感像棉。", []),
        ("面料:亚麻55%,棉45%。", ["Cotton", "Linen"]),
        ("玻璃瓶装。", []),
        ("大理石纹。", []),
        ("Lace-up boots. Time to lace up!", []),
        ("Cut from silk.", ["Silk"]),
        ("PU-coated nylon with leather palms and a mesh carry bag included.", ["Nylon"]),
        ("A metal clip on a plush interior.", []),
        ("Wide leg cotton pants, cotton straight leg trousers.", ["Cotton"]),
        ("Stretchy nylon fabric that is good for the gym, the track or the trail.", ["Nylon"]),
        ("In cotton, linen or silk.", []),
        ("For smooth leather.", []),
        ("真皮手感。", []),
    ],
)  # fmt: skip
def test_a_material_that_is_denied_compared_or_of_a_part_is_not_suggested(description, materials):
    assert values("material", "Thing", description) == materials


def test_a_value_of_the_shop_is_suggested_as_the_shop_spells_it_most_often():
    spellings = ["Cocona® Fabric", "Cocona® fabric", "Cocona® fabric"]
    known = [item("Tee", item_id=text, attributes={"material": text}) for text in spellings]
    found = suggest(item("Tank", "Made of Cocona fabric."), gazetteer_of(known))
    assert [one.value for one in found if one.attribute == "material"] == ["Cocona® fabric"]


@pytest.mark.parametrize(
    ("title", "colors"),
    [
        ("Olive oil 500 ml", []),
        ("Green tea", []),
        ("Mug with red handle", []),
        ("Keyboard with white keycaps", []),
        ("Puzzle: Blue Lagoon", []),
        ("Red mug", ["Red"]),
        ("酒红色连衣裙", ["Red"]),
        ("马克杯 哑光黑", ["Black"]),
        ("黑巧克力 100克", []),
        ("口红", []),
        ("18k gold ring", ["Gold"]),
    ],
)  # fmt: skip
def test_a_color_is_one_of_the_thing_itself(title, colors):
    assert values("color", title) == colors


@pytest.mark.parametrize(
    ("title", "attribute", "expected"),
    [
        ("短靴女 黑色", "gender", ["Women"]),
        ("女儿红", "gender", []),
        ("Socket, male to female", "gender", []),
        ("Kids' boots", "age", ["Kids"]),
        ("Baby carrots", "age", []),
        ("Rug 160 x 230 cm", "size", ["160 x 230 cm"]),
        ("皮鞋 42码", "size", ["42"]),
        ("Laptop, 16 GB RAM", "size", []),
        ("Spring mattress", "season", []),
        ("Keyboard K87", "model", ["K87"]),
        ("Sunscreen SPF50", "model", []),
    ],
)  # fmt: skip
def test_words_are_read_by_what_they_stand_beside(title, attribute, expected):
    assert values(attribute, title) == expected


@pytest.mark.parametrize(
    ("title", "description", "path"),
    [
        ("Faux leather ankle boots", "", "Apparel & Accessories > Shoes > Boots"),
        ("Tote bag for a laptop", "", "Luggage & Bags > Tote Bags"),
        ("Tee (Orange)", "", "Apparel & Accessories > Clothing > Clothing Tops > T-Shirts"),
        ("Orange", "",
         f"{FRUITS} > Citrus Fruits > Oranges"),
        ("Granny Smith", "Granny Smith is a green apple with white pulp.",
         f"{FRUITS} > Apples"),
        ("女士帆布休闲鞋 白色", "", "Apparel & Accessories > Shoes"),
        ("Zorblax", "", None),
        ("平板电脑保护套", "", None),
        ("", "", None),
    ],
)  # fmt: skip
def test_a_title_is_mapped_by_its_noun(title, description, path):
    guess = guess_category(title, description, bundled_tree())
    sure = guess if guess is not None and guess.confidence >= 0.5 else None
    assert (sure and bundled_tree().path(sure.code)) == path


def test_a_category_has_its_code_its_words_and_a_chinese_path():
    [found] = [one for one in suggest(item("Red boots"), BUNDLED) if one.attribute == "taxonomy"]
    assert (found.code, found.source) == ("aa-8-3", Source("title", 4, 9, "boots"))
    assert bundled_tree().chinese_path("aa-8-3").endswith("靴子")


def fruit(name, number):
    return item(name, item_id=f"{name}-{number}", attributes={"department": "Fruit"})


def tool(number):
    return item("Hammer", item_id=f"hammer-{number}", attributes={"department": "Tools"})


def test_what_all_other_products_of_a_kind_have_is_suggested():
    shop = [*(fruit(name, 1) for name in ("Apple", "Banana", "Pear")), *map(tool, range(3))]
    bare = item("Mango", item_id="new")
    votes = KindVotes([*shop, bare], bundled_tree())
    [found] = votes.suggestions(bare)
    assert (found.attribute, found.value) == ("department", "Fruit")
    assert found.source.text == "3 of 3 other products of Fresh & Frozen Fruits"
    assert votes.suggestions(shop[0]) == []


class Colors:
    """An encoder whose vectors are those of the words that it knows."""

    model = "colors"
    known: ClassVar = {"crimson": (1, 0), "red": (1, 0), "blue": (0, 1), "cerise": (0.95, 0.31)}

    def encode(self, texts):
        return np.array([self.encode_query(text) for text in texts], np.float32)

    def encode_query(self, text):
        return np.array(self.known.get(text, (0, 0)), np.float32)


def test_a_color_of_no_list_is_the_nearest_by_meaning_or_none():
    nearest = NearestColor(Colors(), BUNDLED, bundled_tree())
    [found] = nearest.suggestions(item("Cerise zorblax"))
    assert (found.value, found.source.text, found.confidence) == ("Red", "Cerise", 0.8)
    assert nearest.suggestions(item("Plain zorblax")) == []
    assert nearest.suggestions(item("Not cerise")) == []


def pictures(red=0.0, blue=0.0, pattern=(0.9, 0.1)):
    shares = np.zeros(len(FAMILIES))
    shares[FAMILIES.index("red")], shares[FAMILIES.index("blue")] = red, blue
    field = Field("pattern", ("Solid", "Striped"))
    return PictureEvidence([JudgedField(field, {"a": np.array(pattern)})], {"a": shares})


def merged(evidence, thing):
    found = Suggester([thing], pictures=evidence).suggest(thing)
    return {one.attribute: (one.value, one.confidence, one.note) for one in found}


def test_a_color_that_the_pictures_deny_is_less_sure_and_says_so():
    found = merged(pictures(blue=0.9), item("Red mug"))
    assert found["color"] == ("Red", 0.475, "the pictures show blue (90%)")
    assert merged(pictures(red=0.9), item("Red mug"))["color"] == ("Red", 0.98, "")


def test_a_pattern_is_that_of_the_texts_or_of_the_pictures():
    shown = merged(pictures(red=0.5), item("Mug"))
    assert shown["pattern"][:2] == ("Solid", 0.9)
    denied = merged(pictures(red=0.5, pattern=(0.97, 0.03)), item("Striped mug"))
    assert denied["pattern"][2] == "the texts say Striped"
    agreed = merged(pictures(red=0.5, pattern=(0.2, 0.8)), item("Striped mug"))
    assert agreed["pattern"] == ("Striped", 0.98, "")


def test_what_an_item_has_is_not_suggested_by_its_pictures():
    own = item("Mug", attributes={"pattern": "Striped", "color": "red"})
    assert "pattern" not in merged(pictures(red=0.9), own)


def test_chinese_titles_join_the_audit_of_colors():
    [claim] = color_claims([item("酒红色马克杯"), item("非红色杯")], np.array([0, 1]))
    assert claim.labels == frozenset({FAMILIES.index("red")})


def suggested(value):
    one = Suggestion(
        attribute="color", value=value, confidence=0.9, is_new=True,
        source=Source("title", 0, 3, value),
    )  # fmt: skip
    return ItemSuggestions("a", [Suggested(one, accepted=False)])


def test_a_decision_holds_until_another_is_made(tmp_path):
    with SuggestionLog(tmp_path, create=True) as log:
        assert log.replace([suggested("Red")]) == set()
        log.decide("a", Decision("color", "red", accepted=True))
        assert log.accepted("a") == {"color": ["Red"]}
        assert log.replace([suggested("Red")]) == set()
        assert log.all_accepted() == {"a": {"color": ["Red"]}}
        with pytest.raises(BadQuery, match="'Blue' is not suggested for 'a'; suggested are: color"):
            log.decide("a", Decision("color", "Blue", accepted=True))
        log.decide("a", Decision("color", "Red", accepted=False))
        assert log.all_accepted() == {}
        assert log.replace([]) == set()
