"""Items over HTTP and by ``vitrine put`` whose pictures are behind URLs."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future

import pytest

from indexer.fetching.client import Response
from service.cli.main import main
from service.http import fetching
from service.http.fetching import fetch_all, urls_of
from tests.conftest import COLORS, jpeg, plain
from tests.imageserver import ImageServer
from tests.writecalls import KEY, call, outcomes, put, shop

__all__ = ["shop"]  # a fixture


@pytest.fixture
def server():
    made = ImageServer()
    made.pictures["/red.jpg"] = jpeg(plain(COLORS["red"], spot=3))
    yield made
    made.close()


@pytest.fixture
def writing(serve, shop, server):
    """The service, which may fetch from the server of pictures."""
    return serve(
        shop=shop, write_key=KEY, fetch_hosts=server.host, fetch_networks="127.0.0.0/8, 10.1.2.0/24"
    )


def test_a_picture_behind_a_url_is_fetched_where_it_is_allowed(writing, server):
    item = {"id": "teal", "title": "Teal kettle", "images": [server.url("/red.jpg")]}
    assert outcomes(put(writing, item)) == [("teal", "created")]
    assert server.hits == {"/red.jpg": 1}
    assert writing.get("/v1/items/teal/image").status_code == 200
    similar = writing.get("/v1/items/teal/similar", params={"limit": 1}).json()["hits"]
    assert similar[0]["item_id"].startswith("red")
    assert outcomes(put(writing, item)) == [("teal", "unchanged")]
    change = {"images": [server.url("/red.jpg"), "http://169.254.169.254/"]}
    reply = call(writing, "PATCH", "/v1/items/teal", json=change).json()
    assert (reply["status"], reply["images"][0]["image"]) == ("updated", "http://169.254.169.254/")
    assert "VITRINE_FETCH_HOSTS 169.254.169.254 allows it" in reply["images"][0]["reason"]


def test_each_picture_that_is_not_fetched_is_named(writing, server):
    images = [server.url("/red.jpg"), server.url("/gone.jpg"), "http://evil.example/x.jpg"]
    reply = put(writing, {"id": "teal", "images": images}).json()["results"][0]
    assert reply["status"] == "created"
    reasons = {image["image"]: image["reason"] for image in reply["images"]}
    assert reasons[images[1]] == "the answer is 404 Not Found"
    assert "evil.example is not allowed" in reasons[images[2]]
    assert server.hits == {"/red.jpg": 1, "/gone.jpg": 1}


def test_nothing_is_fetched_unless_a_host_is_named(serve, shop, server):
    closed = serve(shop=shop, write_key=KEY)
    reply = put(closed, {"id": "teal", "images": [server.url("/red.jpg")]}).json()["results"][0]
    assert reply["status"] == "refused"
    assert not server.hits


def test_urls_are_found_in_every_kind_of_body():
    item = {"id": "a", "images": ["a.jpg", "https://x/1", {"data": "aa"}, 3, "http://x/2"]}
    for body in ({"items": [item, item]}, [item], item):
        assert urls_of(body) == ["https://x/1", "http://x/2"]
    assert urls_of({"items": "x", "images": None}) == urls_of(7) == []


def test_a_request_fetches_a_limited_number_of_pictures(writing, server, monkeypatch):
    monkeypatch.setattr(fetching, "MAX_FETCHED", 4)  # two pictures of a host in a second
    images = [[server.url(f"/{n}-{m}") for m in range(2)] for n in range(3)]
    items = [{"id": str(n), "images": urls} for n, urls in enumerate(images)]
    results = put(writing, *items).json()["results"]
    assert sum(server.hits.values()) == 4
    assert "more than 4 pictures behind URLs" in results[2]["images"][0]["reason"]


class _HeldFetcher:
    """A fetcher whose pictures arrive when the test says so; counts the bytes that are held."""

    def __init__(self):
        self.futures = []
        self.held = 0

    def submit(self, _url):
        future = Future()
        future.set_running_or_notify_cancel()
        self.futures.append(future)
        return future

    def arrive(self, future, data):
        self.held += len(data)
        future.set_result(Response(data, "", ""))

    def release(self, response):
        self.held -= len(response.data)


def test_no_bytes_stay_held_when_one_fetch_fails_unexpectedly():
    fetcher = _HeldFetcher()

    async def fetch():
        work = asyncio.create_task(fetch_all(fetcher, ["http://a/1", "http://a/2", "http://a/3"]))
        await asyncio.sleep(0)  # until the first picture is awaited
        first, second, third = fetcher.futures
        fetcher.arrive(second, b"12345")
        first.set_exception(RuntimeError("not foreseen"))
        with pytest.raises(RuntimeError, match="not foreseen"):
            await work
        fetcher.arrive(third, b"123")

    asyncio.run(fetch())
    assert fetcher.held == 0


def test_the_command_put_fetches_too(shop, server, tmp_path, capsys):
    catalog = tmp_path / "more.jsonl"
    catalog.write_text(json.dumps({"id": "teal", "images": [server.url("/red.jpg")]}))
    command = ["put", str(catalog), "--shop", str(shop), "--fetch", "--allow-host", server.host]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--allow-network", "127.0.0.0/8"])
    assert ended.value.code == 0
    assert "1 items added" in capsys.readouterr().out
