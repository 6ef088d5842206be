"""Repairs of photos: what is wrong becomes better, what is right stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from style.care.balance import Balance, balance_of, balanced
from style.care.denoise import LEAST, denoised, noise_of
from style.care.enhance import Repairs, enhance
from style.care.upscale import Doubler, enlarged
from style.errors import BadPixels
from style.planes import gaussian


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """Gray shapes of all levels, a red one, and soft texture, (120, 160, 3)."""
    rng = np.random.default_rng(5)
    soft = gaussian(rng.random((120, 160), np.float32), 3.0)
    pixels = np.repeat((40 + 160 * (soft - soft.min()) / np.ptp(soft))[..., None], 3, axis=2)
    pixels[10:40, 10:60] = 4
    pixels[10:40, 70:120] = 251
    pixels[60:110, 20:80] = (190, 40, 40)
    return pixels.astype(np.uint8)


def psnr(made: np.ndarray, truth: np.ndarray) -> float:
    return 10 * np.log10(255**2 / ((made.astype(float) - truth) ** 2).mean())


def test_a_photo_with_nothing_wrong_stays_bit_for_bit(scene):
    made = enhance(scene, Repairs())
    assert not made.removed_noise
    assert made.balance.neutral
    assert (made.pixels == scene).all()
    white = np.full((60, 60, 3), 255, np.uint8)
    white[20:40, 20:40] = (200, 30, 30)
    white[22:30, 22:38] = 8
    assert (enhance(white, Repairs()).pixels == white).all()


def test_white_balance_brings_colors_nearer_to_those_in_white_light(scene):
    tinted = (scene * np.array([1.0, 0.8, 0.64])).astype(np.uint8)
    made = balanced(tinted, balance_of(tinted, levels=False))
    gray = np.ptp(scene, axis=2) == 0
    cast, left = (np.ptp(photo[gray].astype(int), axis=1).mean() for photo in (tinted, made))
    assert cast > 40
    assert left < 0.6 * cast  # a correction is bounded
    assert psnr(made, scene) > psnr(tinted, scene) + 1


def test_the_warm_light_that_a_camera_leaves_stays_bit_for_bit(scene):
    warm = (scene * np.array([1.0, 0.9, 0.8])).astype(np.uint8)
    assert balance_of(warm, levels=False).neutral


def test_a_picture_of_one_color_is_not_taken_for_colored_light():
    red = np.full((50, 50, 3), (180, 30, 40), np.uint8)
    assert balance_of(red, levels=False).gains == (1, 1, 1)


@pytest.mark.parametrize(
    ("surface", "thing"),
    [((176, 148, 118), (62, 66, 78)), ((196, 206, 220), (196, 206, 220))],
    ids=["gray trousers on a wooden floor", "a blue sky"],
)
def test_the_color_of_a_large_surface_is_not_taken_for_the_color_of_the_light(surface, thing):
    shades = np.linspace(0.96, 1.04, 80)[:, None, None]
    photo = np.full((80, 60, 3), surface, np.float32) * shades
    photo[20:60, 15:45] = thing * shades[20:60]
    assert balance_of(np.rint(photo).astype(np.uint8), levels=False).gains == (1, 1, 1)


def test_levels_of_a_pale_photo_become_full(scene):
    pale = (60 + scene * 0.5).astype(np.uint8)
    made = balanced(pale, balance_of(pale, color=False))
    assert np.quantile(made, 0.99) - np.quantile(made, 0.01) > 1.3 * np.ptp(pale)
    dark = (scene * 0.1).astype(np.uint8)
    bound = balance_of(dark, color=False)
    assert bound.white >= 0.8  # a night photo stays one


def test_gains_are_bounded(scene):
    tinted = (scene * np.array([1.0, 0.5, 0.3])).astype(np.uint8)
    assert all(0.8 < gain < 1.2 for gain in balance_of(tinted).gains)


def test_noise_is_measured_and_removed_and_edges_stay(scene):
    noise = np.random.default_rng(0).normal(0, 10, scene.shape)
    noisy = np.clip(scene + noise, 0, 255).astype(np.uint8)
    found = noise_of(noisy)
    assert 0.4 * 10 / 255 < found < 1.3 * 10 / 255  # of luma, which has less than a channel
    made = denoised(noisy, found)
    assert psnr(made, scene) > psnr(noisy, scene) + 3
    assert noise_of(scene) < LEAST
    across = made[20:30, 58:62].astype(int).mean((0, 2))
    assert across[2:].mean() - across[:2].mean() > 20


def test_strips_have_no_seams(scene, monkeypatch):
    tall = np.tile(scene, (8, 1, 1))
    whole = denoised(tall, 0.03)
    monkeypatch.setattr("style.strips._PIXELS", 4000)
    monkeypatch.setattr("style.care.denoise.over_strips", _small_strips)
    assert np.abs(denoised(tall, 0.03).astype(int) - whole).max() <= 1


def _small_strips(height, width, work):
    for top in range(0, height, 37):
        work(top, min(top + 37, height))


def test_the_network_is_nearer_to_the_truth_than_bicubic():
    y, x = np.mgrid[0:160, 0:160]
    shape = (np.hypot(x - 80, y - 80) < 50) ^ ((x + 2 * y) % 37 < 12)
    truth = np.asarray(Image.fromarray(shape.astype(np.uint8) * 200 + 20).convert("RGB"))
    large = Image.fromarray(truth).resize((128, 128), Image.Resampling.BOX)
    truth = np.asarray(large)
    small = large.resize((64, 64), Image.Resampling.BICUBIC)
    bicubic = np.asarray(small.resize((128, 128), Image.Resampling.BICUBIC))
    made = Doubler().double(np.asarray(small))
    assert psnr(made, truth) > psnr(bicubic, truth) + 1


def test_tiles_have_no_seams(scene, monkeypatch):
    whole = Doubler().double(scene)
    monkeypatch.setattr("style.care.upscale._TILE", 50)
    assert np.abs(Doubler().double(scene).astype(int) - whole).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (30, 2), (7, 7)], ids=str)
def test_small_photos_are_enlarged_too(shape):
    pixels = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for method in ("learned", "lanczos"):
        made = enhance(pixels, Repairs(scale=4, method=method))
        assert made.pixels.shape == (4 * shape[0], 4 * shape[1], 3)
    assert enlarged(pixels, 5, 6).shape == (6, 5, 3)


def test_the_same_photo_gives_the_same_bytes_and_is_not_changed(scene):
    before = scene.copy()
    care = Repairs(scale=2)
    assert (enhance(scene, care).pixels == enhance(scene, care).pixels).all()
    assert (scene == before).all()


def test_an_array_that_is_no_picture_is_refused():
    with pytest.raises(BadPixels, match="pixels must be uint8"):
        enhance(np.zeros((4, 4), np.uint8), Repairs())


def test_a_balance_of_nothing_changes_nothing(scene):
    assert (balanced(scene, Balance((1.0, 1.0, 1.0), 0.0, 1.0)) == scene).all()
