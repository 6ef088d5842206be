"""The files of a saved model that decide its vectors, and their hash.

A folder of sentence-transformers holds ``modules.json``, the files of the first module beside it
or in a folder of its own, and a folder for each further module. Cards, licenses, exports to other
runtimes and copies of the weights in older formats decide nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from indexer.encoders.base import hash_file
from indexer.errors import EncoderNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SETTINGS = {".json", ".txt", ".model", ".jinja", ".gz"}  # configurations and vocabularies
_WEIGHTS = (".safetensors", ".bin", ".pt")  # the first that a folder has is what is loaded
_UNUSED = {"generation_config.json", "requirements.txt"}


def hash_model_folder(folder: Path, *details: object) -> str:
    """SHA-256, as hex, of the deciding files by name, and of what else is given.

    A copy of the folder has the same hash. EncoderNotFound when a file cannot be read.
    """
    digest = hashlib.sha256(msgspec.json.encode(details))
    for path in deciding_files(folder):
        digest.update(f"\n{path.relative_to(folder).as_posix()} {hash_file(path)}".encode())
    return digest.hexdigest()


def deciding_files(folder: Path) -> list[Path]:
    """The settings and weights of each module, sorted; links count as files.

    EncoderNotFound when ``modules.json`` is there and cannot be read.
    """
    found = _deciding(folder.iterdir())
    for module in _module_folders(folder):
        inside = [path for path in module.rglob("*") if path.is_file()]
        for parent in {path.parent for path in inside}:
            found += _deciding(path for path in inside if path.parent == parent)
    return sorted(set(found))


def _deciding(paths: Iterable[Path]) -> list[Path]:
    """Of the files of one folder."""
    files = [path for path in paths if path.is_file() and path.name not in _UNUSED]
    found = [path for path in files if path.suffix in _SETTINGS]
    for suffix in _WEIGHTS:
        weights = [path for path in files if path.suffix == suffix]
        if weights:
            return found + weights
    return found


def _module_folders(folder: Path) -> list[Path]:
    """The folders of the modules that have one of their own."""
    listed = folder / "modules.json"
    if not listed.is_file():  # a model of transformers alone: all files lie in one folder
        return []
    try:
        modules = msgspec.json.decode(listed.read_bytes(), type=list[_Module])
    except (OSError, msgspec.MsgspecError) as error:
        raise EncoderNotFound(f"cannot read {listed}: {error}") from error
    return [folder / module.path for module in modules if module.path]


class _Module(msgspec.Struct):
    path: str = ""
