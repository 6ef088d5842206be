"""Parse the boxes and items of an ISO media file with a still picture: AVIF and HEIC.

ISO/IEC 14496-12 (boxes) and 23008-12 (items). Only the still picture of a sequence reaches the
decoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from indexer.errors import BadImage
from indexer.imaging.formats.structure import broken

_MOST_BOXES = 4096  # per level; a file has about ten, plus one for each property
_MOST_ITEMS = 1024  # 50 megapixels in tiles of 512 x 512 pixels are 200 items
_MOST_REFERENCES = 4096
_UNIQUE = {b"pitm", b"iinf", b"iloc", b"iprp", b"iref", b"idat"}
_TRANSFORMATIONS = (b"clap", b"irot", b"imir")
_COMPOSED = (b"grid", b"iden")
_TEXTS = (b"mime", b"uri ")  # kinds of items that are no pictures


class Box(NamedTuple):
    """A box: its kind, and where it starts, its content begins, and it ends."""

    kind: bytes
    start: int
    body: int
    end: int


class MediaItem(NamedTuple):
    """An item of a file; ``kind_at`` is the offset of ``kind``."""

    id: int
    kind: bytes
    kind_at: int


class Numbers:
    """Read successive integers of a box; raise BadImage beyond its end."""

    def __init__(self, name: str, data: bytes, box: Box, *, full: bool = True) -> None:
        """``full`` is whether the box begins with a version and flags."""
        self._name = name
        self._data = data
        self.at = box.body
        self._end = box.end
        head = self.read(4) if full else 0
        self.version, self.flags = head >> 24, head & 0xFFFFFF

    def read(self, size: int) -> int:
        """Read the next number, of ``size`` bytes."""
        if self.at + size > self._end:
            raise broken(self._name, len(self._data), "a box is truncated")
        self.at += size
        return int.from_bytes(self._data[self.at - size : self.at], "big")


class MediaFile:
    """The boxes of a file with one still picture."""

    def __init__(self, name: str, data: bytes) -> None:
        """``name`` is that of the format. Raises BadImage if the file has no still picture."""
        self.name = name
        self.data = data
        self.top = list(self.boxes(0, len(data)))
        metas = [box for box in self.top if box.kind == b"meta"]
        if len(metas) != 1:
            raise BadImage(
                f"{'an' if name == 'AVIF' else 'a'} {name} with {len(metas)} still pictures, "
                "expected one; save it as a still picture"
            )
        self.meta: dict[bytes, Box] = {}
        for box in self.boxes(metas[0].body + 4, metas[0].end):
            if box.kind in _UNIQUE and box.kind in self.meta:
                raise self.broken(f"two boxes {box.kind!r}")
            self.meta[box.kind] = box
        if not self.meta.keys() >= {b"pitm", b"iinf", b"iloc", b"iprp"}:
            raise self.broken("it ends before its pixels")
        self.items = self._items(self.meta[b"iinf"])

    def broken(self, reason: str) -> BadImage:
        """Return the error for a broken file."""
        return broken(self.name, len(self.data), reason)

    def numbers(self, box: Box, *, full: bool = True) -> Numbers:
        """Return the integers of a box, which begins with a version and flags if it is ``full``."""
        return Numbers(self.name, self.data, box, full=full)

    def boxes(self, at: int, end: int) -> Iterator[Box]:
        """Iterate over the boxes between two offsets."""
        for _ in range(_MOST_BOXES):
            if at + 8 > end:
                return
            size, body = int.from_bytes(self.data[at : at + 4], "big"), at + 8
            kind = self.data[at + 4 : at + 8]
            if size == 1:
                size, body = int.from_bytes(self.data[body : body + 8], "big"), body + 8
            stop = at + size if size else end
            if stop < body:
                raise self.broken(f"its box {kind!r} has {size} bytes")
            yield Box(kind, at, body, min(stop, end))
            at = stop
        raise self.broken(f"it has over {_MOST_BOXES} boxes on one level")

    @property
    def primary(self) -> int:
        """The id of the item that is the picture."""
        numbers = self.numbers(self.meta[b"pitm"])
        return numbers.read(4 if numbers.version else 2)

    def properties(self) -> dict[int, list[Box]]:
        """Return the properties of each item, by its id, in their order."""
        outer = self.meta[b"iprp"]
        boxes = list(self.boxes(outer.body, outer.end))
        containers = [box for box in boxes if box.kind == b"ipco"]
        if len(containers) != 1:
            raise self.broken("its items have no properties")
        listed = list(self.boxes(containers[0].body, containers[0].end))
        found: dict[int, list[Box]] = {}
        for box in boxes:
            if box.kind == b"ipma":
                self._associate(box, listed, found)
        for of_item in found.values():
            kinds = [box.kind for box in of_item]
            if any(kinds.count(kind) > 1 for kind in _TRANSFORMATIONS):
                raise self.broken("a picture is cut or turned more than once")
        return found

    def _associate(self, box: Box, listed: list[Box], found: dict[int, list[Box]]) -> None:
        """Add the properties that a box ``ipma`` gives to items."""
        numbers = self.numbers(box)
        count = numbers.read(4)
        if count > _MOST_ITEMS:
            raise self.broken(f"it has {count} items, at most {_MOST_ITEMS} are read")
        for _ in range(count):
            item_id = numbers.read(4 if numbers.version else 2)
            for _ in range(numbers.read(1)):
                wide = numbers.flags & 1
                index = numbers.read(2 if wide else 1) & (0x7FFF if wide else 0x7F)  # from 1
                if 0 < index <= len(listed):
                    found.setdefault(item_id, []).append(listed[index - 1])

    def uses(self, coded_kinds: Collection[bytes]) -> Counter[int]:
        """Return how often grids and identities, which are composed of items, decode each of those.

        Raise BadImage if one is composed of composed pictures: that multiplies at each level.
        """
        found: Counter[int] = Counter()
        if b"iref" not in self.meta:
            return found
        coded = {item.id for item in self.items if item.kind in coded_kinds}
        composed = {item.id for item in self.items if item.kind in _COMPOSED}
        outer = self.meta[b"iref"]
        size = 4 if self.numbers(outer).version else 2
        for box in self.boxes(outer.body + 4, outer.end):
            if box.kind != b"dimg":
                continue
            numbers = self.numbers(box, full=False)
            if numbers.read(size) not in composed:
                continue  # the decoder does not get it: a tone map refers to the photo, for example
            for _ in range(numbers.read(2)):
                found[numbers.read(size)] += 1
            if found.total() > _MOST_REFERENCES:
                raise self.broken(f"its items refer to over {_MOST_REFERENCES} others")
        if not found.keys() <= coded:
            raise self.broken("a picture is composed of composed pictures")
        return found

    def grids(self) -> list[tuple[int, int]]:
        """Return the width and height of each grid, from its own data (23008-12, 6.6.2.3)."""
        sizes = []
        for data in self.coded({item.id for item in self.items if item.kind == b"grid"}).values():
            side = 4 if data[1:2] and data[1] & 1 else 2
            if len(data) < 4 + 2 * side:
                raise self.broken("a grid is truncated")
            numbers = [int.from_bytes(data[at : at + side], "big") for at in (4, 4 + side)]
            sizes.append((numbers[0], numbers[1]))
        return sizes

    def extent(self, properties: list[Box]) -> tuple[int, int]:
        """Return the width and height of an item, from its property ``ispe``."""
        for box in properties:
            if box.kind == b"ispe":
                sides = self.numbers(box)
                return sides.read(4), sides.read(4)
        raise self.broken("its picture has no size")

    def coded(self, wanted: set[int]) -> dict[int, bytes]:
        """Return the data of each wanted item, located by the box ``iloc``."""
        numbers = self.numbers(self.meta[b"iloc"])
        sizes = numbers.read(2)
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        found: dict[int, bytes] = {}
        taken = extents = 0
        for _ in range(numbers.read(4 if numbers.version == 2 else 2)):
            item_id = numbers.read(4 if numbers.version == 2 else 2)
            method = numbers.read(2) & 15 if numbers.version else 0
            numbers.read(2)
            start = numbers.read(base)
            source, idat = self.data, self.meta.get(b"idat") if method else None
            if idat is not None:
                source = self.data[idat.body : idat.end]
            pieces = []
            for _ in range(numbers.read(2)):
                if numbers.version:
                    numbers.read(index)
                first, size = start + numbers.read(offset), numbers.read(length)
                pieces.append(source[first : first + size] if size else source[first:])
                taken += len(pieces[-1])
                extents += 1
                if taken > 2 * len(self.data) or extents > _MOST_BOXES:
                    raise self.broken("several of its items use the same data")
            if item_id in wanted:
                found[item_id] = found.get(item_id, b"") + b"".join(pieces)
        return found

    def still(self, sequence_brands: dict[bytes, bytes], kinds: Collection[bytes]) -> bytes:
        """Return the file with all but its pictures renamed, so that the decoder skips the rest.

        ``sequence_brands`` are brands of sequences, and those of still pictures to replace them.
        ``kinds`` are those of items whose cost is known. The orientation is a property that the
        decoder applies or reports; EXIF is not needed.
        """
        out = bytearray(self.data)
        for box in self.top:
            if box.kind == b"moov":
                out[box.start + 4 : box.start + 8] = b"free"
            elif box.kind == b"ftyp":
                for at in range(box.body, box.end, 4):
                    brand = bytes(out[at : at + 4])
                    out[at : at + 4] = sequence_brands.get(brand, brand)
        for item in self.items:
            if item.kind not in kinds and item.kind not in _TEXTS:
                out[item.kind_at : item.kind_at + 4] = b"none"
        return bytes(out)

    def _items(self, box: Box) -> list[MediaItem]:
        numbers = self.numbers(box)
        count = numbers.read(4 if numbers.version else 2)
        if count > _MOST_ITEMS:
            raise self.broken(f"it has {count} items, at most {_MOST_ITEMS} are read")
        items = []
        for entry in self.boxes(numbers.at, box.end):
            entries = self.numbers(entry)
            item_id = entries.read(4 if entries.version == 3 else 2)
            entries.read(2)
            items.append(MediaItem(item_id, self.data[entries.at : entries.at + 4], entries.at))
        if len(items) > _MOST_ITEMS:
            raise self.broken(f"it has {len(items)} items, at most {_MOST_ITEMS} are read")
        if len({item.id for item in items}) < len(items):
            raise self.broken("two of its items have the same number")
        return items
