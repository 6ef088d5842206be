"""A depth buffer filled with points: surfaces are sampled finer than the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.sample.surfaces import Floats

Ints = NDArray[np.int32]


DENSE = 1.05  # points drawn per fine pixel, along rows and columns each


REACH = 260  # fine pixels of a piece of a part, about; pieces that are not visible are skipped


CHUNK = 16384


HALF = np.float32(0.5)


@dataclass
class SurfaceSamples:
    """Attributes of the visible points of a buffer; every array is (k,), but normal is (k, 3)."""

    normal: Floats
    u: Floats
    v: Floats
    facing: Floats
    depth: Floats
    s: Floats
    t: Floats


def _choose_cuts(steps: Floats) -> list[int]:
    """Choose cuts in a row of steps (k,): between long and short steps, and not too far apart."""
    cuts, low, high, length = [0], float(steps[0]), float(steps[0]), 0.0
    for k, step in enumerate(steps.tolist()):
        low, high, length = min(low, step), max(high, step), length + step
        if k > cuts[-1] and ((high > 2.5 * low + 3) or length > REACH):
            cuts.append(k)
            low = high = length = step
    return [*cuts, len(steps)]


class PointBuffer:
    """A depth buffer filled by points: every strip of every part is sampled finer than a pixel."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.nearest = np.full(height * width, -1, np.int64)
        self.total = 0
        self.part: list[int] = []
        self.start: list[int] = []
        self.fine: list[tuple[int, int]] = []
        # Each strip: first point, m, n, first column, columns, first row, rows.
        self.coarse: list[tuple[int, int, int, int, int, int, int]] = []

    def add(
        self, number: int, first: int, xyz: Floats, facing: Floats, dark: tuple[float, float]
    ) -> None:
        """Draw one part: projected points (n, m, 3) and their facing (n, m).

        Pieces that face away are skipped between the rows ``dark``.
        """
        n, m = facing.shape
        planes = [Image.fromarray(np.ascontiguousarray(xyz[..., k])) for k in range(3)]
        wide = np.linalg.norm(np.diff(xyz[..., :2], axis=1), axis=2)  # (n, m - 1)
        high = np.linalg.norm(np.diff(xyz[..., :2], axis=0), axis=2)  # (n - 1, m)
        columns = _choose_cuts(wide.max(axis=0))
        ends = (int(np.ceil(dark[0])), int(dark[1])) if dark[1] > dark[0] else ()
        rows = sorted({*_choose_cuts(high.max(axis=1)), *ends})
        found: list[tuple[Floats, ...]] = []
        for left, right in pairwise(columns):
            for top, bottom in pairwise(rows):
                here = slice(top, bottom + 1), slice(left, right + 1)
                unseen = dark[0] <= top and bottom <= dark[1]
                if unseen and facing[here].max() < 0:
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
        """Return covered fine pixels, their blocks and the points within the blocks, each (k,)."""
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

    def sample(self, pixel: Ints, block: Ints, local: Ints, rows: Floats) -> SurfaceSamples:
        """Interpolate attributes (g, 6) of the coarse points at the visible fine points.

        Works in chunks that fit the CPU cache, which is several times faster.
        """
        fine = np.array(self.fine, np.int32)
        coarse = np.array(self.coarse, np.int32)
        first, m, n, left, span, top, tall = coarse.T
        numbers = np.column_stack([fine[:, 0], m, n, first])  # (b, 4)
        scales = np.column_stack([span / fine[:, 0], left, tall / fine[:, 1], top])
        scales = scales.astype(np.float32)  # (b, 4)
        k = len(pixel)
        mixed = np.empty((k, 6), np.float32)
        s, t = np.empty(k, np.float32), np.empty(k, np.float32)
        for start in range(0, k, CHUNK):
            here = slice(start, start + CHUNK)
            b = block[here]
            pitch, wide, high, start_at = np.take(numbers, b, axis=0, mode="clip").T
            to_x, from_x, to_y, from_y = np.take(scales, b, axis=0, mode="clip").T
            i = local[here] // pitch
            j = local[here] - i * pitch
            x = (j + HALF) * to_x + from_x
            y = (i + HALF) * to_y + from_y
            x0 = np.minimum(x.astype(np.int32), wide - 2)
            y0 = np.minimum(y.astype(np.int32), high - 2)
            fx, fy = (x - x0)[:, None].astype(np.float32), (y - y0)[:, None].astype(np.float32)
            at = start_at + y0 * wide + x0
            upper = np.take(rows, at, axis=0, mode="clip")
            upper += (np.take(rows, at + 1, axis=0, mode="clip") - upper) * fx
            at += wide
            lower = np.take(rows, at, axis=0, mode="clip")
            lower += (np.take(rows, at + 1, axis=0, mode="clip") - lower) * fx
            lower -= upper
            lower *= fy
            upper += lower
            size = np.sqrt(np.einsum("ij,ij->i", upper[:, :3], upper[:, :3])) + np.float32(1e-6)
            upper[:, :3] /= size[:, None]
            mixed[here] = upper
            s[here] = x / (wide - 1)
            t[here] = y / (high - 1)
        # The key holds the depth as an integer in its upper half.
        depth = ((self.nearest[pixel] >> 32) - 262144).astype(np.float32) / 16384
        return SurfaceSamples(mixed[:, :3], mixed[:, 3], mixed[:, 4], mixed[:, 5], depth, s, t)
