"""Comparing two generations by the shop's own items, whatever came with them."""

from __future__ import annotations

import pytest

from indexer.encoders.color import ColorEncoder
from indexer.errors import BadCatalog
from search.engine import SearchEngine
from search.quality.compare import compare
from tests.spokes import draft, new_shop


def told(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def test_items_without_a_picture_are_left_out_by_name(make_shop):
    shop = make_shop()
    with (
        SearchEngine.open(shop, encoder=ColorEncoder()) as first,
        SearchEngine.open(shop, encoder=ColorEncoder()) as second,
    ):
        first.put([draft("vector-only", 0)])
        for engine in (first, second):
            engine.refresh()
        found = compare(first, second, [], progress=told)
    assert found.queries == 12
    assert found.overlap.value == 1
    assert [one.item_id for one in found.skipped] == ["vector-only"]
    assert "image 0 of item 'vector-only' is gone" in found.skipped[0].reason


def test_a_shop_of_vectors_alone_cannot_be_compared_without_photos(tmp_path):
    shop = new_shop(tmp_path / "shop", draft("a", 0), draft("b", 10))
    with (
        SearchEngine.open(shop.path) as first,
        SearchEngine.open(shop.path) as second,
        pytest.raises(BadCatalog, match=r"none of 2 items can be searched with.*; give --queries"),
    ):
        compare(first, second, [], progress=told)
