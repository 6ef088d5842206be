"""Load and run the models of the PyTorch encoders: packages, weights, device, batches."""

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
from indexer.errors import EncoderNotFound, one_line
from indexer.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from indexer.arrays import Pixels, Vectors
    from indexer.imaging.preprocess import Preprocess

logger = logging.getLogger("vitrine.indexer")

Color = tuple[float, float, float]

_kept_alive: list[Any] = []  # torch drops a declared operator together with its declaring object
_BATCH = {"cpu": 32, "cuda": 256}


def import_packages(*names: str, encoder_id: str, extra: str = "clip") -> list[ModuleType]:
    """Import packages of an extra; raise EncoderNotFound, naming the extra, if one is missing."""
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
            "reinstall torch and torchvision from the same package index"
        ) from error


def _import_torchvision(torch: Any) -> None:
    """Import torchvision, even if its compiled part does not match this build of torch.

    PyPI's torchvision with a CPU build of torch fails with ``operator torchvision::nms does not
    exist``. No encoder calls these operators, so they are declared without a body.
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
    """Return the error for a model or weights that cannot be read, built or run."""
    message = f"encoder {encoder_id!r}: cannot load {tried}: {one_line(error)}"
    if isinstance(error, ImportError) and error.name:  # some text towers need transformers
        message += f"; pip install {error.name}"
    return EncoderNotFound(message)


def hash_weights(model: Any, preprocess: Preprocess, *details: object) -> str:
    """Return the SHA-256 of a model's tensors by name, of the preprocessing and of ``details``.

    The same weights have the same hash, whichever file or hub they were read from.
    """
    settings = msgspec.to_builtins(preprocess)
    if not preprocess.trim:  # omitted, so that hashes of shops from before this field stay valid
        del settings["trim"]
    digest = hashlib.sha256(msgspec.json.encode([settings, *details]))
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"\n{name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


class TorchModel:
    """Run a model in batches on CUDA if available, else on the CPU.

    Computes in ``gpu_format`` on CUDA, in bf16 on a CPU with bf16 arithmetic, else in fp32. Vectors
    are within cosine 0.999 of fp32.
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
        # requires_grad is left on: without it, PyTorch multiplies attention inputs by a copy of
        # the weights for each image, four times slower.
        self.model = model.eval()
        self._cast()
        self.model.to(self._device, memory_format=torch.channels_last)
        # (1, 3, 1, 1): pixels are sent as bytes and scaled on the device
        self._shift = 255 * torch.tensor(mean, device=self._device).view(1, 3, 1, 1)
        self._scale = 255 * torch.tensor(std, device=self._device).view(1, 3, 1, 1)

    def _cast(self) -> None:
        # Cast once: autocast would cast these weights in every call.
        if self._dtype is self._torch.float32:
            return
        nn = self._torch.nn
        for module in self.model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.to(self._dtype)
            packed = getattr(module, "in_proj_weight", None)  # of attention, not a Linear
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
        """Set threads, number format and inference mode for the ``with`` block."""
        torch = self._torch
        # The thread count is global to the process, so it is set in each call.
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
    # Without these instructions bf16 is emulated and slower than fp32.
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
