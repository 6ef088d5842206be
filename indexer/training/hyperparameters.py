"""The hyperparameters: every number that decides the outcome of a training, besides the data."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, field

from indexer.training.distortions import Strength
from indexer.training.network import Shape

SHARES = {
    "grocery": 22,
    "grocery-catalog": 9,
    "clothing": 13,
    "magento": 8,
    "ccp-thing": 5,
    "ccp": 2,
    "general": 12,
    "styles": 1,
    "drawn": 8,
}
"""Of each batch, by the source of the photos."""
WHITENED = {"grocery": 2, "grocery-catalog": 1, "clothing": 1.5, "magento": 1.5}
"""How much what differs within an item, or a kind, counts, by the source of the photos."""
TEACHER_WEIGHTS = {"grocery": 0.4, "grocery-catalog": 0.5}
"""Weights of the teachers' features: labels know shelves better than the teachers do."""


@dataclass(frozen=True)
class Hyperparameters:
    """The lengths, rates and weights of one training run.

    A run takes ``steps`` batches of ``pairs`` pairs. The first ``frozen`` blocks keep their
    ImageNet weights; ``whiten`` is the power that principal axes are whitened by. The share
    ``fresh_crop_share`` of the labeled crops are cut anew, of ``area`` of the photo;
    ``background_share`` of the things on white get another background; ``cutmix_share`` of the
    shelf photos show a square of another. In the end the trunk forks after the frozen blocks;
    ``parts`` of the likeness come from ImageNet's view, from the trained branch and from the
    palette; ``shrinkage`` is that of the whitening within items and kinds. Then ``qat_steps``
    steps at ``qat_rate`` are taken in simulated int8.
    """

    shape: Shape = field(default_factory=Shape)
    steps: int = 1_200
    pairs: int = 32
    sizes: tuple[tuple[float, int], ...] = ((0.8, 160), (1.0, 192))
    frozen: int = 11
    whiten: float = 0.5
    rate: float = 1.5e-4
    head_rate: float = 3.0  # times the rate
    proxy_rate: float = 50.0  # times the rate
    level: float = 0.35
    decay: float = 0.02
    ema_decay: float = 0.996
    parts: tuple[float, float, float] = (0.45, 0.47, 0.08)
    shrinkage: float = 1.0
    qat_steps: int = 100
    qat_rate: float = 3e-5
    seed: int = 1
    workers: int = 2
    item_weight: float = 0.8
    kind_weight: float = 0.5
    distill_weight: float = 2.0
    teacher_loss_weight: float = 1.0
    same_weight: float = 0.3
    catalog_weight: float = 0.4
    fresh_crop_share: float = 0.5
    area: tuple[float, float] = (0.25, 1.0)
    background_share: float = 0.45
    cutmix_share: float = 0.2
    strength: Strength = field(default_factory=Strength)

    def share(self, source: str, present: Container[str]) -> float:
        """Return the share of a batch that comes from a source, of those present."""
        return SHARES[source] / sum(n for name, n in SHARES.items() if name in present)

    def teacher_weight(self, source: str) -> float:
        """Return the weight of the teachers' features of a photo."""
        return TEACHER_WEIGHTS.get(source, 1.0)

    def size(self, step: int) -> int:
        """Side of the pictures at a step: small first, where a step costs less."""
        return next(size for until, size in self.sizes if step < until * self.steps or until >= 1.0)

    def rate_at(self, step: int) -> float:
        """Learning rate: a short rise, level, then half a cosine down over the last part."""
        rise = min(1.0, (step + 1) / 100)
        fall = max(0.0, (step / self.steps - self.level) / (1.0 - self.level))
        return self.rate * rise * 0.5 * (1 + math.cos(math.pi * fall))
