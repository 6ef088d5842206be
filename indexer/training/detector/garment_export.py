"""Write the trunk and the head of garments as one ONNX file, from a close-up to its parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor, nn

from indexer.arrays import Pixels
from indexer.durable import replace_file
from indexer.training.detector.close_ups import HEIGHT, WIDTH
from indexer.training.detector.export import DetectorGraph
from indexer.training.detector.garment_head import STRIDES, TAP_CHANNELS, TAPS, GarmentHead, Mixed
from indexer.training.network import Conv, Network

_OPSET = 17
_LARGE = 4_000  # values of a weight that is stored as int8: nearly all, to keep the file small
OUTPUT = "parts"
_MAPS = tuple(f"map_{stride}" for stride in STRIDES)


class _GarmentGraph(DetectorGraph):
    """Adds the head of garments to an ONNX graph."""

    large = _LARGE

    def garments(self, head: GarmentHead, maps: Sequence[str]) -> None:
        """Add the head; see ``GarmentHead.forward``."""
        quarter, eighth, sixteenth, last = maps
        self.value("twice", np.array([1, 1, 2, 2], np.float32))
        scales = [getattr(head, f"scale_{n}").flatten() for n in range(len(STRIDES))]
        means = [getattr(head, f"mean_{n}").flatten() for n in range(len(STRIDES))]
        inputs: list[tuple[str, Tensor, Tensor]] = [
            (
                self.node(
                    "Concat", eighth, self.node("SpaceToDepth", quarter, blocksize=2), axis=1
                ),
                torch.cat([means[1], means[0].repeat(4)]),
                torch.cat([scales[1], scales[0].repeat(4)]),
            ),
            (sixteenth, means[2], scales[2]),
            (last, means[3], scales[3]),
        ]
        lateral = []
        for n, ((x, mean, scale), layer) in enumerate(zip(inputs, head.lateral, strict=True)):
            assert hasattr(layer, "folded")
            conv = layer.folded()
            if n == 0:
                conv = _by_position(conv)
            lateral.append(
                self.relu6(self.conv(f"garments.lateral.{n}", _unscaled(conv, mean, scale), x))
            )
        whole = self.conv(
            "garments.whole",
            _unscaled(head.whole, means[3], scales[3]),
            self.node("GlobalAveragePool", last),
        )
        place = self.half("garments.place", head.place.detach().numpy())
        x = self.node("Add", self.node("Add", lateral[2], place), whole)
        x = self.node("Add", lateral[1], self.doubled(self._mixed("coarse", head.coarse, x)))
        x = self.node("Add", lateral[0], self.doubled(self._mixed("middle", head.middle, x)))
        x = self.conv("garments.out", head.out, self._mixed("fine", head.fine, x))
        x = self.node("DepthToSpace", x, blocksize=2, mode="CRD")
        self.node("Softmax", x, axis=1, output=OUTPUT)

    def _mixed(self, name: str, layers: nn.ModuleList, x: str) -> str:
        for n, layer in enumerate(layers):
            assert isinstance(layer, Mixed)
            x = self.normed(f"garments.{name}.{n}.depth", layer.depth, x)
            x = self.normed(f"garments.{name}.{n}.point", layer.point, x)
        return x


def _unscaled(conv: Conv, mean: Tensor, scale: Tensor) -> Conv:
    """Return a pointwise convolution that normalizes its inputs first."""
    inner = conv.conv
    assert inner.bias is not None
    out = Conv(inner.in_channels, inner.out_channels, 1)
    with torch.no_grad():
        weight = inner.weight[:, :, 0, 0] * scale
        out.conv.weight.copy_(weight[..., None, None])
        assert out.conv.bias is not None
        out.conv.bias.copy_(inner.bias - weight @ mean)
    return out


def _by_position(conv: Conv) -> Conv:
    """Return a pointwise convolution whose quarter maps are in ONNX's order.

    ``SpaceToDepth`` puts the channels of one position together, ``pixel_unshuffle`` the positions
    of one channel.
    """
    channels, eighth = TAP_CHANNELS[0], TAP_CHANNELS[1]
    quarter = torch.arange(4 * channels).reshape(channels, 4).T.flatten() + eighth
    order = torch.cat([torch.arange(eighth), quarter])
    with torch.no_grad():
        conv.conv.weight.copy_(conv.conv.weight[:, order].clone())
    return conv


def export_maps(trunk: Network, path: Path) -> None:
    """Write a graph from close-ups to the four maps of the trunk, with the stored weights."""
    graph = _GarmentGraph()
    for name, found in zip(_MAPS, graph.taps(trunk.eval(), graph.pixels(), TAPS), strict=True):
        graph.node("Identity", found, output=name)
    _write(graph, path, _MAPS)


def maps_session(path: Path, threads: int = 1) -> Callable[[Pixels], list[NDArray[np.float32]]]:
    """Return a function from pixels (n, HEIGHT, WIDTH, 3) to the four maps (n, c, y, x)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda pixels: list(session.run(list(_MAPS), {"pixels": pixels}))


def export_garments(
    trunk: Network, head: GarmentHead, path: Path, *, name: str, parts: Sequence[str]
) -> None:
    """Write the network (ONNX) and the JSON beside it, atomically.

    It takes uint8 (n, HEIGHT, WIDTH, 3), and returns the probability of each part
    (n, parts, HEIGHT / 4, WIDTH / 4).
    """
    graph = _GarmentGraph()
    graph.garments(head.eval(), graph.taps(trunk.eval(), graph.pixels(), TAPS))
    _write(graph, path, (OUTPUT,))
    fields = {"format": 1, "name": name, "parts": list(parts)}
    replace_file(path.with_suffix(".json"), (json.dumps(fields, indent=2) + "\n").encode())


def _write(graph: DetectorGraph, path: Path, outputs: Sequence[str]) -> None:
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", HEIGHT, WIDTH, 3])
    found = [helper.make_tensor_value_info(o, TensorProto.FLOAT, [None] * 4) for o in outputs]
    used = {name for node in graph.nodes for name in node.input}
    weights = [weight for weight in graph.weights if weight.name in used]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "garments", [pixels], found, weights),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model, full_check=True)
    replace_file(path, model.SerializeToString())
