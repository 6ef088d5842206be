"""Style images and a shop's own styles: colors move in bounds, damaged files are refused."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from style.errors import BadStyleFile, BadStyleName, UnknownStyle
from style.oklab import oklab_of_pixels
from style.palette import color_move, palette_lut, palette_of
from style.registry import with_folder
from style.regularfile import open_regular
from style.stylefolder import StyleFolder
from style.styleimage import StyleImage, StyleImageStyler
from style.tone import look_lut


@pytest.fixture
def photo(rng) -> np.ndarray:
    """A dark blue square on white, 60 x 40, with a little noise."""
    pixels = np.full((60, 40, 3), 250.0)
    pixels[15:45, 8:32] = (30, 40, 120)
    return np.clip(pixels + rng.normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def painting(rng) -> np.ndarray:
    """Reds and oranges, 50 x 50."""
    pixels = rng.integers(0, 60, (50, 50, 3))
    pixels[..., 0] += 170
    pixels[..., 1] += rng.integers(0, 100, (50, 50))
    return pixels.astype(np.uint8)


@pytest.fixture
def styler(painting) -> StyleImageStyler:
    return StyleImageStyler({"fire": StyleImage(painting)})


def test_a_photo_moves_toward_the_colors_of_the_style_image(photo, painting, styler):
    wanted = oklab_of_pixels(painting)[..., 1:].mean(axis=(0, 1))
    square = (slice(20, 40), slice(12, 28))
    far = [
        np.hypot(*(oklab_of_pixels(styler.apply(photo, "fire", at))[square] - [0, *wanted])
                 .mean(axis=(0, 1))[1:])
        for at in (0, 0.5, 1)
    ]  # fmt: skip
    assert far[0] > far[1] + 0.02 > far[2] + 0.04


def test_a_style_image_of_the_photos_own_colors_changes_the_product_little(photo):
    same = StyleImageStyler({"same": StyleImage(photo)}).apply(photo, "same", 1)
    square = (slice(17, 43), slice(10, 30))
    assert np.abs(same.astype(int) - photo)[square].mean() < 4  # the brush smooths the noise


def test_white_paper_is_tinted_and_not_dyed(painting, styler):
    white = np.full((20, 20, 3), 255, np.uint8)
    made = oklab_of_pixels(styler.apply(white, "fire", 1))
    assert made[..., 0].min() > 0.95
    assert np.hypot(made[..., 1], made[..., 2]).max() < 0.04


@pytest.mark.parametrize("level", [0, 128, 255])
def test_pictures_of_one_color_have_a_finite_map(level, painting):
    flat = np.full((1, 1, 3), level, np.uint8)
    for source, target in ((flat, painting), (painting, flat), (flat, flat)):
        table = palette_lut(palette_of(source), palette_of(target)).table
        assert np.isfinite(table).all()
        assert table.min() >= 0
        assert table.max() <= 1
    gains = np.linalg.eigvalsh(color_move(palette_of(flat), palette_of(painting)).chroma_matrix)
    assert gains.min() >= 0.6 - 1e-5
    assert gains.max() <= 1.7 + 1e-5


def test_strength_0_and_mask_0_are_the_input_bit_for_bit(photo, styler):
    assert (styler.apply(photo, "fire", 0) == photo).all()
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:30] = 255
    made = styler.apply(photo, "fire", 1, mask)
    assert (made[30:] == photo[30:]).all()
    assert (made[:30] == styler.apply(photo, "fire", 1)[:30]).all()


def test_more_strength_is_never_less_change(photo, styler):
    changes = [
        np.abs(styler.apply(photo, "fire", at).astype(int) - photo) for at in (0.25, 0.5, 0.75, 1)
    ]
    for weaker, stronger in itertools.pairwise(changes):
        assert (stronger >= weaker).all()
        assert stronger.mean() > weaker.mean()


def test_provenance_tells_style_images_apart(photo, styler):
    record = styler.provenance("fire", 0.5)
    other = StyleImageStyler({"fire": StyleImage(photo)}).provenance("fire", 0.5)
    assert record.weights != other.weights
    with pytest.raises(UnknownStyle):
        styler.provenance("water", 0.5)


def test_a_folder_keeps_luts_and_images_as_styles(tmp_path, photo, painting, styler):
    folder = StyleFolder(tmp_path / "styles")
    assert folder.names() == []
    folder.add_image("fire", painting)
    folder.add_lut("brand", look_lut("golden"))
    registry = with_folder(tmp_path / "styles")
    kinds = {info.name: info.kind for info in registry.styles()}
    assert kinds["brand"] == "tone"
    assert kinds["fire"] == kinds["oil"] == "texture"
    found = registry.find("fire").styler
    assert (found.apply(photo, "fire", 1) == styler.apply(photo, "fire", 1)).all()
    assert registry.find("brand").styler.apply(photo, "brand", 1).shape == photo.shape
    folder.remove("fire")
    assert folder.file_names() == ["brand.cube"]
    with pytest.raises(UnknownStyle, match="there are brand"):
        folder.remove("fire")


def test_a_large_style_image_is_kept_small(tmp_path):
    StyleFolder(tmp_path).add_image("big", np.full((900, 1800, 3), 90, np.uint8))
    assert StyleFolder(tmp_path).image("big").shape == (256, 512, 3)


@pytest.mark.parametrize("name", ["", "../x", "A", "a b", ".hidden", "-x", "x" * 41, "a/b", "é"])
def test_names_that_could_be_paths_or_options_are_refused(tmp_path, name, painting):
    with pytest.raises(BadStyleName, match="a-z, 0-9 and -"):
        StyleFolder(tmp_path / "styles").add_image(name, painting)
    assert list(tmp_path.iterdir()) == []


def test_a_style_is_not_replaced_unasked(tmp_path, photo, painting):
    folder = StyleFolder(tmp_path)
    folder.add_image("fire", painting)
    before = (tmp_path / "fire.png").read_bytes()
    with pytest.raises(BadStyleName, match="remove it first"):
        folder.add_lut("fire", look_lut("golden"))
    assert (tmp_path / "fire.png").read_bytes() == before
    assert folder.file_names() == ["fire.png"]


@pytest.mark.parametrize("damage", ["cut", "text", "large", "empty", "gray"])
def test_a_damaged_style_image_is_refused_and_spoils_no_other_style(
    tmp_path, photo, painting, damage
):
    folder = StyleFolder(tmp_path)
    folder.add_image("fire", painting)
    folder.add_image("other", painting)
    path = tmp_path / "fire.png"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-60])
    elif damage == "large":
        Image.fromarray(np.zeros((600, 600, 3), np.uint8)).save(path)
    elif damage == "gray":
        Image.fromarray(np.zeros((6, 6), np.uint8)).save(path)
    else:
        path.write_bytes(b"hello" if damage == "text" else b"")
    registry = with_folder(tmp_path)
    with pytest.raises(BadStyleFile, match=r"fire\.png: not a style image"):
        registry.find("fire").styler.apply(photo, "fire", 1)
    assert registry.find("other").styler.apply(photo, "other", 1).shape == photo.shape
    folder.remove("fire")


def test_files_with_other_names_are_passed_over(tmp_path, painting):
    folder = StyleFolder(tmp_path)
    folder.add_image("fire", painting)
    for name in (".fire.png.part", "Fire.png", "notes.txt", "..png"):
        (tmp_path / name).write_bytes(b"x")
    assert folder.names() == ["fire"]


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
@pytest.mark.parametrize("suffix", [".png", ".cube"])
def test_what_is_no_regular_file_is_no_style(tmp_path, painting, kind, suffix):
    folder = StyleFolder(tmp_path / "styles")
    folder.add_image("fire", painting)
    folder.add_lut("brand", look_lut("golden"))
    path = tmp_path / "styles" / f"odd{suffix}"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "styles" / ("fire.png" if suffix == ".png" else "brand.cube"))
    else:
        os.mkfifo(path)
    assert folder.names() == ["brand", "fire"]
    assert folder.file_names() == ["brand.cube", "fire.png"]
    with pytest.raises(UnknownStyle):
        folder.remove("odd")
    with pytest.raises(OSError, match=r"regular file|symbolic links"):  # it waits for no writer
        open_regular(path, links=False)


def test_a_style_is_not_written_through_a_link_that_lies_in_its_folder(tmp_path, painting):
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    styles = tmp_path / "styles"
    styles.mkdir()
    for name in (".fire.png.part", "fire.png"):
        (styles / name).symlink_to(other)
    StyleFolder(styles).add_image("fire", painting)
    assert other.read_bytes() == b"precious"
    assert StyleFolder(styles).names() == ["fire"]
    assert sorted(path.name for path in styles.iterdir()) == [".fire.png.part", "fire.png"]


def test_a_folder_that_cannot_be_written_is_refused_and_nothing_is_left(tmp_path, painting):
    (tmp_path / "styles").write_bytes(b"a file, not a folder")
    with pytest.raises(BadStyleFile, match="cannot be written"):
        StyleFolder(tmp_path / "styles").add_image("fire", painting)
    assert [path.name for path in Path(tmp_path).iterdir()] == ["styles"]
