"""Tell what customers of any shop want to know, such as the cost of a return, by meaning."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from indexer.words.sentences import SentenceEncoder

_FILE: Final = Path(__file__).parent / "data" / "intents.tsv"
_SHARPNESS: Final = 15.0  # of the softmax; chosen on the questions of docs/enrichment.md


class _Wordings(NamedTuple):
    """The vectors of all wordings, intent by intent, and the first row of each intent."""

    vectors: Vectors
    starts: NDArray[np.int64]


class Intents:
    """Weighs the intents of texts: some 70, each with wordings in English and Chinese.

    The wordings are embedded on first use, in half a second of CPU.
    """

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder

    def weights(self, vectors: Vectors) -> Vectors:
        """Return how much each text is of each intent, as unit vectors: (texts, intents).

        ``vectors`` are those of the texts: (texts, DIM). A text is as near to an intent as to the
        nearest of its wordings; the nearness of all becomes weights by a softmax.
        """
        wordings = self._wordings
        near = np.maximum.reduceat(vectors @ wordings.vectors.T, wordings.starts, axis=1)
        weights = np.exp(_SHARPNESS * (near - near.max(axis=1, keepdims=True)))
        unit: Vectors = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        return unit

    @cached_property
    def _wordings(self) -> _Wordings:
        lines = _FILE.read_text(encoding="utf-8").splitlines()
        intents = [line.split("\t")[1].split("|") for line in lines if not line.startswith("#")]
        starts = np.cumsum([0, *map(len, intents)])[:-1]
        vectors = self._encoder.encode([wording for intent in intents for wording in intent])
        return _Wordings(vectors, starts)
