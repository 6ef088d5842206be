"""``vitrine index``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.errors import BadCatalog, CatalogShrank
from indexer.items import Skipped
from service.cli.catalog_options import ReadCatalog, catalog_options
from service.cli.catalog_place import catalog_argument, opened_catalog
from service.cli.console import json_option, print_json, shop_option, stage_bar
from service.cli.fetch_options import FetchChoice, fetch_options
from service.cli.index_report import report_build, report_preview, write_report
from service.cli.interrupt import exit_on_interrupt
from service.cli.limits_option import limits_option
from service.cli.target_options import target_options
from service.cli.terminal import note
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.encoders.base import Encoder
    from indexer.imaging.images import ImageLimits
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Generation
    from indexer.store.pictures import ImageStorage
    from indexer.vectors.contract import BuildTargets, Targets

_STAGES = {"scan": "catalog", "encode": "images", "style": "styles", "publish": "index"}
_INTERRUPTED = "interrupted; encoded images are kept. Run the same command again to continue."


@click.command("index")
@catalog_argument
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
    help="Write the skipped rows, images and fields to a file, as JSON lines, even if nothing "
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
    "extra scale. All machines must see the folder of the images at the same path, or URL.",
)
@limits_option
@fetch_options
@target_options
@catalog_options
@threads_option
@json_option
def command(
    catalog: Path | str,
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
    read_catalog: ReadCatalog,
    as_json: bool,
) -> None:
    """Index CATALOG (a folder of images, a table, a feed or its URL) into a shop folder.

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
    from service.processsettings import keep_ray_quiet

    if ray is not None:
        keep_ray_quiet()
    if ocr:
        check_reader()
    with (
        exit_on_interrupt(_INTERRUPTED),
        _failure_in_report(report),
        opened_catalog(catalog, fetching, read_catalog) as source,
    ):
        folder = ShopFolder(shop)
        serving = Shelf.read(folder).serving()
        loaded = _load_encoder(folder, serving, encoder)
        wanted = targets(serving.manifest.contract.targets if serving else None)
        shop_styles(registry_of(shop), styles or ())  # UnknownStyle, in a dry run too
        fetcher = fetching.fetcher(source, limits.megabytes)
        with fetcher or nullcontext(), stage_bar(_STAGES) as progress, _explained_stop(as_json):
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
                report_preview(seen, report, as_json)
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
    report_build(done, shop, report, as_json)


@contextmanager
def _explained_stop(as_json: bool) -> Iterator[None]:
    """Note that an interrupted run can continue; with --json, print why a catalog was refused."""
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
def _failure_in_report(report: Path | None) -> Iterator[None]:
    """Write the report of a catalog that could not be read, with the error as its last line."""
    try:
        yield
    except BadCatalog as error:
        if report is not None:
            write_report(report, [*error.skipped, Skipped("", str(error))])
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


def _load_encoder(folder: ShopFolder, serving: Generation | None, requested: str | None) -> Encoder:
    """Return the requested encoder, or the shop's own; ``builtin`` keeps the shop's weights."""
    from indexer.encoders.bundled import is_builtin
    from indexer.encoders.registry import DEFAULT_ENCODER, canonical_id, load_encoder
    from indexer.shop.encoder_upgrade import encoder_upgrade
    from indexer.shop.encoderfiles import open_encoder

    if serving is None:
        return load_encoder(requested or DEFAULT_ENCODER)
    own = serving.model
    if requested is not None and not (is_builtin(own.id) and canonical_id(requested) == own.id):
        return load_encoder(requested)
    loaded = open_encoder(folder, own)
    if upgrade := encoder_upgrade(folder, own):
        note(f"keeps using the shop's weights; {upgrade}")
    return loaded
