"""The web page and the interactive documentation; they load nothing from other hosts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from fastapi import Request, Response

from service.http.openapi import description
from service.http.webfiles import REVALIDATED, WebFile, WebFiles, WebFolder, reply, web_file

if TYPE_CHECKING:
    from fastapi import FastAPI

WEB = Path(__file__).parents[2] / "web"
DOCS = WEB / "vendor" / "swagger-ui"


def add_pages(app: FastAPI) -> None:
    """Add the routes GET /, /web/..., /web-VERSION/..., /docs and /openapi.json."""
    folder = WebFolder(WEB)
    document: list[WebFile] = []

    async def openapi(request: Request) -> Response:
        if not document:
            document.append(web_file(msgspec.json.encode(description(app)), "application/json"))
        return reply(document[0], request.headers, REVALIDATED)

    async def index(request: Request) -> Response:
        page = await asyncio.to_thread(folder.page, WEB / "index.html")
        return reply(page, request.headers, REVALIDATED)

    async def docs(request: Request) -> Response:
        page = await asyncio.to_thread(folder.page, DOCS / "index.html")
        return reply(page, request.headers, REVALIDATED)

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route("/", index, include_in_schema=False)
    files = WebFiles(WEB, folder)
    app.mount("/web-{version}", files)
    app.mount("/web", files)
