"""The files of the web page, compressed once, under addresses that change with their content.

Pages refer to their files as ``web-VERSION/app.js``; the version is a hash of all files. Browsers
keep such a file for a year without asking again. Under ``web/app.js``, the same file is revalidated
every time.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from service.http.compression import COMPRESSIBLE, accepts_gzip, compress

if TYPE_CHECKING:
    from starlette.types import Scope

# Not from the system's table of media types: with "nosniff", a wrong type breaks the page.
TYPES = {
    "": "text/plain; charset=utf-8",  # LICENSE
    ".md": "text/plain; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
FOREVER = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"
_PLAIN = "application/octet-stream"
# Joined files, such as page.DIGEST.js, have a version in their own name.
_REFERENCE = re.compile(rb'((?:href|src)=")web/(?!page\.)')
_LEVEL = 9  # each file is compressed once
_VERSION_DIGITS = 16


class WebFile(NamedTuple):
    """A file of the page, as it is sent."""

    plain: bytes
    gzipped: bytes | None
    etag: str
    media_type: str


class WebFolder:
    """The files of the page, read once and again if they change. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._files: dict[str, tuple[tuple[int, int], WebFile]] = {}
        self._version: tuple[int, str] = (0, "")

    def version(self) -> str:
        """Return the hash of all files."""
        entries = sorted(self._states(str(self.path)))
        seen = hash(tuple(entries))
        with self._lock:
            if self._version[0] != seen:
                digest = hashlib.sha256()
                for name, _, _ in entries:
                    digest.update(name.removeprefix(str(self.path)).encode() + b"\0")
                    digest.update(hashlib.sha256(Path(name).read_bytes()).digest())
                self._version = (seen, digest.hexdigest()[:_VERSION_DIGITS])
            return self._version[1]

    def file(self, path: str, status: os.stat_result) -> WebFile:
        """Return a file of the folder; ``status`` is its present state."""
        state = (status.st_mtime_ns, status.st_size)
        with self._lock:
            kept = self._files.get(path)
            if kept is None or kept[0] != state:
                kept = self._files[path] = (state, _read(Path(path)))
            return kept[1]

    def page(self, path: Path) -> WebFile:
        """Return an HTML page that refers to the files by their version."""
        return web_file(self.versioned(path.read_bytes()), TYPES[".html"])

    def versioned(self, html: bytes) -> bytes:
        """Return HTML that refers to the files by their version."""
        return _REFERENCE.sub(rb"\1web-" + self.version().encode() + b"/", html)

    def _states(self, folder: str) -> list[tuple[str, int, int]]:
        found: list[tuple[str, int, int]] = []
        for entry in os.scandir(folder):
            if entry.is_dir():
                found += self._states(entry.path)
            else:
                status = entry.stat()
                found.append((entry.path, status.st_mtime_ns, status.st_size))
        return found


class WebFiles(StaticFiles):
    """Serves the files of a ``WebFolder``, below ``/web`` and ``/web-VERSION``."""

    def __init__(self, path: Path, folder: WebFolder) -> None:
        super().__init__(directory=path)
        self._folder = folder

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,  # noqa: ARG002 - always this
    ) -> Response:
        """See ``StaticFiles``."""
        given = scope.get("path_params", {}).get("version")
        lasts = given is not None and given == self._folder.version()
        file = self._folder.file(os.fspath(full_path), stat_result)
        return reply(file, Headers(scope=scope), FOREVER if lasts else REVALIDATED)


def reply(file: WebFile, request: Headers, cache: str) -> Response:
    """Return the reply with a file: compressed if the client accepts that, or 304."""
    gzips = file.gzipped is not None and accepts_gzip(request.get("accept-encoding", ""))
    etag = f'{file.etag[:-1]}-gzip"' if gzips else file.etag
    headers = {"Cache-Control": cache, "ETag": etag, "Content-Type": file.media_type}
    if file.gzipped is not None:
        headers["Vary"] = "Accept-Encoding"
    known = request.get("if-none-match", "").split(",")
    if etag in [tag.strip().removeprefix("W/") for tag in known]:
        return NotModifiedResponse(Headers(headers))
    if gzips and file.gzipped is not None:
        return Response(file.gzipped, headers={**headers, "Content-Encoding": "gzip"})
    return Response(file.plain, headers=headers)


def _read(path: Path) -> WebFile:
    return web_file(path.read_bytes(), TYPES.get(path.suffix, _PLAIN))


def web_file(plain: bytes, media_type: str) -> WebFile:
    """Return content as it is sent, compressed too if that helps."""
    gzipped = None
    if media_type.partition(";")[0] in COMPRESSIBLE:
        gzipped = compress(plain, _LEVEL)
        if len(gzipped) >= len(plain):
            gzipped = None
    etag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
    return WebFile(plain, gzipped, etag, media_type)
