"""From surfaces to a shot: which piece of which surface each pixel sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.sample.surfaces import INSIDE, Floats, Part, Slots, normals, rotation

Ints = NDArray[np.int32]
DENSE = 1.12  # points drawn per fine pixel, along rows and columns each
CHUNK = 16384
HALF = np.float32(0.5)
REACH = 260  # a part is drawn in pieces of about so many fine pixels; unseen pieces are skipped


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


def turned(points: Floats, matrix: Floats) -> Floats:
    """Points (k, 3) turned by a matrix (3, 3); in plain steps, so that every machine agrees."""
    x, y, z = points[:, :1], points[:, 1:2], points[:, 2:]
    return np.asarray(x * matrix[:, 0] + y * matrix[:, 1] + z * matrix[:, 2], np.float32)


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
        p = turned(points - self.center, self.matrix)  # (k, 3)
        k = self.view.lens / (self.view.lens - p[:, 2:])
        return p[:, :2] * k * np.array([1, -1], np.float32)

    def __call__(self, points: Floats) -> Floats:
        """Fine pixel x, y and depth of points: (k, 3) to (k, 3)."""
        p = turned(points - self.center, self.matrix)
        k = self.view.lens / (self.view.lens - p[:, 2:])
        xy = p[:, :2] * k * np.array([self.factor, -self.factor], np.float32) + self.offset
        return np.concatenate([xy, p[:, 2:]], axis=1).astype(np.float32)

    def facing(self, points: Floats, normal: Floats) -> Floats:
        """How much surfaces at points (k, 3) turn toward the camera, (k,)."""
        p = turned(points - self.center, self.matrix)
        ray = np.array([0, 0, self.view.lens], np.float32) - p
        return np.asarray((turned(normal, self.matrix) * ray).sum(axis=1), np.float32)


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
            np.concatenate([turned(normal, project.matrix), p.uv.reshape(-1, 2), facing[:, None]], 1)
        )
        blocks.add(number, first, project(flat).reshape(n, m, 3), facing.reshape(n, m), p.closed)
        first += n * m
    pixel, block, local = blocks.visible()
    low = everything[:, 1].min()
    dropped = everything[::3].copy()
    height_above = dropped[:, 1] - low
    dropped[:, 1] = low
    ground = np.column_stack([project(dropped)[:, :2], height_above]).astype(np.float32)
    seen = blocks.sample(pixel, block, local, np.concatenate(rows))
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


def _cuts(steps: Floats) -> list[int]:
    """Where to cut a row of steps (k,): between long and short ones, and not too far apart."""
    cuts, low, high, length = [0], float(steps[0]), float(steps[0]), 0.0
    for k, step in enumerate(steps.tolist()):
        low, high, length = min(low, step), max(high, step), length + step
        if k > cuts[-1] and ((high > 2.5 * low + 3) or length > REACH):
            cuts.append(k)
            low = high = length = step
    return [*cuts, len(steps)]


class _Blocks:
    """A depth buffer filled by points: each strip of each part is sampled finer than a pixel."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.nearest = np.full(height * width, -1, np.int64)
        self.total = 0
        self.part: list[int] = []
        self.start: list[int] = []
        self.fine: list[tuple[int, int]] = []
        # Where each strip lies: first point, m, n, first column, columns, first row, rows.
        self.coarse: list[tuple[int, int, int, int, int, int, int]] = []

    def add(self, number: int, first: int, xyz: Floats, facing: Floats, closed: bool) -> None:
        """Draw one part: projected points (n, m, 3) and their facing (n, m)."""
        n, m = facing.shape
        planes = [Image.fromarray(np.ascontiguousarray(xyz[..., k])) for k in range(3)]
        wide = np.linalg.norm(np.diff(xyz[..., :2], axis=1), axis=2)  # (n, m - 1)
        high = np.linalg.norm(np.diff(xyz[..., :2], axis=0), axis=2)  # (n - 1, m)
        columns, rows = _cuts(wide.max(axis=0)), _cuts(high.max(axis=1))
        found: list[tuple[Floats, ...]] = []
        for left, right in zip(columns[:-1], columns[1:], strict=True):
            for top, bottom in zip(rows[:-1], rows[1:], strict=True):
                here = slice(top, bottom + 1), slice(left, right + 1)
                if closed and facing[here].max() < 0:
                    continue
                x, y = xyz[here][..., 0], xyz[here][..., 1]
                if x.max() < 0 or y.max() < 0 or x.min() > self.width or y.min() > self.height:
                    continue
                across = float(wide[here[0], left:right].max()) * (right - left)
                down = float(high[top:bottom, here[1]].max()) * (bottom - top)
                size = (int(across * DENSE) + 2, int(down * DENSE) + 2)
                where = (left + 0.5, top + 0.5, right + 0.5, bottom + 0.5)
                found.append(
                    tuple(
                        np.asarray(p.resize(size, Image.Resampling.BICUBIC, box=where)).ravel()
                        for p in planes
                    )
                )
                self.part.append(number)
                self.start.append(self.total)
                self.fine.append(size)
                self.coarse.append((first, m, n, left, right - left, top, bottom - top))
                self.total += size[0] * size[1]
        if found:
            fx, fy, fz = (np.concatenate([f[k] for f in found]) for k in range(3))
            self._splat(fx, fy, fz)

    def _splat(self, x: Floats, y: Floats, z: Floats) -> None:
        col, row = x.astype(np.int32), y.astype(np.int32)
        key = (z * 16384 + 262144).astype(np.int64) << 32
        key += np.arange(self.total - len(x), self.total)
        if min(x.min(), y.min()) < 0 or x.max() >= self.width or y.max() >= self.height:
            keep = (x >= 0) & (y >= 0) & (col < self.width) & (row < self.height)
            col, row, key = col[keep], row[keep], key[keep]
        np.maximum.at(self.nearest, row * self.width + col, key)

    def visible(self) -> tuple[Ints, Ints, Ints]:
        """Covered fine pixels, the block seen there and the point within the block: each (k,)."""
        self._close()
        pixel = np.flatnonzero(self.nearest >= 0).astype(np.int32)
        ids = (self.nearest[pixel] & 0xFFFFFFFF).astype(np.int32)
        starts = np.array(self.start, np.int32)
        block = np.searchsorted(starts, ids, side="right").astype(np.int32) - 1
        return pixel, block, ids - starts[block]

    def _close(self) -> None:
        """Fill pinholes: a pixel far behind both of its neighbors takes the farther of the two."""
        keys = self.nearest.reshape(self.height, self.width)
        across = np.minimum(keys[1:-1, :-2], keys[1:-1, 2:])
        np.maximum(across, np.minimum(keys[:-2, 1:-1], keys[2:, 1:-1]), out=across)
        inner = keys[1:-1, 1:-1]
        np.copyto(inner, across, where=(across >> 32) - (inner >> 32) > 200)

    def sample(self, pixel: Ints, block: Ints, local: Ints, rows: Floats) -> _Seen:
        """Attributes (g, 6) of the coarse points, blended at the visible fine points.

        Done in chunks that fit a processor's cache, which is several times faster.
        """
        fine = np.array(self.fine, np.int32)
        coarse = np.array(self.coarse, np.int32)
        first, m, n, left, span, top, tall = coarse.T.copy()
        step_x, step_y = np.float32(span / fine[:, 0]), np.float32(tall / fine[:, 1])
        k = len(pixel)
        mixed = np.empty((k, 6), np.float32)
        s, t = np.empty(k, np.float32), np.empty(k, np.float32)
        for start in range(0, k, CHUNK):
            here = slice(start, start + CHUNK)
            b = block[here]
            i, j = np.divmod(local[here], fine[b, 0])
            x = (j + HALF) * step_x[b] + left[b]
            y = (i + HALF) * step_y[b] + top[b]
            wide, high = m[b], n[b]
            x0 = np.minimum(x.astype(np.int32), wide - 2)
            y0 = np.minimum(y.astype(np.int32), high - 2)
            fx, fy = (x - x0)[:, None].astype(np.float32), (y - y0)[:, None].astype(np.float32)
            at = first[b] + y0 * wide + x0
            upper = rows[at]
            upper += (rows[at + 1] - upper) * fx
            at += wide
            lower = rows[at]
            lower += (rows[at + 1] - lower) * fx
            lower -= upper
            lower *= fy
            upper += lower
            size = np.sqrt(np.einsum("ij,ij->i", upper[:, :3], upper[:, :3])) + np.float32(1e-6)
            upper[:, :3] /= size[:, None]
            mixed[here] = upper
            s[here] = x / (wide - 1)
            t[here] = y / (high - 1)
        # The key holds depth as a whole number in its upper half.
        depth = ((self.nearest[pixel] >> 32) - 262144).astype(np.float32) / 16384
        return _Seen(mixed[:, :3], mixed[:, 3], mixed[:, 4], mixed[:, 5], depth, s, t)
