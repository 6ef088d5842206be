"""Writes over HTTP that are refused: without a key, out of the folder, of a wrong body."""

from __future__ import annotations

import os

import pytest

from tests.conftest import COLORS, jpeg, plain
from tests.writecalls import BEARER, KEY, call, outcomes, put, shop, writing

__all__ = ["shop", "writing"]  # fixtures


def test_a_lone_surrogate_is_refused_and_answered(writing):
    body = b'{"items": [{"id": "\\ud800", "title": "\\ud800"}]}'
    headers = {**BEARER, "content-type": "application/json"}
    response = call(writing, "PUT", "/v1/items", content=body, headers=headers)
    assert response.status_code in (200, 422), response.text
    assert writing.get("/v1/status").json()["items"] == 12


OUTSIDE = {
    "/etc/passwd": "outside",
    "../secret.jpg": "outside",
    "images/../../secret.jpg": "outside",
    "images\\..\\..\\secret.jpg": "outside",
    "link.jpg": "outside",
    "folder/secret.jpg": "outside",
    "pipe": "not a file",
    "images": "not a file",
    "http://127.0.0.1/x.jpg": "a URL",
    "file:///etc/passwd": "a URL",
    "a\0b": "outside",
    "nothing.jpg": "no such image",
    "x" * 900: "no such image",
}


def test_no_file_outside_the_image_root_is_read(writing, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(jpeg(plain(COLORS["red"])))
    (tmp_path / "catalog" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "catalog" / "folder").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "catalog" / "pipe")
    response = put(writing, *({"id": f"i{n}", "images": [p]} for n, p in enumerate(OUTSIDE)))
    for reason, one in zip(OUTSIDE.values(), response.json()["results"], strict=True):
        assert one["status"] == "refused"
        assert reason in one["images"][0]["reason"], one
    assert writing.get("/v1/status").json()["items"] == 12


def test_without_an_image_root_no_file_is_read(serve, shop):
    http = serve(shop=shop, write_key=KEY)
    response = put(http, {"id": "x", "images": ["images/red-mug-1.jpg"]})
    assert outcomes(response) == [("x", "refused")]
    assert "neither sent nor stored" in response.json()["results"][0]["images"][0]["reason"]


@pytest.mark.parametrize("image", ["/9j/4AAQSkZJRg" * 200, 5])
def test_what_is_no_form_of_an_image_is_told_the_forms(writing, image):
    (refused,) = put(writing, {"id": "x", "images": [image]}).json()["results"]
    assert refused["reason"] == (
        'images.0: an image is a name of at most 1000 characters, {"data": BASE64}, or a data URI'
    )


WRITES = [
    ("PUT", "/v1/items"),
    ("POST", "/v1/items/delete"),
    ("PATCH", "/v1/items/red-mug"),
    ("DELETE", "/v1/items/red-mug"),
]


def test_without_a_key_in_the_settings_nobody_writes(serve, shop):
    http = serve(shop=shop)
    for method, path in WRITES:
        for headers in ({}, BEARER, {"authorization": "Bearer "}, {"authorization": "Bearer None"}):
            response = call(http, method, path, headers=headers)
            assert (response.status_code, response.json()["code"]) == (403, "writes_disabled")
            assert "VITRINE_WRITE_KEY" in response.json()["detail"]
    assert http.get("/v1/status").json()["items"] == 12


WRONG = [
    {},
    {"authorization": "Bearer wrong"},
    {"authorization": f"Basic {KEY}"},
    {"authorization": KEY},
    {"authorization": f"Bearer {KEY}x"},
    {"authorization": f"Bearer {KEY[:-1]}"},
    {"api-key": "wrong"},
    {"authorization": b"Bearer \xe9"},
]


def test_a_missing_or_wrong_key_writes_nothing(writing):
    for method, path in WRITES:
        for headers in WRONG:
            response = call(writing, method, path, headers=headers)
            assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"
            assert KEY not in response.text
    assert writing.get("/v1/status").json()["items"] == 12


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_key_that_is_not_ascii_is_known_however_it_was_sent(serve, shop, encoding):
    key = "Schlüssel der Vitrine"
    http = serve(shop=shop, write_key=key)
    for name, value in ((b"authorization", f"Bearer {key}"), (b"api-key", key)):
        headers = {name: value.encode(encoding)}
        assert call(http, "DELETE", "/v1/items/nope", headers=headers).status_code == 404
    headers = {b"authorization": f"Bearer {key}?".encode(encoding)}
    assert call(http, "DELETE", "/v1/items/nope", headers=headers).status_code == 401


def test_the_key_may_come_as_api_key_too(writing):
    assert call(writing, "DELETE", "/v1/items/red-mug", headers={"api-key": KEY}).status_code == 200


NO_ITEMS = [
    (b"", "items"),
    (b"{", "items"),
    (b"[]", "items"),
    (b"{}", "items"),
    (b"7", None),
    (b'{"items": 7}', "items"),
    (b'{"items": [], "more": 1}', "items"),
    (b"[" * 100_000, "items"),
    (b'{"items": [' + b'{"id":"x"},' * 10_000 + b'{"id":"x"}]}', "items"),
    (b"\xff\xfe", "items"),
]


def test_a_body_that_holds_no_items_is_a_problem(writing):
    headers = {**BEARER, "content-type": "application/json"}
    for body, param in NO_ITEMS:
        response = call(writing, "PUT", "/v1/items", content=body, headers=headers)
        assert response.status_code == 422, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["param"] == param


def test_another_content_type_is_refused(writing):
    headers = {**BEARER, "content-type": "text/csv"}
    response = call(writing, "PUT", "/v1/items", content=b"id\nx\n", headers=headers)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
