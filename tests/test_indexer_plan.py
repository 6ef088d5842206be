"""The plan: counts are exact, and the predictions near the truth."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadCatalog
from indexer.items import Skipped
from indexer.jobs.build import build_index
from indexer.jobs.plan import plan_index
from indexer.shop.folder import ShopFolder
from indexer.shop.status import disk_bytes


def plan(path: Path):
    return plan_index(open_catalog(path), ColorEncoder(), free_bytes=12345)


def test_the_counts_are_those_of_the_catalog(tiny_catalog):
    predicted = plan(tiny_catalog)
    assert (predicted.items, predicted.images, predicted.skipped) == (12, 24, [])
    assert (predicted.sampled, predicted.unreadable) == (24, 0.0)
    assert (predicted.encoder, predicted.dim, predicted.free_bytes) == ("color", 112, 12345)
    assert predicted.seconds == pytest.approx(24 / predicted.images_per_second, abs=0.2)


def test_planning_writes_nothing(tiny_catalog):
    before = sorted(tiny_catalog.parent.rglob("*"))
    plan(tiny_catalog)
    assert sorted(tiny_catalog.parent.rglob("*")) == before


def test_the_disk_it_predicts_is_within_a_factor_of_1_6_of_the_truth(tmp_path, rng):
    """240 items of three noisy pictures: display copies take the most, as in a real shop."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    lines = []
    for number in range(240):
        names = []
        for view in range(3):
            names.append(f"{number}-{view}.jpg")
            coarse = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize((160, 200 + number % 90))
            picture.save(folder / names[-1], quality=90)
        words = " ".join(rng.choice(["soft", "red", "mug", "oak", "tall", "shoe"], 40))
        lines.append(json.dumps({"id": f"item-{number}", "description": words, "images": names}))
    path = folder / "catalog.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    predicted = plan(path)
    shop = ShopFolder(tmp_path / "shop")
    build_index(open_catalog(path), shop, ColorEncoder())
    assert 1 / 1.6 < predicted.disk_bytes / disk_bytes(shop.path) < 1.6
    assert 1 / 1.6 < predicted.generation_bytes / disk_bytes(shop.generations) < 1.6
    assert (predicted.images, predicted.sampled) == (720, 64)


def test_the_share_of_unreadable_images_is_that_of_the_sample(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "good.png")
    names = ["good.png", "good.png", "good.png", "gone.png"]
    lines = [json.dumps({"id": str(n), "image": name}) for n, name in enumerate(names)]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([*lines, "{"]), encoding="utf-8")
    predicted = plan(path)
    assert (predicted.sampled, predicted.unreadable) == (4, 0.25)
    assert predicted.skipped == [Skipped("", "not JSON: Input data was truncated", where="line 5")]


def test_a_catalog_without_a_readable_image_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,image\na,gone.jpg\n")
    with pytest.raises(BadCatalog, match=r"no image of 1 sampled can be read; gone\.jpg: no such"):
        plan(path)


def test_a_catalog_without_images_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,title\na,Mug\n")
    with pytest.raises(BadCatalog, match="no image of 0 sampled can be read"):
        plan(path)


def test_the_disk_of_a_folder_leaves_out_the_holes_of_sparse_files(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "full").write_bytes(os.urandom(100_000))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(50_000_000)
    assert 100_000 <= disk_bytes(tmp_path) < 200_000
