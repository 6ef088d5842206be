"""Every command does its work, in this process and as one of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from service.cli.console import human_bytes, human_seconds
from tests.commandline import assert_one_line, photo_file, png, vitrine
from tests.conftest import COLORS, plain, write_catalog

__all__ = ["photo_file", "vitrine"]  # fixtures


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
        "products",
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


def test_what_looks_like_markup_in_a_category_is_text(vitrine, tmp_path, make_shop):
    catalog = write_catalog(tmp_path / "catalog")
    catalog.write_text(catalog.read_text().replace("Home/Mugs", "[/b] [red]Mugs"))
    queries = catalog.with_name("queries.csv")
    queries.write_text("image,item_id\nimages/red-mug-1.jpg,red-mug\n")
    done = vitrine("eval", "--shop", make_shop(catalog), "--queries", queries)
    assert done.code == 0
    assert "[/b] [red]Mugs" in done.out


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
        (["search", "--text", "x"], "Missing option '--shop' (env var: 'VITRINE_SHOP')"),
        (["serch", "--text", "x"], "No such command 'serch'. Did you mean 'search'?"),
        (["quux"], "No such command 'quux'."),
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
