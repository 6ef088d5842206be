"""The shelf: all generations of a shop as they were when it was read, and which of them serves."""

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
        """The model whose vectors its index holds."""
        return self.manifest.model


@dataclass(frozen=True)
class Shelf:
    """What CURRENT and all manifests of a shop said when they were read, once.

    A job reads it when it begins and hands it down. An operator may promote or drop a generation
    meanwhile, so a job that moves CURRENT compares it with ``ShopFolder.current`` within its write
    transaction. While the job lock is held, only the job itself adds generations, so the manifests
    never have to be read again.

    ``served`` is what CURRENT lists, () where ``current_error`` says why it cannot be read.
    ``manifests`` and ``damaged`` (name -> what is wrong) are in the order of ``names``.
    """

    folder: ShopFolder
    names: tuple[str, ...]  # oldest first
    served: tuple[str, ...]
    current_error: IndexNotFound | IndexCorrupt | None
    manifests: Mapping[str, Manifest]
    damaged: Mapping[str, VitrineError]

    @classmethod
    def read(cls, folder: ShopFolder) -> Shelf:
        """Read CURRENT and each manifest once; damage is noted, and nothing is raised."""
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
        """Return this shelf with what CURRENT lists now; no manifest is read again."""
        served, error = _read_current(self.folder)
        return replace(self, served=served, current_error=error)

    def with_added(self, generation: Generation) -> Shelf:
        """Return this shelf with a generation that its holder has written."""
        name, manifest = generation
        return replace(
            self,
            names=(*self.names, name),
            manifests={**self.manifests, name: manifest},
        )

    def without(self, names: Collection[str]) -> Shelf:
        """Return this shelf without the generations that its holder has deleted."""
        return replace(
            self,
            names=tuple(name for name in self.names if name not in names),
            manifests={name: found for name, found in self.manifests.items() if name not in names},
            damaged={name: error for name, error in self.damaged.items() if name not in names},
        )

    @property
    def current(self) -> str | None:
        """The name that CURRENT gives; None where it is damaged or missing."""
        return self.served[0] if self.served else None

    def current_generation(self) -> Generation:
        """Return the generation that CURRENT names.

        Raises why CURRENT cannot be read (IndexNotFound, IndexCorrupt), or its manifest (also
        IndexMismatch).
        """
        if self.current_error is not None:
            raise self.current_error
        return Generation(self.served[0], self.manifest(self.served[0]))

    def serving(self) -> Generation | None:
        """Return the first readable generation of the serving order, else the newest readable one.

        None when nothing was built here, or nothing of it can be read. IndexMismatch where one of
        another format comes first.
        """
        order: list[str] = []
        with suppress(IndexNotFound, IndexCorrupt):
            order = self.serving_order()
        with suppress(IndexNotFound, IndexCorrupt):
            return self.first_readable(list(dict.fromkeys([*order, *reversed(self.names)])))
        return None

    def serving_order(self) -> list[str]:
        """Return the generations that may serve: CURRENT, then those before it, latest first.

        After a rollback none that is newer than CURRENT. Where CURRENT is damaged or missing, a
        warning is logged, and the generations of the model that the store names as serving come
        first, newest first, then the others. IndexNotFound when nothing was built here,
        IndexCorrupt when nothing is left of it.
        """
        if self.current_error is not None:
            if isinstance(self.current_error, IndexNotFound) or not self.names:
                raise self.current_error
            logger.warning("%s; the newest whole generation serves instead", self.current_error)
            return self._order_without_current()
        before = [name for name in self.served[1:] if name in self.names]
        older = [
            name for name in reversed(self.names) if name < self.served[0] and name not in before
        ]
        return [self.served[0], *before, *older]

    def first_readable(self, names: Sequence[str]) -> Generation:
        """Return the first of these generations whose manifest can be read.

        If there is none, raises what is wrong with the first: IndexCorrupt or IndexNotFound.
        IndexMismatch where one of another format comes first.
        """
        first_error: IndexCorrupt | IndexNotFound | None = None
        for name in names:
            try:
                return Generation(name, self.manifest(name))
            except (IndexCorrupt, IndexNotFound) as error:
                first_error = first_error or error
        raise first_error or IndexNotFound(f"{self.folder.path} has no generation")

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a generation. IndexNotFound, IndexCorrupt or IndexMismatch."""
        if name in self.damaged:
            raise self.damaged[name]
        if name not in self.manifests:
            raise self.folder.no_generation(name)
        return self.manifests[name]

    def is_candidate(self, name: str) -> bool:
        """Return whether a generation still waits to be promoted or dropped."""
        manifest = self.manifests.get(name)
        return manifest is not None and manifest.candidate and name not in self.served

    def candidates(self) -> list[Generation]:
        """Return the generations that wait to be promoted or dropped, oldest first."""
        return [
            Generation(name, manifest)
            for name, manifest in self.manifests.items()
            if self.is_candidate(name)
        ]

    def models(self) -> frozenset[Model]:
        """Return the models of all generations whose manifest can be read."""
        return frozenset(manifest.model for manifest in self.manifests.values())

    def dim(self, model: Model) -> int | None:
        """Return how many numbers a vector of this model has; None where no generation tells."""
        dims = (manifest.dim for manifest in self.manifests.values() if manifest.model == model)
        return next(dims, None)

    @property
    def is_readable(self) -> bool:
        """Whether there is a generation, and every manifest can be read.

        Where not, the models in use are not known: a first build may be under way.
        """
        return bool(self.names) and not self.damaged

    def _order_without_current(self) -> list[str]:
        """All generations, those of the serving model first: a newer one may be a candidate.

        The store lists the serving model first among its encoders, or lists none where there was
        never more than one.
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
        return sorted(newest_first, key=is_of_another_model)  # keeps that order within each kind


def _read_current(
    folder: ShopFolder,
) -> tuple[tuple[str, ...], IndexNotFound | IndexCorrupt | None]:
    try:
        return tuple(folder.served()), None
    except (IndexNotFound, IndexCorrupt) as error:
        return (), error
