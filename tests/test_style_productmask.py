"""The product mask: things on plain ground are cut out, busy ground is reported."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from indexer.sample.paint import develop, plate, shoot, studio
from indexer.sample.plan import plan_shop
from indexer.sample.wardrobe import paints_of
from style.errors import BadPixels
from style.productmask import grown, product_mask


def disc(ground: np.ndarray, color: tuple[int, int, int] = (180, 40, 60)) -> tuple:
    """A disc on a ground (200, 160, 3), its edge a little soft, and its true mask (200, 160)."""
    y, x = np.mgrid[0:200, 0:160]
    truth = (y - 100) ** 2 + (x - 80) ** 2 < 50**2
    pixels = ground.astype(np.uint8).copy()
    pixels[truth] = color
    soft = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.7))
    return np.asarray(soft), truth


def overlap(alpha: np.ndarray, truth: np.ndarray) -> float:
    share = alpha / 255
    return float(np.minimum(share, truth).sum() / np.maximum(share, truth).sum())


@pytest.mark.parametrize("level", [255, 200, 90])
def test_a_thing_on_level_ground_is_cut_out(level):
    pixels, truth = disc(np.full((200, 160, 3), level))
    mask = product_mask(pixels)
    assert not mask.unsure
    assert overlap(mask.alpha, truth) > 0.95
    assert mask.alpha[:20].max() == 0
    assert (mask.alpha[80:120, 60:100] == 255).all()


def test_a_thing_on_a_soft_gradient_is_cut_out():
    ramp = np.linspace(215, 250, 200)[:, None, None] + np.zeros((200, 160, 3))
    pixels, truth = disc(ramp)
    mask = product_mask(pixels)
    assert not mask.unsure
    assert overlap(mask.alpha, truth) > 0.95


@pytest.mark.parametrize("side", [240, 480])
def test_a_contact_shadow_is_background_at_every_size(side, rng):
    y, x = np.mgrid[0:480, 0:480]
    shadow = 0.3 * np.exp(-(((y - 300) / 22) ** 2) - ((x - 240) / 100) ** 4)
    pixels = 238 * (1 - shadow)[..., None] + rng.normal(0, 1.5, (480, 480, 3))
    pixels[100:300, 120:360] = (40, 90, 160)
    photo = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).resize((side, side))
    alpha = np.asarray(Image.fromarray(product_mask(np.asarray(photo)).alpha).resize((480, 480)))
    assert alpha[120:290, 130:350].min() == 255
    assert alpha[315:360, 140:340].max() == 0  # the shadow


def test_a_white_label_inside_stays_product():
    pixels, _ = disc(np.full((200, 160, 3), 255))
    pixels = pixels.copy()
    pixels[90:110, 65:95] = 255
    assert (product_mask(pixels).alpha[90:110, 65:95] == 255).all()


def test_a_thing_that_leaves_the_picture_is_cut_out():
    pixels = np.full((200, 160, 3), 255, np.uint8)
    pixels[60:, 50:110] = (30, 60, 120)
    mask = product_mask(pixels)
    assert not mask.unsure
    assert (mask.alpha[100:, 60:100] == 255).all()
    assert mask.alpha[:, :40].max() == 0


def test_busy_ground_is_unsure(rng):
    pixels, _ = disc(rng.integers(0, 256, (200, 160, 3)))
    assert product_mask(pixels).unsure


def test_a_close_up_whose_middle_is_lost_is_unsure():
    pixels = np.full((200, 160, 3), 240, np.uint8)  # a white shirt, taken for the background
    pixels[:40, 60:100] = 30  # its collar
    pixels[120:, :20] = pixels[120:, 140:] = (30, 60, 120)  # its sleeves
    assert product_mask(pixels).unsure
    pixels[:40] = pixels[:, :20] = 240
    assert not product_mask(pixels).unsure  # at two sides


def test_a_wall_behind_a_floor_with_a_grain_is_unsure(rng):
    room = np.full((160, 160, 3), (120, 120, 125), np.float64)
    room[:56] = (150, 100, 60)
    room += rng.normal(0, 5, (160, 160, 1))
    room[50:130, 55:105] = (190, 30, 40)
    assert product_mask(room.clip(0, 255).astype(np.uint8)).unsure


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (64, 64)])
def test_an_empty_or_tiny_picture_is_unsure(shape):
    mask = product_mask(np.full((*shape, 3), 255, np.uint8))
    assert mask.alpha.shape == shape
    assert mask.unsure


def test_the_mask_of_a_large_picture_has_its_size_and_no_seams(monkeypatch):
    pixels, truth = disc(np.full((200, 160, 3), 250))
    large = np.asarray(Image.fromarray(pixels).resize((960, 1200)))
    mask = product_mask(large)
    assert mask.alpha.shape == (1200, 960)
    assert overlap(mask.alpha, np.kron(truth, np.ones((6, 6)))) > 0.95
    monkeypatch.setattr("style.strips.over_strips.__kwdefaults__", {"pixels": 10_000})
    assert np.abs(product_mask(large).alpha.astype(int) - mask.alpha).max() <= 1


def test_the_drawn_shop_is_cut_out_as_its_renderer_covers_it():
    plan = plan_shop(items=60, photos=0, seed=7)
    found = []
    for product in plan.products[::7]:
        model = product.kind.draw(product.style)
        shot = shoot(model, model.views[0], height=240, width=240)
        pixels = develop(plate(shot, studio(shot)), paints_of(product, product.items[0]))
        mask = product_mask(pixels)
        assert not mask.unsure
        found.append(overlap(mask.alpha, shot.shade.cover))
    assert np.mean(found) > 0.92


def test_bad_pixels_are_refused():
    with pytest.raises(BadPixels):
        product_mask(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 3), (40, 31)])
def test_a_grown_mask_is_the_maximum_within_its_radius(rng, size):
    for radius in range(6):
        for share in (0.0, 0.03, 0.5, 1.0):
            mask = rng.random(size) < share
            image = Image.fromarray(mask.astype(np.uint8) * 255)
            expected = np.asarray(image.filter(ImageFilter.MaxFilter(2 * radius + 1))) > 0
            assert (grown(mask, radius) == expected).all()
