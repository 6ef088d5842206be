"""``vitrine campaign`` seen from outside."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from service.adverts import advert_of
from tests.commandline import Done, vitrine  # noqa: F401 - a fixture
from tests.styledphotos import read

ROWS = """\
id,title,price,currency,old_price,categories,images
box/1,Red box,18.50,EUR,24.00,Boxes,red.png
box 1,Blue box with a rather long name that fits no line of a small picture,9,EUR,,Boxes,blue.png
lost,A lost box,5,EUR,,Boxes,lost.png
thai,กล่อง,5,EUR,,Boxes,lid.png
lid,A lid,3,EUR,,Lids,lid.png
"""


@pytest.fixture
def shop(tmp_path):
    """Four boxes and a lid; the picture of one box is gone since it was indexed."""
    for name, color in (("red", (200, 40, 50)), ("blue", (30, 60, 190)), ("lost", (9, 99, 9)),
                        ("lid", (90, 90, 90))):  # fmt: skip
        pixels = np.full((160, 160, 3), 255, np.uint8)
        pixels[40:120, 40:120] = color
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "catalog.csv").write_text(ROWS, encoding="utf-8")
    build_index(
        open_catalog(tmp_path / "catalog.csv"), ShopFolder(tmp_path / "shop"), ColorEncoder(),
        keep_images="paths",
    )  # fmt: skip
    (tmp_path / "lost.png").unlink()
    return tmp_path / "shop"


def campaign(vitrine, shop, *words) -> Done:  # noqa: F811
    return vitrine("campaign", "--shop", shop, "--out", shop.parent / "out", *words)


def test_items_of_a_filter_are_drawn_in_each_size_with_a_table_and_a_sheet(vitrine, shop):  # noqa: F811
    done = campaign(
        vitrine, shop, "--filter", 'category = "Boxes"', "--size", "320x320", "--size", "9:16",
        "--json",
    )  # fmt: skip
    out = shop.parent / "out"
    report = json.loads(done.out)
    names = [f"box-1{more}-{size}.jpg" for more in ("", "-2") for size in ("320x320", "1080x1920")]
    assert [made["image"] for made in report["pictures"]] == names
    assert [read(out / name).shape[1::-1] for name in names] == 2 * [(320, 320), (1080, 1920)]
    assert [skip["item_id"] for skip in report["skipped"]] == ["lost", "thai"]
    assert report["skipped"][1]["reason"].startswith("no font has the letters")
    assert done.code == 1  # an item was left out
    assert min(made["contrast"] for made in report["pictures"]) >= 4.5
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*names, "campaign.csv", "sheet.jpg"]
    )
    with (out / "campaign.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["box 1", "box 1", "box/1", "box/1"]
    assert (rows[2]["price"], rows[2]["sale_price"]) == ("24.00 EUR", "18.50 EUR")
    assert (rows[0]["price"], rows[0]["sale_price"]) == ("9.00 EUR", "")
    assert [row["image"] for row in rows] == names


def test_the_same_campaign_gives_the_same_bytes(vitrine, shop):  # noqa: F811
    words = ("--item", "box/1", "--style", "watercolor", "--size", "300x300")
    out = shop.parent / "out"
    assert campaign(vitrine, shop, *words).code == 0
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    campaign(vitrine, shop, *words)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    campaign(vitrine, shop, *words, "--seed", "3")
    assert (out / "box-1-300x300.jpg").read_bytes() != first["box-1-300x300.jpg"]


def test_a_template_brings_logo_colors_and_a_note(vitrine, shop):  # noqa: F811
    folder = shop.parent / "brand"
    folder.mkdir()
    Image.new("RGB", (60, 20), (0, 128, 0)).save(folder / "logo.png")
    (folder / "t.toml").write_text(
        'page = "#fff0f0"\ntint = "#fff0f0"\nlogo = "logo.png"\nnote = "Now"\nbadge = false\n',
        encoding="utf-8",
    )
    words = ("--item", "lid", "--size", "400x400")
    assert campaign(vitrine, shop, *words, "--template", folder / "t.toml").code == 0
    made = read(shop.parent / "out" / "lid-400x400.jpg").astype(int)
    green = (made[..., 1] > made[..., 0] + 60) & (made[..., 1] > made[..., 2] + 60)
    rows, columns = np.nonzero(green)
    assert rows.max() < 70
    assert columns.max() < 130


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--size", "10x10"], 2, "both sides must be 240 to 4096"),
        (["--size", "2:3"], 2, "expected WIDTHxHEIGHT such as 1080x1080, or one of 1:1, 4:5"),
        (["--size", "300x1000"], 2, "one at most 3 times the other"),
        (["--strength", "0.5"], 2, "need --style NAME"),
        (["--style", "watrcolor"], 1, "did you mean 'watercolor'?"),
        (["--style", "noir", "--strength", "2"], 1, "strength must be from 0"),
        (["--item", "nothing"], 1, "no item 'nothing' in this shop"),
        (["--filter", "color ="], 1, "filter is not understood"),
        (["--template", "missing.toml"], 1, "missing.toml: cannot be read"),
        (["--filter", 'category = "Nothing"'], 1, ""),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(vitrine, shop, words, code, message):  # noqa: F811
    done = campaign(vitrine, shop, *words)
    assert done.code == code
    assert message in done.err
    assert "internal error" not in done.err


def test_logos_and_fonts_that_cannot_be_read_are_refused(vitrine, shop):  # noqa: F811
    path = shop.parent / "t.toml"
    for line, named in (('logo = "none.png"', "none.png"), ('font = "t.toml"', "t.toml")):
        path.write_text(line, encoding="utf-8")
        done = campaign(vitrine, shop, "--template", path)
        assert (done.code, len(done.err.splitlines())) == (1, 1)
        assert named in done.err


@pytest.mark.parametrize(
    ("value", "currency", "old"),
    [
        (24.5, "", 24.5), ("24.50 EUR", "EUR", 24.5), ("EUR 24,50", "EUR", 24.5),
        ("1.299,00", "", 1299.0), ("1,299", "USD", 1299.0), ("1.299 €", "EUR", 1299.0),
        ("1,299", "", None), ("1,299.50", "", 1299.5), ("30 USD", "EUR", None), ("none", "", None),
        (True, "", None), (["5"], "", None), (None, "", None),
    ],
)  # fmt: skip
def test_an_old_price_is_read_as_shops_write_it(value, currency, old):
    attributes = {} if value is None else {"was": value}
    item = Item(
        item_id="a", product_id="a", title="A", price=5.0, currency=currency, attributes=attributes
    )
    assert advert_of(item, "was").old_price == old
