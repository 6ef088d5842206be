"""The files of a shop's own encoders, kept in its folder, so that it needs them nowhere else.

    shop/encoders/<weights hash>.onnx     a copy of the file that the id ``onnx:FILE`` names
    shop/encoders/<weights hash>.json     a copy of what stands beside it

The name is the hash that the encoder goes by in manifests. So a copy is found by what it must
hold, wherever the shop has been moved to and whatever became of FILE, and it is hashed before the
runtime reads it. ``builtin`` is kept in the same way, for a later version of Vitrine brings other
weights under that id; a shop without a copy finds its weights among those that come with Vitrine.
Other encoders have no such files: ``color`` has no weights, weights from a hub are downloaded
again, and checkpoints of torch stay where their id says.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders import registry
from indexer.encoders.base import Model
from indexer.encoders.bundled import BUILTIN, bundled_file, is_builtin
from indexer.encoders.onnxfile import OnnxEncoder, hash_pair, read_side
from indexer.encoders.views import ViewsEncoder, hash_views, split_views
from indexer.errors import EncoderNotFound, StoreFull
from indexer.shop.folder import sync

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.encoders.base import Encoder
    from indexer.shop.folder import ShopFolder

logger = logging.getLogger("vitrine.indexer")

SUFFIXES = (".json", ".onnx")  # the one that a copy is found by comes last
_FILE = "onnx:"
_OURS = re.compile(r"[0-9a-f]{64}\.(json|onnx)|\.[0-9]+\.(json|onnx)")  # copies, and their drafts


def open_encoder(shop: ShopFolder, model: Model, *, threads: int | None = None) -> Encoder:
    """Open the encoder of a model, from the shop's own copy where it has files.

    Where there is no copy, or it was changed, FILE itself is opened if it is still the same.
    ``builtin`` has the weights of this hash, also where Vitrine brings newer ones by now.
    Encoders without such files are loaded by their id, whatever weights they have now. Raises
    EncoderNotFound, and then says of each file what is wrong with it.
    """
    path = encoder_file(shop, model)
    if path is None:
        return registry.load_encoder(model.id, threads=threads)
    plain, views = split_views(model.id)
    inner = OnnxEncoder(path, encoder_id=plain, threads=threads)
    return ViewsEncoder(inner, views) if views else inner


def encoder_file(shop: ShopFolder, model: Model) -> Path | None:
    """Return the ONNX file of a model, its JSON beside it: the shop's copy, or the original.

    None for encoders without such files; EncoderNotFound when neither is there and whole.
    """
    if not _has_files(model.id):
        return None
    path, faults = _search(shop, model)
    if path is None:
        raise EncoderNotFound(_lacks(shop, model, faults), param="encoder")
    for fault in faults:
        logger.warning("%s; %s is the same as it was, and is used", fault, path)
    return path


def weights_name(shop: ShopFolder, model: Model) -> str:
    """Return the name that the JSON beside the weights gives them, such as ``vitrine-retail-4``.

    Empty for encoders without such files, and where the file is gone or nameless.
    """
    with suppress(EncoderNotFound):
        path = encoder_file(shop, model)
        return read_side(path).name if path else ""
    return ""


def copy_encoder_files(shop: ShopFolder, encoder: Encoder) -> None:
    """Copy the files of an encoder into the shop, unless it has none or they are there and whole.

    Both copies are on disk when it returns. Call it with the shop's job lock held. Raises
    EncoderNotFound when they changed since the encoder was loaded, or do not run by themselves;
    StoreFull.
    """
    if not _has_files(encoder.id):
        return
    model, views = Model.of(encoder), split_views(encoder.id)[1]
    kept = _kept(shop, model)
    if kept is not None and not _fault(kept, model):
        return
    original = _original(model)
    if original is None:
        raise EncoderNotFound(_lacks(shop, model, []), param="encoder")
    draft = shop.encoders / f".{os.getpid()}.onnx"
    try:
        shop.encoders.mkdir(exist_ok=True)
        for source in (original, original.with_suffix(".json")):
            copy = draft if source == original else draft.with_suffix(".json")
            shutil.copyfile(source, copy)
            sync(copy)
        found = hash_pair(draft)
        if hash_views(found, views) != encoder.weights_hash:
            raise EncoderNotFound(
                f"{original} was changed while it was in use: it was loaded with the SHA-256 "
                f"{encoder.weights_hash[:12]} and now has {hash_views(found, views)[:12]}; run "
                "the command again"
            )
        if not is_builtin(encoder.id):
            _check_alone(draft, original)
        for suffix in SUFFIXES:
            draft.with_suffix(suffix).replace(shop.encoders / f"{found}{suffix}")
        sync(shop.encoders)
        sync(shop.path)
    except OSError as error:
        raise StoreFull(f"cannot keep a copy of {original} in {shop.encoders}: {error}") from error
    finally:
        for suffix in SUFFIXES:
            draft.with_suffix(suffix).unlink(missing_ok=True)


def delete_encoder_files(shop: ShopFolder, needed: Iterable[Model]) -> int:
    """Delete the copies of all encoders but those of these models; return how many files.

    Call it with the shop's job lock held.
    """
    kept = [_kept(shop, model) for model in needed]
    used = {path.stem for path in kept if path is not None}
    deleted = 0
    for path in _files(shop):
        if path.stem not in used:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted


def encoder_faults(shop: ShopFolder, needed: Iterable[Model]) -> list[str]:
    """Return what is wrong with the copies that these models have, or that they lack."""
    found: list[str] = []
    for model in sorted(set(needed)):
        if not _has_files(model.id):
            continue
        path, faults = _search(shop, model)
        if path is None:
            found.append(_lacks(shop, model, faults))
        elif (kept := _kept(shop, model)) is not None:
            fault = _fault(kept, model)
            found += [fault] if fault else []
    return found


def _has_files(encoder_id: str) -> bool:
    return encoder_id.startswith(_FILE) or is_builtin(encoder_id)


def _original(model: Model) -> Path | None:
    """The file that a copy is made of; None where Vitrine brings no such weights of builtin."""
    plain, views = split_views(model.id)
    if plain == BUILTIN:
        return bundled_file(model.weights_hash, views)
    return Path(plain.removeprefix(_FILE))


def _search(shop: ShopFolder, model: Model) -> tuple[Path | None, list[str]]:
    """The first whole file, if any, and what is wrong with those before it."""
    faults: list[str] = []
    kept, original = _kept(shop, model), _original(model)
    # What comes with Vitrine was found by its hash: a copy that was changed need not be looked at.
    places = (original, kept) if is_builtin(model.id) else (kept, original)
    for path in places:
        if path is None:
            continue
        fault = _fault(path, model)
        if not fault:
            return path, faults
        faults.append(fault)
    return None, faults


def _fault(path: Path, model: Model) -> str:
    """Why this file and its JSON are not those of the encoder; empty when they are."""
    try:
        found = hash_views(hash_pair(path), split_views(model.id)[1])
    except EncoderNotFound as error:
        return str(error)
    if found == model.weights_hash:
        return ""
    return f"{path} was changed: its SHA-256 is {found[:12]}, expected {model.weights_hash[:12]}"


def _lacks(shop: ShopFolder, model: Model, faults: list[str]) -> str:
    wrong, way_out = ", and ".join(faults), "put the file back"
    if is_builtin(model.id):
        wrong = wrong or "neither this version of Vitrine nor the shop has a file of it"
        way_out = "use the version of Vitrine that built it"
    return (
        f"{shop.path} needs encoder {model.id!r} as it was, with the SHA-256 "
        f"{model.weights_hash[:12]}, but {wrong}; {way_out}, restore a snapshot, or change the "
        f"encoder with 'vitrine migrate --shop {shop.path} --encoder ID'"
    )


def _kept(shop: ShopFolder, model: Model) -> Path | None:
    """The copy of an encoder, by its name alone; None when there is none."""
    views = split_views(model.id)[1]
    for path in _files(shop):
        if path.suffix == ".onnx" and hash_views(path.stem, views) == model.weights_hash:
            return path
    return None


def _files(shop: ShopFolder) -> list[Path]:
    """Copies and their drafts; what somebody else put beside them is left alone."""
    if not shop.encoders.is_dir():
        return []
    return [path for path in shop.encoders.iterdir() if _OURS.fullmatch(path.name)]


def _check_alone(copy: Path, original: Path) -> None:
    """EncoderNotFound unless the copy runs: weights outside the file would be neither kept nor
    hashed.
    """
    try:
        OnnxEncoder(copy, encoder_id=f"{_FILE}{original}", threads=1)
    except EncoderNotFound as error:
        raise EncoderNotFound(
            f"{original} does not run without other files beside it, which a shop cannot keep; "
            f"export it with its weights inside ({error})"
        ) from error
