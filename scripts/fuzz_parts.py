"""Shapes, metadata and damage that hostile picture files of several formats share."""

from __future__ import annotations

import functools
import io
import random
import struct
from typing import Any

import numpy as np
from PIL import Image


@functools.lru_cache(maxsize=64)
def saved(kind: str, width: int, height: int, mode: str = "RGB", **options: Any) -> bytes:
    """Return a picture file of one color, or of noise if it is small."""
    image = Image.new(mode, (width, height), 77 if mode in ("L", "P", "1") else None)
    if width * height < 90_000 and mode == "RGB":
        noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
        image = Image.fromarray(noise)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def shape(rng: random.Random, largest: int) -> tuple[int, int]:
    """Return a random width and height: small, square and large, or thin."""
    side = rng.choice((1, 9, 30, 200, 200, 200, 200, 1200, largest))
    return rng.choice(((side, side), (side, side), (1, 5 * side), (side, max(1, side // 40))))


def exif_bomb(rng: random.Random) -> bytes:
    """Return an EXIF directory in which all entries refer to the same large block."""
    count = rng.choice((1, 100, 5000))
    entries = b"".join(struct.pack(">HHII", tag, 7, 60_000, 8) for tag in range(count))
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", count) + entries + bytes(4)


def noise(rng: random.Random, most: int) -> bytes:
    """Return random bytes without 255, which would start a marker."""
    return rng.randbytes(rng.randrange(1, most)).replace(b"\xff", b"\xfe")


def bent(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, remove or repeat a few bytes, mostly near the beginning."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 10))):
        offset = rng.randrange(min(len(out), rng.choice((64, 1000, 10**9))) or 1)
        length = rng.choice((1, 2, 4, 16, 300))
        action = rng.randrange(4)
        if action == 0 and offset < len(out):
            out[offset] ^= 1 << rng.randrange(8)
        elif action == 1:
            out[offset : offset + length] = rng.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * length
        elif action == 2:
            del out[offset : offset + length]
        else:
            out[offset:offset] = out[offset : offset + length]
    return bytes(out)
