"""Read the outputs of a detector: scores, labels and boxes of its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Scores
    from indexer.recognizers.settings import DetectorSettings


class Candidates(NamedTuple):
    """The candidates of one square: scores (p,), labels (p,), and boxes (p, 4) as shares."""

    scores: Scores
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32]


def decode_outputs(
    outputs: Sequence[NDArray[np.float32]], settings: DetectorSettings
) -> list[Candidates]:
    """Return the candidates of each square of a batch.

    Raises ValueError, which names the expected shape, for outputs of another shape.
    """
    if settings.decode == "boxes":
        scores, boxes = outputs
        return _from_boxes(scores, boxes, settings)
    (raw,) = outputs
    labels = max(1, len(settings.labels))
    if settings.decode == "yolov8":
        _check(raw, (None, 4 + labels, None), f"(n, {4 + labels} = 4 + labels, p)")
        raw = raw.transpose(0, 2, 1)
        scores = raw[..., 4:]
    else:
        _check(raw, (None, None, 5 + labels), f"(n, p, {5 + labels} = 5 + labels)")
        scores = raw[..., 4:5] * raw[..., 5:]
    placed = raw[..., :4]
    if settings.decode == "yolox":
        placed = _on_grids(placed, settings)
    boxes = _corners(placed) / np.float32(settings.size)
    return _from_boxes(scores, boxes, settings)


def _from_boxes(
    scores: NDArray[np.float32], boxes: NDArray[np.float32], settings: DetectorSettings
) -> list[Candidates]:
    if scores.ndim == 2:
        scores = scores[..., None]
    labels = len(settings.labels) or None
    _check(scores, (None, None, labels), f"(n, p) or (n, p, {labels or 'labels'})")
    _check(boxes, (len(scores), scores.shape[1], 4), "(n, p, 4)")
    best = scores.argmax(axis=2)  # (n, p)
    top = np.take_along_axis(scores, best[..., None], axis=2)[..., 0]
    return [Candidates(*row) for row in zip(top, best, boxes, strict=True)]


def _on_grids(raw: NDArray[np.float32], settings: DetectorSettings) -> NDArray[np.float32]:
    """Return centers and sides in pixels from those of YOLOX, which are relative to its grids."""
    corners, steps = [], []
    for stride in settings.strides:
        count = settings.size // stride
        y, x = np.mgrid[:count, :count]
        corners.append(np.stack([x.ravel(), y.ravel()], axis=1))
        steps.append(np.full(count * count, stride, np.float32))
    grid = np.concatenate(corners).astype(np.float32)  # (p, 2)
    step = np.concatenate(steps)[:, None]  # (p, 1)
    _check(raw, (None, len(grid), 4), f"(n, {len(grid)}, 5 + labels) for its strides")
    sides = np.exp(np.clip(raw[..., 2:], -20, 20)) * step
    return np.concatenate([(raw[..., :2] + grid) * step, sides], axis=2)


def _corners(placed: NDArray[np.float32]) -> NDArray[np.float32]:
    half = placed[..., 2:] / 2
    return np.concatenate([placed[..., :2] - half, placed[..., :2] + half], axis=-1)


def _check(array: NDArray[np.float32], shape: tuple[int | None, ...], expected: str) -> None:
    right = array.ndim == len(shape) and all(
        wanted is None or wanted == got for wanted, got in zip(shape, array.shape, strict=True)
    )
    if not right:
        raise ValueError(f"an output is {array.shape}, expected {expected}")
