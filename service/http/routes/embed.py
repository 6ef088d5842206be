"""GET /embed/vitrine.js: the script that a shop puts into its own pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from service.http.webbundle import join_scripts
from service.http.webfiles import TYPES, WebFile, reply, web_file

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

SOURCES = Path(__file__).parents[2] / "web" / "embed"
_CACHE = "public, max-age=600"


@cache
def embed_script() -> WebFile:
    """Return the modules of ``SOURCES``, joined into one classic script that defines no globals."""
    script = f'(() => {{\n"use strict";\n{join_scripts(SOURCES / "vitrine.js")}}})();\n'
    return web_file(script.encode(), TYPES[".js"])


def add_embed(app: FastAPI) -> None:
    """Add the route GET /embed/vitrine.js."""

    async def script(request: Request) -> Response:
        return reply(embed_script(), request.headers, _CACHE)

    # FastAPI reads the types of parameters at run time, and Request is imported for checks only.
    app.add_route("/embed/vitrine.js", script, include_in_schema=False)
