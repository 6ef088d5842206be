"""Routes are functions over the state of the app: called here without an app or a server."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager
from types import SimpleNamespace

import msgspec
import pytest
from fastapi import Request

from indexer.errors import BadQuery
from indexer.items import Item
from service.http.appstate import AppState, bind
from service.http.item_schemas import ItemsParams
from service.http.job_events import JobEvents
from service.http.rates import RateLimits
from service.http.replies import ItemReply
from service.http.routes.items import item, items
from service.runtime.metrics import Metrics
from service.runtime.recognition import SharedRecognizer
from service.runtime.resized import ResizedImages
from service.runtime.workers import WorkerPools, Workers
from service.settings import Settings

MUG = Item(item_id="a/b", product_id="mug", title="Mug", images=["1.jpg", "2.jpg"])


class OneItem:
    """What serves, to the routes: an engine of one item, always open."""

    def __init__(self) -> None:
        self.engine = SimpleNamespace(
            item=lambda _: MUG,
            items=lambda limit: [MUG][:limit],
            vitals=lambda: SimpleNamespace(items=1),
        )

    @asynccontextmanager
    async def lease(self):
        yield self


@pytest.fixture
def state():
    kinds = WorkerPools._fields
    pools = WorkerPools(*(Workers(1, queue=1, deadline_s=60, name=kind) for kind in kinds))
    settings = Settings(max_limit=20)
    yield AppState(
        settings,
        OneItem(),
        pools,
        Metrics(),
        RateLimits(settings),
        SharedRecognizer(),
        JobEvents(),
        ResizedImages(1),
    )
    pools.close()


def request(root: str = "") -> Request:
    return Request({"type": "http", "headers": [], "root_path": root})


def test_a_route_answers_from_the_state_that_it_is_given(state):
    response = asyncio.run(item(state, request("/shop"), "a/b"))
    reply = msgspec.json.decode(response.body, type=ItemReply)
    assert reply.title == "Mug"
    assert reply.image_urls == [f"/shop/v1/items/a%2Fb/image?index={index}" for index in (0, 1)]


def test_a_reply_holds_fields_that_the_store_leaves_out(state):
    response = asyncio.run(items(state, request(), ItemsParams(limit=1)))
    (found,) = msgspec.json.decode(response.body)["items"]
    assert set(found) == set(ItemReply.__struct_fields__)
    assert (found["price"], found["in_stock"], found["attributes"]) == (None, True, {})


def test_a_route_obeys_the_settings_of_its_state(state):
    with pytest.raises(BadQuery, match="from 1 to 20, got 21"):
        asyncio.run(items(state, request(), ItemsParams(limit=21)))


def test_a_bound_route_shows_every_argument_but_the_state(state):
    bound = bind(items, state)
    assert list(inspect.signature(bound).parameters) == ["request", "params"]
    assert bound.__doc__ == items.__doc__


def test_the_pools_count_what_waits_by_kind_of_work(state):
    assert state.pools.waiting() == dict.fromkeys(
        ("decoding", "searching", "costly", "reading", "writing", "events", "styling"), 0
    )
