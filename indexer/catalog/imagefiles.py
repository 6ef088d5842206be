"""Find the image files that a catalog means, however it writes their paths."""

from __future__ import annotations

import html
import os
import posixpath
import re
import stat
import unicodedata
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urljoin

_IMAGE_URL_END: Final = re.compile(
    r"\.(?:jpe?g|png|webp|gif|avif|heic|heif|bmp|tiff?)(?:[?#].*)?$", re.IGNORECASE
)
# Each run of white space is looked at from its start only, so that these take linear time.
_SEPARATOR: Final = re.compile(r"(?:(?<!\s)[^\S\n]++)?(?:[;|,\n]|&&|::(?=https?:))\s*+")
_SPACED: Final = re.compile(
    r"(?<!\s)\s++(?=(?:https?:)?//|\S+\.(?:jpe?g|png|webp|gif|avif|heic|heif|bmp|tiff?)(?:[?#]\S*)?(?:\s|$))",
    re.IGNORECASE,
)  # the white space before another URL or file
_MARKUP: Final = re.compile(
    r"<img\b(?>[^<>]*?\bsrc\s*+=\s*+[\"']?([^\"'\s<>]++))[^<>]*+>|"
    r"!\[[^\[\]]*+\]\(([^()\s]++)[^()]*+\)|=IMAGE\(\"([^\"]++)\"[^()]*+\)",
    re.IGNORECASE,
)  # HTML, Markdown, and a formula of a spreadsheet; no part goes beyond the start of the next
_CAPTION: Final = re.compile(r"#\{[^{}]{0,1000}\}|(?<![^;])\w{1,64}:\d:\d{1,2}:(?:\||(?=;|$))")
"""After a picture of CS-Cart, and before one of Taobao: ``2f1c:1:0:|https://...``."""
_QUOTED: Final = re.compile(r'^"([^"]*)"$')
_LABEL: Final = re.compile(r"^\w{1,30}[:=]\s*+(?=https?://)")  # "front:https://..."
_ALT: Final = re.compile(
    r"(?<=\S)\s*(?:\([^()]*\)|!\s*(?:alt|title|desc|caption)\s*:.*)$", re.DOTALL
)
_URL: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//[^/\s]", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(r"(?:[A-Za-z]:)?/")
_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif")  # of a path that has none
_MEDIA_FOLDERS: Final = (
    "",
    "pub/media/catalog/product",
    "media/catalog/product",
    "catalog/product",
    "image",
)
_MOST_FOLDERS: Final = 256  # listings that are kept
_MOST_SEPARATORS: Final = 10_000  # in a cell: of 1,000 images, and within their URLs
_MOST_PARTS: Final = 4  # of a file name with separators, in a list of paths


class FoundPath(NamedTuple):
    """The path to read, and how it differs from the catalog's; "" if it does not."""

    path: str
    difference: str = ""


