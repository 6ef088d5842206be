"""The shelf: all generations of a shop, read once, and which of them serves."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from indexer.errors import IndexCorrupt, IndexNotFound, VitrineError
from indexer.shop import write_encoders
from indexer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from indexer.encoders.base import Model
    from indexer.shop.folder import ShopFolder
    from indexer.shop.manifest import Manifest

logger = logging.getLogger("vitrine.indexer")


class Generation(NamedTuple):
    """The name of a generation, and its manifest."""

    name: str
    manifest: Manifest

    @property
    def model(self) -> Model:
        """The model of the vectors in the index."""
        return self.manifest.model


@dataclass(frozen=True)
class Shelf:
    """The content of CURRENT and of all manifests of a shop, as of one read.

    A job reads it once at the start and passes it on. An operator may promote or drop a generation
    meanwhile, so a job that moves CURRENT compares it with ``ShopFolder.current`` within its write
    transaction. Only the holder of the job lock adds generations, so a job need not read the
    manifests again.

    ``served`` is the list in CURRENT; if it cannot be read, ``served`` is () and ``current_error``
    says why. ``manifests``, and ``damaged`` with the error of each damaged manifest, are in the
    order of ``names``.
    """

    folder: ShopFolder
    names: tuple[str, ...]  # oldest first
    served: tuple[str, ...]
    current_error: IndexNotFound | IndexCorrupt | None
    manifests: Mapping[str, Manifest]
    damaged: Mapping[str, VitrineError]

    @classmethod
    def read(cls, folder: ShopFolder) -> Shelf:
        """Read CURRENT and each manifest once. Damage is recorded, never raised."""
        served, error = _read_current(folder)
        manifests: dict[str, Manifest] = {}
        damaged: dict[str, VitrineError] = {}
        for name in folder.names():
            try:
                manifests[name] = folder.manifest(name)
            except IndexNotFound:
                continue  # deleted since it was listed
            except VitrineError as why:
                damaged[name] = why
        names = tuple(sorted([*manifests, *damaged]))
        return cls(folder, names, served, error, manifests, damaged)

    def with_current(self) -> Shelf:
        """Return this shelf with the present content of CURRENT, and the same manifests."""
        served, error = _read_current(self.folder)
        return replace(self, served=served, current_error=error)

    def with_added(self, generation: Generation) -> Shelf:
        """Return this shelf with a generation that the job has added."""
        name, manifest = generation
        return replace(
            self,
            names=(*self.names, name),
            manifests={**self.manifests, name: manifest},
        )

    def without(self, names: Collection[str]) -> Shelf:
        """Return this shelf without generations that the job has deleted."""
        return replace(
            self,
            names=tuple(name for name in self.names if name not in names),
            manifests={name: found for name, found in self.manifests.items() if name not in names},
            damaged={name: error for name, error in self.damaged.items() if name not in names},
        )

    @property
    def current(self) -> str | None:
        """The name of the current generation; None if CURRENT is damaged or missing."""
        return self.served[0] if self.served else None

    def current_generation(self) -> Generation:
        """Return the current generation.

        Raises IndexNotFound, IndexCorrupt or IndexMismatch if CURRENT or the manifest cannot be
        read.
        """
        if self.current_error is not None:
            raise self.current_error
        return Generation(self.served[0], self.manifest(self.served[0]))

    def serving(self) -> Generation | None:
        """Return the first readable generation of the serving order, else the newest readable one.

        None if there is no readable generation. Raises IndexMismatch if one of another format comes
        first.
        """
        order: list[str] = []
        with suppress(IndexNotFound, IndexCorrupt):
            order = self.serving_order()
        with suppress(IndexNotFound, IndexCorrupt):
            return self.first_readable(list(dict.fromkeys([*order, *reversed(self.names)])))
        return None

    def serving_order(self) -> list[str]:
        """Return the generations that may serve: the current one, then older ones, latest first.

        Generations newer than the current one are left out, so a rollback stays in effect. If
        CURRENT is damaged or missing, log a warning and return all, newest first, beginning with
        those of the serving model in the store. Raises IndexNotFound if nothing was built;
        IndexCorrupt if all generations are gone.
        """
        if self.current_error is not None:
            if isinstance(self.current_error, IndexNotFound) or not self.names:
                raise self.current_error
            logger.warning("%s; the newest intact generation serves instead", self.current_error)
            return self._order_without_current()
        before = [name for name in self.served[1:] if name in self.names]
        older = [
            name for name in reversed(self.names) if name < self.served[0] and name not in before
        ]
        return [self.served[0], *before, *older]

    def first_readable(self, names: Sequence[str]) -> Generation:
        """Return the first of these generations whose manifest can be read.

        If there is none, raise the error of the first one: IndexCorrupt or IndexNotFound. Raises
        IndexMismatch at once for a manifest of another format.
        """
        first_error: IndexCorrupt | IndexNotFound | None = None
        for name in names:
            try:
                return Generation(name, self.manifest(name))
            except (IndexCorrupt, IndexNotFound) as error:
                first_error = first_error or error
        raise first_error or IndexNotFound(f"{self.folder.path} has no generation")

    def manifest(self, name: str) -> Manifest:
        """Return a generation's manifest. Raises IndexNotFound, IndexCorrupt or IndexMismatch."""
        if name in self.damaged:
            raise self.damaged[name]
        if name not in self.manifests:
            raise self.folder.no_generation(name)
        return self.manifests[name]

    def is_candidate(self, name: str) -> bool:
        """Return True if this is a candidate generation: not yet promoted or dropped."""
        manifest = self.manifests.get(name)
        return manifest is not None and manifest.candidate and name not in self.served

    def candidates(self) -> list[Generation]:
        """Return the candidate generations, oldest first."""
        return [
            Generation(name, manifest)
            for name, manifest in self.manifests.items()
            if self.is_candidate(name)
        ]

    def models(self) -> frozenset[Model]:
        """Return the models of all generations with a readable manifest."""
        return frozenset(manifest.model for manifest in self.manifests.values())

    def dim(self, model: Model) -> int | None:
        """Return the length of a vector of this model; None if no generation has this model."""
        dims = (manifest.dim for manifest in self.manifests.values() if manifest.model == model)
        return next(dims, None)

    @property
    def is_readable(self) -> bool:
        """True if there are generations and all manifests can be read.

        Otherwise the models in use are unknown: a first build may be running.
        """
        return bool(self.names) and not self.damaged

    def _order_without_current(self) -> list[str]:
        """Return all generations, newest first, beginning with those of the serving model.

        The newest one may be a candidate of another model. The store lists the serving model first;
        it lists none if there was never more than one.
        """
        first: Model | None = None
        with (
            suppress(VitrineError),
            Store(self.folder.store) as store,
            store.read() as reader,
        ):
            first = next(iter(write_encoders.read(reader)), None)

        def is_of_another_model(name: str) -> bool:
            if name not in self.manifests:
                return True
            return first is not None and self.manifests[name].model != first

        newest_first = self.names[::-1]
        return sorted(newest_first, key=is_of_another_model)  # stable: newest first in both groups


def _read_current(
    folder: ShopFolder,
) -> tuple[tuple[str, ...], IndexNotFound | IndexCorrupt | None]:
    try:
        return tuple(folder.served()), None
    except (IndexNotFound, IndexCorrupt) as error:
        return (), error
