"""The page around a product: where it is, and that styles paint there, beside the product."""

from __future__ import annotations

import numpy as np
import pytest

from style.art.backdrop import Stage, stage_of
from style.painter import PainterStyler
from style.styleimage import StyleImage, StyleImageStyler

STYLES = [info.name for info in PainterStyler().styles()]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A red disc of radius 40 in the middle of a white page of 200 x 160."""
    y, x = np.mgrid[0:200, 0:160]
    pixels = np.full((200, 160, 3), 252, np.uint8)
    pixels[(y - 100) ** 2 + (x - 80) ** 2 < 40**2] = (200, 40, 50)
    return pixels


@pytest.fixture(scope="module")
def stage(photo) -> Stage:
    found = stage_of(photo)
    assert found is not None
    return found


def test_the_page_is_open_and_the_product_is_not(stage):
    assert stage.shape == (200, 160)
    assert stage.open[100, 80] == 0
    assert stage.open[5, 5] == 1
    assert stage.near[100, 80 + 42] > 0.7  # beside the disc
    assert stage.near[5, 5] < 0.05
    assert stage.near[100, 125] > stage.near[100, 135] > stage.near[100, 150]


def test_the_hue_is_that_of_the_product_and_a_gray_one_has_none(stage, photo):
    assert stage.hue == pytest.approx(0.4, abs=0.2)  # red, in Oklab
    gray = np.where(photo == 252, 252, 90).astype(np.uint8)
    gray[photo[..., 0] == 200] = 90
    found = stage_of(gray)
    assert found is not None
    assert found.hue is None


def test_what_is_laid_on_the_page_leaves_the_product_as_it_is(stage):
    white, half = np.ones((200, 160, 3), np.float32), np.full((200, 160, 3), 0.5, np.float32)
    laid = stage.laid(white, half)
    assert (laid[100, 80] == 1).all()
    assert (laid[5, 5] == 0.5).all()


def test_the_same_paint_is_light_on_a_dark_page(stage):
    black = np.zeros((200, 160, 3), np.float32)
    blue = np.full((200, 160, 3), (0.7, 0.8, 1.0), np.float32)
    red, green, of_blue = stage._replace(dark=True).laid(black, blue)[5, 5]
    assert of_blue > 2 * green > 2 * red > 0
    assert (stage._replace(dark=True).laid(black, blue)[100, 80] == 0).all()
    assert (stage._replace(dark=True).laid(black, np.ones_like(blue)) == 0).all()


def test_nothing_is_painted_around_a_close_up_whose_white_cloth_passes_for_the_page(photo):
    close = photo[100:150, 80:140].copy()  # a third of its border is product
    sure = stage_of(close)
    assert sure is not None
    assert sure.near.max() > 0.9
    fading = np.linspace(252, 215, 60).astype(np.uint8)[None, :, None]
    found = stage_of(np.where(close == 252, fading, close).astype(np.uint8))
    assert found is None or found.near.max() == 0


def test_a_gray_page_a_busy_photo_and_a_picture_without_a_product_have_no_stage(photo, rng):
    assert stage_of(np.where(photo == 252, 120, photo)) is None
    assert stage_of(rng.integers(0, 256, (200, 160, 3)).astype(np.uint8)) is None
    assert stage_of(np.full((200, 160, 3), 252, np.uint8)) is None
    assert stage_of(photo[:8, :8]) is None


@pytest.mark.parametrize("name", STYLES)
def test_a_painter_lights_up_a_black_page_beside_the_product(name, photo, stage):
    black = np.where(photo == 252, 6, photo).astype(np.uint8)
    found = stage_of(black)
    assert found is not None
    assert found.dark
    away = PainterStyler().apply(black, name, 1).astype(int).mean(axis=2)
    assert away[(stage.near > 0.6) & (stage.open == 1)].mean() > away[:16, :16].mean() + 8


@pytest.mark.parametrize("name", STYLES)
def test_a_painter_paints_beside_the_product_and_leaves_the_corners(name, photo, stage):
    away = np.abs(PainterStyler().apply(photo, name, 1).astype(int) - photo).mean(axis=2)
    corner = away[:16, :16].mean()
    beside = away[(stage.near > 0.5) & (stage.open == 1)].mean()
    assert beside > corner + 8


def test_a_style_image_paints_beside_the_product_in_its_own_colors(photo, stage):
    blue = np.full((60, 60, 3), (40, 90, 200), np.uint8)
    made = StyleImageStyler({"blue": StyleImage(blue)}).apply(photo, "blue", 1).astype(int)
    red, _, of_blue = made[(stage.near > 0.7) & (stage.open == 1)].mean(axis=0)
    assert of_blue > red + 25
    assert made[100, 80, 0] > made[100, 80, 2] + 40  # the product is red still