class ImageFiles:
    """The files in and below the folder of a catalog's images; paths never lead out of it."""

    def __init__(self, root: Path | str, address: str = "") -> None:
        """Look for files in ``root``; below a URL none is looked for, and paths stay as they are.

        With ``address``, the URL of a feed, paths are relative to it, and no file is found.
        """
        self._root = root if isinstance(root, Path) else None
        self._address = address
        self._prefix = f"{root}/"
        self._absolute = {os.path.abspath(root), os.path.realpath(root)}  # noqa: PTH100
        self._listings: dict[str, dict[str, list[str]]] = {}

    def split(self, cell: str) -> list[str]:
        """Return the paths in a cell: itself if that file exists, else its parts.

        Parts are separated by ``;``, ``|``, a comma, a line break, or a space before another URL
        or file; a comma within a URL is not a separator. Of HTML, Markdown and a formula it is
        their picture, and a remark after a picture, such as ``(front view)``, is left out. Raises
        ValueError for more parts than an item can have.
        """
        text = _CAPTION.sub("", cell.strip())
        if marked := [next(filter(None, found)) for found in _MARKUP.findall(text)]:
            return marked
        return [part for spaced in self._listed(text) for part in self._spaced(spaced)]

    def _spaced(self, text: str) -> list[str]:
        """Return the pictures in a part, which spaces may separate, without the remark after it."""
        if not text or self._exists(text.replace("\\", "/")):
            return [text] if text else []
        text = _LABEL.sub("", _QUOTED.sub(r"\1", text))
        name, _, link = text.removesuffix(")").rpartition("(")  # as Airtable writes pictures
        if text.endswith(")") and _URL.match(link) and not self._exists(name.strip()):
            return [link]
        bare = _ALT.sub("", text)
        if bare != text and (_IMAGE_URL_END.search(bare) or self._exists(bare)):
            text = bare
        parts = [part for part in _SPACED.split(text) if part]
        is_list = len(parts) > 1 and (
            all("//" in part for part in parts) or all(map(self._exists, parts))
        )
        return parts if is_list else [text]

    def _listed(self, text: str) -> list[str]:
        if not _SEPARATOR.search(text) or self._exists(text.replace("\\", "/")):
            return [text] if text else []
        places = [match.span() for match in _SEPARATOR.finditer(text)]
        if len(places) > _MOST_SEPARATORS:  # each part is looked for on disk
            raise ValueError(
                f"has {len(places):,} separators, at most {_MOST_SEPARATORS:,} are read"
            )
        starts = [0, *(end for _, end in places)]
        ends = [*(start for start, _ in places), len(text)]
        paths: list[str] = []
        at = 0
        while at < len(starts):
            last = self._last_of_path(text, starts, ends, at)
            if part := text[starts[at] : ends[last]]:
                paths.append(part)
            at = last + 1
        return paths

    def _last_of_path(self, text: str, starts: list[int], ends: list[int], at: int) -> int:
        """Return the last part that belongs to the path whose first part is ``at``.

        It is a later part within a URL, or where a file has separators in its name.
        """
        last = at
        if _URL.match(text, starts[at]):
            while last + 1 < len(starts) and _continues_url(
                text[starts[at] : ends[last]], text[starts[last + 1] : ends[last + 1]]
            ):
                last += 1
            return last
        if self._exists(text[starts[at] : ends[at]]):
            return at
        for later in range(at + 1, min(at + _MOST_PARTS, len(starts))):
            if self._exists(text[starts[at] : ends[later]]):
                return later
        return at

    def find(self, path: str) -> FoundPath:
        """Return the path of the file that a catalog means, relative to the catalog's folder.

        A leading slash means the catalog's folder. If only one file differs just in case, in
        percent escapes, in a query or in the way of writing accents, it is that file. A path of
        no file, and a URL, is returned as it is.
        """
        if path.startswith("file:///"):
            path = unquote(path.removeprefix("file://"))
        if _URL.match(path):
            url = path.replace("&amp;", "&")
            return FoundPath(f"https:{url}" if url.startswith("//") else url)
        if self._address:
            return FoundPath(urljoin(self._address, path))
        clean = path.replace("\\", "/")
        if self._root is None or self._exists(clean):
            return FoundPath(path)
        inside = self._inside(clean)
        if inside is None:
            return self._tail_of(path) or FoundPath(path)
        for folder in _MEDIA_FOLDERS:
            if self._exists(joined := posixpath.join(folder, inside)):
                return FoundPath(joined)
        for text, difference in _spellings(inside):
            for exact in (True, False):
                found = self._walk(text, exact=exact)
                if found is not None:
                    return FoundPath(found, _difference(text, found, difference))
        if found := self._with_ending(inside):
            return FoundPath(found, "its ending")
        return self._tail_of(path) or FoundPath(path)

    def _with_ending(self, path: str) -> str | None:
        """Return the only file that a path without the ending of a picture means, or None."""
        bare = re.sub(r"\.jpe?g$", "", path, flags=re.IGNORECASE)
        if bare == path and re.search(r"\.\w{2,5}$", path):
            return None
        endings = (".jpg", ".jpeg") if bare != path else _ENDINGS
        found = {name for end in endings if (name := self._walk(f"{bare}{end}", exact=False))}
        return found.pop() if len(found) == 1 else None

    def _tail_of(self, path: str) -> FoundPath | None:
        """Return the file at the end of another machine's absolute path, ``C:\\shop\\p\\a.jpg``."""
        clean = path.replace("\\", "/")
        if not _ABSOLUTE.match(clean):
            return None
        names = clean.split("/")
        for start in range(1, len(names)):
            tail = "/".join(names[start:])
            if ".." not in names[start:] and tail and self._exists(tail):
                return FoundPath(tail, "its folder")
        return None

    def _inside(self, path: str) -> str | None:
        """Return an absolute path relative to the folder; None if it leads out of it."""
        if path.startswith("/"):
            clean = posixpath.normpath(path)
            for root in self._absolute:
                if clean.startswith(root.rstrip("/") + "/"):
                    return clean[len(root.rstrip("/")) + 1 :]
            path = path.lstrip("/")
        clean = posixpath.normpath(path)
        leads_out = clean in ("..", ".") or clean.startswith("../") or clean[1:2] == ":"
        return None if leads_out or "\0" in clean else clean

    def _exists(self, path: str) -> bool:
        if self._root is None:
            return False
        clean = posixpath.normpath(path)
        if clean.startswith(("/", "../")) or "\0" in clean or clean in (".", ".."):
            return False
        try:
            mode = os.stat(f"{self._prefix}{clean}").st_mode  # noqa: PTH116  # for every image, twice
        except (OSError, ValueError):  # too long, or not encodable
            return False
        return stat.S_ISREG(mode)

    def _walk(self, path: str, *, exact: bool) -> str | None:
        """Return the only file whose names differ at most in accents, and in case unless exact."""
        clean = self._inside(path)
        if clean is None:
            return None
        found = [""]
        for name in clean.split("/"):
            composed = unicodedata.normalize("NFC", name)
            found = [
                f"{folder}/{entry}" if folder else entry
                for folder in found
                for entry in self._listing(folder).get(composed.casefold(), ())
                if not exact or unicodedata.normalize("NFC", entry) == composed
            ]
            if not found or len(found) > 8:
                return None
        return found[0] if len(found) == 1 and self._exists(found[0]) else None

    def _listing(self, folder: str) -> dict[str, list[str]]:
        """Return the names in a folder by their folded form; {} if it cannot be read."""
        if folder not in self._listings:
            if len(self._listings) >= _MOST_FOLDERS:
                self._listings.pop(next(iter(self._listings)))
            names: dict[str, list[str]] = {}
            try:
                for entry in os.listdir(f"{self._prefix}{folder}"):  # noqa: PTH208  # names only
                    key = unicodedata.normalize("NFC", entry).casefold()
                    names.setdefault(key, []).append(entry)
            except (OSError, ValueError):
                names = {}
            self._listings[folder] = names
        return self._listings[folder]


def _continues_url(before: str, part: str) -> bool:
    """Return True if a part of a cell belongs to the URL before it, as in ``w_200,h_300/a.jpg``."""
    if not part or _URL.match(part) is not None:
        return False
    is_value = "?" in before and not re.search(r"[./]", part)  # "?size=100,200"
    return is_value or not _IMAGE_URL_END.search(before)


def _spellings(path: str) -> list[tuple[str, str]]:
    """Return other ways to read a path, each with how it differs, the most likely first."""
    ways = [(path, "")]
    bare = re.split(r"[?#]", path, maxsplit=1)[0]
    for text, difference in ((path, ""), (bare, "its query")):
        plain = unquote(html.unescape(text))
        ways.append((text, difference))
        ways.append((plain, f"{difference} and escapes" if difference else "its escapes"))
    return list({text: (text, difference) for text, difference in reversed(ways) if text}.values())[
        ::-1
    ]


def _difference(text: str, found: str, difference: str) -> str:
    """Return how a path differs from the file found: query, escapes or case; "" for accents."""
    same = unicodedata.normalize("NFC", posixpath.normpath(text.lstrip("/")))
    if same != unicodedata.normalize("NFC", found) and not same.endswith(found):
        return f"{difference} and case" if difference else "case"
    return difference
