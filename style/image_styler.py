"""A styler whose styles are images: what the networks that paint like an image have in common."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping

from style.arrays import Alpha, Floats, Pixels
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.fullsize import add_change
from style.shrink import shrunk
from style.styler import Provenance, StyleInfo


class ImageStyler(ABC):
    """Changes a small copy of a photo towards a style image, and brings the change to full size.

    ``side`` is the longer side of the small copy, ``strength`` the default strength.
    """

    name: str
    side: int
    strength: float

    def __init__(self, images: Mapping[str, Pixels], weights: bytes) -> None:
        """Offer a style for each image (h, w, 3); ``weights`` identify the network."""
        self._images = images
        self._weights = weights

    @abstractmethod
    def _change(self, small: Pixels, image: Pixels) -> Floats:
        """Return what to add to the small copy (y, x, 3), in shares of white. Raises BadNetwork."""

    def styles(self) -> list[StyleInfo]:
        """List the styles, by name."""
        return [StyleInfo(name, "texture", self.strength) for name in sorted(self._images)]

    def apply(
        self,
        pixels: Pixels,
        style: str,
        strength: float,
        mask: Alpha | None = None,
        seed: int = 0,  # noqa: ARG002 - of the protocol
    ) -> Pixels:
        """Return (h, w, 3) in the style; see ``Styler.apply``. The seed changes nothing.

        Raises BadNetwork if the weights are those of another network, or cannot be run here.
        """
        check_pixels(pixels)
        image = self._image(style)
        strength = check_strength(strength)
        mask = check_mask(mask, pixels)
        if strength == 0:
            return pixels.copy()
        small = shrunk(pixels, self.side)
        return add_change(self._change(small, image), small, pixels, strength, mask)

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        """Return the record of ``apply`` with these arguments. Raises UnknownStyle."""
        digest = hashlib.sha256(self._weights + self._image(style).tobytes()).hexdigest()[:16]
        return Provenance(self.name, digest, style, strength, seed)

    def _image(self, style: str) -> Pixels:
        if style not in self._images:
            raise UnknownStyle(style, self._images)
        return self._images[style]
