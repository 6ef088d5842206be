"""Build hostile HEIC and AVIF files from boxes: lying sizes, grids, references, transformations."""

from __future__ import annotations

import functools
import io
import random
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from PIL import Image

from indexer.imaging.formats.isobmff import MediaFile

_BRANDS = {
    "HEIC": b"heic\0\0\0\0mif1heic",
    "AVIF": b"avif\0\0\0\0avifmif1miaf",
}
_CODED = {"HEIC": b"hvc1", "AVIF": b"av01"}
_CONFIGURATION = {"HEIC": b"hvcC", "AVIF": b"av1C"}
_ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"
_SIDES = (1, 64, 1000, 16_000, 20_000, 32_768, 2**31, 2**32 - 1)


class Item(NamedTuple):
    """An item of a file: its kind, properties (complete boxes), data and references."""

    kind: bytes
    properties: list[bytes]
    data: bytes = b""
    refers: tuple[tuple[bytes, list[int]], ...] = ()


def media(kind: str, rng: random.Random, largest: int) -> bytes:
    """Return a HEIC or AVIF with a random structure; some are valid."""
    side = rng.choice((64, 64, 64, 600, largest // 2))
    configuration, data = coded_picture(kind, side)
    plain = Item(_CODED[kind], [configuration, ispe(side, side)], data)
    return media_file(kind, rng.choice(_STRUCTURES)(plain, side, rng), rng)


def _grid(plain: Item, side: int, rng: random.Random) -> list[Item]:
    """Return a grid whose size, tiles and references do not agree."""
    rows, columns = rng.choice(((1, 1), (2, 3), (16, 16), (1, 200), (100, 100), (256, 256)))
    width, height = rng.choice(((side * columns, side * rows), (64, 64), (20_000, 20_000)))
    claimed = rng.choice(((width, height), (side, side), rng.choices(_SIDES, k=2)))
    tiles = rng.choice((1, 1, min(rows * columns, 300)))
    count = rng.choice((min(rows * columns, 65_535), 1, 2000))
    refers = [2 + number % tiles for number in range(count)]
    wide = rng.random() < 0.8
    body = struct.pack(
        ">BBBBII" if wide else ">BBBBHH", 0, wide, rows - 1, columns - 1,
        min(width, 2**32 - 1 if wide else 65_535), min(height, 2**32 - 1 if wide else 65_535),
    )  # fmt: skip
    first = Item(b"grid", [ispe(*claimed)], body[: rng.choice((99, 99, 5))], ((b"dimg", refers),))
    return [first, *[plain] * tiles]


def _overlay(plain: Item, side: int, rng: random.Random) -> list[Item]:
    """Return pictures laid over each other, on a canvas of another size, several levels deep."""
    levels, each = rng.choice(((1, 1), (1, 500), (3, 10), (200, 1)))
    items = []
    for level in range(levels):
        width, height = rng.choice(((side, side), rng.choices(_SIDES, k=2)))
        body = struct.pack(">BB4HII", 0, 1, 0, 0, 0, 65_535, width, height) + bytes(8 * each)
        refers = [level + 2] * each
        composed = rng.choice((b"iovl", b"iovl", b"iden", b"grid"))
        items.append(Item(composed, [ispe(side, side)], body, ((b"dimg", refers),)))
    return [*items, plain]


def _transformed(plain: Item, side: int, rng: random.Random) -> list[Item]:
    """Return a picture that is cut, turned and mirrored, often or by wrong sizes."""
    cut = struct.pack(">8I", *rng.choices((0, 1, side, 20_000, 2**32 - 1), k=8))
    boxes = [
        box(b"irot", bytes([rng.randrange(256)])),
        box(b"imir", bytes([rng.randrange(2)])),
        box(b"clap", rng.choice((cut, struct.pack(">8I", side, 1, side // 2, 1, 0, 1, 0, 1)))),
        full(b"iscl", struct.pack(">4H", 60_000, 1, 60_000, 1)),
        box(b"pasp", struct.pack(">2I", 2**31, 1)),
    ]
    more = rng.choices(boxes, k=rng.choice((1, 2, 100)))
    items = [plain._replace(properties=plain.properties + more)]
    chain = rng.choice((0, 0, 1, 300))
    for number in range(chain):
        refers = ((b"dimg", [number + 2]),)
        items.insert(0, Item(b"iden", [ispe(side, side), *more[:2]], b"", refers))
    return items


def _auxiliary(plain: Item, side: int, rng: random.Random) -> list[Item]:
    """Return a picture with masks, thumbnails and items of unknown kinds."""
    items = [plain]
    for number in range(rng.choice((1, 3, 400))):
        refers = (
            (rng.choice((b"auxl", b"thmb", b"cdsc", b"dimg")), [rng.choice((1, number + 1))]),
        )
        other = rng.choice((plain.kind, plain.kind, b"mski", b"unci", b"jpeg", b"tmap", b"Exif"))
        properties = [*plain.properties[:1], ispe(*rng.choice(((side, side), (20_000, 20_000))))]
        properties.append(full(b"auxC", _ALPHA))
        data = rng.choice((plain.data, rng.randbytes(40)))
        items.append(Item(other, properties, data, refers))
    return items


def _sized(plain: Item, side: int, rng: random.Random) -> list[Item]:
    """Return a picture of another size than claimed, with several configurations or frames."""
    kind = "HEIC" if plain.kind == _CODED["HEIC"] else "AVIF"
    other, data = coded_picture(kind, rng.choice((64, 2000)))
    properties = [plain.properties[0], ispe(*rng.choices((*_SIDES, side), k=2))]
    properties += rng.choice(([], [other], [ispe(side, side)], plain.properties * 50))
    return [Item(plain.kind, properties, rng.choice((plain.data, data, plain.data * 50, b"")))]


_STRUCTURES: list[Callable[[Item, int, random.Random], list[Item]]] = [
    _grid, _overlay, _transformed, _auxiliary, _sized,
]  # fmt: skip


@functools.lru_cache(maxsize=16)
def coded_picture(kind: str, side: int) -> tuple[bytes, bytes]:
    """Return the decoder configuration (a box) and the coded data of a square of one color."""
    out = io.BytesIO()
    image = Image.new("RGB", (side, side), (200, 30, 30))
    if kind == "HEIC":
        import pillow_heif

        pillow_heif.from_pillow(image).save(out, quality=10)
    else:
        image.save(out, "AVIF", speed=10, quality=10)
    data = out.getvalue()
    file = MediaFile(kind, data)
    boxes = file.properties()[file.primary]
    (found,) = [at for at in boxes if at.kind == _CONFIGURATION[kind]]
    return data[found.start : found.end], file.coded({file.primary})[file.primary]


def media_file(kind: str, items: Sequence[Item], rng: random.Random | None = None) -> bytes:
    """Return a file of these items, numbered from 1; the first is the picture.

    With ``rng``, a few sizes, counts and positions are wrong.
    """
    wrong = rng.choice(("", "", "", "size", "count", "offset", "twice")) if rng and items else ""
    brand = box(b"ftyp", _BRANDS[kind])
    at = len(brand) + 8
    mdat, locations, entries, associations, references = b"", b"", b"", b"", b""
    listed: list[bytes] = []
    for number, item in enumerate(items, 1):
        offset = at + len(mdat) if wrong != "offset" else 2**31
        length = len(item.data) if wrong != "size" else 2**32 - 1
        locations += struct.pack(">HHHHII", number, 0, 0, 1, offset, length)
        if number == 1 or item.data not in mdat:
            mdat += item.data
        else:
            locations = locations[:-8] + struct.pack(">II", at + mdat.index(item.data), length)
        entries += full(b"infe", struct.pack(">HH4s", number, 0, item.kind) + b"\0", version=2)
        indices = []
        for content in item.properties[:255]:
            if content not in listed:
                listed.append(content)
            indices.append(min(127, listed.index(content) + 1))
        associations += struct.pack(">HB", number, len(indices)) + bytes(indices)
        for name, to in item.refers:
            ids = b"".join(struct.pack(">H", other) for other in to)
            references += box(name, struct.pack(">HH", number, len(to)) + ids)
    count = len(items) if wrong != "count" else 65_535
    counted = struct.pack(">H", count)
    boxes = [
        full(b"hdlr", struct.pack(">I4s", 0, b"pict") + bytes(13)),
        full(b"pitm", struct.pack(">H", 1)),
        full(b"iloc", b"\x44\0" + counted + locations, version=1),
        full(b"iinf", counted + entries),
        full(b"iref", references),
        box(
            b"iprp",
            box(b"ipco", b"".join(listed))
            + full(b"ipma", struct.pack(">I", count) + associations) * (1 + (wrong == "twice")),
        ),
    ]
    return brand + box(b"mdat", mdat) + full(b"meta", b"".join(boxes))


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box (ISO/IEC 14496-12, 4.2)."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def full(kind: bytes, content: bytes, version: int = 0) -> bytes:
    """Return a box that begins with a version, and no flags."""
    return box(kind, struct.pack(">I", version << 24) + content)


def ispe(width: int, height: int) -> bytes:
    """Return the property with the size of a picture."""
    return full(b"ispe", struct.pack(">II", width, height))
