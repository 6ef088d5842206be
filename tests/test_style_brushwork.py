"""The strokes of style images: they follow outlines, spare faces and pages, and leave no seams."""

from __future__ import annotations

import numpy as np
import pytest

from style.brushwork import patches_of, strokes, texture_share
from style.planes import gaussian, gradient
from style.styleimage import StyleImage, StyleImageStyler


@pytest.fixture(scope="module")
def hatching() -> np.ndarray:
    """Dark horizontal lines, 4 pixels apart, on cream: 160 x 160."""
    pixels = np.full((160, 160, 3), (240, 230, 210), np.uint8)
    pixels[::4] = (90, 60, 40)
    return pixels


@pytest.fixture
def styler(hatching) -> StyleImageStyler:
    return StyleImageStyler({"hatching": StyleImage(hatching)})


def bands(shape: tuple[int, int], axis: int) -> np.ndarray:
    """Soft gray bands (h, w, 3) that run along the other axis, between 0.4 and 0.6."""
    wave = 0.5 + 0.1 * np.sin(np.arange(shape[axis]) / 7)
    plane = np.broadcast_to(wave[:, None] if axis == 0 else wave, shape)
    return np.repeat(plane[..., None], 3, axis=2).astype(np.float32)


def painted(picture: np.ndarray, image: np.ndarray) -> np.ndarray:
    """What the strokes of an image add to a picture."""
    return strokes(picture, patches_of(image, max(picture.shape[:2]), 0), 0)


def slopes(added: np.ndarray) -> tuple[float, float]:
    """The mean slope of strokes across and down."""
    across, down = gradient(added.mean(axis=2))
    return float(np.abs(across).mean()), float(np.abs(down).mean())


def test_strokes_run_along_the_outlines_of_the_photo(hatching):
    across, down = slopes(painted(bands((120, 120), axis=0), hatching))
    assert down > 2 * across  # lines lie along horizontal bands
    across, down = slopes(painted(bands((120, 120), axis=1), hatching))
    assert across > 2 * down  # and were turned for vertical ones


def test_strokes_have_the_contrast_of_the_image_and_no_light_of_their_own(hatching):
    gray = np.full((200, 150, 3), 0.5, np.float32)
    added = painted(gray, hatching)
    assert abs(added.mean()) < 0.01
    assert 0.05 < added.std() < 0.15
    assert np.abs(gaussian(added, 12)).max() < 0.05  # patches cannot be told apart


def test_an_image_of_one_color_has_no_strokes():
    flat = np.full((30, 30, 3), 120, np.uint8)
    assert np.abs(painted(np.full((64, 64, 3), 0.5, np.float32), flat)).max() < 1e-3


def test_a_seed_gives_the_same_bytes_and_another_seed_others(rng, styler):
    photo = rng.integers(100, 140, (50, 60, 3)).astype(np.uint8)
    first = styler.apply(photo, "hatching", 1, seed=3)
    assert (styler.apply(photo, "hatching", 1, seed=3) == first).all()
    assert (styler.apply(photo, "hatching", 1, seed=4) != first).any()


def test_pages_dark_cloth_and_logos_take_fewer_strokes_than_plain_cloth():
    photo = np.full((200, 200, 3), 0.5, np.float32)
    photo[:, :60] = 1.0
    photo[:, 140:] = 0.02
    photo[80:120:2, 80:120] = 0.9  # a logo
    share = texture_share(photo)
    cloth = share[20, 100]
    assert cloth > 0.95
    assert share[100, 20] < 0.2
    assert share[100, 180] < 0.4
    assert share[100, 100] < 0.3


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2), (7, 9), (90, 700)])
def test_photos_of_any_shape_keep_it(shape, rng, styler):
    photo = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert styler.apply(photo, "hatching", 1).shape == photo.shape


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (500, 2), (3, 3)])
def test_style_images_of_any_shape_paint(shape, rng):
    image = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    photo = np.full((40, 50, 3), 128, np.uint8)
    assert StyleImageStyler({"any": StyleImage(image)}).apply(photo, "any", 1).shape == photo.shape


def test_large_pictures_have_no_seams_between_strips(rng, styler, monkeypatch):
    large = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8).repeat(17, 0).repeat(17, 1)
    monkeypatch.setattr("style.strips.over_strips.__kwdefaults__", {"pixels": 10**9})
    whole = styler.apply(large, "hatching", 0.8).astype(int)
    monkeypatch.setattr("style.strips.over_strips.__kwdefaults__", {"pixels": 1 << 14})
    assert np.abs(styler.apply(large, "hatching", 0.8) - whole).max() <= 1
