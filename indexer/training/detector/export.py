"""Write the detector, or the trunk alone, as ONNX files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from indexer.durable import replace_file
from indexer.training.detector.bank import LEVELS
from indexer.training.detector.network import (
    TAPS,
    Detector,
    Head,
    Normed,
    Pyramid,
    Separable,
    centers,
    strides,
)
from indexer.training.detector.pictures import SIDE
from indexer.training.export import Graph
from indexer.training.network import Block, Network

_OPSET = 17


class DetectorGraph(Graph):
    """Adds the parts of the detector to an ONNX graph."""

    def taps(self, trunk: Network, x: str, after: Sequence[int] = TAPS) -> list[str]:
        """Add the trunk up to a block; return its maps ``after`` some blocks, finest first."""
        x = self.relu6(self.conv("stem", trunk.stem, x))
        found = []
        for number, block in enumerate(trunk.blocks[: after[-1]]):
            assert isinstance(block, Block)
            x = self.block(f"blocks.{number}", block, x)
            if number + 1 in after:
                found.append(x)
        return found

    def normed(self, name: str, layer: Normed, x: str) -> str:
        """Add a convolution with its normalization folded in, and ReLU6."""
        return self.relu6(self.conv(name, layer.folded(), x))

    def separable(self, name: str, layer: Separable, x: str) -> str:
        """Add a depthwise and a pointwise convolution."""
        return self.normed(
            f"{name}.point", layer.point, self.normed(f"{name}.depth", layer.depth, x)
        )

    def doubled(self, x: str) -> str:
        """Enlarge a map to twice its sides, without interpolation."""
        return self.node("Resize", x, "", "twice", mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric")  # fmt: skip

    def pyramid(self, layer: Pyramid, taps: list[str]) -> list[str]:
        """Add the feature pyramid; see ``Pyramid.forward``."""
        self.value("twice", np.array([1, 1, 2, 2], np.float32))
        fine, middle, coarse = (
            self.normed(f"pyramid.lateral.{n}", lateral, x)
            for n, (lateral, x) in enumerate(zip(layer.lateral, taps, strict=True))
        )

        def part(kind: str, n: int, x: str) -> str:
            module = getattr(layer, kind)[n]
            return self.separable(f"pyramid.{kind}.{n}", module, x)

        middle = part("finer", 1, self.node("Add", middle, self.doubled(coarse)))
        fine = part("finer", 0, self.node("Add", fine, self.doubled(middle)))
        middle = part("coarser", 0, self.node("Add", middle, part("down", 0, fine)))
        coarse = part("coarser", 1, self.node("Add", coarse, part("down", 1, middle)))
        return [fine, middle, coarse]

    def head(self, name: str, layer: Head, x: str) -> str:
        """Add a head; return its outputs as (n, 5, positions)."""
        for n, separable in enumerate(layer.tower):
            x = self.separable(f"{name}.tower.{n}", separable, x)
        out = self.conv(f"{name}.out", layer.out, x)
        return self.node("Reshape", out, "rows")

    def decoded(self, rows: str) -> None:
        """Add the outputs: scores (n, p), and boxes (n, p, 4) as shares of the sides."""
        at = centers().numpy().T / np.float32(SIDE)  # (2, p)
        step = strides().numpy() / np.float32(SIDE)  # (p,)
        self.value("at", at[None].astype(np.float32))
        self.value("step", step[None, None].astype(np.float32))
        for name, value in (("one_less", -5.0), ("one_more", 5.0)):
            self.value(name, np.array(value, np.float32))
        self.value("parts", np.array([1, 2, 2], np.int64))
        score, low, high = (f"{name}_rows" for name in ("score", "low", "high"))
        self.nodes.append(
            helper.make_node("Split", [rows, "parts"], [score, low, high], "split", axis=1)
        )
        self.node("Squeeze", self.node("Sigmoid", score), "axis_one", output="scores")
        self.value("axis_one", np.array([1], np.int64))

        def reach(part: str) -> str:
            return self.node(
                "Mul", self.node("Exp", self.node("Clip", part, "one_less", "one_more")), "step"
            )

        corners = self.node(
            "Concat",
            self.node("Sub", "at", reach(low)),
            self.node("Add", "at", reach(high)),
            axis=1,
        )
        self.node("Transpose", self.node("Clip", corners, "zero", "unit"), perm=[0, 2, 1],
                  output="boxes")  # fmt: skip
        self.value("unit", np.array(1.0, np.float32))


def export_trunk(trunk: Network, path: Path) -> None:
    """Write a graph from pixels to the three maps of the trunk, in float32."""
    graph = DetectorGraph()
    taps = graph.taps(trunk.eval(), graph.pixels())
    for name, tap in zip(LEVELS, taps, strict=True):
        graph.node("Identity", tap, output=name)
    _write(graph, "trunk", path, [(name, 4) for name in LEVELS])


def export_detector(detector: Detector, path: Path, *, name: str) -> None:
    """Write the detector (ONNX) and the JSON beside it, atomically.

    It takes uint8 (n, SIDE, SIDE, 3); large weights are stored as int8, see
    ``indexer.training.export``.
    """
    detector = detector.eval()
    graph = DetectorGraph()
    graph.value("rows", np.array([0, 5, -1], np.int64))
    taps = graph.taps(detector.trunk, graph.pixels())
    levels = graph.pyramid(detector.pyramid, taps)
    rows = [
        graph.head(f"heads.{n}", head, x)
        for n, (head, x) in enumerate(zip(detector.heads, levels, strict=True))
    ]
    graph.decoded(graph.node("Concat", *rows, axis=2))
    _write(graph, name, path, [("scores", 2), ("boxes", 3)])


def _write(graph: DetectorGraph, name: str, path: Path, outputs: list[tuple[str, int]]) -> None:
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
            [
                helper.make_tensor_value_info(output, TensorProto.FLOAT, [None] * rank)
                for output, rank in outputs
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model, full_check=True)
    replace_file(path, model.SerializeToString())


def write_settings(path: Path, fields: dict[str, object]) -> None:
    """Write the JSON file beside ``path``."""
    content = json.dumps(fields, indent=2) + "\n"
    replace_file(path.with_suffix(".json"), content.encode())
