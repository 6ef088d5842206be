"""Parse the items of a HEIC photo (HEIF with HEVC pictures), as phones make them.

Its cost is computed from the HEVC data of every item: tiles of a grid, alpha, thumbnails, maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.imaging.formats.hevc import Frames, frames_of, read_configuration
from indexer.imaging.formats.isobmff import MediaFile
from indexer.imaging.formats.structure import ImageLimits, Structure, check_size, check_work

if TYPE_CHECKING:
    from indexer.imaging.formats.isobmff import Box

_OUTPUT_BYTES = 6.5  # per pixel: the library's copy and the picture; 7.2 were measured in all
_CODED = (b"hvc1", b"hev1")
# Kinds of items that the decoder gets. Others, such as overlays, allocate sizes that nothing here
# has read; a phone writes none of them.
_KINDS = (*_CODED, b"grid", b"iden")
_STILL_BRANDS = {b"hevc": b"heic", b"hevx": b"heix", b"msf1": b"mif1"}


def walk_heic(data: bytes, limits: ImageLimits) -> Structure:
    """Parse the boxes of a HEIC photo and the HEVC data of its items.

    The size in the result is that of the picture as the decoder gives it: cut and turned. Raises
    BadImage if the file is broken, has no still picture, or has too many pixels.
    """
    file = MediaFile("HEIC", data)
    properties = file.properties()
    primary = properties.get(file.primary, [])
    width, height = file.extent(primary)
    check_size("HEIC", width, height, limits)
    for grid in file.grids():
        check_size("HEIC", *grid, limits)
    coded = file.coded({item.id for item in file.items if item.kind in _CODED})
    if not coded:
        raise file.broken("it ends before its pixels")
    frames = [_frames(file, properties.get(item, []), part) for item, part in coded.items()]
    uses = file.uses(_CODED)
    times = [max(1, uses[item]) for item in coded]
    pixels = sum(item.pixels * count for item, count in zip(frames, times, strict=True))
    work = sum(len(part) * count for part, count in zip(coded.values(), times, strict=True))
    check_work("HEIC", pixels, work)
    check_size("HEIC", *_largest_side(frames), limits)
    planes = sum(item_frames.largest * item_frames.pixel_bytes for item_frames in frames)
    width, height = _transformed(file, primary, width, height)
    return Structure(
        "HEIC",
        width,
        height,
        (file.still(_STILL_BRANDS, _KINDS),),
        pixel_bytes=_OUTPUT_BYTES,
        fixed_bytes=int(planes),
    )


def _frames(file: MediaFile, properties: list[Box], data: bytes) -> Frames:
    found = [file.data[box.body : box.end] for box in properties if box.kind == b"hvcC"]
    if len(found) != 1:
        raise file.broken(f"a picture has {len(found)} decoder configurations, expected one")
    return frames_of(read_configuration(found[0]), data)


def _largest_side(frames: list[Frames]) -> tuple[int, int]:
    """Return the largest frame as a square of as many pixels."""
    side = max(1, int(max(item.largest for item in frames) ** 0.5))
    return side, side


def _transformed(
    file: MediaFile, properties: list[Box], width: int, height: int
) -> tuple[int, int]:
    """Return the size after the properties ``clap`` (cut) and ``irot`` (turned), in their order."""
    for box in properties:
        content = file.data[box.body : box.end]
        if box.kind == b"irot" and content and content[0] & 1:
            width, height = height, width
        elif box.kind == b"clap" and len(content) >= 16:
            numbers = [int.from_bytes(content[at : at + 4], "big") for at in range(0, 16, 4)]
            if not all(numbers):
                raise file.broken("its cut is empty")
            width = min(width, round(numbers[0] / numbers[1]))
            height = min(height, round(numbers[2] / numbers[3]))
    return width, height
