"""The Python client, in both forms, against the service itself."""

from __future__ import annotations

import asyncio
import shutil
from inspect import signature

import httpx
import pytest

from service.client import AsyncVitrine, ServiceError, ServiceUnreachable, Vitrine
from service.client import calls as calls_module
from service.client.calls import as_text
from tests.conftest import COLORS, jpeg, plain
from tests.suggested import suggest
from tests.writecalls import KEY

RED = jpeg(plain(COLORS["red"]))


@pytest.fixture
def app(serve, tiny_shop, tmp_path):
    shop = tmp_path / "shop"
    shutil.copytree(tiny_shop, shop)
    return serve(shop=shop, write_key=KEY)


@pytest.fixture(params=["waits", "is awaited"])
def shop(request, app):
    """A function that calls a method of a client of one form, and returns what it returns."""
    if request.param == "waits":

        def answer(sent: httpx.Request) -> httpx.Response:
            reply = app.run(
                app.client.request(
                    sent.method, str(sent.url), content=sent.read(), headers=sent.headers
                )
            )
            headers = {k: v for k, v in reply.headers.items() if k != "content-encoding"}
            return httpx.Response(reply.status_code, content=reply.content, headers=headers)

        client = Vitrine(
            "http://shop/", KEY, http=httpx.Client(transport=httpx.MockTransport(answer))
        )
        return lambda name, *given, **options: getattr(client, name)(*given, **options)
    awaited = AsyncVitrine("http://shop", KEY, http=app.client)
    return lambda name, *given, **options: app.run(getattr(awaited, name)(*given, **options))


def test_every_search_finds_what_it_should(shop, tmp_path):
    photo = tmp_path / "red.jpg"
    photo.write_bytes(RED)
    for given in (RED, photo, str(photo)):
        reply = shop("search_image", given, limit=2, filter="in_stock = true")
        assert [hit.item_id for hit in reply.hits] == ["red-shoe", "red-mug"]
    boxed = shop("search_image", RED, boxes=[(0, 0, 0.5, 1), (0.5, 0, 1, 1)], limit=1)
    assert len(boxed.groups) == 2
    assert shop("search_text", "red mug", limit=1).hits[0].item_id == "red-mug"
    parts = [{"image": RED}, {"text": "mug", "weight": 0.5}]
    mixed = shop("search", parts, limit=1, facets=["color"], exclude=["red-shoe"])
    assert mixed.hits[0].item_id == "red-mug"
    assert "color" in mixed.facets
    assert shop("similar", "red-mug", limit=1).hits[0].item_id == "red-shoe"
    both = shop("search_batch", [{"parts": parts}, {"parts": [{"item_id": "none"}]}])
    assert both.results[0].reply is not None
    assert both.results[1].problem is not None
    assert both.results[1].problem.code == "unknown_item"


def test_suggestions_are_decided_one_or_many(shop, tmp_path):
    suggest(tmp_path / "shop", {f"{name}-mug": ("style", "Plain") for name in ("red", "blue")})
    assert [one.suggestion.value for one in shop("suggestions", "red-mug").suggestions] == ["Plain"]
    with pytest.raises(ServiceError, match="not suggested"):
        shop("decide", "red-mug", "color", "Red")
    refused = shop("decide", "red-mug", "style", "Plain", accepted=False)
    assert [one.by for one in refused.suggestions] == ["operator"]
    accepted = {"item_id": "blue-mug", "attribute": "style", "value": "Plain"}
    assert shop("decide_all", [accepted]).decided == 1
    found = shop("all_suggestions", attribute="style", state="accepted", limit=5)
    assert [one.item_id for one in found.suggestions] == ["blue-mug"]
    assert [(one.open, one.accepted, one.refused) for one in found.attributes] == [(0, 1, 1)]


def test_reviews_are_read_and_drafts_written(shop):
    assert shop("reviews", "red-mug", limit=1).reviews == []
    made = shop("draft", "red-mug", tone="short", seed=1)
    assert (made.item_id, made.tone) == ("red-mug", "short")


