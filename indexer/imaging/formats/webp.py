"""Parse the chunks of a WebP (RFC 9649).

Only the first frame of an animation reaches the decoder, which would hold all frames otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeAlias

from indexer.imaging.formats.orientation import orientation
from indexer.imaging.formats.structure import (
    MOST_EXIF,
    MOST_PROFILE,
    MOST_SEGMENTS,
    ImageLimits,
    Structure,
    broken,
    check_size,
    check_work,
)

Size: TypeAlias = tuple[int, int]

_ANIMATED, _ALPHA = 0x02, 0x10  # flags of the canvas; the other flags announce metadata
_SIDE_DATA = {b"ICCP": MOST_PROFILE, b"EXIF": MOST_EXIF, b"XMP ": MOST_EXIF}
# Per pixel: two canvases, a copy, the picture and, if lossless, the decoder's own buffer.
_LOSSY_BYTES, _LOSSLESS_BYTES = 17, 21
_MOST_CODES, _CODE_BYTES = 65_536, 5_400
# Codes of 12 kB exist, and take a hundred bytes of file each: more memory than that is in reserve.
_LARGE_CODE_FILE, _LARGE_CODE_BYTES, _RESERVE = 100, 6_200, 200_000_000


def walk_webp(data: bytes, limits: ImageLimits) -> Structure:
    """Parse the chunks of a WebP; of an animation the first frame.

    Raises BadImage if the file is broken or has too many pixels.
    """
    first: dict[bytes, slice] = {}
    for kind, body in _chunks(data, 12, len(data)):
        first.setdefault(kind, body)
    if b"VP8X" in first:
        canvas = data[first[b"VP8X"]]
        if len(canvas) < 10:
            raise broken("WebP", len(data), "its header is truncated")
        size = int.from_bytes(canvas[4:7], "little") + 1, int.from_bytes(canvas[7:10], "little") + 1
        check_size("WebP", *size, limits)
        pieces, kind, body, alpha = _extended(data, first, canvas, size)
    else:
        kind, body = _pixels(data, first)
        size = _size(data, kind, body)
        check_size("WebP", *size, limits)
        pieces, alpha = _chunk(data, kind, body), 0
    coded = body.stop - body.start
    if kind == b"VP8 ":
        check_work("WebP", size[0] * size[1], coded)
    side = {
        kind: data[first[kind]] for kind, most in _SIDE_DATA.items() if _fits(first, kind, most)
    }
    return Structure(
        "WebP",
        *size,
        (b"RIFF", struct.pack("<I", 4 + sum(map(len, pieces))), b"WEBP", *pieces),
        pixel_bytes=_LOSSY_BYTES if kind == b"VP8 " else _LOSSLESS_BYTES,
        fixed_bytes=_tables(size, coded if kind == b"VP8L" else alpha),
        orientation=orientation(side.get(b"EXIF", b""), side.get(b"XMP ", b"")),
        profile=side.get(b"ICCP", b""),
    )


def _extended(
    data: bytes, first: dict[bytes, slice], canvas: bytes, size: Size
) -> tuple[list[bytes], bytes, slice, int]:
    """Return the pieces of a file with a canvas, its pixel chunk, and the size of its alpha."""
    flags = canvas[0] & (_ALPHA | _ANIMATED)
    if not (flags & _ANIMATED and b"ANMF" in first):
        kind, body = _pixels(data, first)
        inner = size
        chunks = first
        frame = _still(data, first, kind, body)
        pieces = [_packed(b"VP8X", bytes([flags & _ALPHA]) + canvas[1:]), *frame]
    else:
        within = first[b"ANMF"]
        head = data[within][:16]
        if len(head) < 16:
            raise broken("WebP", len(data), "its first frame is truncated")
        inner = int.from_bytes(head[6:9], "little") + 1, int.from_bytes(head[9:12], "little") + 1
        chunks = {}
        for kind, body in _chunks(data, within.start + 16, within.stop):
            chunks.setdefault(kind, body)
        kind, body = _pixels(data, chunks)
        frame = _still(data, chunks, kind, body)
        loop = data[first[b"ANIM"]][:6].ljust(6, b"\0") if b"ANIM" in first else bytes(6)
        pieces = [
            _packed(b"VP8X", bytes([flags]) + canvas[1:]),
            _packed(b"ANIM", loop),
            _packed(b"ANMF", head + b"".join(frame)),
        ]
    if _size(data, kind, body) != inner:
        raise broken("WebP", len(data), "its pixels have another size than its header says")
    alpha = chunks.get(b"ALPH", slice(0, 0))
    return pieces, kind, body, alpha.stop - alpha.start


def _tables(size: Size, coded: int) -> int:
    """Return the most memory that the prefix codes of ``coded`` bytes of lossless data take.

    Every block of 4 x 4 pixels may have its own codes, which take 20 bits of file and 5 kB of
    memory. No photo has many large codes, so ``_RESERVE`` bytes of those are not counted.
    """
    blocks = -(-size[0] // 4) * -(-size[1] // 4)
    codes = min(_MOST_CODES, blocks, 8 * coded // 20)
    large = min(codes, coded // _LARGE_CODE_FILE) * _LARGE_CODE_BYTES
    return codes * _CODE_BYTES + max(0, large - _RESERVE)


def _still(data: bytes, chunks: dict[bytes, slice], kind: bytes, body: slice) -> list[bytes]:
    """Return the chunks of a still picture: its alpha, if separate, and its pixels."""
    alpha = _chunk(data, b"ALPH", chunks[b"ALPH"]) if kind == b"VP8 " and b"ALPH" in chunks else []
    return alpha + _chunk(data, kind, body)


def _pixels(data: bytes, chunks: dict[bytes, slice]) -> tuple[bytes, slice]:
    for kind in (b"VP8 ", b"VP8L"):
        if kind in chunks:
            return kind, chunks[kind]
    raise broken("WebP", len(data), "it ends before its pixels")


def _size(data: bytes, kind: bytes, body: slice) -> Size:
    """Return width and height from the header of the pixels (RFC 6386, 9.1; RFC 9649, 3.4)."""
    head = data[body][:10]
    if kind == b"VP8L" and len(head) >= 5:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(head) == 10:
        width, height = struct.unpack_from("<HH", head, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise broken("WebP", len(data), "the header of its pixels is truncated")


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, slice]]:
    """Yield type and body of each chunk; the last body may extend beyond the end."""
    for _ in range(MOST_SEGMENTS):  # the picture comes before that many chunks
        if at + 8 > end:
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], slice(at + 8, at + 8 + length)
        at += 8 + length + length % 2


def _chunk(data: bytes, kind: bytes, body: slice) -> list[bytes]:
    if body.stop > len(data):
        missing = body.stop - len(data)
        raise broken(
            "WebP", len(data), f"it is truncated, {missing} bytes of its pixels are missing"
        )
    return [_packed(kind, data[body])]


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _fits(first: dict[bytes, slice], kind: bytes, most: int) -> bool:
    return kind in first and first[kind].stop - first[kind].start <= most
