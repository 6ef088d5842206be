"""The option ``--fill``: embeds what a generation's encoder has not embedded yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from service.cli.console import stage_bar
from service.cli.terminal import note

if TYPE_CHECKING:
    from indexer.shop.folder import ShopFolder
    from indexer.shop.manifest import Manifest

fill_option = click.option(
    "--fill", is_flag=True, help="First embed all images that its encoder has not embedded yet."
)


def fill_callback(folder: ShopFolder, fill: bool) -> Callable[[Manifest], None] | None:
    """Return the callback that embeds missing images, or None if ``fill`` is False."""
    return (lambda manifest: _fill(folder, manifest)) if fill else None


def _fill(folder: ShopFolder, manifest: Manifest) -> None:
    from indexer.jobs.migrate import fill
    from indexer.shop.encoderfiles import open_encoder

    with stage_bar({"migrate": "images"}) as progress:
        encoder = open_encoder(folder, manifest.model)
        done = fill(folder, encoder, progress=progress)
    note(f"{done.encoded} images embedded with {manifest.encoder}")
