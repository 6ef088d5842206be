"""Parse the segments and scans of a JPEG (ITU-T T.81, annex B).

A progressive JPEG refines the picture scan by scan, and a scan of a few bytes costs a pass over the
whole picture. So the samples of all passes are counted before decoding.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Sequence
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

MOST_SCANS = 64
"""The most scans of a picture; an ordinary progressive photo has about ten."""

MOST_SAMPLES = 1_100e6
"""The most samples of all scans together: 64 megapixels of CMYK with 4 scans have 1,024 million."""

_MOST_TABLES = 65_536  # bytes of tables before the first scan; photos have about 600
_INKS = 4  # components of CMYK
_ARITHMETIC = 8  # times slower than Huffman coding, measured
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
_PROGRESSIVE, _ARITHMETIC_FRAMES = {0xC2, 0xCA}, {0xC9, 0xCA}
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}  # markers that have no body
_SCAN, _END, _APP0, _EXIF, _ICC, _ADOBE = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
_ICC_MARK, _XMP_MARK = b"ICC_PROFILE\0", b"http://ns.adobe.com/xap/1.0/\0"
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # restart marks belong to the scan
_MOST_COLOR_SEGMENTS = 16  # JFIF and Adobe; photos have one of each
_PADDING = bytes(64)
# The decoder reads missing data as zeros; noise that begins with ones gives other pixels.
_NOISE = b"\xfe\xfe" + hashlib.shake_128(b"noise").digest(500).replace(b"\xff", b"\xfe")


class _Segment(NamedTuple):
    marker: int
    start: int  # of the marker
    body: int
    end: int


class _Scan(NamedTuple):
    components: tuple[int, ...]
    first: int  # coefficient, in zigzag order
    last: int
    missing_bits: int  # low bits, left to later scans


class _Frame(NamedTuple):
    marker: int
    width: int
    height: int
    samples: dict[int, int]  # of each component, by its id, rounded up to whole blocks


def walk_jpeg(data: bytes, limits: ImageLimits) -> Structure:
    """Parse the segments of a JPEG; of several pictures (MPO) the first.

    Raises BadImage if the file is broken, lossless or hierarchical, or has too many pixels or
    scans.
    """
    kept: list[bytes | memoryview] = [b"\xff\xd8"]
    side = _SideData()
    view = memoryview(data)
    tables = 0
    frame: _Frame | None = None
    for segment in _segments(data, 2):
        marker, start, body, end = segment
        if marker in _FRAMES:
            if frame is not None:
                raise broken("JPEG", len(data), "it has two frames, one is expected")
            frame = _frame(data, segment, limits)
        elif marker in _OTHER_FRAMES:
            raise BadImage(
                "a lossless or hierarchical JPEG is not supported; save it as an ordinary JPEG"
            )
        elif marker in _TABLES:
            tables += end - start
        elif marker == _SCAN:
            break
        elif not side.take(marker, view[body:end]):
            continue
        kept.append(view[start:end])
    else:
        raise broken("JPEG", len(data), "it ends before its pixels")
    if frame is None:
        raise broken("JPEG", len(data), "its scan comes before its size")
    if tables > _MOST_TABLES:
        raise broken(
            "JPEG", len(data), f"{tables} bytes of tables, at most {_MOST_TABLES} are read"
        )
    scans, finish = _scans(data, segment, frame)
    coefficient_bytes = 0
    if frame.marker in _PROGRESSIVE or len(scans[0].components) < len(frame.samples):
        coefficient_bytes = 2 * sum(frame.samples.values())
    probe: tuple[bytes | memoryview, ...] = ()
    if data[finish - 2 : finish] == b"\xff\xd9":
        kept.append(view[segment.start : finish])
    else:
        pixels = _unpadded(data[segment.start :])
        _check_work(frame, scans, passes=6)  # it is decoded three times, twice at full size
        _check_complete(len(data), frame, scans)
        probe = (*kept, pixels, _noise_after(pixels), b"\xff\xd9")
        kept += [pixels, b"\xff\xd9"]
    return Structure(
        "JPEG",
        frame.width,
        frame.height,
        tuple(kept),
        pixel_bytes=1 if len(frame.samples) == 1 else 4,
        fixed_bytes=coefficient_bytes,
        orientation=orientation(side.exif, side.xmp),
        profile=side.profile(),
        probe=probe,
    )


class _SideData:
    """The first EXIF, the first XMP and the color profile of a file."""

    def __init__(self) -> None:
        self.exif = self.xmp = b""
        self._profile: list[bytes] = []
        self._profile_size = 0
        self._color_segments = 0

    def take(self, marker: int, body: memoryview) -> bool:
        """Store a segment; return True if the decoder needs it to interpret the colors."""
        if marker in (_APP0, _ADOBE):
            self._color_segments += 1
            return self._color_segments <= _MOST_COLOR_SEGMENTS
        if marker == _EXIF:
            head = bytes(body[: len(_XMP_MARK)])
            if head.startswith(b"Exif\0\0"):
                self.exif = self.exif or bytes(body)
            elif head == _XMP_MARK:
                self.xmp = self.xmp or bytes(body[:MOST_EXIF])
        elif marker == _ICC and body[: len(_ICC_MARK)] == _ICC_MARK:
            self._profile_size += len(body)
            if self._profile_size <= MOST_PROFILE:
                self._profile.append(bytes(body[len(_ICC_MARK) :]))
        return False

    def profile(self) -> bytes:
        """Join the parts of the profile (ICC.1:2010, B.4); b"" if a part is missing."""
        parts = sorted(self._profile)
        if not parts or len(parts[0]) < 2 or parts[0][1] != len(parts):
            return b""
        return b"".join(part[2:] for part in parts)


def _segments(data: bytes, start: int) -> Iterator[_Segment]:
    """Yield the segments from ``start`` to the end mark; skip junk, as libjpeg does."""
    for _ in range(MOST_SEGMENTS):
        found = _MARKER.search(data, start)
        if found is None or data[found.start() + 1] == _END:
            return
        start = found.end()
        marker = data[start - 1]
        if marker in _WITHOUT_LENGTH:
            continue
        end = start + int.from_bytes(data[start : start + 2], "big")
        if end < start + 2 or end > len(data):
            raise broken("JPEG", len(data), "a segment is truncated")
        yield _Segment(marker, start - 2, start + 2, end)
        start = end
    raise broken("JPEG", len(data), f"it has over {MOST_SEGMENTS} segments before its pixels")


def _frame(data: bytes, segment: _Segment, limits: ImageLimits) -> _Frame:
    body = data[segment.body : segment.end]
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or not body[5]:
        raise broken("JPEG", len(data), "its frame header is truncated")
    height, width = struct.unpack_from(">HH", body, 1)
    if not height:
        raise BadImage(
            "a JPEG with its height after its pixels (DNL) is not supported; save it again"
        )
    check_size("JPEG", width, height, limits)
    factors = {}
    for at in range(6, 6 + 3 * body[5], 3):
        across, down = body[at + 1] >> 4, body[at + 1] & 15
        if not (1 <= across <= 4 and 1 <= down <= 4):
            raise broken("JPEG", len(data), f"it has a sampling factor of {across} x {down}")
        factors[body[at]] = across, down
    wide = 8 * max(across for across, _ in factors.values())
    high = 8 * max(down for _, down in factors.values())
    units = -(-width // wide) * -(-height // high)
    samples = {
        component: 64 * units * across * down for component, (across, down) in factors.items()
    }
    return _Frame(segment.marker, width, height, samples)


def _scans(data: bytes, first: _Segment, frame: _Frame) -> tuple[list[_Scan], int]:
    """Return all scans, and the offset where the picture ends: len(data) without an end mark."""
    scans = [_scan(data, first)]
    at = first.end
    _check_work(frame, scans)
    for _ in range(MOST_SEGMENTS):
        found = _MARKER_IN_SCAN.search(data, at)
        if found is None:
            return scans, len(data)
        at = found.end()
        marker = data[at - 1]
        if marker == _END:
            return scans, at
        if marker in _WITHOUT_LENGTH:
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        if marker == _SCAN:
            scans.append(_scan(data, _Segment(marker, at - 2, at + 2, end)))
            _check_work(frame, scans)
        at = end
    raise broken("JPEG", len(data), f"it has over {MOST_SEGMENTS} segments within its pixels")


def _scan(data: bytes, segment: _Segment) -> _Scan:
    body = data[segment.body : segment.end]
    if not body or len(body) < 4 + 2 * body[0]:
        raise broken("JPEG", len(data), "a scan header is truncated")
    first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
    return _Scan(tuple(body[1 : 1 + 2 * body[0] : 2]), first, last, bits & 15)


def _check_work(frame: _Frame, scans: Sequence[_Scan], passes: int = 1) -> None:
    size = f"JPEG of {frame.width} x {frame.height}"
    if len(scans) > MOST_SCANS:
        raise BadImage(
            f"too much work: {size} has over {MOST_SCANS} scans; save it as an ordinary JPEG"
        )
    work = sum(frame.samples.get(component, 0) for scan in scans for component in scan.components)
    if passes > 1 and len(frame.samples) == _INKS:  # each pass converts all pixels from CMYK
        work = max(work, _INKS * frame.width * frame.height)
    if frame.marker in _ARITHMETIC_FRAMES:
        work *= _ARITHMETIC
    if passes * work > MOST_SAMPLES:
        raise BadImage(
            f"too much work: {size} in {len(scans)} scans has {work / 1e6:.0f} million samples, "
            f"at most {MOST_SAMPLES / 1e6 / passes:.0f} million are read"
            f"{' without an end mark' if passes > 1 else ''}; save it smaller or with fewer scans"
        )


def _check_complete(size: int, frame: _Frame, scans: Sequence[_Scan]) -> None:
    """Raise BadImage if a file without an end mark lacks a scan, or low bits of a coefficient."""
    progressive = frame.marker in _PROGRESSIVE
    lacking = {
        (component, coefficient)
        for component in frame.samples
        for coefficient in (range(64) if progressive else (0,))
    }
    for scan in scans:
        if not (progressive and scan.missing_bits):
            coded = range(scan.first, scan.last + 1) if progressive else (0,)
            lacking -= {
                (component, coefficient) for component in scan.components for coefficient in coded
            }
    if lacking:
        raise broken("JPEG", size, "it ends before its last scan")


def _unpadded(pixels: bytes) -> bytes:
    """Strip zero padding, as disks and downloads add it; never end in half a marker."""
    if pixels.endswith(_PADDING):
        pixels = pixels.rstrip(b"\0")
    return pixels + b"\0" if pixels.endswith(b"\xff") else pixels


def _noise_after(pixels: bytes) -> bytes:
    """Return noise to append to coded data: decoded as pixels only if the data is incomplete.

    It holds every restart mark, so that it counts wherever the data was cut.
    """
    last = max(range(8), key=lambda number: pixels.rfind(bytes([0xFF, 0xD0 + number])))
    if bytes([0xFF, 0xD0 + last]) not in pixels:
        last = 7
    marks = [bytes([0xFF, 0xD0 + (last + step) % 8]) for step in range(1, 17)]
    return 4 * _NOISE + b"".join(mark + _NOISE for mark in marks)
