"""Encode several views of a photo (whole, mirrored, its middle) and average the vectors.

``builtin+flip+center`` is a separate encoder: its index and queries are both averaged and do not
match those of ``builtin``. ``QueryViews`` averages queries only: the mean is close to the vector of
the whole photo, so the plain index can be used. Each view costs an encoding.

``trim`` replaces the whole photo by the photo without its plain border
(``indexer.imaging.borders``); any encoder can have it, with another id and hash.
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
_SHARE = 0.8  # of each side that ``center`` keeps


def split_views(encoder_id: str) -> tuple[str, tuple[View, ...]]:
    """Split ``builtin+flip`` into ``builtin`` and its views, in a fixed order; () without views."""
    suffixes: set[str] = set()
    while (cut := encoder_id.rpartition("+"))[2] in VIEWS and cut[0]:
        encoder_id = cut[0]
        suffixes.add(cut[2])
    return encoder_id, tuple(view for view in VIEWS if view in suffixes)


def hash_views(weights_hash: str, views: Sequence[View]) -> str:
    """Return the weights hash of an encoder with views; ``weights_hash`` itself without views."""
    if not views:
        return weights_hash
    identity = "\n".join([weights_hash, *views, str(_SHARE)])
    return hashlib.sha256(identity.encode()).hexdigest()


class ViewsEncoder:
    """Average an encoder's vectors of the whole photo and of views of it, to unit length.

    ``center`` adds the middle of the photo, ``flip`` the mirror image of every view, so both
    together give four views. With ``trim`` all views are of the photo without its plain border.
    """

    def __init__(self, inner: Encoder, views: Sequence[View]) -> None:
        self.inner = inner
        self.views = tuple(view for view in VIEWS if view in views)
        self.id = "+".join([inner.id, *self.views])
        self.dim = inner.dim
        self.preprocess = _enlarged(inner.preprocess) if "center" in views else inner.preprocess
        if "trim" in views:
            self.preprocess = msgspec.structs.replace(self.preprocess, trim=True)
        self.weights_hash = hash_views(inner.weights_hash, self.views)
        if isinstance(inner, TextEncoder):  # texts have no views
            self.encode_texts = inner.encode_texts

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """See ``Encoder.encode_images``."""
        if not len(pixels):
            return np.empty((0, self.dim), dtype=np.float32)
        batch = self.preprocess.batch(pixels)  # (n, s, s, 3)
        batches = [batch]
        if "center" in self.views:
            edge = (batch.shape[1] - self.inner.preprocess.size) // 2
            inside = slice(edge, edge + self.inner.preprocess.size)
            batches.append(batch[:, inside, inside])
        if "flip" in self.views:
            batches.extend([view[:, :, ::-1] for view in batches])
        vectors = [
            self.inner.encode_images([np.ascontiguousarray(image) for image in view])
            for view in batches
        ]
        return unit(np.mean(vectors, axis=0))  # (views, n, dim) -> (n, dim)


class QueryViews(ViewsEncoder):
    """Average views under the id of the plain encoder, for queries of a plain index."""

    def __init__(self, inner: Encoder, views: Sequence[View]) -> None:
        """Wrap an encoder; raise IndexMismatch if ``inner`` already averages views."""
        if isinstance(inner, ViewsEncoder):
            raise IndexMismatch(
                f"the index was built with {inner.id!r}, whose queries are already averaged; omit "
                "the query views"
            )
        super().__init__(inner, views)
        self.id, self.weights_hash = inner.id, inner.weights_hash


def _enlarged(preprocess: Preprocess) -> Preprocess:
    """Return the preprocessing for a size whose middle is as large as the encoder's input."""
    size = round(preprocess.size / _SHARE)
    scaled = round(preprocess.scaled * size / preprocess.size)
    return msgspec.structs.replace(preprocess, size=size, scaled=scaled)
