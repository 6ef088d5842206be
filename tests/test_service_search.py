"""Searching over HTTP, on a shop whose answers one can see."""

from __future__ import annotations

import asyncio
import base64
import io
import json

import httpx
import msgspec
import numpy as np
import pytest
from PIL import Image

from indexer.encoders.color import ColorEncoder
from indexer.imaging.images import EncodedImage
from service.http.replies import StatusReply
from tests.searchcalls import ids, search, upload

COLORS = {"red": (220, 30, 40), "blue": (40, 70, 210), "white": (245, 245, 243)}


def test_an_uploaded_red_photo_finds_the_red_things_first(http, photo):
    response = upload(http, photo("red"), limit="2")
    assert set(ids(response)) == {"red-shoe", "red-mug"}
    reply = response.json()
    assert (reply["encoder"], reply["mode"], reply["total"]) == ("color", "exact", 12)
    assert reply["generation"] == "000001"
    assert reply["timings"]["total_ms"] >= reply["timings"]["encode_ms"] > 0
    scores = [hit["score"] for hit in reply["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_a_photo_in_json_gives_what_the_uploaded_photo_gives(http, photo):
    data = photo("blue")
    uploaded = upload(http, data).json()
    text = base64.b64encode(data).decode()
    for image in (text, f"data:image/jpeg;base64,{text}"):
        assert search(http, {"image": image}).json()["hits"] == uploaded["hits"]


def test_the_service_gives_what_the_engine_gives(http, engine, photo):
    hits = upload(http, photo("green"), limit="12").json()["hits"]
    expected = engine.by_image(photo("green"), k=12)
    assert [hit["item_id"] for hit in hits] == [hit.item_id for hit in expected]
    assert [hit["score"] for hit in hits] == pytest.approx([h.score for h in expected], abs=1e-5)


def test_the_address_of_each_hit_shows_its_image(http, photo):
    hit = upload(http, photo("red"), limit="1").json()["hits"][0]
    image = http.get(hit["image_url"])
    assert image.status_code == 200
    assert image.headers["content-type"] == "image/jpeg"
    assert image.content[:3] == b"\xff\xd8\xff"


def two_colors() -> bytes:
    """Left half red, right half blue."""
    image = Image.new("RGB", (200, 100), COLORS["red"])
    image.paste(COLORS["blue"], (100, 0, 200, 100))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("box", "color"), [((0.05, 0.1, 0.45, 0.9), "red"), ((0.55, 0.1, 0.95, 0.9), "blue")]
)
def test_a_box_cuts_the_photo_before_it_is_searched(http, box, color):
    found = {f"{color}-shoe", f"{color}-mug"}
    image = two_colors()
    assert set(ids(upload(http, image, box=",".join(map(str, box)), limit="2"))) == found
    part = {"image": base64.b64encode(image).decode(), "box": box}
    assert set(ids(search(http, part, limit=2))) == found


HALVES = ["0,0,0.5,1", "0.5,0,1,1"]


def test_several_boxes_give_a_group_of_hits_each_from_one_batch(serve, monkeypatch):
    http = serve()
    calls = []
    batch = ColorEncoder.encode_images

    def counted(self, squares):
        calls.append(len(squares))
        return batch(self, squares)

    monkeypatch.setattr(ColorEncoder, "encode_images", counted)
    image = two_colors()
    reply = upload(http, image, box=HALVES, limit="2", facets="color").json()
    assert sum(calls) == 2
    for half, group in zip(HALVES, reply["groups"], strict=True):
        alone = upload(http, image, box=half, limit="2", facets="color").json()
        assert group["hits"] == alone["hits"]
        assert group["box"] == [float(edge) for edge in half.split(",")]
        for name in ("total", "facets", "no_close_match", "next_cursor"):
            assert group[name] == alone[name]
    assert reply["hits"] == reply["groups"][0]["hits"]
    assert upload(http, image, box=HALVES[0]).json()["groups"] == []
    url = f"/v1/search/image?box={HALVES[0]}&box={HALVES[1]}&limit=2&facets=color"
    raw = http.post(url, content=image, headers={"content-type": "image/jpeg"}).json()
    assert raw["groups"] == reply["groups"]


def test_the_cursor_of_a_group_continues_the_search_with_its_box_alone(http):
    image = two_colors()
    group = upload(http, image, box=HALVES, limit="3").json()["groups"][1]
    following = upload(http, image, box=HALVES[1], limit="3", cursor=group["next_cursor"])
    whole = upload(http, image, box=HALVES[1], limit="6")
    assert [hit["item_id"] for hit in group["hits"]] + ids(following) == ids(whole)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"box": [*HALVES, "0,0,0,0"]}, "box"),
        ({"box": ["0,0,1,1"] * 11}, "box"),
        ({"box": HALVES, "auto_crop": "true"}, "auto_crop"),
        ({"box": HALVES, "explain": "true"}, "explain"),
        ({"box": HALVES, "cursor": "x"}, "cursor"),
        ({"box": HALVES, "limit": ["1", "2"]}, "limit"),
    ],
)
def test_what_several_boxes_exclude_is_named(http, fields, param):
    refused = upload(http, two_colors(), **fields)
    assert (refused.status_code, refused.json()["param"]) == (422, param)


def test_each_box_counts_as_a_search(serve):
    http = serve(searches_per_s=0.001, searches_burst=5)
    assert upload(http, two_colors(), box=HALVES * 2).status_code == 200
    assert upload(http, two_colors(), box=HALVES).status_code == 429


