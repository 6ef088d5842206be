"""``vitrine styles``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, print_table, shop_option
from service.cli.own_styles import define_style, forget_style, own_shop_option, registry_for
from service.cli.terminal import say


@click.group("styles")
def command() -> None:
    """List the styles, add or remove those of a shop, or export one as a file."""


@command.command("list")
@own_shop_option
@json_option
def list_styles(shop: Path | None, as_json: bool) -> None:
    """List the styles with their kind, tone (colors) or texture (strokes), and default strength.

    With --shop, the shop's own styles are among them.
    """
    styles = registry_for(shop).styles()
    if as_json:
        print_json({"styles": styles})
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("style")
    table.add_column("kind")
    table.add_column("strength", justify="right")
    for info in styles:
        table.add_row(info.name, info.kind, f"{info.strength:g}")
    print_table(table)


@command.command("add")
@click.argument("name")
@click.option("--image", type=click.Path(path_type=Path), help="A picture whose colors it takes.")
@click.option("--cube", type=click.Path(path_type=Path), help="A .cube file of a photo program.")
@shop_option
def add_style(name: str, image: Path | None, cube: Path | None, shop: Path) -> None:
    """Add NAME to the shop's own styles. The shop keeps a copy of the file."""
    if (image is None) == (cube is None):
        raise click.UsageError("give either --image FILE or --cube FILE")
    define_style(shop, name, image, cube)
    say(f"{name} is a style of {shop} now: 'vitrine style PHOTO --style {name} --shop {shop}'")


@command.command("remove")
@click.argument("name")
@shop_option
def remove_style(name: str, shop: Path) -> None:
    """Remove NAME from the shop's own styles."""
    forget_style(shop, name)
    say(f"{name} is no style of {shop} any more")


@command.command("export")
@click.argument("name")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .cube file.")
def export_style(name: str, out: Path) -> None:
    """Export the tone style NAME as a .cube file, for photo and video programs."""
    from indexer.errors import BadQuery, CannotWrite
    from style.cubefile import write_cube
    from style.registry import built_in
    from style.tone import look_lut

    kind = built_in().find(name).info.kind
    if kind != "tone":
        raise BadQuery(
            f"only tone styles can be exported, and {name} is a {kind} style; "
            "'vitrine styles list' lists all"
        )
    try:
        write_cube(out, look_lut(name))
    except OSError as error:
        raise CannotWrite(f"cannot write {out}: {error.strerror or error}") from error
    say(f"{out}: {name}, 33 points a side")
