"""Encode images and texts with OpenCLIP, with published or local weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.encoders.torchmodel import (
    Color,
    TorchModel,
    cannot_load,
    hash_weights,
    import_packages,
)
from indexer.errors import EncoderNotFound
from indexer.imaging.preprocess import Fit, Preprocess, Resample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels, Vectors

_FITS: dict[str, Fit] = {"shortest": "crop", "longest": "pad", "squash": "squash"}
_RESAMPLES: dict[str, Resample] = {"bicubic": "bicubic", "bilinear": "bilinear"}
_WITH_CONFIG = ("hf-hub:", "local-dir:")


class OpenClipEncoder:
    """Encode images and texts with an OpenCLIP model, preprocessed as its weights require.

    ``spec`` is ``MODEL/PRETRAINED`` with a published tag or a checkpoint file, or
    ``hf-hub:ORG/NAME``, or ``local-dir:FOLDER`` with ``open_clip_config.json`` and weights.
    """

    def __init__(self, spec: str, *, encoder_id: str, threads: int | None = None) -> None:
        """Load model, weights and tokenizer.

        Raises EncoderNotFound if a package, the model or its weights are not available.
        """
        self.id = encoder_id
        (open_clip,) = import_packages("open_clip", encoder_id=encoder_id)
        name, pretrained = self._parse(spec, open_clip)
        try:
            tag = open_clip.get_pretrained_cfg(name, pretrained) if pretrained else {}
            model = open_clip.create_model(
                name,
                pretrained,
                require_pretrained=True,  # fail instead of using random weights
                pretrained_text=False,
                force_quick_gelu=bool(tag.get("quick_gelu")),
            )
            self._tokenize = open_clip.get_tokenizer(name)
            self.preprocess, mean, std = self._preprocessing(model.visual.preprocess_cfg)
            details = open_clip.get_model_config(name) if name.startswith(_WITH_CONFIG) else None
            self.weights_hash = hash_weights(model, self.preprocess, mean, std, details)
            self._model = TorchModel(model, self.preprocess, mean, std, threads)
            self.number_format = self._model.number_format
            blank = np.zeros((self.preprocess.size, self.preprocess.size, 3), dtype=np.uint8)
            self.dim = self._images([blank]).shape[1]
        except EncoderNotFound:
            raise
        except Exception as error:  # hub, file and shape errors share no base class
            tried = f"{name} with {pretrained}" if pretrained else name
            raise cannot_load(encoder_id, tried, error) from error

    def _parse(self, spec: str, open_clip: Any) -> tuple[str, str | None]:
        if spec.startswith(_WITH_CONFIG):
            return spec, None
        name, _, pretrained = spec.partition("/")
        if name not in open_clip.list_models():
            raise EncoderNotFound(
                f"encoder {self.id!r}: OpenCLIP has no model {name!r}; "
                "open_clip.list_models() lists them"
            )
        tags = open_clip.list_pretrained_tags_by_model(name)
        known = pretrained.lower().replace("-", "_") in (tag.replace("-", "_") for tag in tags)
        if not known and not Path(pretrained).expanduser().is_file():
            raise EncoderNotFound(
                f"encoder {self.id!r}: {pretrained!r} is neither a file nor one of the weights of "
                f"{name} ({', '.join(tags) or 'none are published'})"
            )
        return name, pretrained if known else str(Path(pretrained).expanduser())

    def _preprocessing(self, config: dict[str, Any]) -> tuple[Preprocess, Color, Color]:
        size = config["size"]
        sides = tuple(size) if isinstance(size, list | tuple) else (size, size)
        fit = _FITS.get(config["resize_mode"])
        resample = _RESAMPLES.get(config["interpolation"])
        if len(set(sides)) != 1 or fit is None or resample is None:
            raise EncoderNotFound(
                f"encoder {self.id!r} needs input that is not supported: {sides}, "
                f"{config['resize_mode']}, {config['interpolation']}; choose a square model"
            )
        mean: Color = tuple(config["mean"])
        std: Color = tuple(config["std"])
        fill = config["fill_color"]
        return Preprocess(int(sides[0]), fit, resample, fill=(fill, fill, fill)), mean, std

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """See ``Encoder.encode_images``."""
        if not len(pixels):
            return np.empty((0, self.dim), dtype=np.float32)
        return self._images(pixels)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See ``TextEncoder.encode_texts``."""
        if not len(texts):
            return np.empty((0, self.dim), dtype=np.float32)
        return self._model.tokens(self._tokenize(list(texts)), self._model.model.encode_text)

    def _images(self, pixels: Sequence[Pixels]) -> Vectors:
        return self._model.images(pixels, self._model.model.encode_image)
