"""The loss: which positions stand for which thing, and how well they fit it.

Positions are assigned as in TOOD (Feng et al. 2021): those inside a thing that score and fit best.
The target of a score is how well the box fits, so the score can order boxes of any kind.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_BEST = 10  # positions for each thing, at most
_FIT_POWER = 5.0
_SCORE_POWER = 0.7
_BOX_WEIGHT = 2.0
_SMALLEST = 12.0  # pixels: a smaller thing counts as this large when positions are chosen


class Truth(NamedTuple):
    """The things of a batch, in pixels.

    ``boxes`` (n, m, 4) and ``ignored`` (n, k, 4) are padded with zeros; ``complete`` (n,) is false
    for pictures with more things than boxes.
    """

    boxes: Tensor
    ignored: Tensor
    complete: Tensor


class Assignment(NamedTuple):
    """For each position: the target of the score (n, p), and the box it stands for (n, p, 4)."""

    target: Tensor
    boxes: Tensor


def detection_loss(
    scores: Tensor, boxes: Tensor, truth: Truth, centers: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the loss of scores (n, p), before the sigmoid, and of boxes (n, p, 4) in pixels."""
    with torch.no_grad():
        assigned = assign(scores.sigmoid(), boxes, truth.boxes, centers)
        background = assigned.target == 0
        weight = (assigned.target - scores.sigmoid()).abs().square()
        quiet = inside(centers, truth.ignored).any(1) | ~truth.complete[:, None]  # (n, p)
        weight = torch.where(background & quiet, 0.0, weight)
    total = assigned.target.sum().clamp(min=1.0)
    score_loss = functional.binary_cross_entropy_with_logits(
        scores, assigned.target, weight, reduction="sum"
    )
    found = ~background
    misfit = 1 - generalized_iou(boxes[found], assigned.boxes[found])
    box_loss = (misfit * assigned.target[found]).sum()
    return score_loss / total, _BOX_WEIGHT * box_loss / total


def assign(scores: Tensor, boxes: Tensor, things: Tensor, centers: Tensor) -> Assignment:
    """Assign positions to things (n, m, 4), those padded with zeros excepted."""
    if things.shape[1] == 0:
        return Assignment(torch.zeros_like(scores), torch.zeros_like(boxes))
    real = (things[..., 2] > things[..., 0])[..., None]  # (n, m, 1)
    fit = iou(things[:, :, None], boxes[:, None])  # (n, m, p)
    allowed = inside(centers, _at_least(things)) & real
    quality = torch.where(allowed, scores[:, None] ** _SCORE_POWER * fit**_FIT_POWER + 1e-12, 0.0)
    best = quality.topk(_BEST, dim=2)
    chosen = torch.zeros_like(quality).scatter_(2, best.indices, 1.0).bool() & allowed
    # A position that several things have chosen stands for the one that it fits best.
    rival = torch.where(chosen, fit + 1e-6, 0.0)
    owner = rival.argmax(1)  # (n, p)
    mine = functional.one_hot(owner, things.shape[1]).transpose(1, 2).bool() & chosen
    quality = torch.where(mine, quality, 0.0)
    most_quality = quality.amax(2, keepdim=True).clamp(min=1e-12)
    most_fit = torch.where(mine, fit, 0.0).amax(2, keepdim=True)
    target = (quality / most_quality * most_fit).amax(1)  # (n, p)
    index = owner[..., None].expand(-1, -1, 4)
    return Assignment(target, things.gather(1, index))


def _at_least(things: Tensor) -> Tensor:
    """Enlarge small boxes about their centers, so that at least one position is inside."""
    middle = (things[..., :2] + things[..., 2:]) / 2
    half = ((things[..., 2:] - things[..., :2]) / 2).clamp(min=_SMALLEST / 2)
    return torch.cat([middle - half, middle + half], dim=-1)


def inside(centers: Tensor, boxes: Tensor) -> Tensor:
    """Return which centers (p, 2) are in which boxes (n, m, 4): (n, m, p)."""
    near = centers[None, None]  # (1, 1, p, 2)
    low, high = boxes[:, :, None, :2], boxes[:, :, None, 2:]
    return ((near > low) & (near < high)).all(-1)


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the intersection over union of boxes (..., 4), broadcast."""
    return _overlap(first, second)[0]


def generalized_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the generalized IoU (Rezatofighi et al. 2019): negative for boxes far apart."""
    share, union = _overlap(first, second)
    low = torch.minimum(first[..., :2], second[..., :2])
    high = torch.maximum(first[..., 2:], second[..., 2:])
    hull = (high - low).clamp(min=0).prod(-1).clamp(min=1e-6)
    return share - (hull - union) / hull


def _overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(box[..., 2:] - box[..., :2]).clamp(min=0).prod(-1) for box in (first, second)]
    union = (areas[0] + areas[1] - shared).clamp(min=1e-6)
    return shared / union, union
