"""Build hostile WebP files: many frames, contradictory sizes, thousands of codes."""

from __future__ import annotations

import functools
import random
import struct

import numpy as np
from fuzz_parts import exif_bomb, saved, shape


def webp(rng: random.Random, largest: int) -> bytes:
    """Return a WebP with many canvases and frames, contradictory sizes, metadata, or many codes."""
    width, height = (min(side, 16_383) for side in shape(rng, largest))
    lossless = rng.random() < 0.5
    plain = saved("WEBP", width, height, "RGB", lossless=lossless, quality=30, method=0)
    pixels = plain[12:]
    action = rng.randrange(6)
    if action == 0:
        return many_codes(rng.choice((1, 100, 65_536)), rng.choice((64, 1024)))
    if action == 1:
        wide, high = rng.choice(((width, height), (16_384, 16_384), (1, 1)))
        canvas = _canvas(0x02, wide, high) + _webp_chunk(b"ANIM", bytes(6))
        frame = bytes(6) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body = canvas + _webp_chunk(b"ANMF", frame + bytes(4) + pixels) * rng.choice((1, 5, 200))
    elif action == 2:
        side = [_webp_chunk(b"EXIF", exif_bomb(rng)), _webp_chunk(b"ICCP", rng.randbytes(500))]
        body = _canvas(0x2C, width, height) + side[1] + pixels + side[0] * rng.choice((1, 90))
    elif action == 3:
        claim = 0x2F | rng.randrange(1 << 28) << 8
        body = (
            pixels[:8] + (claim.to_bytes(5, "little") if lossless else pixels[8:13]) + pixels[13:]
        )
    elif action == 4:
        alpha = _webp_chunk(b"ALPH", bytes([rng.randrange(64)]) + rng.randbytes(50))
        body = _canvas(0x10, width, height) + alpha + pixels
    else:
        body = pixels + _webp_chunk(b"junk", bytes(3)) * rng.choice((0, 1, 70_000))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _canvas(flags: int, width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return _webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


@functools.lru_cache(maxsize=8)
def many_codes(codes: int, side: int) -> bytes:
    """Return a lossless WebP with a separate code (5 kB of memory) per block of 4 x 4 pixels."""
    bits: list[int] = []

    def put(value: int, count: int) -> None:
        bits.extend(value >> shift & 1 for shift in range(count))

    def flat_code(symbols: int) -> None:  # 256 symbols of 8 bits
        put(0, 1)
        put(8, 4)
        for symbol in (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8):
            put(symbol in (0, 8), 3)
        put(0, 1)
        for symbol in range(symbols):
            put(symbol < 256, 1)

    put(0x2F, 8)
    put(side - 1, 14)
    put(side - 1, 14)
    put(0b001000000, 9)  # no transform, no cache; codes per block of 4 x 4
    flat_code(280)
    flat_code(256)
    for _ in range(3):
        put(1, 4)
    for block in range((side // 4) ** 2):
        put(block % codes, 16)
    bits.extend([1, 0, 0, 0] * 5 * 65_536)
    body = np.packbits(np.array(bits, dtype=np.uint8), bitorder="little").tobytes() + bytes(8)
    chunk = _webp_chunk(b"VP8L", body)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
