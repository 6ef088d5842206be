"""Snapshots: a whole shop in one file, taken while it is served and written to.

    snapshot.json                  a description; first, so that a newer format is detected early
    generations/000007/...         the files of the serving generation
    encoders/...                   the files of its encoder, see ``indexer.shop.encoderfiles``
    styles/...                     the files of the shop's own styles, see ``style.stylefolder``
    recommend.json, rankers.json   the rules of recommendations, and the trained rankers
    reviews.lmdb/data.mdb ...      what is stored beside the store: reviews, suggestions, the FAQ
    catalog.lmdb/data.mdb          the store, from one read transaction
    (the seal)                     SHA-256 of the whole file, see ``indexer.shop.archive``

The generation is locked before the store is copied, so the store is never older than the
generation. An engine can open that: it searches the store's newer rows beside the index.
``indexer.shop.restore`` reads snapshots.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from indexer.encoders.onnxfile import hash_pair
from indexer.errors import EncoderNotFound, StoreBusy
from indexer.layout import FAQ, RANKERS, REVIEWS, RULES, SUGGESTIONS
from indexer.progress import Progress, no_progress
from indexer.regularfile import open_regular
from indexer.shop import write_encoders
from indexer.shop.archive import CHUNK, write_archive
from indexer.shop.encoderfiles import SUFFIXES, encoder_file
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import MANIFEST, now
from indexer.store.environment import DATA_FILE, Environment, exists
from indexer.store.store import Store
from style.stylefolder import StyleFolder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.encoders.base import Model

FORMAT = 1
DESCRIPTION, STORE_ENTRY = "snapshot.json", "catalog.lmdb/data.mdb"  # names in the archive
BESIDE = (REVIEWS, SUGGESTIONS, FAQ)  # environments that a shop may have beside its store
LOOSE = (RULES, RANKERS)  # files that a shop may have in its folder, of what it recommends


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a snapshot. ``files`` gives the size of each file of its generation.

    ``encoders`` are the weights hashes of the encoders whose files it contains, ``styles`` the
    names of the files of the shop's own styles, ``beside`` those of the LMDB environments that are
    beside the store, ``loose`` those of files in the shop's folder.
    """

    format: int
    created: str
    version: str
    generation: str
    encoder: str
    items: int
    rows: int
    files: dict[str, int]
    encoders: list[str] = []
    styles: list[str] = []
    beside: list[str] = []
    loose: list[str] = []


def take_snapshot(shop: ShopFolder, path: Path, *, progress: Progress) -> Snapshot:
    """Write the shop to a new file, while others read and write the shop.

    ``path`` appears once it is complete and on disk. Raises IndexNotFound if nothing was built;
    IndexCorrupt if the serving generation is damaged; EncoderNotFound if the files of its encoder
    are missing; StoreBusy if another encoder was promoted meanwhile; CannotWrite; StoreFull.
    """
    name = shop.current()
    with shop.hold(name):
        manifest = shop.verify(name)
        with Store(shop.store) as store:
            with store.read() as reader:
                items, rows = reader.count("items"), reader.count("rows")
                listed = write_encoders.read(reader)
            encoders = encoder_files(shop, manifest.model, listed)
            about = Snapshot(
                format=FORMAT,
                created=now(),
                version=manifest.version,
                generation=name,
                encoder=manifest.encoder,
                items=items,
                rows=rows,
                files={
                    file: (shop.generations / name / file).stat().st_size
                    for file in (*manifest.files, MANIFEST)
                },
                encoders=sorted({Path(entry).stem for entry in encoders}),
                styles=StyleFolder(shop.styles).file_names(),
                beside=[folder for folder in BESIDE if exists(shop.path / folder)],
                loose=[file for file in LOOSE if (shop.path / file).is_file()],
            )
            with write_archive(path) as archive:
                archive.add(DESCRIPTION, msgspec.json.format(msgspec.json.encode(about), indent=2))
                for entry, source in (entries_of(shop, about) | encoders).items():
                    with _opened(entry, source) as read, archive.open(entry) as out:
                        shutil.copyfileobj(read, out, CHUNK)
                for folder in about.beside:
                    with archive.open(f"{folder}/{DATA_FILE}") as out:
                        _copy_beside(shop.path / folder, out)
                with archive.open(STORE_ENTRY) as out:
                    _copy_store(store, out, progress)
                # Rows written after the switch have no embedding by this generation's encoder.
                later = shop.current()
                if later != name and shop.manifest(later).model != manifest.model:
                    raise StoreBusy(
                        f"{shop.path} switched from encoder {manifest.encoder!r} to another "
                        "during the copy; take the snapshot again"
                    )
    return about


def _opened(entry: str, source: Path) -> IO[bytes]:
    """Open a file of the shop; people put files of styles and rules there: they must be regular."""
    own = entry.startswith("styles/") or entry in LOOSE
    return open_regular(source, links=not own)


def encoder_files(shop: ShopFolder, serving: Model, others: Iterable[Model]) -> dict[str, Path]:
    """Return the files of these encoders by their names in the archive; not all encoders have any.

    Originals are taken if the shop has no copies yet. Raises EncoderNotFound if the files of the
    serving encoder are missing. Those of an open migration may be missing: writes continue without
    that encoder, and so does a snapshot.
    """
    found: dict[str, Path] = {}
    for model in dict.fromkeys([serving, *others]):
        try:
            path = encoder_file(shop, model)
        except EncoderNotFound:
            if model == serving:
                raise
            continue
        if path is not None:
            weights = hash_pair(path)
            found |= {f"encoders/{weights}{end}": path.with_suffix(end) for end in SUFFIXES}
    return found


def _copy_beside(path: Path, out: IO[bytes]) -> None:
    advice = "restore it, or move it away"
    with Environment(path, (), create=False, advice=advice) as environment:
        _copy_store(environment, out, no_progress)


def _copy_store(store: Store | Environment, out: IO[bytes], progress: Progress) -> None:
    """Copy the store's data file to ``out``, through a pipe: LMDB writes to descriptors only."""
    total = store.bytes_used()
    reading, writing = os.pipe()
    failures: list[BaseException] = []

    def copy() -> None:
        try:
            store.copy(writing)
        except BaseException as error:  # noqa: BLE001 - raised again by the waiting thread
            failures.append(error)
        finally:
            os.close(writing)

    copier = threading.Thread(target=copy, name="vitrine-snapshot")
    copier.start()
    try:
        done = 0
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            while piece := pipe.read(CHUNK):
                out.write(piece)
                done += len(piece)
                progress("store", min(done, total), total)
    finally:
        copier.join()  # ends soon even after an error: the read end of its pipe is closed
    if failures:
        raise failures[0]
    progress("store", total, total)


def entries_of(shop: ShopFolder, about: Snapshot) -> dict[str, Path]:
    """Return the path of each file in a shop, by its name in the archive; the store is left out."""
    generation = {
        f"generations/{about.generation}/{file}": shop.generations / about.generation / file
        for file in about.files
    }
    encoders = {
        f"encoders/{weights}{end}": shop.encoders / f"{weights}{end}"
        for weights in about.encoders
        for end in SUFFIXES
    }
    styles = {f"styles/{file}": shop.styles / file for file in about.styles}
    return generation | encoders | styles | {file: shop.path / file for file in about.loose}
