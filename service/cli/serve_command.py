"""``vitrine serve``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import shop_option
from service.cli.terminal import say
from service.cli.threads_option import serve_threads_option


@click.command("serve")
@shop_option
@click.option("--host", help="Address to listen on. Default: VITRINE_HOST, or 127.0.0.1.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on. Default: VITRINE_PORT, or 8000.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Processes that answer requests. Default: VITRINE_WORKERS, or 1.",
)
@serve_threads_option
def command(
    shop: Path, host: str | None, port: int | None, workers: int | None, threads: int | None
) -> None:
    """Serve a shop over HTTP, with a web page at /. Stop it with Ctrl+C."""
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf
    from service.http.server import serve
    from service.settings import settings_for

    folder = ShopFolder(shop)
    serving = Shelf.read(folder).serving_order()[0]  # raises if this is not a shop
    settings = settings_for(shop)
    given = {"host": host, "port": port, "workers": workers, "threads": threads}
    settings = settings.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    if settings.workers > 1:
        _check_shared(folder.generations / serving)
    serve(settings, ready=lambda url: say(f"Vitrine serves {shop} at {url}"))


def _check_shared(generation: Path) -> None:
    """Raise Conflict if only one process can open the vectors of a generation."""
    from indexer.errors import Conflict
    from indexer.vectors.remote.descriptor import address_of

    address = address_of(generation)
    if address is not None and address.is_local:
        raise Conflict(
            f"the vectors are at {address}, which only one process can open; serve with "
            "--workers 1, or put them on a server or into the shop, with 'vitrine rebuild "
            "--vectors URL' or '--vectors faiss'"
        )
