"""``vitrine styles``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import (
    human_seconds,
    json_option,
    print_json,
    print_table,
    shop_option,
    stage_bar,
    style_text,
)
from service.cli.interrupt import exit_on_interrupt
from service.cli.own_styles import define_style, forget_style, own_shop_option, registry_for
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.jobs.styles import StylesReport

_STAGES = {"style": "styles", "publish": "index"}
_ADD_INTERRUPTED = (
    "interrupted; what was rendered is kept. Run 'vitrine styles add' again to continue."
)
_REMOVE_INTERRUPTED = "interrupted. Run 'vitrine styles remove' with the same names to finish."
_names = click.argument("names", nargs=-1, required=True, metavar="NAME...")


@click.group("styles")
def command() -> None:
    """List the styles, add or remove those of a shop, or export one as a file."""


@command.command("list")
@own_shop_option
@json_option
def list_styles(shop: Path | None, as_json: bool) -> None:
    """List the styles with their kind, tone (colors) or texture (strokes), and default strength.

    With --shop, also lists the shop's own styles, and how many images are indexed in each style.
    """
    import msgspec

    styles = registry_for(shop).styles()
    indexed = _indexed(shop) if shop else {}
    if as_json:
        listed = [
            msgspec.to_builtins(info) | ({"indexed": info.name in indexed} if shop else {})
            for info in styles
        ]
        print_json({"styles": listed})
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("style")
    table.add_column("kind")
    table.add_column("strength", justify="right")
    if shop:
        table.add_column("indexed")
    for info in styles:
        cells = [info.name, info.kind, f"{info.strength:g}"]
        table.add_row(*cells, *([indexed.get(info.name, "")] if shop else []))
    print_table(table)


@command.command("add")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    help="A picture; the style takes its colors and strokes.",
)
@click.option("--cube", type=click.Path(path_type=Path), help="A .cube file of a photo program.")
@shop_option
@threads_option
@json_option
def add(
    names: tuple[str, ...], image: Path | None, cube: Path | None, shop: Path, as_json: bool
) -> None:
    """Index every image of a shop in these styles too, from now on.

    Each rendition is checked: if it looks more like another product than like its own, a lower
    strength is tried, and finally the rendition is left out. Run the command again to continue
    after an interruption; finished renditions are not rendered again, unless the style has changed.
    Without a NAME, it renders what the shop still lacks in its styles.

    With --image or --cube, NAME becomes one of the shop's own styles, and nothing is indexed yet.
    The shop keeps a copy of the file.
    """
    if image is None and cube is None:
        from indexer.jobs.styles import add_styles

        done = _run(add_styles, names, shop, as_json, _ADD_INTERRUPTED)
        if as_json:
            print_json(done)
        return
    if len(names) != 1 or (image and cube):
        raise click.UsageError("give one NAME, and either --image FILE or --cube FILE")
    (name,) = names
    define_style(shop, name, image, cube)
    if as_json:
        print_json({"style": name})
    else:
        say(
            f"{name} is a style of {shop} now; index its images in it with "
            f"'vitrine styles add {name} --shop {shop}'"
        )


@command.command("remove")
@_names
@shop_option
@threads_option
@json_option
def remove(names: tuple[str, ...], shop: Path, as_json: bool) -> None:
    """Stop indexing images in these styles, and delete those that are the shop's own."""
    import msgspec

    from indexer.jobs.styles import remove_styles
    from indexer.layout import STYLES
    from style.stylefolder import StyleFolder

    own = [name for name in StyleFolder(shop / STYLES).names() if name in names]
    removable = _removable(shop)
    leaving = tuple(name for name in names if name in removable or name not in own)
    done = (
        _run(remove_styles, leaving, shop, as_json, _REMOVE_INTERRUPTED)
        if leaving
        else _unchanged(shop)
    )
    for name in own:  # only now: an interrupted job still finds its files
        forget_style(shop, name)
        if not as_json:
            say(f"{name} is no longer a style of {shop}")
    if as_json:
        print_json({**msgspec.to_builtins(done), "deleted": own})


def _run(
    work: Callable[..., StylesReport],
    names: tuple[str, ...],
    shop: Path,
    as_json: bool,
    interrupted: str,
) -> StylesReport:
    """Return the report of a job, and print it as text unless ``as_json``."""
    from indexer.shop.encoderfiles import open_encoder
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf

    folder = ShopFolder(shop)
    shelf = Shelf.read(folder)
    serving = shelf.first_readable(shelf.serving_order())
    encoder = open_encoder(folder, serving.model)
    with exit_on_interrupt(interrupted), stage_bar(_STAGES) as progress:
        try:
            done = work(folder, encoder, names, progress=progress)
        except KeyboardInterrupt:
            note(interrupted)
            raise
    if as_json:
        return done
    state = "" if done.published else " (unchanged)"
    say(
        f"generation {done.generation}{state}: {done.rendered.rendered} renditions made, "
        f"{done.rows} images searched, in {human_seconds(done.seconds)}"
    )
    for style in done.styles:
        say(f"style {style_text(style)}")
    if done.rendered.lost:
        say(f"{done.rendered.lost} images no longer have a picture and were not rendered")
    return done


def _unchanged(shop: Path) -> StylesReport:
    """Return the report of a removal that leaves the index as it is."""
    from indexer.jobs.styles import StylesReport
    from indexer.shop.folder import ShopFolder
    from indexer.shop.status import shop_status
    from indexer.writing.renditions import Rendered

    status = shop_status(ShopFolder(shop))
    return StylesReport(
        generation=status.generation,
        published=False,
        styles=status.styles,
        rendered=Rendered(),
        rows=status.rows,
        seconds=0.0,
    )


def _indexed(shop: Path) -> dict[str, str]:
    """Return the number of indexed images of each style of the shop, as text."""
    from indexer.shop.folder import ShopFolder
    from indexer.shop.status import shop_status
    from indexer.shop.styles import indexed_styles
    from indexer.store.store import Store

    folder = ShopFolder(shop)
    counts = {style.name: f"{style.indexed} images" for style in shop_status(folder).styles}
    with Store(folder.store) as store, store.read() as reader:
        return {name: counts.get(name, "not yet") for name in indexed_styles(reader)}


def _removable(shop: Path) -> set[str]:
    """Return the styles that a job must remove: those that rows or the index still have."""
    from indexer.shop.folder import ShopFolder
    from indexer.shop.status import shop_status
    from indexer.shop.styles import removable_styles
    from indexer.store.store import Store

    folder = ShopFolder(shop)
    serving = shop_status(folder).styles
    with Store(folder.store) as store, store.read() as reader:
        return removable_styles(reader, serving)


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
