"""Painterly filters: deterministic, monotone in strength, seamless, on pictures of any size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from style.art import pointillism
from style.art.canvas import cells, flattened, kuwahara, smeared, tangents
from style.errors import BadMask, BadPixels, BadStrength, UnknownStyle
from style.guided import fit_lines, luma
from style.painter import PainterStyler
from style.planes import box_mean, gaussian, gradient, resized
from style.shrink import shrunk

STYLES = [info.name for info in PainterStyler().styles()]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A red disc with a blue stripe on white, with a little noise."""
    y, x = np.mgrid[0:96, 0:80]
    pixels = np.full((96, 80, 3), 250.0)
    pixels[(y - 48) ** 2 + (x - 40) ** 2 < 30**2] = (200, 40, 50)
    pixels[44:52, 20:60] = (40, 60, 190)
    pixels += np.random.default_rng(0).normal(0, 4, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def test_there_are_at_least_six_styles_and_each_differs_from_all_others(photo):
    made = {PainterStyler().apply(photo, name, 1).tobytes() for name in STYLES}
    assert len(STYLES) >= 6
    assert len(made | {photo.tobytes()}) == len(STYLES) + 1


@pytest.mark.parametrize("name", STYLES)
def test_strength_0_is_the_input_bit_for_bit_and_a_copy(name, photo):
    made = PainterStyler().apply(photo, name, 0)
    assert (made == photo).all()
    assert not np.shares_memory(made, photo)


@pytest.mark.parametrize("name", STYLES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(name, photo):
    first = PainterStyler().apply(photo, name, 1, seed=5)
    assert (PainterStyler().apply(photo, name, 1, seed=5) == first).all()
    assert (PainterStyler().apply(photo, name, 1, seed=6) != first).any()


@pytest.mark.parametrize("name", STYLES)
def test_more_strength_is_never_less_change_at_any_pixel(name, photo):
    before = photo.astype(int)
    changes = [np.zeros_like(before)]
    for strength in (0.25, 0.5, 0.75, 1):
        made = PainterStyler().apply(photo, name, strength).astype(int)
        changes.append(np.abs(made - before))
        assert (changes[-1] >= changes[-2]).all()
    assert changes[-1].mean() > 2 * changes[1].mean() > 0


@pytest.mark.parametrize("name", STYLES)
def test_the_input_is_not_changed(name, photo):
    before = photo.copy()
    PainterStyler().apply(photo, name, 1)
    assert (photo == before).all()


@pytest.mark.parametrize("name", STYLES)
def test_the_mask_keeps_what_is_0_bit_for_bit(name, photo):
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, 40:] = 255
    made = PainterStyler().apply(photo, name, 1, mask)
    assert (made[:, :40] == photo[:, :40]).all()
    assert (made[:, 40:] == PainterStyler().apply(photo, name, 1)[:, 40:]).all()


@pytest.mark.parametrize("name", STYLES)
def test_a_product_keeps_the_hue_of_its_color(name, photo):
    made = PainterStyler().apply(photo, name, 1).astype(float)
    red = made[60:70, 30:50].mean(axis=(0, 1))
    blue = made[46:50, 30:50].mean(axis=(0, 1))
    assert red[0] > red[1] + 35
    assert red[0] > red[2] + 35
    assert blue[2] > blue[0] + 25


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 3), (7, 900)])
def test_tiny_and_thin_pictures_keep_their_size(name, shape, rng):
    pixels = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert PainterStyler().apply(pixels, name, 1).shape == pixels.shape


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_gray_stays_near_it(name, level):
    pixels = np.full((64, 64, 3), level, np.uint8)
    made = PainterStyler().apply(pixels, name, 1).astype(float)
    assert np.ptp(made.mean(axis=(0, 1))) < 16  # no color appears
    assert abs(made.mean() - level) < 90


@pytest.mark.parametrize("name", STYLES)
def test_large_pictures_have_no_seams_between_strips(name, photo, monkeypatch):
    large = np.asarray(Image.fromarray(photo[36:60]).resize((1000, 300)))  # in 9 strips
    monkeypatch.setattr("style.strips.over_strips.__kwdefaults__", {"pixels": 10**9})
    whole = PainterStyler().apply(large, name, 1).astype(int)
    monkeypatch.setattr("style.strips.over_strips.__kwdefaults__", {"pixels": 37_000})
    assert np.abs(PainterStyler().apply(large, name, 1) - whole).max() <= 1


def test_a_sharp_edge_of_a_large_picture_stays_sharp():
    pixels = np.full((200, 2000, 3), 245, np.uint8)
    pixels[:, :1001] = (30, 60, 120)
    made = PainterStyler().apply(pixels, "oil", 1).astype(int)
    step = made[100, 1003, 0] - made[100, 998, 0]
    assert step > 150  # the small copy alone would spread it over five pixels


def test_wrong_arguments_are_refused_by_name(photo):
    styler = PainterStyler()
    with pytest.raises(UnknownStyle, match="did you mean 'watercolor'"):
        styler.apply(photo, "watercolour", 1)
    with pytest.raises(UnknownStyle, match="there are ink"):
        styler.provenance("zzz", 1)
    with pytest.raises(BadStrength):
        styler.apply(photo, "oil", 2)
    with pytest.raises(BadMask):
        styler.apply(photo, "oil", 1, np.zeros((3, 3), np.uint8))
    with pytest.raises(BadPixels):
        styler.apply(photo[..., 0], "oil", 1)


