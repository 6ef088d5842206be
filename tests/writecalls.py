"""A service of a shop that takes writes, and calls to it."""

from __future__ import annotations

import shutil

import pytest

KEY = "a key of sixteen letters"
BEARER = {"authorization": f"Bearer {KEY}"}


@pytest.fixture
def shop(tiny_shop, tiny_catalog, tmp_path):
    """A shop of its own, with its catalog in ``catalog`` beside it."""
    shutil.copytree(tiny_catalog.parent, tmp_path / "catalog")
    shutil.copytree(tiny_shop, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def writing(serve, shop, tmp_path):
    """The service on a shop of its own, that may be written to."""
    return serve(shop=shop, write_key=KEY, image_root=tmp_path / "catalog")


def call(http, method, path, *, headers=BEARER, **options):
    return http.run(http.client.request(method, path, headers=headers, **options))


def put(http, *items, **options):
    return call(http, "PUT", "/v1/items", json={"items": list(items)}, **options)


def outcomes(response):
    assert response.status_code == 200, response.text
    return [(one["item_id"], one["status"]) for one in response.json()["results"]]


def titles(http, text):
    reply = http.post("/v1/search", json={"parts": [{"text": text}]})
    return [hit["title"] for hit in reply.json()["hits"]]
