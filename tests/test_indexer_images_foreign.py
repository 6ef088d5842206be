"""Pictures that are too large, broken or none: refused by name, before they cost anything."""

from __future__ import annotations

import os
import random
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from indexer.errors import BadImage
from indexer.imaging.formats.webp import _tables
from indexer.imaging.images import ImageLimits, decode, inspect, read_image_file
from tests.imagesamples import FORMATS, corners, save

if TYPE_CHECKING:
    from pathlib import Path


MUTATIONS = int(os.environ.get("VITRINE_TEST_MUTATIONS", "2000"))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, color: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + b"".join(chunks) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def samples() -> dict[str, bytes]:
    """One file of each format, and of the harder kinds of each."""
    image = corners(48, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    frames = [image.rotate(90 * turn).quantize(16) for turn in range(3)]
    layered = image.convert("RGBA")
    layered.putalpha(Image.linear_gradient("L").resize(image.size))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "jpeg": save(image, "JPEG", exif=exif),
        "jpeg progressive": save(image, "JPEG", progressive=True, icc_profile=profile),
        "jpeg cmyk": save(image.convert("CMYK"), "JPEG"),
        "png": save(image, exif=exif),
        "png palette": save(image.quantize(8), transparency=2),
        "png 16 bit": save(Image.new("I;16", (9, 7), 30000)),
        "png alpha": save(layered, icc_profile=profile),
        "webp": save(image, "WEBP", quality=60),
        "webp lossless": save(layered, "WEBP", lossless=True, exif=exif),
        "gif": save(frames[0], "GIF", save_all=True, append_images=frames[1:], transparency=3),
        "avif": save(image, "AVIF", quality=60, exif=exif),
    }


# Limits and foreign bytes


def test_a_png_that_claims_900_megapixels_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("its pixels are decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    data = png(30_000, 30_000, 8, 2, png_chunk(b"IDAT", zlib.compress(bytes(100))))
    for read in (decode, inspect):
        with pytest.raises(BadImage, match="30000 x 30000 = 900 megapixels, at most 64"):
            read(data)


def test_a_webp_that_claims_its_largest_canvas_is_refused() -> None:
    plain = save(corners(), "WEBP", lossless=True)
    bits = 0x2F | (16382 << 8) | (16382 << 22)
    lossless = plain[:20] + bits.to_bytes(5, "little") + plain[25:]
    canvas = (
        b"RIFF" + struct.pack("<I", 100) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4)
        + (16382).to_bytes(3, "little") * 2 + bytes(100)
    )  # fmt: skip
    for data in (lossless, canvas):
        with pytest.raises(BadImage, match="16383 x 16383"):
            decode(data)


def test_a_lossless_webp_is_charged_for_all_large_codes_but_200_megabytes() -> None:
    codes, bytes_each = 65_536, 11_600
    assert _tables((8000, 8000), 7_000_000) >= codes * bytes_each - 200e6
    assert _tables((8000, 8000), 100_000) <= 40_000 * 5_400  # no room for large ones


def test_a_gif_that_claims_its_largest_screen_is_refused() -> None:
    data = save(corners(), "GIF")
    with pytest.raises(BadImage, match="65535 x 65535"):
        decode(data[:6] + b"\xff\xff\xff\xff" + data[10:])


@pytest.mark.filterwarnings("ignore:Image size.*decompression bomb")
def test_a_gif_whose_frame_is_larger_than_its_screen_is_refused() -> None:
    data = save(Image.new("L", (8, 8)), "GIF")
    at = data.index(b"\x2c\0\0\0\0\x08\0\x08\0") + 5
    with pytest.raises(BadImage):
        decode(data[:at] + struct.pack("<HH", 10_000, 9_000) + data[at + 4 :])


