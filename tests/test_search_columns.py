"""Columns: masks and counts over the items of a shop, whether at rest or changed since."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.errors import BadQuery
from indexer.items import Item
from indexer.words.spellings import name_key
from search.filters.grammar import parse_filter
from search.filters.jsonform import Match, Range
from search.live.columns import Columns
from search.live.layers import LayeredColumns
from search.query import MAX_FACETS


def item(
    item_id: str, categories: list[str], price: float | None = None, **attributes: object
) -> Item:
    return Item(
        item_id=item_id,
        product_id=item_id,
        categories=categories,
        price=price,
        attributes=attributes,
        in_stock=item_id != "vase",
    )


ITEMS = [
    item("mug", ["Home/Mugs", "Gifts"], 10, color="Red", size="38", ean=4006381333931.0),
    item("bowl", ["home/bowls"], 20, color="blue", size="38.5", new=True),
    item("shoe", ["Wear/Shoes/Boots"], 30, color="red", size=["39", "42"], ean=4006381333932.0),
    item("vase", ["Home"], None, size="large", new=False),
]


def changed_one_by_one() -> LayeredColumns:
    """The same items, each of which was something else before."""
    columns = LayeredColumns.of([item("old", ["Old"], 99, color="Red", size="1")] * 2)
    columns = columns.with_changes({0: ITEMS[0], 1: item("newer", ["New"], 98)}, 2)
    for n in (2, 3, 1):
        columns = columns.with_changes({n: ITEMS[n]}, 3 if n == 2 else 4)
    return columns


@pytest.fixture(
    params=[lambda: LayeredColumns.of(ITEMS), changed_one_by_one], ids=["of", "changed"]
)
def columns(request: pytest.FixtureRequest) -> LayeredColumns:
    made: LayeredColumns = request.param()
    return made


def passing(columns: LayeredColumns, text: str) -> list[str]:
    mask = columns.mask(parse_filter(text))
    return [one.item_id for one, passes in zip(ITEMS, mask, strict=True) if passes]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("category = Home", ["mug", "bowl", "vase"]),  # everything below it, in any case
        ("category = home/mugs", ["mug"]),
        ("category = /Home/Mugs/", ["mug"]),
        ("category = Mugs", []),
        ("category = Wear/Shoes", ["shoe"]),
        ("category = Wear/Sho", []),
        ("category in [Gifts, Wear]", ["mug", "shoe"]),
        ("color = RED", ["mug", "shoe"]),
        ("color != red", ["bowl", "vase"]),  # also what has no color
        ("color not in [red, blue]", ["vase"]),
        ("attributes.color = blue", ["bowl"]),
        ("size = 42", ["shoe"]),
        ("size < 39", ["mug", "bowl"]),
        ("size <= 39", ["mug", "bowl", "shoe"]),  # one of its sizes is
        ("size > 39", ["shoe"]),
        ("size > 39 and size < 42", ["shoe"]),  # 42 is above the one and 39 below the other
        ("price < 20", ["mug"]),
        ("price <= 20", ["mug", "bowl"]),
        ("price >= 0", ["mug", "bowl", "shoe"]),  # what has no price is in no range
        ("not price >= 0", ["vase"]),
        ("price = 20", ["bowl"]),
        ("price = 20.0", ["bowl"]),
        ("price in [10, 30, cheap]", ["mug", "shoe"]),
        ("in_stock = true", ["mug", "bowl", "shoe"]),
        ("in_stock = no", ["vase"]),
        ("in_stock = 1", ["mug", "bowl", "shoe"]),
        ("new = true", ["bowl"]),
        ("new = false", ["vase"]),
        ("item_id = MUG", ["mug"]),
        ("product_id = mug", ["mug"]),
        ("ean = 4006381333931", ["mug"]),
        ("ean > 4006381333931", ["shoe"]),
    ],
)
def test_filters_pass_the_items_they_describe(columns, text, ids):
    assert passing(columns, text) == ids


SHELF = [
    Item(
        item_id="mug",
        product_id="mug",
        title="Röd Mugg",
        price=5,
        currency="SEK",
        attributes={"added": "2024-05-01", "tags": ["new", "red hot"]},
    ),
    Item(
        item_id="bowl",
        product_id="bowl",
        title="Bowl, 30% off",
        categories=["Home"],
        currency="EUR",
        attributes={"added": "2024-05-01T15:30:00+02:00", "tags": "old"},
    ),
    Item(item_id="vase", product_id="vase", attributes={"added": "2024/6/2"}),
    Item(item_id="cup", product_id="cup", title="Mugg", attributes={"added": "soon"}),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("price = null", ["bowl", "vase", "cup"]),
        ("price is not null", ["mug"]),
        ("category is null", ["mug", "vase", "cup"]),
        ("currency = eur", ["bowl"]),
        ("currency is null", ["vase", "cup"]),
        ("title is null", ["vase"]),
        ("tags = null", ["vase", "cup"]),
        ("tags in [old, null]", ["bowl", "vase", "cup"]),
        ("title = 'RÖD MUGG'", ["mug"]),
        ("title = mugg", ["cup"]),  # the whole title, not a part of it
        ("title in [mugg, 'bowl, 30% off']", ["bowl", "cup"]),
        ("title contains MUGG", ["mug", "cup"]),
        ("title contains ', 30%'", ["bowl"]),
        ("title contains ''", ["mug", "bowl", "vase", "cup"]),
        ("not title contains mugg", ["bowl", "vase"]),
        ("tags contains red", ["mug"]),
        ("added >= 2024-05-01", ["mug", "bowl", "vase"]),
        ("added > 2024-05-01", ["vase"]),  # after that day
        ("added <= 2024-05-01", ["mug", "bowl"]),  # all of that day
        ("added < 2024-05-01", []),
        ("added >= 2024-05-01T13:30:00Z", ["bowl", "vase"]),
        ("added > 2024-05-01T13:30:00Z", ["vase"]),
        ("added <= '2024-05-01 13:30'", ["mug", "bowl"]),
        ("added > 20240501", []),  # a number is no date
    ],
)
def test_filters_on_missing_values_texts_and_dates(text, ids):
    columns = LayeredColumns.of(SHELF)
    mask = columns.mask(parse_filter(text))
    assert [one.item_id for one, passes in zip(SHELF, mask, strict=True) if passes] == ids


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("price = cheap", "price is a number, got 'cheap'; price = null finds items without"),
        ("price in [cheap, dear]", "price is a number, got 'cheap'"),
        ("price = true", "price is a number, got 'True'"),
        ("price > 2024-05-01", "price is a number: filter it by a number, a range of numbers"),
        ("price contains 5", "price is a number: filter it by a number, a range of numbers"),
        ("title > 5", "title is a text: filter it with contains, not by a range"),
    ],
)
def test_a_condition_that_no_item_can_meet_is_refused(text, message):
    with pytest.raises(BadQuery, match=message):
        LayeredColumns.of(SHELF).mask(parse_filter(text))


def test_numbers_and_dates_are_values_to_sort_by(columns):
    assert columns.sort_values("price")[:3].tolist() == [10, 20, 30]
    assert np.isnan(columns.sort_values("price")[3])
    assert columns.sort_values("size")[:3].tolist() == [38, 38.5, 39]  # the least of several
    dates = LayeredColumns.of(SHELF).sort_values("added")
    assert dates[0] < dates[1] < dates[2]
    assert np.isnan(dates[3])
    with pytest.raises(BadQuery, match="cannot sort by 'color': no item has a number or a date"):
        columns.sort_values("color")
    with pytest.raises(BadQuery, match="unknown sort field 'colour'"):
        columns.sort_values("colour")


def test_no_filter_passes_everything(columns):
    assert columns.mask(None).tolist() == [True] * 4


def test_a_number_and_its_text_are_the_same_value(columns):
    assert (
        columns.mask(Match("size", (42,))).tolist() == columns.mask(Match("size", ("42",))).tolist()
    )
    assert columns.mask(Match("size", (38.5,))).tolist() == [False, True, False, False]


def test_an_accent_is_one_letter_however_it_is_written():
    names = ["Caf\u00e9/Cups", "Cafe\u0301/Cups"]  # as one types it; as some systems name folders
    columns = LayeredColumns.of([item("a", names[1:], x=names[1])])
    columns = columns.with_changes({1: item("b", names[:1], x=names[0])}, 2)
    for name in names:
        assert columns.mask(Match("category", (name,))).tolist() == [True, True]
        assert columns.mask(Match("x", (name.upper(),))).tolist() == [True, True]
    assert facet(columns, "x") == [(names[1], 2)]
    assert columns.sizes("category") == {"caf\u00e9": 2, "caf\u00e9/cups": 2}


def test_a_long_article_number_is_found_by_all_its_digits():
    numbers = [12345678901234567, 12345678901234568]  # one and the same as floats
    columns = LayeredColumns.of([item(str(n), [], sku=str(n)) for n in numbers])
    assert columns.mask(Match("sku", (numbers[0],))).tolist() == [True, False]
    assert columns.mask(parse_filter(f"sku = {numbers[1]}")).tolist() == [False, True]


def test_an_unknown_field_lists_the_fields_of_the_shop(columns):
    with pytest.raises(
        BadQuery, match="unknown filter field 'colour'; this shop has category"
    ) as caught:
        passing(columns, "colour = red")
    assert str(caught.value).endswith("item_id, product_id, color, ean, new, size")
    assert caught.value.param == "filter"
    with pytest.raises(BadQuery, match="unknown facet field 'colour'") as caught:
        facet(columns, "colour")
    assert caught.value.param == "facets"


def test_a_stock_that_says_neither_is_refused(columns):
    with pytest.raises(BadQuery, match="in_stock must be true or false, got 'maybe'"):
        passing(columns, "in_stock = maybe")


def test_a_python_number_with_underscores_is_no_number():
    columns = LayeredColumns.of([item("a", [], code="1_000")])
    assert columns.mask(Range("code", above=5)).tolist() == [False]


def facet(
    columns: LayeredColumns, key: str, mask: list[bool] | None = None
) -> list[tuple[str, int]]:
    chosen = np.array(mask) if mask else columns.mask(None)
    product = np.arange(len(chosen))
    return [(one.value, one.count) for one in columns.facet(key, chosen, product)]


def test_facets_count_values_most_frequent_first_in_the_spelling_first_seen(columns):
    assert facet(columns, "color") == [("Red", 2), ("blue", 1)]
    assert facet(columns, "attributes.new") == [("false", 1), ("true", 1)]
    assert facet(columns, "in_stock") == [("true", 3), ("false", 1)]


def test_facets_count_categories_with_all_that_is_below_them(columns):
    assert facet(columns, "category") == [
        ("Home", 3),
        ("Gifts", 1),
        ("Home/Mugs", 1),
        ("Wear", 1),
        ("Wear/Shoes", 1),
        ("Wear/Shoes/Boots", 1),
        ("home/bowls", 1),
    ]


def test_facets_count_only_the_items_of_the_mask(columns):
    assert facet(columns, "color", [False, True, True, True]) == [("Red", 1), ("blue", 1)]
    assert facet(columns, "color", [False, False, False, True]) == []


def test_the_price_has_no_facet(columns):
    with pytest.raises(BadQuery, match="price is a number: filter it by range"):
        facet(columns, "price")


def test_an_item_in_two_categories_of_one_parent_counts_once_there():
    columns = LayeredColumns.of([item("a", ["Home/Mugs", "Home/Gifts", "home"])])
    assert facet(columns, "category") == [("Home", 1), ("Home/Gifts", 1), ("Home/Mugs", 1)]


def test_fields_are_offered_when_they_have_few_values_on_enough_items(columns):
    assert columns.facet_fields() == ["category", "color", "new", "size", "in_stock"]
    rare = {"rare": "x"}
    many = LayeredColumns.of(
        [item(str(n), [], serial=str(n), one="same", **(rare if n < 9 else {})) for n in range(100)]
    )
    assert many.facet_fields() == ["in_stock"]


def test_prices_and_numbers_that_no_two_items_share_are_not_offered_value_by_value():
    rows = [
        {"old price": price, "Preis alt": f"{price} EUR", "price range": band, "weight": weight}
        for price, band, weight in ((60, "50-75", 1.2), (60, "50-75", 1.3), (80, "75-99", 1.4))
    ]
    columns = LayeredColumns.of([item(str(n), [], **row) for n, row in enumerate(rows)])
    assert columns.facet_fields() == ["price range", "in_stock"]
    assert facet(columns, "weight") == [("1.2", 1), ("1.3", 1), ("1.4", 1)]  # if asked for


def test_fields_that_few_items_have_are_not_counted_to_be_offered(monkeypatch):
    named = [item(str(n), [], color="red", **{f"only {n}": "x"}) for n in range(8)]
    columns = LayeredColumns.of(named)
    counted: list[str] = []
    tally = Columns.tally
    monkeypatch.setattr(
        Columns, "tally", lambda self, key, mask: counted.append(key) or tally(self, key, mask)
    )
    assert columns.facet_fields() == ["in_stock"]
    assert counted == ["category", "attributes.color"]


def test_no_more_fields_are_offered_than_one_query_counts_and_those_that_most_items_have():
    everywhere = {f"field {n:02}": "x" for n in range(20)}
    first = everywhere | {"field 00": "y", "field 01": "y"}
    rows = [{name: f"{value}{at}" for name, value in first.items()} for at in range(2)]
    rows.append({name: "x0" for name in everywhere if name != "field 03"})
    columns = LayeredColumns.of([item(str(n), ["Home"], **row) for n, row in enumerate(rows)])
    kept = [name for name in sorted(everywhere) if name != "field 03"][: MAX_FACETS - 2]
    assert columns.facet_fields() == ["category", *kept, "in_stock"]


def test_an_attribute_that_has_a_fields_name_is_offered_so_that_it_can_be_asked_for():
    named = [
        Item(item_id=n, product_id=n, price=p, attributes={"price": n})
        for n, p in (("old", 1.0), ("new", 2.0))
    ]
    columns = LayeredColumns.of(named)
    assert columns.facet_fields() == ["attributes.price", "in_stock"]
    assert facet(columns, "attributes.price") == [("new", 1), ("old", 1)]
    assert columns.mask(parse_filter("attributes.price = old")).tolist() == [True, False]
    assert columns.mask(parse_filter("price = 2")).tolist() == [False, True]


def test_sizes_count_every_category_in_small_letters(columns):
    assert columns.sizes("category")["home"] == 3
    assert columns.sizes("category")["wear/shoes"] == 1


def test_a_shop_without_items_answers_too():
    columns = LayeredColumns.of([])
    assert (
        columns.mask(parse_filter("category = x and price < 3 and in_stock = yes")).tolist() == []
    )
    assert columns.facet_fields() == ["in_stock"]
    assert facet(columns, "category") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("color", "red"), ("heel height", "low"), ("size", '7" plate'), ("print", "null")],
)
def test_a_value_that_words_name_is_reported_as_a_filter_that_finds_its_items(field, value):
    items = [item("cup", ["Home"], **{field: value}), item("pan", ["Home"], **{field: "other"})]
    columns = LayeredColumns.of(items)
    mask, condition = columns.items_with(name_key(value))
    assert mask.tolist() == [True, False]
    assert columns.mask(parse_filter(condition)).tolist() == [True, False]
