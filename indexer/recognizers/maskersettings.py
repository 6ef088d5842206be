"""Read the JSON file that names the two graphs of a box-to-mask model, and says how to feed them.

    {"format": 1, "name": "mobile-sam", "encoder": "mobile_sam.encoder.onnx",
     "decoder": "mobile_sam.decoder.onnx", "detector": "yolox_nano.onnx"}

The fields left out have the values of Segment Anything (Kirillov et al. 2023, ``Sam`` and
``ResizeLongestSide`` of its repository).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from indexer.errors import RecognizerNotFound
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import read_regular

if TYPE_CHECKING:
    from pathlib import Path

_File = Annotated[str, msgspec.Meta(pattern=r"^\w[\w.-]*\.onnx$")]  # no path: it is beside the JSON
_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Positive = Annotated[float, msgspec.Meta(ge=1e-6)]  # smaller ones vanish in float32


class MaskerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The graphs of a box-to-mask model, and the input of its encoder.

    ``encoder``, ``decoder`` and ``detector`` are files beside the JSON. The boxes are those of the
    ``detector``, which has a JSON file of its own; without one, those of the bundled detector.

    A photo is resized until its longer side has ``size`` pixels. ``float32`` input is
    ``(pixels / scale - mean) / std``; ``uint8`` input is the pixels. With ``pad``, zeros to the
    right and below make it a square; without, the graph does that. The layout ``hwc`` has no
    dimension for several photos. ``input`` may be empty if the encoder has only one.

    The first ``most`` things get masks. A mask of which the decoder predicts an intersection over
    union below ``sure`` is unsure; the default is that of ``SamAutomaticMaskGenerator``.
    """

    format: Literal[1]
    encoder: _File
    decoder: _File
    detector: _File | None = None
    name: _Name = ""
    size: Annotated[int, msgspec.Meta(ge=16, le=4096)] = 1024
    input: str = ""
    layout: Literal["nchw", "nhwc", "hwc"] = "nchw"
    dtype: Literal["uint8", "float32"] = "float32"
    channels: Literal["rgb", "bgr"] = "rgb"
    scale: _Positive = 1.0
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[_Positive, _Positive, _Positive] = (58.395, 57.12, 57.375)
    pad: bool = True
    sure: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.88
    most: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


def read_masker_settings(path: Path) -> MaskerSettings:
    """Read the JSON file of a box-to-mask model. Raises RecognizerNotFound if that fails."""
    if path.suffix != ".json":
        raise RecognizerNotFound(
            f"sam:{path} is no JSON file; expected sam:FILE.json, which names an encoder and a "
            "decoder beside it",
            param="recognizer",
        )
    try:
        return decode_json_as(read_regular(path), MaskerSettings)
    except OSError as error:
        raise RecognizerNotFound(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise RecognizerNotFound(f"cannot read {path}: {error}") from error
