"""What the encoder is asked for. A loss is a mean over the rows it applies to, 0 if none."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from indexer.training.network import DIM, PREFIX_DIMS

UNLABELED = -1
DIMS = (*PREFIX_DIMS, DIM)


class Proxies(nn.Module):
    """One learned unit vector a class; a picture must be nearest to its own."""

    def __init__(self, classes: int, sharpness: float) -> None:
        super().__init__()
        self.classes = classes
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


class Bank(nn.Module):
    """What the encoder last made of each item's catalog picture: photos must find their own.

    A memory bank as of Wu et al. 2018; it holds vectors, not weights, and no gradient reaches it.
    """

    rows: Tensor
    known: Tensor

    def __init__(self, items: int, sharpness: float) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(items, DIM))
        self.register_buffer("known", torch.zeros(items, dtype=torch.bool))
        self.sharpness = sharpness

    @torch.no_grad()
    def remember(self, raw: Tensor, items: Tensor) -> None:
        """Store the vectors (n, 256) of catalog pictures of ``items`` (n,)."""
        fresh = functional.normalize(raw, dim=1)
        old = self.rows[items]
        interpolate = torch.where(self.known[items][:, None], 0.5 * (old + fresh), fresh)
        self.rows[items] = functional.normalize(interpolate, dim=1)
        self.known[items] = True

    def forward(self, raw: Tensor, items: Tensor) -> Tensor:
        """Cross-entropy of photos (n, 256) of ``items`` (n,) among all known catalog pictures."""
        asked = self.known[items]
        if not asked.any():
            return raw.sum() * 0.0
        raw, items = raw[asked], items[asked]
        total = raw.new_zeros(())
        for dim in DIMS:
            rows = functional.normalize(raw[:, :dim], dim=1)
            bank = functional.normalize(self.rows[:, :dim] + 1e-9, dim=1)
            likeness = rows @ bank.T * self.sharpness  # (n, items)
            likeness = likeness.masked_fill(~self.known[None, :], -1e4)
            total = total + functional.cross_entropy(likeness, items)
        return total / len(DIMS)


def imitate(raw: Tensor, target: Tensor, row_weight: Tensor) -> Tensor:
    """1 - cosine to targets (n, 256), over the prefixes, weighed by ``row_weight`` (n,)."""
    total = raw.new_zeros(())
    for dim in DIMS:
        ours = functional.normalize(raw[:, :dim], dim=1)
        theirs = functional.normalize(target[:, :dim], dim=1)
        total = total + (
            (1.0 - (ours * theirs).sum(1)) * row_weight
        ).sum() / row_weight.sum().clamp(min=1)
    return total / len(DIMS)


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
