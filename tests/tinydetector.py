"""A detector as an ONNX file, small enough to be made in a test, whose answers one can see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 64


def write_detector(folder: Path, *, batch: int | str = "n", **side: Any) -> Path:
    """A detector whose candidates are the 64 cells of 8 x 8 pixels.

    The red of a cell is its score as a "lamp", the blue that as a "person".
    """
    lines = np.arange(8, dtype=np.float32) * 8
    x, y = np.meshgrid(lines, lines)
    low = np.stack([x.ravel(), y.ravel()], axis=1)
    boxes = np.concatenate([low, low + 8], axis=1) / SIZE  # (64, 4)
    weights = {
        "kernel": np.stack(
            [
                # lamp: red, person: blue
                np.pad(np.full((1, 8, 8), 1 / 64 / 255, np.float32), ((0, 2), (0, 0), (0, 0))),
                np.pad(np.full((1, 8, 8), 1 / 64 / 255, np.float32), ((2, 0), (0, 0), (0, 0))),
            ]
        ),
        "cells": boxes[None].astype(np.float32),
        "rows": np.array([0, 2, -1], np.int64),
        "none": np.zeros((1, 1, 1), np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["means"], strides=[8, 8]),
        helper.make_node("Reshape", ["means", "rows"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["scores"], perm=[0, 2, 1]),
        helper.make_node("ReduceMean", ["scores"], ["one"], axes=[1, 2], keepdims=1),
        helper.make_node("Mul", ["one", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "cells"], ["boxes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, None, None]),
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [None, None, None]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    path = folder / f"tiny-{batch}.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    fields = {
        "format": 1,
        "size": SIZE,
        "decode": "boxes",
        "scale": 1,
        "labels": ["lamp", "person"],
        "threshold": 0.5,
    }
    path.with_suffix(".json").write_text(json.dumps({**fields, **side}))
    return path
