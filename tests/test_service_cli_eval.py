"""The figures and sheets that commands make of a shop and its photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.items import Item
from indexer.writing.writes import Draft, ImageInput
from search.engine import SearchEngine
from tests.commandline import photo_file, vitrine
from tests.conftest import jpeg, plain

__all__ = ["photo_file", "vitrine"]  # fixtures


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
