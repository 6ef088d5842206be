"""Filters: two ways to write them, one meaning."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import BadQuery
from indexer.items import Item
from search.filters.grammar import parse_filter
from search.filters.jsonform import (
    AllOf,
    AnyOf,
    Filter,
    Match,
    Not,
    Range,
    filter_from_json,
    without_key,
)
from search.live.columns import Columns

RED, BIG = Match("color", ("red",)), Match("size", ("big",))
CHEAP = Range("price", below=20.0, below_included=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("color = red", {"key": "color", "match": {"value": "red"}}),
        ("color != red", {"must_not": [{"key": "color", "match": {"value": "red"}}]}),
        ("price < 20", {"key": "price", "range": {"lt": 20}}),
        ("price <= 20", {"key": "price", "range": {"lte": 20}}),
        ("price > 1.5", {"key": "price", "range": {"gt": 1.5}}),
        ("price >= -1", {"key": "price", "range": {"gte": -1}}),
        ("color in [red, blue]", {"key": "color", "match": {"any": ["red", "blue"]}}),
        ("color not in [red, blue]", {"key": "color", "match": {"except": ["red", "blue"]}}),
        ("in_stock = true", {"key": "in_stock", "match": {"value": True}}),
        (
            'category = "Home/Mugs" and price < 20',
            {
                "must": [
                    {"key": "category", "match": {"value": "Home/Mugs"}},
                    {"key": "price", "range": {"lt": 20}},
                ]
            },
        ),
        (
            "color = red or size = big",
            {
                "should": [
                    {"key": "color", "match": {"value": "red"}},
                    {"key": "size", "match": {"value": "big"}},
                ]
            },
        ),
        (
            "price < 20 and not (color = red and size = big)",
            {
                "must": {"key": "price", "range": {"lt": 20}},
                "must_not": {
                    "must": [
                        {"key": "color", "match": {"value": "red"}},
                        {"key": "size", "match": {"value": "big"}},
                    ]
                },
            },
        ),
    ],
)
def test_the_string_form_and_the_json_form_mean_the_same(text, value):
    assert parse_filter(text) == filter_from_json(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("price = null", {"is_empty": {"key": "price"}}),
        ("price = NULL", {"is_null": {"key": "price"}}),
        ("price is null", {"key": "price", "match": {"value": None}}),
        ("price is null", {"key": "price", "is_empty": True}),
        ("price != null", {"must_not": [{"is_empty": {"key": "price"}}]}),
        ("price is not null", {"key": "price", "is_null": False}),
        ("color in [red, null]", {"key": "color", "match": {"any": ["red", None]}}),
        ("title contains mug", {"key": "title", "match": {"text": "mug"}}),
        ("title not contains mug", {"must_not": {"key": "title", "match": {"text": "mug"}}}),
        ("item_id in [a, 7]", {"has_id": ["a", 7]}),
        ("added >= 2024-05-01", {"key": "added", "range": {"gte": "2024-05-01"}}),
        (
            "added > 2024-05-01T10:00:00Z",
            {"key": "added", "range": {"gt": "2024-05-01T12:00:00+02:00"}},
        ),
        (  # as Qdrant's clients write a range, with all that they have
            "price < 20",
            {
                "must": [
                    {
                        "key": "price",
                        "match": None,
                        "range": {"lt": 20, "gt": None, "gte": None, "lte": None},
                        "geo_radius": None,
                        "is_empty": None,
                    }
                ],
                "should": None,
                "min_should": None,
            },
        ),
    ],
)
def test_programs_write_the_words_of_people_in_json(text, value):
    assert parse_filter(text) == filter_from_json(value)


def test_a_quoted_null_is_a_text_and_so_is_a_field_of_that_name():
    assert parse_filter('color = "null"') == Match("color", ("null",))
    assert parse_filter("null = 1 or is = 2 or contains = 3") == AnyOf(
        (Match("null", ("1",)), Match("is", ("2",)), Match("contains", ("3",)))
    )


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("color=red", RED),
        ("  color\n=\tred ", RED),
        ("color = red and size = big", AllOf((RED, BIG))),
        ("price < 20 or color = red and size = big", AnyOf((CHEAP, AllOf((RED, BIG))))),
        ("(price < 20 or color = red) and size = big", AllOf((AnyOf((CHEAP, RED)), BIG))),
        ("not color = red and size = big", AllOf((Not(RED), BIG))),
        ("not not color = red", Not(Not(RED))),
        ("NOT color = red AND price < 20 OR size = big", AnyOf((AllOf((Not(RED), CHEAP)), BIG))),
        ("((color = red))", RED),
    ],
)
def test_not_binds_before_and_and_and_before_or(text, parsed):
    assert parse_filter(text) == parsed


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ('title = "red shoe"', "title", "red shoe"),
        ("title = 'it''s'", "", ""),
        (r'title = "12\" pipe"', "title", '12" pipe'),
        (r'title = "back\\slash"', "title", "back\\slash"),
        ("title = 'say \"hi\"'", "title", 'say "hi"'),
        ('"shoe size" = 42', "shoe size", "42"),
        ('title = "and"', "title", "and"),
        ("brand = orlando", "brand", "orlando"),
        ("nottingham = inland", "nottingham", "inland"),
        ("android = or-1", "android", "or-1"),
        ("category = Home/Mugs", "category", "Home/Mugs"),
        ("颜色 = 红", "颜色", "红"),
        ('sale = "true"', "sale", "true"),
        ("sale = TRUE", "sale", True),
        ('empty = ""', "empty", ""),
    ],
)
def test_quotes_keep_what_stands_in_them(text, key, value):
    if not key:  # two strings beside each other are no value
        with pytest.raises(BadQuery):
            parse_filter(text)
        return
    assert parse_filter(text) == Match(key, (value,))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("color = = red", "at character 9: '= red'"),
        ("color red", "at character 7: 'red'"),
        ("color = red and", "at its end"),
        ("(color = red", "at its end"),
        ("color = red)", "at character 12: ')'"),
        ("color in red", "at character 10: 'red'"),
        ("color in []", "at character 11: ']'"),
        ("", "at its end"),
        ('color = "red', "at character 9: '\"red'"),
        ("price < 20 price > 2", "at character 12: 'price > 2'"),
    ],
)
def test_what_is_not_understood_is_pointed_at(text, place):
    with pytest.raises(BadQuery) as caught:
        parse_filter(text)
    assert f"filter is not understood {place}; write for example: category" in str(caught.value)
    assert caught.value.param == "filter"


@pytest.mark.parametrize("value", ["cheap", '""', "nan", "inf", "true"])
def test_comparing_with_what_is_no_number_is_refused(value):
    with pytest.raises(BadQuery, match="< needs a number"):
        parse_filter(f"price < {value}")


@pytest.mark.parametrize("text", ["(" * 40 + "a = 1" + ")" * 40, "not " * 40 + "a = 1"])
def test_deep_nesting_is_refused(text):
    with pytest.raises(BadQuery, match="filter is nested deeper than 32"):
        parse_filter(text)


def test_a_very_long_filter_is_refused_by_its_length():
    with pytest.raises(BadQuery, match="filter has 4005 characters, at most 4000"):
        parse_filter("a = '" + "x" * 3999 + "'")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "must be an object with must, should or must_not, got list"),
        ("color = red", "must be an object .* got str"),
        ({"muss": []}, "unknown part 'muss'"),
        ({"key": "color"}, "has a key and either match or range"),
        ({"key": 3, "match": {"value": 1}}, "has a key and either match or range"),
        ({"key": "color", "match": {"value": 1}, "range": {"lt": 1}}, "either match or range"),
        ({"key": "color", "match": {"value": "red"}, "boost": 2}, "either match or range"),
        ({"key": "color", "match": "red"}, "match of 'color' takes"),
        ({"key": "color", "match": {"value": ["red"]}}, "match of 'color' takes"),
        ({"key": "color", "match": {"any": "red"}}, "match of 'color' takes"),
        ({"key": "color", "match": {"value": {}}}, "match of 'color' takes"),
        ({"key": "color", "match": {"text": 3}}, "match of 'color' takes"),
        ({"is_empty": "color"}, 'is_empty takes {"key": FIELD}'),
        ({"is_empty": {"key": 3}}, 'is_empty takes {"key": FIELD}'),
        ({"has_id": "mug"}, "has_id takes a list of item ids"),
        ({"key": "price", "range": {"gte": None, "lt": None}}, "range of 'price' takes"),
        ({"key": "added", "range": {"gte": "2024-01-01", "lt": 5}}, "needs numbers, got '2024"),
        ({"key": "color", "match": {"value": 10**400}}, "match of 'color' takes"),
        ({"key": "color", "match": {"value": math.nan}}, "match of 'color' takes"),
        ({"key": "price", "range": {}}, "range of 'price' takes gt, gte, lt or lte, such as"),
        ({"key": "price", "range": {"below": 3}}, "range of 'price' takes"),
        ({"key": "price", "range": {"lt": "3"}}, "range of 'price' needs numbers, got '3'"),
        ({"key": "price", "range": {"lt": True}}, "needs numbers, got 'True'"),
        ({"key": "price", "range": {"lt": 10**400}}, "needs numbers, got '1000"),
        ({"key": "price", "range": {"lt": math.inf}}, "needs numbers, got 'inf'"),
        ({"key": "price", "range": {"lt": 3, "lte": 4}}, "two bounds on one side"),
        ({"must": [{"must": 7}]}, "must be an object .* got int"),
    ],
)
def test_a_json_filter_that_is_none_says_what_is_wrong(value, message):
    with pytest.raises(BadQuery, match=message) as caught:
        filter_from_json(value)
    assert caught.value.param == "filter"


def test_deep_json_is_refused():
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"must": [deep]}
    with pytest.raises(BadQuery, match="nested deeper than 32"):
        filter_from_json(deep)


@pytest.mark.parametrize("part", [{}, {"key": "price", "range": {"lt": 1}}])
def test_json_of_very_many_conditions_is_refused(part):
    few: dict[str, Any] = {"must": [part] * 30}
    assert filter_from_json({"should": [few] * 30})
    with pytest.raises(BadQuery, match=r"filter has \d+ conditions, at most 1000"):
        filter_from_json({"should": [few] * 40})


def test_json_of_very_many_values_is_refused():
    half = {"key": "item_id", "match": {"any": [str(n) for n in range(5000)]}}
    assert filter_from_json({"must": [half], "must_not": [half]})
    with pytest.raises(BadQuery, match="filter has 10001 values, at most 10000 are allowed"):
        filter_from_json(
            {"must": [half, {"should": half}], "must_not": {"key": "a", "match": {"value": 1}}}
        )


def test_an_empty_json_filter_lets_everything_pass():
    assert filter_from_json({}) == AllOf(())
    assert filter_from_json({"must": [], "should": [], "must_not": None}) == AllOf(())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("color = red", None),
        ("attributes.color = red", None),
        ("color = red and price < 20", "price < 20"),
        ("not color = red and price < 20", "price < 20"),
        ("(color = red or color = blue) and price < 20", "price < 20"),
        ("color = red or price < 20", "color = red or price < 20"),
        ("attributes.category = red and price < 20", "attributes.category = red and price < 20"),
    ],
)
def test_the_counts_of_a_field_leave_out_its_own_conditions(text, left):
    kept = without_key(parse_filter(text), "color")
    if left is None:
        assert kept is None
    else:
        wanted = parse_filter(left)
        assert kept in (wanted, AllOf((wanted,)))


def test_counts_of_an_attribute_called_price_keep_the_filter_on_the_price():
    assert without_key(CHEAP, "attributes.price") == CHEAP
    assert without_key(Match("category", ("a",)), "attributes.category") is not None


# Any filter over any items: the columns answer as a plain loop over the items does.

COLORS = ["red", "Blue", "GREEN", "5", "5.5"]
CATEGORIES = ["Home", "Home/Mugs", "home/mugs/tall", "Wear", "Wear/Shoes"]
items = st.lists(
    st.builds(
        lambda price, stock, color, sizes, categories: (price, stock, color, sizes, categories),
        st.none() | st.integers(0, 4).map(float),
        st.booleans(),
        st.none() | st.sampled_from(COLORS) | st.sampled_from([5.0, 5.5]),
        st.lists(st.sampled_from(["1", "2", "3", "big"]), max_size=3),
        st.lists(st.sampled_from(CATEGORIES), max_size=2),
    ),
    max_size=8,
).map(
    lambda rows: [
        Item(
            item_id=f"i{number}",
            product_id=f"p{number % 3}",
            price=price,
            in_stock=stock,
            categories=categories,
            attributes={
                name: value for name, value in (("color", color), ("size", sizes)) if value
            },
        )
        for number, (price, stock, color, sizes, categories) in enumerate(rows)
    ]
)
bounds = st.integers(-1, 5).map(float)
conditions = st.one_of(
    st.builds(
        lambda values: Match("attributes.color", tuple(values)),
        st.lists(st.sampled_from([*COLORS, "RED", "pink", 5.0, 5]), min_size=1, max_size=3),
    ),
    st.builds(
        lambda values: Match("category", tuple(values)),
        st.lists(st.sampled_from([*CATEGORIES, "HOME", "Home/", "Ho"]), min_size=1, max_size=2),
    ),
    st.builds(lambda value: Match("in_stock", (value,)), st.booleans()),
    st.builds(lambda value: Match("price", (value,)), bounds),
    st.builds(lambda value: Match("product_id", (value,)), st.sampled_from(["p0", "P1", "x"])),
    st.builds(
        Range,
        st.sampled_from(["price", "attributes.size", "attributes.color"]),
        above=bounds | st.just(-math.inf),
        below=bounds | st.just(math.inf),
        above_included=st.booleans(),
        below_included=st.booleans(),
    ),
)
filters = st.recursive(
    conditions,
    lambda part: st.one_of(
        st.lists(part, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(part, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        part.map(Not),
    ),
    max_leaves=6,
)


def text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def values_of(item: Item, key: str) -> list[str]:
    """What an item carries in a field, as texts in small letters."""
    if key == "category":
        parts = [path.lower().split("/") for path in item.categories]
        return ["/".join(one[: n + 1]) for one in parts for n in range(len(one))]
    if key.startswith("attributes."):
        value = item.attributes.get(key.removeprefix("attributes."), [])
        return [text_of(one).lower() for one in (value if isinstance(value, list) else [value])]
    value = getattr(item, key)
    return [] if value is None else [text_of(value).lower()]


def passes(item: Item, filter_: Filter) -> bool:
    if isinstance(filter_, Not):
        return not passes(item, filter_.part)
    if isinstance(filter_, AllOf):
        return all(passes(item, part) for part in filter_.parts)
    if isinstance(filter_, AnyOf):
        return any(passes(item, part) for part in filter_.parts)
    carried = values_of(item, filter_.key)
    if isinstance(filter_, Match):
        return any(text_of(value).lower().strip("/") in carried for value in filter_.values)
    numbers = [float(text) for text in carried if text.replace(".", "").isdigit()]
    return any(
        (n >= filter_.above if filter_.above_included else n > filter_.above)
        and (n <= filter_.below if filter_.below_included else n < filter_.below)
        for n in numbers
    )


PLAIN = Item(item_id="plain", product_id="p", attributes={"color": "gray", "size": "9"})


@settings(max_examples=300, deadline=None)
@given(items, filters)
def test_any_filter_passes_the_items_that_a_plain_loop_passes(rows, filter_):
    rows = [*rows, PLAIN]  # so that every field exists
    expected = np.array([passes(row, filter_) for row in rows])
    assert Columns(rows).mask(filter_).tolist() == expected.tolist()


def as_json(filter_: Filter) -> dict[str, Any]:
    if isinstance(filter_, Not):
        return {"must_not": [as_json(filter_.part)]}
    if isinstance(filter_, AllOf):
        return {"must": [as_json(part) for part in filter_.parts]}
    if isinstance(filter_, AnyOf):
        return {"should": [as_json(part) for part in filter_.parts]}
    if isinstance(filter_, Match):
        return {"key": filter_.key, "match": {"any": list(filter_.values)}}
    given_bounds = {
        "gte" if filter_.above_included else "gt": filter_.above,
        "lte" if filter_.below_included else "lt": filter_.below,
    }
    finite = {name: value for name, value in given_bounds.items() if math.isfinite(value)}
    return {"key": filter_.key, "range": finite or {"gte": -1e300}}


def no_empty_any(filter_: Filter) -> bool:
    """In JSON an empty ``should`` says nothing; as data, an empty AnyOf is never true."""
    if isinstance(filter_, Not):
        return no_empty_any(filter_.part)
    if isinstance(filter_, AllOf | AnyOf):
        empty = isinstance(filter_, AnyOf) and not filter_.parts
        return not empty and all(no_empty_any(part) for part in filter_.parts)
    return True


@settings(max_examples=150, deadline=None)
@given(items, filters.filter(no_empty_any))
def test_any_filter_survives_being_written_as_json(rows, filter_):
    columns = Columns([*rows, PLAIN])
    read = filter_from_json(json.loads(json.dumps(as_json(filter_))))
    assert columns.mask(read).tolist() == columns.mask(filter_).tolist()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="ab=<>!()[],'\" \\andorit", max_size=40))
def test_any_text_is_a_filter_or_a_bad_query(text):
    try:
        parsed = parse_filter(text)
    except BadQuery:
        return
    assert isinstance(parsed, Filter)
