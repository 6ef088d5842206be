"""``vitrine mcp``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import shop_option


@click.command("mcp")
@shop_option
def command(shop: Path) -> None:
    """Offer a shop to an assistant, as tools of the Model Context Protocol on stdin and stdout.

    The assistant starts this command. It can search and read, but change nothing.
    """
    try:
        import mcp  # noqa: F401 - checked before the shop is opened
    except ImportError as error:
        raise click.ClickException(
            "vitrine mcp needs the MCP SDK: pip install 'vitrine[mcp]'"
        ) from error
    from importlib.metadata import version

    from service.assistants.fresh_engine import FreshEngine
    from service.assistants.local_shop import LocalShop
    from service.assistants.tools import shop_server

    engine = FreshEngine(shop)
    try:
        shop_server(LocalShop(engine), f"vitrine: {shop.resolve().name}", version("vitrine")).run()
    finally:
        engine.close()
