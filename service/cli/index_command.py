"""``vitrine index``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from indexer.errors import BadCatalog, CannotWrite, CatalogShrank, first_names
from indexer.items import Remark, Skipped
from service.cli.catalog_options import catalog_options
from service.cli.console import (
    human_seconds,
    json_option,
    print_json,
    shop_option,
    stage_bar,
    style_text,
)
from service.cli.fetch_options import FetchChoice, fetch_options, fetched_text
from service.cli.interrupt import exit_on_interrupt
from service.cli.limits_option import limits_option
from service.cli.target_options import target_options
from service.cli.terminal import note, printable_json, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.catalog.sources import Catalog
    from indexer.encoders.base import Encoder
    from indexer.imaging.images import ImageLimits
    from indexer.jobs.build import BuildReport
    from indexer.jobs.preview import Preview
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Generation
    from indexer.store.pictures import ImageStorage
    from indexer.vectors.contract import BuildTargets, Targets
    from indexer.writing.suspects import Suspect

_STAGES = {"scan": "catalog", "encode": "images", "style": "styles", "publish": "index"}
_SHOWN = 5
_LISTED = 20
_INTERRUPTED = "interrupted; encoded images are kept. Run the same command again to continue."


@click.command("index")
@click.argument("catalog", type=click.Path(path_type=Path))
@shop_option
@click.option(
    "--encoder",
    metavar="ID",
    help="builtin, openclip:..., st:..., cnn:..., onnx:FILE or color. "
    "Default: the shop's own, or builtin.",
)
@click.option(
    "--keep-images",
    type=click.Choice(["originals", "display", "paths"]),
    help="What to store of each new image: its bytes and a small copy (originals), the copy "
    "(display), or only the path of its file (paths). Default: as before, or display.",
)
@click.option(
    "--styles",
    metavar="NAMES",
    callback=lambda _context, _option, value: style_names(value),
    help="Also index every image in these styles, separated by commas, or none. Default: as "
    "before. 'vitrine styles list' names them.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Write the skipped rows, images and fields to a file, as JSON lines; also where nothing "
    "could be read.",
)
@click.option(
    "--dry-run", is_flag=True, help="Only print what would be added, changed, removed and skipped."
)
@click.option(
    "--leave-out-placeholders",
    is_flag=True,
    help="Leave out pictures that are blank or the same under many products, and items without "
    "another. Otherwise they are only reported.",
)
@click.option(
    "--ocr",
    is_flag=True,
    help="Also read the words on the main picture of each item, and search them (extra ocr).",
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Encode images on a Ray cluster, or local for one of this machine's cores; needs the "
    "extra scale. All machines must see the catalog's folder at the same path.",
)
@limits_option
@fetch_options
@target_options
@catalog_options
@threads_option
@json_option
def command(
    catalog: Path,
    shop: Path,
    encoder: str | None,
    keep_images: ImageStorage | None,
    styles: list[str] | None,
    report: Path | None,
    dry_run: bool,
    leave_out_placeholders: bool,
    ocr: bool,
    ray: str | None,
    limits: ImageLimits,
    fetching: FetchChoice,
    targets: Callable[[Targets | None], BuildTargets],
    read_catalog: Callable[[Path], Catalog],
    as_json: bool,
) -> None:
    """Index CATALOG (a folder of images, a table or a feed) into a shop folder.

    Items that are not in the catalog are removed. If these are more than 10 items and more than a
    tenth of the shop, --accept is required. Rows and images that cannot be read are reported, and
    do not remove or change items. Run the command again when the catalog changes: only new images
    are encoded, and an interrupted run continues where it stopped.
    """
    from indexer.jobs.build import build_index
    from indexer.jobs.preview import preview_index
    from indexer.recognizers.text_reader import check_reader
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf
    from indexer.shop.styles import registry_of, shop_styles
    from service.settings import keep_ray_quiet

    if ray is not None:
        keep_ray_quiet()
    if ocr:
        check_reader()
    with exit_on_interrupt(_INTERRUPTED), _failure_reported(report):
        source = read_catalog(catalog)
        folder = ShopFolder(shop)
        serving = Shelf.read(folder).serving()
        loaded = _encoder(folder, serving, encoder)
        wanted = targets(serving.manifest.contract.targets if serving else None)
        shop_styles(registry_of(shop), styles or ())  # UnknownStyle, in a dry run too
        fetcher = fetching.fetcher(source, limits.megabytes)
        with fetcher or nullcontext(), stage_bar(_STAGES) as progress, _stop_told(as_json):
            if dry_run:
                seen = preview_index(
                    source,
                    folder,
                    loaded,
                    accept=wanted.accept,
                    limits=limits,
                    fetcher=fetcher,
                    leave_out_suspects=leave_out_placeholders,
                    progress=progress,
                )
                _tell_preview(seen, report, as_json)
                return
            done = build_index(
                source,
                folder,
                loaded,
                keep_images=keep_images,
                targets=wanted,
                limits=limits,
                styles=styles,
                fetcher=fetcher,
                leave_out_suspects=leave_out_placeholders,
                ray=ray,
                progress=progress,
            )
        if ocr:
            _read_pictures(shop)
    _tell_build(done, shop, report, as_json)


def _tell_preview(seen: Preview, report: Path | None, as_json: bool) -> None:
    if report is not None:
        _write_report(report, seen.skipped)
    if as_json:
        print_json(seen)
    else:
        _print_preview(seen, report)


def _tell_build(done: BuildReport, shop: Path, report: Path | None, as_json: bool) -> None:
    """Keep the report for the operator's page, write it to its file, and print it."""
    from indexer.writing.suspects import remarks_on
    from service.lastreports import keep_report

    keep_report(shop, "index", done)
    if report is not None:
        _write_report(report, [*done.skipped, *remarks_on(done.suspects)])
    if as_json:
        print_json(done)
    else:
        _print_report(done, report)


