"""``vitrine look`` seen from outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from service.cli.main import main
from tests.commandline import Done
from tests.scenes import scene
from tests.tinydetector import write_detector


@pytest.fixture
def look(capsys, tmp_path: Path, monkeypatch) -> Callable[..., Done]:
    """Runs ``vitrine look`` with the tiny detector: its exit status and what it wrote."""
    monkeypatch.delenv("VITRINE_SHOP", raising=False)
    detector = f"onnx:{write_detector(tmp_path)}"

    def run(*words: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["look", "--recognizer", detector, *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(scene(red=(1, 1), yellow=(5, 4)))
    return path


def things(done: Done) -> list[dict]:
    assert done.code == 0, done.err
    return json.loads(done.out)["things"]


def test_without_a_shop_things_have_boxes_and_no_hits(look, photo):
    found = things(look(photo, "--json"))
    assert [set(thing) >= {"box", "score", "name", "hits"} for thing in found] == [True, True]
    assert [thing["hits"] for thing in found] == [[], []]
    assert sorted(thing["box"][0] for thing in found) == pytest.approx([1 / 8, 5 / 8], abs=0.01)


def test_with_a_shop_each_thing_has_its_hits(look, photo, tiny_shop):
    found = things(look(photo, "--shop", tiny_shop, "-k", 2, "--json"))
    assert [len(thing["hits"]) for thing in found] == [2, 2]
    assert {thing["hits"][0]["attributes"]["color"] for thing in found} == {"red", "yellow"}


def test_a_filter_restricts_the_hits(look, photo, tiny_shop):
    found = things(look(photo, "--shop", tiny_shop, "--filter", "price < 15", "--json"))
    assert {hit["price"] for thing in found for hit in thing["hits"]} == {10.0}


def test_for_a_person_it_is_a_table_on_stdout(look, photo, tiny_shop):
    done = look(photo, "--shop", tiny_shop)
    assert done.code == 0
    assert "lamp" in done.out
    assert "Red" in done.out
    assert "--shop" in look(photo).err


def test_a_thing_that_no_item_is_like_has_no_hit_in_the_table(look, photo, tiny_shop):
    done = look(photo, "--shop", tiny_shop, "--filter", "color = blue")
    assert done.out.count("no close match") == 2
    assert "blue" not in done.out.lower()


def test_a_photo_of_nothing_has_no_things(look, tmp_path, tiny_shop):
    path = tmp_path / "empty.jpg"
    path.write_bytes(scene())
    assert things(look(path, "--json")) == []
    assert things(look(path, "--shop", tiny_shop, "--json")) == []
    sheet = tmp_path / "sheet.png"
    assert look(path, "--sheet", sheet).out == "nothing found\n"
    with Image.open(sheet) as image:
        assert image.size == (320, 320)


def test_the_sheet_shows_the_photo_and_a_row_for_each_thing(look, photo, tiny_shop, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert look(photo, "--shop", tiny_shop, "--sheet", sheet).code == 0
    with Image.open(sheet) as image:
        assert image.height > 320 + 2 * 128
        assert image.width > 5 * 128


def test_masks_are_printed_on_request(look, tmp_path):
    path = tmp_path / "light.png"
    path.write_bytes(scene((200, 200, 200), red=(1, 1)))
    thing = things(look(path, "--json", "--masks", "rle"))[0]  # the ground scores lower
    assert thing["mask"]["size"] == [320, 320]
    assert sum(thing["mask"]["counts"]) == 320 * 320
    assert sum(thing["mask"]["counts"][1::2]) == pytest.approx(40 * 40, rel=0.1)
    assert things(look(path, "--json"))[0]["mask"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.jpg"], "none.jpg"),
        (["--recognizer", "yolo"], "unknown recognizer 'yolo'"),
        (["--filter", "price <"], "filter"),
        (["--filter", "price < 2"], "--filter needs --shop"),
        (["--masks", "png"], "--masks needs --json"),
    ],
)
def test_what_cannot_be_done_is_one_line(look, photo, words, message):
    done = look(*([] if words[0].endswith("jpg") else [photo]), *words)
    assert done.code != 0
    assert done.out == ""
    assert "internal error" not in done.err
    assert message in done.err


def test_a_file_that_is_no_photo_is_named(look, tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("not a photo")
    done = look(path)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert str(path) in done.err


# Shelves


@pytest.mark.parametrize("command", ["look", "search"])
def test_a_photo_that_ends_too_early_is_named(capsys, photo, tiny_shop, command):
    data = photo.read_bytes()
    photo.write_bytes(data[: len(data) // 2])
    with pytest.raises(SystemExit) as ended:
        main([command, str(photo), "--shop", str(tiny_shop)])
    assert ended.value.code == 1
    assert f"{photo}: a truncated JPEG image" in capsys.readouterr().err


def test_the_products_on_a_shelf_are_counted(look, tmp_path, tiny_shop):
    path = tmp_path / "shelf.png"
    path.write_bytes(scene(red=(1, 1), yellow=(5, 4)))
    done = look(path, "--shop", tiny_shop, "--shelf", "--json")
    counted = json.loads(done.out)["products"]
    assert {product["item_id"].split("-")[0] for product in counted} >= {"red", "yellow"}
    assert all(product["count"] >= 1 for product in counted)
    assert "things not recognized" in look(path, "--shop", tiny_shop, "--shelf").out
    assert "--shelf" in look(path, "--shelf").err


# vitrine cutout


@pytest.fixture
def cutout(capsys) -> Callable[..., Done]:
    """Runs ``vitrine cutout``."""

    def run(*words: object) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(["cutout", *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run


def test_a_product_is_written_with_a_transparent_background(cutout, tmp_path):
    path, out = tmp_path / "light.png", tmp_path / "cut.png"
    path.write_bytes(scene((200, 200, 200), red=(2, 1)))
    done = cutout(path, "--out", out, "--json")
    report = json.loads(done.out)
    assert report["unsure"] is False
    assert report["box"] == pytest.approx([0.25, 0.125, 0.375, 0.25], abs=0.01)
    with Image.open(out) as image:
        assert (image.mode, image.size) == ("RGBA", (320, 320))
        assert image.getpixel((100, 60))[3] == 255
        assert image.getpixel((10, 10))[3] == 0
    assert cutout(path, "--out", out, "--trim").code == 0
    with Image.open(out) as image:
        assert image.size == pytest.approx((40, 40), abs=3)


def test_a_cutout_of_nothing_says_that_it_is_unsure(cutout, tmp_path):
    path, out = tmp_path / "empty.png", tmp_path / "cut.webp"
    path.write_bytes(scene())
    done = cutout(path, "--out", out)
    assert done.code == 0
    assert "unsure" in done.err
    assert out.is_file()


def test_a_cutout_needs_a_format_with_transparency(cutout, photo, tmp_path):
    done = cutout(photo, "--out", tmp_path / "cut.jpg")
    assert (done.code != 0, done.out) == (True, "")
    assert "--out must end in .png, .webp" in done.err
    bad = tmp_path / "bad.png"
    bad.write_text("no photo")
    assert str(bad) in cutout(bad, "--out", tmp_path / "cut.png").err
