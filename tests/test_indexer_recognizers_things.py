"""The bundled detector on pictures whose things one can see, and the merging of their boxes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from indexer.imaging.photos import Photo
from indexer.recognizers.base import Recognizer, Thing
from indexer.recognizers.boxes import overlaps
from indexer.recognizers.plain import connected, merge_on_plain
from indexer.recognizers.registry import load_recognizer
from indexer.sample.paint import develop, plate, shoot, studio
from indexer.sample.plan import plan_shop
from indexer.sample.wardrobe import paints_of

SIDE = 240


@pytest.fixture(scope="module")
def things() -> Recognizer:
    return load_recognizer("things", threads=1)


@pytest.fixture(scope="module")
def catalog() -> list[Image.Image]:
    """Catalog pictures of a green shirt, a dark red hoodie and lilac trousers, drawn on white."""
    pictures = []
    products = plan_shop(items=24, photos=0, seed=5).products
    for product in (products[1], products[2], products[5]):
        model = product.kind.draw(product.style)
        shot = shoot(model, model.views[0], height=SIDE, width=SIDE)
        drawn = develop(plate(shot, studio(shot)), paints_of(product, product.items[0]))
        pictures.append(Image.fromarray(drawn))
    return pictures


def found(recognizer: Recognizer, image: Image.Image) -> np.ndarray:
    (things,) = recognizer.recognize([np.asarray(image.convert("RGB"))])
    return np.array([thing.box for thing in things], np.float32).reshape(-1, 4)


def box_on_white(image: Image.Image) -> list[float]:
    rows, columns = np.nonzero(np.asarray(image).min(axis=2) < 200)
    width, height = image.size
    return [columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height]


def test_a_catalog_picture_shows_one_thing(things, catalog):
    for picture in catalog:
        boxes = found(things, picture)
        assert len(boxes) == 1
        assert overlaps(boxes, np.array([box_on_white(picture)], np.float32))[0, 0] > 0.7


def test_three_products_side_by_side_are_three_things(things, catalog):
    scene = Image.new("RGB", (3 * SIDE, SIDE), "white")
    for place, picture in enumerate(catalog):
        scene.paste(picture, (place * SIDE, 0))
    centers = sorted((found(things, scene)[:, 0] + found(things, scene)[:, 2]) / 2)
    assert centers == pytest.approx([1 / 6, 3 / 6, 5 / 6], abs=0.08)


@pytest.mark.parametrize("color", ["white", "black", (120, 140, 160), (200, 180, 160)])
def test_a_plain_picture_shows_nothing(things, color):
    assert len(found(things, Image.new("RGB", (300, 400), color))) == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (4000, 20), (17, 13)])
def test_pictures_of_any_size_are_looked_at(things, catalog, size):
    assert found(things, catalog[0].resize(size)).shape[1] == 4


def test_a_gray_picture_is_looked_at_too(things, catalog):
    assert len(found(things, catalog[0].convert("L"))) == 1


def test_of_fifty_small_things_some_are_found(things, catalog):
    scene = Image.new("RGB", (1000, 500), "white")
    for n in range(50):
        scene.paste(catalog[n % 3].resize((96, 96)), (n % 10 * 100, n // 10 * 100))
    assert 5 < len(found(things, scene)) <= 50


def test_a_photo_is_found_in_as_at_the_side_that_the_recognizer_needs(things, catalog):
    import io

    out = io.BytesIO()
    catalog[0].resize((1200, 1200)).save(out, "JPEG")
    (found_here,) = things.recognize([Photo(out.getvalue()).cut(side=things.side)])
    assert len(found_here) == 1


# Merging on a plain background


def two_squares(background: str = "white", color: str = "navy") -> np.ndarray:
    image = Image.new("RGB", (200, 100), background)
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 20, 79, 79), fill=color)
    draw.rectangle((120, 20, 179, 79), fill=color)
    return np.asarray(image)


LEFT, RIGHT = (0.1, 0.2, 0.4, 0.8), (0.6, 0.2, 0.9, 0.8)
UPPER, LOWER = Thing((0.1, 0.2, 0.4, 0.5), 0.9), Thing((0.1, 0.5, 0.4, 0.8), 0.8)


def test_boxes_of_one_thing_become_its_box_with_the_best_score():
    merged = merge_on_plain([UPPER, Thing(RIGHT, 0.85), LOWER], two_squares())
    assert [thing.score for thing in merged] == [0.9, 0.85]
    assert merged[0].box == pytest.approx(LEFT, abs=0.03)
    assert merged[1].box == pytest.approx(RIGHT, abs=0.03)


def test_a_box_around_a_thing_is_a_box_of_it():
    around = Thing((0.02, 0.05, 0.5, 0.95), 0.4)
    (merged,) = merge_on_plain([UPPER, around], two_squares())
    assert merged.box == pytest.approx(LEFT, abs=0.03)


def test_a_picture_that_may_show_a_person_is_left_alone():
    pixels = two_squares().copy()
    pixels[20:30, 20:80] = (224, 172, 140)  # a sixth of the thing is skin
    assert merge_on_plain([UPPER, LOWER], pixels) == [UPPER, LOWER]


def test_on_a_busy_background_nothing_is_merged():
    noise = np.random.default_rng(1).integers(0, 255, (100, 200, 3), dtype=np.uint8)
    assert merge_on_plain([UPPER, LOWER], noise) == [UPPER, LOWER]


def test_a_single_thing_and_none_are_returned_as_they_are():
    assert merge_on_plain([UPPER], two_squares()) == [UPPER]
    assert merge_on_plain([], two_squares()) == []


def test_parts_of_a_mask_are_numbered():
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [1, 0, 0, 1]], bool)
    assert connected(mask).tolist() == [[1, 1, 0, 2], [0, 1, 0, 2], [3, 0, 0, 2]]
    assert connected(np.zeros((3, 3), bool)).max() == 0


def test_a_winding_part_is_one_part():
    mask = np.zeros((9, 9), bool)
    mask[::2] = True
    mask[1::4, -1] = True
    mask[3::4, 0] = True
    assert connected(mask).max() == 1


# People


def drawn_person() -> Image.Image:
    """A person in a red sweater and blue pants on a street, in plain colors."""
    rng = np.random.default_rng(1)
    rows = np.arange(480)[:, None, None]
    ground = np.where(rows < 330, 150, 120) + np.array([0, 2, 6]) + rng.normal(0, 10, (480, 320, 1))
    for left in range(20, 320, 60):
        ground[60:330, left : left + 25] -= 40  # windows
    image = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    hair, skin, red, blue = (60, 38, 25), (222, 178, 150), (180, 30, 40), (40, 60, 120)
    draw.ellipse((132, 40, 188, 112), fill=hair)
    draw.rectangle((132, 76, 188, 125), fill=hair)
    draw.ellipse((140, 52, 180, 108), fill=skin)
    draw.rectangle((151, 100, 169, 125), fill=skin)
    for x in (150, 166):
        draw.ellipse((x, 72, x + 5, 76), fill="black")
    draw.line((154, 94, 166, 94), fill=(170, 80, 80), width=2)
    draw.polygon([(120, 122), (200, 122), (208, 250), (112, 250)], fill=red)
    draw.polygon([(114, 250), (206, 250), (200, 420), (166, 420), (160, 290), (154, 420),
                  (120, 420)], fill=blue)  # fmt: skip
    draw.polygon([(120, 122), (100, 240), (114, 244), (130, 150)], fill=red)
    draw.polygon([(200, 122), (220, 240), (206, 244), (190, 150)], fill=red)
    for x in (98, 204):
        draw.ellipse((x, 238, x + 18, 262), fill=skin)
    for x in (108, 164):
        draw.ellipse((x, 412, x + 48, 436), fill=(20, 20, 20))
    return image.filter(ImageFilter.GaussianBlur(1))


def test_a_box_on_a_face_is_not_returned_and_those_on_garments_are(things, monkeypatch):
    face, sweater, pants = (
        (0.42, 0.1, 0.58, 0.23),
        (0.33, 0.25, 0.67, 0.53),
        (0.35, 0.52, 0.65, 0.88),
    )
    found = [Thing(face, 0.95), Thing(sweater, 0.9), Thing(pants, 0.8)]
    monkeypatch.setattr(things, "_things", lambda candidates, photo: found)
    monkeypatch.setattr(things, "_averaged", lambda kept, candidates, photo: kept)
    (kept,) = things.recognize([np.asarray(drawn_person())])
    assert [thing.box for thing in kept] == [sweater, pants]


def test_on_a_drawn_person_garments_are_found_and_the_face_is_not(things):
    boxes = found(things, drawn_person())
    centers = (boxes[:, 1] + boxes[:, 3]) / 2
    assert len(boxes) >= 2
    assert centers.min() > 0.3  # the face ends at 0.26
