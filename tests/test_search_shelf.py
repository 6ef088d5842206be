"""Shelves: many small things are found in parts of a photo, rows are split, products counted."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from indexer.imaging.photos import Photo
from indexer.recognizers.base import Thing
from search.hits import Hit
from search.recognition.look import FoundThing, count_products
from search.recognition.shelf import shelf_things, split_repeats
from tests.conftest import jpeg

SHELF_BOX = (0.1, 0.2, 0.9, 0.8)


def facings(count: int, *, equal: bool = True) -> Photo:
    """A row of ``count`` packages in the middle of a photo."""
    rng = np.random.default_rng(3)
    label = rng.integers(0, 255, (12, 8, 3), np.uint8)
    image = Image.new("RGB", (500, 300), (200, 200, 200))
    wide = 400 // count
    for n in range(count):
        pixels = label if equal else rng.integers(0, 255, (12, 8, 3), np.uint8)
        package = Image.fromarray(pixels).resize((wide - 8, 180), Image.Resampling.NEAREST)
        image.paste(package, (50 + n * wide, 60))
    return Photo(jpeg(image))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_equal_products_side_by_side_are_split(count):
    found = split_repeats(facings(count), Thing(SHELF_BOX, 0.5))
    assert len(found) == count
    lefts = [thing.box[0] for thing in found]
    assert lefts == pytest.approx([0.1 + 0.8 * n / count for n in range(count)], abs=0.03)


def test_products_that_differ_and_plain_ones_are_not_split():
    thing = Thing(SHELF_BOX, 0.5)
    assert split_repeats(facings(3, equal=False), thing) == [thing]
    plain = Photo(jpeg(Image.new("RGB", (500, 300), (90, 120, 200))))
    assert split_repeats(plain, thing) == [thing]
    assert split_repeats(plain, Thing((0, 0, 0.001, 1), 0.5)) == [Thing((0, 0, 0.001, 1), 0.5)]


class Dots:
    """Finds the dark squares of a photo that are at least 8 pixels wide in what it sees."""

    id, weights_hash, side = "dots", "", 64

    def recognize(self, pixels):
        return [self._found(image) for image in pixels]

    def _found(self, image):
        small = np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BOX))
        dark = small.max(axis=2) < 60
        things = []
        while dark.any():
            y, x = np.argwhere(dark)[0].tolist()
            wide = 1
            while x + wide < 64 and dark[y, x + wide]:
                wide += 1
            tall = 1
            while y + tall < 64 and dark[y + tall, x]:
                tall += 1
            dark[y : y + tall, x : x + wide] = False
            if wide >= 8 and tall >= 8:
                box = (x / 64, y / 64, (x + wide) / 64, (y + tall) / 64)
                things.append(Thing(box, 0.9, mask=small.max(axis=2) < 60))
        return things


def test_small_things_are_found_in_parts_of_the_photo_once():
    image = Image.new("RGB", (640, 640), (255, 255, 255))
    places = [(60, 60), (300, 70), (540, 300), (90, 520)]
    for x, y in places:
        image.paste((10, 10, 10), (x, y, x + 50, y + 50))  # five pixels of the small copy
    photo = Photo(jpeg(image))
    assert Dots().recognize([photo.cut(side=64)])[0] == []
    things = shelf_things(Dots(), photo)
    assert [thing.mask for thing in things] == [None] * 4  # they would be over the parts
    found = sorted(thing.box[:2] for thing in things)
    assert np.array(found) == pytest.approx(np.array(sorted(places)) / 640, abs=0.02)


def test_an_empty_photo_has_none():
    assert shelf_things(Dots(), Photo(jpeg(Image.new("RGB", (64, 64), "white")))) == []


def thing(product: str, item: str, *, close: bool = True) -> FoundThing:
    hit = Hit(
        item_id=item, product_id=product, score=0.9, image="", image_index=0, variant="",
        title=item.title(),
    )  # fmt: skip
    return FoundThing(box=(0, 0, 1, 1), score=0.9, hits=[hit], no_close_match=not close)


def test_products_are_counted_by_the_item_that_most_look_like():
    things = [thing("milk", "milk-2"), thing("tea", "tea"), thing("milk", "milk-1"),
              thing("milk", "milk-1"), thing("jam", "jam", close=False)]  # fmt: skip
    things.append(FoundThing(box=(0, 0, 1, 1), score=0.9))
    first, second = count_products(things)
    assert (first.product_id, first.item_id, first.title, first.count) == (
        "milk", "milk-1", "Milk-1", 3,
    )  # fmt: skip
    assert (second.product_id, second.count) == ("tea", 1)
