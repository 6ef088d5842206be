"""Restore a shop from a snapshot, see ``indexer.shop.snapshot``.

The seal of the whole file is checked before any of it is parsed. Everything is unpacked into a
hidden folder beside the shop, checked there, and appears by one rename.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from indexer.durable import sync
from indexer.encoders.onnxfile import hash_pair
from indexer.errors import CannotWrite, Conflict, IndexCorrupt, IndexMismatch, StoreBusy, StoreFull
from indexer.jsonbytes import decode_json_as
from indexer.layout import EVENTS, KEYS
from indexer.progress import Progress
from indexer.shop.archive import CHUNK, read_archive
from indexer.shop.folder import ShopFolder
from indexer.shop.joblock import job_lock
from indexer.shop.manifest import FILE_NAME, MANIFEST
from indexer.shop.snapshot import (
    BESIDE,
    DESCRIPTION,
    FORMAT,
    LOOSE,
    STORE_ENTRY,
    Snapshot,
    entries_of,
)
from indexer.store.environment import DATA_FILE
from indexer.store.store import Store
from style.stylefolder import STYLE_FILE

_HASH = re.compile(r"[0-9a-f]{64}")
_LARGEST_DESCRIPTION = 1 << 20  # bytes


def restore_snapshot(
    path: Path, shop: ShopFolder, *, force: bool = False, progress: Progress
) -> Snapshot:
    """Restore the shop in a snapshot; it appears complete, or not at all.

    ``force`` replaces an existing shop; if ``shop`` is a link, the folder it points to. The keys
    and events of that shop stay, because no snapshot has them. Raises StoreBusy if that shop is
    being served or a job holds it; Conflict if it exists without ``force``, or contains the
    snapshot; IndexNotFound; IndexCorrupt if the snapshot was truncated or changed; IndexMismatch if
    it has a newer format; CannotWrite; StoreFull.
    """
    shop = ShopFolder(os.path.realpath(shop.path))  # renaming a link would not move its shop
    _recover_replaced(shop)
    if not force and _has_content(shop):
        raise Conflict(
            f"{shop.path} already exists and is not empty; restore to another folder, or "
            "add --force to replace it"
        )
    if Path(os.path.realpath(path)).is_relative_to(shop.path):
        raise Conflict(f"{path} is inside the shop that it would replace; move it elsewhere first")
    draft = _hidden_sibling(shop, "restoring")
    try:
        draft.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot create {draft.path}: {error.strerror or error}") from error
    with job_lock(draft.path, "vitrine restore"):
        try:
            with read_archive(path, progress=_staged(progress, "check")) as archive:
                about = _description(archive, path)
                _unpack(archive, about, draft, path, progress)
            _check_and_make_current(draft, about)
            _replace(shop, draft, force=force)
        except OSError as error:
            raise StoreFull(f"cannot restore into {shop.path}: {error}") from error
        finally:
            shutil.rmtree(draft.path, ignore_errors=True)
    return about


def _description(archive: zipfile.ZipFile, path: Path) -> Snapshot:
    """Read and check the description of a snapshot, its format before anything else."""
    try:
        info = archive.getinfo(DESCRIPTION)
        if info.file_size > _LARGEST_DESCRIPTION or info.compress_type != zipfile.ZIP_STORED:
            raise IndexCorrupt(f"{path}: {DESCRIPTION} was not written by Vitrine")
        fields = decode_json_as(archive.read(info), dict[str, Any])
        found = fields.get("format")
        if isinstance(found, int) and found != FORMAT:
            raise IndexMismatch(
                f"{path} is a snapshot of format {found}, this version reads format {FORMAT}; "
                "restore it with the version that took it"
            )
        about = msgspec.convert(fields, Snapshot)
    except (KeyError, RuntimeError, msgspec.MsgspecError) as error:
        raise IndexCorrupt(f"{path}: {DESCRIPTION} cannot be read: {error}") from error
    if not (about.generation.isdigit() and about.generation.isascii()):
        raise IndexCorrupt(f"{path} has an invalid generation name {about.generation[:40]!r}")
    if not all(FILE_NAME.fullmatch(file) for file in about.files) or MANIFEST not in about.files:
        raise IndexCorrupt(f"{path} names files that no generation has: {list(about.files)[:5]}")
    if not all(_HASH.fullmatch(weights) for weights in about.encoders):
        raise IndexCorrupt(f"{path} names encoders, but not by hashes: {about.encoders[:5]}")
    if not all(STYLE_FILE.fullmatch(file) for file in about.styles):
        raise IndexCorrupt(f"{path} names files that no style has: {about.styles[:5]}")
    if not set(about.beside) <= set(BESIDE):
        raise IndexCorrupt(f"{path} names folders that no shop has: {about.beside[:5]}")
    if not set(about.loose) <= set(LOOSE):
        raise IndexCorrupt(f"{path} names files that no shop has: {about.loose[:5]}")
    return about


def _unpack(
    archive: zipfile.ZipFile, about: Snapshot, draft: ShopFolder, path: Path, progress: Progress
) -> None:
    """Unpack exactly the expected files; a name in the archive is never used as a path."""
    targets = entries_of(draft, about) | {STORE_ENTRY: draft.store / DATA_FILE}
    targets |= {f"{name}/{DATA_FILE}": draft.path / name / DATA_FILE for name in about.beside}
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if sorted(names) != sorted([*targets, DESCRIPTION]):
        unexpected = sorted(set(names) ^ {*targets, DESCRIPTION}) or sorted(names)
        raise IndexCorrupt(f"{path} does not hold the files of a snapshot: {unexpected[0][:80]!r}")
    total = sum(entry.file_size for entry in entries)
    if total > path.stat().st_size or any(
        entry.compress_type != zipfile.ZIP_STORED for entry in entries
    ):
        raise IndexCorrupt(f"{path} holds compressed files; snapshots are not compressed")
    free = shutil.disk_usage(draft.path).free
    if total > free:
        raise StoreFull(f"{path} needs {total} bytes, the disk of {draft.path} has {free} left")
    # Left by a restore that was killed.
    beside = (draft.path / name for name in BESIDE)
    for folder in (draft.store, draft.generations, draft.encoders, draft.styles, *beside):
        shutil.rmtree(folder, ignore_errors=True)
    for name in LOOSE:
        (draft.path / name).unlink(missing_ok=True)
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


def _check_and_make_current(draft: ShopFolder, about: Snapshot) -> None:
    """Check what was unpacked, and make its generation current."""
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
    """Rename the draft to the shop, then delete the shop that was there before."""
    before = _hidden_sibling(shop, "replaced")
    try:
        if force and _has_content(shop):
            with job_lock(shop.path, "vitrine restore"):
                if busy := [name for name in shop.names() if shop.is_held(name)]:
                    raise StoreBusy(
                        f"generation {busy[0]} of {shop.path} is being served; stop the service, "
                        "or restore to another folder"
                    )
                _keep_own(shop, draft)
                shop.path.rename(before.path)
                draft.path.rename(shop.path)
        else:
            draft.path.rename(shop.path)  # an empty folder may exist
    except OSError as error:
        _recover_replaced(shop)
        raise StoreFull(
            f"cannot move the shop to {shop.path}: {error.strerror or error}; if that is the root "
            "of a volume, restore into a folder inside it"
        ) from error
    sync(shop.path.parent)
    shutil.rmtree(before.path, ignore_errors=True)


def _keep_own(shop: ShopFolder, draft: ShopFolder) -> None:
    """Link the keys and events of a shop into the draft that replaces it.

    Until the draft has replaced the shop, both have them, so a kill loses nothing.
    """
    keys, events = shop.path / KEYS, shop.path / EVENTS
    if keys.is_file():
        _link(keys, draft.path / KEYS)
    if events.is_dir():
        shutil.copytree(events, draft.path / EVENTS, copy_function=_link)
    sync(draft.path)


def _link(source: Path | str, target: Path | str) -> None:
    """Link a file, or copy it where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _recover_replaced(shop: ShopFolder) -> None:
    """Undo a restore that was killed between its two renames, or clean up after the second."""
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


def _staged(progress: Progress, stage: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(stage, done, total)
