"""Styles by a diffusion model in a local folder: IP-Adapter and ControlNet.

The folder holds a Stable Diffusion pipeline as ``diffusers`` saves it, with two more folders:

    controlnet/      a ControlNet that is conditioned on edges
    ip-adapter/      ip-adapter.safetensors, and image_encoder/ beside it

H. Ye et al., "IP-Adapter", arXiv:2308.06721; L. Zhang et al., "Adding conditional control to
text-to-image diffusion models", ICCV 2023. Nothing is downloaded. ``diffusers`` and torch are
imported when the first picture is styled.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from style.arrays import Alpha, Floats, Pixels
from style.checks import check_mask, check_pixels, check_strength
from style.errors import BadNetwork, UnknownStyle
from style.fullsize import add_change
from style.guided import luma
from style.planes import gradient
from style.shrink import shrunk
from style.styler import Provenance, StyleInfo

__all__ = ["DiffusionStyler"]

STRENGTH = 0.5
SIDE = 512
_STEPS = 20
_NOISE = 0.5  # how far the photo is taken back to noise: it stays the same product
_ADAPTER = "ip-adapter.safetensors"


class DiffusionStyler:
    """Paints photos by a diffusion model, minutes each on a CPU. One picture at a time."""

    name = "diffusion"

    def __init__(self, folder: Path, images: Mapping[str, Pixels], *, steps: int = _STEPS) -> None:
        """Offer a style for each image (h, w, 3). Raises BadNetwork if the folder lacks a part."""
        for part in ("model_index.json", "controlnet", f"ip-adapter/{_ADAPTER}"):
            if not (folder / part).exists():
                raise BadNetwork(f"{folder}: no {part}; save a pipeline there with its parts")
        self._folder, self._images, self._steps = folder, images, steps
        self._pipeline: Any = None
        self._lock = threading.Lock()

    def styles(self) -> list[StyleInfo]:
        """List the styles, by name."""
        return [StyleInfo(name, "texture", STRENGTH) for name in sorted(self._images)]

    def apply(
        self, pixels: Pixels, style: str, strength: float, mask: Alpha | None = None, seed: int = 0
    ) -> Pixels:
        """Return (h, w, 3) in the style; see ``Styler.apply``.

        Raises BadNetwork if packages are missing, or the folder holds no such pipeline.
        """
        check_pixels(pixels)
        image = self._image(style)
        strength = check_strength(strength)
        mask = check_mask(mask, pixels)
        if strength == 0:
            return pixels.copy()
        small = shrunk(pixels, SIDE)
        change = self._painted(small, image, seed) - small.astype(np.float32) / np.float32(255)
        return add_change(change, small, pixels, strength, mask)

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        """Return the record of ``apply`` with these arguments. Raises UnknownStyle.

        The weights' hash is of names, sizes and the ends of the files, which are gigabytes.
        """
        digest = hashlib.sha256(f"{self._steps}".encode() + self._image(style).tobytes())
        for path in sorted(path for path in self._folder.rglob("*") if path.is_file()):
            size = path.stat().st_size
            digest.update(f"{path.relative_to(self._folder)} {size} ".encode())
            with path.open("rb") as file:
                digest.update(file.read(1 << 16))
                file.seek(max(0, size - (1 << 16)))
                digest.update(file.read(1 << 16))
        return Provenance(self.name, digest.hexdigest()[:16], style, strength, seed)

    def _image(self, style: str) -> Pixels:
        if style not in self._images:
            raise UnknownStyle(style, self._images)
        return self._images[style]

    def _painted(self, photo: Pixels, style: Pixels, seed: int) -> Floats:
        """Return the photo as the model paints it, (y, x, 3) in [0, 1]."""
        height, width = photo.shape[:2]
        size = (max(64, round(width / 8) * 8), max(64, round(height / 8) * 8))
        shown = Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC)
        with self._lock:  # a pipeline has state
            pipeline = self._opened()
            import torch

            try:
                made = pipeline(
                    prompt="",
                    image=shown,
                    control_image=Image.fromarray(_edges(np.asarray(shown))),
                    ip_adapter_image=Image.fromarray(style),
                    strength=_NOISE,
                    num_inference_steps=self._steps,
                    generator=torch.Generator("cpu").manual_seed(seed),
                ).images[0]
            except (RuntimeError, ValueError, TypeError) as error:
                first = str(error).partition("\n")[0]
                raise BadNetwork(f"{self._folder}: the pipeline fails: {first}") from error
        painted = made.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(painted, np.float32) / np.float32(255)

    def _opened(self) -> Any:
        if self._pipeline is None:
            try:
                from diffusers import ControlNetModel, StableDiffusionControlNetImg2ImgPipeline
            except ImportError as error:
                raise BadNetwork(
                    "styles by diffusion need packages: pip install diffusers transformers"
                ) from error
            try:
                control = ControlNetModel.from_pretrained(
                    self._folder / "controlnet", local_files_only=True
                )
                pipeline = StableDiffusionControlNetImg2ImgPipeline.from_pretrained(
                    self._folder, controlnet=control, safety_checker=None, local_files_only=True
                )
                pipeline.load_ip_adapter(
                    str(self._folder / "ip-adapter"),
                    subfolder="",
                    weight_name=_ADAPTER,
                    local_files_only=True,
                )
            except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
                first = str(error).partition("\n")[0]
                raise BadNetwork(f"{self._folder}: no pipeline of its kind: {first}") from error
            pipeline.set_progress_bar_config(disable=True)
            self._pipeline = pipeline
        return self._pipeline


def _edges(pixels: Pixels) -> Pixels:
    """Return white edges on black, (h, w, 3), for a ControlNet that is conditioned on edges."""
    across, down = gradient(luma(pixels))
    strength = np.clip(np.hypot(across, down) * 6, 0, 1)
    return np.repeat((strength * 255).astype(np.uint8)[..., None], 3, axis=2)