@contextmanager
def _stop_told(as_json: bool) -> Iterator[None]:
    """Say that an interrupted run can go on; print for programs why a catalog was refused."""
    try:
        yield
    except KeyboardInterrupt:
        note(_INTERRUPTED)
        raise
    except CatalogShrank as error:
        if as_json:
            stopped = {"stopped": str(error), "items": error.item_count, "removed": error.removed}
            print_json(stopped)
        raise


@contextmanager
def _failure_reported(report: Path | None) -> Iterator[None]:
    """Write the report of a catalog that could not be read, with the error as its last line."""
    try:
        yield
    except BadCatalog as error:
        if report is not None:
            _write_report(report, [*error.skipped, Skipped("", str(error))])
        raise


def _read_pictures(shop: Path) -> None:
    from indexer.recognizers.text_reader import TextReader
    from search.engine import SearchEngine
    from search.picture_texts import read_pictures

    with SearchEngine.open(shop) as engine, stage_bar({"read": "words"}) as progress:
        done = read_pictures(
            engine, TextReader(), lambda items, total: progress("read", items, total)
        )
    note(f"{done.with_words} of {done.items} items have words on their picture; {done.read} read")


def style_names(text: str | None) -> list[str] | None:
    """Return the names in ``--styles``; [] for ``none``, None where the option is not given."""
    if text is None:
        return None
    return [] if text.strip() == "none" else [name.strip() for name in text.split(",")]


def _encoder(folder: ShopFolder, serving: Generation | None, asked: str | None) -> Encoder:
    """Return the encoder asked for, or that of the shop; ``builtin`` keeps the shop's weights."""
    from indexer.encoders.bundled import is_builtin
    from indexer.encoders.registry import DEFAULT_ENCODER, canonical_id, load_encoder
    from indexer.shop.encoder_upgrade import encoder_upgrade
    from indexer.shop.encoderfiles import open_encoder

    if serving is None:
        return load_encoder(asked or DEFAULT_ENCODER)
    own = serving.model
    if asked is not None and not (is_builtin(own.id) and canonical_id(asked) == own.id):
        return load_encoder(asked)
    loaded = open_encoder(folder, own)
    if upgrade := encoder_upgrade(folder, own):
        note(f"keeps using the shop's weights; {upgrade}")
    return loaded


