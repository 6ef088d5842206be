"""Every format and mode is decoded to the picture that was saved, upright and in its colors."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageCms

from indexer.errors import BadImage
from indexer.imaging.formats.signature import recognize
from indexer.imaging.images import ImageInfo, decode, inspect, read_image_file, thumbnail
from tests.imagesamples import BLUE, FORMATS, GREEN, RED, WHITE, corners, save

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Pixels


def near(pixel: object, color: tuple[int, int, int], by: int = 12) -> bool:
    return bool(np.abs(np.asarray(pixel, dtype=int) - color).max() <= by)


def color_at(pixels: Pixels, x: float, y: float) -> str:
    """The name of the color at a place given in shares of the width and height."""
    h, w = pixels.shape[:2]
    pixel = pixels[int(y * h), int(x * w)]
    names = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE}
    return next((name for name, color in names.items() if near(pixel, color, 40)), str(pixel))


def layout(pixels: Pixels) -> list[str]:
    """The four corners in reading order."""
    return [color_at(pixels, x, y) for y in (0.25, 0.75) for x in (0.25, 0.75)]


# Formats and modes


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_picture_that_was_saved(kind: str) -> None:
    data = save(corners(), kind.upper())
    pixels = decode(data)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (64, 96, 3)
    assert layout(pixels) == ["red", "green", "blue", "white"]
    assert recognize(data) == kind
    assert inspect(data) == ImageInfo(kind, 96, 64)


def test_a_png_that_is_named_jpg_is_read_as_the_png_it_is(tmp_path: Path) -> None:
    path = tmp_path / "shoe.jpg"
    path.write_bytes(save(corners(), "PNG"))
    data = read_image_file(path)
    assert inspect(data).format == "PNG"
    assert layout(decode(data)) == ["red", "green", "blue", "white"]


def test_of_an_animation_the_first_frame_is_read() -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        data = save(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert color_at(decode(data), 0.5, 0.5) == "red", kind


def test_cmyk_becomes_the_color_it_prints() -> None:
    data = save(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=95)
    assert near(decode(data)[16, 16], (254, 0, 0))


def test_sixteen_bit_gray_keeps_its_brightness() -> None:
    gradient = np.linspace(0, 65535, 256).astype(np.uint16)  # (256,)
    pixels = decode(save(Image.fromarray(np.tile(gradient, (4, 1)))))
    assert pixels[0, :, 0].tolist() == list(range(256))
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_gray_stays_gray() -> None:
    for kind in FORMATS:
        pixels = decode(save(Image.new("L", (16, 16), 130), kind.upper()))
        assert near(pixels[8, 8], (130, 130, 130), 3), kind
    assert decode(save(Image.new("1", (16, 16), 1)))[8, 8].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_becomes_white_and_half_transparent_becomes_half_white(mode: str) -> None:
    image = Image.new(mode, (30, 10))  # the left third transparent, then half, then opaque
    for at, alpha in ((0, 0), (10, 128), (20, 255)):
        image.paste((0, 0, 0, alpha) if mode == "RGBA" else (0, alpha), (at, 0, at + 10, 10))
    pixels = decode(save(image))
    assert [pixels[5, x].tolist() for x in (5, 15, 25)] == [[255] * 3, [127] * 3, [0] * 3]


def test_a_palette_with_a_transparent_color_lies_on_white() -> None:
    image = Image.new("P", (20, 10), 0)
    image.putpalette([*RED, *GREEN])
    image.paste(1, (10, 0, 20, 10))
    for kind in ("PNG", "GIF"):
        pixels = decode(save(image, kind, transparency=0))
        assert pixels[5, 5].tolist() == [255, 255, 255], kind
        assert near(pixels[5, 15], GREEN, 2), kind


def test_a_transparent_key_color_lies_on_white() -> None:
    image = Image.new("RGB", (20, 10), RED)
    image.paste(GREEN, (10, 0, 20, 10))
    pixels = decode(save(image, transparency=RED))
    assert pixels[5, 5].tolist() == [255, 255, 255]
    assert pixels[5, 15].tolist() == list(GREEN)


@pytest.mark.parametrize("mode", ["P", "1", "L", "LA", "RGB", "RGBA", "I;16"])
def test_every_mode_can_be_read_smaller(mode: str) -> None:
    image = Image.new("I;16", (900, 600), 65535 // 2) if mode == "I;16" else corners(900, 600)
    data = save(image if mode == "I;16" else image.convert(mode))
    full, small = decode(data), decode(data, side=100)
    assert small.shape == (200, 300, 3)
    assert np.abs(full.mean((0, 1)) - small.mean((0, 1))).max() < 3


# Upright


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "AVIF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_of_a_turned_camera_comes_out_upright(kind: str, turn: int) -> None:
    upright = corners(96, 64)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[turn]) if turn in undo else upright
    exif = Image.Exif()
    exif[0x0112] = turn
    data = save(stored, kind.upper(), exif=exif)
    for pixels in (decode(data), decode(data, side=16)):
        assert layout(pixels) == ["red", "green", "blue", "white"]
        assert pixels.shape[0] < pixels.shape[1]
    assert inspect(data) == ImageInfo(kind, 96, 64)


def test_a_box_is_a_box_of_the_upright_image() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save(corners(96, 64).transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    assert near(decode(data, box=(0.1, 0.1, 0.4, 0.4)).mean((0, 1)), RED)
    assert near(decode(data, box=(0.6, 0.1, 0.9, 0.4)).mean((0, 1)), GREEN)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif"])
def test_broken_exif_is_ignored(exif: bytes) -> None:
    data = save(corners(), "JPEG", exif=exif)
    assert layout(decode(data)) == ["red", "green", "blue", "white"]
    assert inspect(data) == ImageInfo("JPEG", 96, 64)


@pytest.mark.parametrize("turn", [0, 9, 255])
def test_an_orientation_that_does_not_exist_is_ignored(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    data = save(corners(), "JPEG", exif=exif)
    assert layout(decode(data)) == ["red", "green", "blue", "white"]
    assert inspect(data) == ImageInfo("JPEG", 96, 64)


# Color profiles


def swapped_profile() -> bytes:
    """A profile that says the first channel is green and the second red."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", data, 128)
    tags = {}
    for at in range(132, 132 + 12 * count, 12):
        name, offset, size = struct.unpack_from(">4sII", data, at)
        tags[bytes(name)] = (offset, size, at)
    for first, second in ((b"rXYZ", b"gXYZ"),):
        (one, size, _), (two, _, _) = tags[first], tags[second]
        swap = bytes(data[one : one + size])
        data[one : one + size], data[two : two + size] = data[two : two + size], swap
    offset, size, _ = tags[b"desc"]  # else its name says that nothing needs doing
    data[offset : offset + size] = data[offset : offset + size].replace(
        b"s\0R\0G\0B", b"w\0R\0G\0B"
    )
    return bytes(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "AVIF"])
