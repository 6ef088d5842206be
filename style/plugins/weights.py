"""Weights at a path, opened by the styler that they are for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from style.arrays import Pixels
from style.network import NetworkStyler
from style.styler import Styler

__all__ = ["open_network"]


def open_network(path: Path, images: Mapping[str, Pixels]) -> Styler:
    """Return the styler of a file of ``vitrine train-style``, or of a folder of other weights.

    A folder with ``model_index.json`` is a diffusion pipeline, another one holds VGG-AdaIN. Raises
    BadNetwork if it can be none of them.
    """
    if not path.is_dir():
        return NetworkStyler(path, images)
    if (path / "model_index.json").exists():
        from style.plugins.diffusion import DiffusionStyler

        return DiffusionStyler(path, images)
    from style.plugins.adain import AdainStyler

    return AdainStyler(path, images)
