"""Hand what a replica is told about users to its primary, which stores it for all machines."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import Response

from indexer.errors import BadPrimary, PrimaryLost, one_line
from indexer.store.replica import read_note
from service.http.fresh_json import NO_STORE

if TYPE_CHECKING:
    from service.http.appstate import AppState

_CONNECT_S, _READ_S = 3.0, 15.0
_MOST_BYTES = 16 << 20  # of a reply
_AT_ONCE = 16  # connections that are kept


async def forward_events(state: AppState, body: bytes) -> Response | None:
    """Send the body of POST /v1/events to the primary; return its reply.

    Returns None if the shop is no replica. Raises PrimaryLost if the primary does not answer, and
    BadPrimary if it refuses the key; nothing is stored then.
    """
    return await _forward(state, "POST", "events", body)


async def forward_erasure(state: AppState, user_id: str) -> Response | None:
    """Let the primary erase a user, as ``forward_events`` sends it events."""
    return await _forward(state, "DELETE", f"users/{quote(user_id, safe='')}", b"")


async def _forward(state: AppState, method: str, path: str, body: bytes) -> Response | None:
    note = read_note(state.settings.shop)
    if note is None:
        return None
    url = f"{note.primary.rstrip('/')}/v1/{path}"
    return await state.pools.events.run(lambda: _sent(state, method, url, body))


def _sent(state: AppState, method: str, url: str, body: bytes) -> Response:
    from urllib3.exceptions import HTTPError

    settings = state.settings
    headers = {"Content-Type": "application/json"}
    if settings.primary_key is not None:
        headers["Authorization"] = f"Bearer {settings.primary_key.get_secret_value()}"
    authority = str(settings.primary_ca) if settings.primary_ca else None
    try:
        response = _pool(authority).request(
            method, url, body=body, headers=headers, redirect=False, preload_content=False
        )
        with response:
            data = response.read(_MOST_BYTES, decode_content=True)
    except (HTTPError, OSError) as error:
        raise PrimaryLost(
            f"{url} stores the events of this replica and does not answer: "
            f"{one_line(error)}; send them again later"
        ) from error
    if response.status in (401, 403):
        raise BadPrimary(
            f"{url} refuses the key of this replica ({response.status}); set VITRINE_PRIMARY_KEY "
            "of its service to a key of the primary with the scope write or admin"
        )
    kind = response.headers.get("content-type", "")
    if response.status < 200 or 300 <= response.status < 400 or "json" not in kind:
        raise PrimaryLost(f"{url} answers {response.status} {kind[:40]!r}; is it a service?")
    wait = response.headers.get("retry-after", "")
    also = {"Retry-After": wait} if wait.isdecimal() else {}
    return Response(data, response.status, {**NO_STORE, **also}, media_type=kind)


@lru_cache(maxsize=4)
def _pool(authority: str | None) -> Any:
    """Return connections to primaries, whose certificates this file has if it is given."""
    import urllib3

    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        retries=False,
        ca_certs=authority,
        maxsize=_AT_ONCE,
    )
