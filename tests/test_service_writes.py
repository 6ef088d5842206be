"""Writes over HTTP: what is put, patched and deleted is found when the reply is there."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import subprocess
import sys

import pytest
from PIL import Image
from PIL.ExifTags import Base

from indexer.errors import StoreFull
from indexer.store.store import Store
from indexer.writing.writes import delete_items
from search.engine import SearchEngine
from tests.conftest import COLORS, jpeg, plain
from tests.writecalls import BEARER, KEY, call, outcomes, put, shop, titles, writing

__all__ = ["shop", "writing"]  # fixtures


def test_an_item_that_is_put_is_found_when_the_reply_is_there(writing):
    item = {"id": "teal", "title": "Teal kettle", "price": 3, "images": ["images/red-mug-1.jpg"]}
    assert outcomes(put(writing, item)) == [("teal", "created")]
    assert titles(writing, "kettle") == ["Teal kettle"]
    assert writing.get("/v1/items/teal/image").headers["content-type"] == "image/jpeg"
    similar = writing.get("/v1/items/teal/similar", params={"limit": 1}).json()["hits"]
    assert similar[0]["item_id"] == "red-mug"
    assert outcomes(put(writing, item)) == [("teal", "unchanged")]


def test_the_link_to_buy_an_item_is_written_and_returned(writing):
    item = {"id": "teal", "title": "Teal kettle", "images": ["images/red-mug-1.jpg"]}
    link = "https://shop.example/teal?a=1&b=2"
    assert outcomes(put(writing, {**item, "url": link})) == [("teal", "created")]
    assert writing.get("/v1/items/teal").json()["url"] == link
    reply = writing.post("/v1/search", json={"parts": [{"text": "kettle"}]})
    assert [hit["url"] for hit in reply.json()["hits"]] == [link]
    assert outcomes(put(writing, {"id": "teal", "title": "Kettle"})) == [("teal", "updated")]
    assert writing.get("/v1/items/teal").json()["url"] == link  # as every field that is omitted
    call(writing, "PATCH", "/v1/items/teal", json={"url": None})
    assert writing.get("/v1/items/teal").json()["url"] == ""
    assert writing.get("/v1/items/red-mug").json()["url"] == ""


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//x.example", "a b"])
def test_a_link_that_a_page_must_not_show_is_refused(writing, link):
    (refused,) = put(writing, {"id": "red-mug", "url": link}).json()["results"]
    assert refused["status"] == "refused"
    assert "url must begin with https://" in refused["reason"]


def test_a_long_article_number_keeps_its_digits(writing):
    sku = 12345678901234567  # more than a float holds
    item = {"id": "long", "images": ["images/red-mug-1.jpg"], "attributes": {"sku": sku, "n": 7}}
    assert outcomes(put(writing, item)) == [("long", "created")]
    assert writing.get("/v1/items/long").json()["attributes"] == {"sku": str(sku), "n": 7.0}
    condition = {"key": "sku", "match": {"value": sku}}
    question = {"parts": [{"item_id": "red-mug"}], "filter": condition}
    reply = writing.post("/v1/search", json=question)
    assert [hit["item_id"] for hit in reply.json()["hits"]] == ["long"]


def test_place_and_time_in_a_photo_are_neither_stored_nor_sent_in_any_form(writing, shop):
    exif, out = Image.Exif(), io.BytesIO()
    exif[Base.Make] = "SECRET"
    plain(COLORS["red"]).save(out, "JPEG", exif=exif, comment=b"SECRET", xmp=b"SECRET")
    photo = out.getvalue()
    assert photo.count(b"SECRET") == 3
    items = json.dumps([{"id": "mine", "title": "Mine", "images": ["mine"]}])
    call(writing, "PUT", "/v1/items", data={"items": items}, files={"mine": photo})
    image = "/v1/items/mine/image"
    sent = [
        *(writing.get(image, params=wish) for wish in ({}, {"size": 80}, {"style": "noir"})),
        writing.get(image, params={"size": 80}, headers={"accept": "image/webp"}),
        writing.post("/v1/style", data={"style": "noir"}, files={"image": photo}),
        call(writing, "POST", "/v1/campaign", json={"item_id": "mine"}),
    ]
    assert [reply.status_code for reply in sent] == [200] * len(sent)
    stored = [path.read_bytes() for path in shop.rglob("*") if path.is_file()]
    for data in (*(reply.content for reply in sent), *stored):
        assert b"SECRET" not in data
    for reply in sent:
        assert not Image.open(io.BytesIO(reply.content)).getexif()


def test_views_that_queries_have_are_no_part_of_what_is_written(serve, shop):
    http = serve(shop=shop, write_key=KEY, query_views="flip")
    picture = plain(COLORS["red"])
    picture.paste(COLORS["blue"], (48, 0, 96, 96))
    form = {"half": jpeg(picture)}
    items = json.dumps([{"id": "half", "images": ["half"]}])
    response = call(http, "PUT", "/v1/items", data={"items": items}, files=form)
    assert outcomes(response) == [("half", "created")]
    with SearchEngine.open(shop) as engine:  # without views, as another process may
        hit = engine.by_image(form["half"], k=1)[0]
    assert (hit.item_id, hit.score) == ("half", pytest.approx(1, abs=1e-3))


def test_pictures_come_with_the_items_in_a_form(writing):
    items = [{"id": "up", "title": "Uploaded", "images": ["front", "back", "images/red-mug-1.jpg"]}]
    form = {"front": jpeg(plain(COLORS["blue"])), "back": b"junk", "unused": b"x"}
    response = call(writing, "PUT", "/v1/items", data={"items": json.dumps(items)}, files=form)
    assert outcomes(response) == [("up", "created")]
    assert [one["image"] for one in response.json()["results"][0]["images"]] == ["back"]
    assert writing.get("/v1/items/up").json()["images"] == ["front", "images/red-mug-1.jpg"]


def test_each_item_of_a_bulk_stands_for_itself(writing):
    good = {"id": "good", "images": ["images/red-mug-1.jpg"]}
    bad = [
        ({"id": "typo", "prise": 3}, "prise: unknown field; did you mean 'price'?"),
        ({"id": "text", "price": "12"}, "price: Input should be a valid number"),
        ({"id": "below", "price": -1}, "price: Input should be greater than or equal to 0"),
        ({"id": 7}, "id: Input should be a valid string"),
        ({"title": "no id"}, "id: missing, but required"),
        ({"id": ""}, "id: String should have at least 1 character"),
        ({"id": "x" * 300}, "id: String should have at most 256 characters"),
        ({"id": "\u00e9" * 200}, "id is longer than 256 bytes"),
        ({"id": "a\nb"}, "id holds control characters"),
        ({"id": "  "}, "no id"),
        ({"id": "deep", "attributes": {"a": {"b": 1}}}, "attributes.a"),
        ({"id": "p", "images": [{"path": "x"}]}, "images.0.data: missing, but required"),
        ({"id": "none"}, "no image"),
        ({"id": "v", "embeddings": [[1.0, 2.0]]}, "an embedding has 2 numbers, the index 112"),
        ({"id": "v0", "embeddings": [[0.0] * 112]}, "must be finite and not all zero"),
        ({"id": "v9", "embeddings": [[1e300] * 112]}, "must be finite and not all zero"),
        ({"id": "v2", "images": ["a"], "embeddings": [[1.0] * 112] * 2}, "2 embeddings for 1 im"),
        ("text", "valid dictionary"),
        (None, "valid dictionary"),
        ([1], "valid dictionary"),
    ]
    response = put(writing, *(item for item, _ in bad), good)
    results = response.json()["results"]
    assert [one["status"] for one in results] == ["refused"] * len(bad) + ["created"]
    assert response.json()["refused"] == len(bad)
    for (_, reason), one in zip(bad, results, strict=False):
        assert reason in one["reason"], one
    assert writing.get("/v1/status").json()["items"] == 13


CHANGES = [
    ({"price": 1.5}, {"price": 1.5}),
    ({"in_stock": False}, {"in_stock": False}),
    ({"title": None, "price": None, "product_id": None},
     {"title": "", "price": None, "product_id": "red-mug"}),
    ({"title": "", "categories": []}, {"title": "", "categories": []}),
    ({"attributes": {"size": "L"}}, {"attributes": {"size": "L"}}),
    ({"attributes": {}}, {"attributes": {}}),
    ({"images": None}, {}),
    ({"images": ["images/red-mug-2.jpg"]}, {"images": ["images/red-mug-2.jpg"]}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "changes"), CHANGES)
def test_a_put_changes_what_it_gives_and_keeps_the_rest(writing, given, changes):
    before = writing.get("/v1/items/red-mug").json()
    status = "updated" if changes else "unchanged"
    assert outcomes(put(writing, {"id": "red-mug", **given})) == [("red-mug", status)]
    after = writing.get("/v1/items/red-mug").json()
    before.pop("image_urls", None), after.pop("image_urls", None)
    assert after == {**before, **changes}
    assert outcomes(put(writing, {"id": "red-mug", **given})) == [("red-mug", "unchanged")]


def test_blanks_at_the_ends_of_an_id_are_no_part_of_it_in_any_call(writing):
    path = "/v1/items/%20red-mug%20"
    assert writing.get(path).json()["item_id"] == "red-mug"
    assert writing.get(f"{path}/image").status_code == 200
    assert writing.get(f"{path}/similar").json()["hits"][0]["item_id"] == "red-shoe"
    body = {"parts": [{"item_id": " red-mug"}]}
    assert writing.post("/v1/search", json=body).json()["hits"][0]["item_id"] == "red-shoe"
    assert outcomes(put(writing, {"id": "\tred-mug ", "price": 2})) == [("red-mug", "updated")]
    reply = call(writing, "PATCH", path, json={"price": 3}).json()
    assert (reply["item_id"], reply["status"]) == ("red-mug", "updated")
    assert call(writing, "DELETE", path).json()["item_id"] == "red-mug"
    response = call(writing, "POST", "/v1/items/delete", json={"ids": [" blue-mug", " "]})
    assert outcomes(response) == [("blue-mug", "deleted"), ("", "unknown")]
    assert writing.get("/v1/status").json()["items"] == 10


def test_a_patch_changes_fields_filters_and_facets(writing):
    change = {"price": 1.5, "attributes": {"color": "teal", "size": "L"}}
    response = call(writing, "PATCH", "/v1/items/red-mug", json=change)
    assert (response.status_code, response.json()["status"]) == (200, "updated")
    item = writing.get("/v1/items/red-mug").json()
    assert (item["price"], item["title"], len(item["images"])) == (1.5, "Red mug", 2)
    body = {
        "parts": [{"item_id": "blue-mug"}],
        "filter": "price < 2 and size = L",
        "facets": ["color"],
    }
    reply = writing.post("/v1/search", json=body).json()
    assert [hit["item_id"] for hit in reply["hits"]] == ["red-mug"]
    assert reply["facets"]["color"] == [{"value": "teal", "count": 1, "products": 1}]
    call(writing, "PATCH", "/v1/items/red-mug", json={"price": None, "attributes": {"size": None}})
    assert writing.get("/v1/items/red-mug").json()["price"] is None
    assert writing.get("/v1/items/red-mug").json()["attributes"] == {"color": "teal"}


def test_a_patch_can_bring_pictures(writing):
    form = {"new.jpg": jpeg(plain(COLORS["blue"], spot=40))}
    item = json.dumps({"images": ["new.jpg", "images/red-mug-1.jpg"]})
    path = "/v1/items/red-mug"
    assert call(writing, "PATCH", path, data={"item": item}, files=form).status_code == 200
    assert writing.get(path).json()["images"] == ["new.jpg", "images/red-mug-1.jpg"]
    assert call(writing, "PATCH", path, json={"images": ["new.jpg"]}).json()["status"] == "updated"
    assert writing.get(path).json()["images"] == ["new.jpg"]
    refused = call(writing, "PATCH", path, json={"images": ["gone.jpg"]})
    assert (refused.status_code, refused.json()["param"]) == (422, "images")
    assert writing.get(path).json()["images"] == ["new.jpg"]


def test_a_patch_that_is_none_is_a_problem(writing):
    for change in [{"id": "other"}, {"prise": 3}, {"price": "1"}, {"in_stock": 1}, [], "x"]:
        response = call(writing, "PATCH", "/v1/items/red-mug", json=change)
        assert response.status_code == 422, change
    assert writing.get("/v1/items/red-mug").json()["price"] == 15.0


def test_embeddings_without_images_do_not_take_the_pictures_of_an_item(writing):
    response = call(writing, "PATCH", "/v1/items/red-mug", json={"embeddings": [[1.0] * 112]})
    assert (response.status_code, response.json()["param"]) == (422, "images")
    assert writing.get("/v1/items/red-mug/image").status_code == 200
    change = {"embeddings": [[1.0] * 112], "images": ["images/red-mug-1.jpg"]}
    assert call(writing, "PATCH", "/v1/items/red-mug", json=change).status_code == 200
    assert writing.get("/v1/items/red-mug/image").status_code == 200


def test_what_is_not_there_cannot_be_patched_or_deleted(writing):
    writes = (("PATCH", {"json": {"price": 1}}), ("DELETE", {}))
    for item_id, (method, options) in itertools.product(
        ["ghost", "a%2Fb", "%FF", "x" * 300, "%00"], writes
    ):
        response = call(writing, method, f"/v1/items/{item_id}", **options)
        assert (response.status_code, response.json()["code"]) == (404, "unknown_item")


def test_an_id_with_slashes_is_put_patched_and_deleted(writing):
    odd = "a/b c?#\u00e9/similar"
    assert outcomes(put(writing, {"id": odd, "images": ["images/red-mug-1.jpg"]})) == [
        (odd, "created")
    ]
    path = "/v1/items/a%2Fb%20c%3F%23%C3%A9%2Fsimilar"
    assert call(writing, "PATCH", path, json={"title": "Odd"}).json()["item_id"] == odd
    assert writing.get(path).json()["title"] == "Odd"
    assert call(writing, "DELETE", path).json() == {
        "item_id": odd, "status": "deleted", "reason": "", "images": [],
    }  # fmt: skip
    assert writing.get(path).status_code == 404


def test_many_are_deleted_at_once(writing):
    ids = ["red-mug", "ghost", "blue-mug"]
    response = call(writing, "POST", "/v1/items/delete", json={"ids": ids})
    assert [status for _, status in outcomes(response)] == ["deleted", "unknown", "deleted"]
    assert titles(writing, "red mug blue mug")[:1] != ["Red mug"]
    assert writing.get("/v1/status").json()["items"] == 10
    for ids in ([], [7], "red-mug", None):
        assert call(writing, "POST", "/v1/items/delete", json={"ids": ids}).status_code == 422


ELSEWHERE = """
import sys
from pathlib import Path
from indexer.errors import StoreFull
from indexer.store.store import Store
from indexer.writing.writes import delete_items
store = Store(Path(sys.argv[1]))
delete_items(store, ["red-mug"])
store.close()
"""


@pytest.mark.slow
def test_what_another_process_writes_is_seen_soon(writing, shop):
    assert writing.get("/v1/status").json()["items"] == 12
    subprocess.run([sys.executable, "-c", ELSEWHERE, shop / "catalog.lmdb"], check=True)

    async def gone() -> None:
        async with asyncio.timeout(120):
            while (await writing.client.get("/v1/status")).json()["items"] == 12:
                await asyncio.sleep(0.02)

    writing.run(gone())
    assert "Red mug" not in titles(writing, "red mug")


def test_a_shop_that_is_not_built_yet_cannot_be_written_to(serve, tmp_path):
    response = put(serve(shop=tmp_path / "none", write_key=KEY), {"id": "x"})
    assert (response.status_code, response.json()["code"]) == (503, "index_not_found")


def test_a_full_store_is_told_and_what_was_there_stays(writing, shop, monkeypatch):
    def full(self):
        raise StoreFull(f"{self.path} is full")

    monkeypatch.setattr(Store, "write", full)
    response = put(writing, {"id": "x", "images": ["images/red-mug-1.jpg"]})
    assert (response.status_code, response.json()["code"]) == (507, "store_full")
    monkeypatch.undo()
    assert writing.get("/v1/status").json()["items"] == 12


def test_a_write_behind_the_services_back_is_not_in_the_hits(writing, shop):
    """Even in the moment before it is noticed."""
    store = Store(shop / "catalog.lmdb")
    delete_items(store, ["red-mug"])
    assert "Red mug" not in titles(writing, "red mug")
    store.close()


# Writes of what was seen


def test_a_change_to_an_item_that_has_changed_since_is_refused(writing):
    path = "/v1/items/red-mug"
    seen = call(writing, "GET", path).headers["etag"]
    mine, theirs = {"price": 11.0}, {"price": 12.0}
    assert call(writing, "PATCH", path, json=theirs).status_code == 200
    sent = {**BEARER, "if-match": seen}
    for method, options in (("PATCH", {"json": mine}), ("DELETE", {})):
        refused = call(writing, method, path, headers=sent, **options)
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    now = call(writing, "GET", path)
    assert now.json()["price"] == 12.0
    sent = {**BEARER, "if-match": f'"other", {now.headers["etag"]}'}
    assert call(writing, "PATCH", path, headers=sent, json=mine).status_code == 200
    newest = call(writing, "GET", path).headers["etag"]
    assert call(writing, "DELETE", path, headers={**BEARER, "if-match": newest}).status_code == 200


def test_any_item_matches_a_star_and_no_item_is_refused(writing):
    star = {**BEARER, "if-match": "*"}
    patched = call(writing, "PATCH", "/v1/items/red-mug", headers=star, json={"price": 1.0})
    assert patched.status_code == 200
    for method, options in (("PATCH", {"json": {"price": 1.0}}), ("DELETE", {})):
        assert call(writing, method, "/v1/items/none", headers=star, **options).status_code == 412


def test_the_etag_of_an_item_is_the_same_whether_its_reply_is_compressed(writing):
    path = "/v1/items/red-mug"
    call(writing, "PATCH", path, json={"description": "long " * 400})
    etag = call(writing, "GET", path).headers["etag"]
    assert etag.endswith('-gzip"')
    sent = {**BEARER, "if-match": etag}
    assert call(writing, "PATCH", path, headers=sent, json={"price": 1.0}).status_code == 200
    again = call(writing, "GET", path).headers["etag"]
    assert call(writing, "GET", path, headers={"if-none-match": again}).status_code == 304


def test_a_write_of_many_items_takes_no_if_match(writing):
    sent = {**BEARER, "if-match": "*"}
    refused = put(writing, {"id": "red-mug", "price": 1.0}, headers=sent)
    assert (refused.status_code, refused.json()["param"]) == (422, "If-Match")
