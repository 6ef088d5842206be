"""Every error has one shape, its own status and code, and gives nothing away."""

from __future__ import annotations

import logging

import pytest

from indexer import errors
from indexer.errors import VitrineError
from service.http.problems import STATUS, code_of, problem_of

FIELDS = {"type", "title", "status", "detail", "code", "param", "request_id"}


class Refusing:
    """An engine that raises the same error whatever it is asked."""

    generation = "000001"

    def __init__(self, encoder, error: Exception) -> None:
        self.encoder = encoder
        self.error = error

    def search(self, query):
        raise self.error

    def refresh(self) -> bool:
        return False

    def check_ready(self) -> None:
        pass

    def close(self) -> None:
        pass


def ask(serve, engine, error):
    refusing = Refusing(engine.encoder, error)
    http = serve(open_engine=lambda _: refusing, current=lambda: "000001")
    return http.post("/v1/search", json={"parts": [{"text": "mug"}]})


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("BadImage", 422, "bad_image"),
        ("BadCatalog", 422, "bad_catalog"),
        ("BadQuery", 422, "bad_query"),
        ("UnknownItem", 404, "unknown_item"),
        ("EncoderNotFound", 503, "encoder_not_found"),
        ("BadEncoder", 503, "bad_encoder"),
        ("IndexNotFound", 503, "index_not_found"),
        ("IndexMismatch", 409, "index_mismatch"),
        ("IndexCorrupt", 503, "index_corrupt"),
        ("StoreFull", 507, "store_full"),
        ("CannotWrite", 500, "cannot_write"),
        ("StoreBusy", 409, "store_busy"),
        ("Conflict", 409, "conflict"),
        ("CannotPromise", 409, "cannot_promise"),
        ("Overloaded", 503, "overloaded"),
        ("VitrineError", 500, "vitrine_error"),
    ],
)
def test_each_error_of_the_tree_has_its_status_and_code(serve, engine, name, status, code):
    error = getattr(errors, name)("expected this, got that", param="the-field")
    response = ask(serve, engine, error)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == FIELDS
    assert (body["status"], body["code"], body["param"]) == (status, code, "the-field")
    assert body["detail"] == "expected this, got that"
    assert body["request_id"] == response.headers["x-request-id"]
    assert ("retry-after" in response.headers) == (status == 503)


def test_no_error_of_the_tree_was_forgotten():
    tree = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    assert {k for k in tree if issubclass(k, VitrineError)} - {VitrineError} == set(STATUS)


def test_a_subclass_has_the_status_of_its_parent():
    class BlurredPhoto(errors.BadImage):
        pass

    reply = problem_of({}, BlurredPhoto("too blurred"))
    assert reply.status_code == 422
    assert code_of(BlurredPhoto("")) == "blurred_photo"


def test_an_unexpected_error_is_logged_and_not_quoted(serve, engine, caplog):
    secret = "the password is swordfish"
    with caplog.at_level(logging.ERROR, "vitrine.service"):
        response = ask(serve, engine, RuntimeError(secret))
    assert response.status_code == 500
    body = response.json()
    assert set(body) == FIELDS
    assert body["code"] == "internal_error"
    assert secret not in response.text
    assert body["request_id"] in caplog.text
    assert secret in caplog.text  # with its traceback
    assert "content-security-policy" in response.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("GET", "/v1/", 404, "not_found"),
        ("GET", "/web/nothing.js", 404, "not_found"),
        ("GET", "/web/../settings.py", 404, "not_found"),
        ("GET", "/web/%2e%2e/settings.py", 404, "not_found"),
        ("PUT", "/v1/search", 405, "method_not_allowed"),
        ("DELETE", "/v1/items", 405, "method_not_allowed"),
        ("DELETE", "/v1/items/red-shoe", 403, "writes_disabled"),
        ("POST", "/livez", 405, "method_not_allowed"),
        ("PUT", "/web/app.js", 405, "method_not_allowed"),
    ],
)
def test_what_is_no_route_is_a_problem_too(http, method, path, status, code):
    response = http.run(http.client.request(method, path))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert set(response.json()) == FIELDS
    assert response.json()["code"] == code


def test_a_refused_method_is_told_which_are_allowed(http):
    response = http.run(http.client.put("/v1/search"))
    assert response.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/items", "GET, HEAD, PUT"),
        ("PATCH", "/v1/items/x/image", "GET, HEAD"),
        ("DELETE", "/v1/items/x/image", "GET, HEAD"),
        ("PATCH", "/v1/items/a/b/similar", "GET, HEAD"),
        ("PATCH", "/v1/items/a/b/draft", "POST"),
        ("POST", "/v1/items/x", "DELETE, GET, HEAD, PATCH"),
        ("PUT", "/v1/items/delete", "DELETE, GET, HEAD, PATCH, POST"),
        ("OPTIONS", "/v1/search/image", "POST"),
        ("PUT", "/web/app.js", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
    ],
)
def test_a_refused_method_is_told_of_all_that_are_allowed(serve, method, path, allowed):
    http = serve(write_key="0123456789abcdef")
    headers = {"api-key": "0123456789abcdef"}
    response = http.run(http.client.request(method, path, headers=headers))
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("path", "kind", "takes_photos"),
    [
        ("/v1/search/image", "text/plain", True),
        ("/v1/recognize", "image/jpeg", False),
        ("/v1/classify", "image/jpeg", False),
    ],
)
def test_only_a_route_that_takes_the_photo_itself_as_its_body_offers_that(
    http, path, kind, takes_photos
):
    reply = http.post(path, content=b"x", headers={"content-type": kind})
    assert reply.status_code == 415
    assert reply.json()["detail"].endswith(f"got {kind}")
    assert ("or a photo as image/jpeg" in reply.json()["detail"]) == takes_photos


