"""Hostile and broken input: each piece gets its own refusal, and harms nobody."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import threading
import zlib

import pytest

from search.query import MAX_PARTS
from service.http import security
from service.http.schemas import MAX_DIM, SearchBody
from tests.searchcalls import upload


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and brings next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def assert_refused(response, code: str, *words: str, status: int = 422, param: str | None = None):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["code"] == code, body
    for word in words:
        assert word in body["detail"]
    if param is not None:
        assert body["param"] == param


BROKEN = {
    "empty": (b"", "0 bytes"),
    "text": (b"hello, I am not a picture", "text"),
    "html": (b"<!DOCTYPE html><html></html>", "HTML"),
    "pdf": (b"%PDF-1.7 ....", "PDF"),
    "huge claim": (png_header(30_000, 30_000), "megapixels"),
    "no pixels": (png_header(0, 5), "PNG"),
    "few pixels": (png_header(64, 64), "PNG"),
    "only a start": (b"\xff\xd8\xff", "JPEG"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_picture_is_refused_with_what_was_found(http, name):
    data, word = BROKEN[name]
    assert_refused(upload(http, data), "bad_image", word, param="image")
    if data:
        part = {"image": base64.b64encode(data).decode()}
        assert_refused(http.post("/v1/search", json={"parts": [part]}), "bad_image", word)


def test_a_truncated_jpeg_is_refused(http, photo):
    data = photo("red")
    assert_refused(upload(http, data[: len(data) // 2]), "bad_image", "JPEG")


def test_name_and_type_of_an_upload_are_not_believed(http, photo):
    names = ("../../etc/passwd", "x.exe", "a\r\nX-Evil: 1.jpg", "\x00", "")
    for name in names:
        files = {"image": (name, photo("red"), "text/html")}
        response = http.post("/v1/search/image", files=files)
        assert response.status_code == 200
        assert "x-evil" not in response.headers
    lie = http.post("/v1/search/image", files={"image": ("a.jpg", b"text", "image/jpeg")})
    assert_refused(lie, "bad_image", "text")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b'"parts"',
        b"{",
        b'{"parts": [{"text": "mug"}]',
        b'{"parts": [{"text": "mug"}]} trailing',
        b"\xff\xfe",
        b'{"parts": "red"}',
        b'{"parts": []}',
        b'{"parts": [null]}',
        b'{"parts": [{}]}',
        b'{"parts": [{"text": "mug", "item_id": "red-mug"}]}',
        b'{"parts": [{"text": 3}]}',
        b'{"parts": [{"text": ""}]}',
        b'{"parts": [{"text": "mug", "box": [0, 0, 1, 1]}]}',
        b'{"parts": [{"text": "mug", "weight": "heavy"}]}',
        b'{"parts": [{"text": "mug", "weight": NaN}]}',
        b'{"parts": [{"text": "mug", "weight": Infinity}]}',
        b'{"parts": [{"text": "mug", "weight": 1e400}]}',
        b'{"parts": [{"text": "mug", "wieght": 1}]}',
        b'{"parts": [{"text": "mug"}], "limit": 0}',
        b'{"parts": [{"text": "mug"}], "limit": -1}',
        b'{"parts": [{"text": "mug"}], "limit": 1.5}',
        b'{"parts": [{"text": "mug"}], "limit": "10"}',
        b'{"parts": [{"text": "mug"}], "limit": 1e99}',
        b'{"parts": [{"text": "mug"}], "limit": null}',
        b'{"parts": [{"text": "mug"}], "facets": "color"}',
        b'{"parts": [{"text": "mug"}], "group": "shelf"}',
        b'{"parts": [{"text": "mug"}], "filter": 7}',
        b'{"parts": [{"text": "mug"}], "color": "red"}',
        b'{"parts": [{"text": "\\ud800"}]}',
        b'{"parts": [{"embedding": []}]}',
        b'{"parts": [{"embedding": ["a"]}]}',
        b'{"parts": [{"embedding": [NaN]}]}',
    ],
)
def test_a_body_of_wrong_types_is_an_invalid_request(http, body):
    headers = {"content-type": "application/json"}
    response = http.post("/v1/search", content=body, headers=headers)
    assert_refused(response, "invalid_request")


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"parts": [{"text": "mug", "weight": 0}]}, "bad_query", "weight"),
        ({"parts": [{"text": "mug", "weight": -1}]}, "bad_query", "weight"),
        ({"parts": [{"text": "   "}]}, "bad_query", "text"),
        ({"parts": [{"text": "mug"}], "filter": "price <"}, "bad_query", "filter"),
        ({"parts": [{"text": "mug"}], "filter": {"must": 3}}, "bad_query", None),
        ({"parts": [{"text": "mug"}], "filter": {"shall": []}}, "bad_query", None),
        ({"parts": [{"text": "mug"}], "limit": 1001}, "invalid_request", "limit"),
        ({"parts": [{"image": "not base64!"}]}, "bad_image", "parts.0.image"),
        ({"parts": [{"image": "AA==", "box": [0.5, 0, 0.5, 1]}]}, "bad_image", "box"),
        ({"parts": [{"image": "AA==", "box": [0, 0, 2, 1]}]}, "invalid_request", None),
        ({"parts": [{"image": "AA==", "box": [0, 0, 1]}]}, "invalid_request", None),
    ],
)
def test_a_question_that_makes_no_sense_names_its_field(http, fields, code, param):
    assert_refused(http.post("/v1/search", json=fields), code, param=param)


def test_a_vector_of_another_length_is_a_mismatch_that_names_both(http):
    response = http.post("/v1/search", json={"parts": [{"embedding": [1.0, 2.0]}]})
    assert_refused(response, "index_mismatch", "112", "2", status=409)


def test_a_vector_of_zeros_has_no_direction(http):
    response = http.post("/v1/search", json={"parts": [{"embedding": [0.0] * 112}]})
    assert_refused(response, "bad_query", param="embedding")


def test_a_vector_of_numbers_beyond_fp32_is_refused_without_a_warning(http):
    response = http.post("/v1/search", json={"parts": [{"embedding": [1e300] * 112}]})
    assert_refused(response, "bad_query", "finite", param="embedding")


def test_an_unknown_item_in_a_part_is_a_404(http):
    response = http.post("/v1/search", json={"parts": [{"item_id": "nope"}]})
    assert_refused(response, "unknown_item", status=404)


@pytest.mark.parametrize("depth", [60, 500, 100_000])
def test_deep_nesting_is_refused_and_not_followed(http, depth):
    deep = '{"must": [' * depth + "{}" + "]}" * depth
    body = f'{{"parts": [{{"text": "mug"}}], "filter": {deep}}}'
    headers = {"content-type": "application/json"}
    response = http.post("/v1/search", content=body, headers=headers)
    assert response.status_code == (422 if depth < 100_000 else 413)  # not even parsed
    form = upload(http, b"x", filter=deep)
    assert form.status_code == 422
    brackets = "(" * depth + "price < 3" + ")" * depth
    response = http.post("/v1/search", json={"parts": [{"text": "mug"}], "filter": brackets})
    assert response.status_code == 422


@pytest.mark.parametrize("value", [b"{}", b"[]", b"1"])
def test_json_of_more_values_than_any_question_has_is_not_read(http, monkeypatch, value):
    read: list[bytes] = []
    monkeypatch.setattr(SearchBody, "model_validate_json", read.append)
    many = b",".join([value] * 200_001)
    body = b'{"parts": [{"text": "mug"}], "filter": {"must": [' + many + b"]}}"
    response = http.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert_refused(response, "too_large", "more than 200000 commas", status=413, param="body")
    assert read == []


def test_the_longest_vectors_there_can_be_are_read(http):
    part = {"embedding": [0.5] * MAX_DIM}
    values = [str(n) for n in range(10_000)]
    condition = {"key": "color", "match": {"any": values}}
    response = http.post("/v1/search", json={"parts": [part] * MAX_PARTS, "filter": condition})
    assert_refused(response, "index_mismatch", str(MAX_DIM), "112", status=409)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("text/plain", "/v1/search"),
        ("application/x-www-form-urlencoded", "/v1/search"),
        ("multipart/form-data; boundary=x", "/v1/search"),
        ("", "/v1/search"),
        ("text/plain", "/v1/search/image"),
        ("application/json", "/v1/search/image"),
        ("multipart/form-data", "/v1/search/image"),
    ],
)
def test_another_content_type_is_told_which_is_expected(http, kind, path):
    response = http.post(path, content=b"{}", headers={"content-type": kind})
    assert_refused(response, "unsupported_media_type", "expected", status=415)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "boundary"),
        (b"no boundary at all", "broken"),
        (b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nabc', "boundary"),
        (b"--b\r\n\r\n\r\n--b--\r\n", ""),
        (b"--b--\r\n", ""),
        (b'--b\r\nContent-Disposition: form-data; name="limit"\r\n\r\n\xff\r\n--b--\r\n', "UTF-8"),
        (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n', "x"),
        (
            b'--b\r\nContent-Disposition: form-data; name="limit"\r\n\r\n1\r\n' * 2 + b"--b--\r\n",
            "twice",
        ),
        (
            b"".join(
                b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % i
                for i in range(99)
            )
            + b"--b--\r\n",
            "fields",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n'
            + b"a" * 70_000
            + b"\r\n--b--\r\n",
            "more than 64000",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
            + b"\r\n--bx" * 20_000
            + b"\r\n--b--\r\n",
            "more than 1000 lines that begin with its boundary",
        ),
        (b"--b\r\n" + b"X: y\r\n" * 5000 + b"\r\n1\r\n--b--\r\n", "header count"),
        (b"--b\r\nX: " + b"y" * 90_000 + b"\r\n\r\n1\r\n--b--\r\n", "header size"),
    ],
)
def test_a_broken_form_is_an_invalid_request(http, body, word):
    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = http.post("/v1/search/image", content=body, headers=headers)
    assert_refused(response, "invalid_request", word)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"weight": "nan"}, "weight"),
        ({"weight": "inf"}, "weight"),
        ({"weight": "0"}, "weight"),
        ({"box": "0,0,1"}, "box"),
        ({"box": "a,b,c,d"}, "box"),
        ({"box": "nan,0,1,1"}, "box"),
        ({"box": "0.5,0,0.5,1"}, "box"),
        ({"group": "shelf"}, "group"),
        ({"filter": "{"}, "filter"),
        ({"filter": "price <"}, "filter"),
        ({"text": "x" * 2000}, "text"),
    ],
)
def test_a_wrong_form_field_is_named(http, photo, fields, param):
    response = upload(http, photo("red"), **fields)
    assert response.status_code == 422
    assert response.json()["param"] == param


def test_a_setting_may_lower_the_limit(serve, photo):
    http = serve(max_limit=5)
    assert upload(http, photo("red"), limit="5").status_code == 200
    assert_refused(upload(http, photo("red"), limit="6"), "bad_query", "5", param="limit")


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused(http, announced):
    block = bytes(1_000_000)

    async def blocks():
        for _ in range(33):
            yield block

    headers = {"content-type": "multipart/form-data; boundary=b"}
    if announced:
        headers["content-length"] = str(33 * len(block))
    response = http.post("/v1/search/image", content=blocks(), headers=headers)
    assert_refused(response, "too_large", "32 MB", status=413)


def test_a_photo_of_just_the_limit_is_read(serve, photo):
    http = serve(max_upload_mb=1)
    data = photo("red") + bytes(1_000_000 - len(photo("red")))  # JPEG readers stop at its end
    assert upload(http, data).status_code == 200
    assert_refused(upload(http, data + b"\0"), "bad_image", "1 MB")


def test_uploads_together_may_not_hold_more_memory_than_set(serve, photo):
    http = serve(max_held_mb=1)
    assert_refused(upload(http, bytes(1_100_000)), "overloaded", status=503)
    assert upload(http, photo("red")).status_code == 200  # what was held is free again


def test_memory_of_large_uploads_goes_back_to_the_system(http, monkeypatch):
    given = threading.Event()
    monkeypatch.setattr(security, "give_memory_back", given.set)
    upload(http, bytes(20_000))
    assert not given.is_set()
    monkeypatch.setattr(security, "_MUCH_FREED", 10_000)
    upload(http, bytes(20_000))
    assert given.wait(10)


def test_an_upload_that_stops_is_given_up(serve):
    http = serve(body_timeout_s=0.05)

    async def slow():
        yield b"--b\r\n"
        await asyncio.sleep(5)

    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = http.post("/v1/search/image", content=slow(), headers=headers)
    assert_refused(response, "request_timeout", status=408)


def test_hostile_requests_leave_the_service_as_it_was(http, photo):
    before = upload(http, photo("blue")).json()["hits"]
    for data, _ in BROKEN.values():
        upload(http, data)
    assert upload(http, photo("blue")).json()["hits"] == before


def test_a_page_of_json_with_duplicate_keys_takes_the_last(http):
    body = json.dumps({"parts": [{"text": "mug"}]})[:-1] + ', "limit": 3, "limit": 2}'
    headers = {"content-type": "application/json"}
    response = http.post("/v1/search", content=body, headers=headers)
    assert len(response.json()["hits"]) == 2
