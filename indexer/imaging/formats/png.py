"""Parse the chunks of a PNG (W3C PNG, third edition).

Only the chunks of the picture reach the decoder. Color profile and orientation are read here,
within limits; damaged or very large ones are ignored, as viewers do.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from indexer.errors import BadImage
from indexer.imaging.formats.orientation import orientation
from indexer.imaging.formats.structure import (
    MOST_EXIF,
    MOST_PROFILE,
    MOST_SEGMENTS,
    ImageLimits,
    Structure,
    broken,
    check_size,
)

MOST_RAW = 200e6
"""The most bytes that pixels inflate to: 64 megapixels of 8-bit RGB, 50 of RGBA, 25 of 16 bits."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by color type
_GRAY, _RGB, _PALETTE = 0, 2, 3
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp"
_RAW_EXIF = b"Raw profile type exif"  # hexadecimal text, as ImageMagick writes it
_READ = {
    b"PLTE",
    b"tRNS",
    b"iCCP",
    b"eXIf",
    b"iTXt" + _XMP,
    b"tEXt" + _RAW_EXIF,
    b"zTXt" + _RAW_EXIF,
}


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    color: int


def walk_png(data: bytes, limits: ImageLimits) -> Structure:
    """Parse the chunks of a PNG; of an animation the still picture.

    Raises BadImage if the file is broken or has too many pixels or bytes.
    """
    header = _header(data, limits)
    view = memoryview(data)
    pixels: list[memoryview] = []
    side: dict[bytes, bytes] = {}
    for kind, body in _chunks(data):
        if kind == b"IDAT":
            pixels.append(view[body])
            continue
        name = _name(data, kind, body)
        if name in _READ and name not in side and body.stop - body.start <= MOST_PROFILE:
            if _is_whole(data, body):
                side[name] = data[body]
            elif name == b"PLTE":
                raise broken("PNG", len(data), "its palette is damaged")
    if not pixels:
        raise broken("PNG", len(data), "it ends before its pixels")
    key, transparency = _transparency(header, side.get(b"tRNS", b""))
    pieces: list[bytes | memoryview] = [_SIGNATURE, _chunk(b"IHDR", data[16:29])]
    if header.color == _PALETTE and b"PLTE" in side:
        pieces.append(_chunk(b"PLTE", side[b"PLTE"][:768]))
    if transparency:
        pieces.append(_chunk(b"tRNS", transparency))
    # Joined to one chunk: a file may have millions, and Pillow reads them one by one.
    pieces += [struct.pack(">I", sum(map(len, pixels))), b"IDAT", *pixels, bytes(4)]
    pieces.append(_chunk(b"IEND", b""))
    wide = header.color in (_RGB, 4, 6)
    return Structure(
        "PNG",
        header.width,
        header.height,
        tuple(pieces),
        pixel_bytes=4 if wide else (2 if header.depth == 16 else 1),
        orientation=_orientation(side),
        profile=_profile(side.get(b"iCCP", b"")),
        key=key,
    )


