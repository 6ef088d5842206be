"""What programs send: plain URLs, raw photos, batches, and forms with a wrong field."""

from __future__ import annotations

import base64

import pytest

from tests.searchcalls import ids, search, upload
from tests.writecalls import call, outcomes, put, shop, writing

__all__ = ["shop", "writing"]  # fixtures

JPEG = {"content-type": "image/jpeg"}


def test_words_in_the_url_find_what_json_finds(http):
    by_get = http.get("/v1/search", params={"q": "red mug", "limit": 3, "filter": "price < 30"})
    by_json = search(http, {"text": "red mug"}, limit=3, filter="price < 30")
    assert ids(by_get) == ids(by_json)
    assert http.get("/v1/search").json()["detail"] == "q: missing, but required"
    wrong = http.get("/v1/search", params={"q": "mug", "colour": "red"})
    assert (wrong.status_code, wrong.json()["param"]) == (422, "colour")


@pytest.mark.parametrize("kind", ["image/jpeg", "image/*", "application/octet-stream"])
def test_a_photo_may_be_the_whole_body(http, photo, kind):
    raw = http.post(
        "/v1/search/image?limit=4&sort=price&text=mug",
        content=photo("red"),
        headers={"content-type": kind},
    )
    form = upload(http, photo("red"), limit="4", sort="price", text="mug")
    assert ids(raw) == ids(form)
    prices = [hit["price"] for hit in raw.json()["hits"]]
    assert prices == sorted(prices)
    empty = http.post("/v1/search/image", content=b"", headers=JPEG)
    assert (empty.status_code, empty.json()["param"]) == (422, "image")


def test_fields_beside_a_form_are_not_lost_silently(http, photo):
    response = http.post("/v1/search/image?limit=1", files={"image": photo("red")})
    assert response.status_code == 422
    assert "fields of the form, not parameters of the URL" in response.json()["detail"]
    # A generated client sends all defaults.
    default = "/v1/search/image?limit=10&explain=false&group=product"
    assert ids(http.post(default, files={"image": photo("red")})) == ids(upload(http, photo("red")))


@pytest.mark.parametrize("path", ["/v1/search/image", "/v1/style"])
def test_a_photo_in_a_wrong_field_is_told_the_right_one(http, photo, path):
    response = http.post(path, files={"file": ("x.jpg", photo("red"))})
    reply = response.json()
    assert (response.status_code, reply["param"]) == (422, "file")
    assert reply["detail"].startswith("the photo goes into the field 'image', not 'file'")
    missing = http.post(path, files={"text": (None, "mug")})
    assert missing.json()["param"] == "image"


def test_what_is_excluded_is_not_among_the_hits(http, photo):
    whole = ids(upload(http, photo("red"), limit="12"))
    item = whole[0]
    assert item not in ids(upload(http, photo("red"), limit="12", exclude=f" {item}, none "))
    colors = ids(search(http, {"text": "mug"}, exclude={"color": ["red", "BLUE"]}, limit=12))
    assert colors
    assert not any(name.startswith(("red", "blue")) for name in colors)
    both = search(http, {"text": "mug"}, exclude=["green-mug"], filter="color in [green, red]")
    assert ids(both) == ["red-mug"]
    response = http.get("/v1/items/red-shoe/similar", params={"exclude": "red-mug"})
    assert "red-mug" not in ids(response)


def test_a_batch_gives_what_single_searches_give(http, photo):
    image = {"image": base64.b64encode(photo("red")).decode()}
    asked = [
        {"parts": [image], "limit": 3},
        {"parts": [{"item_id": "no such item"}]},
        {"parts": [{"text": "mug"}], "sort": "-price", "limit": 2},
        {"parts": [{"image": "###"}]},
    ]
    results = http.post("/v1/search/batch", json={"searches": asked}).json()["results"]
    assert [result["problem"] and result["problem"]["code"] for result in results] == [
        None, "unknown_item", None, "bad_image",
    ]  # fmt: skip
    assert [result["reply"] is None for result in results] == [False, True, False, True]
    for number in (0, 2):
        single = http.post("/v1/search", json=asked[number]).json()
        assert results[number]["reply"]["hits"] == single["hits"]


def test_a_batch_asks_for_the_key_where_a_single_search_does(http):
    private = {"parts": [{"text": "mug"}, {"user_id": "ann"}]}
    single = http.post("/v1/search", json=private).json()
    (result,) = http.post("/v1/search/batch", json={"searches": [private]}).json()["results"]
    assert result["reply"] is None
    assert result["problem"]["code"] == single["code"]
    assert result["problem"]["status"] in (401, 403)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"searches": []}, "searches"),
        ({"searches": [{"parts": [{"text": "mug"}]}] * 33}, "searches"),
        ({"searches": [{"parts": [{"text": "mug"}]}, {"parts": []}]}, "searches.1.parts"),
    ],
)
def test_a_batch_that_is_not_valid_names_its_field(http, body, param):
    response = http.post("/v1/search/batch", json=body)
    assert (response.status_code, response.json()["param"]) == (422, param)


def test_each_search_of_a_batch_counts_as_one(serve):
    http = serve(searches_per_s=0.001, searches_burst=5)
    batch = {"searches": [{"parts": [{"text": "mug"}]}] * 4}
    assert http.post("/v1/search/batch", json=batch).status_code == 200
    assert http.post("/v1/search/batch", json=batch).status_code == 429


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"sort": ""}, "sort"),
        ({"sort": "color"}, "sort"),
        ({"min_confidence": 2}, "min_confidence"),
        ({"min_confidence": 0.5}, "min_confidence"),  # words have none
        ({"exclude": "mug-1"}, "exclude"),  # in JSON it is a list
    ],
)
def test_a_refinement_that_is_not_valid_names_its_field(http, fields, param):
    response = search(http, {"text": "mug"}, **fields)
    assert response.status_code == 422
    assert response.json()["param"].startswith(param)


def test_pictures_may_be_put_within_the_json(writing, photo):
    text = base64.b64encode(photo("red")).decode()
    item = {
        "id": "kettle",
        "title": "Kettle",
        "images": [
            {"name": "front.jpg", "data": base64.b64encode(photo("blue")).decode()},
            f"data:image/jpeg;base64,{text}",
            {"data": text.replace("+", "-").replace("/", "_").rstrip("=")},
        ],
    }
    assert outcomes(put(writing, item)) == [("kettle", "created")]
    stored = writing.get("/v1/items/kettle").json()["images"]
    assert stored[0] == "front.jpg"
    assert stored[1] == stored[2]  # named after its bytes
    assert stored[1].startswith("image-")
    assert writing.get("/v1/items/kettle/image").status_code == 200
    assert outcomes(put(writing, item)) == [("kettle", "unchanged")]
    change = {"images": [{"data": text}]}
    assert call(writing, "PATCH", "/v1/items/kettle", json=change).status_code == 200
    assert writing.get("/v1/items/kettle").json()["images"] == [stored[1]]


def test_a_picture_that_is_not_base64_leaves_out_itself_only(writing, photo):
    good = base64.b64encode(photo("red")).decode()
    images = [{"name": "a", "data": "###"}, {"name": "b", "data": good}, "data:image/png;base64,A"]
    reply = put(writing, {"id": "kettle", "images": images}).json()
    assert reply["results"][0]["status"] == "created"
    refused = reply["results"][0]["images"]
    assert [image["image"] for image in refused] == ["a", "image"]
    assert all("not base64" in image["reason"] for image in refused)
