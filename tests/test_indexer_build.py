"""The build: only what changed is encoded, and what cannot be read is skipped by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

from indexer.arrays import Pixels, Vectors
from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadCatalog, BadEncoder, IndexMismatch
from indexer.imaging.imagepath import URL_REASON
from indexer.items import Skipped
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.shop.garbage import collect_garbage
from indexer.shop.shelf import Shelf
from indexer.store.store import Store
from search.engine import SearchEngine
from tests.shades import (
    Counting,
    OtherName,
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


class Spoiled(ColorEncoder):
    """Gives vectors that are not what an encoder promises."""

    def __init__(self, spoil: Callable[[Vectors], Vectors]) -> None:
        self.spoil = spoil

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        return self.spoil(super().encode_images(pixels))


# What a build does


def test_the_first_build_encodes_every_image_and_publishes_the_first_generation(folder, shop):
    folder.write({"a": [1, 2], "b": [3]})
    report = build(folder, shop)
    assert (report.generation, report.published) == ("000001", True)
    assert (report.items, report.products, report.rows) == (2, 2, 3)
    assert (report.encoded, report.reused, report.removed, report.skipped) == (3, 0, 0, [])
    assert shop.current() == "000001"
    manifest = shop.verify("000001")
    assert (manifest.encoder, manifest.dim, manifest.items, manifest.rows) == ("color", 112, 2, 3)
    assert manifest.catalog == str(folder.path.resolve())


def test_building_an_unchanged_catalog_again_encodes_and_publishes_nothing(folder, shop):
    folder.write({"a": [1, 2], "b": [3]})
    build(folder, shop)
    encoder = Counting()
    report = build(folder, shop, encoder)
    assert (report.generation, report.published) == ("000001", False)
    assert (report.encoded, report.reused, encoder.encoded) == (0, 3, 0)
    assert shop.names() == ["000001"]


def test_as_many_generations_stay_as_were_asked_for(folder, shop):
    folder.write({"a": [1]})
    build(folder, shop)
    store = Store(shop.store)
    collect_garbage(Shelf.read(shop), store, keep=5)
    store.close()
    for shade in range(2, 7):
        folder.write({"a": [shade]})
        build(folder, shop)
    assert shop.names() == [f"00000{number}" for number in range(2, 7)]


def test_only_changed_images_are_encoded(folder, shop):
    folder.write({"a": [1, 2], "b": [3]})
    build(folder, shop)
    folder.write({"a": [1, 4], "b": [3], "c": [5]})
    encoder = Counting()
    report = build(folder, shop, encoder)
    assert (encoder.encoded, report.encoded, report.reused) == (2, 2, 2)
    assert report.generation == "000002"


def test_a_file_with_new_content_under_its_old_name_is_encoded(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    Image.new("RGB", (8, 8), shade_of(9)).save(folder.path.parent / "1.png")
    assert build(folder, shop).encoded == 1
    with SearchEngine.open(shop.path) as engine:
        hits = engine.by_image(np.full((8, 8, 3), shade_of(9), dtype=np.uint8), k=1)
    assert (hits[0].item_id, round(hits[0].score, 2)) == ("a", 1.0)


def test_new_words_alone_publish_a_generation_and_encode_nothing(folder, shop):
    folder.write({"a": [1]}, title="old")
    build(folder, shop)
    folder.write({"a": [1]}, title="new")
    report = build(folder, shop)
    assert (report.encoded, report.generation, report.published) == (0, "000002", True)
    with SearchEngine.open(shop.path) as engine:
        assert [hit.title for hit in engine.by_text("new")] == ["new"]
        assert engine.by_text("old") == []


def test_an_item_that_left_the_catalog_leaves_the_shop(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    folder.write({"b": [2]})
    report = build(folder, shop)
    assert (report.items, report.rows, report.removed, report.encoded) == (1, 1, 1, 0)
    store = Store(shop.store)
    with store.read() as reader:
        assert [record.item.item_id for record in reader.items()] == ["b"]
        assert (reader.count("images"), reader.count("embeddings")) == (2, 2)  # one may go back
    collect_garbage(Shelf.read(shop), store, keep=1)
    with store.read() as reader:
        assert (reader.count("images"), reader.count("embeddings")) == (1, 1)
    store.close()


def test_an_image_that_moves_to_another_item_is_found_there_without_encoding(folder, shop):
    folder.write({"a": [1, 2], "b": [3]})
    build(folder, shop)
    folder.write({"a": [1], "b": [3, 2]})
    assert build(folder, shop).encoded == 0
    with SearchEngine.open(shop.path) as engine:
        hit = engine.by_image(np.full((8, 8, 3), shade_of(2), dtype=np.uint8), k=1)[0]
    assert (hit.item_id, hit.image, hit.image_index) == ("b", "2.png", 1)


def test_images_that_change_places_within_an_item_keep_their_rows(folder, shop):
    folder.write({"a": [1, 2]})
    build(folder, shop)
    before = rows_of(shop)
    folder.write({"a": [2, 1]})
    build(folder, shop)
    assert rows_of(shop) == {("a", 0): before["a", 1], ("a", 1): before["a", 0]}


def test_rows_are_never_used_again(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    folder.write({"a": [1]})
    build(folder, shop)
    folder.write({"a": [1], "b": [2], "c": [3]})
    build(folder, shop)
    assert rows_of(shop) == {("a", 0): 0, ("b", 0): 2, ("c", 0): 3}


def test_the_same_photo_in_two_items_is_encoded_once_and_finds_both(folder, shop):
    folder.write({"a": [1], "b": [1]})
    report = build(folder, shop)
    assert (report.encoded, report.reused, report.rows) == (1, 1, 2)
    with SearchEngine.open(shop.path) as engine:
        hits = engine.by_image(np.full((8, 8, 3), shade_of(1), dtype=np.uint8))
    assert [hit.item_id for hit in hits] == ["a", "b"]


def test_the_same_photo_twice_in_one_item_gives_two_rows(folder, shop):
    folder.write({"a": [1, 1]})
    assert build(folder, shop).rows == 2
    assert build(folder, shop).published is False


def test_progress_tells_each_stage_and_ends_at_its_total(folder, shop):
    folder.write({"a": [1, 2], "b": ["gone.jpg"]})
    calls: list[tuple[str, int, int, int]] = []
    build_index(
        open_catalog(folder.path),
        shop,
        ColorEncoder(),
        progress=lambda *call: calls.append(call),
    )
    assert [call for call in calls if call[0] == "encode"][-1] == ("encode", 3, 3, 2)
    assert calls[-1] == ("publish", 1, 1, 2)


@pytest.mark.slow
def test_after_any_changes_a_shop_answers_like_one_built_from_scratch(folder, shop, tmp_path, rng):
    for turn in range(8):
        items = {
            f"item-{n}": rng.choice(12, rng.integers(1, 5), replace=False).tolist()
            for n in rng.choice(9, rng.integers(1, 9), replace=False)
        }
        folder.write(items, title=str(rng.choice(["old", "new", "shade"])))
        report = build(folder, shop)
        scratch = ShopFolder(tmp_path / f"scratch-{turn}")
        fresh = build(folder, scratch)
        assert (report.items, report.rows) == (fresh.items, fresh.rows)
        assert answers(shop.path) == answers(scratch.path)
        assert stored(shop)[0] == stored(scratch)[0]
    store = Store(shop.store)
    collect_garbage(Shelf.read(shop), store, keep=1)
    store.close()
    assert stored(shop) == stored(scratch)


# What is skipped


def test_a_bad_image_is_skipped_by_name_and_its_neighbors_are_not(folder, shop):
    folder.write({"a": [1, "text.jpg", 2], "b": [3]})
    (folder.path.parent / "text.jpg").write_text("hello, I am text", encoding="utf-8")
    report = build(folder, shop)
    assert (report.items, report.rows) == (2, 3)
    (skip,) = report.skipped
    assert (skip.item_id, skip.image, skip.where) == ("a", "text.jpg", "line 1")
    assert skip.reason.startswith("not an image we read")
    assert skip.reason.endswith("16 bytes of text")
    with SearchEngine.open(shop.path) as engine:
        hit = engine.by_image(np.full((8, 8, 3), shade_of(2), dtype=np.uint8), k=1)[0]
    assert (hit.item_id, hit.image, hit.image_index) == ("a", "2.png", 1)


def test_an_item_without_a_readable_image_is_skipped_by_name(folder, shop):
    folder.write(
        {
            "a": ["gone.jpg"],
            "b": [],
            "c": [1],
            "d": ["https://shop.example/x.jpg"],
            "e": ["../x.png"],
        }
    )
    report = build(folder, shop)
    assert report.items == 1
    assert report.skipped == [
        Skipped("a", "no such file", "gone.jpg", "line 1"),
        Skipped("a", "no image that can be read", "", "line 1"),
        Skipped("b", "no image", "", "line 2"),
        Skipped(
            "d",
            URL_REASON,
            "https://shop.example/x.jpg",
            "line 4",
        ),
        Skipped("d", "no image that can be read", "", "line 4"),
        Skipped("e", "outside the catalog's folder; copy it there", "../x.png", "line 5"),
        Skipped("e", "no image that can be read", "", "line 5"),
    ]


def test_a_bad_row_is_skipped_by_its_line(folder, shop):
    folder.write({"a": [1], "b": [2]})
    with folder.path.open("a", encoding="utf-8") as file:
        file.write('{"id": "c", "price": "cheap", "images": ["1.png"]}\n{"broken\n')
    report = build(folder, shop)
    assert report.items == 3  # a price that cannot be read does not cost the item
    assert [(skip.where, skip.item_id) for skip in report.skipped] == [
        ("line 3", "c"),
        ("line 4", ""),
    ]
    assert report.skipped[0].reason == "price must be a number such as 12.50, got 'cheap'"


def test_a_catalog_without_one_readable_image_is_refused_and_the_old_one_serves(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    before = answers(shop.path)
    shutil.rmtree(folder.path.parent)
    folder.write({"a": ["1.png"], "b": ["2.png"]})
    with pytest.raises(BadCatalog, match=r"none of 2 items has an image.*a: no such file"):
        build(folder, shop)
    assert answers(shop.path) == before


# Encoders


def test_another_encoder_is_refused_naming_both_and_nothing_is_encoded(folder, shop):
    folder.write({"a": [1]})
    build(folder, shop)
    with pytest.raises(IndexMismatch, match="built with encoder 'color', not 'paint'"):
        build(folder, shop, OtherName())
    assert shop.current() == "000001"


def test_other_weights_of_the_encoder_encode_everything_again(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    with pytest.raises(IndexMismatch, match="other weights of encoder 'color'"):
        SearchEngine.open(shop.path, encoder=OtherWeights())
    encoder = OtherWeights()
    report = build(folder, shop, encoder)
    assert (report.encoded, report.generation, encoder.encoded) == (2, "000002", 2)
    with SearchEngine.open(shop.path, encoder=OtherWeights()) as engine:
        assert len(engine.by_text("a")) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda v: v * np.nan, "not finite"),
        (lambda v: v * 0, "that is of length 0, expected length 1"),
        (lambda v: v * 2, "c.* that is of length 2, expected length 1"),
        (lambda v: v[:, :50], r"shape \(1, 50\), expected \(1, 112\)"),
        (lambda v: v[:0], r"shape \(0, 112\), expected \(1, 112\)"),
    ],
)
def test_vectors_that_are_none_are_refused_and_never_stored(folder, shop, spoil, message):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    before = answers(shop.path)
    folder.write({"a": [1], "b": [2], "c": [3]})
    with pytest.raises(BadEncoder, match=message):
        build(folder, shop, Spoiled(spoil))
    assert answers(shop.path) == before
    # Had the bad vector been stored, it would be taken for known now.
    assert build(folder, shop).encoded == 1
    assert answers(shop.path)[3][0][0] == "c"
