"""Run an exported file and return tensors from inside its graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

Run = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]
"""Maps pictures (b, size, size, 3) to one array for each tensor asked for, with b rows."""


def inner_outputs(path: Path, names: Sequence[str], threads: int = 0) -> Run:
    """Return a function that computes the tensors ``names`` of an exported file.

    It may be called from several threads, and each call uses ``threads`` cores; 0 is all of them.
    """
    model = onnx.load(path)
    for name in names:
        tensor = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        model.graph.output.append(tensor)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def run(pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        arrays: list[NDArray[np.float32]] = session.run(list(names), {"pixels": pictures})
        return arrays

    return run
