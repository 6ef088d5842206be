"""The structure of a GIF (version 89a): its screen and the blocks before the first frame.

The first frame alone reaches the decoder, without comments; the others are never looked at.
"""

from __future__ import annotations

import re
import struct

from indexer.imaging.formats.structure import (
    MOST_SEGMENTS,
    ImageLimits,
    Structure,
    broken,
    check_size,
)

_FRAME, _TRAILER = 0x2C, 0x3B
_CONTROL = b"\xf9"
_BLOCK = re.compile(rb"[!,;]")  # an extension, a frame, the end; junk between is passed over


def walk_gif(data: bytes, limits: ImageLimits) -> Structure:
    """Walk a GIF up to its first frame.

    Raises BadImage for a broken file, or one of too many pixels.
    """
    if len(data) < 13:
        raise broken("GIF", len(data), "its header is cut short")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette(flags)
    head = data[:at]
    control, at = _first_frame(data, at)
    if len(data) < at + 11:
        raise broken("GIF", len(data), "it ends before its pixels")
    left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
    # A frame that reaches beyond the screen makes the picture larger.
    width, height = max(width, left + wide), max(height, top + high)
    check_size("GIF", width, height, limits)
    check_size("GIF", wide, high, limits)
    return Structure("GIF", width, height, (head, control, memoryview(data)[at:]), pixel_bytes=1)


def _first_frame(data: bytes, at: int) -> tuple[bytes, int]:
    """The last graphic control before the first frame (empty without one), and where that is."""
    control = b""
    for _ in range(MOST_SEGMENTS):
        found = _BLOCK.search(data, at)
        if found is None or data[found.start()] == _TRAILER:
            break
        at = found.start()
        if data[at] == _FRAME:
            return control, at
        end = _end(data, at + 2)
        if data[at + 1 : at + 2] == _CONTROL:
            control = data[at:end]
        at = end
    raise broken("GIF", len(data), "it ends before its pixels")


def _end(data: bytes, at: int) -> int:
    """Where the extension ends whose data blocks begin at ``at``."""
    for _ in range(MOST_SEGMENTS):
        if at >= len(data) or not data[at]:
            return at + 1
        at += 1 + data[at]
    raise broken("GIF", len(data), f"over {MOST_SEGMENTS} blocks of side data")


def _palette(flags: int) -> int:
    """The bytes of the palette that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
