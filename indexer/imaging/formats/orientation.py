"""How a picture is turned: the orientation (1 to 8) in EXIF, else in XMP.

Only this one number is read. A library that parses all of EXIF can be kept busy by it: tens of
thousands of entries may name the same megabytes.
"""

from __future__ import annotations

import re
import struct

from indexer.imaging.formats.structure import MOST_EXIF

_TAG = 0x0112
_KINDS = {1: "B", 3: "H", 4: "I"}  # of numbers: a byte, two, four
_MOST_ENTRIES = 1000  # of the first directory; cameras write about 20
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])")


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """Return the orientation in EXIF (with or without its ``Exif`` mark), else in XMP, else 1.

    Broken side data is no reason to refuse a picture: it is taken as it lies.
    """
    turn = _in_exif(exif.removeprefix(b"Exif\0\0"))
    if turn is None:
        found = _XMP.search(xmp[:MOST_EXIF])
        turn = int(found[1]) if found else 1
    return turn if 1 <= turn <= 8 else 1


def _in_exif(tiff: bytes) -> int | None:
    """The number in the first directory (TIFF 6.0, section 2); None without one."""
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
            if kind not in _KINDS:
                return None
            return int(struct.unpack_from(order + _KINDS[kind], tiff, entry + 8)[0])
    return None
