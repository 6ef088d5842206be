"""Build hostile PNG files: chunks that unpack to huge sizes, every depth, thin shapes."""

from __future__ import annotations

import functools
import random
import struct
import zlib

from fuzz_parts import exif_bomb, shape


def png(rng: random.Random, largest: int) -> bytes:
    """Return a PNG of any depth and color type, interlaced or not, with chunks that break rules."""
    width, height = shape(rng, largest)
    if rng.random() < 0.1:
        width, height = rng.choice(((1, 64_000_000), (64_000_000, 1), (2**31, 2**31), (0, 5)))
    color = rng.choice((0, 2, 3, 4, 6))
    depth = rng.choice({0: (1, 2, 4, 8, 16), 3: (1, 2, 4, 8)}.get(color, (8, 16)))
    row = 1 + -(-width * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color] * depth // 8)
    pixels = _deflated(row, height) if row * height < 600e6 else zlib.compress(bytes(1000))
    chunks = [(b"PLTE", bytes(range(256)) * 3)] if color == 3 else []
    action = rng.randrange(8)
    if action == 0:
        chunks += [(b"zTXt", b"k\0\0" + _deflated(1_000_000, 50))] * rng.choice((1, 20, 200))
    elif action == 1:
        chunks.append((b"iCCP", b"p\0\0" + _deflated(1_000_000, rng.choice((1, 3, 200)))))
    elif action == 2:
        chunks += [(rng.choice((b"tEXt", b"teST", b"tIME")), b"a\0b")] * rng.choice((1, 70_000))
    elif action == 3:
        chunks.append((b"tRNS", rng.randbytes(rng.choice((0, 1, 2, 6, 256, 5000)))))
    elif action == 4:
        chunks.append((b"eXIf", exif_bomb(rng)[6:]))
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + _deflated(1_000_000, 90)))
    elif action == 5:
        chunks.append((b"acTL", struct.pack(">II", rng.choice((1, 2**31 - 1)), 0)))
        frame = struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 1, 0, 0)
        chunks += [(b"fcTL", frame)] * rng.choice((1, 5000))
    step = rng.choice((len(pixels), 8192, 1)) if len(pixels) < 100_000 else len(pixels)
    chunks += [(b"IDAT", pixels[start : start + step]) for start in range(0, len(pixels), step)]
    header = struct.pack(">IIBBBBB", width % 2**32, height % 2**32, depth, color, 0, 0, action == 6)
    parts = [b"\x89PNG\r\n\x1a\n", _png_chunk(b"IHDR", header)]
    parts += [_png_chunk(kind, body, damaged=rng.random() < 0.01) for kind, body in chunks]
    return b"".join(parts) + _png_chunk(b"IEND", b"") * (action != 7)


@functools.lru_cache(maxsize=64)
def _deflated(row: int, rows: int) -> bytes:
    """Return compressed rows of zeros with the most expensive filter (Paeth)."""
    packer = zlib.compressobj(6)
    at_once = max(1, 1_000_000 // row)
    line = b"\4" + bytes(row - 1)
    done = [packer.compress(line * min(at_once, rows - start)) for start in range(0, rows, at_once)]
    return b"".join(done) + packer.flush()


def _png_chunk(kind: bytes, body: bytes, *, damaged: bool = False) -> bytes:
    check = zlib.crc32(kind + body) ^ damaged
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)