def test_items_are_read_and_written(shop):
    assert shop("item", "red-mug").price == 15.0
    assert shop("image", "red-mug", size=80)[:2] == b"\xff\xd8"
    assert shop("put", [{"id": "red-mug", "price": 12.5}]).refused == 0
    assert shop("item", "red-mug").price == 12.5
    with pytest.raises(ServiceError) as changed:
        shop("patch", "red-mug", {"price": 1}, etag='"what I read"')
    assert (changed.value.status, changed.value.code) == (412, "precondition_failed")
    assert shop("patch", "red-mug", {"price": 11}).status == "updated"
    assert shop("delete", "white-mug").status == "deleted"
    with pytest.raises(ServiceError, match="404 unknown_item"):
        shop("item", "white-mug")


def test_events_become_recommendations_and_can_be_erased(shop):
    event = {"user_id": "ann", "item_id": "red-shoe", "type": "view"}
    assert shop("send_events", [event]).stored == 1
    assert shop("recommend", "ann", limit=1).items[0].item_id == "red-mug"
    session = shop("recommend_session", [{"item_id": "red-shoe"}], limit=1)
    assert session.items[0].item_id == "red-mug"
    assert shop("erase_user", "ann").events == 1


def test_the_state_of_the_service_is_read(shop):
    assert shop("status").items == 12
    with pytest.raises(ServiceError) as refused:
        shop("generations")
    assert refused.value.status == 403


def test_all_items_are_gone_through_page_by_page(app):
    async def ids():
        client = AsyncVitrine("http://shop", http=app.client)
        return [item.item_id async for item in client.items(page=5)]

    found = app.run(ids())
    assert len(found) == 12
    assert found == sorted(found)


def test_both_clients_have_the_same_methods():
    names = {name for name in vars(Vitrine) if not name.startswith("_")}
    assert names == {name for name in vars(AsyncVitrine) if not name.startswith("_")}
    for name in names:
        waits, awaited = (signature(getattr(kind, name)) for kind in (Vitrine, AsyncVitrine))
        assert waits.parameters == awaited.parameters, name


def answers(*replies):
    """A client whose service gives these replies in turn, and the requests that it sent."""
    left, sent = list(replies), []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Vitrine("http://shop", http=http), sent


def problem(status, **headers):
    reply = {"type": "x", "title": "x", "status": status, "detail": "wait", "code": "overloaded"}
    body = {**reply, "param": None, "request_id": "1"}
    return httpx.Response(status, json=body, headers=headers)


def test_a_request_is_sent_again_when_the_service_says_when():
    status = {"retry-after": "0"}
    client, sent = answers(problem(503, **status), problem(429, **status), problem(503, **status))
    with pytest.raises(ServiceError) as error:
        client.status()
    assert (len(sent), error.value.retry_after_s) == (3, 0.0)
    assert "authorization" not in sent[0].headers


@pytest.mark.parametrize(
    "reply", [problem(503), problem(503, **{"retry-after": "600"}), problem(422)]
)
def test_a_request_is_not_sent_again_otherwise(reply):
    client, sent = answers(reply)
    with pytest.raises(ServiceError):
        client.status()
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (httpx.ConnectError("refused"), "http://shop does not answer: refused"),
        (httpx.Response(502, text="<h1>Bad gateway</h1>"), "replied 502: <h1>Bad gateway"),
        (httpx.Response(200, text="<html>"), "did not reply as Vitrine does"),
        (httpx.Response(500), "replied 500: an empty reply"),
    ],
)
def test_what_is_no_reply_of_the_service_is_told(reply, message):
    client, _ = answers(reply)
    with pytest.raises(ServiceUnreachable, match=message):
        client.search_text("mug")


def test_options_become_text_as_forms_take_it():
    assert as_text(["a", "b"]) == "a,b"
    assert as_text({"brand": "Acme"}) == '{"brand": "Acme"}'
    assert (as_text(True), as_text(0.5), as_text("x")) == ("true", "0.5", "x")


def test_without_httpx_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with pytest.raises(ImportError, match=r"pip install 'vitrine\[client\]'"):
        calls_module.http_library()


def test_a_client_closes_its_connections(app):
    async def use():
        async with AsyncVitrine("http://shop") as client:
            pass
        return client._http.is_closed

    assert asyncio.run(use())
    with Vitrine("http://shop") as client:
        pass
    assert client._http.is_closed
