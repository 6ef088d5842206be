"""Copy the files of a primary: generations, encoders, styles, rules."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.durable import draft_of, sync
from indexer.encoders.onnxfile import hash_pair
from indexer.errors import BadPrimary, IndexCorrupt, PrimaryLost, StoreFull, VitrineError
from indexer.layout import ENCODERS, GENERATIONS, PICTURE_TEXTS, RANKERS, RULES, STYLES
from indexer.replication.primary import UnknownFile
from indexer.shop.manifest import FILE_NAME, MANIFEST, read_manifest
from style.stylefolder import STYLE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.progress import Progress
    from indexer.replication.messages import Feed, FileState
    from indexer.replication.primary import Primary
    from indexer.shop.folder import ShopFolder

_LARGEST_MANIFEST = 64 << 20  # bytes
_GENERATION = re.compile(r"[0-9]{1,12}")
_ENCODER_FILE = re.compile(r"[0-9a-f]{64}\.(onnx|json)")


class FileCopy:
    """Copies files of a primary into the folder of its replica."""

    def __init__(self, shop: ShopFolder, primary: Primary) -> None:
        self._shop = shop
        self._primary = primary

    def find_generation(self, seal: str) -> str | None:
        """Return the generation of this folder whose manifest has this seal, or None."""
        for name in self._shop.names():
            with suppress(VitrineError):
                if self._shop.manifest(name).seal == seal:
                    return name
        return None

    def copy_generation(self, feed: Feed, progress: Progress) -> str:
        """Copy the generation that serves the primary, check it, and return its name here.

        It has another name here if a generation of that name exists. Raises BadPrimary if what was
        sent is damaged, StoreFull.
        """
        if not _GENERATION.fullmatch(feed.generation):
            raise BadPrimary(f"the primary names a generation {feed.generation[:40]!r}")
        name = feed.generation
        while (self._shop.generations / name).exists():
            name = f"{int(max([name, *self._shop.names()])) + 1:06d}"
        draft = self._shop.generations / f".{name}.{os.getpid()}.copy"
        try:
            draft.mkdir(parents=True)
            self._fill(draft, feed, progress)
            draft.rename(self._shop.generations / name)
            sync(self._shop.generations)
        except OSError as error:
            raise StoreFull(
                f"cannot copy generation {name} to {self._shop.path}: {error.strerror or error}"
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return name

    def copy_files(self, feed: Feed, known: Mapping[str, str]) -> None:
        """Copy the files outside of generations that changed, and delete those that are gone.

        ``known`` are the marks of the files that were copied before, by path. Raises PrimaryLost if
        one changes meanwhile; BadPrimary, CannotWrite, StoreFull.
        """
        new_encoders: dict[str, int] = {}
        for path, state in feed.files.items():
            _check_path(path)
            target = self._shop.path / path
            if path.startswith(f"{ENCODERS}/"):
                if not target.is_file():
                    most = max(new_encoders.get(target.stem, 0), state.bytes)
                    new_encoders[target.stem] = most
            elif not target.is_file() or known.get(path) != state.mark:
                with suppress(OSError):  # the error follows when the file is written
                    target.parent.mkdir(exist_ok=True)
                self._copy_file(path, state)
        for weights, most in sorted(new_encoders.items()):
            self._copy_encoder(weights, most)
        for path in known.keys() - feed.files.keys():
            if not path.startswith(f"{ENCODERS}/"):  # deleted with the last generation that uses it
                with suppress(OSError):
                    (self._shop.path / path).unlink()

    def _fill(self, draft: Path, feed: Feed, progress: Progress) -> None:
        folder = f"{GENERATIONS}/{feed.generation}"
        self._receive(f"{folder}/{MANIFEST}", draft / MANIFEST, _LARGEST_MANIFEST)
        manifest = read_manifest(draft / MANIFEST)
        if manifest.seal != feed.seal:
            raise PrimaryLost(f"generation {feed.generation} changed while it was copied")
        if not all(FILE_NAME.fullmatch(file) for file in manifest.files):
            raise BadPrimary(f"generation {feed.generation} has files that no generation has")
        total = sum(file.bytes for file in manifest.files.values())
        if total > shutil.disk_usage(draft).free:
            raise StoreFull(
                f"generation {feed.generation} has {total} bytes, more than the disk of "
                f"{self._shop.path} has left"
            )
        done = 0
        for file, state in manifest.files.items():
            done += self._receive(f"{folder}/{file}", draft / file, state.bytes)
            progress("generation", done, total)
        try:
            self._shop.check_files(draft.name, manifest)
        except IndexCorrupt as error:
            raise BadPrimary(
                f"generation {feed.generation} of the primary is damaged: {error}"
            ) from error
        sync(draft)

    def _copy_file(self, path: str, state: FileState) -> None:
        with draft_of(self._shop.path / path) as draft:
            size = self._receive(path, draft, state.bytes)
        if size != state.bytes:  # it was changed meanwhile; the next feed has its new state
            raise PrimaryLost(f"{path} changed while it was copied")

    def _copy_encoder(self, weights: str, most: int) -> None:
        """Copy the ONNX file and the JSON of an encoder, ``most`` bytes each; check their hash.

        The ONNX file, by which an encoder is found, appears last.
        """
        draft = self._shop.encoders / f".{weights[:12]}.{os.getpid()}.onnx"
        pairs = ((draft.with_suffix(".json"), ".json"), (draft, ".onnx"))
        try:
            self._shop.encoders.mkdir(exist_ok=True)
            for file, suffix in pairs:
                self._receive(f"{ENCODERS}/{weights}{suffix}", file, most)
            if hash_pair(draft) != weights:
                raise BadPrimary(f"the encoder {weights[:12]} does not match its hash")
            for file, suffix in pairs:
                file.replace(self._shop.encoders / f"{weights}{suffix}")
            sync(self._shop.encoders)
        except OSError as error:
            raise StoreFull(
                f"cannot copy an encoder to {self._shop.path}: {error.strerror or error}"
            ) from error
        finally:
            for file, _ in pairs:
                file.unlink(missing_ok=True)

    def _receive(self, path: str, target: Path, most: int) -> int:
        """Write a file of the primary to disk, and return its bytes.

        Raises PrimaryLost for more than ``most`` bytes: an endless file would fill the disk.
        """
        try:
            with target.open("wb") as file:
                for piece in self._primary.file(path):
                    file.write(piece)
                    if file.tell() > most:
                        raise PrimaryLost(f"{path} has more than the {most:,} bytes expected")
                file.flush()
                os.fsync(file.fileno())
                return file.tell()
        except UnknownFile as error:
            raise PrimaryLost(f"{error}; it changed while it was copied") from error


def _check_path(path: str) -> None:
    """Raise BadPrimary unless this is the path of a file that a shop may have."""
    folder, _, name = path.rpartition("/")
    allowed = {
        ENCODERS: _ENCODER_FILE.fullmatch(name),
        STYLES: STYLE_FILE.fullmatch(name),
        "": name in (RULES, RANKERS, PICTURE_TEXTS),
    }
    if not allowed.get(folder):
        raise BadPrimary(f"the primary names a file {path[:80]!r}, which no shop has")
