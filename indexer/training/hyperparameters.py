"""The hyperparameters of a training run."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, field

from indexer.training.distortions import Strength
from indexer.training.network import LITE, Shape

BATCH_SHARES = {
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
"""Shares of a batch by the source of the photos; they are normalized over the sources present."""
HEAD_SHARES = {**BATCH_SHARES, "general": 200}
"""Shares of the sources in the closed-form head, which has to serve pictures of all kinds."""
WITHIN_CLASS_WEIGHTS = {
    "grocery": 2,
    "grocery-catalog": 1,
    "clothing": 1.5,
    "magento": 1.5,
    "drawn": 1.5,
}
"""Weights of the sources in the within-class covariance, where a class is an item or a kind."""
DRAWING_WEIGHTS = {
    "grocery": 0.5,
    "clothing": 0.5,
    "magento": 0.5,
    "ccp-thing": 0.5,
    "drawn": 0.5,
    "general": 1,
}
"""Weights of the sources in the covariance between photos and drawings of them."""
TEACHER_WEIGHTS = {"grocery": 0.4, "grocery-catalog": 0.5}
"""Weights of the teacher loss by source, 1 by default; on shelf photos labels are more reliable."""


@dataclass(frozen=True)
class Hyperparameters:
    """The lengths, rates and weights of one training run.

    ``view_batches`` batches of views are computed once, of ``size`` px. A run takes ``steps``
    batches of ``pairs`` pairs of them. The finished file takes pictures of ``served_size`` px:
    crops enlarge things, so whole photos should be larger (FixRes, Touvron et al. 2019). The first
    ``frozen_blocks`` blocks keep their ImageNet weights, and the others become the branch.
    Principal components are whitened to the power ``whitening_power``.

    Of the crops, ``crop_share`` are random ones of ``crop_area`` of the photo. Of the objects on
    white, ``background_share`` get another background. Of the shelf photos, ``cutmix_share`` get a
    CutMix square.

    ``similarity_shares`` are the shares of the ImageNet features, the trained head and the palette
    in the similarity. ``shrinkage`` applies to the within-class covariance.
    """

    shape: Shape = LITE["lite1"]
    steps: int = 6_000
    pairs: int = 32
    view_batches: int = 2_000
    size: int = 192
    served_size: int = 208
    frozen_blocks: int = 17
    whitening_power: float = 0.5
    rate: float = 1.5e-4
    head_rate_factor: float = 3.0  # times the rate
    proxy_rate_factor: float = 50.0  # times the rate
    constant_share: float = 0.35  # of the steps, at the full learning rate
    weight_decay: float = 0.02
    ema_decay: float = 0.996
    similarity_shares: tuple[float, float, float] = (0.55, 0.39, 0.06)
    shrinkage: float = 0.25
    seed: int = 1
    workers: int = 2
    item_weight: float = 0.8
    kind_weight: float = 0.5
    distill_weight: float = 2.0
    teacher_loss_weight: float = 1.0
    contrastive_weight: float = 0.3
    catalog_weight: float = 0.4
    crop_share: float = 0.5
    crop_area: tuple[float, float] = (0.25, 1.0)
    background_share: float = 0.45
    cutmix_share: float = 0.2
    strength: Strength = field(default_factory=Strength)

    def share(self, source: str, present: Container[str]) -> float:
        """Return the share of a batch for a source, given the sources present."""
        return BATCH_SHARES[source] / sum(n for name, n in BATCH_SHARES.items() if name in present)

    def teacher_weight(self, source: str) -> float:
        """Return the weight of the teacher loss for photos of a source."""
        return TEACHER_WEIGHTS.get(source, 1.0)

    def rate_at(self, step: int) -> float:
        """Return the learning rate at a step: warmup, constant, then cosine decay to 0."""
        warmup = min(1.0, (step + 1) / 100)
        decayed = max(0.0, (step / self.steps - self.constant_share) / (1.0 - self.constant_share))
        return self.rate * warmup * 0.5 * (1 + math.cos(math.pi * decayed))
