"""Parse the structure of a GIF (version 89a) up to its first frame.

Only the first frame reaches the decoder, without comments; later frames are never read.
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
_BLOCK = re.compile(rb"[!,;]")  # an extension, a frame or the end; junk between them is skipped


def walk_gif(data: bytes, limits: ImageLimits) -> Structure:
    """Parse a GIF up to its first frame.

    Raises BadImage if the file is broken or has too many pixels.
    """
    if len(data) < 13:
        raise broken("GIF", len(data), "its header is truncated")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette_size(flags)
    head = data[:at]
    control, at = _first_frame(data, at)
    if len(data) < at + 11:
        raise broken("GIF", len(data), "it ends before its pixels")
    left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
    # A frame that extends beyond the screen enlarges the picture.
    width, height = max(width, left + wide), max(height, top + high)
    check_size("GIF", width, height, limits)
    check_size("GIF", wide, high, limits)
    return Structure("GIF", width, height, (head, control, memoryview(data)[at:]), pixel_bytes=1)


def _first_frame(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the last graphic control before the first frame (or b""), and the frame's offset."""
    control = b""
    for _ in range(MOST_SEGMENTS):
        found = _BLOCK.search(data, at)
        if found is None or data[found.start()] == _TRAILER:
            break
        at = found.start()
        if data[at] == _FRAME:
            return control, at
        end = _extension_end(data, at + 2)
        if data[at + 1 : at + 2] == _CONTROL:
            control = data[at:end]
        at = end
    raise broken("GIF", len(data), "it ends before its pixels")


def _extension_end(data: bytes, at: int) -> int:
    """Return the end of the extension whose data blocks begin at ``at``."""
    for _ in range(MOST_SEGMENTS):
        if at >= len(data) or not data[at]:
            return at + 1
        at += 1 + data[at]
    raise broken("GIF", len(data), f"an extension has over {MOST_SEGMENTS} blocks")


def _palette_size(flags: int) -> int:
    """Return the size in bytes of the palette that the flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
