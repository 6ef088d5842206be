"""Headers on every reply, and what a client may put into ours."""

from __future__ import annotations

import pytest

PATHS = ["/", "/docs", "/livez", "/openapi.json", "/v1/items/red-shoe", "/v1/items/no", "/nope"]


@pytest.mark.parametrize("path", PATHS)
def test_every_reply_carries_the_security_headers(http, path):
    headers = http.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert directive in policy
    assert ("unsafe-inline" in policy) == (path == "/docs")
    assert "unsafe-eval" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["permissions-policy"].startswith("camera=(self)")
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize("sent", ["abc-123", "0af7651916cd43dd8448eb211c80319c", "a/b:c=d+e@f"])
def test_a_harmless_request_id_comes_back(http, sent):
    for path in ("/livez", "/nope"):
        assert http.get(path, headers={"x-request-id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize(
    "sent", [b"a\r\nSet-Cookie: x=1", b"a b", b"<script>", b"\xff", b"", b"x" * 129]
)
def test_a_request_id_that_could_do_harm_is_replaced(http, sent):
    response = http.get("/nope", headers={b"x-request-id": sent})
    ours = response.headers["x-request-id"]
    assert ours.encode() != sent
    assert 8 < len(ours) < 24
    assert response.json()["request_id"] == ours
    assert "set-cookie" not in response.headers


def test_two_requests_have_two_ids(http):
    assert http.get("/livez").headers["x-request-id"] != http.get("/livez").headers["x-request-id"]


@pytest.mark.parametrize(
    ("host", "status"),
    [("shop.example", 200), ("SHOP.example:8000", 200), ("[::1]:80", 200), ("evil.example", 400)],
)
def test_a_foreign_host_name_is_refused_where_hosts_are_set(serve, host, status):
    http = serve(allowed_hosts="Shop.example, [::1]")
    response = http.get("/livez", headers={"host": host})
    assert response.status_code == status
    if status == 400:
        assert response.json()["code"] == "bad_host"


def test_pages_come_without_any_outside_host(http):
    for path in ("/", "/docs"):
        response = http.get(path)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        for attribute in ('src="http', 'href="http', 'src="//', 'href="//'):
            assert attribute not in response.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("start.js", "text/javascript; charset=utf-8"),
        ("LICENSE", None),
    ],
)
def test_the_documentation_page_finds_its_files(http, path, kind):
    response = http.get(f"/web/vendor/swagger-ui/{path}")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"
    if kind:
        assert response.headers["content-type"] == kind
    etag = response.headers["etag"]
    again = http.get(f"/web/vendor/swagger-ui/{path}", headers={"if-none-match": etag})
    assert again.status_code == 304
