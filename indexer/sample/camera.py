"""From surfaces to a shot: which piece of which surface each pixel sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.sample.surfaces import INSIDE, Floats, Part, Slots, normals, rotation

Ints = NDArray[np.int32]
BLOCKS = 8  # a closed part is cut into this many strips of columns; hidden strips are skipped


@dataclass(frozen=True)
class View:
    """Where the camera stands: degrees around, above and tilted; `zoom` closes in on `focus`."""

    name: str
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0
    focus: tuple[float, float, float] | None = None
    lens: float = 6.0


@dataclass(frozen=True)
class Sight:
    """What the camera sees, on a grid `scale` times finer than the (height, width) picture.

    All arrays are (k,), one entry per covered fine pixel: its flat position, the slot there,
    the pattern place (u, v), the normal (k, 3) in camera space and the depth (near is larger).
    """

    height: int
    width: int
    scale: int
    pixel: Ints
    slot: Slots
    u: Floats
    v: Floats
    normal: Floats
    depth: Floats
    zoom: float  # fine pixels per world unit
    ground: Floats  # (g, 3) points of the thing: x and y dropped on the floor in pixels, and height


def turn(view: View) -> Floats:
    """Matrix (3, 3) from world to camera directions."""
    spin = rotation("x", view.pitch) @ rotation("y", view.yaw)
    return (rotation("z", view.roll) @ spin).astype(np.float32)


class Projection:
    """World points to fine pixels: fits all of the points into a share of the frame."""

    def __init__(
        self, points: Floats, view: View, height: float, width: float, fill: float
    ) -> None:
        """Points are (k, 3); height and width are in fine pixels."""
        self.view, self.matrix = view, turn(view)
        self.center = (points.min(axis=0) + points.max(axis=0)) / 2
        flat = self._flat(points)
        low, high = flat.min(axis=0), flat.max(axis=0)
        self.factor = float(min(width * fill / (high[0] - low[0]), height * fill / np.ptp(flat[:, 1])))
        middle = (low + high) / 2
        if view.focus is not None:
            target = self._flat(np.array([view.focus], np.float32))[0]
            middle = target if view.zoom > 1 else middle
            self.factor *= view.zoom
        self.offset = np.array([width / 2, height / 2], np.float32) - self.factor * middle

    def _flat(self, points: Floats) -> Floats:
        p = (points - self.center) @ self.matrix.T  # (k, 3)
        k = self.view.lens / (self.view.lens - p[:, 2:])
        return p[:, :2] * k * np.array([1, -1], np.float32)

    def __call__(self, points: Floats) -> Floats:
        """Fine pixel x, y and depth of points: (k, 3) to (k, 3)."""
        p = (points - self.center) @ self.matrix.T
        k = self.view.lens / (self.view.lens - p[:, 2:])
        xy = p[:, :2] * k * np.array([self.factor, -self.factor], np.float32) + self.offset
        return np.concatenate([xy, p[:, 2:]], axis=1).astype(np.float32)

    def facing(self, points: Floats, normal: Floats) -> Floats:
        """How much surfaces at points (k, 3) turn toward the camera, (k,)."""
        p = (points - self.center) @ self.matrix.T
        ray = np.array([0, 0, self.view.lens], np.float32) - p
        return np.asarray(((normal @ self.matrix.T) * ray).sum(axis=1), np.float32)


def look(
    parts: Sequence[Part],
    view: View,
    *,
    height: int,
    width: int,
    scale: int,
    fill: float = 0.8,
) -> Sight:
    """See the parts from a view; nearer surfaces hide those behind."""
    big_h, big_w = height * scale, width * scale
    everything = np.concatenate([p.grid.reshape(-1, 3) for p in parts])
    project = Projection(everything, view, big_h, big_w, fill)
    blocks = _Blocks(big_h, big_w)
    rows: list[Floats] = []
    first = 0
    for number, p in enumerate(parts):
        n, m = p.grid.shape[:2]
        flat = p.grid.reshape(-1, 3)
        normal = normals(p.grid).reshape(-1, 3)
        facing = project.facing(flat, normal)
        rows.append(
            np.concatenate([normal @ project.matrix.T, p.uv.reshape(-1, 2), facing[:, None]], 1)
        )
        blocks.add(number, first, project(flat).reshape(n, m, 3), facing.reshape(n, m), p.closed)
        first += n * m
    pixel, block, local = blocks.visible()
    low = everything[:, 1].min()
    dropped = everything[::3].copy()
    height_above = dropped[:, 1] - low
    dropped[:, 1] = low
    ground = np.column_stack([project(dropped)[:, :2], height_above]).astype(np.float32)
    seen = blocks.sample(block, local, np.concatenate(rows))
    slot = _slots(parts, seen, blocks, block)
    behind = seen.facing < 0
    seen.normal[behind] *= -1
    return Sight(
        height,
        width,
        scale,
        pixel,
        slot,
        seen.u,
        seen.v,
        seen.normal,
        seen.depth,
        project.factor,
        ground,
    )


@dataclass
class _Seen:
    normal: Floats
    u: Floats
    v: Floats
    facing: Floats
    depth: Floats
    s: Floats
    t: Floats


def _slots(parts: Sequence[Part], seen: _Seen, blocks: _Blocks, block: Ints) -> Slots:
    number = np.array(blocks.part)[block]  # (k,)
    plain = np.array([p.slot if isinstance(p.slot, int) else 0 for p in parts], np.uint8)
    slot = plain[number]
    behind = seen.facing < 0
    for k, p in enumerate(parts):
        if not isinstance(p.slot, int):
            here = np.flatnonzero(number == k)
            slot[here] = p.slot(seen.s[here], seen.t[here])
        if not p.closed:
            inside = INSIDE if p.inside is None else p.inside
            slot[np.flatnonzero((number == k) & behind)] = inside
    return slot


class _Blocks:
    """A depth buffer filled by points: each strip of each part is sampled finer than a pixel."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.nearest = np.full(height * width, -1, np.int64)
        self.total = 0
        self.part: list[int] = []
        self.start: list[int] = []
        self.fine: list[tuple[int, int]] = []
        self.coarse: list[tuple[int, int, int, int, int]] = []  # first row, m, n, column, columns
        self.rows: list[float] = []

    def add(self, number: int, first: int, xyz: Floats, facing: Floats, closed: bool) -> None:
        """Draw one part: projected points (n, m, 3) and their facing (n, m)."""
        n, m = facing.shape
        planes = [Image.fromarray(np.ascontiguousarray(xyz[..., k])) for k in range(3)]
        cuts = np.unique(np.linspace(0, m - 1, min(BLOCKS, m - 1) + 1).astype(int))
        for left, right in zip(cuts[:-1], cuts[1:], strict=True):
            piece = xyz[:, left : right + 1, :2]
            if closed and facing[:, left : right + 1].max() < 0:
                continue
            x, y = piece[..., 0], piece[..., 1]
            if x.max() < 0 or y.max() < 0 or x.min() > self.width or y.min() > self.height:
                continue
            wide = np.linalg.norm(np.diff(piece, axis=1), axis=2).max() * (right - left)
            high = np.linalg.norm(np.diff(piece, axis=0), axis=2).max() * (n - 1)
            size = (int(wide * 1.12) + 2, int(high * 1.12) + 2)
            where = (left + 0.5, 0.5, right + 0.5, n - 0.5)
            fx, fy, fz = (
                np.asarray(p.resize(size, Image.Resampling.BICUBIC, box=where)).ravel()
                for p in planes
            )
            self._splat(fx, fy, fz)
            self.part.append(number)
            self.start.append(self.total)
            self.fine.append(size)
            self.coarse.append((first, m, n, int(left), int(right - left)))
            self.total += len(fx)

    def _splat(self, x: Floats, y: Floats, z: Floats) -> None:
        col, row = x.astype(np.int32), y.astype(np.int32)
        key = (z * 16384 + 262144).astype(np.int64) << 32
        key += np.arange(self.total, self.total + len(x))
        if min(x.min(), y.min()) < 0 or x.max() >= self.width or y.max() >= self.height:
            keep = (x >= 0) & (y >= 0) & (col < self.width) & (row < self.height)
            col, row, key = col[keep], row[keep], key[keep]
        np.maximum.at(self.nearest, row * self.width + col, key)

    def visible(self) -> tuple[Ints, Ints, NDArray[np.int64]]:
        """Covered fine pixels, the block seen there and the point within the block: each (k,)."""
        self._close()
        pixel = np.flatnonzero(self.nearest >= 0).astype(np.int32)
        ids = self.nearest[pixel] & 0xFFFFFFFF
        block = np.searchsorted(np.array(self.start), ids, side="right").astype(np.int32) - 1
        return pixel, block, ids - np.array(self.start)[block]

    def _close(self) -> None:
        """Fill pinholes: a pixel far behind both of its neighbors takes the farther of the two."""
        keys = self.nearest.reshape(self.height, self.width)
        across = np.minimum(keys[1:-1, :-2], keys[1:-1, 2:])
        np.maximum(across, np.minimum(keys[:-2, 1:-1], keys[2:, 1:-1]), out=across)
        inner = keys[1:-1, 1:-1]
        np.copyto(inner, across, where=(across >> 32) - (inner >> 32) > 200)

    def sample(self, block: Ints, local: NDArray[np.int64], rows: Floats) -> _Seen:
        """Attributes (g, 6) of the coarse points, blended at the visible fine points."""
        fine = np.array(self.fine)
        coarse = np.array(self.coarse)
        i, j = np.divmod(local, fine[block, 0])
        first, m, n, left, span = coarse[block].T
        t = ((i + 0.5) / fine[block, 1]).astype(np.float32)
        x = ((j + 0.5) / fine[block, 0] * span + left).astype(np.float32)
        y = t * (n - 1)
        x0 = np.minimum(x.astype(np.int32), m - 2)
        y0 = np.minimum(y.astype(np.int32), n - 2)
        fx, fy = (x - x0)[:, None], (y - y0)[:, None].astype(np.float32)
        at = first + y0 * m + x0
        top = rows[at] * (1 - fx) + rows[at + 1] * fx  # (k, 6)
        bottom = rows[at + m] * (1 - fx) + rows[at + m + 1] * fx
        mixed = top + (bottom - top) * fy
        normal = mixed[:, :3]
        normal = normal / (np.sqrt((normal**2).sum(axis=1, keepdims=True)) + 1e-6)
        # The key holds depth as a whole number in its upper half.
        keys = self.nearest[self.nearest >= 0]
        depth = ((keys >> 32) - 262144).astype(np.float32) / 16384
        s = (x / (m - 1)).astype(np.float32)
        return _Seen(normal, mixed[:, 3], mixed[:, 4], mixed[:, 5], depth, s, t)
