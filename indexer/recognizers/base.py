"""The protocol of recognizers, which find the things in a photo, and their result."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.imaging.images import Box


class Thing(NamedTuple):
    """One thing in a photo.

    ``box`` is (x0, y0, x1, y1) as shares of the photo's sides, with x0 < x1 and y0 < y1;
    ``Photo.cut`` takes it. ``score`` is from 0 to 1, and larger is better; scores of different
    recognizers are not comparable. ``label`` names the kind of thing, or is None if the recognizer
    does not know kinds. ``mask`` (h, w) covers the whole photo at any resolution and is true inside
    the thing; it may be None. ``source`` is the id of the recognizer. ``unsure`` says that the mask
    is probably wrong. ``fit`` is how well the label fits, from 0 to 1; 0 if that is not known.
    """

    box: Box
    score: float
    label: str | None = None
    mask: NDArray[np.bool_] | None = None
    source: str = ""
    unsure: bool = False
    fit: float = 0.0


class Recognizer(Protocol):
    """Finds the things in photos. Thread-safe."""

    @property
    def id(self) -> str:
        """The name it is loaded by, such as ``things``, ``onnx:FILE`` or ``sam:FILE.json``."""
        ...

    @property
    def weights_hash(self) -> str:
        """SHA-256, as hex, of everything that determines the results besides the pixels."""
        ...

    @property
    def side(self) -> int:
        """Pixels on the shorter side that a photo should be decoded with; more do not help."""
        ...

    def recognize(self, pixels: Sequence[Pixels]) -> list[list[Thing]]:
        """Find the things in each image (h, w, 3), of any size, best first.

        A list is empty if the image shows nothing. Each thing has one box. People and their faces
        are not things. The result for an image does not depend on the others in the call, except
        for rounding.
        """
        ...
