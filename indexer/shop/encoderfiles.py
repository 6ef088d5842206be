"""Copies of encoder files in the shop's folder, so that the shop does not depend on other files.

    shop/encoders/<weights hash>.onnx     a copy of the file that the id ``onnx:FILE`` names
    shop/encoders/<weights hash>.json     a copy of the JSON file beside it

The name is the weights hash in the manifest. So a copy is found even if the shop was moved or FILE
was changed, and its content is checked before the runtime reads it. ``builtin`` is copied too,
because another version of Vitrine has other weights under that id; without a copy, the shop uses
the bundled weights with its hash. Other encoders have no such files: ``color`` has no weights,
weights from a hub are downloaded again, and torch checkpoints stay where their id says.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.durable import sync
from indexer.encoders import registry
from indexer.encoders.base import Model
from indexer.encoders.bundled import BUILTIN, bundled_file, is_builtin
from indexer.encoders.onnxfile import OnnxEncoder, hash_pair, read_encoder_settings
from indexer.encoders.views import ViewsEncoder, hash_views, split_views
from indexer.errors import EncoderNotFound, StoreFull

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.encoders.base import Encoder
    from indexer.shop.folder import ShopFolder

logger = logging.getLogger("vitrine.indexer")

SUFFIXES = (".json", ".onnx")  # .onnx last: a copy counts once its .onnx exists
_FILE = "onnx:"
_OURS = re.compile(r"[0-9a-f]{64}\.(json|onnx)|\.[0-9]+\.(json|onnx)")  # copies and drafts


def open_encoder(shop: ShopFolder, model: Model, *, threads: int | None = None) -> Encoder:
    """Open the encoder of a model, from the shop's copy if it has files.

    If the copy is missing or changed, the original is opened if it is unchanged. ``builtin`` gets
    the weights with this hash, even if Vitrine has newer ones. Encoders without files are loaded by
    their id, with whatever weights it has now. Raises EncoderNotFound, naming what is wrong with
    each file.
    """
    path = encoder_file(shop, model)
    if path is None:
        return registry.load_encoder(model.id, threads=threads)
    plain, views = split_views(model.id)
    inner = OnnxEncoder(path, encoder_id=plain, threads=threads)
    return ViewsEncoder(inner, views) if views else inner


def encoder_file(shop: ShopFolder, model: Model) -> Path | None:
    """Return the ONNX file of a model, with its JSON beside it: the shop's copy, or the original.

    None for encoders without such files. Raises EncoderNotFound if both are missing or changed.
    """
    if not _has_files(model.id):
        return None
    path, faults = _search(shop, model)
    if path is None:
        raise EncoderNotFound(_missing_files(shop, model, faults), param="encoder")
    for fault in faults:
        logger.warning("%s; using %s, which is unchanged", fault, path)
    return path


def weights_name(shop: ShopFolder, model: Model) -> str:
    """Return the name of the weights in their JSON file, such as ``vitrine-retail-4``.

    Empty for encoders without such files, and if the file is missing or has no name.
    """
    with suppress(EncoderNotFound):
        path = encoder_file(shop, model)
        return read_encoder_settings(path).name if path else ""
    return ""


def copy_encoder_files(shop: ShopFolder, encoder: Encoder) -> None:
    """Copy the files of an encoder into the shop; nothing if it has none, or the copies are intact.

    Both copies are on disk when this returns. The caller must hold the shop's job lock. Raises
    EncoderNotFound if the files changed since the encoder was loaded, or need further files;
    StoreFull.
    """
    if not _has_files(encoder.id):
        return
    model, views = Model.of(encoder), split_views(encoder.id)[1]
    copied = _find_copy(shop, model)
    if copied is not None and not _fault(copied, model):
        return
    original = _original(model)
    if original is None:
        raise EncoderNotFound(_missing_files(shop, model, []), param="encoder")
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
        raise StoreFull(f"cannot copy {original} to {shop.encoders}: {error}") from error
    finally:
        for suffix in SUFFIXES:
            draft.with_suffix(suffix).unlink(missing_ok=True)


def delete_encoder_files(shop: ShopFolder, needed: Iterable[Model]) -> int:
    """Delete all copies except those of the ``needed`` models; return the number of files.

    The caller must hold the shop's job lock.
    """
    copies = [_find_copy(shop, model) for model in needed]
    used = {path.stem for path in copies if path is not None}
    deleted = 0
    for path in _files(shop):
        if path.stem not in used:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted


def encoder_faults(shop: ShopFolder, needed: Iterable[Model]) -> list[str]:
    """Return the faults of the copies of these models, and the models that have no file at all."""
    found: list[str] = []
    for model in sorted(set(needed)):
        if not _has_files(model.id):
            continue
        path, faults = _search(shop, model)
        if path is None:
            found.append(_missing_files(shop, model, faults))
        elif (copied := _find_copy(shop, model)) is not None:
            fault = _fault(copied, model)
            found += [fault] if fault else []
    return found


def _has_files(encoder_id: str) -> bool:
    return encoder_id.startswith(_FILE) or is_builtin(encoder_id)


def _original(model: Model) -> Path | None:
    """Return the file to copy; None for weights of builtin that this version does not have."""
    plain, views = split_views(model.id)
    if plain == BUILTIN:
        return bundled_file(model.weights_hash, views)
    return Path(plain.removeprefix(_FILE))


def _search(shop: ShopFolder, model: Model) -> tuple[Path | None, list[str]]:
    """Return the first intact file, or None, and the faults of the files before it."""
    faults: list[str] = []
    copied, original = _find_copy(shop, model), _original(model)
    # Bundled weights are found by their hash, so a damaged copy need not be reported.
    places = (original, copied) if is_builtin(model.id) else (copied, original)
    for path in places:
        if path is None:
            continue
        fault = _fault(path, model)
        if not fault:
            return path, faults
        faults.append(fault)
    return None, faults


def _fault(path: Path, model: Model) -> str:
    """Return why this file and its JSON are not those of the model; empty if they are."""
    try:
        found = hash_views(hash_pair(path), split_views(model.id)[1])
    except EncoderNotFound as error:
        return str(error)
    if found == model.weights_hash:
        return ""
    return f"{path} was changed: its SHA-256 is {found[:12]}, expected {model.weights_hash[:12]}"


def _missing_files(shop: ShopFolder, model: Model, faults: list[str]) -> str:
    wrong, way_out = ", and ".join(faults), "put the file back"
    if is_builtin(model.id):
        wrong = wrong or "neither this version of Vitrine nor the shop has its file"
        way_out = "use the version of Vitrine that built it"
    return (
        f"{shop.path} needs encoder {model.id!r} as it was, with the SHA-256 "
        f"{model.weights_hash[:12]}, but {wrong}; {way_out}, restore a snapshot, or change the "
        f"encoder with 'vitrine migrate --shop {shop.path} --encoder ID'"
    )


def _find_copy(shop: ShopFolder, model: Model) -> Path | None:
    """Return the copy of an encoder by its file name, unchecked; None if there is none."""
    views = split_views(model.id)[1]
    for path in _files(shop):
        if path.suffix == ".onnx" and hash_views(path.stem, views) == model.weights_hash:
            return path
    return None


def _files(shop: ShopFolder) -> list[Path]:
    """Return all copies and drafts; other files in the folder are not touched."""
    if not shop.encoders.is_dir():
        return []
    return [path for path in shop.encoders.iterdir() if _OURS.fullmatch(path.name)]


def _check_alone(copy: Path, original: Path) -> None:
    """Raise EncoderNotFound if the copy does not run alone.

    Weights in other files would be neither copied nor hashed.
    """
    try:
        OnnxEncoder(copy, encoder_id=f"{_FILE}{original}", threads=1)
    except EncoderNotFound as error:
        raise EncoderNotFound(
            f"{original} needs other files beside it, which cannot be copied into a shop; "
            f"export it with its weights inside ({error})"
        ) from error
