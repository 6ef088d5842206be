"""Build hostile GIF files, and files of formats that are not supported."""

from __future__ import annotations

import random
import struct

from fuzz_parts import saved, shape


def gif(rng: random.Random, largest: int) -> bytes:
    """Return a GIF with thousands of frames, frames outside the screen, or many comments."""
    data = saved("GIF", *shape(rng, largest), "P")
    offset = data.index(b",", 13 + (3 << (data[10] & 7) + 1 if data[10] & 128 else 0))
    head, frame = data[:offset], data[offset:-1]
    action = rng.randrange(5)
    if action == 0:
        frame *= rng.choice((2, 50, 2000)) if len(frame) < 5000 else 2
    elif action == 1:
        places = [rng.choice((0, 1, 300, 65535)) for _ in range(4)]
        frame = b"," + struct.pack("<4H", *places) + frame[9:]
    elif action == 2:
        kind = rng.choice((b"\xfe", b"\xf9", b"\xff"))
        head += b"!" + kind + b"\1a" * rng.choice((1, 1000, 100_000)) + b"\0"
    elif action == 3:
        head += rng.choice((b"!\xfe\0", b"\0", b"!\xf9\4\1\0\0\0\0")) * rng.choice((1, 300_000))
    else:
        head = head[:6] + struct.pack("<HH", *rng.choices((0, 1, 9000, 65535), k=2)) + head[10:]
    return head + frame + b";"


def foreign(rng: random.Random, largest: int) -> bytes:
    """Return a file of an unsupported format, which must be refused quickly."""
    kind = rng.choice(("BMP", "TIFF", "PPM", "ICO", "TGA", "PCX"))
    return saved(kind, 64, 64) + bytes(rng.choice((0, largest)))
