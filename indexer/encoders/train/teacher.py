"""The ImageNet MobileNetV2 whose features the encoder learns to imitate."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TEACHER_SIZE = 224
TEACHER_DIM = 1280


class Teacher:
    """Runs the int8 TFLite MobileNetV2 and reads the 1,280 values before its last layer.

    Needs `ai-edge-litert`. One instance is one interpreter on one thread: not for sharing.
    """

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._net = Interpreter(
                str(path), num_threads=1, experimental_preserve_all_tensors=True
            )
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        pooled = [
            tensor
            for tensor in self._net.get_tensor_details()
            if tuple(tensor["shape"]) == (1, 1, 1, TEACHER_DIM) and "Mean" in tensor["name"]
        ]
        if len(pooled) != 1:
            raise ValueError(
                f"{path}: expected one pooled tensor of {TEACHER_DIM} values, found {len(pooled)}"
            )
        self._pooled = pooled[0]["index"]
        self._zero = int(pooled[0]["quantization"][1])

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Look at one (224, 224, 3) picture; return (1280,) levels, 0 being no activation at all.

        The levels are the quantised activations: proportional to the real ones, a byte each.
        """
        self._net.set_tensor(self._input, pixels[None])
        self._net.invoke()
        levels = self._net.get_tensor(self._pooled).reshape(-1).astype(np.int16) - self._zero
        return np.asarray(levels, dtype=np.uint8)
