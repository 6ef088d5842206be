"""What the PyTorch encoders share: packages, device, number format, threads, weights, batches."""

from __future__ import annotations

import hashlib
import importlib
import logging
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.errors import EncoderNotFound
from indexer.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from indexer.arrays import Pixels, Vectors
    from indexer.imaging.preprocess import Preprocess

logger = logging.getLogger("vitrine.indexer")

Color = tuple[float, float, float]

_kept_alive: list[Any] = []  # torch forgets a declared operator with the object that declared it
_BATCH = {"cpu": 32, "cuda": 256}


def import_packages(*names: str, encoder_id: str, extra: str = "clip") -> list[ModuleType]:
    """Import packages of an extra; EncoderNotFound names the extra when one is missing."""
    try:
        torch = importlib.import_module("torch")
        _import_torchvision(torch)
        return [importlib.import_module(name) for name in names]
    except ImportError as error:
        raise EncoderNotFound(
            f"encoder {encoder_id!r} needs the package {error.name or error}: "
            f"pip install 'vitrine[{extra}]'"
        ) from error
    except Exception as error:  # mismatched builds fail in many ways
        raise EncoderNotFound(
            f"encoder {encoder_id!r} cannot import its packages ({one_line(error)}); "
            "reinstall torch and torchvision from the same source"
        ) from error


def _import_torchvision(torch: Any) -> None:
    """Import torchvision, also where its compiled part does not fit this build of torch.

    PyPI's torchvision beside a CPU build of torch stops at ``operator torchvision::nms does
    not exist``. No encoder calls such operators: declared without a body they let the import
    pass.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        declared = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            declared.define(
                operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
        _kept_alive.append(declared)
        importlib.import_module("torchvision")


def cannot_load(encoder_id: str, tried: str, error: BaseException) -> EncoderNotFound:
    """The refusal for a model or weights that could not be read, built or run."""
    message = f"encoder {encoder_id!r}: cannot load {tried}: {one_line(error)}"
    if isinstance(error, ImportError) and error.name:  # some text towers want transformers
        message += f"; pip install {error.name}"
    return EncoderNotFound(message)


def one_line(error: BaseException) -> str:
    """An exception's message on one line, not longer than a terminal is wide twice over."""
    text = " ".join(str(error).split())
    return text[:200] or type(error).__name__


def hash_weights(model: Any, preprocess: Preprocess, *details: object) -> str:
    """SHA-256 of a model's tensors by name, of the preprocessing, and of what else is given.

    The same weights have the same hash, from whatever file or hub they were read.
    """
    told = msgspec.to_builtins(preprocess)
    if not preprocess.trim:  # a field newer than the shops that go by this hash
        del told["trim"]
    digest = hashlib.sha256(msgspec.json.encode([told, *details]))
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"\n{name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


class TorchModel:
    """A model on the best device of this machine, fed with pixels in batches.

    On CUDA it computes in ``gpu_format``, on a CPU with bf16 arithmetic in bf16, else in fp32;
    what comes out is within cosine 0.999 of fp32 in each case.
    """

    def __init__(
        self,
        model: Any,
        preprocess: Preprocess,
        mean: Color,
        std: Color,
        threads: int | None,
        *,
        gpu_format: Literal["float16", "bfloat16"] = "float16",
    ) -> None:
        import torch

        self._torch = torch
        self._threads = threads or THREADS.limit
        self._all_threads = _all_threads()
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._batch = _BATCH[self._device]
        self._preprocess = preprocess
        self._dtype = torch.float32
        if self._device == "cuda":
            self._dtype = getattr(torch, gpu_format)
        elif _cpu_has_bf16():
            self._dtype = torch.bfloat16
        else:
            logger.info(
                "this CPU has no bf16 arithmetic: encoding in fp32, at about half the speed"
            )
        self.number_format = f"{str(self._dtype).removeprefix('torch.')} on {self._device}"
        # requires_grad stays as it is: without it, PyTorch multiplies attention's inputs by a
        # copy of the weights for each image: four times slower.
        self.model = model.eval()
        self._cast()
        self.model.to(self._device, memory_format=torch.channels_last)
        # (1, 3, 1, 1): pixels go to the device as bytes and are scaled there
        self._shift = 255 * torch.tensor(mean, device=self._device).view(1, 3, 1, 1)
        self._scale = 255 * torch.tensor(std, device=self._device).view(1, 3, 1, 1)

    def _cast(self) -> None:
        # Autocast would cast these weights again in every call; here it finds them ready.
        if self._dtype is self._torch.float32:
            return
        nn = self._torch.nn
        for module in self.model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.to(self._dtype)
            packed = getattr(module, "in_proj_weight", None)  # of attention: not in a Linear
            if isinstance(packed, nn.Parameter):
                packed.data = packed.data.to(self._dtype)

    def images(self, pixels: Sequence[Pixels], forward: Callable[[Any], Any]) -> Vectors:
        """Run ``forward`` on normalized batches (b, 3, s, s): (n, dim) unit rows; n > 0."""
        parts = []
        with self.running():
            for start in range(0, len(pixels), self._batch):
                batch = self._preprocess.batch(pixels[start : start + self._batch])
                fed = self._torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2)
                fed = (fed.float() - self._shift) / self._scale  # (b, 3, s, s), channels last
                parts.append(self._to_numpy(forward(fed)))
        return unit(np.concatenate(parts))

    def tokens(self, tokens: Any, forward: Callable[[Any], Any]) -> Vectors:
        """Run ``forward`` on batches of tokens (b, length): (n, dim) unit rows; n > 0."""
        with self.running():
            parts = [
                self._to_numpy(forward(part.to(self._device))) for part in tokens.split(self._batch)
            ]
        return unit(np.concatenate(parts))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold to the threads and the number format, and keep no gradients, while it is open."""
        torch = self._torch
        # One number for the whole process, so it is set anew in each call.
        threads = self._threads or self._all_threads
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        low = self._dtype is not torch.float32
        with (
            torch.inference_mode(),
            torch.autocast(self._device, dtype=self._dtype if low else None, enabled=low),
        ):
            yield

    def _to_numpy(self, output: Any) -> Vectors:
        return np.asarray(output.float().cpu().numpy(), dtype=np.float32)


@cache
def _all_threads() -> int:
    import torch

    return int(torch.get_num_threads())


@cache
def _cpu_has_bf16() -> bool:
    # Without these instructions bf16 is emulated, and slower than fp32.
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
