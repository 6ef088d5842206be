"""Folders of images: on disk, and in an object store, here that in fsspec's own memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indexer.catalog.sources import Catalog, Entry, Reading, open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadCatalog, BadImage
from indexer.imaging.imagefolder import ImageFolder
from indexer.imaging.images import LIMITS
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine
from tests.conftest import write_catalog
from tests.objectstores import bucket

__all__ = ["bucket"]

URL = "memory://bucket/pictures"


@pytest.fixture
def catalog(tmp_path: Path, bucket: Any) -> Catalog:
    """The tiny catalog, whose images are only in the object store."""
    folder = write_catalog(tmp_path / "catalog").parent
    for path in folder.rglob("*.*"):
        if path.suffix != ".csv":
            bucket.pipe_file(f"/bucket/pictures/{path.relative_to(folder)}", path.read_bytes())
            path.unlink()
    return open_catalog(folder / "catalog.csv", reading=Reading(images=URL))


def test_a_shop_is_indexed_from_images_in_an_object_store(catalog, tiny_shop, tmp_path):
    done = build_index(catalog, ShopFolder(tmp_path / "shop"), ColorEncoder())
    assert (done.rows, done.skipped) == (24, [])
    with SearchEngine.open(tmp_path / "shop") as there, SearchEngine.open(tiny_shop) as here:
        for item in ("red-shoe", "blue-mug"):
            assert [hit.item_id for hit in there.by_item(item, k=3)] == [
                hit.item_id for hit in here.by_item(item, k=3)
            ]


def test_a_shop_that_stores_only_paths_shows_images_of_the_object_store(catalog, bucket, tmp_path):
    build_index(catalog, ShopFolder(tmp_path / "shop"), ColorEncoder(), keep_images="paths")
    with SearchEngine.open(tmp_path / "shop") as engine:
        assert engine.thumbnail("red-shoe").startswith(b"\xff\xd8")


def test_a_path_is_read_below_the_folder_whether_or_not_it_begins_with_a_slash(bucket):
    bucket.pipe_file("/bucket/pictures/a/b.jpg", b"jpeg")
    folder = ImageFolder(URL)
    assert folder.read("a/b.jpg") == folder.read("/a/b.jpg") == b"jpeg"
    assert ImageFolder(f"{URL}/a/").read("b.jpg") == b"jpeg"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.jpg", "outside the catalog's folder"),
        ("x/../../secret.jpg", "outside the catalog's folder"),
        ("memory://bucket/secret.jpg", "a URL"),
        ("nothing.jpg", "no such file"),
        ("large.jpg", "over 0.001 MB"),
        ("empty.jpg", "0 bytes"),
    ],
)
def test_what_cannot_be_read_from_an_object_store_says_why(bucket, path, reason):
    for name, size in (("secret", 5), ("pictures/large", 1001), ("pictures/empty", 0)):
        bucket.pipe_file(f"/bucket/{name}.jpg", b"x" * size)
    with pytest.raises(BadImage, match=reason):
        ImageFolder(URL).read(path, LIMITS._replace(megabytes=0.001))


def test_an_object_store_that_fails_makes_an_image_unreadable(bucket, monkeypatch):
    def fail(*_: object, **__: object) -> bytes:
        raise RuntimeError("the token\nhas expired")

    monkeypatch.setattr(type(bucket), "cat_file", fail)
    with pytest.raises(BadImage, match="cannot be read: the token has expired"):
        ImageFolder(URL).read("a.jpg")


def test_an_object_store_is_not_asked_whether_it_has_a_file(bucket):
    assert ImageFolder(URL).may_have("nothing.jpg")
    assert not ImageFolder(URL).may_have("../secret.jpg")


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        ("s3://key:secret@bucket/pictures", "contains a password"),
        ("file:///etc", "expected a URL of s3"),
        ("memory://x::http://10.0.0.1", "expected a URL of s3"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_before_the_build(bucket, tmp_path, images, reason):
    path = write_catalog(tmp_path / "catalog")
    catalog = open_catalog(path, reading=Reading(images=images))
    with pytest.raises(BadCatalog, match=reason) as refused:
        build_index(catalog, ShopFolder(tmp_path / "shop"), ColorEncoder())
    assert refused.value.param == "images"
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "shop").exists()


def test_images_on_the_web_become_urls_that_are_fetched_only_if_asked_for(tmp_path):
    path = write_catalog(tmp_path / "catalog")
    catalog = open_catalog(path, reading=Reading(images="https://cdn.shop.example/p"))
    first = next(entry for entry in catalog if isinstance(entry, Entry))
    assert first.item.images[0] == "https://cdn.shop.example/p/images/red-shoe-1.jpg"
    with pytest.raises(BadCatalog, match="a URL, which is not fetched"):
        build_index(catalog, ShopFolder(tmp_path / "shop"), ColorEncoder())


def test_images_of_a_file_may_lie_in_another_folder(tmp_path):
    pictures = write_catalog(tmp_path / "pictures").parent
    path = tmp_path / "catalog.csv"
    (pictures / "catalog.csv").rename(path)
    done = build_index(
        open_catalog(path, reading=Reading(images=str(pictures))),
        ShopFolder(tmp_path / "shop"),
        ColorEncoder(),
    )
    assert (done.rows, done.skipped) == (24, [])


def test_a_folder_of_images_that_does_not_exist_is_refused(tmp_path):
    path = write_catalog(tmp_path / "catalog")
    with pytest.raises(BadCatalog, match="no such folder of images"):
        open_catalog(path, reading=Reading(images=str(tmp_path / "nothing")))
    with pytest.raises(BadCatalog, match="is a folder"):
        open_catalog(tmp_path / "catalog", reading=Reading(images=str(tmp_path)))
