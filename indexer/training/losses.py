"""The losses. Each is a mean over the rows that it applies to, or 0 if there are none."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from indexer.training.network import DIM, PREFIX_DIMS

UNLABELED = -1
DIMS = (*PREFIX_DIMS, DIM)


class Proxies(nn.Module):
    """Classifies pictures by cosine to one learned unit vector per class (proxy-based loss)."""

    def __init__(self, classes: int, scale: float) -> None:
        super().__init__()
        self.classes = classes
        self.vectors = nn.Parameter(torch.randn(classes, DIM))
        self.scale = scale

    def forward(
        self,
        raw: Tensor,
        labels: Tensor,
        patch_labels: Tensor | None = None,
        own_share: Tensor | None = None,
    ) -> Tensor:
        """Return the cross-entropy of scaled cosines, averaged over the prefixes.

        ``raw`` is (n, 256), ``labels`` (n,); rows with label -1 are skipped. With CutMix,
        ``patch_labels`` (n,) are the labels of the patches and ``own_share`` (n,) the shares of the
        area that are not patch.
        """
        known = labels != UNLABELED
        if not known.any():
            return raw.sum() * 0.0
        patch_labels = labels if patch_labels is None else patch_labels
        own_share = torch.ones(len(labels)) if own_share is None else own_share
        raw, labels, patch_labels, own_share = (
            raw[known],
            labels[known],
            patch_labels[known],
            own_share[known],
        )
        total = raw.new_zeros(())
        for dim in DIMS:
            rows = functional.normalize(raw[:, :dim], dim=1)
            proxies = functional.normalize(self.vectors[:, :dim], dim=1)  # (classes, dim)
            logits = rows @ proxies.T * self.scale  # (n, classes)
            for target, share in ((labels, own_share), (patch_labels, 1.0 - own_share)):
                losses = functional.cross_entropy(
                    logits, target, label_smoothing=0.05, reduction="none"
                )
                total = total + (share * losses).mean()
        return total / len(DIMS)


class MemoryBank(nn.Module):
    """Classifies photos by the most recent vectors of the items' catalog pictures.

    A memory bank (Wu et al. 2018): it stores vectors, which receive no gradient.
    """

    rows: Tensor
    filled: Tensor

    def __init__(self, items: int, scale: float) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(items, DIM))
        self.register_buffer("filled", torch.zeros(items, dtype=torch.bool))
        self.scale = scale

    @torch.no_grad()
    def update(self, raw: Tensor, items: Tensor) -> None:
        """Average the vectors (n, 256) of catalog pictures into the rows of ``items`` (n,)."""
        new = functional.normalize(raw, dim=1)
        old = self.rows[items]
        average = torch.where(self.filled[items][:, None], 0.5 * (old + new), new)
        self.rows[items] = functional.normalize(average, dim=1)
        self.filled[items] = True

    def forward(self, raw: Tensor, items: Tensor) -> Tensor:
        """Return the cross-entropy of photos (n, 256) of ``items`` (n,) over all filled rows."""
        known = self.filled[items]
        if not known.any():
            return raw.sum() * 0.0
        raw, items = raw[known], items[known]
        total = raw.new_zeros(())
        for dim in DIMS:
            rows = functional.normalize(raw[:, :dim], dim=1)
            bank = functional.normalize(self.rows[:, :dim] + 1e-9, dim=1)
            logits = rows @ bank.T * self.scale  # (n, items)
            logits = logits.masked_fill(~self.filled[None, :], -1e4)
            total = total + functional.cross_entropy(logits, items)
        return total / len(DIMS)


def cosine_loss(raw: Tensor, target: Tensor, row_weight: Tensor) -> Tensor:
    """Return 1 - cosine of ``raw`` and ``target`` (n, 256), averaged over rows and prefixes.

    ``row_weight`` (n,) are the weights of the rows.
    """
    total = raw.new_zeros(())
    for dim in DIMS:
        rows = functional.normalize(raw[:, :dim], dim=1)
        targets = functional.normalize(target[:, :dim], dim=1)
        total = total + (
            (1.0 - (rows * targets).sum(1)) * row_weight
        ).sum() / row_weight.sum().clamp(min=1)
    return total / len(DIMS)


def contrastive_loss(raw: Tensor, groups: Tensor, scale: float = 10.0) -> Tensor:
    """Return the cross-entropy of each row's partner among all other rows of the batch (InfoNCE).

    ``raw`` is (2 n, 256), where rows i and i + n are partners. Rows of the same group, ``groups``
    (2 n,), show the same object and are not used as negatives.
    """
    count = len(raw)
    if not count:
        return raw.sum()
    partner = (torch.arange(count) + count // 2) % count
    excluded = groups[:, None] == groups[None, :]  # (2 n, 2 n)
    excluded[torch.arange(count), partner] = False
    total = raw.new_zeros(())
    for dim in DIMS:
        rows = functional.normalize(raw[:, :dim], dim=1)
        logits = (rows @ rows.T * scale).masked_fill(excluded, -1e4)
        total = total + functional.cross_entropy(logits, partner)
    return total / len(DIMS)
