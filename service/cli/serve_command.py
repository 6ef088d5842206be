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

    Shelf.read(ShopFolder(shop)).serving_order()  # raises if this is not a shop
    settings = settings_for(shop)
    given = {"host": host, "port": port, "workers": workers, "threads": threads}
    settings = settings.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    serve(settings, ready=lambda url: say(f"Vitrine serves {shop} at {url}"))
