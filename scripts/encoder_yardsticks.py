"""Frozen ImageNet networks as baselines: encoders without any training for shops."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]
_SIZE = 224
_DIM = 1280


def mobilenet(path: Path) -> Callable[[Sequence[Pixels]], Vectors]:
    """Wrap the int8 TFLite MobileNetV2 as an encoder: (n, 1280) unit rows.

    Photos are squashed to 224 px. Needs `ai-edge-litert`. Raises ValueError for another network.
    """
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = Interpreter(str(path), num_threads=1, experimental_preserve_all_tensors=True)
    net.allocate_tensors()
    entry = net.get_input_details()[0]["index"]
    details = net.get_tensor_details()
    pooled = [tensor for tensor in details if tuple(tensor["shape"]) == (1, 1, 1, _DIM)]
    if not pooled:
        raise ValueError(f"{path} is not the MobileNetV2 expected: no tensor of {_DIM} values")
    # The output of a stage is the last of its tensors of this shape.
    place, zero = pooled[-1]["index"], int(pooled[-1]["quantization"][1])

    def encode(images: Sequence[Pixels]) -> Vectors:
        rows = []
        for image in images:
            net.set_tensor(entry, _square(image)[None])
            net.invoke()
            rows.append(net.get_tensor(place).reshape(-1).astype(np.float32) - zero)
        return _unit(np.stack(rows))

    return encode


def lite(name: str = "lite0") -> Callable[[Sequence[Pixels]], Vectors]:
    """Wrap a frozen EfficientNet-Lite as an encoder: (n, 1280) unit rows.

    Photos are squashed to 224 px. Raises ImportError without the extra `train`.
    """
    import onnxruntime
    import torch

    from indexer.training.export import export_features
    from indexer.training.network import LITE, Network
    from indexer.training.teacher_features import weights_file

    network = Network(LITE[name])
    network.load_imagenet(torch.load(weights_file(name), map_location="cpu", weights_only=True))
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / f"{name}.onnx"
        export_features(network, graph, size=_SIZE)
        session = onnxruntime.InferenceSession(
            graph.read_bytes(), providers=["CPUExecutionProvider"]
        )

    def encode(images: Sequence[Pixels]) -> Vectors:
        pixels = np.stack([_square(image) for image in images])
        return _unit(session.run(["features"], {"pixels": pixels})[0])

    return encode


def _square(image: Pixels) -> Pixels:
    size = (_SIZE, _SIZE)
    return np.asarray(
        Image.fromarray(image).resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    )


def _unit(rows: Vectors) -> Vectors:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
