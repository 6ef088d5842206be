"""GET /embed/vitrine.js: the script that a shop puts into its own pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

from service.http.webbundle import Bundle, bundle_of, join_scripts

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

SOURCES = Path(__file__).parents[2] / "web" / "embed"
_CACHE = "public, max-age=600"


@cache
def embed_script() -> Bundle:
    """Return the modules of ``SOURCES``, joined into one classic script that defines no globals."""
    return bundle_of(f'(() => {{\n"use strict";\n{join_scripts(SOURCES / "vitrine.js")}}})();\n')


def add_embed(app: FastAPI) -> None:
    """Add the route GET /embed/vitrine.js."""

    async def script(request: Request) -> Response:
        bundle = embed_script()
        zips = "gzip" in request.headers.get("accept-encoding", "")
        tag = f'"{bundle.digest}{"-gzip" if zips else ""}"'
        headers = {"Cache-Control": _CACHE, "ETag": tag, "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if zips:
            headers["Content-Encoding"] = "gzip"
        body = bundle.compressed if zips else bundle.data
        return Response(body, media_type="text/javascript; charset=utf-8", headers=headers)

    # FastAPI reads the types of parameters at run time, and Request is imported for checks only.
    app.add_route("/embed/vitrine.js", script, include_in_schema=False)
