"""The argument CATALOG as a URL: a feed is fetched, read as its kind, and refused in one line."""

from __future__ import annotations

import gzip
import json

import pytest

from indexer.errors import BadCatalog
from service.cli import catalog_place
from service.cli.catalog_place import _write
from tests.commandline import assert_one_line, vitrine  # noqa: F401
from tests.conftest import COLORS, jpeg, plain
from tests.imageserver import ImageServer

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


def test_a_feed_is_indexed_and_put_by_its_address(server, vitrine, tmp_path):  # noqa: F811
    shop = ("--shop", tmp_path / "shop", "--fetch", "--allow-host", server.host, *LOCAL)
    done = vitrine("index", server.url("/feeds/shop.xml"), *shop, "--encoder", "color", "--json")
    assert (done.code, json.loads(done.out)["items"]) == (0, 2), done.err
    server.pictures["/feeds/shop.xml.gz"] = gzip.compress(FEED.replace(b"Red", b"Crimson"))
    done = vitrine("put", server.url("/feeds/shop.xml.gz"), *shop, "--json")
    statuses = [outcome["status"] for outcome in json.loads(done.out)["results"]]
    assert statuses == ["updated", "unchanged"]


def test_a_feed_that_cannot_be_had_is_an_error_with_its_address(server, vitrine, tmp_path):  # noqa: F811
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


def test_a_feed_packed_a_thousand_times_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog_place, "_MUCH", 1_000_000)
    data = gzip.compress(bytes(3_000_000))
    with pytest.raises(BadCatalog, match=r"shop\.xml: unpacks to over 200 times its size"):
        _write(tmp_path, "http://a/shop.xml", "", data)


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
    path = _write(tmp_path, url, content_type, data)
    assert path == tmp_path / name
    assert path.read_bytes() == (b"idid" if "gz" in url else data)
