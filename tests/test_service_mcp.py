"""A shop as tools for an assistant, called by the SDK's own client."""

from __future__ import annotations

import asyncio
import base64
import logging
import shutil

import pytest

from tests.conftest import COLORS, jpeg, plain

pytest.importorskip("mcp", reason="needs the extra mcp")

from mcp.client.client import Client

from indexer.encoders.registry import load_encoder
from indexer.jobs.rebuild import rebuild_index
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine
from service.assistants.fresh_engine import FreshEngine
from service.assistants.local_shop import LocalShop
from service.assistants.tools import shop_server

RED = jpeg(plain(COLORS["red"]))


@pytest.fixture
def call(tiny_shop):
    """A function that calls a tool, and returns its answer and whether it is an error."""
    shop = FreshEngine(tiny_shop)

    async def one(tool, arguments):
        async with Client(shop_server(LocalShop(shop), "shop", "1")) as client:
            result = await client.call_tool(tool, arguments)
            if result.is_error:
                return result.content[0].text, True
            answer = result.structured_content
            return answer.get("result", answer), False

    yield lambda tool, **arguments: asyncio.run(one(tool, arguments))
    shop.close()


def test_the_tools_describe_themselves(tiny_shop):
    async def described():
        async with Client(shop_server(LocalShop(FreshEngine(tiny_shop)), "shop", "1")) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(described())}
    assert set(tools) == {"search_by_text", "search_by_image", "similar_items", "item", "recommend"}
    assert all(tool.description for tool in tools.values())
    words = tools["search_by_text"].input_schema["properties"]
    assert words["limit"]["maximum"] == 50


def test_the_log_is_as_it_was(tiny_shop, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    shop_server(LocalShop(FreshEngine(tiny_shop)), "shop", "1")
    assert logging.getLogger().handlers == []


def test_each_tool_answers_with_items_of_the_shop(call, tmp_path):
    found, _ = call("search_by_text", words="red mug", limit=1, filter="price < 100")
    assert found[0]["item_id"] == "red-mug"
    assert found[0]["price"] == 15.0
    assert found[0]["attributes"] == {"color": "red"}
    photo = tmp_path / "red.jpg"
    photo.write_bytes(RED)
    for given in (str(photo), base64.b64encode(RED).decode()):
        found, _ = call("search_by_image", photo=given, limit=2)
        assert [hit["item_id"] for hit in found] == ["red-shoe", "red-mug"]
    assert call("similar_items", item_id="red-mug", limit=1)[0][0]["item_id"] == "red-shoe"
    assert call("item", item_id="red-mug")[0]["title"] == "Red mug"
    assert call("recommend", user_id="nobody", limit=2)[0][0]["reason"]


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("item", {"item_id": "none"}, "no item 'none' in this shop"),
        ("search_by_text", {"words": "mug", "filter": "price <"}, "filter"),
        ("search_by_text", {"words": "mug", "limit": 1000}, "50"),
        ("search_by_image", {"photo": "/no/such/file.jpg"}, "no image file is at"),
        ("search_by_image", {"photo": "a\0b"}, "image"),
        ("search_by_image", {"photo": "/etc/hostname"}, "image"),
    ],
)
def test_an_error_is_told_to_the_assistant(call, tool, arguments, message):
    answer, is_error = call(tool, **arguments)
    assert is_error
    assert message in answer


@pytest.fixture
def own_shop(tiny_shop, tmp_path):
    """A copy of the shop, to be changed."""
    folder = tmp_path / "shop"
    shutil.copytree(tiny_shop, folder)
    return folder


def test_a_new_generation_serves_from_the_next_call_on(own_shop):
    shop = FreshEngine(own_shop)
    with shop.lease() as engine:
        before = engine.generation
    with SearchEngine.open(own_shop) as engine:
        engine.delete(["white-mug"])
    with shop.lease() as engine:
        assert len(engine.by_text("mug", 20)) == 5  # a write of another process
    rebuild_index(ShopFolder(own_shop), load_encoder("color"))
    with shop.lease() as engine:
        assert engine.generation > before
        assert engine.by_text("red mug", 1)[0].item_id == "red-mug"
    shop.close()


def test_a_call_that_still_runs_keeps_its_generation_open(own_shop):
    shop = FreshEngine(own_shop)
    with shop.lease() as running:
        running.delete(["white-mug"])
        rebuild_index(ShopFolder(own_shop), load_encoder("color"))
        with shop.lease() as later:
            assert later.generation > running.generation
        assert running.by_text("red mug", 1)[0].item_id == "red-mug"
    shop.close()
