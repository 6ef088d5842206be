"""HEIC photos, as phones make them: decoded like any other, and refused before they cost much."""

from __future__ import annotations

import contextlib
import io
import sys

import numpy as np
import pytest
from PIL import Image

from indexer.errors import BadImage
from indexer.imaging.formats.heic import walk_heic
from indexer.imaging.formats.hevc import Configuration, frames_of, read_configuration
from indexer.imaging.images import EncodedImage, ImageLimits, decode, inspect
from indexer.imaging.photos import LIMITS

pillow_heif = pytest.importorskip("pillow_heif")


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downward; smooth, so that little is lost."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = x * 255 // max(1, width - 1), y * 255 // max(1, height - 1)
    return Image.fromarray(np.stack([red, green, np.full_like(x, 60)], -1).astype(np.uint8))


def heic(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=80, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def photo() -> bytes:
    return heic(gradient(320, 200))


@pytest.mark.parametrize(("width", "height"), [(64, 64), (301, 199), (7, 5), (999, 12)])
def test_a_heic_photo_has_its_size_and_its_colors(width, height):
    image = gradient(width, height)
    data = heic(image)
    assert inspect(data)[:3] == ("HEIC", width, height)
    pixels = decode(data)
    assert pixels.shape == (height, width, 3)
    assert np.abs(pixels.astype(int) - np.asarray(image)).mean() < (
        20 if min(width, height) < 16 else 5
    )


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_a_photo_that_was_turned_is_upright(turn):
    image = gradient(120, 80)
    exif = Image.Exif()
    exif[0x0112] = turn
    upright = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_270,
        8: Image.Transpose.ROTATE_90,
    }
    image.info["exif"] = exif.tobytes()
    data = heic(image)
    # The library turns the pixels that it encodes, and notes the turn in a property all the same.
    twice = image.transpose(upright[turn]).transpose(upright[turn])
    assert b"irot" in data
    pixels = decode(data)
    assert inspect(data)[1:] == pixels.shape[1::-1]
    assert np.abs(pixels.astype(int) - np.asarray(twice)).mean() < 5


def test_a_grid_of_tiles_is_one_picture(monkeypatch):
    monkeypatch.setattr(pillow_heif.options, "GRID_TILE_SIZE", 128)
    image = gradient(400, 300)
    data = heic(image)
    assert data.count(b"hvc1") > 4
    assert np.abs(decode(data).astype(int) - np.asarray(image)).mean() < 5
    assert decode(data, side=50).shape == (100, 134, 3)


def test_transparency_is_white():
    image = gradient(64, 64)
    image.putalpha(0)
    assert decode(heic(image)).mean() > 250


def test_the_memory_is_known_before_it_is_taken(photo):
    found = walk_heic(photo, LIMITS)
    assert found.fixed_bytes >= 1.5 * 320 * 200
    assert EncodedImage(photo).reduction(None).pixels == 320 * 200


def test_a_photo_that_is_too_large_is_refused_by_its_size(photo):
    with pytest.raises(BadImage, match=r"HEIC of 320 x 200 = 0 megapixels, at most 0\.05"):
        inspect(photo, ImageLimits(megapixels=0.05))


def test_frames_that_are_larger_than_the_file_says_are_refused(photo):
    at = photo.index(b"ispe") + 8  # width and height in the container, which may lie
    small = photo[:at] + (16).to_bytes(4, "big") * 2 + photo[at + 8 :]
    with pytest.raises(BadImage, match="too large: HEIC of"):
        inspect(small, ImageLimits(megapixels=0.05))
    with pytest.raises(BadImage, match="a broken HEIC image"):
        decode(small)


def test_frames_are_counted_in_the_data(photo):
    box = photo.index(b"hvcC")
    size = int.from_bytes(photo[box - 4 : box], "big")
    configuration = read_configuration(photo[box + 4 : box - 4 + size])
    assert (len(configuration.sequences), configuration.length_bytes) == (1, 4)
    slice_ = (4).to_bytes(4, "big") + bytes([19 << 1, 1, 0x80, 0])
    one, many = (frames_of(configuration, slice_ * count) for count in (1, 50))
    assert one.largest >= 320 * 200
    assert many.pixels == 50 * one.pixels
    with pytest.raises(BadImage, match="ends before its pixels"):
        frames_of(configuration, b"")
    with pytest.raises(BadImage, match="ends before its pixels"):
        frames_of(Configuration([], 4), slice_)


def test_any_part_of_a_photo_is_decoded_or_refused(photo):
    for end in range(0, len(photo), 7):
        with pytest.raises(BadImage):
            decode(photo[:end])
    dice = np.random.default_rng(3)
    for _ in range(150):
        bad = bytearray(photo)
        for at in dice.integers(0, min(len(bad), 700), 3):
            bad[at] = int(dice.integers(256))
        with contextlib.suppress(BadImage):
            decode(bytes(bad))


def test_without_the_library_the_error_names_the_extra(photo, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(BadImage, match=r"needs pillow-heif: pip install 'vitrine\[heic\]'"):
        decode(photo)
