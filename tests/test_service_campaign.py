"""POST /v1/campaign: a picture of an item, bounded like POST /v1/style."""

from __future__ import annotations

import io
import threading

import pytest
from PIL import Image


def ask(http, **fields):
    body = {"item_id": "red-shoe", "width": 320, "height": 400, **fields}
    return http.post("/v1/campaign", json=body)


def test_a_picture_of_an_item_is_drawn(http):
    made = ask(http)
    assert (made.status_code, made.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(made.content)).size == (320, 400)
    assert float(made.headers["x-text-contrast"]) >= 4.5
    assert made.headers["x-title-shortened"] == "false"
    assert ask(http).content == made.content
    styled = ask(http, style="noir", format="png", template={"page": "#ffffff"})
    assert styled.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"item_id": "nothing"}, 404, "unknown_item", "item_id"),
        ({"index": 9}, 404, "unknown_item", "index"),
        ({"style": "watrcolor"}, 422, "unknown_style", "style"),
        ({"strength": 0.5}, 422, "invalid_request", None),
        ({"width": 100}, 422, "invalid_request", "width"),
        ({"width": 3000}, 422, "invalid_request", "width"),
        ({"width": 240, "height": 800}, 422, "invalid_request", None),
        ({"colour": "red"}, 422, "invalid_request", "colour"),
        ({"template": {"pgae": "x"}}, 422, "bad_template", "template"),
        ({"template": {"page": 7}}, 422, "bad_template", "template"),
        ({"template": {"logo": "/etc/passwd"}}, 422, "bad_template", "template"),
        ({"template": {"font": "x.ttf"}}, 422, "bad_template", "template"),
    ],
)
def test_a_wrong_request_is_a_problem(http, fields, status, code, param):
    reply = ask(http, **fields)
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert (reply.status_code, problem["code"], problem["param"]) == (status, code, param)


def test_a_body_that_is_no_small_json_is_refused(http):
    assert http.post("/v1/campaign", files={"image": b"x"}).status_code == 415
    headers = {"content-type": "application/json"}
    assert http.post("/v1/campaign", content=b"{", headers=headers).status_code == 422
    large = b'{"item_id": "' + b"x" * 200_000 + b'"}'
    assert http.post("/v1/campaign", content=large, headers=headers).status_code == 413


def test_a_picture_counts_as_many_searches(serve):
    http = serve(searches_per_s=0.001, searches_burst=50)
    assert ask(http).status_code == 200
    assert (ask(http).status_code, ask(http).json()["code"]) == (429, "too_many_requests")


def test_searches_do_not_wait_for_a_picture_that_is_drawn(http, monkeypatch, photo):
    begun, go_on = threading.Event(), threading.Event()

    def slowly(*_):
        begun.set()
        assert go_on.wait(120)
        raise AssertionError("drawn")

    monkeypatch.setattr("service.http.routes.campaign.draw_poster", slowly)

    async def search() -> int:
        import asyncio

        drawing = asyncio.ensure_future(
            http.client.post("/v1/campaign", json={"item_id": "red-shoe"})
        )
        await asyncio.to_thread(begun.wait, 60)
        found = await http.client.post("/v1/search/image", files={"image": photo("red")})
        go_on.set()
        await drawing
        return found.status_code

    assert http.run(search()) == 200
