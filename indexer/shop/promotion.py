"""Moving CURRENT by hand: promoting a generation, going back to an earlier one, dropping one.

Every row of the store must have an embedding by the model of the generation that serves,
for what is newer than the generation is searched beside it. That is checked within the
transaction that moves CURRENT, so that no write comes between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from indexer.errors import Conflict, IndexNotFound, StoreBusy, StoreFull, VitrineError
from indexer.shop import write_encoders
from indexer.shop.folder import ShopFolder
from indexer.shop.shelf import Shelf
from indexer.store.store import Store

if TYPE_CHECKING:
    from indexer.shop.manifest import Manifest


def promote(shop: ShopFolder, name: str, *, fill: Callable[[Manifest], None] | None = None) -> None:
    """Make a generation the serving one; services follow within a second.

    ``fill`` is called with its manifest when the store lacks embeddings by its encoder, to
    bring them in. IndexNotFound, IndexCorrupt; Conflict when embeddings are lacking.
    """
    _install(shop, name, after=None, fill=fill)


def rollback(
    shop: ShopFolder, to: str | None = None, *, fill: Callable[[Manifest], None] | None = None
) -> str:
    """Go back to what served before, or to the generation ``to``; return its name.

    What was written since is kept, and searched beside it. Raises as ``promote`` does;
    IndexNotFound when nothing whole has served before.
    """
    served = shop.served()
    if to is None:
        to = _first_whole(shop, served[1:])
    # Drop the generations we skipped from the history, so the next rollback goes one further.
    after = served[served.index(to) + 1 :] if to in served else None
    _install(shop, to, after=after, fill=fill)
    return to


def drop(shop: ShopFolder, name: str) -> None:
    """Delete a generation.

    Conflict when it serves, StoreBusy when it is being read; StoreFull, IndexNotFound.

    Dropping the last one of a model that a migration was under way to ends the migration.
    """
    shelf = Shelf.read(shop)
    if name not in shelf.names:
        raise shop.no_generation(name)
    if shop.current() == name:
        raise Conflict(f"generation {name} of {shop.path} serves; promote another one first")
    if not shop.delete(name):
        if shop.is_held(name):
            raise StoreBusy(f"generation {name} of {shop.path} is being read; try again later")
        raise StoreFull(
            f"generation {name} of {shop.path} cannot be removed: is it read-only here?"
        )
    with Store(shop.store) as store, store.write() as writer:
        # Read again: a migration may have added a generation of the same model meanwhile.
        write_encoders.remove(writer, shelf.models() - Shelf.read(shop).models())


def _install(
    shop: ShopFolder,
    name: str,
    *,
    after: list[str] | None,
    fill: Callable[[Manifest], None] | None,
) -> None:
    with shop.hold(name):
        manifest = shop.verify(name)
        with Store(shop.store) as store:
            filled = False
            while (missing := _move(shop, store, manifest, name, after)) > 0:
                if fill is None or filled:
                    raise _lacks(shop, manifest, name, missing)
                # Every write from now on is embedded by this model too: nothing lacks again.
                with store.write() as writer:
                    serving = shop.manifest(shop.current())
                    write_encoders.add(writer, serving.model, manifest.model)
                fill(manifest)
                filled = True


def _move(
    shop: ShopFolder, store: Store, manifest: Manifest, name: str, after: list[str] | None
) -> int:
    """Move CURRENT, unless pictures lack an embedding by this model; return how many do."""
    model = manifest.model
    with store.read() as reader:
        missing = sum(1 for _ in write_encoders.unembedded(reader, model))
        next_row = reader.meta("next_row", 0)
    if missing:
        return missing
    with store.write() as writer:
        # Rows get rising numbers: look at those that were added since, and no others.
        missing = sum(1 for _ in write_encoders.unembedded(writer, model, next_row))
        if not missing:
            # Also for writers that still serve the other model for a moment. That one ends, but
            # not a migration that is under way to a third model, or to another from this one.
            write_encoders.serve(writer, model)
            shop.make_current(name, after=after)
    return missing


def _lacks(shop: ShopFolder, manifest: Manifest, name: str, missing: int) -> Conflict:
    return Conflict(
        f"generation {name} is of encoder {manifest.encoder!r}, which has not embedded {missing} "
        f"images of {shop.path}; add --fill to have that done first, or run 'vitrine migrate "
        f"--shop {shop.path} --encoder {manifest.encoder}'",
        param="encoder",
    )


def _first_whole(shop: ShopFolder, names: list[str]) -> str:
    """Return the first of these generations that is whole. IndexNotFound where none is."""
    problem = "none has served before"
    on_disk = shop.names()
    for name in (name for name in names if name in on_disk):
        try:
            shop.verify(name)
        except VitrineError as error:
            problem = str(error)
            continue
        return name
    raise IndexNotFound(
        f"{shop.path} has no generation to go back to: {problem}; 'vitrine generations --shop "
        f"{shop.path}' lists what there is"
    )
