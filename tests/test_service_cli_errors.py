"""Whatever is wrong with usage or input is one line that names it."""

from __future__ import annotations

import json
import shutil

import pytest

from indexer.vectors.remote.address import ServerAddress
from indexer.vectors.remote.descriptor import Descriptor
from tests.commandline import assert_one_line, photo_file, png, vitrine
from tests.conftest import COLORS, jpeg, plain

__all__ = ["photo_file", "vitrine"]  # fixtures


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


def test_several_workers_are_refused_if_only_one_process_can_open_the_vectors(vitrine, shop):
    (folder,) = (shop / "generations").iterdir()
    address = ServerAddress("qdrant", "/vectors/qdrant")
    Descriptor.new(address, dim=3, rows=24, exact=True).write(folder)
    done = vitrine("serve", "--shop", shop, "--workers", "2")
    assert_one_line(done, "at qdrant:/vectors/qdrant, which only one process can open", "faiss")


def test_a_sheet_that_cannot_be_written_is_told(vitrine, tiny_shop, photo_file, tmp_path):
    for name in ("nowhere/sheet.png", "sheet.pngg"):
        done = vitrine("search", photo_file, "--shop", tiny_shop, "--sheet", tmp_path / name)
        assert_one_line(done, "cannot write the sheet", name)


@pytest.mark.parametrize(
    ("name", "text", "reasons"),
    [
        ("a.csv", "shade,label\nx,y\n", ["has no column 'id'"]),
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


BAD_CATALOGS = {
    "empty.csv": (b"", "empty.csv is empty: expected a header row with the names of columns"),
    "header.csv": (b"id,title\n", "header.csv holds no items"),
    "no-id.csv": (b"shade,title\na,b\n", "has no column 'id'; it has 'shade', 'title'"),
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


def test_words_in_place_of_a_photo_are_told_their_option(vitrine, tiny_shop):
    for words in ("red mug", "mug " * 200):
        done = vitrine("search", words, "--shop", tiny_shop)
        assert_one_line(done, "to search by words, use --text")


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
