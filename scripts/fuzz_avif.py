"""Damage AVIF files that Pillow wrote: sizes, frames, items and sequences."""

from __future__ import annotations

import functools
import io
import random
import struct

from fuzz_parts import saved, shape
from PIL import Image


def avif(rng: random.Random, largest: int) -> bytes:
    """Return an AVIF with wrong sizes, repeated frames and items, sequences, or metadata."""
    width, height = shape(rng, largest)
    mode = rng.choice(("RGB", "RGBA", "L"))
    data = saved(
        "AVIF", max(width, 2), max(height, 2), mode, speed=10, quality=50,
        subsampling=rng.choice(("4:4:4", "4:2:0")) if mode != "L" else "4:0:0",
    )  # fmt: skip
    action = rng.randrange(5)
    if action == 0:
        offset = data.index(b"ispe") + 8
        sides = struct.pack(">II", *rng.choices((1, 64, 20_000, 2**31), k=2))
        return data[:offset] + sides + data[offset + 8 :]
    if action == 1:  # append frames to the last item
        offset = data.index(b"mdat") + 4
        return _longer_items(data, data[offset:] * rng.choice((1, 20, 2000)))
    if action == 2:
        return _animation(min(width, 200), min(height, 200), rng.choice((2, 20)))
    if action == 3:
        offset = data.index(b"iinf")
        return data[: offset + 8] + rng.randbytes(2) + data[offset + 10 :]
    return data + struct.pack(">I4s", 8, b"free") * rng.choice((1, 5000))


def _longer_items(data: bytes, more: bytes) -> bytes:
    """Append ``more`` to the file, and extend the length of its last item by that."""
    offset = data.index(b"iloc")
    end = offset - 4 + int.from_bytes(data[offset - 4 : offset], "big")
    (length,) = struct.unpack_from(">I", data, end - 4)
    longer = struct.pack(">I", length + len(more))
    return data[: end - 4] + longer + data[end:] + more


@functools.lru_cache(maxsize=8)
def _animation(width: int, height: int, frames: int) -> bytes:
    pictures = [
        Image.new("RGB", (max(2, width), max(2, height)), (red, 9, 9)) for red in range(frames)
    ]
    out = io.BytesIO()
    pictures[0].save(out, "AVIF", save_all=True, append_images=pictures[1:], speed=10)
    return out.getvalue()
