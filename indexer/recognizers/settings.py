"""Read the JSON file beside an ONNX detector: its input, and how to read its outputs.

    {"format": 1, "name": "yolox-nano", "size": 416, "fit": "letterbox", "fill": 114,
     "input": "images", "layout": "nchw", "dtype": "float32", "channels": "bgr", "scale": 1,
     "decode": "yolox", "output": "output", "labels": ["person", "bicycle", ...],
     "never": ["person"], "threshold": 0.4}

``labels`` names all that the detector knows, in the order of its scores. ``decode`` is one of:

- ``boxes``: the outputs ``scores`` (n, p) or (n, p, labels), and ``boxes`` (n, p, 4) as shares of
  the input's sides;
- ``yolox``: one output (n, p, 5 + labels) of raw centers and sides on grids of the ``strides``, an
  objectness, and a score for each label;
- ``yolov5``: one output (n, p, 5 + labels) of centers and sides in pixels, an objectness, and
  scores;
- ``yolov8``: one output (n, 4 + labels, p) of centers and sides in pixels, and scores; also YOLO11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from indexer.errors import RecognizerNotFound
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import read_regular

if TYPE_CHECKING:
    from pathlib import Path

Decode = Literal["boxes", "yolox", "yolov5", "yolov8"]

_Side = Annotated[int, msgspec.Meta(ge=16, le=4096)]
_Stride = Annotated[int, msgspec.Meta(ge=1, le=1024)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Positive = Annotated[float, msgspec.Meta(ge=1e-6)]  # smaller ones vanish in float32
_MOST_THINGS = 1000


class DetectorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The input of an ONNX detector, and how to read its outputs.

    A letterboxed photo keeps its shape; ``align`` puts it at the top left of the square (YOLOX) or
    in its center (other YOLO models), and ``fill`` is the gray level around it. ``float32`` input
    is ``(pixels / scale - mean) / std``; ``uint8`` input is the pixels. Labels in ``never`` are not
    returned. A thing needs a score of at least ``threshold``. Of things that overlap by
    ``overlap``, only the best is returned, and at most ``most`` in all. ``merge_on_plain`` merges
    the boxes of one thing on a plain background (``indexer.recognizers.plain``).

    With ``parts``, the output ``cells`` (n, parts, y, x) says what each part of the photo
    shows: ``background``, ``hair``, ``skin``, and garments (``indexer.recognizers.parts``). It
    covers the input, so ``fit`` must be ``squash``. ``garments`` is a file beside the detector that
    looks at people again (``indexer.recognizers.garments``).
    """

    format: Literal[1]
    size: _Side
    decode: Decode
    name: _Name = ""
    fit: Literal["squash", "letterbox"] = "letterbox"
    align: Literal["corner", "center"] = "corner"
    fill: Annotated[int, msgspec.Meta(ge=0, le=255)] = 114
    input: str = "images"
    layout: Literal["nhwc", "nchw"] = "nchw"
    dtype: Literal["uint8", "float32"] = "float32"
    channels: Literal["rgb", "bgr"] = "rgb"
    scale: _Positive = 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[_Positive, _Positive, _Positive] = (1.0, 1.0, 1.0)
    output: str = "output"
    scores: str = "scores"
    boxes: str = "boxes"
    strides: tuple[_Stride, ...] = (8, 16, 32)
    labels: tuple[str, ...] = ()
    never: tuple[str, ...] = ("person",)
    threshold: _Share = 0.3
    overlap: _Share = 0.6
    merge_on_plain: bool = False
    parts: tuple[str, ...] = ()
    garments: Annotated[str, msgspec.Meta(pattern=r"^([\w-]+\.onnx)?$")] = ""
    most: Annotated[int, msgspec.Meta(ge=1, le=_MOST_THINGS)] = 100

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs that are read."""
        found = [self.scores, self.boxes] if self.decode == "boxes" else [self.output]
        return [*found, "cells"] if self.parts else found


def read_detector_settings(path: Path) -> DetectorSettings:
    """Read the JSON file beside ``path``. Raises RecognizerNotFound if it is missing or invalid."""
    json_path = path.with_suffix(".json")
    try:
        settings = decode_json_as(read_regular(json_path), DetectorSettings)
    except FileNotFoundError:
        raise RecognizerNotFound(
            f"{path.name} needs {json_path}, which describes its input and output"
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise RecognizerNotFound(f"cannot read {json_path}: {error}") from error
    needed = {"background", "hair", "skin"}
    if settings.parts and (settings.fit != "squash" or not needed <= set(settings.parts)):
        raise RecognizerNotFound(
            f'{json_path}: parts need "fit": "squash", and to name background, hair and skin'
        )
    return settings
