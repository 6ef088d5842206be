"""Joins the scripts and the style sheets of the page, so that a browser asks for two files only.

The sources stay ordinary modules, which a browser could also load one by one. Nothing is minified:
compression makes up for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from indexer.errors import VitrineError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_IMPORT = re.compile(r'^import\s+(\{[^}]*\}|\* as \w+)\s+from\s+"\./([\w.-]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class BadScript(VitrineError):
    """A script of the page has an import or export that cannot be joined with the others."""


def join_styles(paths: Iterable[Path]) -> str:
    """Return style sheets one after the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def join_scripts(start: Path) -> str:
    """Return a module and all that it imports as one module.

    Each module becomes a function that runs once, after the modules that it imports, and returns
    its exports. Raises BadScript for an import or export of another form, and for a circle.
    """
    parts: dict[str, str] = {}
    _add(start, parts, ())
    return "const modules = {};\n" + "".join(parts.values())


def _add(path: Path, parts: dict[str, str], above: tuple[str, ...]) -> None:
    if path.name in above:
        raise BadScript(f"the scripts of the page import in a circle: {' -> '.join(above)}")
    source = path.read_text(encoding="utf-8")
    for _, name in _IMPORT.findall(source):
        if name not in parts:
            _add(path.parent / name, parts, (*above, path.name))
    exported = [name for _, name in _EXPORT.findall(source)]
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(_constants, source))
    if odd := _OTHER.search(body):
        raise BadScript(f"{path.name}: expected a named import or export, got {odd[0]!r}")
    result = f"return {{ {', '.join(exported)} }};\n" if exported else ""
    parts[path.name] = f'modules["{path.name}"] = (() => {{\n{body}{result}}})();\n'


def _constants(found: re.Match[str]) -> str:
    names, module = found[1], found[2]
    if names.startswith("*"):
        return f'const {names.removeprefix("* as ")} = modules["{module}"];\n'
    return f'const {names.replace(" as ", ": ")} = modules["{module}"];\n'
