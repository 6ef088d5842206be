"""Export a painter to ONNX: one graph from a photo and a style image to the change.

The graph is built node by node, as PyTorch's exporters need packages of their own. Weights are
stored as float16 and converted when a session starts; nothing is computed in float16.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from style.errors import BadTraining
from style.training.networks import (
    BLOCKS,
    BOUND,
    CODE,
    EPSILON,
    Generator,
    Modulated,
    StyleEncoder,
)

__all__ = ["export"]

_OPSET = 17


class _Graph:
    """Collects nodes and weights; each method returns the name of the tensor that it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], output, **attributes))
        return output

    def value(self, name: str, array: NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def number(self, value: float) -> str:
        name = f"number_{value:g}"
        if all(weight.name != name for weight in self.weights):
            self.value(name, np.array(value, np.float32))
        return name

    def weight(self, name: str, tensor: Tensor) -> str:
        array = tensor.detach().float().numpy()
        with np.errstate(over="ignore"):
            rounded = array.astype(np.float16)
        if not np.isfinite(rounded).all():
            raise BadTraining(
                f"{name} holds {np.abs(array).max():g}, a float16 holds at most "
                f"{np.finfo(np.float16).max:g}; go on from an earlier checkpoint, or train again"
            )
        half = self.value(name, rounded)
        return self.node("Cast", half, output=f"{name}.float", to=TensorProto.FLOAT)

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def conv(self, name: str, layer: nn.Conv2d, x: str) -> str:
        (pad, _), (stride, _) = layer.padding, layer.stride
        inputs = [x, self.weight(f"{name}.weight", layer.weight)]
        if layer.bias is not None:
            inputs.append(self.weight(f"{name}.bias", layer.bias))
        return self.node(
            "Conv",
            *inputs,
            strides=[stride, stride],
            pads=[pad] * 4,
            kernel_shape=list(layer.kernel_size),
        )

    def linear(self, name: str, layer: nn.Linear, x: str) -> str:
        kernel = self.weight(f"{name}.weight", layer.weight)
        return self.node("Gemm", x, kernel, self.weight(f"{name}.bias", layer.bias), transB=1)

    def doubled(self, x: str) -> str:
        if all(weight.name != "twice" for weight in self.weights):
            self.value("twice", np.array([1, 1, 2, 2], np.float32))
        # Asymmetric and floor: each pixel becomes four, as nn.functional.interpolate does it.
        return self.node(
            "Resize",
            x,
            "",
            "twice",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def modulated(self, name: str, layer: Modulated, x: str, code: str) -> str:
        x = self.conv(f"{name}.conv", layer.conv, x)
        channels = layer.conv.out_channels
        ones = self.value(f"{name}.ones", np.ones(channels, np.float32))
        zeros = self.value(f"{name}.zeros", np.zeros(channels, np.float32))
        x = self.node("InstanceNormalization", x, ones, zeros, epsilon=EPSILON)
        both = self.linear(f"{name}.style", layer.style, code)  # (n, 2 * channels)
        shape = self.value(f"{name}.shape", np.array([0, 2 * channels, 1, 1], np.int64))
        both = self.node("Reshape", both, shape)
        scale, shift = f"{name}.scale", f"{name}.shift"
        self.nodes.append(
            helper.make_node("Split", [both], [scale, shift], f"{name}.split", axis=1)
        )
        scaled = self.node("Mul", x, self.node("Add", scale, self.number(1)))
        return self.node("Add", scaled, shift)

    def style_encoder(self, network: StyleEncoder, style: str) -> str:
        x = self.node("Sub", style, self.number(0.5))
        x = self.relu(self.conv("encoder.conv1", network.conv1, x))
        moments = []
        for name in ("conv2", "conv3", "conv4"):
            x = self.relu(self.conv(f"encoder.{name}", getattr(network, name), x))
            mean = self.node("ReduceMean", x, axes=[2, 3], keepdims=1)
            away = self.node("Sub", x, mean)
            square = self.node("Mul", away, away)
            variance = self.node("ReduceMean", square, axes=[2, 3], keepdims=0)
            moments.append(self.node("Flatten", mean))
            moments.append(self.node("Sqrt", self.node("Add", variance, self.number(EPSILON))))
        joined = self.node("Concat", *moments, axis=1)
        hidden = self.relu(self.linear("encoder.hidden", network.hidden, joined))
        return self.linear("encoder.code", network.code, hidden)

    def generator(self, network: Generator, photo: str, code: str) -> str:
        stem = self.node("Sub", photo, self.number(0.5))
        stem = self.relu(self.conv("generator.stem", network.stem, stem))
        half = self.relu(self.modulated("generator.down1", network.down1, stem, code))
        x = self.relu(self.modulated("generator.down2", network.down2, half, code))
        for number in range(0, 2 * BLOCKS, 2):
            first, second = network.inner[number], network.inner[number + 1]
            assert isinstance(first, Modulated)
            assert isinstance(second, Modulated)
            inside = self.relu(self.modulated(f"generator.inner.{number}", first, x, code))
            x = self.node(
                "Add", x, self.modulated(f"generator.inner.{number + 1}", second, inside, code)
            )
        x = self.relu(self.modulated("generator.up1", network.up1, self.doubled(x), code))
        x = self.conv("generator.narrow", network.narrow, self.node("Add", x, half))
        x = self.relu(self.modulated("generator.up2", network.up2, self.doubled(x), code))
        x = self.conv("generator.last", network.last, self.node("Concat", x, stem, axis=1))
        return self.node("Mul", self.node("Tanh", x), self.number(BOUND), output="change")


def export(encoder: StyleEncoder, generator: Generator, path: Path, name: str) -> None:
    """Write the ONNX file, whole or not at all. Raises BadTraining for weights beyond float16.

    Its inputs are ``photo`` (n, 3, h, w), in the style's colors, with sides that are multiples of
    4, and ``style`` (n, 3, y, x), both in [0, 1]; its output is ``change`` (n, 3, h, w).
    """
    graph = _Graph()
    code = graph.style_encoder(encoder, "style")
    graph.generator(generator, "photo", code)
    made = helper.make_graph(
        graph.nodes,
        name,
        [
            helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["n", 3, "h", "w"]),
            helper.make_tensor_value_info("style", TensorProto.FLOAT, ["n", 3, "y", "x"]),
        ],
        [helper.make_tensor_value_info("change", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        graph.weights,
    )
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=8)
    model.metadata_props.append(onnx.StringStringEntryProto(key="vitrine_code", value=str(CODE)))
    onnx.checker.check_model(model, full_check=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(model.SerializeToString())
    part.replace(path)
