"""Curved surfaces: every object of the sample shop consists of a few curved grids of points.

World units: x to the right, y up, z toward the viewer; most objects fit in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]
Slots = NDArray[np.uint8]
SlotRule = Callable[[Floats, Floats], Slots]

# Slots of surfaces; the paints of an item give each slot its color or pattern.
MAIN, ACCENT, TRIM, METAL, WOOD, INSIDE, LENS, DARK, LIGHT = range(9)
SIDE_SLOT = 9  # painted like MAIN, but without its print
DIAL, HANDS, GUM, TINT = range(10, 14)  # TINT is the plain first color of an item
SLOTS = 14


@dataclass(frozen=True)
class Part:
    """A surface: rows run down or along it, columns run around or across it.

    ``grid`` is (n, m, 3); ``uv`` is (n, m, 2), in world units, and places the pattern.
    ``slot`` is a slot, or a function of (k,) columns s and (k,) rows t, both in [0, 1].
    Faces seen from behind get the slot ``inside``, unless the surface is ``closed``.
    The inside is never visible between the rows ``dark`` (two t), as in the middle of a sleeve.
    """

    grid: Floats
    uv: Floats
    slot: int | SlotRule = MAIN
    inside: int | None = None
    closed: bool = False
    dark: tuple[float, float] = (0.0, 0.0)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Part:
        """Return the part moved by an offset."""
        return replace(self, grid=self.grid + np.array([x, y, z], np.float32))

    def turned(self, axis: str, degrees: float, about: Sequence[float] = (0, 0, 0)) -> Part:
        """Return the part turned about an axis (x, y or z) through a point."""
        center = np.array(about, np.float32)
        return replace(self, grid=(self.grid - center) @ rotation(axis, degrees).T + center)

    def mirrored(self) -> Part:
        """Return the mirror image: the left part of a pair from the right one."""
        flip = np.array([-1, 1, 1], np.float32)
        return replace(self, grid=(self.grid * flip)[:, ::-1], uv=self.uv[:, ::-1])


def rotation(axis: str, degrees: float) -> Floats:
    """Return the matrix (3, 3) of a right-handed rotation about x, y or z."""
    a = np.deg2rad(degrees)
    c, s = np.cos(a), np.sin(a)
    rows = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(rows[axis], np.float32)


def curve(points: ArrayLike, count: int, loop: bool = False) -> Floats:
    """Return a smooth curve (count, d) through (k, d) points, evenly spaced along its length.

    A repeated point makes a corner. Raises IndexError for fewer than two points.
    """
    p = np.asarray(points, np.float64)
    if loop:
        padded = np.concatenate([p[-1:], p, p[:2]])
    else:
        padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    steps = max(8, 4 * count // max(1, len(p) - 1))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (padded[k : len(padded) - 3 + k, None] for k in range(4))
    spline = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )  # (k - 1, steps, d)
    dense = np.concatenate([spline.reshape(-1, p.shape[1]), p[:1] if loop else p[-1:]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(dense, axis=0), axis=1))])
    wanted = np.linspace(0, along[-1], count)
    cols = [np.interp(wanted, along, dense[:, k]) for k in range(p.shape[1])]
    return np.stack(cols, axis=1).astype(np.float32)


def lengths(grid: Floats) -> tuple[Floats, Floats]:
    """Return distances along each row from the middle, and down the mean column, both (n, m)."""
    across = np.linalg.norm(np.diff(grid, axis=1), axis=2)  # (n, m - 1)
    width = across.sum(axis=1)  # (n,)
    down = np.linalg.norm(np.diff(grid, axis=0), axis=2).mean(axis=1)  # (n - 1,)
    s = np.linspace(-0.5, 0.5, grid.shape[1])
    v = np.concatenate([[0], np.cumsum(down)])
    u = width[:, None] * s[None, :]
    return u.astype(np.float32), np.tile(v[:, None], (1, grid.shape[1])).astype(np.float32)


def part(
    grid: ArrayLike,
    slot: int | SlotRule = MAIN,
    *,
    inside: int | None = None,
    closed: bool = False,
    planar: bool = False,
) -> Part:
    """Build a part. Its pattern follows the surface, or, if ``planar``, the front view."""
    g = np.asarray(grid, np.float32)
    u, v = (g[..., 0], -g[..., 1]) if planar else lengths(g)
    return Part(g, np.stack([u, v], axis=-1), slot, inside, closed)


def revolve(
    profile: ArrayLike,
    slot: int | SlotRule = MAIN,
    *,
    rows: int = 64,
    columns: int = 65,
    depth: float = 1.0,
    power: float = 2.0,
    inside: int | None = None,
    closed: bool = False,
) -> Part:
    """Revolve a profile of (radius, y) points about the y axis; s = 0.5 faces the viewer.

    ``depth`` squeezes it along z; a ``power`` above 2 makes the round rings squarer.
    """
    line = curve(profile, rows)
    ring = superellipse(columns, power)  # (m, 2)
    x = line[:, :1] * ring[None, :, 0]
    z = line[:, :1] * ring[None, :, 1] * depth
    y = np.broadcast_to(line[:, 1:], x.shape)
    made = part(np.stack([x, y, z], axis=-1), slot, inside=inside, closed=closed)
    if line[-1, 1] > line[0, 1]:  # v grows downward, so that pictures are upright
        made.uv[..., 1] = made.uv[..., 1].max() - made.uv[..., 1]
    return made


def superellipse(columns: int, power: float = 2.0) -> Floats:
    """Return a closed ring (m, 2) of x and z, evenly spaced, that starts at the back (z = -1)."""
    a = np.linspace(-np.pi, np.pi, 721)
    c, s = np.cos(a), np.sin(a)
    x = np.sign(s) * np.abs(s) ** (2 / power)
    z = np.sign(c) * np.abs(c) ** (2 / power)
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
    wanted = np.linspace(0, along[-1], columns)
    ring = np.stack([np.interp(wanted, along, x), np.interp(wanted, along, z)], axis=1)
    return ring.astype(np.float32)


def tube(
    path: ArrayLike,
    radius: ArrayLike,
    slot: int | SlotRule = MAIN,
    *,
    flat: float = 1.0,
    up: Sequence[float] = (0, 0, 1),
    rows: int = 48,
    columns: int = 17,
    power: float = 2.0,
    loop: bool = False,
    smooth: bool = True,
    inside: int | None = None,
    closed: bool = True,
) -> Part:
    """Build a tube along (k, 3) points with one radius or a radius per point.

    ``flat`` squeezes it along ``up`` (made orthogonal to the path); rows run along the path.
    """
    points = np.asarray(path, np.float32)
    r = np.broadcast_to(np.asarray(radius, np.float32), (len(points),))
    if smooth:
        both = curve(np.column_stack([points, r]), rows, loop)
        points, r = both[:, :3], both[:, 3]
    ahead = np.gradient(points, axis=0)
    if loop:
        ahead[0] = ahead[-1] = points[1] - points[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-9
    above = _upright(ahead, up) if loop else np.asarray(up, np.float32)
    high = above - ahead * (ahead * above).sum(axis=1, keepdims=True)
    high /= np.linalg.norm(high, axis=1, keepdims=True) + 1e-9
    side = np.cross(ahead, high)  # (n, 3)
    ring = superellipse(columns, power)  # (m, 2)
    grid = points[:, None] + r[:, None, None] * (
        ring[None, :, :1] * side[:, None] + flat * ring[None, :, 1:] * high[:, None]
    )
    return part(grid, slot, inside=inside, closed=closed)


def _upright(ahead: Floats, wanted: Sequence[float]) -> Floats:
    """Return the up direction, or another direction if a closed path (n, 3) is parallel to it."""
    choices = [np.asarray(c, np.float32) for c in (wanted, (0, 1, 0), (1, 0, 0), (0, 0, 1))]
    clear = [float(np.linalg.norm(np.cross(ahead, c), axis=1).min()) for c in choices]
    best = next((k for k, c in enumerate(clear) if c > 0.12), int(np.argmax(clear)))
    return choices[best]


def capped(body: Part) -> Part:
    """Close a part: contract its first and last rings to a point."""
    first, last = body.grid[:1], body.grid[-1:]
    low, high = first.mean(axis=1, keepdims=True), last.mean(axis=1, keepdims=True)
    steps = (0.0, 0.45, 0.9)
    start = [low + (first - low) * k for k in steps]
    end = [high + (last - high) * k for k in reversed(steps)]
    grid = np.concatenate([*start, body.grid, *end])
    uv = np.concatenate([body.uv[:1]] * 3 + [body.uv] + [body.uv[-1:]] * 3)
    return replace(body, grid=grid, uv=uv, closed=True)


def normals(grid: Floats) -> Floats:
    """Return unit normals (n, m, 3) that point outward; a flat part faces the viewer."""
    wide, high = grid.shape[1] > 2, grid.shape[0] > 2
    ds = np.gradient(grid, axis=1) if wide else np.diff(grid, axis=1, append=grid[:, -1:])
    dt = np.gradient(grid, axis=0) if high else np.diff(grid, axis=0, append=grid[-1:])
    if wide and np.abs(grid[:, 0] - grid[:, -1]).max() < 1e-5:
        ds[:, 0] = ds[:, -1] = grid[:, 1] - grid[:, -2]
    n = np.cross(ds, dt)
    size = np.linalg.norm(n, axis=2, keepdims=True)
    for k in (0, -1):  # a pole has no normal; the mean of its neighbors is used
        if size[k].max() < 1e-7:
            near = n[1 if k == 0 else -2]
            n[k] = near.mean(axis=0) / (np.linalg.norm(near.mean(axis=0)) + 1e-12)
            size[k] = 1
    n = n / np.maximum(size, 1e-12)
    out = float((n * (grid - grid.mean(axis=(0, 1)))).sum(axis=2).mean())
    if abs(out) < 0.02 * float(np.ptp(grid, axis=(0, 1)).max()):
        out = float(n[..., 2].mean())
    return np.asarray(n if out >= 0 else -n, np.float32)


def displaced(body: Part, amount: ArrayLike) -> Part:
    """Push a part outward by an amount that broadcasts to (n, m)."""
    push = np.asarray(amount, np.float32)
    return replace(body, grid=body.grid + normals(body.grid) * push[..., None])


def params(body: Part) -> tuple[Floats, Floats]:
    """Return columns s (1, m) and rows t (n, 1) of a part, both in [0, 1]."""
    n, m = body.grid.shape[:2]
    s = np.linspace(0, 1, m, dtype=np.float32)[None, :]
    return s, np.linspace(0, 1, n, dtype=np.float32)[:, None]
