"""Enlarge photos: by Lanczos, or twice by a small network, tile by tile.

The network was trained by ``scripts/train_doubler.py`` and adds to Lanczos what that lacks. It
has 25,000 weights, and sees the 5 pixels around each pixel.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from style.arrays import Pixels
from style.checks import check_pixels
from style.errors import BadNetwork

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["Doubler", "doubler", "enlarged"]

_TILE = 192  # pixels a side that the network sees at once
_RIM = 12  # pixels around a tile that the result of its inner part may depend on


def enlarged(pixels: Pixels, width: int, height: int) -> Pixels:
    """Resize a photo (h, w, 3) to (height, width, 3) by Lanczos. Raises BadPixels."""
    check_pixels(pixels)
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


class Doubler:
    """Doubles the sides of photos by the network. Safe to share between threads.

    Memory is bounded by the tile, and there are no seams, as tiles overlap by more than the
    network can see. onnxruntime is imported when the first photo is enlarged.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._session: onnxruntime.InferenceSession | None = None
        self._lock = threading.Lock()

    def double(self, pixels: Pixels) -> Pixels:
        """Return (2 h, 2 w, 3). Raises BadPixels, BadNetwork."""
        check_pixels(pixels)
        height, width = pixels.shape[:2]
        out = np.empty((2 * height, 2 * width, 3), np.uint8)
        for top in range(0, height, _TILE):
            for left in range(0, width, _TILE):
                bottom, right = min(top + _TILE, height), min(left + _TILE, width)
                # Beyond the photo the network sees zeros, as it did in training.
                above, before = min(top, _RIM), min(left, _RIM)
                seen = pixels[top - above : bottom + _RIM, left - before : right + _RIM]
                made = self._run(seen)
                y, x = 2 * above, 2 * before
                size = (2 * (bottom - top), 2 * (right - left))
                out[2 * top : 2 * bottom, 2 * left : 2 * right] = made[
                    y : y + size[0], x : x + size[1]
                ]
        return out

    def _run(self, seen: Pixels) -> Pixels:
        planes = np.ascontiguousarray(np.moveaxis(seen, -1, 0)[None]).astype(np.float32) / 255
        try:
            (more,) = self._opened().run(["more"], {"small": planes})
        except Exception as error:
            first = str(error).partition("\n")[0]
            raise BadNetwork(f"the network that enlarges photos fails: {first}") from error
        large = enlarged(seen, 2 * seen.shape[1], 2 * seen.shape[0]).astype(np.float32)
        return np.asarray(
            np.clip(np.rint(large + 255 * np.moveaxis(more[0], 0, -1)), 0, 255), np.uint8
        )

    def _opened(self) -> Any:
        with self._lock:
            if self._session is None:
                import onnxruntime

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = self._threads
                options.log_severity_level = 3
                weights = resources.files("style.care") / "weights" / "doubler.onnx"
                self._session = onnxruntime.InferenceSession(
                    weights.read_bytes(), options, providers=["CPUExecutionProvider"]
                )
            return self._session


@cache
def doubler(threads: int = 1) -> Doubler:
    """Return the network, opened once in a process."""
    return Doubler(threads)
