"""Encode images to the pooled features of a timm or torchvision classifier."""

from __future__ import annotations

import math
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

_FITS: dict[str, Fit] = {"center": "crop", "squash": "squash", "border": "pad"}
_RESAMPLES: dict[str, Resample] = {
    "bicubic": "bicubic",
    "bilinear": "bilinear",
    "lanczos": "lanczos",
    "box": "box",
}
_TORCHVISION = "torchvision:"


class CnnEncoder:
    """Encode images with a timm or torchvision classifier without its last layer.

    ``spec`` is ``MODEL`` or ``MODEL@WEIGHTS``, a timm name before a torchvision name;
    ``torchvision:MODEL`` forces torchvision. Without ``@WEIGHTS`` (safetensors or a PyTorch state
    dict) the published weights are downloaded.
    """

    def __init__(self, spec: str, *, encoder_id: str, threads: int | None = None) -> None:
        """Load model and weights.

        Raises EncoderNotFound if a package, the model or its weights are not available.
        """
        self.id = encoder_id
        timm, vision = import_packages("timm", "torchvision", encoder_id=encoder_id)
        name, _, file = spec.partition("@")
        weights = Path(file).expanduser() if file else None
        if weights is not None and not weights.is_file():
            raise EncoderNotFound(f"encoder {encoder_id!r}: no weights file {weights}")
        plain = name.removeprefix(_TORCHVISION)
        try:
            if plain == name and (timm.is_model(name.split(".")[0]) or ":" in name):
                model, config = _from_timm(timm, name, weights)
            elif plain in vision.models.list_models(module=vision.models):
                model, config = _from_torchvision(vision, plain, weights)
            else:
                raise EncoderNotFound(
                    f"encoder {encoder_id!r}: neither timm nor torchvision has a model {plain!r}; "
                    "timm.list_models() lists them"
                )
            self.preprocess, mean, std = self._preprocessing(config)
            self.weights_hash = hash_weights(model, self.preprocess, mean, std)
            self._model = TorchModel(model, self.preprocess, mean, std, threads)
            blank = np.zeros((self.preprocess.size, self.preprocess.size, 3), dtype=np.uint8)
            self.dim = self._model.images([blank], self._model.model).shape[1]
        except EncoderNotFound:
            raise
        except Exception as error:  # hub, file and shape errors share no base class
            tried = f"{name} with {weights or 'its published weights'}"
            raise cannot_load(encoder_id, tried, error) from error

    def _preprocessing(self, config: dict[str, Any]) -> tuple[Preprocess, Color, Color]:
        """Read preprocessing, mean and std from a timm data config.

        ``scaled``, if it is there, replaces ``crop_pct``.
        """
        channels, height, width = config["input_size"]
        fit = _FITS.get(config["crop_mode"])
        resample = _RESAMPLES.get(config["interpolation"])
        if channels != 3 or height != width or fit is None or resample is None:
            raise EncoderNotFound(
                f"encoder {self.id!r} needs input that is not supported: "
                f"{channels} x {height} x {width}, {config['crop_mode']}, "
                f"{config['interpolation']}; choose a model with square color input"
            )
        mean: Color = config["mean"]
        std: Color = config["std"]
        scaled = config.get("scaled") or math.floor(width / config["crop_pct"])
        red, green, blue = (round(255 * value) for value in mean)  # timm pads with the mean
        preprocess = Preprocess(width, fit, resample, scaled=scaled, fill=(red, green, blue))
        return preprocess, mean, std

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """See ``Encoder.encode_images``."""
        if not len(pixels):
            return np.empty((0, self.dim), dtype=np.float32)
        return self._model.images(pixels, self._model.model)


def _from_timm(timm: Any, name: str, weights: Path | None) -> tuple[Any, dict[str, Any]]:
    model = timm.create_model(name, pretrained=weights is None, num_classes=0)
    if weights is not None:
        heads = model.pretrained_cfg.get("classifier") or ()
        _load_weights(model, weights, (heads,) if isinstance(heads, str) else tuple(heads))
    return model, timm.data.resolve_model_data_config(model)


def _from_torchvision(vision: Any, name: str, weights: Path | None) -> tuple[Any, dict[str, Any]]:
    import torch

    published = vision.models.get_model_weights(name).DEFAULT
    model = vision.models.get_model(name, weights=published if weights is None else None)
    linears = [path for path, part in model.named_modules() if isinstance(part, torch.nn.Linear)]
    if not linears:
        raise EncoderNotFound(f"torchvision's {name} has no linear layer to take the features from")
    model.set_submodule(linears[-1], torch.nn.Identity())
    if weights is not None:
        _load_weights(model, weights, (linears[-1],))
    preset = published.transforms()
    return model, {
        "input_size": (3, preset.crop_size[0], preset.crop_size[0]),
        "scaled": preset.resize_size[0],
        "crop_mode": "center",
        "interpolation": preset.interpolation.value,
        "mean": tuple(preset.mean),
        "std": tuple(preset.std),
    }


def _load_weights(model: Any, path: Path, heads: tuple[str, ...]) -> None:
    """Load every tensor of the model from a file; only classifier weights may be unused."""
    from timm.models import load_state_dict

    state = load_state_dict(str(path), device="cpu", weights_only=True)
    result = model.load_state_dict(state, strict=False)
    unexpected = [key for key in result.unexpected_keys if not key.startswith(heads)]
    if result.missing_keys or unexpected:
        wrong = [*result.missing_keys, *unexpected]
        raise EncoderNotFound(
            f"{path} holds the weights of another model: {len(result.missing_keys)} are missing "
            f"and {len(unexpected)} unexpected, such as {wrong[0]}"
        )
