"""Keep paths of this machine out of replies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.types import Scope

_PATH = re.compile(r"(?<![\w./~-])/(?:[^\s/'\":;,()]+/)+([^\s/'\":;,()]+)/?")


def private_paths(scope: Scope) -> Sequence[str]:
    """Return the paths of the app's settings, which no reply may contain."""
    return getattr(scope["app"].state, "private_paths", ()) if "app" in scope else ()


def without_paths(text: str, private: Iterable[str] = ()) -> str:
    """Return the text with every path shortened to its last name, those of ``private`` first."""
    for path in private:
        text = text.replace(path, path.rstrip("/").rpartition("/")[2])
    return _PATH.sub(r"\1", text)
