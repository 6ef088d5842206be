"""Promote a generation, roll back to an earlier one, or drop one.

Every row of the store must have an embedding of the serving model, because rows that are newer
than the generation are searched beside it. This is checked within the transaction that moves
CURRENT, so that no write can come in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from indexer.errors import Conflict, StoreBusy, StoreFull, VitrineError
from indexer.shop import write_encoders
from indexer.shop.folder import ShopFolder
from indexer.shop.shelf import Shelf
from indexer.store.replica import refuse_replica
from indexer.store.store import Store

if TYPE_CHECKING:
    from indexer.shop.manifest import Manifest


def promote(shop: ShopFolder, name: str, *, fill: Callable[[Manifest], None] | None = None) -> None:
    """Make a generation serve; running services switch within a second.

    If embeddings of its encoder are missing in the store, ``fill`` is called with its manifest to
    add them. Raises Conflict if embeddings are missing otherwise; IndexNotFound; IndexCorrupt.
    """
    _make_serving(shop, name, after=None, fill=fill)


def rollback(
    shop: ShopFolder, to: str | None = None, *, fill: Callable[[Manifest], None] | None = None
) -> str:
    """Make the generation that served before, or ``to``, serve again; return its name.

    Later writes are kept, and searched beside it. Raises what ``promote`` raises; Conflict if no
    intact generation served before.
    """
    served = shop.served()
    if to is None:
        to = _first_intact(shop, served[1:])
    # Remove skipped generations from the history, so that the next rollback goes one further.
    after = served[served.index(to) + 1 :] if to in served else None
    _make_serving(shop, to, after=after, fill=fill)
    return to


def drop(shop: ShopFolder, name: str) -> None:
    """Delete a generation. Dropping the last one of a migration's model ends the migration.

    Raises Conflict if it serves, StoreBusy if it is being read, StoreFull if it cannot be deleted,
    and IndexNotFound.
    """
    refuse_replica(shop.path)
    shelf = Shelf.read(shop)
    if name not in shelf.names:
        raise shop.no_generation(name)
    if shop.current() == name:
        raise Conflict(f"generation {name} of {shop.path} serves; promote another one first")
    if not shop.delete(name):
        if shop.is_held(name):
            raise StoreBusy(f"generation {name} of {shop.path} is being read; try again later")
        raise StoreFull(f"generation {name} of {shop.path} cannot be removed; is it read-only?")
    with Store(shop.store) as store, store.write() as writer:
        # Read again, because a migration may have added a generation of the model meanwhile.
        write_encoders.remove(writer, shelf.models() - Shelf.read(shop).models())


def _make_serving(
    shop: ShopFolder,
    name: str,
    *,
    after: list[str] | None,
    fill: Callable[[Manifest], None] | None,
) -> None:
    refuse_replica(shop.path)
    with shop.hold(name):
        manifest = shop.verify(name)
        with Store(shop.store) as store:
            filled = False
            while (missing := _move_current(shop, store, manifest, name, after)) > 0:
                if fill is None or filled:
                    raise _missing_embeddings(shop, manifest, name, missing)
                # From now on writes are embedded by this model too, so no more rows go missing.
                with store.write() as writer:
                    serving = shop.manifest(shop.current())
                    write_encoders.add(writer, serving.model, manifest.model)
                fill(manifest)
                filled = True


def _move_current(
    shop: ShopFolder, store: Store, manifest: Manifest, name: str, after: list[str] | None
) -> int:
    """Move CURRENT if all pictures have an embedding of its model; return how many lack one."""
    model = manifest.model
    with store.read() as reader:
        missing = sum(1 for _ in write_encoders.unembedded(reader, model))
        next_row = reader.meta("next_row", 0)
    if missing:
        return missing
    with store.write() as writer:
        # Row numbers ascend, so only rows that were added since need to be checked.
        missing = sum(1 for _ in write_encoders.unembedded(writer, model, next_row))
        if not missing:
            # Writers that still serve the previous model embed with this one too. Migrations to
            # other models stay open.
            write_encoders.serve(writer, model)
            shop.make_current(name, after=after)
    return missing


def _missing_embeddings(shop: ShopFolder, manifest: Manifest, name: str, missing: int) -> Conflict:
    return Conflict(
        f"generation {name} is of encoder {manifest.encoder!r}, which has not embedded {missing} "
        f"images of {shop.path}; add --fill to embed them first, or run 'vitrine migrate "
        f"--shop {shop.path} --encoder {manifest.encoder}'",
        param="encoder",
    )


def _first_intact(shop: ShopFolder, names: list[str]) -> str:
    """Return the first intact generation of ``names``. Raises Conflict if there is none."""
    problem = "none has served before"
    on_disk = shop.names()
    for name in (name for name in names if name in on_disk):
        try:
            shop.verify(name)
        except VitrineError as error:
            problem = str(error)
            continue
        return name
    raise Conflict(
        f"{shop.path} has no generation to go back to: {problem}; 'vitrine generations --shop "
        f"{shop.path}' lists what there is"
    )
