"""The held-out questions of a shop, asked of a network in training and of a finished file."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from indexer.encoders.base import Encoder
from indexer.encoders.train.lessons import Lessons
from indexer.encoders.train.network import Network

_JUDGES = 64  # questions from which on half of them only judge, and choose nothing


class Exam:
    """The held-out questions of a shop: which items do they find among the main pictures?"""

    def __init__(self, lessons: Lessons, size: int) -> None:
        """``size`` is the side of the pictures that the encoder takes."""
        self.size = size
        self._lessons = lessons
        self._gallery = np.flatnonzero(lessons.main)
        asked = np.random.default_rng(0).permutation(np.flatnonzero(lessons.asked))
        judges = len(asked) // 2 if len(asked) >= _JUDGES else 0
        self.choosing = asked[judges:]
        self.judging = asked[:judges] if judges else asked

    def vectors(self, network: Network, places: NDArray[np.int64]) -> Tensor:
        """What a network makes of pictures: (p, 256) unit rows."""
        parts = []
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            for start in range(0, len(places), 64):
                pixels = torch.from_numpy(self.pictures(places[start : start + 64]))
                fed = pixels.permute(0, 3, 1, 2).float()
                parts.append(network(fed.contiguous(memory_format=torch.channels_last)).float())
        return torch.cat(parts).clone()

    def figure(self, network: Network) -> float:
        """The share of the choosing questions whose item comes first."""
        network = network.eval()
        asked, gallery = (
            self.vectors(network, places).numpy() for places in (self.choosing, self._gallery)
        )
        return float(self._outcomes(asked, gallery, self.choosing)[:, 0].mean())

    def judge(self, encoder: Encoder) -> NDArray[np.float64]:
        """Outcomes (q, 2) of the judging questions by an encoder: item first, among five."""
        asked, gallery = (
            encoder.encode_images(list(self.pictures(places)))
            for places in (self.judging, self._gallery)
        )
        return self._outcomes(asked, gallery, self.judging)

    def _outcomes(
        self, asked: NDArray[np.float32], gallery: NDArray[np.float32], places: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        order = np.argsort(-(asked @ gallery.T), axis=1, kind="stable")[:, :5]  # (q, 5)
        items = self._lessons.item
        right = items[self._gallery][order] == items[places][:, None]  # (q, 5)
        return np.stack([right[:, 0], right.any(1)], axis=1).astype(np.float64)

    def pictures(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures as the encoder takes them: (p, size, size, 3)."""
        size = (self.size, self.size)
        return np.stack(
            [
                np.asarray(Image.fromarray(self._lessons.pixels[at]).resize(size))
                for at in places.tolist()
            ]
        )
