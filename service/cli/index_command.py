"""``vitrine index``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from indexer.errors import StoreFull
from service.cli.console import (
    human_seconds,
    json_option,
    map_option,
    note,
    parse_mapping,
    print_json,
    shop_option,
    stage_bar,
)
from service.cli.promise import promise_options
from service.cli.terminal import printable_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.build import BuildReport
    from indexer.contract import Terms, Wishes
    from indexer.encoders.base import Encoder
    from indexer.generation import ShopFolder
    from indexer.pictures import Keep

_STAGES = {"scan": "catalog", "encode": "images", "publish": "index"}
_SHOWN = 5


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
    help="What to keep of each new image: its bytes and a small copy, the copy, or only where its "
    "file is. Default: as before, or display.",
)
@click.option(
    "--report", type=click.Path(path_type=Path), help="Write what was skipped, as JSON lines."
)
@promise_options
@map_option
@json_option
def command(
    catalog: Path,
    shop: Path,
    encoder: str | None,
    keep_images: Keep | None,
    report: Path | None,
    terms: Callable[[Wishes | None], Terms],
    mapping: tuple[str, ...],
    as_json: bool,
) -> None:
    """Index CATALOG (a folder of images, CSV, JSON lines or Parquet) into a shop folder.

    Afterwards the shop holds exactly this catalog. Run it again after changes: only new
    images are encoded, and an interrupted run goes on where it stopped.
    """
    from indexer.build import build_index
    from indexer.generation import ShopFolder
    from indexer.sources import open_catalog

    source = open_catalog(catalog, parse_mapping(mapping))
    folder = ShopFolder(shop)
    loaded = _encoder(folder, encoder)
    with stage_bar(_STAGES) as progress:
        try:
            done = build_index(
                source,
                folder,
                loaded,
                keep_images=keep_images,
                terms=terms(_own_wishes(folder)),
                progress=progress,
            )
        except KeyboardInterrupt:
            note("interrupted; what was encoded is kept. Run the same command to go on.")
            raise
    if report is not None:
        _write_report(report, done)
    if as_json:
        print_json(done)
    else:
        _tell(done, report)


def _encoder(folder: ShopFolder, asked: str | None) -> Encoder:
    """The shop's own unless another is asked for; ``builtin`` is the one it was built with."""
    from indexer.encoderfiles import open_encoder
    from indexer.encoders.bundled import is_builtin
    from indexer.encoders.registry import DEFAULT_ENCODER, canonical_id, load_encoder
    from indexer.standing import standing_generation
    from indexer.upgrade import encoder_upgrade

    standing = standing_generation(folder)
    if standing is None:
        return load_encoder(asked or DEFAULT_ENCODER)
    own, weights_hash = standing[1].encoder, standing[1].weights_hash
    if asked is not None and not (is_builtin(own) and canonical_id(asked) == own):
        return load_encoder(asked)
    loaded = open_encoder(folder, own, weights_hash)
    if upgrade := encoder_upgrade(folder, own, weights_hash):
        note(f"goes on with the shop's own weights; {upgrade}")
    return loaded


def _own_wishes(folder: ShopFolder) -> Wishes | None:
    from indexer.standing import standing_generation

    standing = standing_generation(folder)
    return standing[1].contract.wishes if standing else None


def _write_report(path: Path, done: BuildReport) -> None:
    lines = [printable_json(msgspec.json.encode(one).decode()) + "\n" for one in done.skipped]
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise StoreFull(f"cannot write the report {path}: {error.strerror or error}") from error


def _tell(done: BuildReport, report: Path | None) -> None:
    total = sum(done.seconds.get(lap, 0.0) for lap in ("scan", "ingest", "merge", "publish"))
    state = "" if done.published else " (unchanged)"
    say(
        f"generation {done.generation}{state}: {done.items} items, {done.products} products, "
        f"{done.rows} images in {human_seconds(total)} with {done.encoder}"
    )
    say(f"{done.encoded} images encoded, {done.reused} known already, {done.removed} items removed")
    say(f"index {done.recipe}: {done.promise}")
    if done.skipped:
        say(f"{len(done.skipped)} skipped:")
        for one in done.skipped[:_SHOWN]:
            name = " ".join(part for part in (one.where, one.item_id, one.image) if part)
            say(f"  {name}: {one.reason}")
        if len(done.skipped) > _SHOWN:
            where = f"all are in {report}" if report else "--report FILE lists all"
            say(f"  ... {where}")
