"""All losses of a step, weighed; and what they learn besides the encoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from indexer.encoders.train.batches import Batch, Batches, Crops
from indexer.encoders.train.losses import UNLABELED, Imitation, Places, Proxies, same_thing
from indexer.encoders.train.plan import Plan


class Goals(nn.Module):
    """The losses and what they learn besides the encoder; thrown away after training."""

    item: Tensor
    kind: Tensor

    def __init__(self, batches: Batches, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.register_buffer("item", torch.from_numpy(batches.item), persistent=False)
        self.register_buffer("kind", torch.from_numpy(batches.kind), persistent=False)
        views = batches.rounds[0]
        levels = torch.from_numpy(np.array(views.pooled[::7])).float().sqrt()
        self.items = Proxies(max(1, len(batches.items)), 20.0)
        self.kinds = Proxies(max(1, len(batches.kinds)), 16.0)
        self.imitation = Imitation(levels.mean(0), levels.std(0) + 0.5)
        _, _, third, fourth = plan.shape.channels
        self.middle = Places(third, torch.from_numpy(np.array(views.middle[::29])))
        self.deep = Places(fourth, torch.from_numpy(np.array(views.deep[::29])))

    def forward(
        self, raw: Tensor, maps: list[Tensor], batch: Batch, matrix: Tensor, crops: Crops | None
    ) -> dict[str, Tensor]:
        """Weigh each loss.

        `raw` (2 n, 256) and the four stages' `maps` are of the views, then of the crops; `matrix`
        (2 n, 2, 3) holds the motions of the views.
        """
        plan, numbers, views = self.plan, batch.photo, len(batch.photo)
        seen = raw[:views]
        direct, relation = self.imitation(seen, batch.pooled)
        share = 1.0 if crops is None else 0.5  # labels are then mostly the crops' matter
        places = plan.place_weight if crops is None else plan.fresh_place_weight
        deep, middle = maps[3][:views].float(), maps[2][:views].float()
        items, kinds = self.item[numbers], self.kind[numbers]
        parts = {
            "item": share * plan.item_weight * self.items(seen, items),
            "kind": share * plan.kind_weight * self.kinds(seen, kinds),
            "imitate": plan.imitate_weight * direct,
            "relation": plan.relation_weight * relation,
            "middle": places * self.middle(middle, batch.middle, matrix),
            "deep": places * self.deep(deep, batch.deep, matrix),
            "same": share * plan.same_weight * same_thing(seen, self._groups(numbers)),
        }
        if crops is not None:
            parts |= self._of_crops(raw[views:], crops)
        return parts

    def _of_crops(self, raw: Tensor, crops: Crops) -> dict[str, Tensor]:
        plan, items = self.plan, self.item[crops.photo]
        whole = crops.own == 1.0
        half = len(whole) // 2
        whole = (whole[:half] & whole[half:]).repeat(2)  # pairs without a patch
        return {
            "crop item": plan.item_weight * self.items(raw, items, items[crops.donor], crops.own),
            "crop kind": plan.kind_weight * self.kinds(raw, self.kind[crops.photo]),
            "crop same": plan.same_weight
            * same_thing(raw[whole], self._groups(crops.photo[whole])),
        }

    def _groups(self, numbers: Tensor) -> Tensor:
        # Photos of one item are one group; others are their own. The two are kept apart.
        items = self.item[numbers]
        return torch.where(items == UNLABELED, numbers + len(self.items.vectors), items)
