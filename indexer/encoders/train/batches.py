"""What each training step sees: stored views of all photos, and labeled photos cropped anew."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from indexer.encoders.train.augment import STRONG, augment, patch
from indexer.encoders.train.data import Photo, digest_of
from indexer.encoders.train.losses import UNLABELED
from indexer.encoders.train.originals import Originals
from indexer.encoders.train.plan import Plan
from indexer.encoders.train.views import Round

SOURCE_SHARE = {
    "grocery": 26,
    "grocery-catalog": 9,
    "clothing": 22,
    "magento": 12,
    "ccp-thing": 10,
    "ccp": 3,
    "general": 14,
    "styles": 2,
    "drawn": 24,
}
PATCHED = ("grocery", "grocery-catalog")
OTHER_PHOTO = {"grocery": 0.4, "grocery-catalog": 0.7, "magento": 0.7, "drawn": 0.85}
"""How often the second view of a pair is taken from another photo of the same item."""


@dataclass(frozen=True)
class Batch:
    """Pairs of views: row i and row i + n show the same thing.

    `pixels` is uint8 (2 n, 3, 128, 128), `photo` (2 n,) the numbers of the photos; the others
    are what the teacher saw, as in `Round`.
    """

    photo: Tensor
    pixels: Tensor
    pooled: Tensor
    deep: Tensor
    middle: Tensor


@dataclass(frozen=True)
class Crops:
    """Pairs of labeled photos, cropped anew: row i and row i + n show the same item or photo.

    `photo` is (2 n,); `x` float32 (2 n, 3, size, size); `donor` and `own` (2 n,) as `patch` gives
    them.
    """

    photo: Tensor
    x: Tensor
    donor: Tensor
    own: Tensor


class Batches:
    """Draws pairs of views with their labels. The order depends on seed and step alone.

    Without `originals` every batch is of views alone.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        rounds: Sequence[Round],
        plan: Plan,
        use: Sequence[bool],
        originals: Originals | None = None,
    ) -> None:
        self.plan = plan
        self.originals = originals
        self.rounds = rounds
        self.first = np.searchsorted(rounds[0].photo, np.arange(len(photos)))
        self.repeats = np.array([photo.repeats for photo in photos])
        self.items = sorted({p.item for p in photos if p.item})
        self.kinds = sorted({p.kind for p in photos if p.kind})
        item_number = {name: i for i, name in enumerate(self.items)}
        kind_number = {name: i for i, name in enumerate(self.kinds)}
        self.item = np.array([item_number[p.item] if p.item else UNLABELED for p in photos])
        self.kind = np.array([kind_number[p.kind] if p.kind else UNLABELED for p in photos])
        self.by_source: dict[str, list[int]] = defaultdict(list)
        self.by_item: dict[str, list[int]] = defaultdict(list)
        for i, photo in enumerate(photos):
            if use[i]:
                self.by_source[photo.source].append(i)
                if photo.item:
                    self.by_item[photo.item].append(i)
        self.photos = photos
        self.digest = digest_of(photo for photo, used in zip(photos, use, strict=True) if used)
        self.chance = {
            source: np.array([self._balance(photos[i]) for i in members])
            for source, members in self.by_source.items()
        }

    def _balance(self, photo: Photo) -> float:
        # Between one vote a photo and one vote a class: rare products are seen, not hammered.
        return 1.0 / math.sqrt(len(self.by_item[photo.item])) if photo.item else 1.0

    def draw(self, step: int) -> Batch:
        """Draw the views of a step."""
        rng = np.random.default_rng((self.plan.seed, step))
        sources = list(self.by_source)
        share = np.array([float(SOURCE_SHARE[source]) for source in sources])
        first: list[int] = []
        pairs = self.plan.pairs - (self.plan.fresh_pairs(step) if self.originals else 0)
        for source in rng.choice(len(sources), pairs, p=share / share.sum()):
            members, chance = self.by_source[sources[source]], self.chance[sources[source]]
            first.append(members[int(rng.choice(len(members), p=chance / chance.sum()))])
        second = [self._partner(i, rng) for i in first]
        numbers = np.array(first + second)
        # Round 0 shows photos whole, as searches will: it gets two shares.
        rounds = np.maximum(0, rng.integers(-1, len(self.rounds), size=len(numbers)))
        rows = self.first[numbers] + rng.integers(self.repeats[numbers])
        picked = [self.rounds[r] for r in rounds]

        def gather(part: str) -> Tensor:
            some = [getattr(one, part)[row] for one, row in zip(picked, rows, strict=True)]
            return torch.from_numpy(np.stack(some))

        return Batch(
            photo=torch.from_numpy(numbers),
            pixels=gather("pixels").permute(0, 3, 1, 2),
            pooled=gather("pooled"),
            deep=gather("deep"),
            middle=gather("middle"),
        )

    def crop(self, step: int, generator: torch.Generator) -> Crops | None:
        """Draw the labeled photos of a step, changed strongly; None where a step has none."""
        pairs = self.plan.fresh_pairs(step)
        if self.originals is None or not pairs:
            return None
        photo, pixels = self.originals.draw(step, pairs)
        x, _ = augment(pixels, self.plan.size(step), generator, STRONG)
        patchable = torch.tensor([self.photos[i].source in PATCHED for i in photo.tolist()])
        patchable &= torch.rand(len(photo), generator=generator) < self.plan.patched
        donor, own = patch(x, patchable.nonzero().flatten(), generator)
        return Crops(photo, x, donor, own)

    def _partner(self, index: int, rng: np.random.Generator) -> int:
        photo = self.photos[index]
        if photo.item is None or rng.random() > OTHER_PHOTO.get(photo.source, 0.0):
            return index
        members = self.by_item[photo.item]
        return members[int(rng.integers(len(members)))]
