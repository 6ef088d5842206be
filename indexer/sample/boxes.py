"""Boxes with round edges, for seats, bags and furniture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.sample.surfaces import (
    MAIN,
    Floats,
    Part,
    SlotRule,
    normals,
)


def box(
    size: Sequence[float],
    center: Sequence[float] = (0, 0, 0),
    slot: int | SlotRule = MAIN,
    *,
    edge: float = 0.05,
    puff: float = 0.0,
    taper: float = 1.0,
) -> Part:
    """Build a box of (width, height, depth) with round edges; ``puff`` bulges its faces.

    ``taper`` is the ratio of the top width to the bottom width.
    """
    w, h, d = (v / 2 for v in size)
    r = min(edge, w, h, d)
    turn = np.linspace(0, np.pi / 2, 9)
    inset = np.concatenate([[min(w, d)], [min(w, d) * 0.5], r - r * np.sin(turn)])
    level = np.concatenate([[h], [h], h - r + r * np.cos(turn)])
    side = np.linspace(h - r, -(h - r), 14)[1:-1]
    k = np.concatenate([inset, np.zeros(len(side)), inset[::-1]])
    y = np.concatenate([level, side, -level[::-1]])
    rings = []
    for cut, top in zip(k, y, strict=True):
        ring = _round_rect(max(w - cut, 0), max(d - cut, 0), max(r - cut, 0.0))
        scale = 1 + (taper - 1) * (top + h) / (2 * h)
        rings.append(np.column_stack([ring[:, 0] * scale, np.full(len(ring), top), ring[:, 1]]))
    grid = np.stack(rings)
    if puff:
        n = grid / np.array([w, h, d])
        swell = np.prod(1 - np.clip(np.abs(n), 0, 1) ** 4 * 0.75, axis=-1, keepdims=True)
        grid = grid + puff * np.sign(n) * np.abs(n) ** 3 * swell
    grid = (grid + np.asarray(center)).astype(np.float32)
    return Part(grid, _box_uv(grid), slot, closed=True)


def _box_uv(grid: Floats) -> Floats:
    """Return pattern coordinates (n, m, 2) of a box, projected straight onto each face."""
    x, y, z = grid[..., 0], grid[..., 1], grid[..., 2]
    n = np.abs(normals(grid))
    side = (n[..., 0] > n[..., 1]) & (n[..., 0] > n[..., 2])
    top = (n[..., 1] >= n[..., 0]) & (n[..., 1] > n[..., 2])
    u = np.where(side, x - np.sign(x) * z, x)
    v = np.where(top, z, -y)
    return np.stack([u, v], axis=-1).astype(np.float32)


def _round_rect(w: float, d: float, r: float, columns: int = 97) -> Floats:
    """Return a rectangular ring (m, 2) with half sizes w, d and corner radius r, from the back."""
    r = min(r + 1e-4, w, d)
    a = np.linspace(0, np.pi / 2, 8)
    corners = [(w - r, -(d - r), -np.pi / 2), (w - r, d - r, 0), (-(w - r), d - r, np.pi / 2)]
    corners.append((-(w - r), -(d - r), np.pi))
    points = [[0.0, -d]]
    for cx, cz, start in corners:
        points += [[cx + r * np.cos(start + t), cz + r * np.sin(start + t)] for t in a]
    points.append([0.0, -d])
    p = np.array(points)[::-1]
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(p, axis=0).T))])
    wanted = np.linspace(0, along[-1], columns)
    ring = [np.interp(wanted, along, p[:, 0]), np.interp(wanted, along, p[:, 1])]
    return np.stack(ring, axis=1).astype(np.float32)
