"""What a catalog changes in a shop: what cannot be read removes and empties nothing."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadCatalog, CatalogShrank
from indexer.items import Item, Remark
from indexer.jobs.build import build_index
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets
from search.engine import SearchEngine
from tests.shades import (
    Counting,
    OtherWeights,
    answers,
    build,
    folder,
    rows_of,
    shade_of,
    shop,
    stored,
)

__all__ = ["folder", "shop"]  # fixtures


def assert_as_before(shop: ShopFolder, before: list[list[tuple[str, str, float]]]) -> None:
    """The shop answers as it did, and what it holds is whole."""
    assert answers(shop.path) == before
    assert check_shop(shop, progress=lambda *_: None).problems == []


@pytest.mark.parametrize("damage", ["empty", "gone", "text", "torn", "a folder"])
def test_an_item_whose_image_broke_stays_as_it_was(folder, shop, damage):
    folder.write({"a": [1], "b": [2]}, title="old")
    build(folder, shop)
    before = answers(shop.path)
    picture = folder.path.parent / "1.png"
    content = {"empty": b"", "text": b"hello", "torn": picture.read_bytes()[:40]}
    picture.unlink()
    if damage == "a folder":
        picture.mkdir()
    elif damage != "gone":
        picture.write_bytes(content[damage])
    report = build(folder, shop)
    assert (report.items, report.removed, report.kept) == (2, 0, ["a"])
    assert [(one.item_id, one.image, one.where) for one in report.skipped] == [
        ("a", "1.png", "line 1"),
        ("a", "", "line 1"),
    ]
    assert report.skipped[1].reason == "no image that can be read; the item stays as it was"
    assert_as_before(shop, before)


def test_a_picture_that_broke_stays_and_the_rest_of_its_item_is_the_catalogs(folder, shop):
    folder.write({"a": [1, 2, 3]}, title="old")
    build(folder, shop)
    rows = rows_of(shop)
    folder.write({"a": [1, 2, 4]}, title="new")
    (folder.path.parent / "2.png").write_bytes(b"")
    report = build(folder, shop)
    assert (report.changed, report.rows, report.kept) == (1, 3, [])
    assert [one.reason for one in report.skipped] == [
        "empty: 0 bytes, expected an image; the picture stays as it was"
    ]
    assert stored(shop)[0] == {"a": ["1.png", "2.png", "4.png"]}
    assert rows_of(shop)["a", 1] == rows["a", 1]
    with SearchEngine.open(shop.path) as engine:
        assert engine.item("a").title == "new"


def test_a_picture_whose_new_file_cannot_be_read_keeps_its_place(folder, shop):
    folder.write({"a": [1, 2]})
    build(folder, shop)
    folder.write({"a": [1, "new.png"]})
    assert "stays as it was" in build(folder, shop).skipped[0].reason
    assert stored(shop)[0] == {"a": ["1.png", "2.png"]}
    folder.write({"a": ["new.png", 1]})  # 1 has moved, and 2 is named no more
    build(folder, shop)
    assert stored(shop)[0] == {"a": ["1.png"]}


def test_an_item_that_names_no_image_any_more_keeps_those_it_has(folder, shop):
    folder.write({"a": [1], "b": [2]}, title="old")
    build(folder, shop)
    folder.write({"a": [], "b": [2]}, title="new")
    report = build(folder, shop)
    assert (report.removed, report.changed) == (0, 2)
    assert [one.reason for one in report.skipped] == ["no image; the item keeps those that it has"]
    assert stored(shop)[0] == {"a": ["1.png"], "b": ["2.png"]}


CSV = ["id,title,price,in_stock,color,images"] + [
    f"i{n},Item {n},{n}.50,{'no' if n == 3 else 'yes'},c{n},{n}.png" for n in range(20)
]


class Table:
    """A CSV catalog of twenty items, each with a picture of its own shade."""

    def __init__(self, path: Path) -> None:
        self.path = path / "catalog.csv"
        path.mkdir(exist_ok=True)
        for n in range(20):
            Image.new("RGB", (8, 8), shade_of(n)).save(path / f"{n}.png")
        self.lines = list(CSV)

    def write(self) -> Path:
        self.path.write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        return self.path


@pytest.fixture
def table(tmp_path) -> Table:
    return Table(tmp_path / "table")


def items_of(shop: ShopFolder) -> dict[str, Item]:
    store = Store(shop.store)
    try:
        with store.read() as reader:
            return {one.item.item_id: one.item for one in reader.items()}
    finally:
        store.close()


BROKEN_ROWS = {
    "a broken quote": 'i7,"Item 7,7.50,yes,c7,7.png',
    "a quote in the first cell": '"i7,Item 7,7.50,yes,c7,7.png',
    "a quote that closes too early": 'i7,"Item" 7,7.50,yes,c7,7.png',
    "half a row": "i7,Item",
    "a decimal comma that splits": "i7,Item 7,7,50,yes,c7,7.png",
    "no id": ",Item 7,7.50,yes,c7,7.png",
    "an id of control characters": "i7\x01,Item 7,7.50,yes,c7,7.png",
    "the tail of a row": "m 7,7.50,yes,c7,7.png",
    "another separator": "i7;Item 7;7.50;yes;c7;7.png",
}


@pytest.mark.parametrize("row", BROKEN_ROWS.values(), ids=BROKEN_ROWS)
def test_a_row_that_cannot_be_read_leaves_its_item_as_it_was(table, shop, row):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    before, answered = items_of(shop), answers(shop.path)
    table.lines[8] = row
    report = build_index(open_catalog(table.write()), shop, ColorEncoder())
    assert (report.removed, report.changed, report.kept) == (0, 0, ["i7"])
    assert items_of(shop) == before
    assert_as_before(shop, answered)
    assert "i7" in report.skipped[0].reason or report.skipped[0].item_id == "i7"
    assert "stay" in report.skipped[0].reason
    assert report.skipped[0].where == "row 9"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("i7,Item 7,seven,yes,c7,7.png", "price"),
        ("i7,Item 7,1.299,yes,c7,7.png", "price"),
        ("i7,Item 7,7.50,perhaps,c7,7.png", "in_stock"),
    ],
)
def test_a_field_that_cannot_be_read_leaves_that_field_as_it_was(table, shop, row, field):
    table.lines = [CSV[0], *(f"i{n},Item {n},7,yes,c{n},{n}.png" for n in range(20))]
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    before = items_of(shop)["i7"]
    table.lines[8] = row.replace("Item 7", "New title")
    report = build_index(open_catalog(table.write()), shop, ColorEncoder())
    after = items_of(shop)["i7"]
    assert getattr(after, field) == getattr(before, field)
    assert after.title == "New title"
    (remark,) = report.skipped
    assert isinstance(remark, Remark)
    assert (remark.item_id, remark.field, remark.where) == ("i7", field, "row 9")
    assert remark.reason.endswith("; the item keeps its own")


@pytest.mark.parametrize("line", ['{"id": "b", "images": ["2.p', '{"ima', "[1]", "null", '"b"'])
def test_half_a_line_of_json_leaves_its_item_as_it_was(folder, shop, line):
    folder.write({"a": [1], "b": [2], "c": [3]})
    build(folder, shop)
    before = answers(shop.path)
    lines = folder.path.read_text().splitlines()
    folder.path.write_text("\n".join([lines[0], line, lines[2]]) + "\n")
    report = build(folder, shop)
    assert (report.removed, report.kept) == (0, ["b"])
    assert "'b'" in report.skipped[0].reason or ": b" in report.skipped[0].reason
    assert_as_before(shop, before)


def test_an_item_that_leaves_beside_a_row_that_names_another_does_leave(table, shop):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    table.lines[8] = "i7,Item 7"
    table.lines[9] = "i8,Item"
    del table.lines[20]
    report = build_index(open_catalog(table.write()), shop, ColorEncoder())
    assert (report.removed, report.kept) == (1, ["i7", "i8"])
    assert "i19" not in items_of(shop)


def test_a_catalog_that_ends_too_early_removes_nothing(table, shop):
    """As one that is still being uploaded; here in the middle of a row."""
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    text = table.path.read_text()
    table.path.write_text(text[: text.index("Item 12")])
    report = build_index(open_catalog(table.path), shop, ColorEncoder())
    assert (report.items, report.removed, len(report.kept)) == (20, 0, 8)


@pytest.mark.parametrize(
    ("column", "renamed"),
    [("price", "points"), ("in_stock", "shelf"), ("color", "hue")],
)
def test_a_column_that_is_not_there_any_more_empties_nothing(table, shop, column, renamed):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    before = items_of(shop)
    table.lines[0] = table.lines[0].replace(column, renamed)
    report = build_index(open_catalog(table.write()), shop, ColorEncoder())
    assert report.removed == 0
    after = items_of(shop)
    for item_id, old in before.items():
        for field in ("title", "price", "in_stock", "images"):
            assert getattr(after[item_id], field) == getattr(old, field)
        assert after[item_id].attributes["color"] == old.attributes["color"]
        assert renamed in after[item_id].attributes
    (note,) = report.skipped
    assert note.where == f"column {column!r}"
    count = 1 if column == "in_stock" else 20
    assert note.reason.startswith(f"the catalog does not have it; {count} items keep theirs")


@pytest.mark.parametrize(("column", "renamed"), [("title", "label"), ("images", "looks")])
def test_a_column_with_another_name_is_found_by_its_cells(table, shop, column, renamed):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    before = items_of(shop)
    table.lines[0] = table.lines[0].replace(column, renamed)
    report = build_index(open_catalog(table.write()), shop, ColorEncoder())
    assert items_of(shop) == before
    (note,) = report.skipped
    assert repr(renamed) in note.reason


def test_a_column_that_is_empty_or_accepted_to_be_gone_empties_its_field(table, shop):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    table.lines = [CSV[0], *(f"i{n},Item {n},,,,{n}.png" for n in range(20))]
    report = build_index(open_catalog(table.write()), shop, ColorEncoder())
    assert report.skipped == []
    item = items_of(shop)["i3"]
    assert (item.title, item.price, item.in_stock, item.attributes) == ("Item 3", None, True, {})
    table.lines = ["id,images", *(f"i{n},{n}.png" for n in range(20))]
    report = build_index(
        open_catalog(table.write()), shop, ColorEncoder(), targets=BuildTargets(accept=True)
    )
    assert report.skipped == []
    assert items_of(shop)["i3"].title == ""


def test_an_image_column_whose_files_are_missing_leaves_the_shop_as_it_was(table, shop):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    before = answers(shop.path)
    table.lines = [
        table.lines[0],
        *(line.rsplit(",", 1)[0] + ",https://cdn/x.png" for line in table.lines[1:20]),
        table.lines[20],
    ]
    report = build_index(open_catalog(table.write()), shop, ColorEncoder())
    assert (report.removed, len(report.kept)) == (0, 19)
    assert_as_before(shop, before)


def test_a_build_that_would_remove_much_stops_and_goes_on_when_that_is_accepted(table, shop):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    before = answers(shop.path)
    table.lines = table.lines[:4]
    encoder = Counting()
    with pytest.raises(CatalogShrank, match=r"lacks 17 of the shop's 20 items: i10, i11") as error:
        build_index(open_catalog(table.write()), shop, encoder)
    assert (len(error.value.removed), encoder.encoded) == (17, 0)
    assert shop.names() == ["000001"]
    assert_as_before(shop, before)
    report = build_index(
        open_catalog(table.write()), shop, ColorEncoder(), targets=BuildTargets(accept=True)
    )
    assert (report.removed, report.items) == (17, 3)


def test_going_back_to_the_catalog_before_encodes_nothing(table, shop):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    before = answers(shop.path)
    good = table.lines
    for bad in (good[:4], good[:2]):
        table.lines = bad
        build_index(
            open_catalog(table.write()), shop, ColorEncoder(), targets=BuildTargets(accept=True)
        )
    for picture in table.path.parent.glob("*.png"):
        picture.touch()
    table.lines = good
    report = build_index(open_catalog(table.write()), shop, ColorEncoder())
    assert (report.encoded, report.reused, report.added) == (0, 20, 19)
    assert_as_before(shop, before)


def test_what_stays_as_it_was_is_embedded_by_new_weights_too(table, shop):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    table.lines[8] = "i7,Item 7"
    (table.path.parent / "9.png").write_bytes(b"")
    report = build_index(open_catalog(table.write()), shop, OtherWeights())
    assert (report.removed, sorted(report.kept), report.rows) == (0, ["i7", "i9"], 20)
    with SearchEngine.open(shop.path, encoder=OtherWeights()) as engine:
        for number in (7, 9):
            pixels = np.full((8, 8, 3), shade_of(number), dtype=np.uint8)
            assert engine.by_image(pixels, k=1)[0].item_id == f"i{number}"


def test_what_no_kept_generation_has_is_swept(table, shop):
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    table.lines = table.lines[:4]
    for price in range(3):  # until the first generation is gone
        table.lines[1] = f"i0,Item 0,{price},yes,c0,0.png"
        build_index(
            open_catalog(table.write()), shop, ColorEncoder(), targets=BuildTargets(accept=True)
        )
    assert stored(shop)[1:] == (3, 3)


def test_nothing_is_swept_while_a_generation_does_not_say_what_it_has(table, shop):
    """As those of an earlier version."""
    build_index(open_catalog(table.write()), shop, ColorEncoder())
    (shop.generations / "000001" / "contents.npy").unlink()
    table.lines = table.lines[:4]
    build_index(
        open_catalog(table.write()), shop, ColorEncoder(), targets=BuildTargets(accept=True)
    )
    assert stored(shop)[1:] == (20, 20)


# Folders


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of photos, with one below it."""
    root = tmp_path / "photos"
    (root / "mugs").mkdir(parents=True)
    for n, name in enumerate(["one.png", "two.png", "mugs/red.png", "mugs/blue.png"]):
        Image.new("RGB", (8, 8), shade_of(n)).save(root / name)
    return root


