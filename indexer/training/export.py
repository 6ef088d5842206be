"""Export a trained network to ONNX, and load it back.

The graph is built node by node. It takes uint8 (n, s, s, 3) pixels and normalizes them itself.
Large weights are stored as int8 with one scale per output channel, or per input of the head, and
small ones as float16. All are converted to float32 when the session starts, so nothing is computed
in int8. Weights keep their names in the network, so that ``load_network`` can continue training
from the exported file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from indexer.durable import replace_file
from indexer.training.network import (
    DIM,
    FEATURE_DIM,
    PIXEL_MEAN,
    PIXEL_STD,
    PREFIX_DIMS,
    Block,
    Conv,
    Network,
    Palette,
    Shape,
)
from indexer.training.stored_weights import quantize, read_weight

POOLED = "seen"
"""Name of the tensor that is the head's input."""
FRONT = "front"
"""Name of the tensor that the branch reads, in a file with a branch."""
_OPSET = 17
_LARGE = 50_000
"""Weights with at least this many values are stored as int8."""


class Graph:
    """Collects nodes and weights; each method returns the name of the tensor that it adds."""

    large = _LARGE

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        for name, value in (("zero", 0.0), ("six", 6.0), ("tiny", 1e-12)):
            self.value(name, np.array(value, np.float32))

    def node(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node; return its output, which is named after the operation by default."""
        output = output or f"{op.lower()}_{len(self.nodes)}"
        # Nodes need names: ONNX Runtime's quantization refers to them.
        self.nodes.append(helper.make_node(op, list(inputs), [output], output, **attributes))
        return output

    def value(self, name: str, array: NDArray[np.generic]) -> str:
        """Add a constant."""
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, name: str, tensor: torch.Tensor) -> str:
        """Add a weight, as int8 with a scale for each row if it is large, otherwise as float16."""
        array = tensor.detach().float().numpy()
        if array.size < self.large:
            return self.half(name, array)
        levels, scale = quantize(array)
        return self.node(
            "DequantizeLinear",
            self.value(name, levels),
            self.value(f"{name}.scale", scale),
            output=f"{name}.float",
            axis=0,
        )

    def columns(self, name: str, tensor: torch.Tensor) -> str:
        """Add a matrix as int8 with a scale for each column."""
        levels, scale = quantize(tensor.detach().float().numpy().T)
        return self.node(
            "DequantizeLinear",
            self.value(name, np.ascontiguousarray(levels.T)),
            self.value(f"{name}.column_scale", scale),
            output=f"{name}.float",
            axis=1,
        )

    def half(self, name: str, array: NDArray[np.float32]) -> str:
        """Add a weight as float16."""
        stored = self.value(name, array.astype(np.float16))
        return self.node("Cast", stored, output=f"{name}.float", to=TensorProto.FLOAT)

    def conv(self, name: str, layer: Conv, x: str, output: str = "") -> str:
        """Add a convolution with its bias, whose result is named ``output`` if given."""
        conv = layer.conv
        assert conv.bias is not None
        (stride, _) = conv.stride
        return self.node(
            "Conv",
            x,
            self.weight(f"{name}.conv.weight", conv.weight),
            self.weight(f"{name}.conv.bias", conv.bias),
            strides=[stride, stride],
            pads=[layer.before, layer.before, layer.after, layer.after],
            output=output,
            kernel_shape=list(conv.kernel_size),
            group=conv.groups,
        )

    def relu6(self, x: str) -> str:
        """Add a ReLU6."""
        return self.node("Clip", x, "zero", "six")

    def palette(self, layer: Palette, x: str, size: int) -> tuple[str, str]:
        """Add the palette: the shares of its colors, and the mean colors of the cells."""
        assert layer.colors.bias is not None
        small = self.node("AveragePool", x, kernel_shape=[8, 8], strides=[8, 8])
        likeness = self.node(
            "Conv",
            small,
            self.weight("palette.colors.weight", layer.colors.weight),
            self.weight("palette.colors.bias", layer.colors.bias),
            kernel_shape=[1, 1],
        )
        share = self.node(
            "ReduceMean", self.node("Softmax", likeness, axis=1), axes=[2, 3], keepdims=0
        )
        positive = self.node("Add", share, self.value("speck", np.array(1e-4, np.float32)))
        side = size // 4
        cells = self.node("AveragePool", x, kernel_shape=[side, side], strides=[side, side])
        return self.node("Sqrt", positive), self.node("Flatten", cells)

    def pixels(self) -> str:
        """Map uint8 (n, s, s, 3) to normalized float32 (n, 3, s, s)."""
        x = self.node("Cast", "pixels", to=TensorProto.FLOAT)
        x = self.node("Transpose", x, perm=[0, 3, 1, 2])
        x = self.node("Sub", x, self.value("mean", np.array(PIXEL_MEAN, np.float32)))
        return self.node("Div", x, self.value("std", np.array(PIXEL_STD, np.float32)))

    def features(self, network: Network, x: str) -> list[str]:
        """Map normalized pixels to mean features, unit rows (n, 1280), then those of the branch."""
        x = self.relu6(self.conv("stem", network.stem, x))
        fork = network.shape.branch_from or len(network.blocks)
        shared = self.blocks("blocks", network.blocks, x, range(fork - 1))
        shared = self.block(f"blocks.{fork - 1}", network.blocks[fork - 1], shared, output=FRONT)
        x = self.blocks("blocks", network.blocks, shared, range(fork, len(network.blocks)))
        found = [self.mean("last", network.last, x)]
        if network.branch is not None:
            branch = network.branch
            own = self.blocks("branch.blocks", branch.blocks, shared, range(len(branch.blocks)))
            found.append(self.mean("branch.last", branch.last, own))
        return found

    def blocks(self, name: str, blocks: nn.ModuleList, x: str, numbers: range) -> str:
        """Add the blocks of these numbers."""
        for number in numbers:
            x = self.block(f"{name}.{number}", blocks[number], x)
        return x

    def mean(self, name: str, last: Conv, x: str) -> str:
        """Add the last convolution and the mean over its map, as unit rows (n, 1280)."""
        x = self.relu6(self.conv(name, last, x))
        return self.unit(self.node("ReduceMean", x, axes=[2, 3], keepdims=0), f"{name}.features")

    def unit(self, rows: str, output: str) -> str:
        """Scale rows to unit length."""
        length = self.node("ReduceL2", rows, axes=[1], keepdims=1)  # (n, 1)
        return self.node("Div", rows, self.node("Max", length, "tiny"), output=output)

    def model(self, name: str, size: int, output: str, dim: int) -> onnx.ModelProto:
        """Return the model with the output (n, dim)."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", size, size, 3])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", dim])],
            self.weights,
        )
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8)

    def block(self, name: str, block: nn.Module, x: str, output: str = "") -> str:
        """Add an inverted residual block, whose result is named ``output`` if given."""
        assert isinstance(block, Block)
        wide = x
        if block.expand is not None:
            wide = self.relu6(self.conv(f"{name}.expand", block.expand, x))
        wide = self.relu6(self.conv(f"{name}.filter", block.filter, wide))
        if not block.residual:
            return self.conv(f"{name}.project", block.project, wide, output=output)
        return self.node("Add", self.conv(f"{name}.project", block.project, wide), x, output=output)


