"""Two detectors with licenses that allow use, to compare the bundled one with.

Both are read from `weights/` of the data folder. YOLOX-nano is run by Vitrine's own plug-in loader;
SSD-MobileNetV2 is a TFLite file, and needs `ai-edge-litert`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.recognizers.base import Recognizer, Thing
from indexer.recognizers.boxes import best_of_each
from indexer.recognizers.registry import load_recognizer

COCO = [
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich",
    "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote",
    "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book",
    "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
]  # fmt: skip
OPEN_IMAGES = [
    "Bicycle", "Boot", "Laptop", "Person", "Chair", "Cattle", "Desk", "Cat", "Computer mouse",
    "Computer monitor", "Box", "Mug", "Coffee cup", "Stationary bicycle", "Table", "Bottle",
    "High heels", "Vehicle", "Footwear", "Dog", "Book", "Camera", "Car",
]  # fmt: skip
_SIDE = 300
_MAPS = (19, 10, 5, 3, 2, 1)


def yolox(weights: Path, folder: Path, threshold: float) -> Recognizer:
    """Return YOLOX-nano as a plug-in: a copy of the file in `folder`, with its side file."""
    path = folder / "yolox_nano.onnx"
    shutil.copyfile(weights / "yolox_nano.onnx", path)
    side = {
        "format": 1, "name": "yolox-nano", "size": 416, "decode": "yolox", "fit": "letterbox",
        "fill": 114, "channels": "bgr", "scale": 1, "labels": COCO, "never": ["person"],
        "threshold": 0.4, **_names(path),
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(side))
    return load_recognizer(f"onnx:{path}", threads=1, threshold=threshold)


def _names(path: Path) -> dict[str, str]:
    import onnx

    graph = onnx.load(path).graph
    return {"input": graph.input[0].name, "output": graph.output[0].name}


class Ssd:
    """SSD-MobileNetV2 on Open Images, without persons."""

    id = "ssd-mobilenetv2"
    weights_hash = ""
    side = _SIDE

    def __init__(self, weights: Path, threshold: float) -> None:
        from ai_edge_litert.interpreter import Interpreter

        path = weights / "ssd_mobilenetv2_openimages_v4.tflite"
        self._model = Interpreter(str(path), num_threads=1)
        self._model.allocate_tensors()
        self._anchors = _anchors()
        self._threshold = threshold

    def recognize(self, pixels: Sequence[NDArray[np.uint8]]) -> list[list[Thing]]:
        return [self._one(image) for image in pixels]

    def _one(self, image: NDArray[np.uint8]) -> list[Thing]:
        small = Image.fromarray(image).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        fed = np.asarray(small, np.float32)[None] / 127.5 - 1
        self._model.set_tensor(self._model.get_input_details()[0]["index"], fed)
        self._model.invoke()
        raw: dict[int, Any] = {}
        for detail in self._model.get_output_details():
            value = self._model.get_tensor(detail["index"])
            raw[value.shape[-1]] = value.reshape(len(self._anchors), -1)
        boxes = np.clip(_decoded(raw[4], self._anchors), 0, 1)
        scores = 1 / (1 + np.exp(-raw[len(OPEN_IMAGES) + 1][:, 1:]))
        scores[:, OPEN_IMAGES.index("Person")] = 0
        label, best = scores.argmax(1), scores.max(1)
        chosen = np.flatnonzero((best >= self._threshold) & (boxes[:, 2:] > boxes[:, :2]).all(1))
        kept = chosen[best_of_each(boxes[chosen], best[chosen], 0.6)]
        return [
            Thing(tuple(boxes[n].tolist()), float(best[n]), OPEN_IMAGES[label[n]], None, self.id)
            for n in kept[:100].tolist()
        ]


def _anchors() -> NDArray[np.float32]:
    """Return the standard anchors of SSD, (1917, 4): centers and sides, y before x."""
    scales = [0.2 + 0.75 * level / 5 for level in range(6)] + [1.0]
    rows = []
    for level, count in enumerate(_MAPS):
        scale, larger = scales[level], scales[level + 1]
        if level == 0:
            shapes = [(0.1, 1.0), (scale, 2.0), (scale, 0.5)]
        else:
            shapes = [(scale, ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 1 / 3)]
            shapes.append(((scale * larger) ** 0.5, 1.0))
        for y in range(count):
            for x in range(count):
                for size, ratio in shapes:
                    middle = ((y + 0.5) / count, (x + 0.5) / count)
                    rows.append((*middle, size / ratio**0.5, size * ratio**0.5))
    return np.array(rows, np.float32)


def _decoded(raw: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    middle = raw[:, :2] / 10 * anchors[:, 2:] + anchors[:, :2]
    half = np.exp(raw[:, 2:] / 5) * anchors[:, 2:] / 2
    low, high = middle - half, middle + half
    return np.stack([low[:, 1], low[:, 0], high[:, 1], high[:, 0]], axis=1)
