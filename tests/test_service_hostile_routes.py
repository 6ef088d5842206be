"""Every route with a body gets the same hostile bodies: each is refused, and none is an error."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Services

KEY = "0123456789abcdef0123"
JSON, FORM = "application/json", "multipart/form-data; boundary=b"
DEEP = b"[" * 100_000
IMAGE = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
BODIES = {
    "deep arrays": (JSON, DEEP),
    "deep objects": (JSON, b'{"a":' * 900 + b"1" + b"}" * 900),
    "many values": (JSON, b"[" + b"null," * 150_000 + b"null]"),
    "many names": (JSON, b"{" + b",".join(b'"k%d":1' % number for number in range(5000)) + b"}"),
    "a long number": (JSON, b'{"a":' + b"9" * 5000 + b"}"),
    "half a character": (JSON, b'{"\\ud800":"\\ud800"}'),
    "not a number": (JSON, b'{"limit":NaN}'),
    "another encoding": (JSON, '{"a":1}'.encode("utf-16")),
    "compressed": (JSON, b"\x1f\x8b\x08\0\0"),
    "no boundary": ("multipart/form-data", b"x"),
    "part headers": (FORM, b"--b\r\n" + b"X: y\r\n" * 10_000 + b"\r\n1\r\n--b--\r\n"),
    "a part header": (FORM, b"--b\r\nX: " + b"y" * 300_000 + b"\r\n\r\n1\r\n--b--\r\n"),
    "near boundaries": (FORM, IMAGE + b"\r\n--bx" * 50_000 + b"\r\n--b--\r\n"),
    "bytes": ("application/octet-stream", bytes(1000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_every_route_refuses_a_hostile_body(http_with_key, name):
    kind, body = BODIES[name]
    headers = {"authorization": f"Bearer {KEY}", "content-type": kind}
    paths = http_with_key.get("/openapi.json").json()["paths"]
    asked = 0
    for path, operations in paths.items():
        for method, operation in operations.items():
            if "requestBody" not in operation:
                continue
            asked += 1
            url = re.sub(r"\{\w+\}", "red-mug", path)
            sent = http_with_key.client.request(method, url, content=body, headers=headers)
            reply = http_with_key.run(sent)
            where = f"{method} {path}: {reply.status_code} {reply.text[:200]}"
            assert 400 <= reply.status_code < 500, where
            assert reply.headers["content-type"] == "application/problem+json", where
    assert asked >= 20


@pytest.fixture(scope="module")
def http_with_key(tiny_shop):
    services = Services(tiny_shop)
    yield services.start(write_key=KEY)
    services.close()
