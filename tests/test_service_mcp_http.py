"""A shop as tools for an assistant over HTTP, called by the SDK's own client."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import COLORS, jpeg, plain
from tests.webserver import serving

pytest.importorskip("mcp", reason="needs the extra mcp")

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from service.apikey import Scope
from service.keyfile import KeyFile
from service.settings import Settings

RED = jpeg(plain(COLORS["red"]))
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"accept": "application/json, text/event-stream"}


class Service:
    """A service whose reads need a key, and the keys of it."""

    def __init__(self, url: str, tokens: dict[Scope, str]) -> None:
        self.url = url
        self.tokens = tokens

    def call(self, tool: str, scope: Scope = Scope.READ, **arguments: Any) -> tuple[Any, bool]:
        """Call a tool; its answer, and whether it is an error."""
        return asyncio.run(self._call(tool, self.tokens[scope], arguments))

    async def _call(self, tool: str, token: str, arguments: dict[str, Any]) -> tuple[Any, bool]:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=120) as http,
            Client(streamable_http_client(f"{self.url}/mcp", http_client=http)) as client,
        ):
            result = await client.call_tool(tool, arguments)
            if result.is_error:
                return result.content[0].text, True
            answer = result.structured_content
            return answer.get("result", answer), False


@pytest.fixture(scope="module")
def service(tiny_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    shop = shutil.copytree(tiny_shop, tmp_path_factory.mktemp("mcp") / "shop")
    tokens = {scope: KeyFile(shop).add(scope, scope) for scope in Scope}
    with serving(Settings(shop=shop, mcp=True, require_key=True, request_log=False)) as url:
        yield Service(url, tokens)


@pytest.fixture
def post(serve: Callable[..., Any]) -> Callable[..., Any]:
    """Sends a body to /mcp of a service with these settings."""

    def send(body: bytes, headers: dict[str, str] | None = None, **settings: Any) -> Any:
        http = serve(mcp=True, **settings)
        sent = {"content-type": "application/json", **ACCEPT, **(headers or {})}
        return http.post("/mcp", content=body, headers=sent)

    return send


@pytest.mark.slow
def test_each_tool_answers_with_items_of_the_shop(service: Service) -> None:
    found, _ = service.call("search_by_text", words="red mug", limit=1, filter="price < 100")
    assert (found[0]["item_id"], found[0]["price"]) == ("red-mug", 15.0)
    photo = base64.b64encode(RED).decode()
    for given in (photo, f"data:image/jpeg;base64,{photo}"):
        found, _ = service.call("search_by_image", photo=given, limit=2)
        assert [hit["item_id"] for hit in found] == ["red-shoe", "red-mug"]
    assert service.call("similar_items", item_id="red-mug", limit=1)[0][0]["item_id"] == "red-shoe"
    assert service.call("item", item_id="red-mug")[0]["title"] == "Red mug"
    assert service.call("recommend", Scope.WRITE, user_id="nobody", limit=2)[0][0]["reason"]


@pytest.mark.slow
def test_an_error_is_told_as_the_api_tells_it(service: Service, tmp_path: Path) -> None:
    photo = tmp_path / "red.jpg"
    photo.write_bytes(RED)
    for tool, arguments, message in [
        ("item", {"item_id": "none"}, "no item 'none' in this shop"),
        ("search_by_text", {"words": "mug", "filter": "price <"}, "filter"),
        ("search_by_text", {"words": "mug", "limit": 1000}, "50"),
        ("search_by_text", {"words": "m" * 2000}, "1000"),
        ("search_by_image", {"photo": str(photo)}, "not base64"),  # no file of the service
        ("search_by_image", {"photo": base64.b64encode(b"GIF89a").decode()}, "image"),
        ("recommend", {"user_id": "ann"}, "the scope read, and this needs write"),
    ]:
        answer, is_error = service.call(tool, **arguments)
        assert is_error
        assert message in answer, (tool, answer)


@pytest.mark.slow
def test_without_a_key_nothing_is_answered_where_reading_needs_one(service: Service) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        reply = httpx2.post(f"{service.url}/mcp", json=INITIALIZE, headers=ACCEPT | headers)
        assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized")


def test_it_is_off_unless_the_setting_says_so(serve: Callable[..., Any]) -> None:
    reply = serve().post("/mcp", json=INITIALIZE)
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"[" * 300_000, {}, 413),  # would take gigabytes when parsed
        (b"[" * 5_000, {}, 400),
        (b"", {}, 400),
        (b"{", {}, 400),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}', {}, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"x" * 3_000_000, {}, 413),
        (json.dumps(INITIALIZE).encode(), {"origin": "https://other.example"}, 403),
        (json.dumps(INITIALIZE).encode(), {"origin": "http://shop"}, 200),  # its own
        (json.dumps(INITIALIZE).encode(), {"mcp-session-id": "x" * 100}, 200),
    ],
)
def test_what_is_no_message_is_refused(
    post: Callable[..., Any], body: bytes, headers: dict[str, str], status: int
) -> None:
    assert post(body, headers, max_upload_mb=1).status_code == status


def test_pages_of_listed_origins_may_call_it(post: Callable[..., Any]) -> None:
    origin = "https://shop.example"
    reply = post(json.dumps(INITIALIZE).encode(), {"origin": origin}, cors_origins=origin)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == origin


def test_calls_count_as_searches_of_their_client(serve: Callable[..., Any]) -> None:
    http = serve(mcp=True, searches_per_s=0.001, searches_burst=1)
    arguments = {"name": "search_by_text", "arguments": {"words": "mug"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments}
    results = [http.post("/mcp", json=message, headers=ACCEPT).json()["result"] for _ in range(2)]
    assert [result["isError"] for result in results] == [False, True]
    assert "too many searches" in results[1]["content"][0]["text"]
