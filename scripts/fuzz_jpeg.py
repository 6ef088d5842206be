"""Build hostile JPEG files: scans repeated, emptied or random, floods of segments."""

from __future__ import annotations

import random
import re
import struct

from fuzz_parts import exif_bomb, noise, saved, shape

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


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
