"""Pictures that show no product: blank ones, and one under many products."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.imaging.blank import is_blank, is_blank_jpeg
from indexer.jobs.build import build_index
from indexer.jobs.preview import preview_index
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine
from service.cli.main import main
from tests.conftest import jpeg


def pattern(seed: int) -> Image.Image:
    """Squares in many colors, another picture for each seed."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return Image.fromarray(small).resize((96, 96), Image.Resampling.NEAREST)


def missing() -> Image.Image:
    image = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(image).rectangle((30, 40, 66, 56), fill="gray")
    return image


@pytest.fixture
def catalog(tmp_path):
    """Five products have the same picture only, one has it too, one is white, two share one."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(jpeg(pattern(number)))
    (folder / "none.jpg").write_bytes(jpeg(missing()))
    (folder / "white.jpg").write_bytes(jpeg(Image.new("RGB", (200, 150), (250, 250, 249))))
    rows = [{"id": f"none{number}", "images": ["none.jpg"]} for number in range(5)]
    rows += [{"id": f"v{n}", "product_id": "v", "images": ["3.jpg"]} for n in range(6)]
    rows += [
        {"id": "both", "images": ["0.jpg", "none.jpg"]},
        {"id": "white", "images": ["white.jpg"]},
        {"id": "one", "images": ["1.jpg"]},
        {"id": "pair", "images": ["1.jpg", "2.jpg"]},
    ]
    file = folder / "catalog.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def build(catalog, tmp_path, **options):
    shop = ShopFolder(tmp_path / "shop")
    return build_index(open_catalog(catalog), shop, ColorEncoder(), **options)


def test_pictures_that_show_no_product_are_reported(catalog, tmp_path):
    report = build(catalog, tmp_path)
    assert report.items == 15
    found = {suspect.image: (suspect.kind, suspect.products) for suspect in report.suspects}
    assert found == {"none.jpg": ("placeholder", 6), "white.jpg": ("blank", 1)}
    assert report.suspects[0].items == ["none0", "none1", "none2", "none3", "none4"]
    again = build(catalog, tmp_path)  # nothing is decoded this time
    assert again.suspects == report.suspects


def test_they_can_be_left_out_with_the_items_that_have_no_other(catalog, tmp_path):
    build(catalog, tmp_path)
    report = build(catalog, tmp_path, leave_out_suspects=True)
    assert (report.items, report.removed) == (9, 6)
    assert report.kept == []
    reasons = {(skip.item_id, skip.image): skip.reason for skip in report.skipped}
    assert reasons["both", "none.jpg"].startswith("left out: the same picture under 6 products")
    assert reasons["white", "white.jpg"].startswith("left out: blank")
    assert reasons["white", ""] == "left out: it has no other picture"
    with SearchEngine.open(tmp_path / "shop") as engine:
        assert engine.item("both").images == ["0.jpg"]
        assert not engine.has_item("none0")
    shop = ShopFolder(tmp_path / "shop")
    seen = preview_index(open_catalog(catalog), shop, ColorEncoder(), leave_out_suspects=True)
    assert (seen.added, seen.removed, seen.unchanged) == ([], [], 9)
    back = build(catalog, tmp_path)
    assert (back.items, back.added) == (15, 6)


@pytest.mark.parametrize(
    ("image", "blank"),
    [
        (Image.new("RGB", (300, 200), "white"), True),
        (Image.new("RGB", (300, 200), (13, 77, 200)), True),
        (Image.new("RGB", (1, 1), "black"), True),
        (pattern(1), False),
        (missing(), False),
        (Image.linear_gradient("L").convert("RGB"), False),
        (pattern(1).point(lambda level: 250 + level // 64), True),  # white with noise
        (pattern(1).point(lambda level: 200 + level // 6), False),  # pale, but a picture
    ],
)
def test_a_single_color_is_blank_and_a_pale_picture_is_not(image, blank):
    assert is_blank(np.asarray(image)) is blank
    assert is_blank_jpeg(jpeg(image), *image.size) is blank


def test_the_command_line_names_and_leaves_out_placeholders(catalog, tmp_path, capsys):
    command = ["index", str(catalog), "--shop", str(tmp_path / "shop"), "--encoder", "color"]
    for options, text in (
        ([], "none.jpg: the same picture under 6 products: a placeholder?"),
        (["--leave-out-placeholders"], "6 items removed"),
    ):
        with pytest.raises(SystemExit) as ended:
            main([*command, *options, "--report", str(tmp_path / "report")])
        assert ended.value.code == 0
        assert text in capsys.readouterr().out
    assert "left out" in (tmp_path / "report").read_text()
