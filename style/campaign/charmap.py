"""The characters that a font file can draw, read from its table ``cmap`` (OpenType 1.9).

Pillow draws an empty box for a character that a font lacks, and cannot report it.
"""

from __future__ import annotations

import struct

import numpy as np

from style.errors import BadFont

__all__ = ["characters_of"]

_MOST = 0x110000  # code points in Unicode


def characters_of(data: bytes, name: str) -> frozenset[int]:
    """Return the code points of a TrueType or OpenType font. Raises BadFont, which gives ``name``.

    Of a collection (.ttc) the first font counts.
    """
    try:
        found = _characters(data)
    except (struct.error, IndexError, ValueError) as error:
        raise BadFont(f"{name}: not a TrueType or OpenType font, or it is damaged") from error
    if not found:
        raise BadFont(f"{name}: the font has no Unicode characters")
    return found


def _characters(data: bytes) -> frozenset[int]:
    start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
    tables = struct.unpack_from(">H", data, start + 4)[0]
    for number in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, start + 12 + 16 * number)
        if tag == b"cmap":
            return _best_subtable(data, offset)
    return frozenset()


def _best_subtable(data: bytes, cmap: int) -> frozenset[int]:
    """Return the characters of the subtable with the most: full Unicode is format 12, else 4."""
    best: frozenset[int] = frozenset()
    for number in range(struct.unpack_from(">H", data, cmap + 2)[0]):
        platform, _, offset = struct.unpack_from(">HHI", data, cmap + 4 + 8 * number)
        if platform not in (0, 3):
            continue
        kind = struct.unpack_from(">H", data, cmap + offset)[0]
        reader = {4: _segments, 12: _groups}.get(kind)
        found = reader(data, cmap + offset) if reader else frozenset()
        best = max(best, found, key=len)
    return best


def _segments(data: bytes, at: int) -> frozenset[int]:
    """Format 4: segments of code points below 65,536. A segment may have gaps (glyph 0)."""
    twice = struct.unpack_from(">H", data, at + 6)[0]
    count = twice // 2
    ends = np.frombuffer(data, ">u2", count, at + 14)
    starts, deltas, ranges = (
        np.frombuffer(data, ">u2", count, at + 16 + twice * part) for part in (1, 2, 3)
    )
    found: set[int] = set()
    for number in range(count):
        first, last = int(starts[number]), min(int(ends[number]), 0xFFFE)
        if first > last:
            continue
        if ranges[number] == 0:
            codes = range(first, last + 1)
            found.update(c for c in codes if (c + int(deltas[number])) & 0xFFFF)
            continue
        glyphs_at = at + 16 + twice * 3 + 2 * number + int(ranges[number])
        glyphs = np.frombuffer(data, ">u2", last - first + 1, glyphs_at)
        found.update((first + np.flatnonzero(glyphs)).tolist())
    return frozenset(found)


def _groups(data: bytes, at: int) -> frozenset[int]:
    """Format 12: groups of code points of all of Unicode."""
    count = struct.unpack_from(">I", data, at + 12)[0]
    groups = np.frombuffer(data, ">u4", 3 * count, at + 16).reshape(count, 3)
    found: set[int] = set()
    for first, last, glyph in groups.tolist():
        if first <= last < _MOST:
            found.update(range(first + (glyph == 0), last + 1))
    return frozenset(found)
