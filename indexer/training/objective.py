"""All losses of a step, weighed; and what they learn besides the encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from indexer.training.batches import Batch, Batches
from indexer.training.data import Photo
from indexer.training.hyperparameters import Hyperparameters
from indexer.training.losses import UNLABELED, Bank, Proxies, imitate, same_thing


class Objective(nn.Module):
    """The losses and what they learn besides the encoder; thrown away after training."""

    item: Tensor
    kind: Tensor
    catalog: Tensor
    shopper: Tensor

    def __init__(self, batches: Batches, params: Hyperparameters) -> None:
        super().__init__()
        self.params = params
        self.register_buffer("item", torch.from_numpy(batches.item), persistent=False)
        self.register_buffer("kind", torch.from_numpy(batches.kind), persistent=False)
        photos = batches.photos
        for name, chosen in (("catalog", is_catalog), ("shopper", is_shopper)):
            marks = torch.tensor([chosen(photo) for photo in photos])
            self.register_buffer(name, marks, persistent=False)
        self.items = Proxies(max(1, len(batches.items)), 18.0)
        self.kinds = Proxies(max(1, len(batches.kinds)), 16.0)
        self.bank = Bank(max(1, len(batches.items)), 16.0)
        whole = batches.targets[torch.from_numpy(batches.first)]  # (photos, 256)
        for proxies, labels in ((self.items, self.item), (self.kinds, self.kind)):
            known = labels != UNLABELED
            means = torch.zeros_like(proxies.vectors)
            means.index_add_(0, labels[known], nn.functional.normalize(whole[known], dim=1))
            with torch.no_grad():
                proxies.vectors.copy_(nn.functional.normalize(means, dim=1))

    def forward(self, raw: Tensor, before: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Weigh each loss of the vectors (2 n, 256) of a batch.

        ``before`` (2 n, 256) is what the network made of the same pictures before training. To
        agree with it there, on pictures however distorted, is what keeps the world known
        (function matching, Beyer et al. 2022).
        """
        params, numbers = self.params, batch.photo
        items, kinds = self.item[numbers], self.kind[numbers]
        whole = batch.own == 1.0
        half = len(whole) // 2
        # Crops of an unlabeled photo are no pair: another photo may show the same kind of thing.
        pairs = (whole[:half] & whole[half:] & (items[:half] != UNLABELED)).repeat(2)
        asked = self.shopper[numbers] & whole
        parts = {
            "distill": params.distill_weight
            * imitate(raw, before, batch.teacher_weight * ~batch.drawn),
            "teacher": params.teacher_loss_weight
            * imitate(raw, batch.target, batch.teacher_weight),
            "item": params.item_weight * self.items(raw, items, items[batch.donor], batch.own),
            "kind": params.kind_weight * self.kinds(raw, kinds),
            "same": params.same_weight * same_thing(raw[pairs], self._groups(numbers[pairs])),
            "catalog": params.catalog_weight * self.bank(raw[asked], items[asked]),
        }
        shown = self.catalog[numbers]
        self.bank.remember(raw.detach()[shown], items[shown])
        return parts

    def _groups(self, numbers: Tensor) -> Tensor:
        # Photos of one item are one group; others are their own. The two are kept apart.
        items = self.item[numbers]
        return torch.where(items == UNLABELED, numbers + self.items.classes, items)


def is_shopper(photo: Photo) -> bool:
    """Return whether a photo was taken by a shopper and its item has catalog pictures."""
    return photo.source == "grocery" or (
        photo.source == "drawn" and photo.path.parent.name == "photos"
    )


def is_catalog(photo: Photo) -> bool:
    """Return whether a photo is a catalog picture that shoppers' photos are to find."""
    return photo.source == "grocery-catalog" or (photo.source == "drawn" and not is_shopper(photo))
