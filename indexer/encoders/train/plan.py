"""Every number that decides the outcome of a training, besides the data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from indexer.encoders.train.network import Shape


@dataclass(frozen=True)
class Plan:
    """The lengths, rates and weights of one training run."""

    shape: Shape = field(default_factory=Shape)
    steps: int = 20_000
    pairs: int = 48
    sizes: tuple[tuple[float, int], ...] = (
        (0.1, 64),
        (0.35, 96),
        (0.75, 128),
        (1.0, 160),
    )
    rate: float = 1.6e-3
    level: float = 0.5
    decay: float = 0.05
    keep: float = 0.998
    seed: int = 1
    workers: int = 2
    item_weight: float = 1.0
    kind_weight: float = 0.7
    imitate_weight: float = 2.0
    relation_weight: float = 1.0
    place_weight: float = 2.0
    same_weight: float = 0.5
    fresh_from: float = 0.35
    fresh: float = 0.5
    fresh_place_weight: float = 1.0
    patched: float = 0.4
    drop: float = 0.2

    def fresh_pairs(self, step: int) -> int:
        """How many pairs of a step are labeled photos cropped anew in place of stored views."""
        return round(self.fresh * self.pairs) if step >= self.fresh_from * self.steps else 0

    def size(self, step: int) -> int:
        """Side of the pictures at a step: small first, where a step costs half."""
        return next(size for until, size in self.sizes if step < until * self.steps or until >= 1.0)

    def rate_at(self, step: int) -> float:
        """Learning rate: a short rise, level, then half a cosine down over the last part."""
        rise = min(1.0, (step + 1) / 150)
        fall = max(0.0, (step / self.steps - self.level) / (1.0 - self.level))
        return self.rate * rise * 0.5 * (1 + math.cos(math.pi * fall))
