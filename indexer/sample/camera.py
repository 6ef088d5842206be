"""The camera: find the surface and the point on it that each pixel shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.sample.points import Ints, PointBuffer, SurfaceSamples
from indexer.sample.surfaces import INSIDE, Floats, Part, Slots, normals, rotation


@dataclass(frozen=True)
class View:
    """A camera position: degrees around, above and tilted; ``zoom`` magnifies around ``focus``."""

    name: str
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0
    focus: tuple[float, float, float] | None = None
    lens: float = 6.0


@dataclass(frozen=True)
class VisibleSurface:
    """The visible surface points, on a grid ``scale`` times finer than the (height, width) picture.

    All arrays are (k,), one entry per covered fine pixel: its flat position, the slot there,
    the pattern coordinates (u, v), the normal (k, 3) in camera space, the depth (near is larger).
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
    ground: Floats  # (g, 3) points: x and y projected on the floor in pixels, height


def turn(view: View) -> Floats:
    """Return the matrix (3, 3) from world to camera directions."""
    spin = rotation("x", view.pitch) @ rotation("y", view.yaw)
    return (rotation("z", view.roll) @ spin).astype(np.float32)


def turned(points: Floats, matrix: Floats) -> Floats:
    """Rotate points (k, 3) by a matrix (3, 3), without BLAS, so that every machine agrees."""
    x, y, z = points[:, :1], points[:, 1:2], points[:, 2:]
    return np.asarray(x * matrix[:, 0] + y * matrix[:, 1] + z * matrix[:, 2], np.float32)


class Projection:
    """A projection of world points to fine pixels; all points fit into a share of the frame."""

    def __init__(
        self, points: Floats, view: View, height: float, width: float, fill: float
    ) -> None:
        """Fit points (k, 3) into a frame; height and width are in fine pixels."""
        self.view, self.matrix = view, turn(view)
        self.center = (points.min(axis=0) + points.max(axis=0)) / 2
        flat = self._flat(points)
        low, high = flat.min(axis=0), flat.max(axis=0)
        self.factor = float(
            min(width * fill / (high[0] - low[0]), height * fill / np.ptp(flat[:, 1]))
        )
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
        """Project points (k, 3) to fine pixel x, y and depth (k, 3)."""
        p = turned(points - self.center, self.matrix)
        k = self.view.lens / (self.view.lens - p[:, 2:])
        xy = p[:, :2] * k * np.array([self.factor, -self.factor], np.float32) + self.offset
        return np.concatenate([xy, p[:, 2:]], axis=1).astype(np.float32)

    def facing(self, points: Floats, normal: Floats) -> Floats:
        """Return how much surfaces at points (k, 3) face the camera, (k,)."""
        p = turned(points - self.center, self.matrix)
        ray = np.array([0, 0, self.view.lens], np.float32) - p
        return np.asarray((turned(normal, self.matrix) * ray).sum(axis=1), np.float32)


def visible_surface(
    parts: Sequence[Part],
    view: View,
    *,
    height: int,
    width: int,
    scale: int,
    fill: float = 0.8,
) -> VisibleSurface:
    """Render the parts from a view; nearer surfaces hide farther ones."""
    big_h, big_w = height * scale, width * scale
    everything = np.concatenate([p.grid.reshape(-1, 3) for p in parts])
    project = Projection(everything, view, big_h, big_w, fill)
    blocks = PointBuffer(big_h, big_w)
    rows: list[Floats] = []
    first = 0
    for number, p in enumerate(parts):
        n, m = p.grid.shape[:2]
        flat = p.grid.reshape(-1, 3)
        normal = normals(p.grid).reshape(-1, 3)
        facing = project.facing(flat, normal)
        rows.append(
            np.concatenate(
                [turned(normal, project.matrix), p.uv.reshape(-1, 2), facing[:, None]], 1
            )
        )
        blocks.add(number, first, project(flat).reshape(n, m, 3), facing.reshape(n, m), _dark(p))
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
    return VisibleSurface(
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


def _dark(p: Part) -> tuple[float, float]:
    """Return the rows between which the inside of a part is not visible."""
    last = len(p.grid) - 1
    return (0.0, float(last)) if p.closed else (p.dark[0] * last, p.dark[1] * last)


def _slots(parts: Sequence[Part], seen: SurfaceSamples, blocks: PointBuffer, block: Ints) -> Slots:
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
    return np.asarray(slot, np.uint8)
