"""Hash the files of a saved model that determine its vectors.

A folder of sentence-transformers holds ``modules.json``, the files of the first module beside it
or in a subfolder, and a subfolder for each further module. Model cards, licenses, exports to other
runtimes and weights in older formats are ignored.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from indexer.encoders.base import hash_file
from indexer.errors import EncoderNotFound
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SETTINGS = {".json", ".txt", ".model", ".jinja", ".gz"}  # configurations and vocabularies
_WEIGHTS = (".safetensors", ".bin", ".pt")  # a folder is loaded in the first format it has
_UNUSED = {"generation_config.json", "requirements.txt"}


def hash_model_folder(folder: Path, *details: object) -> str:
    """Return the SHA-256, as hex, of the relevant files by name, and of ``details``.

    A copy of the folder has the same hash. Raises EncoderNotFound if a file cannot be read.
    """
    digest = hashlib.sha256(msgspec.json.encode(details))
    for path in relevant_files(folder):
        digest.update(f"\n{path.relative_to(folder).as_posix()} {hash_file(path)}".encode())
    return digest.hexdigest()


def relevant_files(folder: Path) -> list[Path]:
    """Return the settings and weights of each module, sorted; links count as files.

    Raises EncoderNotFound if ``modules.json`` exists but cannot be read.
    """
    found = _relevant(folder.iterdir())
    for module in _module_folders(folder):
        inside = [path for path in module.rglob("*") if path.is_file()]
        for parent in {path.parent for path in inside}:
            found += _relevant(path for path in inside if path.parent == parent)
    return sorted(set(found))


def _relevant(paths: Iterable[Path]) -> list[Path]:
    """Select the settings and weights among the files of a folder."""
    files = [path for path in paths if path.is_file() and path.name not in _UNUSED]
    found = [path for path in files if path.suffix in _SETTINGS]
    for suffix in _WEIGHTS:
        weights = [path for path in files if path.suffix == suffix]
        if weights:
            return found + weights
    return found


def _module_folders(folder: Path) -> list[Path]:
    """Return the subfolders of the modules."""
    listed = folder / "modules.json"
    if not listed.is_file():  # a plain transformers model: all files are in one folder
        return []
    try:
        modules = decode_json_as(read_regular(listed), list[_Module])
    except (OSError, msgspec.MsgspecError) as error:
        raise EncoderNotFound(f"cannot read {listed}: {error}") from error
    return [folder / module.path for module in modules if module.path]


class _Module(msgspec.Struct):
    path: str = ""
