"""List the generations of a shop with their state, for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from indexer.errors import IndexCorrupt, IndexNotFound, VitrineError
from indexer.shop.encoderfiles import weights_name
from indexer.shop.manifest import MANIFEST
from indexer.shop.shelf import Shelf

if TYPE_CHECKING:
    from indexer.shop.folder import ShopFolder
    from indexer.shop.manifest import Manifest

State = Literal["current", "candidate", "kept", "damaged"]


class GenerationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A generation and its state; ``problem`` says why it is damaged.

    ``weights`` is the name of the encoder's weights, if they have one: ``builtin`` differs between
    versions. ``served`` is True if CURRENT lists the generation as serving now or before.
    """

    name: str
    state: State
    created: str = ""
    encoder: str = ""
    weights: str = ""
    recipe: str = ""
    items: int = 0
    rows: int = 0
    bytes: int = 0
    served: bool = False
    problem: str = ""


def generations(shop: ShopFolder, *, thorough: bool = False) -> list[GenerationInfo]:
    """Return all generations on disk, newest first. Raises IndexNotFound if nothing was built.

    File sizes are compared with the manifests; ``thorough`` also compares checksums, which reads
    every file.
    """
    shelf = Shelf.read(shop)
    if isinstance(shelf.current_error, IndexNotFound):
        raise shelf.current_error
    return [_info(shelf, name, thorough) for name in reversed(shelf.names)]


def _info(shelf: Shelf, name: str, thorough: bool) -> GenerationInfo:
    try:
        manifest = shelf.manifest(name)
        if thorough:
            shelf.folder.check_files(name, manifest)
        size = _size(shelf.folder, name, manifest)
    except (VitrineError, OSError) as error:
        return GenerationInfo(
            name=name, state="damaged", served=name in shelf.served, problem=str(error)
        )
    return GenerationInfo(
        name=name,
        state=_state(shelf, name),
        created=manifest.created,
        encoder=manifest.encoder,
        weights=weights_name(shelf.folder, manifest.model),
        recipe=manifest.recipe,
        items=manifest.items,
        rows=manifest.rows,
        bytes=size,
        served=name in shelf.served,
    )


def _state(shelf: Shelf, name: str) -> State:
    if name == shelf.current:
        return "current"
    return "candidate" if shelf.is_candidate(name) else "kept"


def _size(folder: ShopFolder, name: str, manifest: Manifest) -> int:
    """Return the bytes of all files; IndexCorrupt if one has another size than in the manifest."""
    path = folder.generations / name
    for file, expected in manifest.files.items():
        if (path / file).stat().st_size != expected.bytes:
            raise IndexCorrupt(f"{path / file} does not have {expected.bytes} bytes")
    return (
        sum(record.bytes for record in manifest.files.values()) + (path / MANIFEST).stat().st_size
    )
