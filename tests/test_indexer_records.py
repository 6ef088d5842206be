"""One record, field by field: what becomes an item, and why the rest does not."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from msgspec.structs import replace

from indexer.catalog.item_parser import BadRecord, GivenFields, given_fields, item_from, overlay
from indexer.items import Item


def refused(**record: object) -> str:
    with pytest.raises(BadRecord) as caught:
        item_from({"id": "a", **record})
    return str(caught.value)


def test_an_item_without_a_product_is_its_own_product():
    assert item_from({"id": "a"}).product_id == "a"
    assert item_from({"id": "a", "product_id": " p "}).product_id == "p"


@pytest.mark.parametrize(
    ("given", "item_id"),
    [
        ("  a-1 ", "a-1"),
        (42, "42"),
        (42.0, "42"),
        (123456789012345678901234567890, "123456789012345678901234567890"),
        ("鞋/1", "鞋/1"),
    ],
)
def test_ids_are_text_whatever_the_catalog_writes_them_as(given, item_id):
    assert item_from({"id": given}).item_id == item_id


@pytest.mark.parametrize("given", [None, "", "   ", float("nan")])
def test_a_record_without_an_id_is_no_item(given):
    with pytest.raises(BadRecord, match=r"^no id$"):
        item_from({"id": given})


def test_a_missing_number_in_a_table_is_no_product_of_its_own():
    assert item_from({"id": "a", "product_id": float("nan")}).product_id == "a"


def test_an_id_may_take_256_bytes_and_no_more():
    assert item_from({"id": "é" * 128}).item_id == "é" * 128
    with pytest.raises(BadRecord, match="id is longer than 256 bytes") as caught:
        item_from({"id": "é" * 129})
    assert caught.value.item_id == "é" * 40


@pytest.mark.parametrize("given", ["a\nb", "a\0", "a\ud800"])
def test_an_id_with_control_characters_is_refused_under_a_printable_name(given):
    with pytest.raises(BadRecord, match="id holds control characters") as caught:
        item_from({"id": given})
    assert caught.value.item_id.isascii()
    assert caught.value.item_id.isprintable()


@pytest.mark.parametrize("given", [".", ".."])
def test_an_id_that_no_address_can_hold_is_refused(given):
    with pytest.raises(BadRecord, match="is not allowed: URLs give it a special meaning"):
        item_from({"id": given})
    assert item_from({"id": "a", "product_id": given}).product_id == given


@pytest.mark.parametrize("given", [["a"], {"x": 1}, True])
def test_an_id_that_is_no_text_is_refused(given):
    with pytest.raises(BadRecord, match="id must be text, got"):
        item_from({"id": given})


@pytest.mark.parametrize(
    ("given", "price"),
    [
        (None, None),
        ("", None),
        (float("nan"), None),
        ("12.50", 12.5),
        (" 3 ", 3.0),
        (0, 0.0),
        (Decimal("9.99"), 9.99),
    ],
)
def test_prices_are_numbers_or_absent(given, price):
    assert item_from({"id": "a", "price": given}).price == price


@pytest.mark.parametrize("given", ["12,50", "free", "-1", "inf", "nan", True, "$5"])
def test_a_price_that_is_no_price_costs_the_row_and_says_why(given):
    assert refused(price=given) == f"price must be a number such as 12.50, got {str(given)!r}"


@pytest.mark.parametrize(
    "given",
    [None, "", True, "yes", "Y", "1", 1, 1.0, "1.0", math.nan, "In Stock", "available"],
)
def test_an_item_is_in_stock_unless_the_catalog_says_no(given):
    assert item_from({"id": "a", "in_stock": given}).in_stock is True


@pytest.mark.parametrize("given", [False, "no", "0", 0, 0.0, "0.0", "Out of stock", "sold out"])
def test_an_item_is_out_of_stock_where_the_catalog_says_so(given):
    assert item_from({"id": "a", "in_stock": given}).in_stock is False


def test_a_stock_that_says_neither_yes_nor_no_is_refused():
    assert refused(in_stock="maybe") == "in_stock must be true or false, got 'maybe'"


def test_further_columns_become_attributes_and_empty_ones_do_not():
    record = {"id": "a", "color": "red", "size": "", "weight": 2, "new": True, "tags": ["x", "y"]}
    assert item_from(record).attributes == {
        "color": "red",
        "weight": 2.0,
        "new": True,
        "tags": ["x", "y"],
    }


def test_a_decimal_of_a_table_is_a_number_that_filters_compare():
    record = {"id": "a", "weight": Decimal("1.50"), "height": Decimal("NaN")}
    assert item_from(record).attributes == {"weight": 1.5}


def test_a_missing_text_in_a_table_is_no_text():
    item = item_from({"id": "a", "title": math.nan, "categories": math.nan, "images": math.nan})
    assert (item.title, item.categories, item.images) == ("", [], [])


def test_a_category_without_a_name_is_none():
    assert item_from({"id": "a", "categories": "/; Home/ ;//"}).categories == ["Home"]


def test_nested_attributes_are_flattened_by_a_dot():
    record = {"id": "a", "attributes": {"color": "red", "size": {"eu": 42, "us": 9}}}
    assert item_from(record).attributes == {"color": "red", "size.eu": 42.0, "size.us": 9.0}


def test_a_nested_attribute_wins_over_a_column_of_its_name():
    assert item_from({"id": "a", "color": "red", "attributes": {"color": "blue"}}).attributes == {
        "color": "blue"
    }


def test_attributes_that_are_no_object_are_refused():
    assert refused(attributes=["red"]) == "attributes must be an object, got list"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("images", "a.jpg|" * 1001),
        ("categories", ["Mugs"] * 1001),
        ("attributes", {f"a{number}": 1 for number in range(1001)}),
    ],
)
def test_an_item_of_over_a_thousand_values_is_refused(field, value):
    assert refused(**{field: value}) == f"has 1001 {field}, at most 1000 are read"


def test_a_long_article_number_keeps_its_last_digits():
    record = {"id": "a", "gtin": 4006381333931, "serial": 12345678901234567890, "huge": 10**400}
    attributes = item_from(record).attributes
    assert attributes["gtin"] == 4006381333931
    assert attributes["serial"] == "12345678901234567890"
    assert attributes["huge"] == str(10**400)


def test_lists_are_split_at_semicolons_and_bars_only():
    item = item_from({"id": "a", "categories": "/Home/Mugs/ ; Gifts|Sale", "images": "a, b.jpg"})
    assert item.categories == ["Home/Mugs", "Gifts", "Sale"]
    assert item.images == ["a, b.jpg"]


def test_lone_surrogates_in_texts_become_question_marks():
    item = item_from({"id": "a", "title": "Mug \ud800", "color": "r\udcffd"})
    assert (item.title, item.attributes) == ("Mug ?", {"color": "r?d"})


def test_an_empty_cell_is_given_and_an_absent_column_is_not():
    given = given_fields({"id": "a", "title": "", "color": None, "size": {"eu": 4, "us": ""}})
    assert given == GivenFields(
        frozenset({"id", "title"}), frozenset({"color", "size.eu", "size.us"})
    )
    assert given_fields({"id": "a", "attributes": {"x": 1}}).attributes == {"x"}
    assert given_fields({"id": "a", "attributes": None}).fields == {"id", "attributes"}


STORED = Item(
    item_id="a",
    product_id="p",
    title="Mug",
    description="Tall",
    categories=["Home"],
    price=3.0,
    currency="EUR",
    in_stock=False,
    attributes={"color": "red", "size.eu": 4.0, "fit": "slim"},
    images=["a.jpg"],
)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        ({}, {}),
        ({"in_stock": "yes"}, {"in_stock": True}),
        ({"title": "", "price": ""}, {"title": "", "price": None}),
        ({"product_id": None}, {"product_id": "a"}),
        ({"categories": []}, {"categories": []}),
        ({"color": "blue"}, {"attributes": {**STORED.attributes, "color": "blue"}}),
        ({"color": ""}, {"attributes": {"size.eu": 4.0, "fit": "slim"}}),
        ({"size": ""}, {"attributes": {"color": "red", "fit": "slim"}}),
        ({"attributes": {"fit": None}}, {"attributes": {"color": "red", "size.eu": 4.0}}),
        ({"attributes": None}, {"attributes": {}}),
        ({"attributes": {}, "new": 1}, {"attributes": {"new": 1.0}}),
    ],
)
def test_a_record_changes_what_it_gives_and_nothing_else(record, changes):
    record = {"id": "a", **record}
    found = overlay(STORED, item_from(record), given_fields(record))
    assert found == replace(STORED, **changes)


def test_a_record_at_fault_is_of_its_item_unless_its_id_is_at_fault():
    for record, named in [({"id": "a", "price": "x"}, True), ({"id": "a", "product_id": "x" * 300},
                          True), ({"id": "a\nb"}, False), ({}, False)]:  # fmt: skip
        with pytest.raises(BadRecord) as error:
            item_from(record)
        assert error.value.id_known is named
        if named:
            assert error.value.item_id == "a"
