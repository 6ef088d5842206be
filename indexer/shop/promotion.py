"""Which generation serves: the list of them, promoting one, going back, dropping one.

Every row of the store must have an embedding by the encoder of the generation that serves,
for what is newer than the generation is searched beside it. So that is looked at, within the
transaction that moves CURRENT: no write comes between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import msgspec

from indexer.shop.encoderfiles import weights_name
from indexer.errors import (
    Conflict,
    IndexCorrupt,
    IndexNotFound,
    StoreBusy,
    StoreFull,
    VitrineError,
)
from indexer.shop.generation import MANIFEST, ShopFolder
from indexer.store.store import Store, encoder_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.shop.generation import Manifest
    from indexer.store.store import Reader, Row, Writer

ENCODERS = "encoders"  # in the store's meta: who embeds every write, as [id, weights hash] each
State = Literal["current", "candidate", "kept", "damaged"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A generation and what it is to the shop; ``problem`` says why it is damaged.

    ``weights`` is the name of the encoder's weights where they have one: ``builtin`` has others in
    each version. ``served`` tells whether it has ever been current, as far as CURRENT remembers.
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


def generations(shop: ShopFolder, *, thorough: bool = False) -> list[Standing]:
    """All generations on disk, newest first. IndexNotFound when nothing was built here.

    Sizes are compared with the manifests; ``thorough`` compares checksums too, which reads
    every file.
    """
    try:
        served = shop.served()
    except IndexCorrupt:
        served = []
    return [_standing(shop, name, served, thorough) for name in reversed(shop.names())]


def promote(shop: ShopFolder, name: str, *, fill: Callable[[Manifest], None] | None = None) -> None:
    """Make a generation the serving one; services follow within a second.

    ``fill`` is called with its manifest when the store lacks embeddings by its encoder, to
    bring them in. IndexNotFound, IndexCorrupt; Conflict when embeddings are lacking.
    """
    _install(shop, name, after=None, fill=fill)


def rollback(
    shop: ShopFolder, to: str | None = None, *, fill: Callable[[Manifest], None] | None = None
) -> str:
    """Go back to what served before, or to the generation ``to``; returns its name.

    What was written since is kept, and searched beside it. Raises as ``promote`` does;
    IndexNotFound when nothing whole has served before.
    """
    served = shop.served()
    if to is None:
        to = _before(shop, served[1:])
    # What is gone back over is forgotten, so that a second rollback goes further back.
    after = served[served.index(to) + 1 :] if to in served else None
    _install(shop, to, after=after, fill=fill)
    return to


def drop(shop: ShopFolder, name: str) -> None:
    """Remove a generation.

    Conflict when it serves, StoreBusy when somebody reads it; StoreFull, IndexNotFound.

    Dropping the last one of a model that a migration was under way to ends the migration.
    """
    if name not in shop.names():
        raise shop.unknown(name)
    before = encoders_on_disk(shop)
    if shop.current() == name:
        raise Conflict(f"generation {name} of {shop.path} serves; promote another one first")
    if not shop.remove(name):
        if shop.is_read(name):
            raise StoreBusy(f"generation {name} of {shop.path} is being read; try again later")
        raise StoreFull(
            f"generation {name} of {shop.path} cannot be removed: is it read-only here?"
        )
    gone = before - encoders_on_disk(shop)
    store = Store(shop.store)
    try:
        with store.write() as writer:
            writer.put_meta(ENCODERS, [one for one in wanted_encoders(writer) if one not in gone])
    finally:
        store.close()


def encoders_on_disk(shop: ShopFolder) -> set[tuple[str, str]]:
    """The (id, weights hash) of every generation whose manifest can be read."""
    found: set[tuple[str, str]] = set()
    for name in shop.names():
        try:
            manifest = shop.manifest(name)
        except VitrineError:
            continue
        found.add((manifest.encoder, manifest.weights_hash))
    return found


def wanted_encoders(reader: Reader) -> list[tuple[str, str]]:
    """The (id, weights hash) of those that every write must be embedded by, the serving one first.

    Empty where it is only that one.
    """
    pairs: list[list[str]] = reader.meta(ENCODERS, [])
    return [(name, weights) for name, weights in pairs]


def announce(writer: Writer, *encoders: tuple[str, str]) -> None:
    """Have every write from now on embedded by these (id, weights hash), besides those so far."""
    writer.put_meta(ENCODERS, list(dict.fromkeys([*wanted_encoders(writer), *encoders])))


def serve_alone(writer: Writer, serving: tuple[str, str]) -> list[tuple[str, str]]:
    """Have writes embedded by the serving encoder only; returns the others that did so far."""
    others = [one for one in wanted_encoders(writer) if one != serving]
    writer.put_meta(ENCODERS, [serving])
    return others


def hand_over(writer: Writer, before: tuple[str, str], now: tuple[str, str]) -> None:
    """Have writes embedded by the new weights of an encoder, and no more by those before.

    Also by those who serve the old ones for a moment yet.
    """
    others = [one for one in wanted_encoders(writer) if one not in (before, now)]
    writer.put_meta(ENCODERS, [now, *others])


def lacking(reader: Reader, encoder: bytes, start: int = 0, *, lost: bool = False) -> Iterator[Row]:
    """The rows from ``start`` on that this encoder has not embedded, one of each picture.

    Not those whose picture it has found to be lost, unless these are asked for too.
    """
    seen: set[tuple[bytes, str]] = set()
    for _, row in reader.rows(start):
        one = (row.content, row.variant)
        if one in seen:
            continue
        seen.add(one)
        if reader.has_embedding(encoder, *one):
            continue
        if lost or not reader.is_lost(encoder, *one):
            yield row


def _install(
    shop: ShopFolder,
    name: str,
    *,
    after: list[str] | None,
    fill: Callable[[Manifest], None] | None,
) -> None:
    with shop.hold(name):
        manifest = shop.verify(name)
        store = Store(shop.store)
        try:
            announced = False
            while (missing := _moved(shop, store, manifest, name, after)) > 0:
                if fill is None or announced:
                    raise _lacks(shop, manifest, name, missing)
                # Whoever writes from now on embeds by this model too: nothing lacks a second time.
                serving = shop.manifest(shop.current())
                with store.write() as writer:
                    for one in (serving, manifest):
                        announce(writer, (one.encoder, one.weights_hash))
                announced = True
                fill(manifest)
        finally:
            store.close()


def _moved(
    shop: ShopFolder, store: Store, manifest: Manifest, name: str, after: list[str] | None
) -> int:
    """Move CURRENT, unless pictures lack an embedding by this model: how many."""
    key = encoder_key(manifest.encoder, manifest.weights_hash)
    with store.read() as reader:
        missing, looked_at = sum(1 for _ in lacking(reader, key)), reader.meta("next_row", 0)
    if missing:
        return missing
    with store.write() as writer:
        # Rows get rising numbers: those that came since the look above, and no others.
        missing = sum(1 for _ in lacking(writer, key, looked_at))
        if not missing:
            # Also for writers that still serve the other model for a moment. That one ends, but
            # not a migration that is under way to a third model, or to another from this one.
            ours = (manifest.encoder, manifest.weights_hash)
            others = [one for one in wanted_encoders(writer)[1:] if one != ours]
            writer.put_meta(ENCODERS, [ours, *others])
            shop.make_current(name, after=after)
    return missing


def _lacks(shop: ShopFolder, manifest: Manifest, name: str, missing: int) -> Conflict:
    return Conflict(
        f"generation {name} is of encoder {manifest.encoder!r}, which has not embedded {missing} "
        f"images of {shop.path}; add --fill to have that done first, or run 'vitrine migrate "
        f"--shop {shop.path} --encoder {manifest.encoder}'",
        param="encoder",
    )


def _before(shop: ShopFolder, served: list[str]) -> str:
    """The first of these that is whole."""
    problem = "none has served before"
    for name in (one for one in served if one in shop.names()):
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


def _standing(shop: ShopFolder, name: str, served: list[str], thorough: bool) -> Standing:
    folder = shop.generations / name
    try:
        manifest = shop.verify(name) if thorough else shop.manifest(name)
        for file, expected in manifest.files.items():
            if (folder / file).stat().st_size != expected.bytes:
                raise IndexCorrupt(f"{folder / file} is not of {expected.bytes} bytes")
    except (VitrineError, OSError) as error:
        return Standing(name=name, state="damaged", served=name in served, problem=str(error))
    state: State = "kept"
    if served and served[0] == name:
        state = "current"
    elif manifest.candidate and name not in served:
        state = "candidate"
    return Standing(
        name=name,
        state=state,
        created=manifest.created,
        encoder=manifest.encoder,
        weights=weights_name(shop, manifest.encoder, manifest.weights_hash),
        recipe=manifest.recipe,
        items=manifest.items,
        rows=manifest.rows,
        bytes=sum(one.bytes for one in manifest.files.values())
        + (folder / MANIFEST).stat().st_size,
        served=name in served,
    )
