"""Fuzz the decoder with hostile pictures of each format: it must decode or refuse, within limits.

    python scripts/fuzz_images.py [--seconds 300] [--seed 0] [--largest 8000] [--keep FOLDER]

Files follow the rules of their format, except where a small file can demand much work: repeated
scans and frames, chunks that decompress to huge sizes, wrong sizes, thin and huge shapes, floods of
metadata. A third of the files also get flipped or missing bytes. Rules: the decoder raises nothing
but BadImage, and no file takes more CPU time than --cpu-s or more memory than the budget. Prints a
report as JSON; the exit status is 1 if a file breaks a rule, and --keep stores such files.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import io
import json
import random
import re
import struct
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_media import media
from machine import machine
from PIL import Image, ImageFile

from indexer.errors import BadImage
from indexer.imaging.decodebudget import BUDGET
from indexer.imaging.images import decode, inspect

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_SLACK_MB = 64  # memory beyond the budget, for the interpreter and the measurement
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--largest", type=int, default=8000, help="largest side of a square in pixels"
    )
    parser.add_argument(
        "--cpu-s", type=float, default=2.0, help="largest CPU time per file in seconds"
    )
    parser.add_argument("--keep", type=Path, help="folder for the files that break a rule")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ImageFile.MAXBLOCK = 1 << 22  # or Pillow's JPEG encoder fails for some thin shapes
    rng = random.Random(options.seed)
    results: Counter[str] = Counter()
    worst: dict[str, Any] = {"cpu_s": (0.0, ""), "peak_mb": (0.0, "")}
    problems: list[str] = []
    end = time.monotonic() + options.seconds
    number = 0
    names = list(BUILDERS)
    while time.monotonic() < end:
        name = names[number % len(names)] if number < 2 * len(names) else rng.choice(names)
        data = BUILDERS[name](rng, options.largest)
        if rng.random() < 1 / 3:
            name, data = f"{name}, bent", bent(data, rng)
        outcome, seconds, peak, wrong = tried(data, rng.choice((None, 320, 320)), options.cpu_s)
        results[outcome] += 1
        worst["cpu_s"] = max(worst["cpu_s"], (round(seconds, 2), name))
        worst["peak_mb"] = max(worst["peak_mb"], (round(peak), name))
        for rule in wrong:
            problems.append(f"{name}: {rule}")
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{number:06d}").write_bytes(data)
        number += 1
    report = {"machine": machine("pillow"), "files": number, **results, "worst": worst}
    print(json.dumps({**report, "problems": problems}, indent=2))
    return int(bool(problems))


def tried(data: bytes, side: int | None, cpu_s: float) -> tuple[str, float, float, list[str]]:
    """Decode a file; return its outcome, CPU seconds, peak MB, and the rules that it broke."""
    wrong: list[str] = []
    outcome = "read"
    before = _restarted_peak()
    start = time.process_time()
    try:
        inspect(data)
        pixels = decode(data, side=side)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            wrong.append(f"gives {pixels.dtype} {pixels.shape}")
    except BadImage as error:
        outcome = "refused"
        if "\n" in str(error):
            wrong.append(f"an error of several lines: {error}")
    except Exception as error:  # noqa: BLE001 - this is what the script looks for
        outcome = "failed"
        wrong.append(f"{type(error).__name__}: {error}")
    seconds = time.process_time() - start
    peak = max(0.0, _peak() - before)
    if seconds > cpu_s:
        wrong.append(f"takes {seconds:.2f} s")
    if peak > BUDGET.megabytes + _SLACK_MB:
        wrong.append(f"takes {peak:.0f} MB")
    return outcome, seconds, peak, wrong


def _restarted_peak() -> float:
    """Reset the peak of memory; return the MB in use, or 0 if the system does not report it."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return 0.0
    return _peak()


def _peak() -> float:
    if not _CLEAR.exists():
        return 0.0
    (line,) = [x for x in _STATUS.read_text("ascii").splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


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


# Parts of files


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


# JPEG


def jpeg(rng: random.Random, largest: int) -> bytes:
    """Return a JPEG: scans repeated, emptied or random, other frames, restarts, many segments."""
    mode = rng.choice(("RGB", "RGB", "L", "CMYK"))
    progressive = rng.random() < 0.6
    data = saved(
        "JPEG", *shape(rng, largest), mode, quality=40, progressive=progressive,
        subsampling=rng.choice((0, 2)),
    )  # fmt: skip
    scans = _scans(data)
    head, body = data[: scans[0][0]], [data[start:end] for start, end in scans]
    action = rng.randrange(9)
    if action == 0:
        body += [rng.choice(body)] * rng.choice((5, 60, 3000))
    elif action == 1:
        body = [scan[:20] + noise(rng, 100_000) for scan in body]
    elif action == 2:
        kind = rng.randrange(0xC0, 0xD0)
        offset = next(
            offset
            for offset in range(len(head))
            if head[offset : offset + 2] in (b"\xff\xc0", b"\xff\xc2")
        )
        head = head[: offset + 1] + bytes([kind]) + head[offset + 2 :]
    elif action == 3:
        body[0] = (
            b"\xff\xdd\0\4\0\1" + body[0][:20] + b"\xff\xd0\xff\xd1" * rng.choice((1, 100_000))
        )
    elif action == 4:
        app = rng.choice((b"\xff\xe1", b"\xff\xe2", b"\xff\xee", b"\xff\xfe", b"\xff\xdb"))
        text = rng.choice((b"", b"ICC_PROFILE\0\1\1", b"Adobe", b"\0" + bytes(64)))
        head += (app + struct.pack(">H", len(text) + 2) + text) * rng.choice((1, 300, 70_000))
    elif action == 5:
        bomb = exif_bomb(rng)
        head = (
            head[:2] + b"\xff\xe1" + struct.pack(">H", min(65535, len(bomb) + 2)) + bomb + head[2:]
        )
    elif action == 6:
        return head + b"".join(body)  # no end marker
    elif action == 7:
        return head + b"".join(body)[: rng.randrange(1, 2000)] + b"\xff\xd9" * rng.randrange(2)
    else:
        return data + data * rng.choice((1, 50))  # as a file of several pictures
    return head + b"".join(body) + b"\xff\xd9"


def _scans(data: bytes) -> list[tuple[int, int]]:
    """Return the start and end of each scan, including the tables before it."""
    found, offset, begin = [], 2, 2
    while data[offset + 1] != 0xD9:
        marker = data[offset + 1]
        end = offset + 2 + int.from_bytes(data[offset + 2 : offset + 4], "big")
        if marker == 0xDA:
            marker_behind = _MARKER.search(data, end)
            end = marker_behind.start() if marker_behind else len(data)
            found.append((begin, end))
            begin = end
        elif not found:
            begin = end
        offset = end
    return found


# PNG


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


# WebP


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


# GIF


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


# AVIF


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


# Unsupported formats


def foreign(rng: random.Random, largest: int) -> bytes:
    """Return a file of an unsupported format, which must be refused quickly."""
    kind = rng.choice(("BMP", "TIFF", "PPM", "ICO", "TGA", "PCX"))
    return saved(kind, 64, 64) + bytes(rng.choice((0, largest)))


BUILDERS: dict[str, Callable[[random.Random, int], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": webp,
    "gif": gif,
    "avif": avif,
    "avif, built": functools.partial(media, "AVIF"),
    "foreign": foreign,
}
if importlib.util.find_spec("pillow_heif"):
    BUILDERS["heic, built"] = functools.partial(media, "HEIC")

if __name__ == "__main__":
    sys.exit(main())
