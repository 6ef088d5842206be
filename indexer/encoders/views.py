"""Several views of a photo, encoded each and averaged: whole, mirrored, its middle.

``builtin+flip+center`` is an encoder of its own: index and queries are averaged alike, and neither
fits those of ``builtin``. ``QueryViews`` averages queries only: the mean of some views lies where
the vector of the whole photo lies, so the plain index serves. Each view costs an encoding.

``trim`` takes the place of the whole: the photo without its plain border
(``indexer.imaging.borders``). So any encoder can have it, under a name and a hash of its own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.encoders.base import TextEncoder
from indexer.errors import IndexMismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels, Vectors
    from indexer.encoders.base import Encoder
    from indexer.imaging.preprocess import Preprocess

View: TypeAlias = Literal["flip", "center", "trim"]
VIEWS: tuple[View, ...] = get_args(View)
_SHARE = 0.8  # of each side that the middle keeps


def split_views(encoder_id: str) -> tuple[str, tuple[View, ...]]:
    """``builtin+flip`` to ``builtin`` and its views, in a fixed order; other ids have none."""
    asked: set[str] = set()
    while (cut := encoder_id.rpartition("+"))[2] in VIEWS and cut[0]:
        encoder_id = cut[0]
        asked.add(cut[2])
    return encoder_id, tuple(view for view in VIEWS if view in asked)


def hash_views(weights_hash: str, views: Sequence[View]) -> str:
    """The weights hash of an encoder whose vectors are averaged; its own where no view is."""
    if not views:
        return weights_hash
    told = "\n".join([weights_hash, *views, str(_SHARE)])
    return hashlib.sha256(told.encode()).hexdigest()


class ViewsEncoder:
    """The unit mean of an encoder's vectors of the whole photo and of some views of it.

    With ``center`` the views are the photo and its middle, with ``flip`` the photo and its mirror
    image, with both all four. With ``trim`` all of these are of what is inside the plain border.
    """

    def __init__(self, inner: Encoder, views: Sequence[View]) -> None:
        self.inner = inner
        self.views = tuple(view for view in VIEWS if view in views)
        self.id = "+".join([inner.id, *self.views])
        self.dim = inner.dim
        self.preprocess = _roomier(inner.preprocess) if "center" in views else inner.preprocess
        if "trim" in views:
            self.preprocess = msgspec.structs.replace(self.preprocess, trim=True)
        self.weights_hash = hash_views(inner.weights_hash, self.views)
        if isinstance(inner, TextEncoder):  # words have no views
            self.encode_texts = inner.encode_texts

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """See ``Encoder.encode_images``."""
        if not len(pixels):
            return np.empty((0, self.dim), dtype=np.float32)
        batch = self.preprocess.batch(pixels)  # (n, s, s, 3)
        seen = [batch]
        if "center" in self.views:
            edge = (batch.shape[1] - self.inner.preprocess.size) // 2
            inside = slice(edge, edge + self.inner.preprocess.size)
            seen.append(batch[:, inside, inside])
        if "flip" in self.views:
            seen.extend([view[:, :, ::-1] for view in seen])
        vectors = [
            self.inner.encode_images([np.ascontiguousarray(one) for one in view]) for view in seen
        ]
        return unit(np.mean(vectors, axis=0))  # (views, n, dim) -> (n, dim)


class QueryViews(ViewsEncoder):
    """Averages views under the name of the plain encoder: for queries of a plain index."""

    def __init__(self, inner: Encoder, views: Sequence[View]) -> None:
        """IndexMismatch where ``inner`` averages views already."""
        if isinstance(inner, ViewsEncoder):
            raise IndexMismatch(
                f"the index was built with {inner.id!r}, whose queries are averaged already; leave "
                "the views of queries out"
            )
        super().__init__(inner, views)
        self.id, self.weights_hash = inner.id, inner.weights_hash


def _roomier(preprocess: Preprocess) -> Preprocess:
    """The same, of a size whose middle is as large as the encoder's input."""
    size = round(preprocess.size / _SHARE)
    scaled = round(preprocess.scaled * size / preprocess.size)
    return msgspec.structs.replace(preprocess, size=size, scaled=scaled)
