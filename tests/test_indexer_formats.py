"""What each format's walk promises: bounded work for any bytes, and every viewer's pictures."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from indexer.errors import BadImage
from indexer.imaging.formats.av1 import frames_within
from indexer.imaging.formats.avif import walk_avif
from indexer.imaging.formats.gif import walk_gif
from indexer.imaging.formats.jpeg import walk_jpeg
from indexer.imaging.formats.orientation import orientation
from indexer.imaging.formats.pieces import Pieces
from indexer.imaging.formats.png import walk_png
from indexer.imaging.formats.structure import LIMITS, Structure
from indexer.imaging.formats.webp import walk_webp
from indexer.imaging.images import ImageLimits, decode, inspect
from tests.test_indexer_images import (
    FORMATS,
    GREEN,
    RED,
    color_at,
    corners,
    layout,
    near,
    png,
    png_chunk,
    save,
    swapped_profile,
)

if TYPE_CHECKING:
    from collections.abc import Callable

UPRIGHT = ["red", "green", "blue", "white"]


def size_of(structure: Structure) -> int:
    return sum(map(len, structure.pieces))


def progressive(side: int = 64) -> tuple[bytes, bytes]:
    """A progressive JPEG without its end mark, and its last scan."""
    data = save(corners(side, side), "JPEG", progressive=True)[:-2]
    return data, data[data.rindex(b"\xff\xda") :]


def gray_png(depth: int, *, key: int, values: list[int]) -> bytes:
    """One line of grays, of which ``key`` is transparent."""
    bits = "".join(f"{value:0{depth}b}" for value in values)
    row = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    clear = png_chunk(b"tRNS", struct.pack(">H", key))
    return png(len(values), 1, depth, 0, clear, png_chunk(b"IDAT", zlib.compress(b"\0" + row)))


# Shapes


@pytest.mark.parametrize("size", [(1, 64_000_000), (64_000_000, 1), (20_001, 2_000)])
def test_a_side_of_more_than_20000_pixels_is_refused_before_decoding(size: tuple[int, int]) -> None:
    data = png(*size, 1, 0, png_chunk(b"IDAT", zlib.compress(bytes(100))))
    for read in (decode, inspect):
        with pytest.raises(BadImage, match=f"{size[0]} x {size[1]}, at most 20000 pixels per side"):
            read(data)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WebP", "JPEG"])
def test_a_long_strip_is_refused_and_a_short_one_is_read(kind: str) -> None:
    with pytest.raises(BadImage, match="75 times as long as wide, at most 50"):
        decode(save(Image.new("RGB", (1500, 20)), kind.upper()))
    assert decode(save(Image.new("RGB", (900, 3)), kind.upper())).shape == (3, 900, 3)


def test_limits_of_side_and_aspect_can_be_handed_in() -> None:
    data = save(Image.new("L", (3000, 20)))
    with pytest.raises(BadImage, match="at most 2000 pixels per side"):
        decode(data, limits=ImageLimits(side=2000))
    assert decode(data, limits=ImageLimits(aspect=200)).shape == (20, 3000, 3)


# JPEG


def test_a_jpeg_of_more_than_64_scans_is_refused_and_one_of_64_is_read() -> None:
    data, scan = progressive()
    ten = data.count(b"\xff\xda")
    assert layout(decode(data + scan * (64 - ten) + b"\xff\xd9")) == UPRIGHT
    with pytest.raises(BadImage, match="has over 64 scans"):
        decode(data + scan * (65 - ten) + b"\xff\xd9")
    with pytest.raises(BadImage, match="has over 64 scans"):
        decode(data + scan * 100_000 + b"\xff\xd9")


def claiming(data: bytes, side: int) -> bytes:
    """The JPEG with another size in its header."""
    at = next(data.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in data)
    return data[: at + 5] + struct.pack(">HH", side, side) + data[at + 9 :]


def test_scans_of_a_large_jpeg_count_by_what_they_pass_over() -> None:
    data, scan = progressive()
    walk_jpeg(claiming(data + b"\xff\xd9", 8000), LIMITS)  # as a camera would write it
    with pytest.raises(BadImage, match=r"in \d+ scans has 11\d\d million samples"):
        walk_jpeg(claiming(data + scan * 20 + b"\xff\xd9", 8000), LIMITS)


def test_arithmetic_coding_counts_eight_times() -> None:
    data = save(corners(), "JPEG", subsampling=0).replace(b"\xff\xc0", b"\xff\xc9")
    walk_jpeg(data.replace(b"\0\x40\0\x60", struct.pack(">HH", 6000, 6000)), LIMITS)
    with pytest.raises(BadImage, match="1536 million samples"):
        walk_jpeg(data.replace(b"\0\x40\0\x60", struct.pack(">HH", 8000, 8000)), LIMITS)


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xC7, 0xCB, 0xCF])
def test_a_lossless_or_hierarchical_jpeg_is_refused_by_name(frame: int) -> None:
    data = save(corners(), "JPEG").replace(b"\xff\xc0", bytes([0xFF, frame]))
    with pytest.raises(BadImage, match="lossless or hierarchical"):
        decode(data)


def test_a_jpeg_that_names_its_height_behind_its_pixels_is_refused_by_name() -> None:
    data = save(corners(), "JPEG").replace(b"\0\x40\0\x60", b"\0\0\0\x60")
    with pytest.raises(BadImage, match="DNL"):
        decode(data)


def test_a_jpeg_without_its_end_mark_is_read_and_one_that_lacks_pixels_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 2}, {"subsampling": 0}):
        for image in (corners(64, 64), Image.fromarray(noise), Image.fromarray(noise[..., 0])):
            data = save(image, "JPEG", **options)
            assert (decode(data[:-2]) == decode(data)).all()
            assert (decode(data[:-2] + bytes(500)) == decode(data)).all()  # filled up by a disk
            for share in (0.99, 0.9, 0.7):
                with pytest.raises(BadImage, match="JPEG"):
                    decode(data[: int(share * len(data))])


def test_a_progressive_jpeg_that_ends_before_its_last_scan_is_refused() -> None:
    data, scan = progressive()
    with pytest.raises(BadImage, match="before its last scan"):
        decode(data[: -len(scan)])


def test_of_a_jpeg_with_more_pictures_behind_it_the_first_is_read() -> None:
    first, second = save(corners(), "JPEG"), save(Image.new("RGB", (96, 64), RED), "JPEG")
    assert layout(decode(first + second * 3)) == UPRIGHT
    assert size_of(walk_jpeg(first + second, LIMITS)) <= len(first)


@pytest.mark.parametrize("count", [300, 60_000, 70_000])
@pytest.mark.parametrize("marker", [b"\xff\xe1", b"\xff\xed", b"\xff\xfe"])
def test_a_flood_of_side_data_in_a_jpeg_reaches_no_decoder(marker: bytes, count: int) -> None:
    data = save(corners(), "JPEG")
    flood = data[:2] + (marker + b"\0\x0aExif\0\0II") * count + data[2:]
    if count > 65_536:
        with pytest.raises(BadImage, match="over 65536 segments"):
            decode(flood)
        return
    assert layout(decode(flood)) == UPRIGHT
    assert size_of(walk_jpeg(flood, LIMITS)) <= len(data)


def test_a_jpeg_of_endless_tables_is_refused() -> None:
    data = save(corners(), "JPEG")
    table = b"\xff\xdb" + struct.pack(">H", 65 * 1000 + 2) + (b"\0" + bytes(range(1, 65))) * 1000
    with pytest.raises(BadImage, match="bytes of tables, at most 65536"):
        decode(data[:2] + table * 2 + data[2:])


# PNG


def test_side_data_of_a_png_never_decides_over_the_picture() -> None:
    image = save(corners())
    bad_text = bytearray(png_chunk(b"tEXt", b"Comment\0hello"))
    bad_text[-1] ^= 1
    packed = zlib.compress(bytes(50_000_000))
    for side in (
        bytes(bad_text),
        png_chunk(b"zTXt", b"k\0\0" + packed) * 20,
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed) * 20,
        png_chunk(b"iCCP", b"p\0\0" + packed),
        png_chunk(b"iCCP", b"p\0\0" + zlib.compress(swapped_profile())[:-9] + b"x" * 9),
        png_chunk(b"eXIf", b"garbage"),
        png_chunk(b"sPLT", bytes(1_000_000)),
        png_chunk(b"gAMA", b""),
        png_chunk(b"pHYs", b"1"),
        png_chunk(b"acTL", b"") + png_chunk(b"fcTL", b"short"),
    ):
        data = image[:33] + side + image[33:]
        assert layout(decode(data)) == UPRIGHT
        assert size_of(walk_png(data, LIMITS)) <= len(image)


def test_a_large_color_profile_of_a_png_is_applied() -> None:
    profile = swapped_profile()
    profile = profile.ljust(1_500_000, b"\0")  # as those of printers
    profile = struct.pack(">I", len(profile)) + profile[4:]
    image = save(Image.new("RGB", (8, 8), (220, 0, 0)))
    side = png_chunk(b"iCCP", b"p\0\0" + zlib.compress(profile))
    assert near(decode(image[:33] + side + image[33:])[4, 4], (0, 220, 0))


def test_a_png_without_its_end_is_read_and_one_that_lacks_pixels_is_refused() -> None:
    data = save(corners())
    for lacking in (12, 14, 16):  # the last chunk, and of the checksum before it
        assert layout(decode(data[:-lacking])) == UPRIGHT
    with pytest.raises(BadImage, match="truncated"):
        decode(data[:-60])


def test_pixels_in_pieces_of_one_byte_are_read_as_one() -> None:
    packed = zlib.compress(b"".join(b"\0" + bytes(RED) * 8 for _ in range(8)))
    pieces = [png_chunk(b"IDAT", packed[at : at + 1]) for at in range(len(packed))]
    assert near(decode(png(8, 8, 8, 2, *pieces))[4, 4], RED, 0)
    empty = png_chunk(b"IDAT", b"")
    with pytest.raises(BadImage, match="over 65536 chunks"):
        decode(png(8, 8, 8, 2, empty * 65_537))


def test_a_png_of_many_bytes_a_pixel_is_refused_by_them() -> None:
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(100)))
    with pytest.raises(BadImage, match="with 64 bits per pixel inflates to 512 MB, at most 200 MB"):
        decode(png(8000, 8000, 16, 6, pixels))
    walk_png(png(8000, 8000, 8, 2, pixels), LIMITS)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_gray_lies_on_white_at_every_depth(depth: int) -> None:
    most = (1 << depth) - 1
    key = most // 3
    pixels = decode(gray_png(depth, key=key, values=[key, most, 0 if key else most]))
    assert pixels[0, :, 0].tolist() == [255, 255, 0 if key else 255]
    pixels = decode(gray_png(depth, key=most, values=[0, most]))
    assert pixels[0, :, 0].tolist() == [0, 255]


def test_a_transparent_color_of_16_bits_lies_on_white() -> None:
    row = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0xFFFF, 0, 0)
    clear = png_chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x5678, 0x9ABC))
    data = png(2, 1, 16, 2, clear, png_chunk(b"IDAT", zlib.compress(b"\0" + row)))
    assert decode(data)[0].tolist() == [[255, 255, 255], [255, 0, 0]]


# WebP, GIF, AVIF


def test_of_many_frames_the_first_alone_reaches_the_decoder() -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in (RED, GREEN) * 50]
    still = {kind: len(save(frames[0], kind)) for kind in ("GIF", "WEBP", "PNG")}
    walks: dict[str, Callable[[bytes, ImageLimits], Structure]] = {
        "WEBP": walk_webp,
        "PNG": walk_png,
    }
    for kind in still:
        data = save(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert color_at(decode(data), 0.5, 0.5) == "red", kind
        if kind in walks:
            assert size_of(walks[kind](data, LIMITS)) <= still[kind] + 100


def test_a_webp_whose_pixels_have_another_size_than_its_canvas_is_refused() -> None:
    pixels = save(Image.new("RGB", (64, 64)), "WEBP")[12:]
    canvas = b"VP8X" + struct.pack("<IB3x", 10, 0) + (99).to_bytes(3, "little") * 2
    body = b"WEBP" + canvas + pixels
    with pytest.raises(BadImage, match="another size than its header"):
        decode(b"RIFF" + struct.pack("<I", len(body)) + body)


def test_a_webp_of_64_megapixels_names_the_setting_that_would_admit_it() -> None:
    plain = save(corners(), "WEBP", lossless=True)
    bits = 0x2F | (7999 << 8) | (7999 << 22)
    with pytest.raises(BadImage, match=r"takes 1\d\d\d MB, at most 1000 MB .* VITRINE_MAX_DECODE"):
        decode(plain[:20] + bits.to_bytes(5, "little") + plain[25:])


def test_codes_by_the_thousand_in_a_lossless_webp_count_as_memory() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    assert walk_webp(save(Image.fromarray(noise), "WEBP", lossless=True), LIMITS).fixed_bytes == (
        100 * 100 * 5400  # blocks of 4 x 4 pixels, each with codes of 5.4 kB
    )


def test_a_webp_that_lacks_bytes_behind_its_pixels_is_read() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    data = save(corners(), "WEBP", exif=exif)
    assert layout(decode(data[:-3])) == UPRIGHT
    with pytest.raises(BadImage, match="truncated"):
        decode(data[: data.index(b"EXIF") - 30])


def test_comments_before_a_gif_are_passed_over() -> None:
    data = save(corners(), "GIF")
    at = data.index(b",", 13 + (3 << (data[10] & 7) + 1))
    for flood in (b"!\xfe" + b"\1a" * 60_000 + b"\0", b"!\xfe\0" * 60_000, b"\0" * 1_000_000):
        assert layout(decode(data[:at] + flood + data[at:])) == UPRIGHT
    with pytest.raises(BadImage, match="over 65536 blocks"):
        decode(data[:at] + b"!\xfe" + b"\1a" * 70_000 + data[at:])


def test_a_gif_frame_beyond_its_screen_counts_with_its_own_size() -> None:
    data = save(Image.new("L", (8, 8)), "GIF")
    at = data.index(b"\x2c\0\0\0\0\x08\0\x08\0") + 1
    with pytest.raises(BadImage, match="65535 x 8, at most 20000"):
        walk_gif(data[:at] + struct.pack("<4H", 65_527, 0, 8, 8) + data[at + 8 :], LIMITS)


def test_the_frames_of_an_avif_are_counted_by_the_av1_data() -> None:
    data = save(corners(400, 300), "AVIF")
    start = data.index(b"mdat") + 4
    found = frames_within(data[start:])
    assert (found.pixels, found.largest, found.pixel_bytes) == (400 * 300, 400 * 300, 1.5)
    assert frames_within(data[start:] * 7).pixels == 7 * 400 * 300


def test_an_avif_of_many_hidden_frames_is_refused() -> None:
    data = save(Image.new("RGB", (2000, 2000)), "AVIF", speed=10)
    more = data[data.index(b"mdat") + 4 :] * 50
    at = data.index(b"iloc")
    end = at - 4 + int.from_bytes(data[at - 4 : at], "big")
    (length,) = struct.unpack_from(">I", data, end - 4)
    longer = struct.pack(">I", length + len(more))
    with pytest.raises(BadImage, match="with 204 megapixels"):
        decode(data[: end - 4] + longer + data[end:] + more)


def test_of_an_avif_sequence_the_still_picture_is_read_and_the_sequence_left_out() -> None:
    frames = [Image.new("RGB", (40, 40), color) for color in (RED, GREEN) * 5]
    data = save(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert b"moov" in data
    (part,) = walk_avif(data, LIMITS).pieces
    assert b"moov" not in bytes(part)
    assert color_at(decode(data), 0.5, 0.5) == "red"


@pytest.mark.parametrize("count", [1025, 65_535])
def test_an_avif_of_too_many_items_is_refused(count: int) -> None:
    data = save(corners(), "AVIF")
    at = data.index(b"iinf") + 8
    with pytest.raises(BadImage, match=f"{count} items, at most 1024"):
        decode(data[:at] + struct.pack(">H", count) + data[at + 2 :])


# Side data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_the_orientation_is_found_in_either_byte_order(order: str, kind: int) -> None:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(order + {1: "B3x", 3: "H2x", 4: "I"}[kind], 6)
    entry = struct.pack(f"{order}HHI", 0x0112, kind, 1) + value
    tiff = mark + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)
    assert orientation(tiff) == orientation(b"Exif\0\0" + tiff) == 6
    for size in range(len(tiff) - 5):
        assert orientation(tiff[:size]) == 1


def test_a_directory_of_entries_that_name_the_same_megabytes_costs_nothing() -> None:
    entries = b"".join(struct.pack(">HHII", at + 1000, 7, 900_000, 8) for at in range(60_000))
    bomb = b"MM\0*\0\0\0\x08" + struct.pack(">H", 60_000) + entries + bytes(900_000)
    image = save(corners())
    data = image[:33] + png_chunk(b"eXIf", bomb) + image[33:]
    assert layout(decode(data)) == UPRIGHT


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_the_orientation_in_xmp_counts_where_exif_has_none(kind: str) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    turned = corners().transpose(Image.Transpose.ROTATE_90)
    if kind == "PNG":
        image = save(turned)
        data = image[:33] + png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) + image[33:]
    else:
        data = save(turned, kind.upper(), xmp=xmp)
    assert layout(decode(data)) == UPRIGHT


def test_a_profile_with_programs_is_ignored() -> None:
    profile = swapped_profile()
    (at,) = struct.unpack_from(">I", profile, 136)
    program = profile[:at] + b"mpet" + profile[at + 4 :]
    assert near(decode(save(Image.new("RGB", (8, 8), RED), icc_profile=program))[4, 4], RED)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_large_picture_is_the_same_in_bands(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = corners(301, 203)
    if kind in ("PNG", "WebP"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = save(image, kind.upper())
    whole = [decode(data, side=side) for side in (None, 20, 60)]
    monkeypatch.setattr("indexer.imaging.srgb._BAND", 1000)
    for one, side in zip(whole, (None, 20, 60), strict=True):
        assert (decode(data, side=side) == one).all()


def test_pieces_read_like_one_file() -> None:
    data, file = (
        bytes(range(100)),
        Pieces([b"", bytes(range(40)), memoryview(bytes(range(40, 100)))]),
    )
    other = io.BytesIO(data)
    for size in (3, 40, 0, 30, 90, 5):
        assert file.read(size) == other.read(size)
        assert file.tell() == other.tell()
    for place in ((10, 0), (-5, 2), (5, 1), (200, 0)):
        assert file.seek(*place) == other.seek(*place)
        assert file.read() == other.read()
