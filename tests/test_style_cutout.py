"""The cut-out: shadows and openings are background, labels are product, doubt is reported."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from indexer.sample.paint import develop, plate, shoot, studio
from indexer.sample.plan import plan_shop
from indexer.sample.wardrobe import paints_of
from style.cutout import box_of, cut_out
from style.errors import BadPixels
from style.grabcut import can_grab, grab_cut
from style.productmask import product_mask
from tests.test_style_productmask import disc, overlap


def softened(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.7)))


def cup(ground: int = 245) -> tuple[np.ndarray, np.ndarray]:
    """A blue cup with a handle (200, 200, 3), and its mask without the opening."""
    pixels = np.full((200, 200, 3), ground, np.uint8)
    truth = np.zeros((200, 200), bool)
    truth[60:160, 40:120] = True
    truth[80:140, 120:160] = True
    truth[92:128, 120:148] = False
    pixels[truth] = (40, 70, 150)
    return pixels, truth


def test_the_opening_of_a_handle_is_background():
    pixels, truth = cup()
    cut = cut_out(softened(pixels))
    assert not cut.unsure
    assert cut.alpha[100:120, 126:142].max() == 0
    assert overlap(cut.alpha, truth) > 0.96


def test_a_white_label_on_a_white_background_stays_product():
    pixels, _ = disc(np.full((200, 160, 3), 255))
    pixels = pixels.copy()
    pixels[90:110, 65:95] = 255
    assert (cut_out(pixels).alpha[90:110, 65:95] == 255).all()


def test_a_dark_shadow_under_a_product_is_background():
    pixels, truth = cup()
    patch = Image.fromarray(np.zeros((200, 200), np.uint8))
    patch.paste(255, (44, 148, 116, 172))
    dark = np.asarray(patch.filter(ImageFilter.GaussianBlur(7))) / 255
    light = 1 - 0.5 * dark
    shaded = np.where(truth[..., None], pixels, pixels * light[..., None]).astype(np.uint8)
    cut = cut_out(softened(shaded))
    assert overlap(product_mask(softened(shaded)).alpha, truth) < 0.9
    assert overlap(cut.alpha, truth) > 0.94


def test_the_drawn_shop_is_cut_out_as_its_renderer_covers_it():
    plan = plan_shop(items=60, photos=0, seed=7)
    found = []
    for product in plan.products[::7]:
        model = product.kind.draw(product.style)
        shot = shoot(model, model.views[0], height=240, width=240)
        pixels = develop(plate(shot, studio(shot)), paints_of(product, product.items[0]))
        cut = cut_out(pixels)
        assert not cut.unsure
        found.append(overlap(cut.alpha, shot.shade.cover))
    assert np.mean(found) > 0.95


def test_the_box_is_around_the_product():
    pixels, truth = cup()
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    expected = (columns[0] / 200, rows[0] / 200, (columns[-1] + 1) / 200, (rows[-1] + 1) / 200)
    assert cut_out(pixels).box == pytest.approx(expected, abs=0.011)
    assert box_of(np.zeros((4, 4), np.uint8)) is None


def test_busy_ground_and_an_empty_photo_are_unsure(rng):
    pixels, _ = disc(rng.integers(0, 256, (200, 160, 3)))
    assert cut_out(pixels).unsure
    for shape in ((1, 1), (1, 500), (3, 2), (64, 64)):
        cut = cut_out(np.full((*shape, 3), 255, np.uint8))
        assert cut.unsure
        assert cut.alpha.shape == shape
    with pytest.raises(BadPixels):
        cut_out(np.zeros((4, 4), np.uint8))


# A busy background: OpenCV


@pytest.mark.skipif(not can_grab(), reason="needs the extra opencv")
def test_a_thing_in_a_box_is_cut_out_of_a_busy_photo(rng):
    ground = rng.integers(0, 120, (200, 160, 1)) + np.array([0, 60, 0])
    pixels, truth = disc(ground)
    cut = grab_cut(pixels, (0.15, 0.22, 0.85, 0.78))
    assert not cut.unsure
    assert overlap(cut.alpha, truth) > 0.9


@pytest.mark.skipif(not can_grab(), reason="needs the extra opencv")
@pytest.mark.parametrize(
    "box", [(0, 0, 1, 1), (0.5, 0.5, 0.5001, 0.5001), (0.99, 0.99, 1, 1), (0, 0, 1, 0.01)]
)
def test_a_box_without_surroundings_or_content_is_unsure(box):
    cut = grab_cut(np.full((40, 30, 3), 200, np.uint8), box)
    assert cut.unsure
    assert cut.alpha.shape == (40, 30)


def test_gray_leggings_on_white_are_whole():
    """Gray cloth has the color of a shadow, but not its even surface; and it ends at the border."""
    noise = np.random.default_rng(2).normal(0, 7, (240, 200, 1))
    pixels = np.full((240, 200, 3), 255.0)
    truth = np.zeros((240, 200), bool)
    truth[:, 40:90] = truth[:, 110:160] = truth[:60, 40:160] = True
    pixels = np.where(truth[..., None], 165 + noise, pixels)
    cut = cut_out(softened(np.clip(pixels, 0, 255).astype(np.uint8)))
    assert overlap(cut.alpha, truth) > 0.95
    assert not cut.unsure


def test_the_pale_side_of_a_carton_on_white_is_kept():
    pixels = np.full((200, 200, 3), 255, np.uint8)
    pixels[30:170, 50:110] = (40, 110, 60)
    pixels[30:170, 110:150] = 243  # nearly as white as the background
    truth = np.zeros((200, 200), bool)
    truth[30:170, 50:150] = True
    assert overlap(cut_out(softened(pixels)).alpha, truth) > 0.95
