"""Encoder ids: which exist, and how one becomes an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders.views import ViewsEncoder, split_views
from indexer.errors import EncoderNotFound

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder

DEFAULT_ENCODER = "builtin"

FORMS = {
    "builtin": "the bundled encoder: small, fast, no network",
    "color": "what colors are where: no weights, for tests",
    "openclip:MODEL/PRETRAINED": "OpenCLIP with a pretrained tag or a local checkpoint",
    "openclip:hf-hub:ORG/NAME": "OpenCLIP weights from the Hugging Face hub",
    "openclip:local-dir:FOLDER": "an OpenCLIP model saved with its open_clip_config.json",
    "st:MODEL[@DIMENSIONS]": "a sentence-transformers model that takes images, or its folder",
    "cnn:MODEL[@WEIGHTS]": "pooled features of a timm or torchvision model",
    "onnx:FILE": "any exported image encoder, with FILE.json beside it",
}


def canonical_id(encoder_id: str) -> str:
    """The id as it is written into a manifest: paths in it made absolute.

    The same file then has the same id from any working directory.
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
    """The file from any working directory, under its own name.

    A link as in a hub's cache leads to a file named by its hash: without the ending that says what
    it is, and with no JSON beside it.
    """
    path = Path(file).expanduser()
    return path.parent.resolve() / path.name


def load_encoder(encoder_id: str = DEFAULT_ENCODER, *, threads: int | None = None) -> Encoder:
    """Load an encoder by its id; ``threads`` bounds the cores one call uses (None: all).

    Only the module that is asked for is imported. Raises EncoderNotFound for an unknown id,
    missing weights, or a missing package (naming the extra that brings it).
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
        from indexer.encoders.onnxfile import OnnxEncoder

        return OnnxEncoder(Path(rest), encoder_id=encoder_id, threads=threads)
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
