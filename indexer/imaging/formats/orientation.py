"""Read the orientation (1 to 8) from EXIF or XMP.

Nothing else of EXIF is parsed: a full parser can be kept busy by tens of thousands of entries that
refer to the same megabytes.
"""

from __future__ import annotations

import re
import struct

from indexer.imaging.formats.structure import MOST_EXIF

_TAG = 0x0112
_FORMATS = {1: "B", 3: "H", 4: "I"}  # integers of 1, 2 and 4 bytes
_MOST_ENTRIES = 1000  # in the first directory; cameras write about 20
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])")


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """Return the orientation from EXIF (with or without its ``Exif`` prefix), else XMP, else 1.

    Broken metadata gives 1; the picture is then not turned.
    """
    turn = _in_exif(exif.removeprefix(b"Exif\0\0"))
    if turn is None:
        found = _XMP.search(xmp[:MOST_EXIF])
        turn = int(found[1]) if found else 1
    return turn if 1 <= turn <= 8 else 1


def _in_exif(tiff: bytes) -> int | None:
    """Return the orientation in the first directory (TIFF 6.0, section 2), or None."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return None
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return None
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for number in range(min(count, _MOST_ENTRIES)):
        entry = at + 2 + 12 * number
        if entry + 12 > len(tiff):
            return None
        tag, kind = struct.unpack_from(f"{order}HH", tiff, entry)
        if tag == _TAG:
            if kind not in _FORMATS:
                return None
            return int(struct.unpack_from(order + _FORMATS[kind], tiff, entry + 8)[0])
    return None
