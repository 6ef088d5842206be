"""Detect whether Vitrine has newer weights of ``builtin`` than those a shop was built with."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from indexer.encoders.bundled import bundled_file, is_builtin, newest_file
from indexer.encoders.onnxfile import EncoderSettings, hash_pair
from indexer.encoders.views import hash_views, split_views
from indexer.errors import EncoderNotFound
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import read_regular
from indexer.shop.encoderfiles import encoder_file

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders.base import Model
    from indexer.shop.folder import ShopFolder


def encoder_upgrade(shop: ShopFolder, model: Model) -> str | None:
    """Return a line with the name of newer weights and the command to migrate to them.

    None for encoders other than ``builtin``, and if the shop has the newest weights. Unknown
    weights may be of a later version, so the line then calls them ``other``, not ``better``.
    """
    if not is_builtin(model.id):
        return None
    views = split_views(model.id)[1]
    try:
        newest = hash_pair(newest_file())
    except EncoderNotFound:  # a damaged installation may still serve this shop
        return None
    if hash_views(newest, views) == model.weights_hash:
        return None
    own: Path | None = None
    with suppress(EncoderNotFound):
        own = encoder_file(shop, model)
    retired = bundled_file(model.weights_hash, views) is not None
    what = "a better encoder is" if retired else "other weights of the encoder are"
    old = _name(own) if own else model.weights_hash[:12]
    return (
        f"{what} available: {_name(newest_file())}; the shop has {old}. Run 'vitrine migrate "
        f"--encoder {model.id}' to change to it"
    )


def _name(path: Path) -> str:
    """Return the name of an ONNX file in its JSON, with the first digits of its hash."""
    name = path.stem
    with suppress(OSError, msgspec.MsgspecError):
        settings = decode_json_as(read_regular(path.with_suffix(".json")), EncoderSettings)
        name = settings.name or name
    return f"{name} ({hash_pair(path)[:8]})"