def test_an_embedded_color_profile_is_applied(kind: str) -> None:
    image = Image.new("RGB", (32, 32), (220, 0, 0))
    plain = decode(save(image, kind.upper()))
    swapped = decode(save(image, kind.upper(), icc_profile=swapped_profile()))
    assert near(plain[16, 16], (220, 0, 0))
    assert near(swapped[16, 16], (0, 220, 0))


def test_the_standard_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (decode(save(corners(), icc_profile=profile)) == decode(save(corners()))).all()


@pytest.mark.parametrize(
    "profile", [b"garbage", swapped_profile()[:200], swapped_profile()[:-30] + bytes(30)]
)
def test_a_broken_color_profile_is_ignored(profile: bytes) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        pixels = decode(save(corners(), kind, icc_profile=profile))
        assert pixels.shape == (64, 96, 3)


def test_a_profile_of_another_color_space_is_ignored() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gray = save(Image.new("L", (16, 16), 130), icc_profile=swapped_profile())
    assert decode(gray)[8, 8].tolist() == [130, 130, 130]
    cmyk = save(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", icc_profile=profile)
    assert near(decode(cmyk)[16, 16], (254, 0, 0))


# Box and side


def test_a_box_cuts_the_part_it_names() -> None:
    data = save(corners(100, 60))
    cut = decode(data, box=(0.5, 0.0, 1.0, 0.5))
    assert cut.shape == (30, 50, 3)
    assert (cut == GREEN).all()
    assert decode(data, box=(0.0, 0.0, 0.001, 0.001)).shape == (1, 1, 3)
    assert decode(data, box=(0.999, 0.999, 1.0, 1.0)).shape == (1, 1, 3)


@pytest.mark.parametrize(
    "box",
    [
        (0.5, 0.0, 0.5, 1.0),
        (0.9, 0.0, 0.1, 1.0),
        (-0.1, 0.0, 1.0, 1.0),
        (0.0, 0.0, 1.0, 1.01),
        (float("nan"), 0.0, 1.0, 1.0),
    ],
)
def test_a_box_that_is_none_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(BadImage, match="box must be") as refusal:
        decode(save(corners()), box=box)
    assert refusal.value.param == "box"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize("side", [16, 32, 100, 224, 600, 5000])
def test_a_smaller_decode_keeps_the_side_that_was_asked_for(kind: str, side: int) -> None:
    data = save(corners(1600, 1000), kind.upper())
    pixels = decode(data, side=side)
    assert min(pixels.shape[:2]) >= min(side, 1000)
    assert min(pixels.shape[:2]) <= 4 * side
    assert layout(pixels) == ["red", "green", "blue", "white"]


def test_a_smaller_decode_keeps_the_side_within_the_box_too() -> None:
    data = save(corners(1600, 1000), "JPEG")
    for box in ((0.0, 0.0, 0.5, 0.5), (0.1, 0.2, 0.4, 0.6), (0.5, 0.5, 1.0, 1.0)):
        full = decode(data, box=box)
        small = decode(data, side=64, box=box)
        assert min(small.shape[:2]) >= 64
        assert small.size < full.size
        assert near(small.mean((0, 1)), tuple(full.mean((0, 1))), 6)


def test_a_large_jpeg_is_cheaper_to_decode_small() -> None:
    data = save(corners(3000, 2000), "JPEG")
    assert decode(data, side=224).shape == (250, 375, 3)  # 1/8 in the DCT


# Thumbnails


def test_a_thumbnail_is_a_jpeg_whose_longer_side_fits() -> None:
    data = thumbnail(decode(save(corners(960, 640))), 120)
    assert inspect(data) == ImageInfo("JPEG", 120, 80)
    assert layout(decode(data)) == ["red", "green", "blue", "white"]


def test_a_thumbnail_of_a_small_image_keeps_its_size() -> None:
    assert inspect(thumbnail(decode(save(corners(40, 30))), 120)) == ImageInfo("JPEG", 40, 30)
