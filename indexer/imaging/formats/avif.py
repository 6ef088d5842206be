"""Parse the boxes and items of an AVIF (ISO/IEC 14496-12, 23008-12; AV1 Image File Format).

Only the still picture of a sequence reaches the decoder. Its cost is computed from the AV1 data of
every item that may be decoded: tiles of a grid, alpha, thumbnails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from indexer.errors import BadImage
from indexer.imaging.formats.av1 import frames_within
from indexer.imaging.formats.structure import (
    ImageLimits,
    Structure,
    broken,
    check_size,
    check_work,
)

_MOST_BOXES = 4096  # per level; a file has about ten, plus one for each property
_MOST_ITEMS = 1024  # 50 megapixels in tiles of 512 x 512 pixels are 200 items
_OUTPUT_BYTES = 8  # per pixel: the decoder's copy and the picture
_UNIQUE = {b"pitm", b"iinf", b"iloc", b"iprp", b"iref", b"idat"}


class _Box(NamedTuple):
    kind: bytes
    start: int
    body: int
    end: int


class _Item(NamedTuple):
    id: int
    kind: bytes
    kind_at: int  # offset of ``kind`` in the file


def walk_avif(data: bytes, limits: ImageLimits) -> Structure:
    """Parse the boxes of an AVIF and the AV1 data of its items.

    Raise BadImage if the file is broken, has no still picture, or has too many pixels.
    """
    return _Walk(data).structure(limits)


class _Numbers:
    """Read successive integers of a box; raise BadImage beyond its end."""

    def __init__(self, data: bytes, box: _Box) -> None:
        self._data = data
        self.at = box.body
        self._end = box.end
        head = self.read(4)
        self.version, self.flags = head >> 24, head & 0xFFFFFF

    def read(self, size: int) -> int:
        """Read the next number, of ``size`` bytes."""
        if self.at + size > self._end:
            raise broken("AVIF", len(self._data), "a box is truncated")
        self.at += size
        return int.from_bytes(self._data[self.at - size : self.at], "big")


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def structure(self, limits: ImageLimits) -> Structure:
        """See ``walk_avif``."""
        top = list(self._boxes(0, len(self._data)))
        metas = [box for box in top if box.kind == b"meta"]
        if len(metas) != 1:
            raise BadImage(
                f"an AVIF with {len(metas)} still pictures, expected one; save it as a still "
                "picture"
            )
        boxes: dict[bytes, _Box] = {}
        for box in self._boxes(metas[0].body + 4, metas[0].end):
            if box.kind in _UNIQUE and box.kind in boxes:
                raise self._broken(f"two boxes {box.kind!r}")
            boxes[box.kind] = box
        if not boxes.keys() >= {b"pitm", b"iinf", b"iloc", b"iprp"}:
            raise self._broken("it ends before its pixels")
        items = self._items(boxes[b"iinf"])
        width, height = self._extent(boxes[b"iprp"], self._primary(boxes[b"pitm"]))
        check_size("AVIF", width, height, limits)
        coded = self._coded(boxes, {item.id for item in items if item.kind == b"av01"})
        frames = [frames_within(item_data) for item_data in coded]
        pixels = sum(item_frames.pixels for item_frames in frames)
        check_work("AVIF", pixels, sum(map(len, coded)))
        planes = sum(item_frames.largest * item_frames.pixel_bytes for item_frames in frames)
        grid = any(item.kind == b"grid" for item in items)
        return Structure(
            "AVIF",
            width,
            height,
            (self._still(top, items),),
            pixel_bytes=_OUTPUT_BYTES,
            fixed_bytes=int(planes * (2 if grid else 1)),
        )

    def _broken(self, reason: str) -> BadImage:
        return broken("AVIF", len(self._data), reason)

    def _boxes(self, at: int, end: int) -> Iterator[_Box]:
        for _ in range(_MOST_BOXES):
            if at + 8 > end:
                return
            size, body = int.from_bytes(self._data[at : at + 4], "big"), at + 8
            kind = self._data[at + 4 : at + 8]
            if size == 1:
                size, body = int.from_bytes(self._data[body : body + 8], "big"), body + 8
            stop = at + size if size else end
            if stop < body:
                raise self._broken(f"its box {kind!r} has {size} bytes")
            yield _Box(kind, at, body, min(stop, end))
            at = stop
        raise self._broken(f"it has over {_MOST_BOXES} boxes on one level")

    def _primary(self, box: _Box) -> int:
        numbers = _Numbers(self._data, box)
        return numbers.read(4 if numbers.version else 2)

    def _items(self, box: _Box) -> list[_Item]:
        numbers = _Numbers(self._data, box)
        count = numbers.read(4 if numbers.version else 2)
        if count > _MOST_ITEMS:
            raise self._broken(f"it has {count} items, at most {_MOST_ITEMS} are read")
        items = []
        for entry in self._boxes(numbers.at, box.end):
            entries = _Numbers(self._data, entry)
            item_id = entries.read(4 if entries.version == 3 else 2)
            entries.read(2)
            items.append(_Item(item_id, self._data[entries.at : entries.at + 4], entries.at))
        if len(items) > _MOST_ITEMS:
            raise self._broken(f"it has {len(items)} items, at most {_MOST_ITEMS} are read")
        return items

    def _extent(self, properties: _Box, primary: int) -> tuple[int, int]:
        """Return width and height of the primary item, from its property ``ispe``."""
        boxes = {box.kind: box for box in self._boxes(properties.body, properties.end)}
        if not boxes.keys() >= {b"ipco", b"ipma"}:
            raise self._broken("its items have no properties")
        listed = list(self._boxes(boxes[b"ipco"].body, boxes[b"ipco"].end))
        numbers = _Numbers(self._data, boxes[b"ipma"])
        for _ in range(min(numbers.read(4), _MOST_ITEMS)):
            item_id = numbers.read(4 if numbers.version else 2)
            for _ in range(numbers.read(1)):
                wide = numbers.flags & 1
                index = numbers.read(2 if wide else 1) & (0x7FFF if wide else 0x7F)  # from 1
                is_valid = item_id == primary and 0 < index <= len(listed)
                if is_valid and listed[index - 1].kind == b"ispe":
                    sides = _Numbers(self._data, listed[index - 1])
                    return sides.read(4), sides.read(4)
        raise self._broken("its picture has no size")

    def _coded(self, boxes: dict[bytes, _Box], wanted: set[int]) -> list[bytes]:
        """Return the AV1 data of each wanted item, located by the box ``iloc``."""
        numbers = _Numbers(self._data, boxes[b"iloc"])
        sizes = numbers.read(2)
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        found: list[bytes] = []
        taken = extents = 0
        for _ in range(numbers.read(4 if numbers.version == 2 else 2)):
            item_id = numbers.read(4 if numbers.version == 2 else 2)
            method = numbers.read(2) & 15 if numbers.version else 0
            numbers.read(2)
            start = numbers.read(base)
            source, idat = self._data, boxes.get(b"idat") if method else None
            if idat is not None:
                source = self._data[idat.body : idat.end]
            pieces = []
            for _ in range(numbers.read(2)):
                if numbers.version:
                    numbers.read(index)
                first, size = start + numbers.read(offset), numbers.read(length)
                pieces.append(source[first : first + size] if size else source[first:])
                taken += len(pieces[-1])
                extents += 1
                if taken > 2 * len(self._data) or extents > _MOST_BOXES:
                    raise self._broken("several of its items use the same data")
            if item_id in wanted:
                found.append(b"".join(pieces))
        return found

    def _still(self, top: list[_Box], items: list[_Item]) -> bytes:
        """Return the file with its sequence and EXIF renamed, so that the decoder skips them.

        The orientation of an AVIF is a property that the decoder reports; EXIF is not needed.
        """
        out = bytearray(self._data)
        for box in top:
            if box.kind == b"moov":
                out[box.start + 4 : box.start + 8] = b"free"
            elif box.kind == b"ftyp":
                for at in range(box.body, box.end, 4):
                    if out[at : at + 4] == b"avis":
                        out[at : at + 4] = b"avif"
        for item in items:
            if item.kind == b"Exif":
                out[item.kind_at : item.kind_at + 4] = b"none"
        return bytes(out)
