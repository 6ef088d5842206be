"""Whether Vitrine brings newer weights of ``builtin`` than those that a shop was built with."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from indexer.shop.encoderfiles import encoder_file
from indexer.encoders.bundled import bundled_file, is_builtin, newest_file
from indexer.encoders.onnxfile import SideFile, hash_pair
from indexer.encoders.views import hash_views, split_views
from indexer.errors import EncoderNotFound

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.shop.generation import ShopFolder


def encoder_upgrade(shop: ShopFolder, encoder_id: str, weights_hash: str) -> str | None:
    """One line that says that there is a better encoder, and the command that brings it.

    None for other encoders than ``builtin``, and where the shop has its newest weights. Weights
    that this version does not know may be those of a later version, so nothing is called better
    than them.
    """
    if not is_builtin(encoder_id):
        return None
    views = split_views(encoder_id)[1]
    try:
        newest = hash_pair(newest_file())
    except EncoderNotFound:  # the search by what is left of the installation goes on
        return None
    if hash_views(newest, views) == weights_hash:
        return None
    own: Path | None = None
    with suppress(EncoderNotFound):
        own = encoder_file(shop, encoder_id, weights_hash)
    retired = bundled_file(weights_hash, views) is not None
    there = "a better encoder is there" if retired else "other weights of the encoder are there"
    return (
        f"{there}: {_name(newest_file())}, where the shop has "
        f"{_name(own) if own else weights_hash[:12]}; 'vitrine migrate --encoder {encoder_id}' "
        "brings it"
    )


def _name(path: Path) -> str:
    """What the JSON beside an ONNX file calls it, with the first letters of its hash."""
    name = path.stem
    with suppress(OSError, msgspec.MsgspecError):
        side = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=SideFile)
        name = side.name or name
    return f"{name} ({hash_pair(path)[:8]})"
