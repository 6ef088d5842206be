"""The argument CATALOG as a URL, on the web or in an object store: copied, read as its kind."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pytest

from indexer.catalog import packedfile
from indexer.catalog.sources import open_catalog
from indexer.errors import BadCatalog
from service.cli.catalog_place import _write
from tests.commandline import assert_one_line, vitrine
from tests.conftest import COLORS, jpeg, plain
from tests.imageserver import ImageServer
from tests.objectstores import bucket, s3_url

__all__ = ["bucket", "s3_url", "vitrine"]

FEED = b"""<rss xmlns:g="http://base.google.com/ns/1.0"><channel>
<item><g:id>red</g:id><title>Red</title><g:image_link>p/red.jpg</g:image_link></item>
<item><g:id>blue</g:id><title>Blue</title><g:image_link>/feeds/p/blue.jpg</g:image_link></item>
</channel></rss>"""
LOCAL = ("--allow-network", "127.0.0.0/8", "--fetch-rate", "0")


@pytest.fixture
def server():
    made = ImageServer()
    made.pictures["/feeds/shop.xml"] = FEED
    for color in ("red", "blue"):
        made.pictures[f"/feeds/p/{color}.jpg"] = jpeg(plain(COLORS[color]))
    yield made
    made.close()


def test_a_feed_is_indexed_and_put_by_its_address(server, vitrine, tmp_path):
    shop = ("--shop", tmp_path / "shop", "--fetch", "--allow-host", server.host, *LOCAL)
    done = vitrine("index", server.url("/feeds/shop.xml"), *shop, "--encoder", "color", "--json")
    assert (done.code, json.loads(done.out)["items"]) == (0, 2), done.err
    server.pictures["/feeds/shop.xml.gz"] = gzip.compress(FEED.replace(b"Red", b"Crimson"))
    done = vitrine("put", server.url("/feeds/shop.xml.gz"), *shop, "--json")
    statuses = [outcome["status"] for outcome in json.loads(done.out)["results"]]
    assert statuses == ["updated", "unchanged"]


def test_a_feed_that_cannot_be_had_is_an_error_with_its_address(server, vitrine, tmp_path):
    shop = ("--shop", tmp_path / "shop")
    url = server.url("/none.csv")
    done = vitrine("index", url, *shop)
    assert_one_line(done, url, "not a public address; --allow-network")
    host = ("--fetch", "--allow-host", server.host, *LOCAL)
    assert_one_line(vitrine("index", url, *shop, *host), url, "the answer is 404")
    assert_one_line(vitrine("plan", url), url, "'vitrine index' fetches a feed")
    for packed in (gzip.compress(FEED)[:-20], gzip.compress(FEED) + b"more"):
        server.pictures["/none.csv"] = packed
        assert_one_line(vitrine("index", url, *shop, *host), url, "not a whole gzip file")
    assert not (tmp_path / "shop").exists()


def test_a_feed_that_is_no_catalog_is_an_error_with_its_address(server, vitrine, tmp_path):
    host = ("--fetch", "--allow-host", server.host, *LOCAL)
    url = server.url("/feed.json")
    for data in (b"{", b'[{"name": "no id"}]', b"[]"):
        server.pictures["/feed.json"] = data
        done = vitrine("index", url, "--shop", tmp_path / "shop", *host)
        assert_one_line(done, url)
        assert "vitrine-" not in done.err


ROWS = b"id,title,images\nred,Red,p/red.jpg\n"


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("all.csv.gz", gzip.compress(ROWS)),
        ("ALL.XML.GZ", gzip.compress(FEED.replace(b"/feeds/p", b"p"))),
        ("all.zip", zipped({"export/../all.csv": ROWS, "__MACOSX/._all.csv": b"x"})),
    ],
)
def test_a_packed_catalog_is_read_with_the_pictures_beside_it(tmp_path, name, data):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "red.jpg").write_bytes(jpeg(plain(COLORS["red"])))
    (tmp_path / name).write_bytes(data)
    entry = next(iter(open_catalog(tmp_path / name)))
    assert (entry.item.title, entry.item.images) == ("Red", ["p/red.jpg"])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv.gz", ROWS, r"a\.csv\.gz: not a whole gzip file: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(b""), r"a\.csv\.gz is empty: expected a header row"),
        ("a.doc.gz", gzip.compress(ROWS), r"a\.doc\.gz: a catalog is .* got '\.doc'"),
        ("a.zip", ROWS, r"a\.zip cannot be unpacked: File is not a zip file"),
        ("a.zip", zipped({"a.csv": ROWS, "b.jpg": b""}), r"a\.zip holds 2 files; .*holds one"),
    ],
)
def test_a_packed_file_that_is_no_catalog_is_an_error_with_its_name(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadCatalog, match=message) as caught:
        open_catalog(tmp_path / name).scan()
    assert "vitrine-catalog" not in str(caught.value)


def test_a_feed_packed_a_thousand_times_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(packedfile, "_MUCH", 1_000_000)
    data = gzip.compress(bytes(3_000_000))
    with pytest.raises(BadCatalog, match=r"shop\.xml: unpacks to over 200 times its size"):
        _write(tmp_path, "http://a/shop.xml", "", io.BytesIO(data))


def test_a_catalog_in_an_object_store_is_indexed_with_the_pictures_beside_it(
    bucket, vitrine, tmp_path
):
    bucket.pipe_file("/shop/feeds/all.xml.gz", gzip.compress(FEED.replace(b"/feeds/p", b"p")))
    for color in ("red", "blue"):
        bucket.pipe_file(f"/shop/feeds/p/{color}.jpg", jpeg(plain(COLORS[color])))
    url, shop = "memory://shop/feeds/all.xml.gz", ("--shop", tmp_path / "shop")
    assert json.loads(vitrine("plan", url, "--encoder", "color", "--json").out)["unreadable"] == 0
    done = vitrine("index", url, *shop, "--encoder", "color", "--json")
    assert (done.code, json.loads(done.out)["items"]) == (0, 2), done.err
    assert json.loads(vitrine("status", *shop, "--json").out)["catalog"] == url
    done = vitrine("put", url, *shop, "--json")
    assert {x["status"] for x in json.loads(done.out)["results"]} == {"unchanged"}


def test_a_folder_of_images_in_an_object_store_is_a_catalog_like_one_on_disk(
    bucket, vitrine, tmp_path
):
    wanted = ("shoes/red, new.jpg", "blue.jpg")
    for name in (*wanted, "shoes/red_thumb.jpg", ".cache/x.jpg", "@eaDir/x.jpg"):
        picture = jpeg(plain(COLORS["blue" if "blue" in name else "red"]))
        bucket.pipe_file(f"/shop/pictures/{name}", picture)
    for name, url in (("a", "memory://shop/pictures/"), ("b", "memory://shop/pictures")):
        shop = ("--shop", tmp_path / name, "--exclude", "*_thumb.jpg")
        done = vitrine("index", url, *shop, "--encoder", "color", "--json")
        assert (done.code, json.loads(done.out)["rows"]) == (0, 2), done.err
        status = json.loads(vitrine("status", *shop[:2], "--json").out)
        assert status["catalog"] == "memory://shop/pictures/"
        exported = tmp_path / f"{name}.jsonl"
        assert vitrine("export", *shop[:2], "--out", exported).code == 0
        items = [json.loads(line) for line in exported.read_text().splitlines()]
        assert [item["id"] for item in items] == sorted(wanted)
        assert items[1]["categories"] == ["shoes"]


def test_a_folder_that_an_object_store_does_not_have_is_an_error_with_its_url(bucket, vitrine):
    bucket.pipe_file("/shop/hidden/.x.jpg", b"x")
    for url in ("memory://shop/none/", "memory://shop/hidden"):
        assert_one_line(vitrine("plan", url), url, "no such folder")


def test_a_catalog_that_an_object_store_does_not_have_is_an_error_with_its_url(bucket, vitrine):
    bucket.pipe_file("/shop/cut.csv.gz", gzip.compress(FEED)[:-20])
    assert_one_line(vitrine("plan", "memory://shop/none.csv"), "memory://shop/none.csv: no such")
    assert_one_line(vitrine("plan", "memory://shop/cut.csv.gz"), "not a whole gzip file")
    secret = vitrine("plan", "s3://key:secret@shop/all.csv")
    assert_one_line(secret, "contains a password")
    assert "secret" not in secret.err


@pytest.mark.slow
def test_a_catalog_on_a_server_of_s3_is_indexed(s3_url, vitrine, tmp_path):
    """Also where it and its pictures are in different buckets, and a folder without a file."""
    import s3fs

    store = s3fs.S3FileSystem(skip_instance_cache=True)
    for name in ("feeds", "pictures"):
        store.mkdir(name)
    store.pipe_file("feeds/all.csv", b"id,images\nred,p/red.jpg\nblue,p/blue.jpg\n")
    for color in ("red", "blue"):
        store.pipe_file(f"pictures/p/{color}.jpg", jpeg(plain(COLORS[color])))
    shop = ("--shop", tmp_path / "shop", "--images", "s3://pictures")
    done = vitrine("index", "s3://feeds/all.csv", *shop, "--encoder", "color", "--json")
    assert (done.code, json.loads(done.out)["items"]) == (0, 2), done.err
    store.call_s3("put_object", Bucket="pictures", Key="p/")  # how consoles of S3 make a folder
    planned = json.loads(vitrine("plan", "s3://pictures/p", "--encoder", "color", "--json").out)
    assert (planned["items"], planned["unreadable"]) == (2, 0)


@pytest.mark.parametrize(
    ("url", "content_type", "data", "name"),
    [
        ("http://a/shop.csv?key=1", "text/plain", b"id\n1", "shop.csv"),
        ("http://a/shop.csv.gz", "", gzip.compress(b"id") * 2, "shop.csv"),
        ("http://a/export", "text/csv; charset=utf-8", b"id", "export.csv"),
        ("http://a/", "application/rss+xml", FEED, "feed.xml"),
        ("http://a/feed.php", "application/octet-stream", b"\xef\xbb\xbf [1]", "feed.php.json"),
        ("http://a/..%2F..%2Fx", "text/plain", b"id\t1", "x.csv"),
    ],
    ids=["name", "gzip", "header", "xml", "json", "path"],  # gzip's bytes contain the time
)
def test_the_kind_of_a_feed_is_told_by_name_header_or_content(
    tmp_path, url, content_type, data, name
):
    path = _write(tmp_path, url, content_type, io.BytesIO(data))
    assert path == tmp_path / name
    assert path.read_bytes() == (b"idid" if "gz" in url else data)
