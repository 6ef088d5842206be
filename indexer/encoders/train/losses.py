"""What the encoder is asked for. A loss is a mean over the rows it applies to, 0 if none."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from indexer.encoders.train.augment import moved
from indexer.encoders.train.network import DIM, PREFIX_DIMS

UNLABELED = -1
DIMS = (*PREFIX_DIMS, DIM)


class Proxies(nn.Module):
    """One learned unit vector a class; a picture must be nearest to its own."""

    def __init__(self, classes: int, sharpness: float) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(classes, DIM))
        self.sharpness = sharpness

    def forward(
        self, raw: Tensor, labels: Tensor, others: Tensor | None = None, own: Tensor | None = None
    ) -> Tensor:
        """Cross-entropy of cosines over the prefixes: (n, 256) rows, (n,) labels, -1 skipped.

        Where a picture is patched with another, `others` (n,) are the labels of the patches and
        `own` (n,) the shares that are not patch.
        """
        known = labels != UNLABELED
        if not known.any():
            return raw.sum() * 0.0
        others = labels if others is None else others
        own = torch.ones(len(labels)) if own is None else own
        raw, labels, others, own = raw[known], labels[known], others[known], own[known]
        total = raw.new_zeros(())
        for dim in DIMS:
            rows = functional.normalize(raw[:, :dim], dim=1)
            proxies = functional.normalize(self.vectors[:, :dim], dim=1)  # (classes, dim)
            likeness = rows @ proxies.T * self.sharpness  # (n, classes)
            for answer, share in ((labels, own), (others, 1.0 - own)):
                each = functional.cross_entropy(
                    likeness, answer, label_smoothing=0.05, reduction="none"
                )
                total = total + (share * each).mean()
        return total / len(DIMS)


class Imitation(nn.Module):
    """The vector must tell what the teacher saw, and order the batch as the teacher does."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor, sharpness: float = 10.0) -> None:
        super().__init__()
        self.guess = nn.Linear(DIM, len(mean))
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.sharpness = sharpness

    def target(self, levels: Tensor) -> Tensor:
        """Unit, centred teacher rows from uint8 (n, 1280) levels."""
        return functional.normalize((levels.float().sqrt() - self.mean) / self.deviation, dim=1)

    def forward(self, raw: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
        """1 - cosine to the teacher, and divergence of neighborhoods; (n, 256), (n, 1280)."""
        target = self.target(levels)
        guess = functional.normalize(self.guess(functional.normalize(raw, dim=1)), dim=1)
        direct = 1.0 - (guess * target).sum(1).mean()
        itself = torch.eye(len(raw), dtype=torch.bool)
        wanted = (target @ target.T * self.sharpness).masked_fill(itself, -1e4).softmax(1)  # (n, n)
        relation = raw.new_zeros(())
        for dim in DIMS:
            rows = functional.normalize(raw[:, :dim], dim=1)
            got = (rows @ rows.T * self.sharpness).masked_fill(itself, -1e4).log_softmax(1)
            relation = relation + functional.kl_div(got, wanted, reduction="batchmean")
        return direct, relation / len(DIMS)


class Places(nn.Module):
    """A stage's map must tell, place by place, what a map of the teacher holds."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, sample: Tensor) -> None:
        """`sample` is (n, h, w, c) of the teacher's maps, to learn their scale from."""
        super().__init__()
        flat = sample.float().flatten(0, 2)  # (n h w, c)
        self.register_buffer("mean", flat.mean(0)[:, None, None])
        self.register_buffer("deviation", flat.std(0)[:, None, None] + 1e-3)
        self.guess = nn.Conv2d(channels, flat.shape[1], 1)

    def forward(self, ours: Tensor, theirs: Tensor, matrix: Tensor) -> Tensor:
        """Mean squared error in deviations: (n, channels, s, s), int8 (n, h, w, c), (n, 2, 3)."""
        size = ours.shape[-1]
        target = moved(theirs.permute(0, 3, 1, 2).float(), matrix, 2 * size)
        target = functional.avg_pool2d(target, 2)  # (n, c, s, s)
        target = (target - self.mean) / self.deviation
        return functional.mse_loss(self.guess(ours).float(), target)


def same_thing(raw: Tensor, groups: Tensor, sharpness: float = 10.0) -> Tensor:
    """Find the other view among all views of the batch.

    `raw` is (2 n, 256), rows i and i + n being two views; `groups` (2 n,) marks rows that show
    the same thing and are therefore not counted as wrong answers.
    """
    count = len(raw)
    if not count:
        return raw.sum()
    partner = (torch.arange(count) + count // 2) % count
    hidden = groups[:, None] == groups[None, :]  # (2 n, 2 n)
    hidden[torch.arange(count), partner] = False
    total = raw.new_zeros(())
    for dim in DIMS:
        rows = functional.normalize(raw[:, :dim], dim=1)
        likeness = (rows @ rows.T * sharpness).masked_fill(hidden, -1e4)
        total = total + functional.cross_entropy(likeness, partner)
    return total / len(DIMS)
