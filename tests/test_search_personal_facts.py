"""What a catalog states about items, as columns of numbers."""

from __future__ import annotations

import msgspec
import numpy as np

from indexer.items import Item
from search.live.layers import LayeredColumns
from search.personal.facts import SCALE, FactCode, ItemFacts, choose_code, facts_of


def mugs(count: int) -> list[Item]:
    """Mugs of two colors, at prices from 1 up."""
    return [
        Item(
            item_id=f"mug-{n}",
            product_id=f"mug-{n}",
            title="Mug",
            categories=["Home/Coffee Mugs"],
            price=float(n + 1),
            attributes={"color": ["Deep Red", "white"] if n % 2 else ["white"], "size": n % 3},
        )
        for n in range(count)
    ]


def test_words_of_categories_and_attributes_are_facts_and_prices_are_numbers():
    facts = facts_of(LayeredColumns.of(mugs(20)))
    assert facts.words["category: mugs"].tolist() == list(range(20))
    assert facts.words["attributes.color: red"].tolist() == list(range(1, 20, 2))
    assert facts.words["attributes.size: 2"].tolist() == list(range(2, 20, 3))  # few sizes: words
    assert facts.numbers["price"].tolist() == [n + 1.0 for n in range(20)]
    assert list(facts.numbers) == ["price"]


def test_changed_and_deleted_items_have_the_facts_that_they_have_now():
    changed = msgspec.structs.replace(mugs(8)[3], attributes={"color": ["blue"]})
    columns = LayeredColumns.of(mugs(8)).with_changes({3: changed, 5: None}, 8)
    facts = facts_of(columns)
    assert facts.words["attributes.color: red"].tolist() == [1, 7]
    assert facts.words["attributes.color: blue"].tolist() == [3]


def test_words_of_few_items_have_no_column_and_numbers_have_some_bounds():
    words = {"color: red": np.arange(5), "color: blue": np.arange(4)}
    code = choose_code(ItemFacts(words, {"price": np.arange(80.0)}))
    assert code.words == ["color: red"]
    assert [bound for _, bound in code.bounds] == [10, 20, 30, 40, 49, 59, 69]
    table = code.table(ItemFacts(words, {"price": np.array([25.0, np.nan])}), 5)
    assert table[:, 0].tolist() == [SCALE] * 5
    assert table[0, 1:].tolist() == [SCALE, SCALE, 0, 0, 0, 0, 0]
    assert not table[1, 1:].any()


def test_a_catalog_without_facts_and_one_that_lost_a_field_have_columns_of_zeros():
    assert len(choose_code(facts_of(LayeredColumns.of([])))) == 0
    code = FactCode(words=["color: red"], bounds=[("price", 3.0)])
    assert not code.table(ItemFacts({}, {}), 2).any()
