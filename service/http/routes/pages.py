"""The web page and the interactive documentation; they load nothing from other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from fastapi import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from service.http.openapi import description
from service.http.problems import HttpError
from service.http.shopfront import Shopfront

if TYPE_CHECKING:
    import os

    from fastapi import FastAPI
    from starlette.types import Scope

    from service.http.webbundle import Bundle
    from service.settings import Settings

WEB = Path(__file__).parents[2] / "web"
DOCS = WEB / "vendor" / "swagger-ui"
_FOREVER = "public, max-age=31536000, immutable"  # the name changes with the content

# Not from the system's table of media types: with "nosniff", a wrong type breaks the page.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
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


def add_pages(app: FastAPI, settings: Settings) -> None:
    """Add the routes GET /, /logo, /web/..., /docs and /openapi.json."""
    document: list[bytes] = []
    front = Shopfront(WEB, settings)

    async def openapi() -> Response:
        if not document:
            document.append(msgspec.json.encode(description(app)))
        return Response(document[0], media_type="application/json")

    async def index(request: Request) -> Response:
        asked = request.query_params.get("lang", "")
        language = front.language(asked, request.headers.get("accept-language", ""))
        is_home = not (set(request.query_params) - {"lang"})
        page = front.page(language, is_home=is_home)
        headers = {
            "Cache-Control": "no-cache",
            "Content-Language": language,
            "Vary": "Accept-Language, Accept-Encoding",
        }
        return _bundle(request, page, _TYPES[".html"], headers)

    async def joined(request: Request, digest: str, kind: str) -> Response:
        bundle = front.file(kind, digest)
        if bundle is None:
            raise HttpError(404, "not_found", "the page has changed; load it again")
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        return _bundle(request, bundle, _TYPES[f".{kind}"], headers)

    async def logo() -> Response:
        path = settings.shop_logo
        if path is None:
            raise HttpError(404, "not_found", "this shop has no logo; VITRINE_SHOP_LOGO names it")
        kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
        return FileResponse(path, media_type=kind, headers={"Cache-Control": "no-cache"})

    async def docs() -> Response:
        return _page(DOCS / "index.html")

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route("/", index, include_in_schema=False)
    app.add_api_route("/logo", logo, include_in_schema=False)
    app.add_api_route("/web/page.{digest}.{kind}", joined, include_in_schema=False)
    app.mount("/web", WebFiles(directory=WEB))


def _page(path: Path) -> Response:
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)


def _bundle(request: Request, bundle: Bundle, kind: str, headers: dict[str, str]) -> Response:
    """Return a bundle, compressed if the client takes it; 304 if the client has it already."""
    zips = "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{bundle.digest}{"-gzip" if zips else ""}"'
    headers = {**headers, "ETag": tag, **({"Content-Encoding": "gzip"} if zips else {})}
    if tag in request.headers.get("if-none-match", ""):
        headers.pop("Content-Encoding", None)
        return Response(status_code=304, headers=headers)
    return Response(bundle.compressed if zips else bundle.data, media_type=kind, headers=headers)
