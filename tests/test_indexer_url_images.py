"""Building from a catalog whose pictures are behind URLs."""

from __future__ import annotations

import json

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.fetching.fetcher import Fetcher
from indexer.fetching.ledger import Ledger
from indexer.jobs.build import build_index
from indexer.jobs.preview import preview_index
from indexer.layout import FETCHED
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine
from service.cli.main import main
from tests.conftest import COLORS, jpeg, plain
from tests.imageserver import ImageServer
from tests.test_indexer_fetching import policy

ITEMS = 40


def picture(number: int) -> bytes:
    return jpeg(plain(list(COLORS.values())[number % len(COLORS)], spot=number))


@pytest.fixture
def server():
    made = ImageServer()
    made.pictures |= {f"/{number}.jpg": picture(number) for number in range(ITEMS)}
    yield made
    made.close()


@pytest.fixture
def catalog(server, tmp_path):
    file = tmp_path / "catalog.jsonl"
    rows = [
        {"id": f"i{number}", "title": f"Item {number}", "images": [server.url(f"/{number}.jpg")]}
        for number in range(ITEMS)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def build(server, catalog, tmp_path, **options):
    with Fetcher(policy(server)) as fetcher:
        return build_index(
            open_catalog(catalog),
            ShopFolder(tmp_path / "shop"),
            ColorEncoder(),
            fetcher=fetcher,
            **options,
        )


def counts(report):
    found = report.fetched
    return found.fetched, found.unchanged, found.resumed, found.failed


def test_pictures_are_fetched_once_and_then_only_if_they_changed(server, catalog, tmp_path):
    first = build(server, catalog, tmp_path)
    assert (first.items, first.encoded) == (ITEMS, ITEMS)
    assert counts(first) == (ITEMS, 0, 0, 0)
    with SearchEngine.open(tmp_path / "shop") as engine:
        assert engine.item("i3").images == [server.url("/3.jpg")]
        assert engine.thumbnail("i3")[:3] == b"\xff\xd8\xff"
        assert engine.by_image(picture(3), k=1)[0].item_id == "i3"
    server.pictures["/3.jpg"] = jpeg(plain((1, 2, 3)))
    second = build(server, catalog, tmp_path)
    assert counts(second) == (1, ITEMS - 1, 0, 0)
    assert (second.encoded, second.changed) == (1, 1)


def test_without_marks_a_picture_is_known_by_its_bytes(server, catalog, tmp_path):
    server.marks = False
    build(server, catalog, tmp_path)
    again = build(server, catalog, tmp_path)
    assert counts(again) == (ITEMS, 0, 0, 0)
    assert (again.encoded, again.published) == (0, False)


def test_an_interrupted_run_is_continued(server, catalog, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.writing.embed_catalog._BATCH", 4)
    monkeypatch.setattr("indexer.writing.embed_catalog._COMMIT", 1)
    monkeypatch.setattr("indexer.writing.embed_catalog._FETCHED_AHEAD", 8)

    def stop(stage: str, done: int, total: int, skipped: int = 0) -> None:
        if stage == "encode" and done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(server, catalog, tmp_path, progress=stop)
    asked = sum(server.hits.values())
    assert asked < ITEMS
    report = build(server, catalog, tmp_path)
    fetched, unchanged, resumed, failed = counts(report)
    assert (report.items, unchanged, failed) == (ITEMS, 0, 0)
    assert resumed >= 20
    assert fetched + resumed == ITEMS
    assert sum(server.hits.values()) == asked + fetched


def test_a_killed_run_loses_only_the_last_seconds_of_a_slow_host(server, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.writing.embed_catalog._COMMIT_S", 0.0)
    catalog = tmp_path / "catalog.jsonl"
    rows = [{"id": f"i{number}", "images": [server.url(f"/{number}.jpg")]} for number in range(3)]
    catalog.write_text("".join(json.dumps(row) + "\n" for row in rows))
    noted: list[str] = []
    put = Ledger.put

    def note(ledger, pictures):
        noted.append(", ".join(url[-6:] for url in pictures))
        put(ledger, pictures)

    monkeypatch.setattr(Ledger, "put", note)
    build(server, catalog, tmp_path)
    assert "".join(noted).count("jpg") == 3
    assert all(urls.count("jpg") < 3 for urls in noted)  # not all of them at the end


def test_a_picture_of_several_items_is_fetched_once(server, tmp_path):
    url = server.url("/0.jpg")
    rows = [{"id": f"i{number}", "images": [url, server.url("/1.jpg")]} for number in range(9)]
    catalog = tmp_path / "catalog.jsonl"
    catalog.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = build(server, catalog, tmp_path)
    assert (report.items, report.rows) == (9, 18)
    assert server.hits == {"/0.jpg": 1, "/1.jpg": 1}


def test_each_failure_is_reported_by_name_and_empties_nothing(server, catalog, tmp_path):
    build(server, catalog, tmp_path)
    del server.pictures["/5.jpg"]
    server.pictures["/6.jpg"] = b"<html>moved</html>"
    report = build(server, catalog, tmp_path)
    reasons = {(skip.item_id, skip.image): skip.reason for skip in report.skipped if skip.image}
    assert reasons[("i5", server.url("/5.jpg"))].startswith("the answer is 404 Not Found")
    assert "an HTML page" in reasons[("i6", server.url("/6.jpg"))]
    assert sorted(report.kept) == ["i5", "i6"]
    assert report.items == ITEMS


def test_a_shop_that_keeps_paths_keeps_a_copy_of_what_is_fetched(server, catalog, tmp_path):
    build(server, catalog, tmp_path, keep_images="paths")
    with SearchEngine.open(tmp_path / "shop") as engine:
        assert engine.thumbnail("i3")[:3] == b"\xff\xd8\xff"


def test_a_dry_run_fetches_and_writes_nothing(server, catalog, tmp_path):
    with Fetcher(policy(server)) as fetcher:
        seen = preview_index(
            open_catalog(catalog), ShopFolder(tmp_path / "shop"), ColorEncoder(), fetcher=fetcher
        )
    assert (len(seen.added), seen.to_encode) == (ITEMS, ITEMS)
    assert not (tmp_path / "shop" / FETCHED).exists()


def test_the_command_line_fetches_from_named_hosts_only(server, catalog, tmp_path, capsys):
    shop = str(tmp_path / "shop")

    def index(*options: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["index", str(catalog), "--shop", shop, "--encoder", "color", *options])
        return ended.value.code

    assert index("--fetch") == 1
    error = capsys.readouterr().err
    assert f"the images are on {server.host} (40): --allow-host {server.host}" in error
    assert index() == 1
    assert index("--fetch", "--allow-host", server.host) == 1
    assert "which is not a public address; --allow-network" in capsys.readouterr().err
    local = ["--allow-network", "127.0.0.0/8", "--fetch-rate", "0"]
    assert index("--fetch", "--allow-host", server.host, *local) == 0
    assert "40 pictures fetched" in capsys.readouterr().out
    assert index("--allow-host", "a") == 2