def _header(data: bytes, limits: ImageLimits) -> _Header:
    body = slice(16, 29)
    if len(data) < 33 or data[8:16] != b"\0\0\0\rIHDR" or not _is_whole(data, body):
        raise broken("PNG", len(data), "its header is damaged or truncated")
    width, height, depth, color, packing, filters, interlaced = struct.unpack(
        ">IIBBBBB", data[body]
    )
    check_size("PNG", width, height, limits)
    if depth not in _DEPTHS.get(color, ()) or packing or filters or interlaced > 1:
        raise broken("PNG", len(data), f"{depth} bits of color type {color} are not allowed")
    raw = height * (1 + -(-width * _CHANNELS[color] * depth // 8))
    if raw > MOST_RAW:
        raise BadImage(
            f"too large: PNG of {width} x {height} with {_CHANNELS[color] * depth} bits per pixel "
            f"inflates to {raw / 1e6:.0f} MB, at most {MOST_RAW / 1e6:.0f} MB are read; save it "
            "smaller or with 8 bits"
        )
    return _Header(width, height, depth, color)


def _chunks(data: bytes) -> Iterator[tuple[bytes, slice]]:
    """Yield type and body of each chunk after the header; a body ends with the file at most."""
    at = 33
    for _ in range(MOST_SEGMENTS):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if len(kind) < 4 or not kind.isalpha() or kind == b"IEND":
            return
        yield kind, slice(at + 8, min(at + 8 + length, len(data)))
        at += 12 + length
    raise broken("PNG", len(data), f"it has over {MOST_SEGMENTS} chunks")


def _name(data: bytes, kind: bytes, body: slice) -> bytes:
    """Return the type of a chunk; a text chunk's with its keyword (at most 79 bytes)."""
    return kind + data[body][:80].partition(b"\0")[0] if kind in _TEXTS else kind


def _is_whole(data: bytes, body: slice) -> bool:
    """Return True if a chunk is complete and its checksum matches."""
    check = data[body.stop : body.stop + 4]
    return len(check) == 4 and zlib.crc32(data[body.start - 4 : body.stop]) == int.from_bytes(
        check, "big"
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _transparency(header: _Header, body: bytes) -> tuple[int | None, bytes]:
    """Return the transparent 16-bit gray, or a tRNS chunk for the decoder; None and b"" if neither.

    The decoder compares a key color with 8-bit pixels, so the color is scaled to 8 bits here.
    """
    if header.color == _PALETTE:
        return None, body[:256]
    most = (1 << header.depth) - 1
    if header.color == _GRAY and len(body) >= 2:
        gray = int.from_bytes(body[:2], "big") & most
        return (gray, b"") if header.depth == 16 else (None, struct.pack(">H", gray * 255 // most))
    if header.color == _RGB and len(body) >= 6:
        shift = header.depth - 8
        color = [(channel & most) >> shift for channel in struct.unpack(">3H", body[:6])]
        return None, struct.pack(">3H", *color)
    return None, b""


def _profile(body: bytes) -> bytes:
    """Return the profile of an iCCP chunk (name, 0, method, deflated data); b"" if broken."""
    _, _, deflated = body.partition(b"\0")
    return _inflate(deflated[1:], MOST_PROFILE) if deflated[:1] == b"\0" else b""


def _orientation(side: dict[bytes, bytes]) -> int:
    exif = side.get(b"eXIf", b"")
    if not exif:
        text = side.get(b"tEXt" + _RAW_EXIF, b"")[len(_RAW_EXIF) + 1 :]
        deflated = side.get(b"zTXt" + _RAW_EXIF, b"")[len(_RAW_EXIF) + 2 :]
        text = text or _inflate(deflated, 2 * MOST_EXIF)
        exif = _from_hex(text) if text else b""
    return orientation(exif, _xmp(side.get(b"iTXt" + _XMP, b"")[len(_XMP) + 1 :]))


def _xmp(body: bytes) -> bytes:
    """Return the text of an iTXt chunk: flag, method, two strings that end in 0, text."""
    fields = body[2:].split(b"\0", 2)
    if len(fields) < 3:
        return b""
    return _inflate(fields[2], MOST_EXIF) if body[0] else fields[2]


def _from_hex(text: bytes) -> bytes:
    """Decode a text of ImageMagick: hexadecimal after the lines for name and length; b"" if bad."""
    try:
        return bytes.fromhex(b"".join(text[: 2 * MOST_EXIF].split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def _inflate(deflated: bytes, most: int) -> bytes:
    """Inflate; return b"" if the data is broken or inflates to over ``most`` bytes."""
    inflater = zlib.decompressobj()
    try:
        out = inflater.decompress(deflated, most + 1)
    except zlib.error:
        return b""
    return out if inflater.eof and len(out) <= most else b""