def test_a_jpeg_that_claims_its_largest_size_is_refused() -> None:
    data = save(corners(), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    with pytest.raises(BadImage, match="65500 x 65500"):
        decode(data[:at] + struct.pack(">HH", 65500, 65500) + data[at + 4 :])


def test_more_megabytes_than_the_limit_are_refused_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(5_000_000_000)  # sparse: takes no room
    with pytest.raises(BadImage, match="too large: over 32 MB"):
        read_image_file(path)
    with pytest.raises(BadImage, match="too large: over 32 MB"):
        decode(bytes(32_000_001))


def test_limits_can_be_handed_in() -> None:
    data = save(corners(100, 60))
    with pytest.raises(BadImage, match="100 x 60"):
        decode(data, limits=ImageLimits(megapixels=0.005))
    with pytest.raises(BadImage, match="too large: over 1e-05 MB"):
        decode(data, limits=ImageLimits(megabytes=0.00001))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match="no such file"):
        read_image_file(tmp_path / "gone.jpg")
    with pytest.raises(BadImage, match="cannot be read"):
        read_image_file(tmp_path)
    with pytest.raises(BadImage, match="cannot be read"):
        read_image_file(tmp_path / "a\0b.jpg")


def test_a_pipe_in_place_of_a_picture_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(BadImage, match="not a regular file"):
        read_image_file(tmp_path / "pipe.jpg")


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "empty: 0 bytes"),
        (b"not a photo at all", "18 bytes of text"),
        (b"%PDF-1.7\n%...", "a PDF document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><svg/>", "an SVG drawing"),
        (b"<!doctype html><html>", "an HTML page"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf" + bytes(40), "a HEIF picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), "a HEIC with 0 still pictures"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(40), "an ISO media file (mp42)"),
        (b"\0\0\0\x18ftypa\n\x1b[" + bytes(40), "52 bytes of an ISO media file"),
        (b"BM" + bytes(60), "a BMP image"),
        (b"II*\0" + bytes(60), "a TIFF image"),
        (b"PK\3\4" + bytes(60), "a ZIP archive"),
        (bytes(range(256)), "256 bytes of unknown data"),
    ],
)
def test_what_is_no_image_is_refused_by_name(data: bytes, named: str) -> None:
    for read in (decode, inspect):
        with pytest.raises(BadImage) as refusal:
            read(data)
        assert named in str(refusal.value)
        assert str(refusal.value).isprintable()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_file_is_refused_by_its_format(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = save(Image.fromarray(noise), kind.upper())
    for share in (0.02, 0.2, 0.5, 0.9):
        with pytest.raises(BadImage, match=f"{kind}|not an image"):
            decode(data[: int(share * len(data))])


# Broken files


def mutate(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Flip bits, overwrite, cut, repeat or splice: what disks, networks and attackers do."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(max(1, len(out)))
        # Headers decide the most, and are a small part of a file.
        if rng.random() < 0.5:
            at = min(at, rng.randrange(64))
        length = rng.choice((1, 2, 4, 16))
        action = rng.randrange(6)
        if action <= 1 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif action == 2:
            out[at : at + length] = rng.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * length
        elif action == 3:
            out[at : at + length] = rng.randbytes(rng.choice((0, length, 2 * length)))
        elif action == 4:
            begin = rng.randrange(len(other))
            out[at : at + length] = other[begin : begin + rng.choice((4, 64, 400))]
        elif len(out) > 40:
            del out[rng.randrange(8, len(out)) :]
    return bytes(out)


# A broken file may also draw a warning from Pillow; in production that is all it does.
@pytest.mark.filterwarnings("ignore")
def test_a_broken_file_is_decoded_or_refused_and_nothing_else() -> None:
    files = list(samples().values())
    rng = random.Random(7)
    read = refused = 0
    for number in range(MUTATIONS):
        data = mutate(files[number % len(files)], rng.choice(files), rng)
        side = rng.choice((None, 8, 100))
        try:
            pixels = decode(data, side=side)
        except BadImage:
            refused += 1
            continue
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
        assert min(pixels.shape) >= 1
        info = inspect(data)
        if side is None:
            assert pixels.shape[:2] == (info.height, info.width)
        read += 1
    assert read > MUTATIONS // 20  # else the mutations are too coarse to reach the decoders
    assert refused > MUTATIONS // 20
