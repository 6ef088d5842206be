"""Arbitrary style transfer by the published VGG-AdaIN weights, from the user's own files.

X. Huang and S. Belongie, "Arbitrary style transfer in real-time with adaptive instance
normalization", ICCV 2017. The files are those of the PyTorch version that is commonly used:
``vgg_normalised.pth`` and ``decoder.pth``, two state dicts of numbered layers. torch is imported
when the first picture is styled.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from style.arrays import Floats, Pixels
from style.errors import BadNetwork
from style.image_styler import ImageStyler
from style.regularfile import open_regular
from style.shrink import shrunk

__all__ = ["AdainStyler"]

STRENGTH = 0.6
SIDE = 512
"""The longer side of what the network sees, of the photo and of the style image."""
# Numbers of the convolutions; P is a pooling, U an upsampling. The first one has no ReLU and, with
# a kernel of 1, no padding; the decoder's last one has no ReLU.
_ENCODER = ("0", "2", "5", "P", "9", "12", "P", "16", "19", "22", "25", "P", "29")
_DECODER = ("1", "U", "5", "8", "11", "14", "U", "18", "21", "U", "25", "28")
_LINEAR = ("0", "28")
_MOST = 256_000_000  # bytes of a file; the published ones have 80 and 14 million


class AdainStyler(ImageStyler):
    """Paints photos by VGG-AdaIN. Safe to share between threads."""

    name = "adain"
    side = SIDE
    strength = STRENGTH

    def __init__(self, folder: Path, images: Mapping[str, Pixels]) -> None:
        """Offer a style for each image (h, w, 3); ``folder`` holds both files.

        Raises BadNetwork if one cannot be read or is larger than weights of this kind.
        """
        self._files = [folder / "vgg_normalised.pth", folder / "decoder.pth"]
        digest = hashlib.sha256()
        for file in self._files:
            try:
                with open_regular(file) as opened:
                    data = opened.read(_MOST + 1)
            except OSError as error:
                raise BadNetwork(f"{file}: cannot be read: {error.strerror or error}") from error
            if len(data) > _MOST:
                raise BadNetwork(f"{file}: over {_MOST // 1_000_000} MB, VGG-AdaIN has less")
            digest.update(data)
        super().__init__(images, digest.digest())
        self._loaded: list[dict[str, Any]] | None = None
        self._lock = threading.Lock()

    def _change(self, small: Pixels, image: Pixels) -> Floats:
        painted = self._painted(small, shrunk(image, SIDE))
        change: Floats = painted - small.astype(np.float32) / np.float32(255)  # (y, x, 3)
        return change

    def _painted(self, photo: Pixels, style: Pixels) -> Floats:
        """Return the photo as the network paints it, (y, x, 3) in [0, 1]."""
        encoder, decoder = self._networks()
        import torch

        try:
            with torch.inference_mode():
                content, wanted = (_run(encoder, _ENCODER, _planes(x)) for x in (photo, style))
                made = _run(decoder, _DECODER, _adapted(content, wanted))
                planes = made.clamp(0, 1)[0].permute(1, 2, 0).numpy()
        # A file may hold any layers: the wrong names, types or shapes.
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            first = str(error).partition("\n")[0]
            raise BadNetwork(
                f"{self._files[0].parent}: not the weights of VGG-AdaIN: {first}"
            ) from error
        height, width = photo.shape[:2]
        painted = planes[:height, :width]
        if painted.shape != photo.shape or not np.isfinite(painted).all():
            raise BadNetwork(
                f"{self._files[1]}: the picture that it paints is not finite, or not {photo.shape}"
            )
        return np.asarray(painted, np.float32)

    def _networks(self) -> list[dict[str, Any]]:
        with self._lock:
            if self._loaded is None:
                try:
                    import torch
                except ImportError as error:
                    raise BadNetwork("VGG-AdaIN needs the package torch") from error
                loaded = []
                for file in self._files:
                    try:
                        loaded.append(torch.load(file, map_location="cpu", weights_only=True))
                    except Exception as error:
                        raise BadNetwork(f"{file}: not weights that torch reads") from error
                    if not isinstance(loaded[-1], dict):
                        kind = type(loaded[-1]).__name__
                        raise BadNetwork(f"{file}: not the weights of VGG-AdaIN but a {kind}")
                self._loaded = loaded
            return self._loaded


def _run(weights: dict[str, Any], layers: tuple[str, ...], x: Any) -> Any:
    """Apply numbered layers to (1, channels, h, w); convolutions reflect at the edges."""
    from torch.nn import functional

    for layer in layers:
        if layer == "P":
            x = functional.max_pool2d(x, 2, ceil_mode=True)
        elif layer == "U":
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        else:
            kernel = weights[f"{layer}.weight"]
            pad = kernel.shape[-1] // 2
            if pad:
                mode = "reflect" if min(x.shape[2:]) > pad else "replicate"
                x = functional.pad(x, (pad,) * 4, mode=mode)
            x = functional.conv2d(x, kernel, weights[f"{layer}.bias"])
            if layer not in _LINEAR:
                x = functional.relu(x)
    return x


def _adapted(content: Any, style: Any) -> Any:
    """Give features the means and deviations of the style's."""
    means = [x.mean((2, 3), keepdim=True) for x in (content, style)]
    deviations = [
        ((x - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()
        for x, mean in zip((content, style), means, strict=True)
    ]
    return (content - means[0]) / deviations[0] * deviations[1] + means[1]


def _planes(pixels: Pixels) -> Any:
    """Return (h, w, 3) as a tensor (1, 3, h, w) in [0, 1]."""
    import torch

    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
