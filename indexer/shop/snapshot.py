"""Snapshots: a whole shop in one file, taken while it is served and written to.

    snapshot.json                  what is inside (first, so that a newer format is told at once)
    generations/000007/...         the serving generation, as its manifest lists it
    encoders/...                   the files of its encoder, see ``indexer.shop.encoderfiles``
    styles/...                     the files of the shop's own styles, see ``style.stylefolder``
    catalog.lmdb/data.mdb          the store, from one read transaction
    (the seal)                     SHA-256 of the whole file, see ``indexer.shop.archive``

The generation is chosen, and held, before the store is copied. So the store is the newer of the
two, which is what an engine can open: the store's later rows are searched beside the index.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from indexer.encoders.onnxfile import hash_pair
from indexer.errors import (
    CannotWrite,
    Conflict,
    EncoderNotFound,
    IndexCorrupt,
    IndexMismatch,
    StoreBusy,
    StoreFull,
)
from indexer.progress import Progress
from indexer.shop import write_encoders
from indexer.shop.archive import CHUNK, read_archive, write_archive
from indexer.shop.encoderfiles import SUFFIXES, encoder_file
from indexer.shop.folder import ShopFolder, sync
from indexer.shop.joblock import job_lock
from indexer.shop.manifest import MANIFEST, now
from indexer.store.store import Store
from style.stylefolder import STYLE_FILE, StyleFolder

if TYPE_CHECKING:
    from indexer.encoders.base import Model

FORMAT = 1
_ABOUT, _STORE = "snapshot.json", "catalog.lmdb/data.mdb"
_FILE = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_HASH = re.compile(r"[0-9a-f]{64}")
_LARGEST_ABOUT = 1 << 20


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot holds. ``files`` gives the bytes of each file of its generation.

    ``encoders`` are the weights hashes of the encoders whose files it holds, ``styles`` the names
    of the files of the shop's own styles.
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


def take_snapshot(shop: ShopFolder, path: Path, *, progress: Progress) -> Snapshot:
    """Write the shop into a new file, while others read and write it.

    ``path`` appears when all of it is on disk. Raises IndexNotFound and IndexCorrupt (nothing
    whole to take), EncoderNotFound (nor of its encoder's files), CannotWrite, StoreFull,
    StoreBusy (the model changed meanwhile).
    """
    name = shop.current()
    with shop.hold(name):
        manifest = shop.verify(name)
        with Store(shop.store) as store:
            with store.read() as reader:
                items, rows = reader.count("items"), reader.count("rows")
                listed = write_encoders.listed(reader)
            encoders = _encoder_files(shop, manifest.model, listed)
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
            )
            with write_archive(path) as archive:
                archive.add(_ABOUT, msgspec.json.format(msgspec.json.encode(about), indent=2))
                for entry, source in (_places(shop, about) | encoders).items():
                    with source.open("rb") as read, archive.open(entry) as out:
                        shutil.copyfileobj(read, out, CHUNK)
                with archive.open(_STORE) as out:
                    _copy_store(store, out, progress)
                # Rows written since then have no embedding by the encoder of this generation.
                later = shop.current()
                if later != name and shop.manifest(later).model != manifest.model:
                    raise StoreBusy(
                        f"{shop.path} changed from encoder {manifest.encoder!r} to another while "
                        "it was copied; take the snapshot again"
                    )
    return about


def restore_snapshot(
    path: Path, shop: ShopFolder, *, force: bool = False, progress: Progress
) -> Snapshot:
    """Make the shop that a snapshot holds; it appears whole, or not at all.

    With ``force`` it replaces a shop that is there, unless that is being served or worked on
    (StoreBusy) or holds the snapshot itself (Conflict); of a link, what it leads to. Raises
    Conflict (a shop is there, and no ``force``), IndexNotFound, IndexCorrupt (cut short or
    changed), IndexMismatch (of a newer format), CannotWrite, StoreFull.
    """
    shop = ShopFolder(os.path.realpath(shop.path))  # renaming a link would leave its shop behind
    _recover_replaced(shop)
    if not force and _has_content(shop):
        raise Conflict(
            f"{shop.path} is there already and not empty; restore elsewhere, or add --force to "
            "replace it"
        )
    if Path(os.path.realpath(path)).is_relative_to(shop.path):
        raise Conflict(f"{path} lies in the shop that it would replace; move it elsewhere first")
    draft = _hidden_sibling(shop, "restoring")
    try:
        draft.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot make {draft.path}: {error.strerror or error}") from error
    with job_lock(draft.path, "vitrine restore"):
        try:
            with read_archive(path, progress=_staged(progress, "check")) as archive:
                about = _about(archive, path)
                _unpack(archive, about, draft, path, progress)
            _check(draft, about)
            _replace(shop, draft, force=force)
        except OSError as error:
            raise StoreFull(f"cannot restore into {shop.path}: {error}") from error
        finally:
            shutil.rmtree(draft.path, ignore_errors=True)
    return about


def _encoder_files(shop: ShopFolder, serving: Model, others: list[Model]) -> dict[str, Path]:
    """Return the files of the encoders that have some, by their names in the archive.

    They are the originals where a shop has no copies yet. EncoderNotFound where the serving
    encoder's are gone. The encoder of an open migration may lack its files: writes go on without
    it, and so does a snapshot.
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


def _copy_store(store: Store, out: IO[bytes], progress: Progress) -> None:
    """The store's data file into ``out``, through a pipe: LMDB writes to descriptors only."""
    total = store.bytes_used()
    reading, writing = os.pipe()
    failures: list[BaseException] = []

    def copy() -> None:
        try:
            store.copy(writing)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
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
        copier.join()  # ends soon in any case: nobody reads its pipe any more
    if failures:
        raise failures[0]
    progress("store", total, total)


def _about(archive: zipfile.ZipFile, path: Path) -> Snapshot:
    """What the snapshot says of itself, after a look at the format alone."""
    try:
        info = archive.getinfo(_ABOUT)
        if info.file_size > _LARGEST_ABOUT or info.compress_type != zipfile.ZIP_STORED:
            raise IndexCorrupt(f"{path}: {_ABOUT} is not as Vitrine writes it")
        fields = msgspec.json.decode(archive.read(info), type=dict[str, Any])
        found = fields.get("format")
        if isinstance(found, int) and found != FORMAT:
            raise IndexMismatch(
                f"{path} is a snapshot of format {found}, this version reads format {FORMAT}; "
                "restore it with the version that took it"
            )
        about = msgspec.convert(fields, Snapshot)
    except (KeyError, RuntimeError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise IndexCorrupt(f"{path}: {_ABOUT} cannot be read: {error}") from error
    if not (about.generation.isdigit() and about.generation.isascii()):
        raise IndexCorrupt(f"{path} names the generation {about.generation[:40]!r}")
    if not all(_FILE.fullmatch(file) for file in about.files) or MANIFEST not in about.files:
        raise IndexCorrupt(f"{path} names files that no generation has: {list(about.files)[:5]}")
    if not all(_HASH.fullmatch(weights) for weights in about.encoders):
        raise IndexCorrupt(f"{path} names encoders by no hash: {about.encoders[:5]}")
    if not all(STYLE_FILE.fullmatch(file) for file in about.styles):
        raise IndexCorrupt(f"{path} names files that no style has: {about.styles[:5]}")
    return about


def _unpack(
    archive: zipfile.ZipFile, about: Snapshot, draft: ShopFolder, path: Path, progress: Progress
) -> None:
    """Put exactly the expected files where they belong: a name in the archive is never a path."""
    targets = _places(draft, about) | {_STORE: draft.store / "data.mdb"}
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if sorted(names) != sorted([*targets, _ABOUT]):
        odd = sorted(set(names) ^ {*targets, _ABOUT}) or sorted(names)
        raise IndexCorrupt(f"{path} does not hold the files of a snapshot: {odd[0][:80]!r}")
    total = sum(entry.file_size for entry in entries)
    if total > path.stat().st_size or any(e.compress_type != zipfile.ZIP_STORED for e in entries):
        raise IndexCorrupt(f"{path} holds compressed files; snapshots are stored as they are")
    free = shutil.disk_usage(draft.path).free
    if total > free:
        raise StoreFull(f"{path} needs {total} bytes, the disk of {draft.path} has {free} left")
    # What is there is of an attempt that was killed.
    for folder in (draft.store, draft.generations, draft.encoders, draft.styles):
        shutil.rmtree(folder, ignore_errors=True)
    done = 0
    for entry in entries:
        target = targets.get(entry.filename)
        if target is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as read, target.open("xb") as out:
            while piece := read.read(CHUNK):
                out.write(piece)
                done += len(piece)
                progress("restore", done, total)
            out.flush()
            os.fsync(out.fileno())
    for folder in {target.parent for target in targets.values()} | {draft.generations}:
        sync(folder)
    progress("restore", total, total)


def _check(draft: ShopFolder, about: Snapshot) -> None:
    """Open what was unpacked, and make it a shop."""
    manifest = draft.verify(about.generation)
    if manifest.encoder != about.encoder:
        raise IndexCorrupt(
            f"the snapshot says encoder {about.encoder!r}, its generation {manifest.encoder!r}"
        )
    for weights in about.encoders:
        if (hashed := hash_pair(draft.encoders / f"{weights}.onnx")) != weights:
            raise IndexCorrupt(
                f"the snapshot's encoder file {weights[:12]}.onnx, or the JSON beside it, was "
                f"changed: its SHA-256 is {hashed[:12]}; take or copy the snapshot again"
            )
    with Store(draft.store) as store, store.read() as reader:
        found = reader.count("items")
        if not found and about.items:
            raise IndexCorrupt(f"the snapshot's store has no items, expected {about.items}")
    draft.make_current(about.generation, after=[])


def _replace(shop: ShopFolder, draft: ShopFolder, *, force: bool) -> None:
    """Rename the draft to the shop; what was there is removed once that is done."""
    before = _hidden_sibling(shop, "replaced")
    try:
        if force and _has_content(shop):
            with job_lock(shop.path, "vitrine restore"):
                if busy := [name for name in shop.names() if shop.is_held(name)]:
                    raise StoreBusy(
                        f"generation {busy[0]} of {shop.path} is being served; stop the service, "
                        "or restore elsewhere"
                    )
                shop.path.rename(before.path)
                draft.path.rename(shop.path)
        else:
            draft.path.rename(shop.path)  # an empty folder may be there
    except OSError as error:
        _recover_replaced(shop)
        raise StoreFull(
            f"cannot put the shop at {shop.path}: {error.strerror or error}; if that is the root "
            "of a volume, restore into a folder below it"
        ) from error
    sync(shop.path.parent)
    shutil.rmtree(before.path, ignore_errors=True)


def _recover_replaced(shop: ShopFolder) -> None:
    """Mend a restore that was killed between its two renames, or clean up after the second."""
    before = _hidden_sibling(shop, "replaced")
    if _has_content(shop):
        shutil.rmtree(before.path, ignore_errors=True)
    elif before.path.exists():
        with suppress(OSError):
            before.path.rename(shop.path)


def _has_content(shop: ShopFolder) -> bool:
    try:
        return any(shop.path.iterdir())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreFull(f"cannot restore into {shop.path}: {error.strerror or error}") from error


def _hidden_sibling(shop: ShopFolder, what: str) -> ShopFolder:
    path = shop.path.absolute()
    return ShopFolder(path.with_name(f".{path.name}.{what}"))


def _places(shop: ShopFolder, about: Snapshot) -> dict[str, Path]:
    """Where all files but the store's lie in a shop, by their names in the archive."""
    return (
        {
            f"generations/{about.generation}/{file}": shop.generations / about.generation / file
            for file in about.files
        }
        | {
            f"encoders/{weights}{end}": shop.encoders / f"{weights}{end}"
            for weights in about.encoders
            for end in SUFFIXES
        }
        | {f"styles/{file}": shop.styles / file for file in about.styles}
    )


def _staged(progress: Progress, stage: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(stage, done, total)
