"""Load encoders by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders.modeltrial import fault_in_trial
from indexer.encoders.views import ViewsEncoder, split_views
from indexer.errors import EncoderNotFound

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.encoders.onnxfile import OnnxEncoder

DEFAULT_ENCODER = "builtin"

FORMS = {
    "builtin": "the bundled encoder: small, fast, no network",
    "color": "colors and where they are: no weights, for tests",
    "openclip:MODEL/PRETRAINED": "OpenCLIP with a pretrained tag or a local checkpoint",
    "openclip:hf-hub:ORG/NAME": "OpenCLIP weights from the Hugging Face hub",
    "openclip:local-dir:FOLDER": "an OpenCLIP model saved with its open_clip_config.json",
    "st:MODEL[@DIMENSIONS]": "a sentence-transformers model that takes images, or its folder",
    "cnn:MODEL[@WEIGHTS]": "pooled features of a timm or torchvision model",
    "onnx:FILE": "any exported image encoder, with FILE.json beside it",
}

_ON_GPUS = ("openclip", "st", "cnn")  # computed by PyTorch


def canonical_id(encoder_id: str) -> str:
    """Return the id as stored in manifests, with absolute paths.

    A file then has the same id from any working directory.
    """
    plain, views = split_views(encoder_id)
    if views:
        return "+".join([canonical_id(plain), *views])
    kind, _, rest = encoder_id.partition(":")
    if kind == "onnx" and rest:
        return f"onnx:{_absolute(rest)}"
    if kind == "cnn" and "@" in rest:
        model, _, weights = rest.partition("@")
        return f"cnn:{model}@{_absolute(weights)}"
    if kind == "openclip" and rest.startswith("local-dir:"):
        folder = rest.removeprefix("local-dir:")
        return f"openclip:local-dir:{Path(folder).expanduser().resolve()}"
    if kind == "openclip" and not rest.startswith("hf-hub:"):
        model, _, weights = rest.partition("/")
        if weights and Path(weights).expanduser().is_file():
            return f"openclip:{model}/{_absolute(weights)}"
    if kind == "st" and rest:
        from indexer.encoders.sentencetransformer import canonical_spec

        return f"st:{canonical_spec(rest)}"
    return encoder_id


def _absolute(file: str) -> Path:
    """Return the absolute path, without resolving a link of the file itself.

    Links in a hub's cache point to files named by their hash, without a suffix or a JSON file.
    """
    path = Path(file).expanduser()
    return path.parent.resolve() / path.name


def uses_gpu(encoder_id: str) -> bool:
    """Return True if this encoder computes on a GPU where there is one."""
    return split_views(encoder_id)[0].partition(":")[0] in _ON_GPUS


def load_encoder(encoder_id: str = DEFAULT_ENCODER, *, threads: int | None = None) -> Encoder:
    """Load an encoder by its id; ``threads`` limits the cores per call (None: all).

    Only the module of that encoder is imported. Raises EncoderNotFound for an unknown id, missing
    weights, or a missing package; the message names the extra to install.
    """
    encoder_id = canonical_id(encoder_id)
    plain, views = split_views(encoder_id)
    if views:
        return ViewsEncoder(load_encoder(plain, threads=threads), views)
    kind, _, rest = encoder_id.partition(":")
    if encoder_id == "color":
        from indexer.encoders.color import ColorEncoder

        return ColorEncoder()
    if encoder_id == "builtin":
        from indexer.encoders.bundled import BUILTIN, newest_file
        from indexer.encoders.onnxfile import OnnxEncoder

        return OnnxEncoder(newest_file(), encoder_id=BUILTIN, threads=threads)
    if kind == "onnx" and rest:
        if fault := fault_in_trial(_onnx_encoder, rest, [Path(rest)]):
            raise EncoderNotFound(fault, param="encoder")
        return _onnx_encoder(rest, threads)
    if kind == "openclip" and rest:
        from indexer.encoders.openclip import OpenClipEncoder

        return OpenClipEncoder(rest, encoder_id=encoder_id, threads=threads)
    if kind == "st" and rest:
        from indexer.encoders.sentencetransformer import SentenceTransformerEncoder

        return SentenceTransformerEncoder(rest, encoder_id=encoder_id, threads=threads)
    if kind == "cnn" and rest:
        from indexer.encoders.cnn import CnnEncoder

        return CnnEncoder(rest, encoder_id=encoder_id, threads=threads)
    known = ", ".join(FORMS)
    raise EncoderNotFound(f"unknown encoder {encoder_id!r}; known are {known}", param="encoder")


def _onnx_encoder(file: str, threads: int | None = None) -> OnnxEncoder:
    from indexer.encoders.onnxfile import OnnxEncoder

    return OnnxEncoder(Path(file), encoder_id=f"onnx:{file}", threads=threads)