def test_two_boxes_of_a_photo_share_its_decoding(http, monkeypatch):
    decoded = []
    decoding = EncodedImage.decode_each

    def counted(self, cuts, take):
        decoded.extend(cuts)
        return decoding(self, cuts, take)

    monkeypatch.setattr(EncodedImage, "decode_each", counted)
    image = base64.b64encode(two_colors()).decode()
    boxes = [(0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)]
    assert search(http, *({"image": image, "box": box} for box in boxes)).status_code == 200
    assert len(decoded) == 1


def test_words_find_titles(http):
    response = search(http, {"text": "yellow mug"}, limit=1)
    assert ids(response) == ["yellow-mug"]
    assert response.json()["mode"] == "lexical"


def test_an_item_finds_its_like_and_not_itself(http):
    assert ids(search(http, {"item_id": "red-shoe"}, limit=1)) == ["red-mug"]


def test_a_vector_of_an_item_finds_the_item(http, engine, photo):
    vector = engine.encoder.encode_images([np.full((64, 64, 3), COLORS["white"], np.uint8)])[0]
    assert set(ids(search(http, {"embedding": (3 * vector).tolist()}, limit=2))) == {
        "white-shoe",
        "white-mug",
    }


def test_a_negative_part_pushes_away(http, photo):
    image = base64.b64encode(two_colors()).decode()
    away = {"item_id": "blue-shoe", "weight": -0.8}
    assert ids(search(http, {"image": image}, away, limit=1))[0].startswith("red")


@pytest.mark.parametrize(
    "condition",
    [
        'category = "Home/Mugs" and price < 30',
        {"must": [{"key": "category", "match": {"value": "Home/Mugs"}},
                  {"key": "price", "range": {"lt": 30}}]},
    ],
)  # fmt: skip
def test_a_filter_says_which_items_may_answer(http, photo, condition):
    expected = {"red-mug", "green-mug"}  # 15 and 25; the next is 35
    assert set(ids(search(http, {"text": "mug"}, filter=condition))) == expected
    text = condition if isinstance(condition, str) else json.dumps(condition)
    assert set(ids(upload(http, photo("black"), filter=text))) == expected
    response = http.get("/v1/items/red-shoe/similar", params={"filter": text})
    assert set(ids(response)) == expected


def test_facets_count_what_matches(http, photo):
    facets = upload(http, photo("red"), facets=" in_stock, color ").json()["facets"]
    assert set(facets) == {"in_stock", "color"}
    assert {"value": "yellow", "count": 2, "products": 2} in facets["color"]


def test_empty_form_fields_are_as_good_as_none(http, photo):
    response = upload(http, photo("red"), text="", box="", filter="", facets="", limit="1")
    assert ids(response)[0].startswith("red")


def test_a_form_asks_what_the_same_parts_ask(http, photo):
    data = photo("red")
    form = upload(http, data, text="mug", weight="0.5", text_weight="2", limit="12")
    image = {"image": base64.b64encode(data).decode(), "weight": 0.5}
    parts = search(http, image, {"text": "mug", "weight": 2}, limit=12)
    assert form.json()["mode"] == "fused"
    assert form.json()["hits"] == parts.json()["hits"]


def test_many_at_once_get_each_its_own_answer(http, photo):
    colors = ["red", "green", "blue", "yellow", "black", "white"] * 5

    async def all_at_once():
        return await asyncio.gather(
            *(http.client.post("/v1/search/image", files={"image": photo(c)}) for c in colors)
        )

    for color, response in zip(colors, http.run(all_at_once()), strict=True):
        assert ids(response)[0].startswith(color)


def test_the_address_keeps_the_prefix_that_a_proxy_strips(http, photo):
    transport = httpx.ASGITransport(app=http.app, root_path="/shop")
    client = httpx.AsyncClient(transport=transport, base_url="http://x")
    response = http.run(client.get("/shop/v1/items/red-shoe"))
    assert response.json()["image_urls"][0] == "/shop/v1/items/red-shoe/image?index=0"
    assert http.run(client.get(response.json()["image_urls"][0])).status_code == 200


def test_the_status_says_what_is_documented_and_no_path(http):
    reply = http.get("/v1/status").json()
    assert set(reply) == {field.encode_name for field in msgspec.structs.fields(StatusReply)}
    assert reply["max_limit"] == 1000
    assert "catalog" not in reply
    assert (reply["items"], reply["rows"], reply["dim"], reply["text"]) == (12, 24, 112, "lexical")
    assert "color" in reply["facets"]


def test_pages_follow_each_other_over_http(http, photo):
    whole = ids(upload(http, photo("red"), limit=12))
    first = upload(http, photo("red"), limit=7)
    cursor = first.json()["next_cursor"]
    assert ids(first) == whole[:7]
    rest = upload(http, photo("red"), limit=7, cursor=cursor)
    assert ids(rest) == whole[7:]
    assert rest.json()["next_cursor"] is None
    wrong = search(http, {"text": "mug"}, cursor=cursor)
    assert (wrong.status_code, wrong.json()["param"]) == (422, "cursor")


def test_near_copies_are_folded_over_http(http, photo):
    hits = upload(http, photo("red"), limit=3, collapse=0.97).json()["hits"]
    assert [len(hit["copies"]) for hit in hits] == [1, 1, 1]
    assert search(http, {"text": "mug"}, collapse=0.1).status_code == 422
