"""A box-to-mask model as two ONNX files, small enough to be made in a test.

The mask of a box is what is red in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.tinydetector import SIZE

CELLS = SIZE // 4
"""Columns of what the encoder returns; coarse masks have four times as many."""
SHAPES = {
    "nchw": [1, 3, SIZE, SIZE],
    "nhwc": [1, SIZE, SIZE, 3],
    "hwc": [SIZE, SIZE, 3],
}


def write_masker(
    folder: Path,
    *,
    qualities: tuple[float, ...] = (0.95,),
    coarse: bool = True,
    inputs: tuple[str, ...] = ("mask_input", "has_mask_input", "orig_im_size"),
    graph_layout: str = "nchw",
    dtype: int = TensorProto.FLOAT,
    **fields: Any,
) -> Path:
    """Write both graphs, and the JSON file that names them, and return the path of that.

    The decoder returns as many masks as there are ``qualities``: the last is right, the others are
    everything. Without ``coarse``, it has no output ``low_res_masks``.
    """
    _save(folder / "tiny.encoder.onnx", *_encoder(graph_layout))
    _save(folder / "tiny.decoder.onnx", *_decoder(qualities, inputs, dtype, coarse=coarse))
    described = {
        "format": 1,
        "encoder": "tiny.encoder.onnx",
        "decoder": "tiny.decoder.onnx",
        "detector": "tiny-n.onnx",
        "size": SIZE,
    }
    path = folder / "sam.json"
    path.write_text(json.dumps({**described, **fields}))
    return path


def _encoder(layout: str) -> tuple[Any, ...]:
    """Return the mean red minus the mean blue of 4 x 4 pixels, (1, 1, y, x)."""
    kernel = np.zeros((1, 3, 4, 4), np.float32)
    kernel[0, 0], kernel[0, 2] = 1 / 16, -1 / 16
    nodes = [helper.make_node("Conv", ["planes", "kernel"], ["image_embeddings"], strides=[4, 4])]
    order = {"nchw": [0, 1, 2, 3], "nhwc": [0, 3, 1, 2], "hwc": [0, 3, 1, 2]}[layout]
    source = "x"
    if layout == "hwc":
        nodes.insert(0, helper.make_node("Unsqueeze", ["x", "first"], ["batch"]))
        source = "batch"
    nodes.insert(-1, helper.make_node("Transpose", [source], ["planes"], perm=order))
    return (
        nodes,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPES[layout])],
        [helper.make_tensor_value_info("image_embeddings", TensorProto.FLOAT, [1, 1, None, None])],
        {"kernel": kernel, "first": np.array([0])},
    )


def _decoder(
    qualities: tuple[float, ...], inputs: tuple[str, ...], dtype: int, *, coarse: bool
) -> tuple[Any, ...]:
    """Return masks that are positive where the encoder saw red, and within both corners."""
    weights: dict[str, Any] = {
        "x": (np.arange(SIZE, dtype=np.float32) + 0.5).reshape(1, 1, 1, SIZE),
        "y": (np.arange(SIZE, dtype=np.float32) + 0.5).reshape(1, 1, SIZE, 1),
        "scores": np.array([qualities], np.float32),
        "others": np.ones((1, len(qualities) - 1, SIZE, SIZE), np.float32),
        "enlarged": np.array([1, 1, 4, 4], np.float32),
        "zero": np.array(0),
        "one": np.array(1),
        "labels": np.array([[2, 3]], np.float32),
    }
    make = helper.make_node
    nodes = [
        make("Gather", ["point_coords", "zero"], ["low"], axis=1),  # (1, 2)
        make("Gather", ["point_coords", "one"], ["high"], axis=1),
        make("Gather", ["low", "zero"], ["x0"], axis=1),
        make("Gather", ["low", "one"], ["y0"], axis=1),
        make("Gather", ["high", "zero"], ["x1"], axis=1),
        make("Gather", ["high", "one"], ["y1"], axis=1),
        make("Sub", ["x", "x0"], ["left"]),
        make("Sub", ["x1", "x"], ["right"]),
        make("Sub", ["y", "y0"], ["above"]),
        make("Sub", ["y1", "y"], ["below"]),
        make("Resize", ["image_embeddings", "", "enlarged"], ["red"], mode="nearest"),
        make("Min", ["left", "right", "above", "below", "red"], ["inside"]),
        # Points of other labels are no corners of a box: everything is outside.
        make("Sub", ["point_labels", "labels"], ["wrong"]),
        make("Abs", ["wrong"], ["distance"]),
        make("ReduceMax", ["distance"], ["most"], keepdims=0),
        make("Mul", ["most", "far"], ["penalty"]),
        make("Sub", ["inside", "penalty"], ["mask"]),
        make("Concat", ["others", "mask"], ["low_res_masks"], axis=1),
        make("Identity", ["scores"], ["iou_predictions"]),
    ]
    weights["far"] = np.array(1e6, np.float32)
    outputs = ["low_res_masks", "iou_predictions"]
    if not coarse:  # masks of the size of the photo: what the square has of it
        nodes += [
            make("Cast", ["orig_im_size"], ["sides"], to=TensorProto.INT64),
            make("Slice", ["low_res_masks", "corner", "sides", "axes"], ["masks"]),
        ]
        weights |= {"corner": np.array([0, 0]), "axes": np.array([2, 3])}
        outputs = ["masks", "iou_predictions"]
    shapes = {
        "image_embeddings": [1, 1, CELLS, CELLS],
        "point_coords": [1, "points", 2],
        "point_labels": [1, "points"],
        "mask_input": [1, 1, SIZE, SIZE],
        "has_mask_input": [1],
        "orig_im_size": [2],
    }
    named = ["image_embeddings", "point_coords", "point_labels", *inputs]
    return (
        nodes,
        [
            helper.make_tensor_value_info(
                name, dtype if name == "orig_im_size" else TensorProto.FLOAT, shapes.get(name, [1])
            )
            for name in named
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        weights,
    )


def _save(path: Path, nodes: Any, inputs: Any, outputs: Any, weights: dict[str, Any]) -> None:
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        outputs,
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
