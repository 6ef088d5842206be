"""Check that an encoder is the one that a shop was built with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.errors import IndexMismatch

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders.base import Encoder, Model


def check_model(shop: Path, built: Model, encoder: Encoder) -> None:
    """Raise IndexMismatch unless ``built``, the model of a shop, is that of ``encoder``."""
    change = f"'vitrine migrate --shop {shop} --encoder {encoder.id}'"
    if built.id != encoder.id:
        raise IndexMismatch(
            f"{shop} was built with encoder {built.id!r}, not {encoder.id!r}; leave the encoder "
            f"out to use that of the shop, or change it with {change}",
            param="encoder",
        )
    if built.weights_hash != encoder.weights_hash:
        raise IndexMismatch(
            f"{shop} was built with other weights of encoder {encoder.id!r} "
            f"({built.weights_hash[:12]}, here {encoder.weights_hash[:12]}); leave the encoder out "
            f"to use those of the shop, or change them with {change}",
            param="encoder",
        )