def test_an_empty_folder_where_photos_were_may_be_a_disk_that_is_not_mounted(photos, shop):
    build_index(open_catalog(photos), shop, ColorEncoder())
    before = answers(shop.path)
    shutil.rmtree(photos / "mugs")
    (photos / "mugs").mkdir()
    report = build_index(open_catalog(photos), shop, ColorEncoder())
    assert (report.removed, report.kept) == (0, ["mugs/blue.png", "mugs/red.png"])
    assert report.skipped[0].reason.startswith("an empty folder: is its disk mounted?; 2 items")
    assert_as_before(shop, before)
    (photos / "mugs").rmdir()
    assert build_index(open_catalog(photos), shop, ColorEncoder()).removed == 2


def test_a_folder_without_any_photo_is_refused(photos, shop):
    build_index(open_catalog(photos), shop, ColorEncoder())
    before = answers(shop.path)
    shutil.rmtree(photos)
    photos.mkdir()
    with pytest.raises(BadCatalog, match="holds no items"):
        build_index(open_catalog(photos), shop, ColorEncoder())
    assert_as_before(shop, before)


def test_a_folder_that_cannot_be_read_keeps_its_items(photos, shop, monkeypatch):
    build_index(open_catalog(photos), shop, ColorEncoder())
    scandir = os.scandir

    def failing(path):
        if str(path).endswith("mugs"):
            raise OSError(errno.EIO, "Input/output error", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    report = build_index(open_catalog(photos), shop, ColorEncoder())
    assert (report.removed, report.kept) == (0, ["mugs/blue.png", "mugs/red.png"])
    assert "Input/output error" in report.skipped[0].reason


def test_a_link_that_leads_nowhere_keeps_its_item(photos, shop):
    build_index(open_catalog(photos), shop, ColorEncoder())
    for name in ("one.png", "mugs/red.png"):
        (photos / name).unlink()
        (photos / name).symlink_to("/nowhere/at/all.png")
    report = build_index(open_catalog(photos), shop, ColorEncoder())
    assert (report.removed, report.kept) == (0, ["mugs/red.png", "one.png"])
    assert "No such file" in report.skipped[0].reason
