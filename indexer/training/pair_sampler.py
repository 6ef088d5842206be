"""Batches for adapting an encoder to a shop: pairs of pictures of one item, distorted."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.imaging import cutout
from indexer.training.dataset import Dataset
from indexer.training.distortions import Strength, augment, crop
from indexer.training.originals import random_box

_STRENGTH = Strength(quarter=0.05, drawn=0.0)


class PairSampler:
    """Draws pairs of pictures that show the same item: a photo and a catalog picture if it can.

    The order depends on the seed and the step alone.
    """

    def __init__(self, dataset: Dataset, pairs: int, seed: int) -> None:
        self.dataset, self.pairs, self.seed = dataset, pairs, seed
        usable = np.flatnonzero(~dataset.hidden)
        self.photos: dict[int, list[int]] = {}
        self.shots: dict[int, list[int]] = {}
        for at in usable.tolist():
            group = self.photos if dataset.photo[at] else self.shots
            group.setdefault(int(dataset.item[at]), []).append(at)
        self.items = np.array(sorted({*self.photos, *self.shots}))
        counts = [len(self.photos.get(n, [])) + len(self.shots.get(n, [])) for n in self.items]
        weight = np.sqrt(np.array(counts, dtype=np.float64))
        self.chance = weight / weight.sum()
        self.usable = usable

    def draw(self, step: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Draw the batch of a step: pixels (2 n, 3, size, size), items and kinds (2 n,).

        Rows i and i + n show the same item.
        """
        rng = np.random.default_rng((self.seed, step))
        items = rng.choice(self.items, self.pairs, p=self.chance)
        places = [self._two(int(item), rng) for item in items]
        pictures = [
            self._on_background(place, rng) for pair in zip(*places, strict=True) for place in pair
        ]
        both = np.concatenate([items, items])
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        boxes = np.stack([random_box(rng, 0.3, 1.0) for _ in pictures])
        moved = crop(pixels, torch.from_numpy(boxes), size, generator, _STRENGTH)
        moved, _ = augment(moved, torch.empty(0, 3, size, size), generator, _STRENGTH)
        kind = self.dataset.kind[np.concatenate([[p[0] for p in places], [p[1] for p in places]])]
        return moved, torch.from_numpy(both), torch.from_numpy(kind)

    def _two(self, item: int, rng: np.random.Generator) -> tuple[int, int]:
        photos, shots = self.photos.get(item, []), self.shots.get(item, [])
        if photos and shots and rng.random() < 0.6:
            return int(rng.choice(photos)), int(rng.choice(shots))
        group = photos if photos and (not shots or rng.random() < 0.5) else shots
        first, second = rng.choice(group, 2, replace=len(group) < 2)
        return int(first), int(second)

    def _on_background(self, place: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Give a picture; one on white is put on another picture every second time."""
        pixels: NDArray[np.uint8] = self.dataset.pixels[place]
        if self.dataset.photo[place] or rng.random() < 0.5:
            return pixels
        thing = cutout.thing_on_white(pixels)
        if thing is None:
            return pixels
        return cutout.put_on(pixels, thing, self.dataset.pixels[int(rng.choice(self.usable))])
