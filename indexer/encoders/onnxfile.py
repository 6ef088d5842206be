"""Run image encoders that were exported to ONNX, with their preprocessing in a JSON file.

``model.onnx`` needs ``model.json`` beside it::

    {"format": 1, "name": "...", "size": 224, "fit": "crop", "resample": "bicubic", "trim": false,
     "input": "pixels", "output": "embedding", "layout": "nchw", "dtype": "float32",
     "scale": 255.0, "mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28], "dim": 512}

``float32`` input is ``(pixels / scale - mean) / std``; ``uint8`` input is the unscaled pixels.
With ``trim`` plain borders are cut off first (``indexer.imaging.borders``); the default is false,
as for files written before the option existed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.encoders.base import hash_file
from indexer.encoders.onnxsession import fixed_batch, open_session
from indexer.errors import EncoderNotFound, one_line
from indexer.imaging.preprocess import Fit, Preprocess, Resample
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import read_regular
from indexer.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels, Vectors

WEIGHTS = Path(__file__).parent / "weights"
_Count = Annotated[int, msgspec.Meta(ge=1, le=65_536)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]
# 16 images at once take as much CPU time each as 4, but ONNX Runtime keeps the memory of the
# largest batch so far: 40 MB for 4 images of 208 px, 230 MB for 16.
_BATCH_OF_A_THREAD = 4
_MOST_PIXELS = 64 * 1024**2  # in a batch of a fixed size; 800 MB as float32


class EncoderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """The JSON file beside an ONNX file: the encoder's preprocessing, input and output."""

    format: Literal[1]
    size: _Count
    dim: _Count
    name: str = ""
    fit: Fit = "squash"
    resample: Resample = "bicubic"
    trim: bool = False
    input: str = "pixels"
    output: str = "embedding"
    layout: Literal["nhwc", "nchw"] = "nhwc"
    dtype: Literal["uint8", "float32"] = "uint8"
    scale: _Positive = 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[_Positive, _Positive, _Positive] = (1.0, 1.0, 1.0)
    prefix_dims: list[int] = []


def hash_pair(path: Path) -> str:
    """Return the weights hash of an ONNX file and its JSON file.

    Raises EncoderNotFound if either cannot be read.
    """
    digest = hash_file(path) + hash_file(path.with_suffix(".json"))
    return hashlib.sha256(digest.encode()).hexdigest()


def read_encoder_settings(path: Path) -> EncoderSettings:
    """Read the JSON file of an ONNX file. Raises EncoderNotFound if it is missing or invalid."""
    json_path = path.with_suffix(".json")
    try:
        return decode_json_as(read_regular(json_path), EncoderSettings)
    except FileNotFoundError:
        raise EncoderNotFound(
            f"{path.name} needs {json_path}, which describes its input and output"
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise EncoderNotFound(f"cannot read {json_path}: {error}") from error


class OnnxEncoder:
    """Run an exported encoder on the CPU with ONNX Runtime.

    ``threads`` is the number of cores per call; None means all. A graph with a fixed batch size
    gets batches of that size.
    """

    def __init__(self, path: Path, *, encoder_id: str, threads: int | None = None) -> None:
        """Load ``path`` and its JSON file.

        Raises EncoderNotFound if either is missing or broken, or if they contradict each other.
        """
        self.settings = read_encoder_settings(path)
        self.weights_hash = hash_pair(path)
        self.id = encoder_id
        self.dim = self.settings.dim
        self.preprocess = Preprocess(
            self.settings.size, self.settings.fit, self.settings.resample, trim=self.settings.trim
        )
        self._mean = np.asarray(self.settings.mean, dtype=np.float32)
        self._std = np.asarray(self.settings.std, dtype=np.float32)
        self._load(path, threads)

    def _load(self, path: Path, threads: int | None) -> None:
        self._batch = _BATCH_OF_A_THREAD * (threads or THREADS.count)
        try:
            self._session = open_session(path, threads)
            self._fixed_batch = fixed_batch(self._session, self.settings.input)
            count = self._fixed_batch or 2  # two images fail in a graph that takes only one
            if count * self.settings.size**2 > _MOST_PIXELS:
                raise ValueError(
                    f"a batch is {count} images of {self.settings.size} px, more than "
                    f"{_MOST_PIXELS} pixels"
                )
            blank = np.zeros((count, self.settings.size, self.settings.size, 3), dtype=np.uint8)
            vectors = self._run(blank)
        except Exception as error:  # ONNX Runtime has no base class for what it raises
            raise EncoderNotFound(
                f"{path} does not run as its JSON file says: {one_line(error)}"
            ) from error
        if vectors.shape != (count, self.dim):
            raise EncoderNotFound(
                f"{path} returns {vectors.shape} for {count} images, but by its JSON file it "
                f"should return ({count}, {self.dim})"
            )

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """See ``Encoder.encode_images``."""
        out = np.empty((len(pixels), self.dim), dtype=np.float32)
        step = self._fixed_batch or self._batch
        for start in range(0, len(pixels), step):
            batch = self.preprocess.batch(pixels[start : start + step])  # (b, s, s, 3)
            count = len(batch)
            if self._fixed_batch:  # pad the last batch
                batch = np.concatenate([batch, np.zeros_like(batch[:1]).repeat(step - count, 0)])
            out[start : start + count] = self._run(batch)[:count]
        return unit(out)

    def _run(self, batch: Pixels) -> Vectors:
        fed = batch
        if self.settings.dtype == "float32":
            fed = ((batch / np.float32(self.settings.scale) - self._mean) / self._std).astype(
                np.float32
            )
        if self.settings.layout == "nchw":
            fed = np.ascontiguousarray(fed.transpose(0, 3, 1, 2))
        (vectors,) = self._session.run([self.settings.output], {self.settings.input: fed})
        return np.asarray(vectors, dtype=np.float32)
