"""Parts of clothes: creases, seams, and the pieces that clothes are sewn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from indexer.sample.boxes import box
from indexer.sample.surfaces import (
    SIDE_SLOT,
    TRIM,
    Floats,
    Part,
    curve,
    displaced,
    normals,
    params,
    part,
    revolve,
    superellipse,
    tube,
)

Rows = Sequence[tuple[float, float, float]]  # y, half width, half depth


def folds(body: Part, seed: int, amount: float, lean: float = 0.6, count: int = 9) -> Floats:
    """Return soft creases of cloth (n, m), up to about ``amount`` deep.

    ``lean`` is their slope: 0 across the cloth, 2 nearly along it.
    """
    rng = np.random.default_rng(seed)
    s, t = params(body)
    total = np.zeros((len(t), s.shape[1]), np.float32)
    for _ in range(count):
        ds = (s - rng.random() + 0.5) % 1 - 0.5  # around the ring, whose ends meet
        dt = t - rng.uniform(0.08, 1.0)
        slope = rng.normal(0, lean) * 1.6
        line = dt - slope * ds - rng.normal(0, 2.0) * ds**2
        line = line + 0.012 * np.sin(2 * np.pi * (rng.uniform(2, 5) * ds + rng.random()))
        wide = rng.uniform(0.020, 0.055) * (1 + abs(slope))
        reach = np.exp(-((ds / rng.uniform(0.07, 0.17)) ** 2) - (dt / 0.34) ** 2)
        ridge = np.exp(-((line / wide) ** 2)) - 0.6 * np.exp(-(((line - 1.6 * wide) / wide) ** 2))
        total += (rng.choice((-1.0, 1.0), p=(0.35, 0.65)) * reach * ridge).astype(np.float32)
    slow = (
        0.35 * np.sin(2 * np.pi * (2 * s + rng.random())) * np.sin(np.pi * (1.5 * t + rng.random()))
    )
    return np.asarray(amount * (total + slow), np.float32)


def groove(x: Floats, at: float, width: float, depth: float) -> Floats:
    """Return a seam: a shallow valley along x = at."""
    return np.asarray(-depth * np.exp(-(((x - at) / width) ** 2)), np.float32)


def torso(rows: Rows, *, drop: float, seed: int, fold: float = 0.016, back: float = 0.0) -> Part:
    """Build the trunk of a garment as rings from the neck down; the neck is lower in front."""
    line = curve([(y, w, d) for y, w, d in rows], 110)  # (n, 3)
    ring = superellipse(129, 2.35)  # (m, 2)
    ring = np.insert(ring, [32, 96], ring[[32, 96]], axis=0)  # the side seams, once for each cloth
    x = line[:, 1:2] * ring[None, :, 0]
    z = line[:, 2:3] * ring[None, :, 1]
    front = np.clip(ring[:, 1], 0, 1) ** 1.1
    behind = np.clip(-ring[:, 1], 0, 1)
    t = np.linspace(0, 1, len(line))[:, None]
    fade = np.clip(1 - t / 0.42, 0, 1) ** 2.2
    y = line[:, :1] - fade * (drop * front + back * behind)[None, :]
    grid = np.stack([x, y, z], -1).astype(np.float32)
    body = Part(grid, _tailored(grid))
    body = displaced(body, folds(body, seed, fold, 0.8, 13) * np.clip(t * 5 - 0.4, 0, 1))
    return replace(displaced(body, groove(t, 0.968, 0.005, 0.010)), dark=(0.40, 0.97))


def _tailored(grid: Floats) -> Floats:
    """Return pattern coordinates (n, m, 2) of a trunk cut from a front and a back piece."""
    step = np.linalg.norm(np.diff(grid[..., [0, 2]], axis=1), axis=2)  # (n, m - 1)
    around = np.concatenate([np.zeros((len(grid), 1), np.float32), np.cumsum(step, axis=1)], axis=1)
    total = around[:, -1:]
    m = grid.shape[1]
    j = np.arange(m)[None, :]
    left, right = 33, m - 34  # first column of the front, and its last
    u = around - total / 2
    u = np.where(j < left, around, np.where(j > right, around - total, u))
    return np.stack([u, -grid[..., 1]], axis=-1).astype(np.float32)


def sleeve(
    path: Sequence[tuple[float, float, float]],
    radii: Sequence[float],
    *,
    seed: int,
    fold: float = 0.010,
    flat: float = 0.78,
    slot: int = SIDE_SLOT,
) -> list[Part]:
    """Build a right and a left sleeve along a path of the right one."""
    arm = tube(path, radii, slot, flat=flat, rows=64, columns=49, closed=False)
    _, t = params(arm)
    arm = displaced(arm, folds(arm, seed, fold, 0.5, 12) * np.clip(t * 4 - 0.5, 0, 1))
    arm = displaced(arm, groove(t, 0.93, 0.012, 0.007))
    arm = replace(lowered(arm, path[0][1]), dark=(0.0, 0.92))
    return [arm, arm.mirrored()]


def lowered(limb: Part, start: float) -> Part:
    """Continue the pattern of the trunk on a sleeve or leg, from the height where it starts."""
    return replace(limb, uv=limb.uv - np.array([0, start], np.float32))


def collar_band(body: Part, slot: int, radius: float = 0.017, tall: float = 1.7) -> Part:
    """Build the ribbed band around the first ring of a body."""
    ring = body.grid[0] + np.array([0, radius * 0.5, 0], np.float32)
    return tube(ring[::2], radius, slot, flat=tall, up=(0, 1, 0), smooth=False, loop=True,
                columns=13)  # fmt: skip


def cuff(arm: Part, slot: int, wide: float) -> Part:
    """Build a band around the end of a sleeve."""
    end, before = arm.grid[-1], arm.grid[-4]
    middle = end.mean(axis=0)
    ahead = (middle - before.mean(axis=0)) / np.linalg.norm(middle - before.mean(axis=0))
    rings = [end + ahead * k * wide + (end - middle) * g
             for k, g in ((-1.0, 0.02), (-0.9, 0.06), (0.9, 0.06), (1.0, 0.02),
                     (1.0, -0.08))]  # fmt: skip
    return part(curve_rows(np.stack(rings), 12), slot)


def curve_rows(grid: Floats, count: int) -> Floats:
    """Resample a grid (n, m, 3) to ``count`` smooth rows."""
    n, m, _ = grid.shape
    return curve(grid.reshape(n, m * 3), count).reshape(count, m, 3)


def pointed(body: Part, depth: float) -> Part:
    """Turn a round neck into a V neck: the front of the first rows comes to a point."""
    grid = body.grid.copy()
    t = np.linspace(0, 1, len(grid))[:, None]
    s = np.linspace(0, 1, grid.shape[1])[None, :]
    near = np.clip(1 - np.abs(s - 0.5) / 0.26, 0, 1)
    round_now = np.clip(np.cos((s - 0.5) * 2 * np.pi), 0, 1) ** 1.1
    grid[..., 1] -= np.clip(1 - t / 0.42, 0, 1) ** 2.2 * depth * 0.55 * (near - 0.75 * round_now)
    return replace(body, grid=grid)


def label(y: float, z: float) -> Part:
    """Build the small white label inside a neck."""
    return box((0.09, 0.05, 0.006), (0, y, z), TRIM, edge=0.003)


def surface_points(body: Part, s: Floats, t: Floats, out: float) -> Floats:
    """Return points (k, 3) of a body at columns s (k,) and rows t (k,), moved out by ``out``."""
    n, m = body.grid.shape[:2]
    i = np.clip(np.round(t * (n - 1)).astype(int), 0, n - 1)
    j = np.clip(np.round(s * (m - 1)).astype(int), 0, m - 1)
    return np.asarray(body.grid[i, j] + normals(body.grid)[i, j] * out, np.float32)


def patch(
    body: Part, s: tuple[float, float], t: tuple[float, float], out: float, slot: int
) -> Part:
    """Build a piece of cloth sewn on a body, with its edges turned in."""
    n, m = body.grid.shape[:2]
    rows = slice(round(t[0] * (n - 1)), round(t[1] * (n - 1)) + 1)
    columns = slice(round(s[0] * (m - 1)), round(s[1] * (m - 1)) + 1)
    piece = body.grid[rows, columns]
    out_dir = normals(body.grid)[rows, columns]
    h, w = piece.shape[:2]
    edge_t = np.minimum(np.arange(h), np.arange(h)[::-1])[:, None]
    edge_s = np.minimum(np.arange(w), np.arange(w)[::-1])[None, :]
    lift = out * np.clip(np.minimum(edge_t, edge_s) / 1.0, 0, 1) + 0.002
    lift = lift - 0.25 * out * (np.minimum(edge_t, edge_s) == 2)
    return Part(piece + out_dir * lift[..., None], body.uv[rows, columns], slot)


def buttons(body: Part, count: int) -> list[Part]:
    """Build ``count`` buttons down the front of a body."""
    t = np.linspace(0.04, 0.90, count).astype(np.float32)
    places = surface_points(body, np.full(count, 0.5, np.float32), t, 0.012)
    button = revolve([(0.0, 0.006), (0.006, 0.003), (0.012, 0.006), (0.015, 0.004),
            (0.015, 0.0)], TRIM,
                     rows=12, columns=25).turned("x", 90)  # fmt: skip
    return [button.moved(*map(float, p)) for p in places]


def waistband(body: Part, slot: int, tall: float) -> Part:
    """Build the band around the first ring of a body."""
    ring = body.grid[0]
    flat = ring * np.array([1, 0, 1], np.float32)
    away = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)
    up = np.array([0, 1, 0], np.float32)
    rows = [ring - up * tall + away * g for g in (0.008, 0.017)]
    rows += [ring - up * (tall - 0.01) + away * 0.02, ring - up * 0.012 + away * 0.014]
    rows += [
        ring + up * 0.004 + away * 0.008,
        ring + up * 0.002 - away * 0.006,
        ring - up * 0.03 - away * 0.008,
    ]
    return part(np.stack(rows), slot)
