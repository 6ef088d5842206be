"""The weights that come with Vitrine: the current ``builtin`` and its earlier versions.

    weights/builtin.onnx                     for new shops
    weights/retired/vitrine-retail-4.onnx    for shops built by an earlier version

Each file has a JSON of the same name. A shop refers to its weights by hash, and so finds them here
after an upgrade. When you replace ``builtin.onnx``, move the old file to ``retired``, under the
name in its JSON.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from indexer.encoders import onnxfile
from indexer.encoders.onnxfile import hash_pair
from indexer.encoders.views import hash_views, split_views
from indexer.errors import EncoderNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.encoders.views import View

BUILTIN = "builtin"


def is_builtin(encoder_id: str) -> bool:
    """Return True if this is the bundled encoder, with or without views."""
    return split_views(encoder_id)[0] == BUILTIN


def newest_file() -> Path:
    """Return the ONNX file of ``builtin`` for new shops."""
    return onnxfile.WEIGHTS / f"{BUILTIN}.onnx"


def retired_files() -> list[Path]:
    """Return the ONNX files of earlier versions of ``builtin``."""
    return sorted((onnxfile.WEIGHTS / "retired").glob("*.onnx"))


def bundled_file(weights_hash: str, views: Sequence[View] = ()) -> Path | None:
    """Return the bundled ONNX file whose encoder with these views has this hash, or None."""
    for path in (newest_file(), *retired_files()):
        with suppress(EncoderNotFound):
            if hash_views(hash_pair(path), views) == weights_hash:
                return path
    return None
