"""``vitrine put``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.catalog_options import ReadCatalog, catalog_options
from service.cli.catalog_place import catalog_argument, opened_catalog
from service.cli.console import (
    json_option,
    print_json,
    shop_option,
    stage_bar,
)
from service.cli.fetch_options import FetchChoice, fetch_options
from service.cli.limits_option import limits_option
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option
from service.exitcodes import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.catalog.sources import Catalog, Entry
    from indexer.encoders.base import Encoder
    from indexer.fetching.fetcher import Fetcher
    from indexer.imaging.images import ImageLimits
    from indexer.items import Skipped
    from indexer.shop.folder import ShopFolder
    from indexer.writing.writes import Draft, Outcome

_CHUNK = 128  # items per step of the progress bar
_SHOWN = 5


@click.command("put")
@catalog_argument
@shop_option
@limits_option
@fetch_options
@catalog_options
@threads_option
@json_option
def command(
    catalog: Path | str,
    shop: Path,
    limits: ImageLimits,
    fetching: FetchChoice,
    read_catalog: ReadCatalog,
    as_json: bool,
) -> int:
    """Add the items of CATALOG to a shop, or change them; other items do not change.

    If the shop has an item already, fields that are not columns of CATALOG keep their values, and
    an empty cell clears its field. Images are replaced only if CATALOG has some. A running service
    finds the items within a second, without a new index. The exit status is 1 if an item, image or
    field was left out.
    """
    from indexer.shop.built_model import check_model
    from indexer.shop.encoderfiles import open_encoder
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf

    folder = ShopFolder(shop)
    shelf = Shelf.read(folder)
    manifest = shelf.first_readable(shelf.serving_order()).manifest
    with opened_catalog(catalog, fetching, read_catalog) as source:
        scan = source.scan()
        encoder = open_encoder(folder, manifest.model)
        check_model(folder.path, manifest.model, encoder)
        outcomes: list[Outcome] = []
        fetcher = fetching.fetcher(source, limits.megabytes)
        with (
            fetcher or nullcontext(),
            _writer(folder, encoder, limits) as write,
            stage_bar({"put": "items"}) as progress,
        ):
            for drafts in _chunks(source, limits, fetcher):
                outcomes += write(drafts)
                left_out = sum(outcome.status == "refused" for outcome in outcomes)
                progress("put", len(outcomes), scan.items, left_out)
    if as_json:
        print_json({"results": outcomes, "skipped": scan.skipped})
    else:
        _print_report(outcomes, scan.skipped)
    whole = all(outcome.status != "refused" and not outcome.images for outcome in outcomes)
    return 0 if whole and all(map(_was_read, scan.skipped)) else FAILED


def _was_read(entry: Skipped) -> bool:
    """Return whether an entry only says which file or encoding was read."""
    from indexer.items import Remark

    return isinstance(entry, Remark) and (bool(entry.image) or entry.field == "encoding")


@contextmanager
def _writer(
    folder: ShopFolder, encoder: Encoder, limits: ImageLimits
) -> Iterator[Callable[[list[Draft]], list[Outcome]]]:
    """Yield the function that stores drafts.

    If the shop has styles, this opens the index, because the identity guard searches it.
    """
    from indexer.shop.styles import indexed_styles
    from indexer.store.store import Store
    from indexer.writing.writes import put_items
    from search.engine import SearchEngine

    with Store(folder.store) as store:
        with store.read() as reader:
            styles = indexed_styles(reader)
        if not styles:
            yield lambda drafts: put_items(store, encoder, drafts, limits=limits)
            return
        with SearchEngine.open(folder.path, encoder=encoder) as engine:
            yield partial(engine.put, limits=limits, render_at_most=None)


def _chunks(
    catalog: Catalog, limits: ImageLimits, fetcher: Fetcher | None
) -> Iterator[list[Draft]]:
    from indexer.catalog.sources import Entry

    chunk: list[Draft] = []
    for entry in catalog:
        if isinstance(entry, Entry):
            chunk.append(_draft(entry, catalog.root, limits, fetcher))
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _draft(entry: Entry, root: Path, limits: ImageLimits, fetcher: Fetcher | None) -> Draft:
    from indexer.writing.writes import Draft, ImageInput, updated

    item = entry.item
    sources = [ImageInput(path, _reader(path, root, limits, fetcher)) for path in item.images]
    return Draft(item.item_id, partial(updated, item, entry.given), sources or None)


def _reader(
    path: str, root: Path, limits: ImageLimits, fetcher: Fetcher | None
) -> Callable[[], bytes]:
    """Return the function that reads an image. Fetching a URL begins at once, in the background."""
    from indexer.fetching.policy import is_url

    if fetcher is None or not is_url(path):
        return partial(_read, root, path, limits)
    fetched = fetcher.submit(path)

    def wait() -> bytes:
        response = fetched.result()
        fetcher.release(response)
        return response.data or b""

    return wait


def _read(root: Path, path: str, limits: ImageLimits) -> bytes:
    from indexer.imaging.imagepath import image_path
    from indexer.imaging.images import read_image_file

    return read_image_file(image_path(root, path), limits)


def _print_report(outcomes: list[Outcome], skipped: list[Skipped]) -> None:
    from indexer.items import Remark

    counts = Counter(outcome.status for outcome in outcomes)
    rows = sum(not isinstance(entry, Remark) for entry in skipped)
    say(
        f"{counts['created']} items added, {counts['updated']} replaced, "
        f"{counts['unchanged']} unchanged, {counts['refused'] + rows} left out"
    )
    lines = [f"{entry.where}: {entry.reason}" for entry in skipped]
    for outcome in outcomes:
        if outcome.status == "refused":
            lines.append(f"{outcome.item_id}: {outcome.reason}")
        lines += [f"{outcome.item_id} {image.image}: {image.reason}" for image in outcome.images]
    for line in lines[:_SHOWN]:
        note(f"  {line}")
    if len(lines) > _SHOWN:
        note(f"  ... and {len(lines) - _SHOWN} more; --json lists all")
