"""The primary's side: reads what replicas ask for from a shop's folder."""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import suppress
from functools import lru_cache, partial
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from indexer.errors import CannotWrite, IndexCorrupt, IndexNotFound, VitrineError
from indexer.layout import (
    ENCODERS,
    GENERATIONS,
    LINEAGE,
    PICTURE_TEXTS,
    RANKERS,
    RULES,
    STYLES,
)
from indexer.regularfile import open_regular, read_regular
from indexer.replication.messages import Feed, FileState, ItemPage, LogPage
from indexer.replication.position import OWN_META
from indexer.replication.primary import UnknownFile
from indexer.shop import write_encoders
from indexer.shop.manifest import MANIFEST
from indexer.shop.snapshot import BESIDE, encoder_files
from indexer.store.datafile import ADVICE
from indexer.store.environment import Environment, exists
from indexer.store.replay import VALUES, ExportReader
from indexer.store.store import Store
from style.stylefolder import StyleFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from indexer.encoders.base import Model
    from indexer.shop.folder import ShopFolder
    from indexer.shop.manifest import Manifest
    from indexer.store.replay import ValueKey

MOST_CHANGES = 500
_MOST_ITEMS = 500
_MOST_BYTES = 8 << 20  # of one message; a single larger value is sent alone
_CHUNK = 1 << 20
_OWN = frozenset(OWN_META) - {"format"}
_LINEAGE = re.compile(r"[0-9a-f]{32}")


