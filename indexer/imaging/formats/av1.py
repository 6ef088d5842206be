"""Count the frames in AV1 data (AV1 Bitstream & Decoding Process, sections 5.3 to 5.9).

The decoder allocates memory by the sizes in this data, whatever size the container gives.
"""

from __future__ import annotations

from typing import NamedTuple

from indexer.imaging.formats.bits import Bits
from indexer.imaging.formats.structure import MOST_SEGMENTS, broken

_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6
_SELECT = 2  # each frame says whether it uses the tool
_SWITCH_FRAME = 3


class Frames(NamedTuple):
    """The pixels of all frames together, of the largest frame, and the bytes per pixel."""

    pixels: int
    largest: int
    pixel_bytes: float


class _Sequence(NamedTuple):
    pixels: int
    pixel_bytes: float
    reduced: bool  # a still picture with a short header
    time_bits: int  # of a frame's presentation time, 0 without one
    id_bits: int  # of a frame's id, 0 without one
    screen: int  # whether frames use screen content tools, or _SELECT
    integer_motion: int


def frames_within(data: bytes) -> Frames:
    """Count the frames of an item.

    Raises BadImage if it has no frame, or if a frame has another size than the sequence.
    """
    sequence: _Sequence | None = None
    count = pixels = 0
    at = 0
    for _ in range(MOST_SEGMENTS):
        if at >= len(data):
            break
        kind, start, end = _unit(data, at)
        if kind == _SEQUENCE:
            sequence = _sequence(data[start : min(end, start + 200)])
            pixels = max(pixels, sequence.pixels)
        elif kind in (_FRAME_HEADER, _FRAME):
            count += 1
            if sequence is None or _has_own_size(data[start : start + 16], sequence):
                raise broken("AVIF", len(data), "a frame has another size than its sequence header")
        at = end
    else:
        raise broken("AVIF", len(data), f"it has over {MOST_SEGMENTS} AV1 units")
    if sequence is None or not count:
        raise broken("AVIF", len(data), "it ends before its pixels")
    return Frames(count * pixels, pixels, sequence.pixel_bytes)


def _unit(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the type of a unit (OBU), and the start and end of its body."""
    head = data[at]
    start = at + 2 if head & 4 else at + 1
    if not head & 2:
        return head >> 3 & 15, start, len(data)
    length = 0
    for position in range(8):
        byte = data[start] if start < len(data) else 0
        length |= (byte & 127) << 7 * position
        start += 1
        if byte < 128:
            break
    return head >> 3 & 15, start, start + length


def _sequence(data: bytes) -> _Sequence:
    bits = Bits(data)
    profile = bits.read(3)
    bits.read(1)
    reduced = bool(bits.read(1))
    time_bits = 0
    if reduced:
        bits.read(5)
    else:
        time_bits = _timing(bits)
    wide, high = bits.read(4) + 1, bits.read(4) + 1
    pixels = (bits.read(wide) + 1) * (bits.read(high) + 1)
    id_bits, screen, integer_motion = 0, _SELECT, _SELECT
    if not reduced and bits.read(1):
        length = bits.read(4) + 2
        id_bits = length + bits.read(3) + 1
    bits.read(3)
    if not reduced:
        bits.read(4)
        if bits.read(1):
            bits.read(2)
        screen = _SELECT if bits.read(1) else bits.read(1)
        if screen and not bits.read(1):
            integer_motion = bits.read(1)
    bits.read(3)
    deep = bits.read(1)
    samples = 1.5 if profile == 0 else 3.0
    return _Sequence(
        pixels, samples * (2 if deep else 1), reduced, time_bits, id_bits, screen, integer_motion
    )


def _timing(bits: Bits) -> int:
    """Skip timing and operating points; return the bits of a frame's presentation time."""
    time_bits = delay = 0
    model = equal = 0
    if bits.read(1):
        bits.read(64)
        equal = bits.read(1)
        if equal:
            zeros = 0
            while zeros < 32 and not bits.read(1):
                zeros += 1
            bits.read(zeros)
        model = bits.read(1)
        if model:
            delay = bits.read(5) + 1
            bits.read(37)
            time_bits = bits.read(5) + 1
    shown = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if model and bits.read(1):
            bits.read(2 * delay + 1)
        if shown and bits.read(1):
            bits.read(4)
    return 0 if equal else time_bits


def _has_own_size(data: bytes, sequence: _Sequence) -> bool:
    """Return True if a frame header gives its frame a size of its own."""
    if sequence.reduced:
        return False
    bits = Bits(data)
    if bits.read(1):  # shows an existing frame
        return False
    kind, shown = bits.read(2), bits.read(1)
    if shown:
        bits.read(sequence.time_bits)
    else:
        bits.read(1)
    if not (kind == _SWITCH_FRAME or (kind == 0 and shown)):
        bits.read(1)
    bits.read(1)
    screen = bits.read(1) if sequence.screen == _SELECT else sequence.screen
    if screen and sequence.integer_motion == _SELECT:
        bits.read(1)
    bits.read(sequence.id_bits)
    return kind == _SWITCH_FRAME or bool(bits.read(1))
