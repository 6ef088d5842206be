"""Read the size of the frames in HEVC data (ITU-T H.265, sections 7.3.1 to 7.3.2), and count them.

The decoder allocates memory by the sizes in this data, whatever size the container gives.
"""

from __future__ import annotations

from typing import NamedTuple

from indexer.errors import BadImage
from indexer.imaging.formats.bits import Bits
from indexer.imaging.formats.structure import MOST_SEGMENTS, broken

_SPS = 33  # the kind of a unit that gives the size of frames
_MOST_SIDE = 65_536
_FIRST_VCL, _LAST_VCL = 0, 31  # kinds of units with pixels


class Frames(NamedTuple):
    """The pixels of all frames together, of the largest frame, and the bytes per pixel."""

    pixels: int
    largest: int
    pixel_bytes: float


class Configuration(NamedTuple):
    """The content of an item's property ``hvcC``: the parameter sets, and the length of lengths."""

    sequences: list[bytes]
    length_bytes: int


class _Bits(Bits):
    """Reads the fields of a parameter set. Raises BadImage beyond the end."""

    def beyond_end(self) -> int:
        raise broken("HEIC", 0, "its parameter set is truncated")

    def golomb(self) -> int:
        """Read an Exp-Golomb number."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise broken("HEIC", 0, "its parameter set has a wrong number")
        return (1 << zeros) - 1 + self.read(zeros)


def read_configuration(data: bytes) -> Configuration:
    """Parse the content of a box ``hvcC``. Raises BadImage if it is truncated."""
    if len(data) < 23:
        raise broken("HEIC", len(data), "its decoder configuration is truncated")
    sequences: list[bytes] = []
    at = 23
    for _ in range(data[22]):
        head = data[at : at + 3]
        if len(head) < 3:
            raise broken("HEIC", len(data), "its decoder configuration is truncated")
        at += 3
        for _ in range(int.from_bytes(head[1:], "big")):
            size = int.from_bytes(data[at : at + 2], "big")
            unit = data[at + 2 : at + 2 + size]
            at += 2 + size
            if len(unit) < max(size, 2):
                raise broken("HEIC", len(data), "its decoder configuration is truncated")
            if unit[0] >> 1 & 63 == _SPS:
                sequences.append(unit)
    return Configuration(sequences, (data[21] & 3) + 1)


def frames_of(configuration: Configuration, data: bytes) -> Frames:
    """Count the frames in the data of an item, and return the size of the largest.

    Parameter sets may also be in the data. Raises BadImage if it has no frame or no size.
    """
    sequences = list(configuration.sequences)
    frames = at = 0
    step = configuration.length_bytes
    for _ in range(MOST_SEGMENTS):
        if at + step + 3 > len(data):
            break
        size = int.from_bytes(data[at : at + step], "big")
        unit = data[at + step : at + step + size]
        at += step + size
        if len(unit) < 3:
            continue
        kind = unit[0] >> 1 & 63
        if kind == _SPS:
            sequences.append(unit)
        elif _FIRST_VCL <= kind <= _LAST_VCL and unit[2] & 0x80:  # the first slice of a frame
            frames += 1
    else:
        raise BadImage(f"a HEIC photo in over {MOST_SEGMENTS} units")
    if not frames or not sequences:
        raise broken("HEIC", len(data), "it ends before its pixels")
    sizes = [_frame_size(unit) for unit in sequences[:16]]
    largest = max(pixels for pixels, _ in sizes)
    return Frames(frames * largest, largest, max(pixel_bytes for _, pixel_bytes in sizes))


def _frame_size(unit: bytes) -> tuple[int, float]:
    """Return the pixels of a frame, and the bytes per pixel, of a sequence parameter set."""
    # 00 00 03 stands for 00 00, so that no data looks like the start of a unit.
    bits = _Bits(unit[2:600].replace(b"\0\0\3", b"\0\0"))
    bits.read(4)
    layers = bits.read(3)  # of time, besides the first
    bits.read(1)
    _skip_profile(bits, layers)
    bits.golomb()
    chroma = bits.golomb()
    if chroma == 3:
        bits.read(1)
    width, height = bits.golomb(), bits.golomb()
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        raise broken("HEIC", len(unit), f"its frames are {width} x {height}")
    if bits.read(1):  # a part of the frame is cut off after decoding
        for _ in range(4):
            bits.golomb()
    depth = 8 + max(bits.golomb(), bits.golomb())
    samples = {0: 1.0, 1: 1.5, 2: 2.0}.get(chroma, 3.0)
    return width * height, samples * (1 if depth == 8 else 2)


def _skip_profile(bits: _Bits, layers: int) -> None:
    bits.read(88)
    bits.read(8)
    present = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.read(88 * has_profile + 8 * has_level)
