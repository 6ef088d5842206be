"""Make masks from boxes with the two graphs of a Segment Anything export."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from indexer.encoders.base import file_digest
from indexer.encoders.onnxsession import open_session
from indexer.errors import RecognizerNotFound, one_line
from indexer.recognizers.maskersettings import read_masker_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.imaging.images import Box

    Floats = NDArray[np.float32]

_PROMPTS = ("image_embeddings", "point_coords", "point_labels")
_OPTIONAL = ("mask_input", "has_mask_input", "orig_im_size")
_COARSE, _FINE, _SCORES = "low_res_masks", "masks", "iou_predictions"
_CORNERS = (2.0, 3.0)  # labels of the points that are the top left and bottom right of a box
_MASK_SIDE = 512  # pixels of the longer side of a mask
_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}


class BoxMask(NamedTuple):
    """The pixels (h, w) of the thing in a box, over the whole photo.

    ``unsure`` says that the decoder thinks little of them.
    """

    pixels: NDArray[np.bool_]
    unsure: bool


class BoxMasker:
    """Makes masks of the things in boxes, on the CPU with ONNX Runtime. Thread-safe.

    The encoder sees a photo once; the decoder sees what it returned and one box at a time. The
    decoder has the inputs and outputs of ``SamOnnxModel`` in the repository of Segment Anything.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Load the graphs that the JSON file ``path`` names. ``threads`` limits the cores per call.

        Raises RecognizerNotFound if a file is missing or broken, or if they contradict each other.
        """
        self.settings = read_masker_settings(path)
        encoder, decoder = (
            path.with_name(name) for name in (self.settings.encoder, self.settings.decoder)
        )
        self.weights_hash = _hash([path, encoder, decoder])
        self._mean = np.asarray(self.settings.mean, dtype=np.float32)
        self._std = np.asarray(self.settings.std, dtype=np.float32)
        # Higher than wide, so that a graph for squares or landscapes only is noticed.
        blank = np.zeros((self.settings.size, self.settings.size * 3 // 4, 3), dtype=np.uint8)
        step = encoder
        try:
            self._encoder = open_session(encoder, threads)
            self._input = _only_input(self._encoder, self.settings.input)
            embeddings = self._embed(blank)
            step = decoder
            self._decoder = open_session(decoder, threads)
            self._types = _input_types(self._decoder)
            self._output = _masks_output(self._decoder)
            self._decode(embeddings, (0.25, 0.25, 0.75, 0.75), (blank.shape[1], blank.shape[0]))
        except Exception as error:  # ONNX Runtime has no base class for what it raises
            reason = one_line(error)
            raise RecognizerNotFound(f"{step} does not run as {path} says: {reason}") from error

    def masks(self, pixels: Pixels, boxes: Sequence[Box]) -> list[BoxMask]:
        """Return the mask of the thing in each box of a photo (h, w, 3); it may be empty.

        A mask may reach out of its box. No boxes take no time.
        """
        if not boxes:
            return []
        fitted = _fitted(pixels, self.settings.size)
        embeddings = self._embed(fitted)
        height, width = fitted.shape[:2]
        return [self._decode(embeddings, box, (width, height)) for box in boxes]

    def _embed(self, fitted: Pixels) -> Floats:
        """Return what the encoder makes of a photo whose longer side has its size: (1, c, y, x)."""
        settings = self.settings
        fed: NDArray[Any] = fitted
        if settings.channels == "bgr":
            fed = fed[..., ::-1]
        if settings.dtype == "float32":
            scaled = fed.astype(np.float32) / np.float32(settings.scale)
            fed = (scaled - self._mean) / self._std
        if settings.pad:  # after the normalization, as in training
            below, right = (settings.size - side for side in fed.shape[:2])
            fed = np.pad(fed, ((0, below), (0, right), (0, 0)))
        if settings.layout != "hwc":
            fed = fed[None]
        if settings.layout == "nchw":
            fed = fed.transpose(0, 3, 1, 2)
        first = self._encoder.get_outputs()[0].name
        (embeddings,) = self._encoder.run([first], {self._input: np.ascontiguousarray(fed)})
        if embeddings.ndim != 4 or len(embeddings) != 1:
            raise ValueError(f"its output {first} is {embeddings.shape}, expected (1, c, y, x)")
        return np.asarray(embeddings, dtype=np.float32)

    def _decode(self, embeddings: Floats, box: Box, fitted: tuple[int, int]) -> BoxMask:
        """Return the mask of a box; ``fitted`` (w, h) are the pixels that the encoder saw."""
        width, height = fitted
        corners = np.array(box, np.float32).reshape(1, 2, 2) * np.array(fitted, np.float32)
        rows, columns = embeddings.shape[2:]
        prompts = {
            "image_embeddings": embeddings,
            "point_coords": corners,
            "point_labels": np.array([_CORNERS]),
            "mask_input": np.zeros((1, 1, 4 * rows, 4 * columns)),  # the size that SAM has
            "has_mask_input": np.zeros(1),
            "orig_im_size": np.array([height, width]),
        }
        fed = {name: prompts[name].astype(dtype) for name, dtype in self._types.items()}
        found, scores = self._decoder.run([self._output, _SCORES], fed)
        expected = (*scores.shape, *((height, width) if self._output == _FINE else found.shape[2:]))
        if scores.ndim != 2 or len(scores) != 1 or found.ndim != 4 or found.shape != expected:
            raise ValueError(
                f"{self._output} are {found.shape} and {_SCORES} {scores.shape} for a photo of "
                f"{height} x {width} pixels, expected (1, n, y, x) and (1, n)"
            )
        sure = np.nan_to_num(scores[0].astype(np.float32), nan=-np.inf)  # (n,)
        best = int(sure.argmax())
        logits = Image.fromarray(found[0, best].astype(np.float32))
        reduced = min(1.0, _MASK_SIDE / max(fitted))
        size = (max(1, round(width * reduced)), max(1, round(height * reduced)))
        # What an export crops itself may be frozen to the photo it was traced with, so the coarse
        # masks, which cover the whole square, are cropped here.
        shares = (1.0, 1.0)
        if self._output == _COARSE:
            shares = (width / self.settings.size, height / self.settings.size)
        shown = (0.0, 0.0, shares[0] * logits.width, shares[1] * logits.height)
        mask = np.asarray(logits.resize(size, Image.Resampling.BILINEAR, box=shown)) > 0
        return BoxMask(mask, unsure=not sure[best] >= self.settings.sure)


def _fitted(pixels: Pixels, size: int) -> Pixels:
    """Resize a photo (h, w, 3) until its longer side is ``size``, as ``ResizeLongestSide`` does."""
    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    sides = (max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5)))
    return np.asarray(Image.fromarray(pixels).resize(sides, Image.Resampling.BILINEAR))


def _only_input(session: Any, name: str) -> str:
    """Return the name of the input, or of the only one if ``name`` is empty."""
    names = [node.name for node in session.get_inputs()]
    if (not name and len(names) != 1) or (name and names != [name]):
        raise ValueError(f"its inputs are {', '.join(names)}; expected {name or 'one'}")
    return name or str(names[0])


def _input_types(session: Any) -> dict[str, type[np.generic]]:
    """Return the type of each input of a decoder, by its name."""
    types = {node.name: node.type for node in session.get_inputs()}
    known = (*_PROMPTS, *_OPTIONAL)
    if not set(_PROMPTS) <= set(types) <= set(known) or not set(types.values()) <= set(_TYPES):
        got = ", ".join(f"{name} ({kind})" for name, kind in types.items())
        raise ValueError(f"its inputs are {got}; expected numbers named {', '.join(known)}")
    return {name: _TYPES[kind] for name, kind in types.items()}


def _masks_output(session: Any) -> str:
    """Return the name of the output that has the masks."""
    names = [node.name for node in session.get_outputs()]
    for output in (_COARSE, _FINE):
        if output in names and _SCORES in names:
            return output
    raise ValueError(
        f"its outputs are {', '.join(names)}; expected {_SCORES}, and {_COARSE} or {_FINE}"
    )


def _hash(paths: Sequence[Path]) -> str:
    """Return the hash of some files. Raises RecognizerNotFound if one cannot be read."""
    digest = ""
    for path in paths:
        try:
            digest += file_digest(path)
        except OSError as error:
            raise RecognizerNotFound(
                f"cannot read {path}, which {paths[0]} names: {error.strerror or error}"
            ) from error
    return hashlib.sha256(digest.encode()).hexdigest()