@pytest.mark.parametrize("item_id", ["image", "similar", "x%2Fimage", "a/b"])
def test_an_id_may_look_like_what_is_below_an_item(http, item_id):
    response = http.get(f"/v1/items/{item_id}")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_item")


@pytest.mark.parametrize("name", ["StoreFull", "IndexCorrupt", "IndexNotFound", "StoreBusy"])
def test_no_path_of_the_machine_is_in_a_reply(serve, engine, tiny_shop, name):
    text = f"{tiny_shop}/catalog.lmdb cannot be written to '/srv/my shop/x' (/mnt/a/b.faiss)"
    detail = ask(serve, engine, getattr(errors, name)(text)).json()["detail"]
    assert str(tiny_shop) not in detail
    assert detail.startswith("shop/catalog.lmdb cannot be written")
    assert "/mnt/" not in detail


def test_what_the_client_sent_is_quoted_as_it_was(http):
    response = http.post("/v1/search", json={"parts": [{"text": "x"}], "filter": "/a/b/c = 3"})
    assert "/a/b/c" in response.json()["detail"] or response.status_code == 422


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"filter": "x" * 5000}, "filter: String should have at most 4000 characters"),
        ({"filter": 7}, "filter: Input should be a valid string or Input should be an object"),
        ({"limit": "ten"}, "limit: Input should be a valid integer"),
    ],
)
def test_messages_name_fields_and_no_inner_types(http, fields, detail):
    response = http.post("/v1/search", json={"parts": [{"text": "mug"}], **fields})
    body = response.json()
    assert body["detail"].startswith(detail), body
    assert body["param"] == next(iter(fields))
    for inner in ("constrained", "lax-or-strict", "dict[", "[str", "function-"):
        assert inner not in body["detail"]


def test_a_refused_attribute_is_named_without_the_types_it_might_have(serve):
    http = serve(write_key="0123456789abcdef")
    item = {"id": "x", "attributes": {"size-in-cm": {}, "str": {}}}
    headers = {"api-key": "0123456789abcdef"}
    response = http.run(http.client.put("/v1/items", json={"items": [item]}, headers=headers))
    reason = response.json()["results"][0]["reason"]
    assert reason.startswith("attributes.size-in-cm: ")
    assert "attributes.str: " in reason
    assert "list[" not in reason


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip"])
def test_a_body_in_a_coding_that_is_not_read_is_a_415(http, coding):
    headers = {"content-encoding": coding, "content-type": "application/json"}
    response = http.post("/v1/search", content=b"\x1f\x8b", headers=headers)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert response.headers["accept-encoding"] == "identity"
    headers["content-encoding"] = "identity"
    body = b'{"parts": [{"text": "mug"}]}'
    assert http.post("/v1/search", content=body, headers=headers).status_code == 200


def test_without_an_index_the_service_lives_but_is_not_ready(serve, tmp_path):
    http = serve(shop=tmp_path / "empty")
    assert http.get("/livez").json()["status"] == "ok"
    for path in ("/readyz", "/v1/status", "/v1/items/x", "/v1/items/x/image"):
        response = http.get(path)
        assert response.status_code == 503
        assert response.json()["code"] == "index_not_found"
        assert "vitrine index" in response.json()["detail"]
        assert int(response.headers["retry-after"]) > 0
    assert http.get("/").status_code == 200


def test_ready_names_the_generation(http):
    assert http.get("/readyz").json() == {"status": "ok", "generation": "000001"}


def test_an_encoder_that_is_missing_is_said_by_readyz(serve):
    def missing(_):
        raise errors.EncoderNotFound("no weights of openclip:x here; pip install 'vitrine[clip]'")

    response = serve(open_engine=missing, current=lambda: "000001").get("/readyz")
    assert (response.status_code, response.json()["code"]) == (503, "encoder_not_found")
    assert "vitrine[clip]" in response.json()["detail"]


def test_a_crash_while_opening_is_not_quoted(serve, caplog):
    def crash(_):
        raise RuntimeError("secret path")

    response = serve(open_engine=crash, current=lambda: "000001").get("/readyz")
    assert response.status_code in (500, 503)
    assert "secret" not in response.text
    assert "secret path" in caplog.text
