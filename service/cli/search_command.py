"""``vitrine search``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.errors import BadImage
from service.cli.console import json_option, print_json, print_table, shop_option
from service.cli.terminal import note, printable, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from indexer.imaging.images import Box
    from search.engine import SearchEngine
    from search.hits import Reply
    from search.query import Query
    from service.query_builder import GivenPart

_USER_WEIGHT = 0.3  # the photo counts 1


@click.command("search")
@click.argument("photo", required=False, type=click.Path(path_type=Path))
@shop_option
@click.option("--text", metavar="WORDS", help="Search by words, or by words and the photo.")
@click.option("--item", metavar="ID", help="Search for items similar to this one.")
@click.option("--user", metavar="ID", help="Prefer hits that this user likes.")
@click.option("-k", "--limit", "limit", default=10, show_default=True, help="How many products.")
@click.option(
    "--filter",
    "filter_text",
    metavar="F",
    help="""Restrict the hits, as in: category = "Mugs" and price < 20.""",
)
@click.option(
    "--box",
    metavar="X0,Y0,X1,Y1",
    help="Search with this region of the photo, as shares of its sides from 0 to 1.",
)
@click.option(
    "--collapse",
    type=float,
    metavar="C",
    help="Leave out near copies: hits with at least this cosine to an earlier one.",
)
@click.option(
    "--cursor",
    metavar="CURSOR",
    help="Show the next page, with the cursor that the page before printed.",
)
@click.option(
    "--sort",
    metavar="FIELD",
    help="Sort by price, newest, or an attribute that is a number or a date; -price sorts the "
    "largest first.",
)
@click.option("--min-score", type=float, metavar="S", help="Leave out hits with a lower score.")
@click.option(
    "--min-confidence",
    type=float,
    metavar="P",
    help="Leave out hits with a lower confidence, from 0 to 1.",
)
@click.option(
    "--exclude", metavar="IDS", help="Leave out these items and products, separated by commas."
)
@click.option("--sheet", type=click.Path(path_type=Path), help="Draw the hits into a picture file.")
@click.option(
    "--explain",
    "heat",
    type=click.Path(path_type=Path),
    help="Draw into a picture file which parts of the query and of the hits make the score.",
)
@click.option(
    "--verify",
    is_flag=True,
    help="Compare the photo with the pictures of the first 20 hits point by point, and reorder "
    "these (extra opencv).",
)
@click.option(
    "--ocr",
    is_flag=True,
    help="Read the words in the photo, and reorder the first 20 hits by them (extra ocr). The shop "
    "should be indexed with --ocr.",
)
@threads_option
@json_option
def command(
    photo: Path | None,
    shop: Path,
    text: str | None,
    item: str | None,
    user: str | None,
    limit: int,
    filter_text: str | None,
    box: str | None,
    collapse: float | None,
    cursor: str | None,
    sort: str | None,
    min_score: float | None,
    min_confidence: float | None,
    exclude: str | None,
    sheet: Path | None,
    heat: Path | None,
    verify: bool,
    ocr: bool,
    as_json: bool,
) -> None:
    """Find products by PHOTO, by words, or by a similar item."""
    from indexer.imaging.images import WHOLE, read_image_file
    from indexer.recognizers.text_reader import check_reader
    from search.engine import SearchEngine
    from search.recognition.verify import check_verify
    from service.query_builder import GivenFields, GivenPart, build_query, read_box

    if heat is not None and photo is None and item is None:
        raise click.UsageError("--explain needs a PHOTO or --item")
    if verify:
        if photo is None:
            raise click.UsageError("--verify needs a PHOTO")
        check_verify()
    if ocr:
        if photo is None:
            raise click.UsageError("--ocr needs a PHOTO")
        check_reader()
    parts = _parts(photo, text, item, box)
    if user is not None:
        parts.append(GivenPart(user_id=user, weight=_USER_WEIGHT))
    fields = GivenFields(
        filter=filter_text,
        limit=limit,
        collapse=collapse,
        cursor=cursor,
        sort=sort,
        min_score=min_score,
        min_confidence=min_confidence,
        exclude=exclude,
    )
    query = build_query(parts, fields).check()
    with SearchEngine.open(shop) as engine:
        reply = _search(engine, query, photo)
        if ocr and photo is not None:
            reply = _by_words(photo, read_box(box, name="--box") or WHOLE, reply)
        if verify and photo is not None:
            reply = engine.verify(photo, reply, read_box(box, name="--box") or WHOLE)
        if sheet is not None:
            from service.cli.contact_sheet import save_sheet, sheet_row

            title = text or item or ""
            save_sheet(sheet, [sheet_row(engine, photo, title, reply.hits)])
            note(f"wrote {sheet}")
        if heat is not None:
            picture = engine.thumbnail(item or "") if photo is None else read_image_file(photo)
            _draw_heat(engine, picture, box, reply, heat)
    if as_json:
        print_json(reply)
    else:
        _print_report(reply)


def _search(engine: SearchEngine, query: Query, photo: Path | None) -> Reply:
    try:
        return engine.search(query)
    except BadImage as error:  # the pixels of the photo cannot be decoded
        raise BadImage(f"{photo}: {error}", param="image") from None


def _by_words(photo: Path, box: Box, reply: Reply) -> Reply:
    import msgspec

    from indexer.imaging.images import read_image_file
    from indexer.imaging.photos import Photo
    from indexer.recognizers.text_reader import READ_SIDE, TextReader
    from search.recognition.verified_hits import reordered_by_words

    texts = TextReader().read(Photo(read_image_file(photo)).cut(box, side=READ_SIDE))
    note(f"read: {printable(' '.join(texts))}" if texts else "read no words")
    return msgspec.structs.replace(reply, hits=reordered_by_words(texts, reply.hits))


def _draw_heat(
    engine: SearchEngine, picture: bytes, box_text: str | None, reply: Reply, path: Path
) -> None:
    from indexer.imaging.images import WHOLE
    from service.cli.heat_sheet import save_heat_sheet
    from service.query_builder import read_box

    box = read_box(box_text, name="--box") or WHOLE
    drawn = save_heat_sheet(engine, picture, reply.hits, path, box)
    note(f"wrote {path}: {drawn} hits" if drawn else f"no hit to explain; {path} was not written")


def _parts(
    photo: Path | None, text: str | None, item: str | None, box_text: str | None
) -> list[GivenPart]:
    from indexer.imaging.images import inspect, read_image_file
    from service.query_builder import GivenPart, read_box

    box = read_box(box_text, name="--box")
    if photo is None and text is None and item is None:
        raise click.UsageError("give a PHOTO, --text or --item")
    if photo is None and box is not None:
        raise click.UsageError("--box needs a PHOTO")
    parts: list[GivenPart] = []
    if photo is not None:
        try:
            data = read_image_file(photo)
            inspect(data)
        except BadImage as error:
            # Path.exists raises an error for a name that is too long, as words may be.
            is_words = not photo.suffix and not os.path.exists(photo)  # noqa: PTH110
            hint = "; to search by words, use --text" if is_words else ""
            raise BadImage(f"{photo}: {error}{hint}", param="image") from None
        parts.append(GivenPart(image=data, box=box))
    if text is not None:
        parts.append(GivenPart(text=text))
    if item is not None:
        parts.append(GivenPart(item_id=item))
    return parts


def _print_report(reply: Reply) -> None:
    from rich.table import Table
    from rich.text import Text

    if reply.did_you_mean:
        note(f"searched for: {printable(reply.did_you_mean)}")
    if reply.understood:
        note(f"understood: {printable('; '.join(reply.understood))}")
    if not reply.hits:
        say("nothing found")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    verified = any(hit.verification is not None for hit in reply.hits)
    for name, justify in (
        ("", "right"), ("score", "right"), ("sure", "right"),
        *([("points", "right")] if verified else []),  # that agree with the photo
        ("item", "left"), ("title", "left"), ("price", "right"), ("category", "left"),
        ("image", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for rank, hit in enumerate(reply.hits, start=1):
        price = "" if hit.price is None else f"{hit.price:.2f} {hit.currency}".strip()
        if not hit.in_stock:
            price += " (out)"
        category = hit.categories[0] if hit.categories else ""
        sure = "" if hit.confidence is None else f"{hit.confidence:.0%}"
        cells = [str(rank), f"{hit.score:.3f}", sure]
        if verified:
            cells.append(str(hit.verification.points) if hit.verification else "")
        cells += [hit.item_id, hit.title, price, category, hit.image]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    print_table(table)
    if reply.next_cursor:
        note(f"next page: --cursor {reply.next_cursor}")
    if reply.no_close_match:
        note("no close match: the shop does not seem to have what the photo shows")
    note(
        f"{reply.total} items considered, {reply.mode}, {reply.timings['total_ms']:.0f} ms "
        f"(generation {reply.generation}, {reply.encoder})"
    )
