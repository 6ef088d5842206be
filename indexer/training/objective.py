"""The training objective: the weighted losses of a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from indexer.training.batches import Batches
from indexer.training.data import Photo
from indexer.training.hyperparameters import Hyperparameters
from indexer.training.losses import UNLABELED, MemoryBank, Proxies, contrastive_loss, cosine_loss
from indexer.training.views import ViewBatch


class Objective(nn.Module):
    """The losses with their own parameters (proxies, memory bank), discarded after training."""

    item: Tensor
    kind: Tensor
    catalog: Tensor
    shopper: Tensor
    targets: Tensor

    def __init__(self, batches: Batches, targets: Tensor, params: Hyperparameters) -> None:
        """Take the labels of n photos from ``batches``, and their teacher ``targets`` (n, 256)."""
        super().__init__()
        self.params = params
        self.register_buffer("targets", targets, persistent=False)
        self.register_buffer("item", torch.from_numpy(batches.item), persistent=False)
        self.register_buffer("kind", torch.from_numpy(batches.kind), persistent=False)
        photos = batches.photos
        for name, predicate in (("catalog", is_catalog), ("shopper", is_shopper)):
            mask = torch.tensor([predicate(photo) for photo in photos])
            self.register_buffer(name, mask, persistent=False)
        self.items = Proxies(max(1, len(batches.items)), 18.0)
        self.kinds = Proxies(max(1, len(batches.kinds)), 16.0)
        self.bank = MemoryBank(max(1, len(batches.items)), 16.0)
        for proxies, labels in ((self.items, self.item), (self.kinds, self.kind)):
            known = labels != UNLABELED
            means = torch.zeros_like(proxies.vectors)
            means.index_add_(0, labels[known], nn.functional.normalize(targets[known], dim=1))
            with torch.no_grad():
                proxies.vectors.copy_(nn.functional.normalize(means, dim=1))

    def forward(self, raw: Tensor, before: Tensor, batch: ViewBatch) -> dict[str, Tensor]:
        """Return the weighted losses, by name, of the vectors ``raw`` (2 n, 256) of a batch.

        ``before`` (2 n, 256) are the vectors of the initial network for the same distorted
        pictures. Distilling from it prevents forgetting (function matching, Beyer et al. 2022).
        """
        params, numbers = self.params, batch.photo
        items, kinds = self.item[numbers], self.kind[numbers]
        unpatched = batch.own_share == 1.0
        half = len(unpatched) // 2
        # Unlabeled photos are left out: another one may show the same object, a false negative.
        pairs = (unpatched[:half] & unpatched[half:] & (items[:half] != UNLABELED)).repeat(2)
        shopper = self.shopper[numbers] & unpatched
        losses = {
            "distill": params.distill_weight
            * cosine_loss(raw, before, batch.teacher_weight * ~batch.drawn),
            "teacher": params.teacher_loss_weight
            * cosine_loss(raw, self.targets[numbers], batch.teacher_weight),
            "item": params.item_weight
            * self.items(raw, items, self.item[batch.patch], batch.own_share),
            "kind": params.kind_weight * self.kinds(raw, kinds),
            "contrastive": params.contrastive_weight
            * contrastive_loss(raw[pairs], self._groups(numbers[pairs])),
            "catalog": params.catalog_weight * self.bank(raw[shopper], items[shopper]),
        }
        catalog = self.catalog[numbers]
        self.bank.update(raw.detach()[catalog], items[catalog])
        return losses

    def _groups(self, numbers: Tensor) -> Tensor:
        # Each item is a group, each photo without an item too; the numbers do not overlap.
        items = self.item[numbers]
        return torch.where(items == UNLABELED, numbers + self.items.classes, items)


def is_shopper(photo: Photo) -> bool:
    """Return True if a shopper took the photo and its item has catalog pictures."""
    return photo.source == "grocery" or (
        photo.source == "drawn" and photo.path.parent.name == "photos"
    )


def is_catalog(photo: Photo) -> bool:
    """Return True if the photo is a catalog picture that shoppers' photos should find."""
    return photo.source == "grocery-catalog" or (photo.source == "drawn" and not is_shopper(photo))
