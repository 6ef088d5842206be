"""Parse the items of an AVIF (AV1 Image File Format).

Its cost is computed from the AV1 data of every item that may be decoded: tiles of a grid, alpha,
thumbnails.
"""

from __future__ import annotations

from indexer.imaging.formats.av1 import frames_within
from indexer.imaging.formats.isobmff import MediaFile
from indexer.imaging.formats.structure import ImageLimits, Structure, check_size, check_work

_CODED = (b"av01",)
# Kinds of items that the decoder gets. It reads tone maps, and does not apply them.
_KINDS = (*_CODED, b"grid", b"tmap")
_OUTPUT_BYTES = 8  # per pixel: the decoder's copy and the picture


def walk_avif(data: bytes, limits: ImageLimits) -> Structure:
    """Parse the boxes of an AVIF and the AV1 data of its items.

    Raises BadImage if the file is broken, has no still picture, or has too many pixels.
    """
    file = MediaFile("AVIF", data)
    width, height = file.extent(file.properties().get(file.primary, []))
    check_size("AVIF", width, height, limits)
    for size in file.grids():
        check_size("AVIF", *size, limits)
    coded = file.coded({item.id for item in file.items if item.kind in _CODED})
    frames = [frames_within(item_data) for item_data in coded.values()]
    uses = file.uses(_CODED)
    times = [max(1, uses[item]) for item in coded]
    pixels = sum(item.pixels * count for item, count in zip(frames, times, strict=True))
    work = sum(len(part) * count for part, count in zip(coded.values(), times, strict=True))
    check_work("AVIF", pixels, work)
    planes = sum(item_frames.largest * item_frames.pixel_bytes for item_frames in frames)
    grid = any(item.kind == b"grid" for item in file.items)
    return Structure(
        "AVIF",
        width,
        height,
        (file.still({b"avis": b"avif"}, _KINDS),),
        pixel_bytes=_OUTPUT_BYTES,
        fixed_bytes=int(planes * (2 if grid else 1)),
    )
