"""Searches over HTTP, and the items they find."""

from __future__ import annotations


def ids(response) -> list[str]:
    assert response.status_code == 200, response.text
    return [hit["item_id"] for hit in response.json()["hits"]]


def upload(http, data: bytes, **fields):
    return http.post("/v1/search/image", files={"image": ("photo", data)}, data=fields)


def search(http, *parts, **fields):
    return http.post("/v1/search", json={"parts": list(parts), **fields})
