"""Read and write the weights of an exported file: int8 with scales, float16, or float32.

An int8 weight has one scale per row, stored as ``NAME.scale``, or one per column, stored as
``NAME.column_scale``.

Does not need torch.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper


def read_weight(model: onnx.ModelProto, name: str) -> NDArray[np.float32]:
    """Return a weight by its name in the network, as float32. Raises ValueError if missing."""
    stored = {weight.name: weight for weight in model.graph.initializer}
    if name not in stored:
        raise ValueError(f"the graph {model.graph.name} has no weight {name!r}")
    values = numpy_helper.to_array(stored[name]).astype(np.float32)
    if f"{name}.scale" in stored:
        scale = numpy_helper.to_array(stored[f"{name}.scale"])
        values = values * scale.reshape(-1, *[1] * (values.ndim - 1))
    elif f"{name}.column_scale" in stored:
        values = values * numpy_helper.to_array(stored[f"{name}.column_scale"])
    return np.asarray(values, dtype=np.float32)


def write_weight(model: onnx.ModelProto, name: str, values: NDArray[np.float32]) -> None:
    """Replace the weight ``name``, in the same storage type. Raises ValueError if it is missing."""
    stored = {weight.name: weight for weight in model.graph.initializer}
    if name not in stored:
        raise ValueError(f"the graph {model.graph.name} has no weight {name!r}")
    kind = numpy_helper.to_array(stored[name]).dtype
    if f"{name}.scale" in stored:
        levels, scale = quantize(values)
        stored[f"{name}.scale"].CopyFrom(numpy_helper.from_array(scale, f"{name}.scale"))
        stored[name].CopyFrom(numpy_helper.from_array(levels, name))
    elif f"{name}.column_scale" in stored:
        levels, scale = quantize(values.T)
        scales = numpy_helper.from_array(scale, f"{name}.column_scale")
        stored[f"{name}.column_scale"].CopyFrom(scales)
        columns = numpy_helper.from_array(np.ascontiguousarray(levels.T), name)
        stored[name].CopyFrom(columns)
    else:
        stored[name].CopyFrom(numpy_helper.from_array(values.astype(kind), name))


def quantize(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round weights (outputs, ...) to int8 levels, with one scale (outputs,) per output."""
    largest = np.abs(weights.reshape(len(weights), -1)).max(1)
    scale = np.maximum(largest / 127.0, 1e-12).astype(np.float32)
    levels = np.round(weights / scale.reshape(-1, *[1] * (weights.ndim - 1)))
    return levels.astype(np.int8), scale
