"""The calls of clip-retrieval's client, with the fields that it sends."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from service.http import fetching
from tests.conftest import COLORS, jpeg, plain
from tests.imageserver import ImageServer

PHOTO = base64.b64encode(jpeg(plain(COLORS["red"]))).decode()
SENT = {
    "text": None, "image": None, "image_url": None, "embedding_input": None, "modality": "image",
    "num_images": 40, "num_result_ids": 3000, "indice_name": "vitrine", "use_mclip": False,
    "deduplicate": True, "use_safety_model": True, "use_violence_detector": True,
    "aesthetic_score": 9, "aesthetic_weight": 0.5,
}  # fmt: skip


def ask(http, **fields):
    # The client sends JSON without a content type.
    return http.post("/knn-service", content=json.dumps({**SENT, **fields}))


def test_a_photo_finds_its_items_with_the_address_of_their_pictures(http):
    response = ask(http, image=PHOTO, num_images=2)
    assert response.status_code == 200
    found = response.json()
    assert [hit["id"] for hit in found] == ["red-shoe", "red-mug"]
    assert found[0]["caption"] == "Red shoe"
    assert 0.9 < found[0]["similarity"] <= 1
    assert found[0]["url"] == "http://shop/v1/items/red-shoe/image?index=0"
    assert http.get(found[0]["url"]).headers["content-type"] == "image/jpeg"


def test_words_and_vectors_are_asked_for_too(http, engine):
    assert ask(http, text="blue mug").json()[0]["id"] == "blue-mug"
    vector = np.zeros(engine.status().dim)
    vector[0] = 1
    assert len(ask(http, embedding_input=vector.tolist(), num_images=3).json()) == 3
    assert len(ask(http, image=PHOTO, num_images=100_000).json()) == 12
    assert http.get("/indices-list").json() == ["vitrine"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"image_url": "http://example.com/a.jpg"}, "image_url"),
        ({"text": "mug", "num_images": 0}, "num_images"),
        ({"text": "mug", "num_images": True}, "num_images"),
        ({"image": "no picture"}, "image"),
        ({"embedding_input": [1.0]}, "embedding"),
        ({}, None),
        ({"text": "mug", "image": PHOTO}, None),
        ({"text": 5}, "text"),
    ],
)
def test_what_cannot_be_asked_is_told(http, fields, param):
    response = ask(http, **fields)
    assert response.status_code in (409, 422), response.text
    assert response.headers["content-type"] == "application/problem+json"
    if param is not None:
        assert param in (response.json()["param"] or "")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"text": "\xe9"}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(http, body):
    assert http.post("/knn-service", content=body).status_code in (413, 422)


def test_a_key_is_needed_where_reading_needs_one(serve):
    http = serve(require_key=True, write_key="a key of sixteen letters")
    assert ask(http, text="mug").status_code == 401


@pytest.fixture
def server():
    made = ImageServer()
    made.pictures["/red.jpg"] = jpeg(plain(COLORS["red"]))
    yield made
    made.close()


@pytest.fixture
def fetching_http(serve, server):
    """The service, which may fetch photos of searches from the server of pictures."""
    hosts = {"fetch_hosts": server.host, "fetch_networks": "127.0.0.0/8"}
    return serve(**hosts, fetch_queries=True)


def test_a_photo_behind_a_url_is_fetched_where_it_is_allowed(fetching_http, server):
    found = ask(fetching_http, image_url=server.url("/red.jpg"), num_images=1).json()
    assert [hit["id"] for hit in found] == ["red-shoe"]
    assert server.hits == {"/red.jpg": 1}


def test_a_url_that_is_not_allowed_is_refused(fetching_http, server):
    def reason(**fields):
        response = ask(fetching_http, **fields)
        assert response.status_code == 422
        return response.json()["detail"]

    refused = "169.254.169.254 is not allowed"
    assert refused in reason(image_url="http://169.254.169.254/")
    assert "is not fetched" in reason(image_url="file:///etc/passwd")
    assert "is not fetched" in reason(image_url=["http://a/"])
    assert "got both" in reason(image=PHOTO, image_url=server.url("/red.jpg"))
    assert not server.hits


def test_a_host_alone_allows_no_photos_of_searches(serve, server):
    http = serve(fetch_hosts=server.host, fetch_networks="127.0.0.0/8")
    assert ask(http, image_url=server.url("/red.jpg")).status_code == 422
    assert not server.hits


def test_photos_that_are_fetched_leave_room_for_other_searches(fetching_http, server, monkeypatch):
    monkeypatch.setattr(fetching, "_QUERIES_AT_ONCE", 0)
    response = ask(fetching_http, image_url=server.url("/red.jpg"))
    assert (response.status_code, "Retry-After" in response.headers) == (503, True)
    assert ask(fetching_http, text="red mug").status_code == 200


def test_a_photo_behind_a_url_counts_as_twenty_searches(serve, server):
    hosts = {"fetch_hosts": server.host, "fetch_networks": "127.0.0.0/8", "fetch_queries": True}
    http = serve(**hosts, searches_per_s=0.01, searches_burst=30)
    assert ask(http, image_url=server.url("/red.jpg")).status_code == 200
    assert ask(http, image_url=server.url("/red.jpg")).status_code == 429
    assert server.hits == {"/red.jpg": 1}