def _write_report(path: Path, skipped: list[Skipped]) -> None:
    lines = [printable_json(msgspec.json.encode(entry).decode()) + "\n" for entry in skipped]
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise CannotWrite(f"cannot write the report {path}: {error.strerror or error}") from error


def _print_report(done: BuildReport, report: Path | None) -> None:
    laps = ("scan", "ingest", "merge", "style", "publish")
    total = sum(done.seconds.get(lap, 0.0) for lap in laps)
    state = "" if done.published else " (unchanged)"
    say(
        f"generation {done.generation}{state}: {done.items} items, {done.products} products, "
        f"{done.rows} images in {human_seconds(total)} with {done.encoder}"
    )
    say(f"{done.encoded} images encoded, {done.reused} known already, {done.removed} items removed")
    if done.fetched is not None:
        say(fetched_text(done.fetched))
    if done.kept:
        say(f"kept {len(done.kept)} items that could not be read: {first_names(done.kept)}")
    for style in done.styles:
        say(f"style {style_text(style)}")
    say(f"index {done.recipe}: {done.promise}")
    _print_suspects(done.suspects)
    _print_skipped(done.skipped, report, _SHOWN)


def _print_suspects(suspects: list[Suspect]) -> None:
    if not suspects:
        return
    say(f"{len(suspects)} pictures may show no product (--leave-out-placeholders):")
    for suspect in suspects[:_SHOWN]:
        say(f"  {suspect.image}: {suspect.reason}")
    if len(suspects) > _SHOWN:
        say(f"  ... and {len(suspects) - _SHOWN} more; --json lists all")


def _print_preview(seen: Preview, report: Path | None) -> None:
    say(f"would add {len(seen.added)} items" + _named(seen.added))
    say(f"would change {len(seen.changed)} items{':' if seen.changed else ''}")
    for item in seen.changed[:_LISTED]:
        say(f"  {item.item_id}: {', '.join(item.fields)}")
    if len(seen.changed) > _LISTED:
        say(f"  ... and {len(seen.changed) - _LISTED} more; --json lists all")
    say(f"would remove {len(seen.removed)} of {seen.items} items" + _named(seen.removed))
    if seen.kept:
        say(f"would keep {len(seen.kept)} items that could not be read" + _named(seen.kept))
    say(f"would encode {seen.to_encode} images; {seen.unchanged} items would not change")
    _print_skipped(seen.skipped, report, _LISTED)
    if seen.stops:
        say("the build would stop, since it removes so many; --accept removes them")
    say("nothing was changed")


def _named(item_ids: list[str]) -> str:
    return f": {first_names(item_ids, _LISTED)}" if item_ids else ""


def _print_skipped(skipped: list[Skipped], report: Path | None, most: int) -> None:
    from indexer.imaging.imagepath import URL_REASON

    remarks = [entry for entry in skipped if isinstance(entry, Remark)]
    others = [entry for entry in skipped if not isinstance(entry, Remark)]
    for entries, title in ((others, "skipped"), (remarks, "fields or items to look at")):
        if entries:
            say(f"{len(entries)} {title}:")
        for entry in entries[:most]:
            name = " ".join(part for part in (entry.where, entry.item_id, entry.image) if part)
            say(f"  {name}: {entry.reason}")
        if len(entries) > most:
            where = f"all are in {report}" if report else "--report FILE lists all"
            say(f"  ... {where}")
    if urls := sum(entry.reason.startswith(URL_REASON) for entry in skipped):
        say(f"{urls} images are URLs: --fetch fetches them")
