"""Between the trained network and the ONNX file that ships.

The graph is written node by node: it takes uint8 (n, s, s, 3) pixels and normalizes them
itself. Large weights are stored as int8 with a scale an output channel, small ones as float16;
both become float32 once, when the session starts, so nothing is computed in int8. Weights bear
the names they have in the network, so that `load_network` can train on from the shipped file.
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

from indexer.training.network import (
    DIM,
    LAST,
    PIXEL_MEAN,
    PIXEL_STD,
    PREFIX_DIMS,
    Block,
    Conv,
    Network,
    Palette,
    Shape,
)
from indexer.training.stored_weights import quantize, read_weight, replace_file

SEEN = "seen"
"""The tensor of a graph that the head sees."""
_OPSET = 17
_LARGE = 50_000
"""Weights of at least so many values are stored as int8."""


class _Graph:
    """Collects nodes and weights; every method returns the name of what it made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        for name, value in (("zero", 0.0), ("six", 6.0), ("tiny", 1e-12)):
            self.value(name, np.array(value, np.float32))

    def node(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{op.lower()}_{len(self.nodes)}"
        # Tools that rework a graph tell its nodes apart by their names.
        self.nodes.append(helper.make_node(op, list(inputs), [output], output, **attributes))
        return output

    def value(self, name: str, array: NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, name: str, tensor: torch.Tensor) -> str:
        array = tensor.detach().float().numpy()
        if array.size < _LARGE:
            half = self.value(name, array.astype(np.float16))
            return self.node("Cast", half, output=f"{name}.float", to=TensorProto.FLOAT)
        levels, scale = quantize(array)
        return self.node(
            "DequantizeLinear",
            self.value(name, levels),
            self.value(f"{name}.scale", scale),
            output=f"{name}.float",
            axis=0,
        )

    def conv(self, name: str, layer: Conv, x: str) -> str:
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
            kernel_shape=list(conv.kernel_size),
            group=conv.groups,
        )

    def relu6(self, x: str) -> str:
        return self.node("Clip", x, "zero", "six")

    def palette(self, layer: Palette, x: str, size: int) -> tuple[str, str]:
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
        some = self.node("Add", share, self.value("speck", np.array(1e-4, np.float32)))
        side = size // 4
        cells = self.node("AveragePool", x, kernel_shape=[side, side], strides=[side, side])
        shares = self.node("Sqrt", some)
        if layer.scale != 1.0:
            scale = self.value("palette.scale", np.array(layer.scale, np.float32))
            shares = self.node("Mul", shares, scale)
        return shares, self.node("Flatten", cells)

    def pixels(self) -> str:
        """uint8 (n, s, s, 3) as they come -> normalized (n, 3, s, s)."""
        x = self.node("Cast", "pixels", to=TensorProto.FLOAT)
        x = self.node("Transpose", x, perm=[0, 3, 1, 2])
        x = self.node("Sub", x, self.value("mean", np.array(PIXEL_MEAN, np.float32)))
        return self.node("Div", x, self.value("std", np.array(PIXEL_STD, np.float32)))

    def features(self, network: Network, x: str) -> list[str]:
        """Normalized pixels -> mean features of each view as unit rows (n, 1280)."""
        x = self.relu6(self.conv("stem", network.stem, x))
        fork = network.shape.fork or len(network.blocks)
        x = self.chain("blocks", network.blocks[:fork], x)
        rest = self.chain("blocks", network.blocks[fork:], x, first=fork)
        views = [self.view("last", network.last, rest)]
        if network.branch is not None:
            x = self.chain("branch.blocks", network.branch.blocks, x)
            views.append(self.view("branch.last", network.branch.last, x))
        return views

    def chain(self, name: str, blocks: nn.ModuleList, x: str, first: int = 0) -> str:
        """Blocks one after the other; ``first`` is the number of the first one."""
        for number, block in enumerate(blocks, first):
            assert isinstance(block, Block)
            x = self.block(f"{name}.{number}", block, x)
        return x

    def view(self, name: str, last: Conv, x: str) -> str:
        """What the last block gives -> mean features as unit rows (n, 1280)."""
        x = self.relu6(self.conv(name, last, x))
        return self.unit(self.node("ReduceMean", x, axes=[2, 3], keepdims=0), f"{name}.features")

    def unit(self, rows: str, output: str) -> str:
        length = self.node("ReduceL2", rows, axes=[1], keepdims=1)  # (n, 1)
        return self.node("Div", rows, self.node("Max", length, "tiny"), output=output)

    def model(self, name: str, size: int, output: str, dim: int) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", size, size, 3])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", dim])],
            self.weights,
        )
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8)

    def block(self, name: str, block: Block, x: str) -> str:
        wide = x
        if block.expand is not None:
            wide = self.relu6(self.conv(f"{name}.expand", block.expand, x))
        wide = self.relu6(self.conv(f"{name}.filter", block.filter, wide))
        out = self.conv(f"{name}.project", block.project, wide)
        return self.node("Add", out, x) if block.residual else out


