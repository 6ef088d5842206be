"""Keys over HTTP: the one that was sent, and those that an operator makes, replaces and removes."""

from __future__ import annotations

import pytest

from service.apikey import Scope
from service.keyfile import KeyFile


@pytest.fixture
def shop(make_shop):
    return make_shop()


def bearer(token):
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def ask(serve, shop):
    """Sends a request with the key of an operator, or another one."""
    http = serve(shop=shop)
    admin = KeyFile(shop).add("boss", Scope.ADMIN)

    def send(method, path, *, token=admin, **options):
        return http.run(http.client.request(method, path, headers=bearer(token), **options))

    return send


def test_a_key_is_asked_for_its_own_name_and_scope(ask, shop):
    token = KeyFile(shop).add("web", Scope.READ)
    reply = ask("GET", "/v1/key", token=token)
    assert reply.json() == {"name": "web", "scope": "read", "required": False}
    assert ask("GET", "/v1/key").json()["scope"] == "admin"
    assert ask("GET", "/v1/key", token="vtr_wrong").status_code == 401
    assert ask("GET", "/v1/key", token="").status_code == 401


def test_an_operator_makes_rotates_and_removes_a_key(ask):
    made = ask("POST", "/v1/keys", json={"name": "till", "scope": "write", "expires_days": 2})
    old = made.json()["key"]
    assert ask("GET", "/v1/key", token=old).json()["scope"] == "write"
    new = ask("POST", "/v1/keys/till/rotate", json={"keep_hours": 1}).json()["key"]
    assert ask("GET", "/v1/key", token=old).status_code == 200
    assert ask("GET", "/v1/key", token=new).json()["scope"] == "write"
    listed = ask("GET", "/v1/keys").json()["keys"]
    assert [(key["name"], key["scope"], key["valid"]) for key in listed] == [
        ("boss", "admin", True), ("till", "write", True), ("till", "write", True),
    ]  # fmt: skip
    assert old not in str(listed)
    assert "digest" not in str(listed)
    assert ask("DELETE", "/v1/keys/till").json() == {"name": "till", "removed": 2}
    assert ask("GET", "/v1/key", token=new).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/keys", {"name": "boss"}, 409, "conflict"),
        ("POST", "/v1/keys", {"name": "a b"}, 422, "invalid_request"),
        ("POST", "/v1/keys", {"name": "x", "scope": "root"}, 422, "invalid_request"),
        ("POST", "/v1/keys", {"name": "x", "expires_days": -1}, 422, "invalid_request"),
        ("POST", "/v1/keys/nobody/rotate", {}, 404, "unknown_key"),
        ("DELETE", "/v1/keys/nobody", None, 404, "unknown_key"),
    ],
)
def test_a_bad_request_for_a_key_says_why(ask, method, path, body, status, code):
    reply = ask(method, path, **({} if body is None else {"json": body}))
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_keys_are_shown_to_operators_only(ask, shop):
    token = KeyFile(shop).add("till", Scope.WRITE)
    for method, path in (("GET", "/v1/keys"), ("POST", "/v1/keys"), ("DELETE", "/v1/keys/boss")):
        assert ask(method, path, token=token).status_code == 403
        assert ask(method, path, token="").status_code == 401
