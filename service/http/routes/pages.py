"""The web page and the interactive documentation; they load nothing from other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from service.http.openapi import description

if TYPE_CHECKING:
    import os

    from fastapi import FastAPI
    from starlette.types import Scope

WEB = Path(__file__).parents[2] / "web"
DOCS = WEB / "vendor" / "swagger-ui"

# Not from the system's table of media types: with "nosniff", a wrong type breaks the page.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


class WebFiles(StaticFiles):
    """The files of the page. Browsers revalidate them every time, mostly with a reply 304."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """See ``StaticFiles``."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        if kind := _TYPES.get(Path(full_path).suffix):
            response.headers["Content-Type"] = kind
        return response


def add_pages(app: FastAPI) -> None:
    """Add the routes GET /, /web/..., /docs and /openapi.json."""
    document: list[bytes] = []

    async def openapi() -> Response:
        if not document:
            document.append(msgspec.json.encode(description(app)))
        return Response(document[0], media_type="application/json")

    async def index() -> Response:
        return _page(WEB / "index.html")

    async def docs() -> Response:
        return _page(DOCS / "index.html")

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route("/", index, include_in_schema=False)
    app.mount("/web", WebFiles(directory=WEB))


def _page(path: Path) -> Response:
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)