def export(
    network: Network, path: Path, *, name: str, size: int, fit: str, trim: bool = True
) -> None:
    """Write `path` (ONNX) and the JSON beside it; `trim` has plain borders cut off.

    The file is written whole or not at all. The network itself takes on the rounded weights,
    so that its vectors and the file's are the same within 1e-3 a value.
    """
    network = network.eval()
    graph = _Graph()
    pixels = graph.pixels()
    palette = graph.palette(network.palette, pixels, size)
    root = graph.value("root", np.array(LAST**0.5, np.float32))
    views = [graph.node("Mul", view, root) for view in graph.features(network, pixels)]
    pooled = graph.node("Concat", *views, *palette, output=SEEN, axis=1)
    head, bias = network.head.weight, network.head.bias
    raw = graph.node(
        "Gemm", pooled, graph.weight("head.weight", head), graph.weight("head.bias", bias), transB=1
    )
    graph.unit(raw, "embedding")
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
    _take(network, model)
    replace_file(path, model.SerializeToString())
    replace_file(path.with_suffix(".json"), (json.dumps(side, indent=2) + "\n").encode())


def export_features(network: Network, path: Path, *, size: int) -> None:
    """Write a graph from pixels to the trunk's mean features, (n, 1280) unit rows, in float32.

    With a fork those of ImageNet's view.
    """
    graph = _Graph()
    found, *_ = graph.features(network.eval(), graph.pixels())
    graph.node("Identity", found, output="features")
    path.write_bytes(graph.model("features", size, "features", LAST).SerializeToString())


def load_network(path: Path) -> Network:
    """Rebuild the network from a file that `export` wrote, in eval mode and already folded.

    It can be trained further: the convolutions have a bias in place of the normalization.
    Any other ONNX file: ValueError.
    """
    model = onnx.load(path)
    shapes = [entry.value for entry in model.metadata_props if entry.key == "vitrine_shape"]
    if not shapes:
        raise ValueError(f"{path} was not exported by this package: it does not name its shape")
    fields = json.loads(shapes[0])
    if "width" not in fields:
        raise ValueError(f"{path} holds the network of an earlier version")
    network = Network(Shape(fields["width"], fields["depth"], fields.get("fork", 0)))
    network.eval()
    _take(network, model)
    return network


def _take(network: Network, model: onnx.ModelProto) -> None:
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(read_weight(model, name)))


def check(network: nn.Module, path: Path, size: int) -> float:
    """Return the largest difference of a value between network and ONNX file, on eight pictures."""
    import onnxruntime

    pixels = np.random.default_rng(0).integers(0, 256, (8, size, size, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["embedding"], {"pixels": pixels})
    with torch.inference_mode():
        ours = network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float()).numpy()
    return float(np.abs(ours - theirs).max())
