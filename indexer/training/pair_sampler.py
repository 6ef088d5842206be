"""Batches for adapting an encoder to a shop: distorted pairs of pictures of an item."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.imaging import cutout
from indexer.training.dataset import Dataset
from indexer.training.distortions import Strength, augment, crop
from indexer.training.originals import random_box

_STRENGTH = Strength(quarter_turned=0.05, drawings=0.0)


class PairSampler:
    """Samples pairs of pictures of an item, a photo and a catalog picture if it has both.

    A batch depends on the seed and the step only.
    """

    def __init__(self, dataset: Dataset, pairs: int, seed: int) -> None:
        self.dataset, self.pairs, self.seed = dataset, pairs, seed
        usable = np.flatnonzero(~dataset.held_out)
        self.photos: dict[int, list[int]] = {}
        self.catalog_pictures: dict[int, list[int]] = {}
        for position in usable.tolist():
            group = self.photos if dataset.photo[position] else self.catalog_pictures
            group.setdefault(int(dataset.item[position]), []).append(position)
        self.items = np.array(sorted({*self.photos, *self.catalog_pictures}))
        counts = [
            len(self.photos.get(n, [])) + len(self.catalog_pictures.get(n, [])) for n in self.items
        ]
        weight = np.sqrt(np.array(counts, dtype=np.float64))
        self.sampling = weight / weight.sum()
        self.usable = usable

    def draw(self, step: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Sample the batch of a step: pixels (2 n, 3, size, size), items and kinds (2 n,).

        Rows i and i + n show the same item.
        """
        rng = np.random.default_rng((self.seed, step))
        items = rng.choice(self.items, self.pairs, p=self.sampling)
        pairs = [self._sample_pair(int(item), rng) for item in items]
        positions = [position for side in zip(*pairs, strict=True) for position in side]
        pictures = [self._on_background(position, rng) for position in positions]
        item = np.concatenate([items, items])
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        boxes = np.stack([random_box(rng, 0.3, 1.0) for _ in pictures])
        crops = crop(pixels, torch.from_numpy(boxes), size, generator, _STRENGTH)
        crops, _ = augment(crops, torch.empty(0, 3, size, size), generator, _STRENGTH)
        kind = self.dataset.kind[positions]
        return crops, torch.from_numpy(item), torch.from_numpy(kind)

    def _sample_pair(self, item: int, rng: np.random.Generator) -> tuple[int, int]:
        photos, catalog_pictures = self.photos.get(item, []), self.catalog_pictures.get(item, [])
        if photos and catalog_pictures and rng.random() < 0.6:
            return int(rng.choice(photos)), int(rng.choice(catalog_pictures))
        group = (
            photos if photos and (not catalog_pictures or rng.random() < 0.5) else catalog_pictures
        )
        first, second = rng.choice(group, 2, replace=len(group) < 2)
        return int(first), int(second)

    def _on_background(self, position: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a picture; half of the time, an object on white is pasted onto another picture."""
        pixels: NDArray[np.uint8] = self.dataset.pixels[position]
        if self.dataset.photo[position] or rng.random() < 0.5:
            return pixels
        thing = cutout.object_mask(pixels)
        if thing is None:
            return pixels
        return cutout.paste_object(pixels, thing, self.dataset.pixels[int(rng.choice(self.usable))])
