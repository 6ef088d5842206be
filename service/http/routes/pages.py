"""The web page and the interactive documentation; they load nothing from other hosts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from fastapi import Request, Response
from starlette.responses import FileResponse

from service.http.openapi import description
from service.http.problems import HttpError
from service.http.shopfront import Shopfront
from service.http.webfiles import (
    FOREVER,
    REVALIDATED,
    TYPES,
    WebFile,
    WebFiles,
    WebFolder,
    reply,
    web_file,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

    from service.settings import Settings

WEB = Path(__file__).parents[2] / "web"
DOCS = WEB / "vendor" / "swagger-ui"


def add_pages(app: FastAPI, settings: Settings) -> None:
    """Add the routes GET /, /logo, /web/..., /web-VERSION/..., /docs and /openapi.json."""
    folder = WebFolder(WEB)
    front = Shopfront(folder, settings)
    document: list[WebFile] = []

    async def openapi(request: Request) -> Response:
        if not document:
            document.append(web_file(msgspec.json.encode(description(app)), "application/json"))
        return reply(document[0], request.headers, REVALIDATED)

    async def index(request: Request) -> Response:
        return await asyncio.to_thread(_front_page, front, request)

    async def joined(request: Request, digest: str, kind: str) -> Response:
        file = await asyncio.to_thread(front.file, kind, digest)
        if file is None:
            raise HttpError(404, "not_found", "the page has changed; load it again")
        return reply(file, request.headers, FOREVER)

    async def logo() -> Response:
        path = settings.shop_logo
        if path is None:
            raise HttpError(404, "not_found", "this shop has no logo; VITRINE_SHOP_LOGO names it")
        kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
        return FileResponse(path, media_type=kind, headers={"Cache-Control": REVALIDATED})

    async def docs(request: Request) -> Response:
        page = await asyncio.to_thread(folder.page, DOCS / "index.html")
        return reply(page, request.headers, REVALIDATED)

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route("/", index, include_in_schema=False)
    app.add_api_route("/logo", logo, include_in_schema=False)
    app.add_api_route("/web/page.{digest}.{kind}", joined, include_in_schema=False)
    files = WebFiles(WEB, folder)
    app.mount("/web-{version}", files)
    app.mount("/web", files)


def _front_page(front: Shopfront, request: Request) -> Response:
    wanted = request.query_params.get("lang", "")
    language = front.language(wanted, request.headers.get("accept-language", ""))
    is_home = not (set(request.query_params) - {"lang"})
    page = reply(front.page(language, is_home=is_home), request.headers, REVALIDATED)
    page.headers["Content-Language"] = language
    page.headers["Vary"] = "Accept-Language, Accept-Encoding"
    return page
