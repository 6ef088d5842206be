"""The held-out questions of a shop, asked of a network in training."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.training.network import Network
from indexer.training.questions import Questions


class Exam(Questions):
    """Questions that a network can be asked before it is a file."""

    def vectors(self, network: Network, places: NDArray[np.int64]) -> Tensor:
        """What a network makes of pictures: (p, 256) unit rows."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(places), 64):
                pixels = torch.from_numpy(self.pictures(places[start : start + 64]))
                fed = pixels.permute(0, 3, 1, 2).float()
                parts.append(network(fed.contiguous(memory_format=torch.channels_last)))
        return torch.cat(parts).clone()

    def figure(self, network: Network) -> float:
        """Return the share of the choosing questions whose item comes first."""
        network = network.eval()
        asked, gallery = (
            self.vectors(network, places).numpy() for places in (self.choosing, self._gallery)
        )
        return float(self.outcomes(asked, gallery, self.choosing)[:, 0].mean())
