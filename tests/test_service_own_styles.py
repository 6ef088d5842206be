"""A shop's own styles over HTTP: they are defined, indexed and removed, and bad files are named."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.shop.status import shop_status
from service.apikey import Scope
from service.http.routes import own_styles
from service.keyfile import KeyFile
from style.cubefile import cube_bytes
from style.stylefolder import StyleFolder
from style.tone import look_lut
from tests.conftest import write_catalog
from tests.localjobs import run_jobs_here


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of a shop of the tiny catalog, ``shop``."""
    base = tmp_path_factory.mktemp("own")
    catalog = write_catalog(base / "tiny")
    build_index(open_catalog(catalog), ShopFolder(base / "shop"), ColorEncoder())
    return base


@pytest.fixture
def shop(base):
    """The shop, whose own styles are deleted afterwards."""
    yield base / "shop"
    folder = StyleFolder(base / "shop/styles")
    for name in folder.names():
        folder.remove(name)


@pytest.fixture
def ask(serve, shop):
    """Sends requests with an admin key to a service on the shop."""
    with contextlib.suppress(Exception):
        KeyFile(shop).remove("ops")
    token = KeyFile(shop).add("ops", Scope.ADMIN)
    http = serve(shop=shop)

    def send(method, path, **options):
        headers = {"authorization": f"Bearer {token}"}
        response = http.run(http.client.request(method, path, headers=headers, **options))
        assert str(shop) not in response.text
        return response

    return send


@pytest.fixture
def in_this_process(monkeypatch):
    run_jobs_here(monkeypatch)


def picture(mode="RGB", size=(40, 30)) -> bytes:
    """A PNG of vertical stripes."""
    out = io.BytesIO()
    stripes = np.tile(np.array([30, 220], np.uint8), (size[1], size[0] // 2))
    Image.fromarray(stripes).convert(mode).save(out, "PNG")
    return out.getvalue()


def indexed(shop) -> list[str]:
    return [style.name for style in shop_status(ShopFolder(shop)).styles]


def names(ask) -> list[str]:
    return [style["name"] for style in ask("GET", "/v1/styles").json()["styles"]]


def test_a_picture_becomes_a_style_that_photos_can_be_rendered_in_at_once(ask):
    made = ask("PUT", "/v1/styles/poster", files={"image": picture()})
    assert made.status_code == 200
    assert made.json() == {"name": "poster", "kind": "texture", "strength": 0.7, "indexed": False}
    assert "poster" in names(ask)
    styled = ask("POST", "/v1/style", files={"image": picture()}, data={"style": "poster"})
    assert styled.status_code == 200
    taken = ask("PUT", "/v1/styles/poster", files={"image": picture()})
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    built_in = ask("PUT", "/v1/styles/oil", files={"image": picture()})
    assert (built_in.status_code, built_in.json()["code"]) == (409, "conflict")


def test_a_cube_file_becomes_a_look(ask):
    made = ask("PUT", "/v1/styles/brand", files={"cube": cube_bytes(look_lut("film"))})
    assert made.json() == {"name": "brand", "kind": "tone", "strength": 1.0, "indexed": False}


def test_a_bad_file_is_refused_in_one_line_and_nothing_is_kept(ask, shop):
    for files, code, param, words in (
        ({"image": b"not a picture"}, "bad_image", "image", "13 bytes"),
        ({"image": picture()[:60]}, "bad_image", "image", ""),
        ({"cube": b"LUT_3D_SIZE 2\n0 0 zero\n"}, "bad_cube", "cube", "line 2"),
        ({"cube": b"LUT_3D_SIZE 1000000\n"}, "bad_cube", "cube", "line 1"),
        ({"cube": b"\x00\xff" * 99}, "bad_cube", "cube", ""),
        ({"image": picture(), "cube": b""}, "invalid_request", None, "one file"),
        ({"photo": picture()}, "invalid_request", "photo", ""),
    ):
        reply = ask("PUT", "/v1/styles/bad", files=files)
        problem = reply.json()
        assert (reply.status_code, problem["code"]) == (422, code)
        assert param in (None, problem["param"])
        assert words in problem["detail"]
        assert "\n" not in problem["detail"]
    assert StyleFolder(shop / "styles").names() == []


def test_a_name_that_is_no_file_name_is_refused(ask, shop):
    for name in ("Poster", "-poster", "a" * 41, "po.ster", "%2e%2e"):
        reply = ask("PUT", f"/v1/styles/{name}", files={"image": picture()})
        assert reply.status_code in (404, 405, 422)
    assert StyleFolder(shop / "styles").names() == []


def test_a_shop_has_a_bounded_number_of_its_own_styles(ask, monkeypatch):
    monkeypatch.setattr(own_styles, "MOST_OWN", 1)
    assert ask("PUT", "/v1/styles/one", files={"image": picture()}).status_code == 200
    assert ask("PUT", "/v1/styles/two", files={"image": picture()}).status_code == 409


def test_images_are_indexed_in_a_style_of_the_shop_and_the_style_is_removed(
    ask, shop, in_this_process
):
    ask("PUT", "/v1/styles/brand", files={"cube": cube_bytes(look_lut("film"))})
    started = ask("POST", "/v1/styles/index", json={"styles": ["brand", "pastel"]})
    assert started.status_code == 202
    job = ask("GET", started.headers["location"]).json()
    assert (job["kind"], job["subject"]) == ("style_indexing", "brand pastel")
    assert (job["state"], job["problem"]) == ("succeeded", None)
    assert indexed(shop) == ["brand", "pastel"]
    removed = ask("POST", "/v1/styles/remove", json={"styles": ["brand", "pastel"]})
    assert ask("GET", removed.headers["location"]).json()["state"] == "succeeded"
    assert indexed(shop) == []
    assert "brand" not in names(ask)
    assert "pastel" in names(ask)  # a built-in style is only no longer indexed


def test_an_unknown_style_starts_no_job(ask):
    reply = ask("POST", "/v1/styles/index", json={"styles": ["pastell"]})
    assert reply.status_code == 422
    assert "did you mean 'pastel'" in reply.json()["detail"]
    for body in ({"styles": ["--help"] * 51}, {"styles": ["a b"]}, {"style": "noir"}):
        assert ask("POST", "/v1/styles/index", json=body).status_code == 422
    assert ask("POST", "/v1/styles/remove", json={}).status_code == 422
