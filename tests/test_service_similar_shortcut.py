"""GET /v1/items/{id}/similar is answered before FastAPI, with the same replies and errors."""

from __future__ import annotations

import re

import pytest

from service.http import similar_shortcut
from service.http.middleware import RAW_ID

PATH = "/v1/items/red-shoe/similar"
TWICE = "limit=1&limit=3"  # FastAPI reads this, and takes the last


def without_times(response):
    return {name: value for name, value in response.json().items() if name != "timings"}


def questions():
    yield "", "limit=3", "limit=3&group=item", "facets=category", "filter=price+%3C+12"
    yield "limit=0", "limit=many", "colour=red", "filter=price+%3C", "facets=", TWICE
    yield (
        "min_score=nan",
        "explain=perhaps",
        "user=ann",
        "sort=price",
        "cursor=x",
        "exclude=red-mug",
    )


@pytest.mark.slow
def test_every_reply_is_that_of_fastapi(serve, monkeypatch):
    http = serve(answer_cache_mb=0)
    asked = [f"{PATH}?{query}" for some in questions() for query in some]
    short_replies = [http.get(path) for path in asked]
    monkeypatch.setattr(similar_shortcut, "_PATH", re.compile(r"(?!)"))  # matches no path
    for path, short in zip(asked, short_replies, strict=True):
        long = http.get(path)
        assert long.status_code == short.status_code, path
        assert long.headers["content-type"] == short.headers["content-type"]
        if long.status_code == 200:
            assert without_times(long) == without_times(short)
        else:
            assert long.json() | {"request_id": ""} == short.json() | {"request_id": ""}


def test_requests_count_under_the_name_of_their_route(http):
    for query in ("limit=3", "limit=0"):
        http.get(f"{PATH}?{query}")
    lines = http.get("/metrics").text.splitlines()
    routes = [line for line in lines if line.startswith("vitrine_requests_total")]
    named = [line for line in routes if 'route="/v1/items/{item_id}/similar"' in line]
    assert any('status="200"' in line for line in named)
    assert any('status="422"' in line for line in named)


def test_an_id_with_a_slash_is_decoded_once():
    encoded = {"query_string": b"limit=3", RAW_ID: True}
    item_id, params = similar_shortcut._read("a%2Fb%252F", encoded)
    assert (item_id, params.limit) == ("a/b%2F", 3)
    assert similar_shortcut._read("a%2Fb", {"query_string": b""})[0] == "a%2Fb"


@pytest.mark.parametrize(
    ("item_id", "query"),
    [
        ("mug", b"limit=0"), ("mug", b"limit=1&limit=2"), ("mug", b"facets="),
        ("mug", b"colour=red"), ("%ff", b""), ("x" * 2000, b""),
    ],
)  # fmt: skip
def test_what_fastapi_may_read_otherwise_is_left_to_it(item_id, query):
    assert similar_shortcut._read(item_id, {"query_string": query, RAW_ID: True}) is None
