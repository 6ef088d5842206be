"""A dry run says what the build then does, and changes nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadCatalog, IndexMismatch
from indexer.jobs.build import build_index
from indexer.jobs.changed_values import ChangedValue
from indexer.jobs.preview import preview_index
from indexer.shop.folder import ShopFolder
from indexer.vectors.contract import BuildTargets
from indexer.writing.changes import ItemChange
from tests.shades import Counting, Folder, OtherName, folder, shade_of, shop

__all__ = ["folder", "shop"]  # fixtures


def files_of(path: Path) -> dict[str, str]:
    """What is in a folder, but for the lock table of LMDB, which readers write, too."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != "lock.mdb"
    }


def test_it_names_what_would_be_added_changed_removed_and_skipped(folder: Folder, shop: ShopFolder):
    folder.write({"a": [1], "b": [2], "c": [3], "d": [4], "e": [5]}, title="old", color="red")
    build_index(open_catalog(folder.path), shop, ColorEncoder())
    before = files_of(shop.path)
    lines = folder.write({"a": [1], "new": [6]}, title="old", color="red").read_text()
    lines += '{"id": "b", "title": "new", "color": "blue", "images": ["2.png"]}\n'
    lines += '{"id": "d", "title": "old", "images": ["4.p\n'
    lines += '{"id": "c", "title": "old", "color": "red", "images": ["6.png", "gone.png"]}\n'
    folder.path.write_text(lines)
    encoder = Counting()
    seen = preview_index(open_catalog(folder.path), shop, encoder)
    assert (seen.items, seen.added, seen.removed, seen.kept) == (5, ["new"], ["e"], ["d"])
    assert seen.changed == [
        ItemChange("b", ["title", "attributes.color"]),
        ItemChange("c", ["images"]),
    ]
    assert seen.values == [
        ChangedValue("b", "new", "title", "old", "new"),
        ChangedValue("b", "new", "attributes.color", "red", "blue"),
        ChangedValue("c", "old", "images", "3.png", "6.png, gone.png"),
    ]
    assert (seen.unchanged, seen.to_encode, seen.stops, encoder.encoded) == (1, 1, False, 0)
    assert [(one.where, one.item_id, one.image) for one in seen.skipped] == [
        ("line 4", "", ""),
        ("line 5", "c", "gone.png"),
    ]
    assert files_of(shop.path) == before
    done = build_index(open_catalog(folder.path), shop, ColorEncoder())
    assert (done.added, done.changed, done.removed) == (1, 2, 1)
    assert (done.kept, done.skipped, done.encoded) == (["d"], seen.skipped, 1)
    again = preview_index(open_catalog(folder.path), shop, ColorEncoder())
    assert (again.added, again.changed, again.removed, again.to_encode) == ([], [], [], 0)


def test_a_shop_that_is_not_there_yet_is_not_made(folder: Folder, shop: ShopFolder):
    folder.write({"a": [1], "b": ["gone.png"]})
    seen = preview_index(open_catalog(folder.path), shop, ColorEncoder())
    assert (seen.items, seen.added, seen.to_encode, len(seen.skipped)) == (0, ["a"], 1, 2)
    assert not shop.path.exists()


def test_it_says_that_the_build_would_stop(tmp_path: Path, shop: ShopFolder):
    for n in range(20):
        Image.new("RGB", (8, 8), shade_of(n)).save(tmp_path / f"{n}.png")
    path = tmp_path / "all.csv"
    path.write_text("id,images\n" + "".join(f"i{n},{n}.png\n" for n in range(20)))
    build_index(open_catalog(path), shop, ColorEncoder())
    path.write_text("id,images\ni0,0.png\n")
    seen = preview_index(open_catalog(path), shop, ColorEncoder())
    assert (len(seen.removed), seen.stops) == (19, True)
    assert not preview_index(open_catalog(path), shop, ColorEncoder(), accept=True).stops
    done = build_index(open_catalog(path), shop, ColorEncoder(), targets=BuildTargets(accept=True))
    assert done.removed == 19


def test_a_catalog_that_was_cut_inside_its_last_cell_changes_nothing(
    tmp_path: Path, shop: ShopFolder
):
    for n in range(3):
        Image.new("RGB", (8, 8), shade_of(n)).save(tmp_path / f"{n}.png")
    path = tmp_path / "all.csv"
    whole = "id,images,price\n" + "".join(f"i{n},{n}.png,149.50\n" for n in range(3))
    path.write_text(whole)
    build_index(open_catalog(path), shop, ColorEncoder())
    before = files_of(shop.path)
    path.write_text(whole[: whole.index("9.50\ni2")])  # ends in "i1,1.png,14"
    for run in (preview_index, build_index):
        with pytest.raises(BadCatalog, match="ends in the middle of a line"):
            run(open_catalog(path), shop, ColorEncoder())
    assert files_of(shop.path) == before


def test_a_program_that_never_ends_the_last_line_is_asked_about_once(
    tmp_path: Path, shop: ShopFolder
):
    Image.new("RGB", (8, 8), shade_of(1)).save(tmp_path / "1.png")
    path = tmp_path / "all.csv"
    rows = ["id,images", "a,1.png", "b,1.png", "c,1.png"]
    path.write_text("\n".join(rows) + "\n")
    build_index(open_catalog(path), shop, ColorEncoder())
    path.write_text("\n".join(rows[:3]))
    with pytest.raises(BadCatalog, match="--accept"):
        build_index(open_catalog(path), shop, ColorEncoder())
    accepted = BuildTargets(accept=True)
    assert build_index(open_catalog(path), shop, ColorEncoder(), targets=accepted).removed == 1
    path.write_text("\n".join(rows[:2]))
    assert build_index(open_catalog(path), shop, ColorEncoder()).removed == 1


def test_what_a_build_refuses_a_dry_run_refuses(folder: Folder, shop: ShopFolder):
    folder.write({"a": [1]})
    build_index(open_catalog(folder.path), shop, ColorEncoder())
    with pytest.raises(IndexMismatch):
        preview_index(open_catalog(folder.path), shop, OtherName())
    folder.write({"x": ["gone.png"]})
    with pytest.raises(BadCatalog, match="none of 1 items has an image"):
        preview_index(open_catalog(folder.path), shop, ColorEncoder())