class ReplicaSource:
    """Reads a shop for its replicas; a ``Primary``. Thread-safe, while others write the shop."""

    def __init__(self, shop: ShopFolder) -> None:
        self._shop = shop
        # Finding the files of an encoder hashes them; those of one list of models never change.
        self._encoder_files = lru_cache(maxsize=4)(partial(encoder_files, shop))

    def feed(self, since: int, meta_mark: str) -> Feed:
        """See ``Primary.feed``. Raises IndexNotFound before the first build."""
        lineage = self._lineage()
        with Store(self._shop.store) as store, store.read_as(ExportReader) as reader:
            # Read within the view: all rows of the view have an embedding of its encoder, because
            # CURRENT moves within a write transaction that has checked them.
            name = self._shop.current()
            manifest = self._shop.manifest(name)
            changes = reader.log(since, MOST_CHANGES)
            records = None
            if changes is not None:
                changed = dict.fromkeys(entry.item_id for entry in changes)
                records = {item_id: reader.item(item_id) for item_id in changed}
            meta = {name: value for name, value in reader.all_meta().items() if name not in _OWN}
            listed = write_encoders.read(reader)
            sequence = reader.sequence
        mark = hashlib.sha256(repr(sorted(meta.items())).encode()).hexdigest()
        return Feed(
            lineage=lineage,
            generation=name,
            seal=manifest.seal,
            encoder=manifest.encoder,
            weights=manifest.weights_hash,
            base=manifest.changes,
            sequence=sequence,
            changes=changes,
            records=records,
            meta=None if mark == meta_mark else meta,
            meta_mark=mark,
            files={path: _state(file) for path, file in self._files(manifest, listed).items()},
            logs={name: self._last_transaction(name) for name in self._logs()},
        )

    def items(self, after: str) -> ItemPage:
        """See ``Primary.items``."""
        with Store(self._shop.store) as store, store.read() as reader:
            found = list(islice(reader.items(after), _MOST_ITEMS + 1))
        return ItemPage(found[:_MOST_ITEMS], last=len(found) <= _MOST_ITEMS)

    def values(self, keys: Sequence[ValueKey]) -> list[bytes | None]:
        """See ``Primary.values``."""
        found: list[bytes | None] = []
        size = 0
        with Store(self._shop.store) as store, store.read_as(ExportReader) as reader:
            for key in keys:
                value = reader.value(key) if key.database in VALUES else None
                size += len(value or b"")
                if found and size > _MOST_BYTES:
                    break
                found.append(value)
        return found

    def log_names(self, environment: str) -> list[str]:
        """See ``Primary.log_names``."""
        if environment not in self._logs():
            return []
        with self._open_log(environment) as opened:
            return opened.names()

    def log_page(self, environment: str, database: str, after: bytes) -> LogPage:
        """See ``Primary.log_page``."""
        entries: list[tuple[bytes, bytes]] = []
        size = 0
        if environment in self._logs():
            with self._open_log(environment, database) as opened, opened.read() as txn:
                for key, value in txn.entries(database, after + b"\0" if after else b""):
                    size += len(key) + len(value)
                    if entries and size > _MOST_BYTES:
                        return LogPage(entries, last=False)
                    entries.append((key, value))
        return LogPage(entries, last=True)

    def file(self, path: str) -> Iterator[bytes]:
        """See ``Primary.file``."""
        found = self.find_file(path)
        try:
            opened = open_regular(found, links=False)
        except OSError as error:
            raise UnknownFile(f"{path} cannot be read: {error.strerror or error}") from error
        with opened as file:
            while piece := file.read(_CHUNK):
                yield piece

    def find_file(self, path: str) -> Path:
        """Return where a file of the shop is. Raises UnknownFile if replicas do not need it."""
        parts = PurePosixPath(path).parts
        with suppress(VitrineError):
            if len(parts) == 3 and parts[0] == GENERATIONS and parts[1] in self._shop.names():
                names = (*self._shop.manifest(parts[1]).files, MANIFEST)
                if parts[2] in names:
                    return self._shop.generations / parts[1] / parts[2]
            manifest = self._shop.manifest(self._shop.current())
            with Store(self._shop.store) as store, store.read() as reader:
                listed = write_encoders.read(reader)
            if found := self._files(manifest, listed).get(path):
                return found
        raise UnknownFile(f"{path[:200]!r} is not (or no longer) a file of this shop")

    def _files(self, manifest: Manifest, listed: Sequence[Model]) -> dict[str, Path]:
        """Return the files outside of generations, by their path in a shop's folder."""
        found = dict(self._encoder_files(manifest.model, tuple(listed)))
        for name in StyleFolder(self._shop.styles).file_names():
            found[f"{STYLES}/{name}"] = self._shop.styles / name
        for name in (RULES, RANKERS, PICTURE_TEXTS):
            if (self._shop.path / name).is_file():
                found[name] = self._shop.path / name
        return found

    def _logs(self) -> list[str]:
        return [name for name in BESIDE if exists(self._shop.path / name)]

    def _open_log(self, environment: str, *databases: str) -> Environment:
        return Environment(self._shop.path / environment, databases, advice=ADVICE)

    def _last_transaction(self, environment: str) -> int:
        with self._open_log(environment) as opened:
            return opened.last_transaction

    def _lineage(self) -> str:
        """Return the name of this shop's history; a restored shop has no such file yet."""
        path = self._shop.path / LINEAGE
        with suppress(FileNotFoundError):
            found = read_regular(path).decode("ascii", "replace").strip()
            if not _LINEAGE.fullmatch(found):
                raise IndexCorrupt(f"{path} is damaged; delete it, and replicas copy anew")
            return found
        if not self._shop.path.is_dir():
            raise IndexNotFound(f"there is no shop in {self._shop.path}")
        draft = path.with_name(f".{LINEAGE}.{secrets.token_hex(8)}")
        try:
            draft.write_text(secrets.token_hex(16), encoding="ascii")
            with suppress(FileExistsError):  # another process was first
                path.hardlink_to(draft)
        except OSError as error:
            raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            draft.unlink(missing_ok=True)
        return self._lineage()


def _state(path: Path) -> FileState:
    try:
        found = path.stat()
    except OSError:
        return FileState(0, "gone")
    if path.parent.name == ENCODERS:  # named by its content
        return FileState(found.st_size, path.name)
    return FileState(found.st_size, f"{found.st_mtime_ns}-{found.st_ino}")
