"""The styler of a trained network: a photo takes the colors and the strokes of a style image."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from style.arrays import Floats, Pixels
from style.errors import BadNetwork
from style.image_styler import ImageStyler
from style.lut import NEVER, ColorMap
from style.palette import palette_lut, palette_of
from style.regularfile import open_regular

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["STRENGTH", "NetworkStyler"]

STRENGTH = 0.7
SIDE = 256
"""The longer side of what the network sees."""
_STYLE_SIDE = 192  # the shorter side of the style image that the network sees
_MOST = 64_000_000  # bytes of a file


class NetworkStyler(ImageStyler):
    """Paints photos as a style image is painted, by a network of ``vitrine train-style``.

    The photo takes the palette of the style image, see ``style.palette``; the network adds a
    bounded change to a small copy; a guided filter brings both onto the full picture. Safe to share
    between threads; onnxruntime is imported when the first picture is painted.
    """

    name = "network"
    side = SIDE
    strength = STRENGTH

    def __init__(self, path: Path, images: Mapping[str, Pixels]) -> None:
        """Offer a style for each image (h, w, 3). Raises BadNetwork if the file cannot be read."""
        self._path = path
        try:
            with open_regular(path) as file:
                weights = file.read(_MOST + 1)
        except OSError as error:
            raise BadNetwork(f"{path}: cannot be read: {error.strerror or error}") from error
        if len(weights) > _MOST:
            raise BadNetwork(f"{path}: over {_MOST // 1_000_000} MB, a network of ours has less")
        super().__init__(images, weights)
        self._session: onnxruntime.InferenceSession | None = None
        self._lock = threading.Lock()

    def _change(self, small: Pixels, image: Pixels) -> Floats:
        """Return the change to the palette of the image, and to what the network adds to that."""
        lut = palette_lut(palette_of(small), palette_of(image))
        colored = ColorMap(lut, after=NEVER).apply(small)
        level = np.float32(255)
        painted = colored.astype(np.float32) / level + self._painted(colored, image)
        change: Floats = np.clip(painted, 0, 1) - small.astype(np.float32) / level  # (y, x, 3)
        return change

    def _painted(self, colored: Pixels, image: Pixels) -> Floats:
        """Ask the network for the change (y, x, 3) of a small picture."""
        height, width = colored.shape[:2]
        # The network halves its picture twice; what is added at the edges is cut off again.
        edges = [(0, max(16, side + -side % 4) - side) for side in (height, width)]
        photo = np.pad(colored, [*edges, (0, 0)], mode="edge")
        scale = _STYLE_SIDE / min(image.shape[:2])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        size = (min(size[0], 4 * _STYLE_SIDE), min(size[1], 4 * _STYLE_SIDE))
        seen = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
        try:
            inputs = {"photo": _planes(photo), "style": _planes(seen)}
            found = self._opened().run(["change"], inputs)
        except BadNetwork:
            raise
        except Exception as error:
            first = str(error).partition("\n")[0]
            raise BadNetwork(f"{self._path}: the network fails: {first}") from error
        change = np.moveaxis(found[0][0], 0, -1)[:height, :width]  # (y, x, 3)
        if change.shape != colored.shape or not np.isfinite(change).all():
            raise BadNetwork(
                f"{self._path}: the network's change is not finite, or not {colored.shape}"
            )
        return np.asarray(change, np.float32)

    def _opened(self) -> Any:
        with self._lock:
            if self._session is None:
                import onnxruntime

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = 1
                # Threads that spin while they wait take the cores of other work.
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
                options.log_severity_level = 3
                try:
                    self._session = onnxruntime.InferenceSession(
                        self._weights, options, providers=["CPUExecutionProvider"]
                    )
                except Exception as error:
                    first = str(error).partition("\n")[0]
                    raise BadNetwork(
                        f"{self._path}: not a network of 'vitrine train-style': {first}"
                    ) from error
            return self._session


def _planes(pixels: Pixels) -> Floats:
    """Return (h, w, 3) as (1, 3, h, w) in [0, 1]."""
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)[None]).astype(np.float32) / np.float32(
        255
    )
