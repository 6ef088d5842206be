"""The command line: data on stdout, progress on stderr, one line for an error."""

from __future__ import annotations

import json
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from indexer.items import Item
from indexer.writing.writes import Draft, ImageInput
from search.engine import SearchEngine
from service.cli.console import human_bytes, human_seconds
from service.cli.main import main
from service.exitcodes import FAILED
from tests.conftest import COLORS, jpeg, plain, write_catalog


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def vitrine(capsys) -> Callable[..., Done]:
    """Runs a command in this process: its exit status and what it wrote."""

    def run(*words: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run


def assert_one_line(done: Done, *parts: str, code: int = FAILED) -> None:
    """A known error: its status, nothing on stdout, one line on stderr that says these things."""
    assert (done.code, done.out) == (code, "")
    lines = [line for line in done.err.splitlines() if line.startswith("vitrine: ")]
    assert len(lines) == 1
    assert done.err.endswith(lines[0] + "\n")
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
    for part in parts:
        assert part in lines[0]


@pytest.fixture
def photo_file(tmp_path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(plain(COLORS["red"], side=160, spot=10)))
    return path


# Every command does its work


def test_plan_predicts_and_writes_nothing(vitrine, tiny_catalog):
    done = vitrine("plan", tiny_catalog, "--encoder", "color", "--json")
    assert (done.code, done.err) == (0, "")
    assert set(done.json) == {
        "items", "images", "skipped", "sampled", "unreadable", "encoder", "dim",
        "images_per_second", "seconds", "disk_bytes", "generation_bytes", "memory_bytes",
        "free_bytes",
    }  # fmt: skip
    assert (done.json["items"], done.json["images"], done.json["encoder"]) == (12, 24, "color")
    told = vitrine("plan", tiny_catalog, "--encoder", "color")
    assert "12 items, 24 images" in told.out


def test_index_builds_and_says_what_it_did(vitrine, tiny_catalog, tmp_path):
    shop = tmp_path / "shop"
    done = vitrine("index", tiny_catalog, "--shop", shop, "--encoder", "color", "--json")
    assert done.code == 0
    assert set(done.json) == {
        "generation", "published", "encoder", "items", "products", "rows", "encoded", "reused",
        "added", "changed", "removed", "kept", "skipped", "seconds", "recipe", "promise",
        "styles", "rendered", "suspects", "fetched",
    }  # fmt: skip
    assert (done.json["items"], done.json["encoded"], done.json["published"]) == (12, 18, True)
    assert done.json["reused"] == 6  # six pictures occur twice
    assert "images" in done.err  # the bar
    again = vitrine("index", tiny_catalog, "--shop", shop)
    assert again.code == 0
    assert "generation 000001 (unchanged): 12 items, 12 products, 24 images" in again.out
    assert "with color" in again.out  # the shop's own encoder, not the default
    assert "0 images encoded, 24 known already, 0 items removed" in again.out


def test_search_by_photo_prints_hits_in_the_shape_of_the_api(vitrine, tiny_shop, photo_file):
    done = vitrine("search", photo_file, "--shop", tiny_shop, "-k", 3, "--json")
    assert (done.code, done.err) == (0, "")
    assert {"hits", "generation", "encoder", "mode", "timings"} <= set(done.json)
    assert set(done.json) - {"hits", "generation", "encoder", "mode", "timings"} == {
        "total",
        "facets",
        "no_close_match",
        "next_cursor",
        "did_you_mean",
        "understood",
    }
    assert (done.json["generation"], done.json["encoder"], done.json["mode"]) == (
        "000001",
        "color",
        "exact",
    )
    assert len(done.json["hits"]) == 3
    first = done.json["hits"][0]
    assert {"item_id", "product_id", "score", "image", "variant", "title", "price"} <= set(first)
    assert first["item_id"] in ("red-shoe", "red-mug")
    assert first["variant"] == "original"
    assert all(isinstance(value, float) for value in done.json["timings"].values())


def test_search_by_words_item_filter_and_box(vitrine, tiny_shop, photo_file):
    def found(*words: object) -> list[str]:
        done = vitrine("search", "--shop", tiny_shop, "--json", *words)
        assert done.code == 0, done.err
        return [hit["item_id"] for hit in done.json["hits"]]

    assert found("--text", "blue mug", "-k", 1) == ["blue-mug"]
    assert found("--item", "red-mug", "-k", 1) == ["red-shoe"]
    assert found(photo_file, "--filter", "color = green and price < 22") == ["green-shoe"]
    assert found(photo_file, "--box", "0,0,0.5,0.5", "-k", 1)[0].startswith("red-")
    assert found("--text", "trombone") == []


def test_search_for_a_person_is_a_table_and_its_summary_is_not_data(vitrine, tiny_shop):
    done = vitrine("search", "--shop", tiny_shop, "--text", "yellow shoe", "-k", 2)
    assert done.code == 0
    assert "Yellow shoe" in done.out
    assert "40.00 EUR (out)" in done.out
    assert "considered, lexical" in done.err
    assert "considered" not in done.out
    assert vitrine("search", "--shop", tiny_shop, "--text", "trombone").out == "nothing found\n"


def test_status_says_what_a_shop_holds(vitrine, tiny_shop):
    done = vitrine("status", "--shop", tiny_shop, "--json")
    assert (done.code, done.err) == (0, "")
    assert {"generation", "encoder", "dim", "items", "rows", "skipped", "bytes"} <= set(done.json)
    assert (done.json["items"], done.json["rows"], done.json["dim"]) == (12, 24, 112)
    assert "12 in 12 products" in vitrine("status", "--shop", tiny_shop).out


def test_the_shop_may_come_from_the_environment(vitrine, tiny_shop, monkeypatch):
    monkeypatch.setenv("VITRINE_SHOP", str(tiny_shop))
    assert vitrine("status", "--json").json["items"] == 12


@pytest.mark.slow
def test_eval_prints_figures_with_intervals(vitrine, tiny_shop, photo_file):
    path = photo_file.parent / "queries.csv"
    path.write_text("image,item_id\nphoto.jpg,red-mug\nphoto.jpg,red-shoe\ngone.jpg,red-mug\n")
    done = vitrine("eval", "--shop", tiny_shop, "--queries", path, "--json")
    assert done.code == 0
    figures = {"recall@1", "recall@5", "recall@10", "mrr", "map@10", "ndcg@10"}
    assert figures | {"queries", "encoder"} <= set(done.json)
    assert done.json["recall@1"] == {"value": 0.5, "low": 0.0, "high": 1.0}
    assert done.json["recall@5"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (done.json["queries"], done.json["encoder"]) == (2, "color")
    assert set(done.json["per_category"]) == {"Home/Mugs", "Wear/Shoes"}
    assert done.json["skipped"][0]["image"].endswith("gone.jpg")
    told = vitrine("eval", "--shop", tiny_shop, "--queries", path)
    assert "recall@1" in told.out
    assert "1 queries skipped, such as" in told.err


def test_eval_says_how_far_confidences_go_and_what_it_makes_of_things_not_sold(
    vitrine, tiny_shop, tiny_catalog, photo_file, tmp_path
):
    path = photo_file.parent / "queries.csv"
    path.write_text("image,item_id\nphoto.jpg,red-shoe\n")
    unsold = tmp_path / "unsold"
    unsold.mkdir()
    for n in range(4):
        (unsold / f"{n}.jpg").write_bytes(jpeg(plain((255, n, 255 - n))))  # no color of the shop
    (unsold / "broken.jpg").write_bytes(b"none")
    command = ("eval", "--shop", tiny_shop, "--queries", path, "--unsold", unsold)
    done = vitrine(*command, "--json")
    assert done.code == 0
    assert done.json["reliability"]["queries"] == 1
    assert [cut["answered"] for cut in done.json["reliability"]["curve"]] == [1.0] * 10
    assert done.json["unsold"]["photos"] == 4
    assert done.json["unsold"]["auroc"] == 1.0
    assert [Path(one["image"]).name for one in done.json["skipped"]] == ["broken.jpg"]
    told = vitrine(*command)
    assert "calibration error" in told.out
    assert "4 photos of things not sold: AUROC 1.000" in told.out


def test_eval_refuses_a_folder_without_photos_of_things_not_sold(
    vitrine, tiny_shop, photo_file, tmp_path
):
    path = photo_file.parent / "queries.csv"
    path.write_text("image,item_id\nphoto.jpg,red-shoe\n")
    (tmp_path / "empty").mkdir()
    command = ("eval", "--shop", tiny_shop, "--queries", path, "--unsold")
    assert "has no files" in vitrine(*command, tmp_path / "empty").err
    assert vitrine(*command, tmp_path / "gone").code == 1


@pytest.mark.parametrize("k", [1, 3, 10])
def test_a_sheet_of_a_search_has_a_cell_for_the_photo_and_one_for_each_hit(
    vitrine, tiny_shop, photo_file, tmp_path, k
):
    sheet = tmp_path / "sheet.png"
    done = vitrine("search", photo_file, "--shop", tiny_shop, "-k", k, "--sheet", sheet, "--json")
    assert done.code == 0
    assert f"wrote {sheet}" in done.err
    with Image.open(sheet) as picture:
        # A cell is 128 wide and 128 + 34 high; 10 between cells and around them.
        assert picture.size == (10 + (k + 1) * 138 + 10, 10 + 172)
        assert picture.getpixel((10 + 64, 10 + 64))[0] > 200  # the photo is red
        assert picture.getpixel((10 + 138 + 10 + 64, 10 + 64))[0] > 200  # so is the first hit


def test_a_sheet_of_an_evaluation_frames_right_hits_green_and_wrong_ones_red(
    vitrine, tiny_shop, photo_file, tmp_path
):
    queries = photo_file.parent / "queries.csv"
    queries.write_text("image,category\nphoto.jpg,Home\n")
    sheet = tmp_path / "sheet.png"
    done = vitrine("eval", "--shop", tiny_shop, "--queries", queries, "--sheet", sheet, "--json")
    assert done.code == 0
    with Image.open(sheet) as picture:
        frames = [picture.getpixel((20 + n * 138, 10 + 64)) for n in range(1, 11)]
    assert set(frames) == {(28, 140, 74), (196, 52, 44)}


def test_an_item_without_a_picture_has_an_empty_cell_in_a_sheet(vitrine, make_shop, tmp_path):
    shop, sheet = make_shop(), tmp_path / "sheet.png"
    with SearchEngine.open(shop) as engine:
        item = Item(item_id="bare", product_id="bare", title="Bare vector")
        vector = np.ones((1, engine.encoder.dim), dtype=np.float32)
        engine.put([Draft("bare", lambda _: item, [ImageInput("")], vector)])
    done = vitrine("search", "--text", "bare", "--shop", shop, "--sheet", sheet, "--json")
    assert [hit["item_id"] for hit in done.json["hits"]] == ["bare"]
    assert sheet.is_file()


def test_what_looks_like_markup_in_a_category_is_text(vitrine, tmp_path, make_shop):
    catalog = write_catalog(tmp_path / "catalog")
    catalog.write_text(catalog.read_text().replace("Home/Mugs", "[/b] [red]Mugs"))
    queries = catalog.with_name("queries.csv")
    queries.write_text("image,item_id\nimages/red-mug-1.jpg,red-mug\n")
    done = vitrine("eval", "--shop", make_shop(catalog), "--queries", queries)
    assert done.code == 0
    assert "[/b] [red]Mugs" in done.out


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "99999", "less than or equal to 65535"),
        ("QUERY_VIEWS", "zoom", "'flip'"),
        ("WRITE_KEY", "too short", "at least 16"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_no_key_is_shown(
    vitrine, tiny_shop, monkeypatch, name, value, words
):
    monkeypatch.setenv(f"VITRINE_{name}", value)
    done = vitrine("serve", "--shop", tiny_shop)
    assert_one_line(done, f"the environment variable VITRINE_{name} is invalid: ", words)
    assert value not in done.err


def test_a_sheet_that_cannot_be_written_is_told(vitrine, tiny_shop, photo_file, tmp_path):
    for name in ("nowhere/sheet.png", "sheet.pngg"):
        done = vitrine("search", photo_file, "--shop", tiny_shop, "--sheet", tmp_path / name)
        assert_one_line(done, "cannot write the sheet", name)


@pytest.mark.parametrize(
    ("name", "text", "reasons"),
    [
        ("a.csv", "sku,label\nx,y\n", ["has no column 'id'"]),
        ("a.csv", "id,image\n,b.jpg\n", ["no id", "holds no items"]),
        ("a.csv", "id,image\na,b.jpg\n", ["no such file", "no image", "none of 1 items"]),
        ("a.docx", "x", ["got '.docx'"]),
    ],
)
def test_the_report_is_written_where_nothing_could_be_read(vitrine, tmp_path, name, text, reasons):
    (tmp_path / name).write_text(text)
    report = tmp_path / "report.jsonl"
    words = ["--shop", tmp_path / "shop", "--encoder", "color", "--report", report]
    assert vitrine("index", tmp_path / name, *words).code != 0
    found = [json.loads(line)["reason"] for line in report.read_text().splitlines()]
    assert len(found) == len(reasons)
    assert all(part in reason for part, reason in zip(reasons, found, strict=True))


def test_a_shop_is_exported_once_and_replaced_only_by_force(vitrine, tiny_shop, tmp_path):
    path = tmp_path / "items.jsonl"
    words = ["export", "--shop", tiny_shop, "--out", path]
    assert vitrine(*words, "--json").json == {
        "file": str(path), "items": 12, "images": 24, "encoder": "",
    }  # fmt: skip
    assert len(path.read_text().splitlines()) == 12
    assert_one_line(vitrine(*words), "exists already", "--force")
    done = vitrine(*words, "--force", "--vectors")
    assert "12 items, 24 images, with the vectors of color" in done.out
    assert_one_line(vitrine("export", "--shop", tmp_path / "none", "--out", tmp_path / "x.csv"))


def test_a_shop_is_indexed_from_its_export_with_every_field_to_look_at(vitrine, tmp_path):
    plain(COLORS["red"]).save(tmp_path / "a.png")
    catalog = tmp_path / "feed.tsv"
    catalog.write_text(
        "id\ttitle\timage_link\tprice\tlink\tavailability\n"
        "1\tRed &amp; round\tA.PNG?v=2\t1.299,00 €\thttps://shop.example/1\tin stock\n"
        "2\tB\ta.png\tcall us\thttps://shop.example/2\tsold out\n"
    )
    words = ["index", catalog, "--shop", tmp_path / "shop", "--encoder", "color"]
    done = vitrine(*words, "--format", "google")
    assert done.code == 0
    assert "2 fields or items to look at:" in done.out
    assert "row 2 1 a.png: there is no file 'A.PNG?v=2'; read 'a.png'" in done.out
    assert "row 3 2: price must be a number such as 12.50, got 'call us'" in done.out
    found = vitrine("search", "--shop", tmp_path / "shop", "--text", "round", "--json")
    (hit,) = json.loads(found.out)["hits"]
    assert (hit["title"], hit["price"], hit["currency"]) == ("Red & round", 1299.0, "EUR")
    assert hit["url"] == "https://shop.example/1"


def test_the_report_lists_every_skip_as_json_lines(vitrine, tmp_path):
    catalog = write_catalog(tmp_path / "catalog")
    (catalog.parent / "images" / "red-mug-1.jpg").write_text("hello, I am text")
    with catalog.open("a", encoding="utf-8") as file:
        file.write("lonely,,,,,,,,,\n")
    report = tmp_path / "report.jsonl"
    done = vitrine(
        "index", catalog, "--shop", tmp_path / "shop", "--encoder", "color", "--report", report
    )
    assert done.code == 0
    assert "2 skipped:" in done.out
    assert "row 8 red-mug images/red-mug-1.jpg: not an image we read" in done.out
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(one["item_id"], one["image"], one["where"]) for one in lines] == [
        ("red-mug", "images/red-mug-1.jpg", "row 8"),
        ("lonely", "", "row 14"),
    ]
    assert lines[1]["reason"] == "no image"
    status = vitrine("status", "--shop", tmp_path / "shop", "--json").json
    assert (status["items"], status["rows"], status["skipped"]) == (12, 23, 2)


def test_columns_of_other_names_are_mapped(vitrine, tmp_path):
    (tmp_path / "a.png").write_bytes(png(8, 8))
    (tmp_path / "a.csv").write_text("sku,label,picture\ns1,Mug,a.png\n")
    words = [
        "index",
        tmp_path / "a.csv",
        "--shop",
        tmp_path / "shop",
        "--encoder",
        "color",
        "--json",
    ]
    done = vitrine(*words, "--map", "id=sku", "--map", "title=label", "--map", "images=picture")
    assert (done.code, done.json["items"]) == (0, 1)


# Wrong usage is status 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serach"], "No such command 'serach'"),
        (["search", "--shop", "SHOP"], "give a PHOTO, --text or --item"),
        (["search", "--text", "x"], "Missing option '--shop'"),
        (
            ["search", "--shop", "SHOP", "--text", "x", "-k", "many"],
            "'many' is not a valid integer",
        ),
        (["index", "--shop", "SHOP"], "Missing argument 'CATALOG'"),
        (["index", "a.csv", "--shop", "SHOP", "--map", "id"], "expected FIELD=COLUMN, got 'id'"),
        (["status", "--shop", "SHOP", "--verbose"], "No such option"),
        (["serve", "--shop", "SHOP", "--port", "99999"], "99999"),
    ],
)
def test_wrong_usage_is_status_2_with_a_hint(vitrine, tiny_shop, monkeypatch, words, message):
    monkeypatch.delenv("VITRINE_SHOP", raising=False)
    done = vitrine(*[tiny_shop if word == "SHOP" else word for word in words])
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "command", ["plan", "index", "search", "eval", "serve", "status", "sample"]
)
def test_every_command_explains_itself(vitrine, command):
    done = vitrine(command, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: vitrine {command} ")
    assert command in vitrine("--help").out


def test_the_version_is_that_of_the_package(vitrine):
    done = vitrine("--version")
    assert done.code == 0
    assert done.out.startswith("vitrine, version 0.")


# Bad input


def png(width: int, height: int) -> bytes:
    """A PNG of one color; however large it claims to be, it is a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = min(height, 100)  # a decoder that gets this far has gone too far
    body = zlib.compress((b"\0" + b"\x80" * width) * rows)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


BAD_CATALOGS = {
    "empty.csv": (b"", "empty.csv is empty: expected a header row with at least 'id'"),
    "header.csv": (b"id,title\n", "header.csv holds no items"),
    "no-id.csv": (b"sku,title\na,b\n", "has no column 'id'; it has 'sku', 'title'"),
    "twice.csv": (b"id\na\na\n", "id 'a' is in row 2 and again in row 3"),
    "no-image.csv": (b"id,image\na,gone.jpg\n", "none of 1 items has an image"),
    "empty.jsonl": (b"", "empty.jsonl holds no items"),
    "list.jsonl": (b"[1]", "line 1: expected an object, got list"),
    "table.xlsx": (b"PK", "cannot read "),
    "table.docx": (b"PK", "got '.docx'"),
}


@pytest.mark.parametrize("name", BAD_CATALOGS)
def test_a_bad_catalog_is_one_line_and_leaves_no_index(vitrine, tmp_path, name):
    content, message = BAD_CATALOGS[name]
    (tmp_path / name).write_bytes(content)
    done = vitrine("index", tmp_path / name, "--shop", tmp_path / "shop", "--encoder", "color")
    assert_one_line(done, message)
    assert_one_line(vitrine("status", "--shop", tmp_path / "shop"), "no index")


@pytest.mark.parametrize("command", ["index", "plan"])
def test_a_missing_catalog_is_named(vitrine, tmp_path, command):
    shop = ["--shop", tmp_path / "shop"] if command == "index" else []
    done = vitrine(command, tmp_path / "nowhere.csv", *shop, "--encoder", "color")
    assert_one_line(done, "no such catalog: ", "nowhere.csv")


def test_a_column_that_does_not_exist_lists_those_that_do(vitrine, tiny_catalog, tmp_path):
    words = ["index", tiny_catalog, "--shop", tmp_path / "s", "--encoder", "color"]
    assert_one_line(
        vitrine(*words, "--map", "title=naem"),
        "no column 'naem' (mapped to 'title'); it has 'categories'",
    )
    assert_one_line(vitrine(*words, "--map", "titel=name"), "unknown field 'titel'")


BAD_PHOTOS = {
    "text.jpg": (b"hello, I am text", "not an image we read", "16 bytes of text"),
    "empty.jpg": (b"", "empty: 0 bytes, expected an image", ""),
    "truncated.jpg": (jpeg(plain(COLORS["red"], side=200))[:700], "a truncated JPEG image", ""),
    "huge.png": (png(30_000, 30_000), "30000 x 30000 = 900 megapixels, at most 64", ""),
    "page.png": (b"<!DOCTYPE html><p>404", "an HTML page", ""),
}


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_a_photo_that_is_none_is_one_line(vitrine, tiny_shop, tmp_path, name):
    content, *messages = BAD_PHOTOS[name]
    (tmp_path / name).write_bytes(content)
    done = vitrine("search", tmp_path / name, "--shop", tiny_shop, "--json")
    assert_one_line(done, *messages)


def test_bad_photos_in_a_catalog_are_skipped_by_name(vitrine, tmp_path):
    for name, (content, *_) in BAD_PHOTOS.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "good.png").write_bytes(png(16, 16))
    report = tmp_path.parent / f"{tmp_path.name}.jsonl"
    shop = tmp_path.parent / f"{tmp_path.name}-shop"
    done = vitrine(
        "index", tmp_path, "--shop", shop, "--encoder", "color", "--report", report, "--json"
    )
    assert (done.code, done.json["items"]) == (0, 1)
    reasons = {
        one["image"]: one["reason"] for one in map(json.loads, report.read_text().splitlines())
    }
    for name, (_, *messages) in BAD_PHOTOS.items():
        assert all(message in reasons[name] for message in messages)


def test_a_missing_photo_is_one_line(vitrine, tiny_shop):
    assert_one_line(
        vitrine("search", "nowhere.jpg", "--shop", tiny_shop), "nowhere.jpg: no such file"
    )


def test_an_unknown_item_is_one_line(vitrine, tiny_shop):
    done = vitrine("search", "--item", "trombone", "--shop", tiny_shop)
    assert_one_line(done, "no item 'trombone' in this shop")


def test_a_box_without_a_photo_is_wrong_usage(vitrine, tiny_shop):
    done = vitrine("search", "--text", "mug", "--box", "0,0,0.5,1", "--shop", tiny_shop)
    assert (done.code, done.out) == (2, "")
    assert "--box needs a PHOTO" in done.err


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_a_limit_out_of_range_is_one_line(vitrine, tiny_shop, k):
    done = vitrine("search", "--text", "mug", "--shop", tiny_shop, "-k", k)
    assert_one_line(done, f"limit must be from 1 to 1000, got {k}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--text", " "], "text is empty"),
        (["--text", "mug", "--filter", "price <"], "filter is not understood at its end"),
        (["--text", "mug", "--filter", "colour = red"], "unknown filter field 'colour'"),
        (["PHOTO", "--box", "1,2,3"], "--box takes four numbers x0,y0,x1,y1, got '1,2,3'"),
        (["PHOTO", "--box", "0,0,2,1"], "box must be x0,y0,x1,y1"),
    ],
)
def test_a_bad_question_is_one_line(vitrine, tiny_shop, photo_file, words, message):
    words = [photo_file if word == "PHOTO" else word for word in words]
    assert_one_line(vitrine("search", *words, "--shop", tiny_shop), message)


@pytest.mark.parametrize("command", ["status", "search", "eval", "serve"])
def test_a_wrong_shop_folder_is_one_line_with_the_way_out(vitrine, tmp_path, command):
    words = {"search": ["--text", "mug"], "eval": ["--queries", tmp_path / "queries.csv"]}
    (tmp_path / "queries.csv").write_text("image,item_id\na.jpg,a\n")
    for shop in (tmp_path, tmp_path / "nowhere", tmp_path / "queries.csv"):
        done = vitrine(command, *words.get(command, []), "--shop", shop)
        assert_one_line(done, str(shop), "build one with 'vitrine index CATALOG --shop")


def test_another_encoder_than_the_shops_is_one_line_naming_both(
    vitrine, tiny_catalog, tiny_shop, tmp_path, monkeypatch
):
    from indexer.encoders import registry
    from indexer.encoders.color import ColorEncoder

    class Paint(ColorEncoder):
        id = "paint"

    shutil.copytree(tiny_shop, tmp_path / "shop")
    monkeypatch.setattr(registry, "load_encoder", lambda *_, **__: Paint())
    for words in (["index", tiny_catalog], ["search", "--text", "mug"]):
        done = vitrine(*words, "--shop", tmp_path / "shop")
        assert_one_line(done, "built with encoder 'color', not 'paint'")


def test_an_unknown_encoder_lists_the_known_ones(vitrine, tiny_catalog, tmp_path):
    done = vitrine("index", tiny_catalog, "--shop", tmp_path / "s", "--encoder", "colour")
    assert_one_line(done, "unknown encoder 'colour'; known are builtin, color, openclip:")


def test_a_file_where_the_shop_should_be_is_one_line(vitrine, tiny_catalog, tmp_path):
    (tmp_path / "shop").write_text("")
    done = vitrine("index", tiny_catalog, "--shop", tmp_path / "shop", "--encoder", "color")
    assert_one_line(done, "cannot make", "shop")


def test_a_report_that_cannot_be_written_is_one_line(vitrine, tiny_catalog, tmp_path):
    words = ["--shop", tmp_path / "s", "--encoder", "color", "--report", tmp_path / "no" / "r"]
    assert_one_line(vitrine("index", tiny_catalog, *words), "cannot write the report")


def test_an_error_keeps_to_one_line_whatever_the_file_is_called(vitrine):
    assert_one_line(vitrine("plan", "no\nwhere.csv"), "no such catalog: no where.csv")


def test_debug_shows_where_an_error_came_from(vitrine, tmp_path):
    done = vitrine("status", "--shop", tmp_path, "--debug")
    assert done.code == 1
    assert "Traceback (most recent call last)" in done.err
    assert "IndexNotFound" in done.err
    assert "Traceback" in vitrine("--debug", "status", "--shop", tmp_path).err


def test_what_nobody_foresaw_is_one_line_too(vitrine, tiny_shop, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr("indexer.shop.status.shop_status", broken)
    done = vitrine("status", "--shop", tiny_shop)
    assert (done.code, done.out) == (1, "")
    assert (
        done.err
        == "vitrine: internal error: ZeroDivisionError: a b (run with --debug for the traceback)\n"
    )


# As a process

SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's jobs with & ignore Ctrl+C
from indexer.encoders.color import ColorEncoder
from indexer.writing import embed_catalog
from service.cli.main import main
embed_catalog._BATCH, embed_catalog._COMMIT = 2, 1
encode, batches = ColorEncoder.encode_images, []
def slow(self, pixels):
    batches.append(len(pixels))
    print("batch", flush=True)
    time.sleep(0.05 if len(batches) < 4 else 60)  # it is interrupted long before it is done
    return encode(self, pixels)
ColorEncoder.encode_images = slow
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_encoded_and_says_so(vitrine, tiny_catalog, tmp_path):
    words = ["index", str(tiny_catalog), "--shop", str(tmp_path / "shop"), "--encoder", "color"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        for _ in range(4):
            assert process.stdout.readline() == "batch\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "interrupted; encoded images are kept. Run the same command again to continue." in err
    assert err.endswith("vitrine: interrupted\n")
    assert "Traceback" not in err
    done = vitrine(*words, "--json")
    assert done.code == 0
    assert done.json["reused"] >= 6
    assert done.json["encoded"] + done.json["reused"] == 24


@pytest.mark.slow
def test_the_command_runs_as_a_process_and_pipes_clean_json(tiny_shop):
    code = "from service.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "status", "--shop", tiny_shop, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["items"] == 12


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (12_345, "12.3 kB"), (5e9, "5.0 GB"), (7e15, "7000.0 TB")],
)
def test_bytes_for_people(count, text):
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.84, "0.8 s"),
        (42.4, "42 s"),
        (200, "3 min 20 s"),
        (3599.9, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_seconds_for_people(seconds, text):
    assert human_seconds(seconds) == text


def test_control_characters_of_a_catalog_never_reach_the_terminal(capsys):
    from rich.table import Table
    from rich.text import Text

    from service.cli.console import print_json, print_table
    from service.cli.terminal import note, say

    evil = "a\x1b]0;owned\x07b\x9bm\x7f"
    say(f"two\nlines {evil}")
    note(evil)
    table = Table("title")
    table.add_row(Text(evil))
    print_table(table)
    print_json({"title": evil})
    out, err = capsys.readouterr()
    assert not set(out + err) & set("\x1b\x07\x9b\x7f")
    assert "two lines" in out
    assert r"a\x1b]0;owned\x07b\x9bm\x7f" in out
