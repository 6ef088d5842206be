"""Refuse a build that cannot be right, whether it runs or is only previewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.encoders.bundled import is_builtin
from indexer.errors import BadCatalog, IndexMismatch
from indexer.items import Remark

if TYPE_CHECKING:
    from indexer.catalog.sources import Catalog, Scan
    from indexer.encoders.base import Encoder
    from indexer.shop.shelf import Shelf
    from indexer.writing.changes import Changes


def check_not_empty(catalog: Catalog, scan: Scan, changes: Changes) -> None:
    """Raise BadCatalog if none of the catalog's items can be stored."""
    if changes.drafts:
        return
    at_fault = [
        skip
        for skip in changes.skipped
        if skip.item_id in scan.ids and not isinstance(skip, Remark)
    ]
    why = f"; {at_fault[0].item_id}: {at_fault[0].reason}" if at_fault else ""
    raise BadCatalog(
        f"{catalog.name}: none of {scan.items} items has an image that can be read{why}",
        skipped=changes.skipped,
    )


def check_encoder(shelf: Shelf, encoder: Encoder) -> None:
    """Raise IndexMismatch if the shop was built with another encoder."""
    serving, path = shelf.serving(), shelf.folder.path
    if serving is None:
        return
    built = serving.model
    if built.id != encoder.id:
        raise IndexMismatch(
            f"{path} was built with encoder {built.id!r}, not {encoder.id!r}; leave "
            f"--encoder out to keep it, or change it with 'vitrine migrate --shop "
            f"{path} --encoder {encoder.id}'",
            param="encoder",
        )
    if is_builtin(encoder.id) and built.weights_hash != encoder.weights_hash:
        raise IndexMismatch(
            f"{path} was built with other weights of {encoder.id!r} "
            f"({built.weights_hash[:12]}, here {encoder.weights_hash[:12]}); open the shop's own "
            f"weights (indexer.shop.encoderfiles.open_encoder), or change them with "
            f"'vitrine migrate --shop {path} --encoder {encoder.id}'",
            param="encoder",
        )
