"""Any image encoder exported to ONNX, with its preprocessing in a side file.

``model.onnx`` is accompanied by ``model.json``::

    {"format": 1, "name": "...", "size": 224, "fit": "crop", "resample": "bicubic", "trim": false,
     "input": "pixels", "output": "embedding", "layout": "nchw", "dtype": "float32",
     "scale": 255.0, "mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28], "dim": 512}

``float32`` input is ``(pixels / scale - mean) / std``; ``uint8`` input is the pixels as they
are, and the graph does the rest. With ``trim`` plain borders are cut off before
(``indexer.imaging.borders``); without the word nothing is, as for files older than it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.encoders.base import hash_file
from indexer.errors import EncoderNotFound
from indexer.imaging.preprocess import Fit, Preprocess, Resample
from indexer.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels, Vectors

WEIGHTS = Path(__file__).parent / "weights"
_Count = Annotated[int, msgspec.Meta(ge=1, le=65_536)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]
_BATCH = 64  # more at once gains nothing on a CPU and only holds memory


class SideFile(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """The JSON that stands beside an ONNX file and says how to feed it."""

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
    """The weights hash of an ONNX file with the JSON beside it.

    EncoderNotFound when one of them cannot be read.
    """
    digest = hash_file(path) + hash_file(path.with_suffix(".json"))
    return hashlib.sha256(digest.encode()).hexdigest()


def read_side(path: Path) -> SideFile:
    """Read the JSON beside an ONNX file. EncoderNotFound when it is missing or broken."""
    side_path = path.with_suffix(".json")
    try:
        return msgspec.json.decode(side_path.read_bytes(), type=SideFile)
    except FileNotFoundError:
        raise EncoderNotFound(f"{path.name} needs {side_path}, which says how to feed it") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise EncoderNotFound(f"cannot read {side_path}: {error}") from error


class OnnxEncoder:
    """Runs an exported encoder on ONNX Runtime, on the CPU.

    ``threads`` is the number of cores one call uses; None means all of them. A graph that was
    exported for a fixed number of images is given so many at a time.
    """

    def __init__(self, path: Path, *, encoder_id: str, threads: int | None = None) -> None:
        """Load ``path`` and the JSON beside it.

        EncoderNotFound when either is missing, broken, or they contradict each other.
        """
        self.side = read_side(path)
        self.weights_hash = hash_pair(path)
        self.id = encoder_id
        self.dim = self.side.dim
        self.preprocess = Preprocess(
            self.side.size, self.side.fit, self.side.resample, trim=self.side.trim
        )
        self._mean = np.asarray(self.side.mean, dtype=np.float32)
        self._std = np.asarray(self.side.std, dtype=np.float32)
        self._load(path, threads)

    def _load(self, path: Path, threads: int | None) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 3
        if (threads := threads or THREADS.limit) is not None:
            options.intra_op_num_threads = threads
        # Between two requests the threads sleep instead of spinning on a core that
        # decoding needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            shapes = {one.name: one.shape for one in self._session.get_inputs()}
            declared = shapes.get(self.side.input, [None])[0]
            self._at_once = declared if isinstance(declared, int) else None
            count = self._at_once or 2  # of two, a graph that takes only one shows itself
            blank = np.zeros((count, self.side.size, self.side.size, 3), dtype=np.uint8)
            vectors = self._run(blank)
        except Exception as error:  # ONNX Runtime has no base class for what it raises
            reason = " ".join(str(error).split())[:200]
            raise EncoderNotFound(f"{path} does not run as its side file says: {reason}") from error
        if vectors.shape != (count, self.dim):
            raise EncoderNotFound(
                f"{path} gives {vectors.shape} for {count} images, its side file promises "
                f"({count}, {self.dim})"
            )

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """See ``Encoder.encode_images``."""
        out = np.empty((len(pixels), self.dim), dtype=np.float32)
        step = self._at_once or _BATCH
        for start in range(0, len(pixels), step):
            batch = self.preprocess.batch(pixels[start : start + step])  # (b, s, s, 3)
            count = len(batch)
            if self._at_once:  # a graph exported for so many images takes no fewer
                batch = np.concatenate([batch, np.zeros_like(batch[:1]).repeat(step - count, 0)])
            out[start : start + count] = self._run(batch)[:count]
        return unit(out)

    def _run(self, batch: Pixels) -> Vectors:
        fed = batch
        if self.side.dtype == "float32":
            fed = ((batch / np.float32(self.side.scale) - self._mean) / self._std).astype(
                np.float32
            )
        if self.side.layout == "nchw":
            fed = np.ascontiguousarray(fed.transpose(0, 3, 1, 2))
        (vectors,) = self._session.run([self.side.output], {self.side.input: fed})
        return np.asarray(vectors, dtype=np.float32)
