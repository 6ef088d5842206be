"""Replies that no browser and no proxy may keep."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

NO_STORE = {"Cache-Control": "no-store"}


def fresh_json(reply: msgspec.Struct, status: int = 200) -> Response:
    """Encode a reply as JSON that must not be cached."""
    return Response(
        msgspec.json.encode(reply), status, media_type="application/json", headers=NO_STORE
    )