def export(
    network: Network, path: Path, *, name: str, size: int, fit: str, trim: bool = True
) -> None:
    """Write ``path`` (ONNX) and the JSON beside it; with ``trim``, plain borders are cut off.

    The file is written atomically. The network's own weights are replaced by the rounded ones, so
    that its vectors equal those of the file within 1e-3 per value.
    """
    network = network.eval()
    graph = Graph()
    pixels = graph.pixels()
    palette = graph.palette(network.palette, pixels, size)
    root = graph.value("root", np.array(FEATURE_DIM**0.5, np.float32))
    features = [graph.node("Mul", rows, root) for rows in graph.features(network, pixels)]
    pooled = graph.node("Concat", *features, *palette, output=POOLED, axis=1)
    # By column: the weights of the colors are so large that those of the features would suffer.
    head = graph.columns("head.weight", network.head.weight)
    bias = graph.weight("head.bias", network.head.bias)
    graph.unit(graph.node("Gemm", pooled, head, bias, transB=1), "embedding")
    model = graph.model(name, size, "embedding", DIM)
    shape = json.dumps(network.shape.as_dict())
    model.metadata_props.append(onnx.StringStringEntryProto(key="vitrine_shape", value=shape))
    onnx.checker.check_model(model, full_check=True)
    side = {
        "format": 1,
        "name": name,
        "size": size,
        "fit": fit,
        "resample": "bicubic",
        "trim": trim,
        "input": "pixels",
        "output": "embedding",
        "layout": "nhwc",
        "dtype": "uint8",
        "dim": DIM,
        "prefix_dims": list(PREFIX_DIMS),
    }
    _load_weights(network, model)
    replace_file(path, model.SerializeToString())
    replace_file(path.with_suffix(".json"), (json.dumps(side, indent=2) + "\n").encode())


def export_features(network: Network, path: Path, *, size: int) -> None:
    """Write a graph from pixels to the trunk's mean features, (n, 1280) unit rows, in float32.

    Leaves out a branch.
    """
    graph = Graph()
    found, *_ = graph.features(network.eval(), graph.pixels())
    graph.node("Identity", found, output="features")
    path.write_bytes(graph.model("features", size, "features", FEATURE_DIM).SerializeToString())


def load_network(path: Path) -> Network:
    """Load the network from a file written by ``export``, in eval mode.

    It can be trained further; batch normalization is folded into the convolutions' biases. Raises
    ValueError for any other ONNX file.
    """
    model = onnx.load(path)
    shapes = [entry.value for entry in model.metadata_props if entry.key == "vitrine_shape"]
    if not shapes:
        raise ValueError(f"{path} was not exported by this package: it does not name its shape")
    fields = json.loads(shapes[0])
    if "width" not in fields:
        raise ValueError(f"{path} holds the network of an earlier version")
    network = Network(Shape(fields["width"], fields["depth"], fields.get("branch_from", 0)))
    network.eval()
    _load_weights(network, model)
    return network


def _load_weights(network: Network, model: onnx.ModelProto) -> None:
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(read_weight(model, name)))


def max_difference(network: nn.Module, path: Path, size: int) -> float:
    """Return the largest absolute difference between network and ONNX file on eight pictures."""
    import onnxruntime

    pixels = np.random.default_rng(0).integers(0, 256, (8, size, size, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (exported,) = session.run(["embedding"], {"pixels": pixels})
    with torch.inference_mode():
        original = network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float()).numpy()
    return float(np.abs(original - exported).max())
