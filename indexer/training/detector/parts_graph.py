"""Add the parts of a photo to the graph of an exported detector, as one more output."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from indexer.arrays import Pixels
from indexer.durable import replace_file
from indexer.training.detector.pictures import SIDE

Floats = NDArray[np.float32]

CELLS = SIDE // 8
"""Cells of a photo on each side: those of the detector's finest level."""
OUTPUT = "cells"
_CHANNELS = (24, 40, 112, 192)  # of the maps at strides 4, 8, 16 and 32
_LAST_BEFORE_8 = "blocks.3.expand.conv.weight"  # reads the map at stride 4
_LATERALS = tuple(f"pyramid.lateral.{n}.conv.weight" for n in range(3))  # read the others


def map_names(model: onnx.ModelProto) -> list[str]:
    """Return the tensors that hold the four maps, finest first. Raises ValueError."""
    readers = {
        node.input[1].removesuffix(".float"): node.input[0]
        for node in model.graph.node
        if node.op_type == "Conv"
    }
    try:
        return [readers[name] for name in (_LAST_BEFORE_8, *_LATERALS)]
    except KeyError as error:
        raise ValueError(f"not a detector of this package: it has no weights {error}") from None


def map_session(path: Path, threads: int = 1) -> Callable[[Pixels], list[Floats]]:
    """Return a function from the pixels (SIDE, SIDE, 3) of a photo to its four maps (c, y, x)."""
    import onnxruntime

    model = onnx.load(path)
    names = map_names(model)
    for name in names:
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda pixels: [found[0] for found in session.run(names, {"pixels": pixels[None]})]


def add_parts(path: Path, weights: Floats, places: Floats, parts: Sequence[str]) -> None:
    """Write weights (f, parts) into a detector, replacing earlier ones, atomically.

    Features are in the order of ``features_of``; ``places`` (p, CELLS, CELLS) are the last ones.
    The new output is (n, parts, CELLS, CELLS). The JSON beside the file names them.
    """
    model = onnx.load(path)
    names = map_names(model)
    _remove_parts(model.graph)
    graph = _Added(model.graph)
    blocks = np.split(weights, np.cumsum([*_CHANNELS, _CHANNELS[-1]]))
    fine, eighth, sixteenth, last, mean, place = blocks
    at_place = np.einsum("fo,fyx->oyx", place, places)
    terms = [
        graph.value("place", at_place[None]),
        graph.linear("fine", graph.node("AveragePool", names[0], kernel_shape=[2, 2],
                                        strides=[2, 2]), fine),
        graph.linear("eighth", names[1], eighth),
        graph.enlarged(graph.linear("sixteenth", names[2], sixteenth), 2),
        graph.enlarged(graph.linear("last", names[3], last), 4),
        graph.linear("mean", graph.node("GlobalAveragePool", names[3]), mean),
    ]  # fmt: skip
    total = terms[0]
    for term in terms[1:-1]:
        total = graph.node("Add", total, term)
    graph.node("Add", total, terms[-1], output=OUTPUT)
    shape = [None, weights.shape[1], CELLS, CELLS]
    model.graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape))
    onnx.checker.check_model(model, full_check=True)
    beside = path.with_suffix(".json")
    fields = json.loads(beside.read_text("utf-8")) | {"parts": list(parts)}
    replace_file(path, model.SerializeToString())
    replace_file(beside, (json.dumps(fields, indent=2) + "\n").encode())


def _remove_parts(graph: onnx.GraphProto) -> None:
    """Remove what an earlier ``add_parts`` added."""
    for found in (graph.node, graph.initializer, graph.output):
        for entry in [e for e in found if e.name == OUTPUT or e.name.startswith(f"{OUTPUT}.")]:
            found.remove(entry)


class _Added:
    """Adds nodes and constants to a graph, all with names that begin with ``cells.``."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph

    def node(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{OUTPUT}.{op.lower()}_{len(self._graph.node)}"
        self._graph.node.append(helper.make_node(op, list(inputs), [output], output, **attributes))
        return output

    def value(self, name: str, array: Floats) -> str:
        """Add a constant, stored as float16; return its value as float32."""
        stored = numpy_helper.from_array(array.astype(np.float16), f"{OUTPUT}.{name}")
        self._graph.initializer.append(stored)
        return self.node("Cast", stored.name, to=TensorProto.FLOAT)

    def linear(self, name: str, x: str, weights: Floats) -> str:
        """Map each position of ``x`` by weights (inputs, outputs)."""
        kernel = self.value(name, np.ascontiguousarray(weights.T)[..., None, None])
        return self.node("Conv", x, kernel, kernel_shape=[1, 1])

    def enlarged(self, x: str, times: int) -> str:
        scales = numpy_helper.from_array(
            np.array([1, 1, times, times], np.float32), f"{OUTPUT}.times_{times}"
        )
        self._graph.initializer.append(scales)
        return self.node("Resize", x, "", scales.name, mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric")  # fmt: skip
