"""The ImageNet MobileNetV2 whose features the encoder learns to imitate."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TEACHER_SIZE = 224
TEACHER_DIM = 1280
DEEP = (7, 7, 320)
MIDDLE = (14, 14, 96)
"""Shapes of the maps that are imitated place by place."""


@dataclass(frozen=True)
class Seen:
    """What the teacher makes of one picture, in its own quantized units.

    `pooled` (1280,) counts up from 0, no activation at all; it is the yardstick's embedding.
    `deep` (7, 7, 320) and `middle` (14, 14, 96) are maps before any activation function.
    """

    pooled: NDArray[np.uint8]
    deep: NDArray[np.int8]
    middle: NDArray[np.int8]


class Teacher:
    """Runs the int8 TFLite MobileNetV2 and reads what is inside it.

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
        # Of several maps of one shape the last is the one that leaves the stage.
        tensors = self._net.get_tensor_details()
        last = {tuple(tensor["shape"]): tensor for tensor in tensors}
        shapes = ((1, 1, 1, TEACHER_DIM), (1, *DEEP), (1, *MIDDLE))
        missing = [shape for shape in shapes if shape not in last]
        if missing:
            raise ValueError(f"{path} is not the MobileNetV2 expected: no tensor of {missing}")
        self._pooled, self._deep, self._middle = (last[shape]["index"] for shape in shapes)
        self._zero = int(last[shapes[0]]["quantization"][1])

    def look(self, pixels: NDArray[np.uint8]) -> Seen:
        """Look at one (224, 224, 3) picture."""
        self._net.set_tensor(self._input, pixels[None])
        self._net.invoke()
        pooled = self._net.get_tensor(self._pooled).reshape(-1).astype(np.int16) - self._zero
        return Seen(
            np.asarray(pooled, dtype=np.uint8),
            np.array(self._net.get_tensor(self._deep)[0]),
            np.array(self._net.get_tensor(self._middle)[0]),
        )
