"""Items over HTTP: their fields, their pictures, their likes; whatever their ids contain."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import UnknownItem
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from tests.test_indexer_renditions import Invert

ODD_IDS = ["a/b", "a/image", "a/b/similar", "two words", "100%25", "ürn:č/ß?x=1&y#z", "mug\\..\\x"]


@pytest.fixture
def odd_shop(tmp_path, make_shop, photo):
    (tmp_path / "one.jpg").write_bytes(photo("red"))
    path = tmp_path / "odd.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "title", "images"])
        for item_id in ODD_IDS:
            rows.writerow([item_id, f"the one called {item_id}", "one.jpg"])
    return make_shop(path)


def test_an_item_has_its_fields_and_the_addresses_of_its_images(http):
    reply = http.get("/v1/items/green-mug").json()
    assert reply["title"] == "Green mug"
    assert reply["price"] == 25.0
    assert reply["in_stock"] is True
    assert reply["attributes"] == {"color": "green"}
    assert reply["image_urls"] == [f"/v1/items/green-mug/image?index={i}" for i in (0, 1)]


def test_ids_with_slashes_spaces_and_signs_work_everywhere(serve, odd_shop):
    http = serve(shop=odd_shop)
    for item_id in ODD_IDS:
        path = f"/v1/items/{quote(item_id, safe='')}"
        item = http.get(path)
        assert item.json()["item_id"] == item_id
        assert http.get(item.json()["image_urls"][0]).status_code == 200
        similar = http.get(f"{path}/similar", params={"limit": 50}).json()["hits"]
        assert {hit["item_id"] for hit in similar} == set(ODD_IDS) - {item_id}
        found = http.post("/v1/search", json={"parts": [{"item_id": item_id}]})
        assert found.status_code == 200


def test_an_id_whose_slashes_were_not_encoded_is_still_found(serve, odd_shop):
    http = serve(shop=odd_shop)
    assert http.get("/v1/items/a/b").json()["item_id"] == "a/b"
    assert http.get("/v1/items/a/b/image").headers["content-type"] == "image/jpeg"


def test_a_picture_that_has_not_changed_is_not_sent_again(http):
    first = http.get("/v1/items/red-shoe/image")
    assert "max-age" in first.headers["cache-control"]
    etag = first.headers["etag"]
    for condition in (etag, f'"other", W/{etag}', "*"):
        again = http.get("/v1/items/red-shoe/image", headers={"if-none-match": condition})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    other = http.get("/v1/items/red-shoe/image?index=1", headers={"if-none-match": etag})
    assert other.status_code == 200


@pytest.fixture
def styled_shop(tmp_path, photo):
    """One red item, in the original and as its negative, under a name that needs quoting."""
    (tmp_path / "red.jpg").write_bytes(photo("red"))
    catalog = tmp_path / "one.csv"
    catalog.write_text("id,title,images\nred,Red,red.jpg\n")
    shop = tmp_path / "shop"
    build_index(open_catalog(catalog), ShopFolder(shop), ColorEncoder(), render=Invert("n & b"))
    return shop


def color_of(data: bytes) -> tuple[int, int, int]:
    return Image.open(io.BytesIO(data)).convert("RGB").resize((1, 1)).getpixel((0, 0))


def test_an_image_is_served_in_the_rendition_that_is_asked_for(serve, styled_shop):
    http = serve(shop=styled_shop)
    default = http.get("/v1/items/red/image")
    assert http.get("/v1/items/red/image?rendition=original").content == default.content
    inverted = http.get("/v1/items/red/image", params={"rendition": "n & b"})
    assert inverted.headers["content-type"] == "image/jpeg"
    for channel, opposite in zip(
        color_of(default.content), color_of(inverted.content), strict=True
    ):
        assert channel + opposite == pytest.approx(255, abs=10)


def test_an_unknown_rendition_is_a_404_that_lists_those_there_are(serve, styled_shop):
    response = serve(shop=styled_shop).get("/v1/items/red/image?rendition=sepia")
    assert response.status_code == 404
    problem = response.json()
    assert (problem["code"], problem["param"]) == ("unknown_item", "rendition")
    assert "original, n & b" in problem["detail"]


def test_a_hit_found_by_a_rendition_links_to_that_rendition(serve, styled_shop, photo):
    http = serve(shop=styled_shop)
    inverted = http.get("/v1/items/red/image", params={"rendition": "n & b"}).content
    (hit,) = http.post("/v1/search/image", files={"image": inverted}).json()["hits"]
    assert hit["variant"] == "n & b"
    assert hit["image_url"] == "/v1/items/red/image?index=0&rendition=n%20%26%20b"
    assert http.get(hit["image_url"]).content == inverted
    (original,) = http.post("/v1/search/image", files={"image": photo("red")}).json()["hits"]
    assert original["image_url"] == "/v1/items/red/image?index=0"


def test_head_answers_as_get_without_a_body(http):
    got = http.get("/v1/items/red-shoe/image")
    head = http.run(http.client.head("/v1/items/red-shoe/image"))
    assert head.status_code == 200
    assert head.headers["content-length"] == str(len(got.content))
    assert head.content == b""


@pytest.mark.parametrize("limit", [1, 5, 12, 50])
def test_a_cursor_leads_through_all_items_once_in_the_order_of_their_ids(http, limit):
    pages, cursor = [], None
    while cursor or not pages:
        options = {"cursor": cursor} if cursor else {"order": "id"}
        reply = http.get("/v1/items", params={"limit": limit, **options}).json()
        assert reply["total"] == 12
        pages.append([item["item_id"] for item in reply["items"]])
        cursor = reply["next_cursor"]
    found = [item_id for page in pages for item_id in page]
    assert len(found) == 12
    assert found == sorted(set(found))
    assert len(pages) == -(-12 // limit)


@pytest.mark.parametrize("cursor", ["%%%", "a", "", "A" * 399, "_____"])
def test_a_cursor_of_items_that_is_none_is_a_422(http, cursor):
    response = http.get("/v1/items", params={"cursor": cursor})
    assert (response.status_code, response.json()["param"]) == (422, "cursor")


def test_some_items_to_begin_with_show_each_category(http):
    items = http.get("/v1/items", params={"limit": 2}).json()["items"]
    assert {item["categories"][0] for item in items} == {"Wear/Shoes", "Home/Mugs"}


@pytest.mark.parametrize(
    "path",
    [
        "no-such-item",
        "no-such-item/similar",
        "no-such-item/image",
        "red-shoe/image?index=9",
        "%00",
        "%FF%FE/image",
        "x" * 600,
        "..%2F..%2F..%2Fetc%2Fpasswd/image",
        "%2e%2e/%2e%2e/CURRENT",
        "",
        "/image",
        "/similar",
        "%0d%0aSet-Cookie:x=1",
    ],
)
def test_what_is_not_in_the_shop_is_a_404_problem(http, path):
    response = http.get(f"/v1/items/{path}")
    assert response.status_code == 404
    body = response.json()
    assert body["code"] == "unknown_item"
    assert body["status"] == 404
    assert "set-cookie" not in response.headers


def test_unknown_items_of_the_engine_keep_their_words(http, engine):
    with pytest.raises(UnknownItem) as found:
        engine.item("no-such-item")
    assert http.get("/v1/items/no-such-item").json()["detail"] == str(found.value)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("red-shoe/similar?limit=0", "limit"),
        ("red-shoe/similar?limit=1001", "limit"),
        ("red-shoe/similar?limit=ten", "limit"),
        ("red-shoe/similar?group=shelf", "group"),
        ("red-shoe/similar?limmit=3", "limmit"),
        ("red-shoe/similar?filter=price%20%3C%3C%203", "filter"),
        ("red-shoe/image?index=-1", "index"),
        ("red-shoe/image?rendition=", "rendition"),
    ],
)
def test_a_parameter_that_is_wrong_or_unknown_is_named(http, path, param):
    response = http.get(f"/v1/items/{path}")
    assert response.status_code == 422
    assert response.json()["param"] == param
