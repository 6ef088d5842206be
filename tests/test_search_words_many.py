"""Words that many items have: every page, in one order, also after writes."""

from __future__ import annotations

import random

import pytest

from search.engine import SearchEngine
from search.live.id_order import IdOrder
from search.query import Query, TextPart
from tests.spokes import draft, new_shop

LAMPS = [f"lamp-{number:03}" for number in range(120)]


@pytest.fixture(scope="module")
def lamps(tmp_path_factory):
    """A shop of 120 lamps with the same words, two of each product."""
    drafts = [
        draft(item_id, 0, product_id=f"p{number // 2}", title="brass lamp")
        for number, item_id in enumerate(LAMPS)
    ]
    shop = new_shop(tmp_path_factory.mktemp("lamps") / "shop", *drafts)
    with SearchEngine.open(shop.path) as engine:
        yield engine


def pages(engine: SearchEngine, limit: int, **fields) -> list[str]:
    found, cursor = [], None
    while True:
        asked = Query(parts=[TextPart("brass lamp")], limit=limit, cursor=cursor, **fields)
        reply = engine.search(asked)
        found += [hit.item_id for hit in reply.hits]
        cursor = reply.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 60, 200])
def test_the_pages_of_words_have_every_item_once_and_ties_by_id(lamps, limit):
    if limit > 1:
        assert pages(lamps, limit, group="item") == LAMPS
    assert pages(lamps, limit) == LAMPS[::2]  # the first of each product


def test_the_total_counts_all_items_with_the_words(lamps):
    assert lamps.search(Query(parts=[TextPart("lamp")], limit=1, group="item")).total == 120


def test_ties_are_by_id_after_writes_too(tmp_path):
    shop = new_shop(tmp_path / "shop", *(draft(name, 0, title="lamp") for name in "cgk"))
    with SearchEngine.open(shop.path) as engine:
        engine.put([draft(name, 0, title="lamp") for name in "zaeh"])
        engine.delete(["g"])
        engine.refresh()
        assert [hit.item_id for hit in engine.by_text("lamp")] == list("acehkz")


def test_ids_are_ranked_however_they_are_added():
    names = [f"{number:04}" for number in range(300)]
    random.Random(1).shuffle(names)
    ids = names[:50]
    order = IdOrder(ids)
    for end in (51, 51, 120, 300):
        before = order.ranks
        ids.extend(names[len(ids) : end])
        order.extend()
        assert [sorted(ids)[rank] for rank in order.ranks] == ids
        assert len(before) <= len(order.ranks)
