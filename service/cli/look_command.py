"""``vitrine look``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import msgspec

from service.cli.console import json_option, print_json, print_table
from service.cli.terminal import note, printable, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from indexer.imaging.photos import Photo
    from indexer.recognizers.base import Recognizer, Thing
    from search.engine import SearchEngine
    from search.query import Query
    from search.recognition.look import Look


@click.command("look")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option(
    "--shop",
    type=click.Path(path_type=Path),
    envvar="VITRINE_SHOP",
    help="A shop's folder (or VITRINE_SHOP): find its products too.",
)
@click.option(
    "-k", "--limit", "limit", default=5, show_default=True, help="How many products for each thing."
)
@click.option(
    "--filter",
    "filter_text",
    metavar="F",
    help="""Restrict the hits, as in: category = "Mugs" and price < 20.""",
)
@click.option(
    "--recognizer",
    metavar="ID",
    default="things",
    show_default=True,
    help="What finds the things: things, onnx:FILE with FILE.json beside it, or sam:FILE.json.",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    help="Draw boxes, masks and hits into a picture file.",
)
@click.option(
    "--masks",
    type=click.Choice(["none", "png", "rle"]),
    default="none",
    show_default=True,
    help="With --json: add the pixels of each thing, as a PNG or run lengths.",
)
@click.option(
    "--shelf", is_flag=True, help="Look for many small things, and count the products of the shop."
)
@threads_option
@json_option
def command(
    photo: Path,
    shop: Path | None,
    limit: int,
    filter_text: str | None,
    recognizer: str,
    sheet: Path | None,
    masks: Literal["none", "png", "rle"],
    shelf: bool,
    as_json: bool,
) -> None:
    """Find the things in PHOTO, and the products of a shop that look like each."""
    from indexer.recognizers.registry import load_recognizer
    from search.engine import SearchEngine
    from search.recognition.look import count_products, with_masks, without_hits, without_parts
    from service.query_builder import GivenFields, build_query

    query = build_query([], GivenFields(filter=filter_text, limit=limit))
    if filter_text is not None and shop is None:
        raise click.UsageError("--filter needs --shop")
    if masks != "none" and not as_json:
        raise click.UsageError("--masks needs --json")
    opened = _open_photo(photo)
    if shelf and shop is None:
        raise click.UsageError("--shelf counts the products of a shop: it needs --shop")
    loaded = load_recognizer(recognizer)
    things = _find_things(photo, opened, loaded, shelf=shelf)
    if shop is None:
        look = without_hits(things)
        _save(sheet, opened, look, things, None)
    else:
        with SearchEngine.open(shop) as engine:
            look = _shop_look(engine, opened, things, query)
            if shelf:
                look = msgspec.structs.replace(look, products=count_products(look.things))
            else:
                look, things = without_parts(look, things)
            _save(sheet, opened, look, things, engine)
    if masks != "none":
        look = with_masks(look, opened, things, masks)
    if as_json:
        print_json(look)
    elif shelf:
        _print_counts(look)
    else:
        _print_report(look, with_shop=shop is not None)


def _open_photo(path: Path) -> Photo:
    from indexer.errors import BadImage
    from indexer.imaging.images import inspect, read_image_file
    from indexer.imaging.photos import Photo

    try:
        data = read_image_file(path)
        inspect(data)
    except BadImage as error:
        raise BadImage(f"{path}: {error}", param="image") from None
    return Photo(data)


def _find_things(path: Path, photo: Photo, recognizer: Recognizer, *, shelf: bool) -> list[Thing]:
    from indexer.errors import BadImage
    from search.recognition.look import find_things
    from search.recognition.shelf import shelf_things

    try:
        return shelf_things(recognizer, photo) if shelf else find_things(recognizer, photo)
    except BadImage as error:  # its pixels cannot be decoded
        raise BadImage(f"{path}: {error}", param="image") from None


def _shop_look(engine: SearchEngine, photo: Photo, things: list[Thing], query: Query) -> Look:
    from search.recognition.look import encode_boxes, search_box, with_hits

    boxes = [search_box(thing.box) for thing in things]
    vectors = encode_boxes(engine.encoder, photo, boxes)
    names = engine.classifier.names(list(vectors))
    return with_hits(things, list(vectors), query, engine.search, names)


def _save(
    sheet: Path | None,
    photo: Photo,
    look: Look,
    things: list[Thing],
    engine: SearchEngine | None,
) -> None:
    if sheet is None:
        return
    from service.cli.contact_sheet import save_picture
    from service.cli.look_sheet import look_sheet

    save_picture(sheet, look_sheet(photo, look, engine, things))
    note(f"wrote {sheet}")


def _print_counts(look: Look) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("count", justify="right")
    for name in ("product", "item", "title"):
        table.add_column(name)
    counted = look.products or []
    for product in counted:
        cells = [str(product.count), product.product_id, product.item_id, product.title]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    if counted:
        print_table(table)
    unknown = len(look.things) - sum(product.count for product in counted)
    say(f"{len(look.things)} things, {len(counted)} products, {unknown} things not recognized")


def _print_report(look: Look, *, with_shop: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    if not look.things:
        say("nothing found")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    names = ["", "score", "x0", "y0", "x1", "y1", "name"]
    for name in [*names, "first hit", "title", "sure"] if with_shop else names:
        table.add_column(
            name, justify="left" if name in ("name", "first hit", "title") else "right"
        )
    for rank, thing in enumerate(look.things, start=1):
        cells = [str(rank), f"{thing.score:.2f}", *(f"{at:.3f}" for at in thing.box)]
        cells.append(thing.name or "")
        if thing.hits and not thing.sold:
            cells += ["", "no close match"]
        elif thing.hits:
            hit = thing.hits[0]
            sure = "" if hit.confidence is None else f"{hit.confidence:.0%}"
            cells += [hit.item_id, hit.title, sure]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    print_table(table)
    if not with_shop:
        note("give --shop to find products that look like these things")