def test_the_guided_lines_give_back_what_they_were_fitted_to(photo):
    plane = luma(photo) ** 2 + np.float32(0.1)
    lines = fit_lines(plane, luma(photo), 2, 1e-3, exact=True)
    assert np.abs(lines.on(luma(photo), 96, 80, 0, 96) - plane).max() < 1e-5


def test_rows_of_a_resized_plane_are_those_of_the_whole(rng):
    plane = rng.random((31, 17), np.float32)
    whole = resized(plane, 100, 60)
    assert np.abs(resized(plane, 100, 60, 33, 71) - whole[33:71]).max() < 1e-5


@pytest.mark.parametrize("radius", [1, 2, 3, 9])
def test_a_box_mean_is_the_mean_of_the_square_around(radius, rng):
    plane = rng.random((20, 30), np.float32)
    made = box_mean(plane, radius)
    padded = np.pad(plane, radius, mode="edge")
    assert made[5, 7] == pytest.approx(
        padded[5 : 6 + 2 * radius, 7 : 8 + 2 * radius].mean(), abs=1e-5
    )
    assert made[0, 29] == pytest.approx(padded[: 1 + 2 * radius, 29:].mean(), abs=1e-5)


@pytest.mark.parametrize("sigma", [0.8, 2.0, 6.0])
def test_a_gaussian_keeps_the_sum_and_has_its_width(sigma):
    plane = np.zeros((101, 101), np.float32)
    plane[50, 50] = 1
    made = gaussian(plane, sigma)
    assert made.sum() == pytest.approx(1, abs=1e-3)
    spread = np.sqrt((made.sum(axis=0) * (np.arange(101) - 50) ** 2).sum())
    assert spread == pytest.approx(sigma, rel=0.12)


def test_gradient_measures_units_a_pixel():
    y, x = np.mgrid[0:9, 0:9].astype(np.float32)
    along_x, along_y = gradient(3 * x - 2 * y)
    assert along_x[4, 4] == pytest.approx(3)
    assert along_y[4, 4] == pytest.approx(-2)


def test_the_flow_runs_along_an_edge_and_smearing_along_it_keeps_the_edge():
    plane = np.zeros((40, 40), np.float32)
    plane[:, 20:] = 1
    flow = tangents(plane, 1.5)
    assert abs(flow[1][20, 20]) > 0.99  # upright
    assert np.abs(smeared(plane, flow, 5) - plane)[:, 18:22].max() < 0.02


def test_kuwahara_flattens_noise_and_keeps_an_edge(rng):
    clean = np.zeros((60, 60, 3), np.float32)
    clean[:, 30:] = 1
    noisy = clean + 0.05 * rng.standard_normal(clean.shape, np.float32)
    made = kuwahara(noisy, 4)
    assert made[10:50, 5:20].std() < 0.02
    assert (made[30, 32] - made[30, 27]).min() > 0.85


def test_a_thin_line_is_painted_with_a_finer_brush():
    picture = np.full((60, 60, 3), 0.8, np.float32)
    picture[29:31] = 0.2
    made = flattened(picture, 6, 1)
    assert made[29:31, 10:50].mean() < 0.5  # still there
    assert kuwahara(picture, 6)[29:31, 10:50].mean() > 0.7  # lost to the broad brush
    assert np.abs(made[:15] - 0.8).max() < 1e-3


def test_dots_of_several_colors_mix_to_the_color_of_the_picture():
    color = np.array([0.8, 0.45, 0.15], np.float32)
    made = pointillism.paint(np.full((160, 160, 3), color), 0)
    assert np.abs(made[20:140, 20:140].mean(axis=(0, 1)) - color).max() < 0.01
    assert made[..., 0].std() > 0.01


def test_every_pixel_is_in_the_cell_of_its_nearest_center(rng):
    cut = cells(np.zeros((60, 80, 3), np.float32), 10, 3)
    assert cut.label.shape == (60, 80)
    assert cut.count == 48
    assert len(np.unique(cut.label)) == 48
    assert cut.border.min() >= 0
    means = cut.mean(np.dstack([cut.label.astype(np.float32)] * 3))
    assert np.allclose(means[:, 0], np.arange(48), atol=1e-3)  # a cell has one label only


@pytest.mark.parametrize("shape", [(1000, 700), (90, 3000), (3000, 1), (801, 801)])
def test_a_shrunk_picture_has_the_means_of_the_whole(shape, rng):
    ramp = np.linspace(0, 250, shape[0] * shape[1] * 3).reshape(*shape, 3).astype(np.uint8)
    small = shrunk(ramp, 100)
    assert max(small.shape) == 100
    assert small.mean() == pytest.approx(ramp.mean(), abs=1.5)
    middles = 250 * (np.arange(len(small)) + 0.5) / len(small)
    assert np.abs(small[:, 0, 0] - middles).max() < 4


def test_a_small_picture_is_not_enlarged(photo):
    assert shrunk(photo, 96) is photo
