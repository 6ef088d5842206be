"""Styles over HTTP: listed, shown on items, found by searches, and bounded."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.store.records import PictureKey
from indexer.store.store import Store
from style.stylefolder import StyleFolder
from style.tone import look_lut
from tests.conftest import jpeg, plain, write_catalog

KEY = "a key of sixteen letters"


@pytest.fixture
def styled_shop(tmp_path):
    """The tiny catalog, indexed in pastel too."""
    catalog = open_catalog(write_catalog(tmp_path / "catalog"))
    build_index(catalog, ShopFolder(tmp_path / "shop"), ColorEncoder(), styles=["pastel"])
    return tmp_path / "shop"


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16)


def send(http, image: bytes, **fields):
    data = {name: str(value) for name, value in fields.items()}
    return http.post("/v1/style", files={"image": image}, data=data)


def test_the_styles_are_listed_with_those_that_are_indexed(serve, styled_shop):
    http = serve(shop=styled_shop)
    styles = {style["name"]: style for style in http.get("/v1/styles").json()["styles"]}
    assert list(styles) == sorted(styles)
    assert styles["pastel"] == {**styles["pastel"], "kind": "tone", "indexed": True}
    assert styles["oil"] == {"name": "oil", "kind": "texture", "strength": 0.7, "indexed": False}
    (status,) = http.get("/v1/status").json()["styles"]
    assert (status["name"], status["indexed"] + status["left_out"]) == ("pastel", 18)


def test_an_item_is_shown_in_a_style_that_is_stored_and_in_one_that_is_not(serve, styled_shop):
    http = serve(shop=styled_shop)
    path = "/v1/items/red-shoe/image"
    original = pixels_of(http.get(path).content)
    stored = http.get(f"{path}?style=pastel")
    assert stored.content == http.get(f"{path}?rendition=pastel").content
    assert stored.headers["content-type"] == "image/jpeg"
    rendered = http.get(f"{path}?style=noir")
    duller = pixels_of(rendered.content)
    assert duller.shape == original.shape
    assert np.ptp(duller, axis=2).mean() < 0.9 * np.ptp(original, axis=2).mean()
    again = http.get(f"{path}?style=noir", headers={"if-none-match": rendered.headers["etag"]})
    assert again.status_code == 304


def test_the_strength_of_an_item_in_a_style_can_be_chosen(serve, styled_shop):
    http = serve(shop=styled_shop)
    path = "/v1/items/red-shoe/image"
    original = pixels_of(http.get(path).content)
    changes = [
        np.abs(pixels_of(http.get(f"{path}?style=noir&strength={strength}").content) - original)
        for strength in (0, 0.5, 1)
    ]
    assert [change.mean() for change in changes] == sorted(change.mean() for change in changes)
    assert changes[0].mean() < 2 < 10 < changes[2].mean()


def test_an_image_in_a_style_has_its_strength_in_a_header(serve, styled_shop):
    with Store(ShopFolder(styled_shop).store) as store, store.read() as reader:
        content = reader.item("red-shoe").images[0].content
        kept = reader.rendition(PictureKey(content, "pastel")).strength
    http = serve(shop=styled_shop)
    path = "/v1/items/red-shoe/image"
    sent = {
        query: http.get(f"{path}?{query}").headers.get("x-style-strength")
        for query in ("style=pastel", "style=pastel&strength=0.3", "style=oil", "index=0")
    }
    assert list(sent.values()) == [f"{kept:g}", "0.3", "0.7", None]


def test_an_unknown_item_is_reported_before_an_unknown_style(http):
    reply = http.get("/v1/items/no-such/image?style=watrcolor")
    assert (reply.status_code, reply.json()["code"]) == (404, "unknown_item")


@pytest.mark.parametrize(
    ("query", "status", "code", "param"),
    [
        ("style=watrcolor", 422, "unknown_style", "style"),
        ("style=", 422, "invalid_request", "style"),
        ("style=noir&strength=1.5", 422, "invalid_request", "strength"),
        ("style=noir&strength=nan", 422, "invalid_request", "strength"),
        ("strength=0.5", 422, "invalid_request", None),
        ("style=noir&rendition=noir", 422, "invalid_request", None),
        ("style=noir&index=9", 404, "unknown_item", "index"),
    ],
)
def test_a_wrong_wish_for_an_image_is_a_problem(http, query, status, code, param):
    response = http.get(f"/v1/items/red-shoe/image?{query}")
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["code"], problem["param"]) == (status, code, param)


def test_an_unknown_style_is_answered_with_the_closest_one(http):
    problem = http.get("/v1/items/red-shoe/image?style=watrcolor").json()
    assert "did you mean 'watercolor'?" in problem["detail"]


def test_an_uploaded_photo_is_styled(http):
    photo = jpeg(plain((200, 60, 40), side=120, spot=40))
    made = send(http, photo, style="noir")
    assert (made.status_code, made.headers["content-type"]) == (200, "image/jpeg")
    assert float(made.headers["x-style-strength"]) > 0
    assert "x-mask-confidence" not in made.headers
    assert pixels_of(made.content).shape == (120, 120, 3)
    exact = send(http, photo, style="noir", strength=0, format="png")
    assert exact.headers["content-type"] == "image/png"
    assert (pixels_of(exact.content) == pixels_of(photo)).all()


def test_the_same_seed_gives_the_same_bytes(http):
    photo = jpeg(plain((200, 60, 40), side=120, spot=40))
    first, again, other = (
        send(http, photo, style="pointillism", seed=seed, format="png").content
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_product_and_background_take_different_strengths(http):
    photo = Image.new("RGB", (200, 200), (255, 255, 255))
    photo.paste((200, 40, 40), (60, 60, 140, 140))
    made = send(http, jpeg(photo), style="noir", strength=1, background_strength=0, format="png")
    assert float(made.headers["x-mask-confidence"]) > 0.5
    before, after = pixels_of(jpeg(photo)), pixels_of(made.content)
    assert (before[:40] == after[:40]).all()
    middle = after[90:110, 90:110]
    assert np.abs(middle[..., 0] - middle[..., 2]).max() < 20


def test_a_large_photo_is_reduced(http):
    made = send(http, jpeg(Image.new("RGB", (4000, 1000), (10, 90, 200))), style="noir")
    assert pixels_of(made.content).shape == (512, 2048, 3)


@pytest.mark.parametrize(
    ("image", "fields", "status", "code", "param"),
    [
        (b"GIF89a, or so it says", {"style": "noir"}, 422, "bad_image", "image"),
        (b"", {"style": "noir"}, 422, "bad_image", "image"),
        (jpeg(plain((1, 2, 3))), {}, 422, "invalid_request", "style"),
        (jpeg(plain((1, 2, 3))), {"style": "sepa"}, 422, "unknown_style", "style"),
        (jpeg(plain((1, 2, 3))), {"style": "noir", "strength": 2}, 422, "invalid_request",
         "strength"),
        (jpeg(plain((1, 2, 3))), {"style": "noir", "seed": -1}, 422, "invalid_request", "seed"),
        (jpeg(plain((1, 2, 3))), {"style": "noir", "format": "tiff"}, 422, "invalid_request",
         "format"),
        (jpeg(plain((1, 2, 3))), {"style": "noir", "stile": "x"}, 422, "invalid_request", "stile"),
    ],
)  # fmt: skip
def test_a_wrong_request_for_a_style_is_a_problem(http, image, fields, status, code, param):
    response = send(http, image, **fields)
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["code"], problem["param"]) == (status, code, param)


def test_a_form_without_a_photo_or_that_is_none_is_a_problem(http):
    response = http.post("/v1/style", files={"style": (None, "noir")})
    assert (response.status_code, response.json()["param"]) == (422, "image")
    assert http.post("/v1/style", json={"style": "noir"}).status_code == 415


def test_a_photo_beyond_the_limits_of_decoding_is_refused(serve):
    http = serve(max_megapixels=0.01)
    response = send(http, jpeg(plain((10, 90, 200), side=200)), style="noir")
    assert (response.status_code, response.json()["code"]) == (422, "bad_image")


def test_styling_counts_as_many_searches(serve):
    http = serve(searches_per_s=0.001, searches_burst=30)
    photo = jpeg(plain((10, 90, 200)))
    assert send(http, photo, style="noir").status_code == 200
    refused = send(http, photo, style="noir")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert http.get("/v1/items/red-shoe/image?style=noir").status_code == 429
    assert http.get("/v1/items/red-shoe/image").status_code == 200


def test_searches_do_not_wait_for_pictures_that_are_styled(http, monkeypatch, photo):
    begun, go_on = threading.Event(), threading.Event()

    def slowly(*_):
        begun.set()
        assert go_on.wait(120)
        raise AssertionError("styled")

    monkeypatch.setattr("service.http.routes.styles.style_photo", slowly)

    async def ask() -> int:
        import asyncio

        styling = asyncio.ensure_future(
            http.client.post("/v1/style", files={"image": photo("red")}, data={"style": "noir"})
        )
        await asyncio.to_thread(begun.wait, 60)
        found = await http.client.post("/v1/search/image", files={"image": photo("red")})
        go_on.set()
        await styling
        return found.status_code

    assert http.run(ask()) == 200


def test_an_item_that_is_put_is_found_in_the_styles_of_the_shop(serve, styled_shop):
    http = serve(shop=styled_shop, write_key=KEY)
    form = {
        "items": (None, '[{"id": "plum", "title": "Plum", "images": ["plum.jpg"]}]'),
        "plum.jpg": jpeg(plain((120, 20, 110), spot=30)),
    }
    headers = {"authorization": f"Bearer {KEY}"}
    put = http.run(http.client.put("/v1/items", files=form, headers=headers))
    assert put.json()["results"][0]["status"] == "created"
    styled = http.get("/v1/items/plum/image?rendition=pastel")
    assert styled.status_code == 200
    (hit, *_) = http.post("/v1/search/image", files={"image": styled.content}).json()["hits"]
    assert (hit["item_id"], hit["variant"]) == ("plum", "pastel")


@pytest.mark.parametrize("name", ["poster.png", "poster.cube"])
def test_a_damaged_style_is_the_servers_fault_and_only_its_log_quotes_the_file(
    serve, styled_shop, tmp_path, caplog, name
):
    (styled_shop / "styles").mkdir()
    (styled_shop / "styles" / name).write_text("password hunter2\n", encoding="utf-8")
    http = serve(shop=styled_shop)
    photo = jpeg(plain((10, 90, 200)))
    for reply in (
        send(http, photo, style="poster"),
        http.get("/v1/items/red-shoe/image?style=poster"),
    ):
        assert reply.status_code == 503
        assert "the style 'poster' is damaged on the server" in reply.json()["detail"]
        for part in (str(tmp_path), "hunter2", "remove the style"):
            assert part not in reply.text
    assert f"styles/{name}" in caplog.text
    assert send(http, photo, style="noir").status_code == 200


def test_a_running_service_has_the_styles_that_a_shop_gains_and_loses(serve, styled_shop):
    http = serve(shop=styled_shop)
    photo, path = jpeg(plain((10, 90, 200))), "/v1/items/red-shoe/image?style=brand"

    def listed() -> bool:
        return "brand" in [style["name"] for style in http.get("/v1/styles").json()["styles"]]

    assert not listed()
    folder = StyleFolder(styled_shop / "styles")
    folder.add_lut("brand", look_lut("noir"))
    assert listed()
    made = [send(http, photo, style="brand"), http.get(path)]
    assert [reply.status_code for reply in made] == [200, 200]
    folder.remove("brand")
    folder.add_lut("brand", look_lut("golden"))
    assert send(http, photo, style="brand").content != made[0].content
    folder.remove("brand")
    assert not listed()
    assert send(http, photo, style="brand").status_code == http.get(path).status_code == 422


def test_a_photo_takes_the_colors_of_a_style_image_that_is_sent_with_it(http):
    photo, image = jpeg(plain((200, 60, 40), side=120, spot=40)), jpeg(plain((20, 60, 200)))
    files = {"image": photo, "style_image": image}
    made = http.post("/v1/style", files=files, data={"strength": "1"})
    assert made.status_code == 200
    before, after = pixels_of(photo).mean((0, 1)), pixels_of(made.content).mean((0, 1))
    assert after[2] - after[0] > before[2] - before[0] + 30
    assert float(http.post("/v1/style", files=files).headers["x-style-strength"]) == 0.7


@pytest.mark.parametrize(
    ("image", "fields", "code", "param"),
    [
        (b"GIF89a, or so it says", {}, "bad_image", "style_image"),
        (b"", {}, "bad_image", "style_image"),
        (jpeg(plain((1, 2, 3), side=300)), {}, "bad_image", "style_image"),
        (jpeg(plain((1, 2, 3))), {"style": "noir"}, "invalid_request", "style"),
        (jpeg(plain((1, 2, 3))), {"strength": "2"}, "invalid_request", "strength"),
    ],
    ids=["text", "empty", "large", "with a style", "strength"],
)
def test_a_wrong_style_image_is_a_problem(serve, image, fields, code, param):
    http = serve(max_megapixels=0.05)
    files = {"image": jpeg(plain((10, 90, 200))), "style_image": image}
    reply = http.post("/v1/style", files=files, data=fields)
    assert (reply.status_code, reply.json()["code"], reply.json()["param"]) == (422, code, param)
