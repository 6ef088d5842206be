"""Fetches the pictures behind URLs that written items name, if the operator allows their hosts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from indexer.errors import BadImage, Overloaded
from indexer.fetching.fetcher import Fetcher
from indexer.fetching.policy import FetchPolicy, is_url, parse_hosts, parse_networks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from indexer.fetching.client import Response
    from service.settings import Settings

MAX_FETCHED = 500  # pictures of a request
_MOST_BYTES = 256e6  # of all pictures of a request
_SECONDS = 20.0
_ATTEMPTS = 2  # a client waits for the reply
_QUERIES_AT_ONCE = 8  # so that a host that hangs keeps few searches waiting

Fetched = dict[str, bytes | str]
"""The bytes of each URL, or the reason why there are none."""


def fetcher_of(settings: Settings) -> Fetcher | None:
    """Return the fetcher, or None if no host is allowed. Raises BadQuery for an invalid host."""
    hosts = [host for host in settings.fetch_hosts.split(",") if host.strip()]
    if not hosts:
        return None
    networks = [text for text in settings.fetch_networks.split(",") if text.strip()]
    return Fetcher(
        FetchPolicy(
            hosts=parse_hosts(hosts),
            networks=parse_networks(networks),
            megabytes=settings.max_upload_mb,
            seconds=_SECONDS,
            attempts=_ATTEMPTS,
            host_option="VITRINE_FETCH_HOSTS",
            network_option="VITRINE_FETCH_NETWORKS",
        )
    )


class QueryPhotos:
    """Fetches the photos that searches name by URL, a few at once."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._running = 0

    async def fetch(self, url: str) -> bytes:
        """Return the bytes behind a URL. Raises BadImage, Overloaded."""
        if self._running >= _QUERIES_AT_ONCE:
            raise Overloaded(f"{self._running} photos are fetched already; try again in a moment")
        self._running += 1
        try:
            found = (await fetch_all(self._fetcher, [url]))[url]
        finally:
            self._running -= 1
        if isinstance(found, str):
            raise BadImage(found)
        return found


def urls_of(data: Any) -> list[str]:
    """Return the URLs among the images of a body of one or more items, without duplicates."""
    return list(dict.fromkeys(_urls(data)))


async def fetch_all(fetcher: Fetcher, urls: list[str]) -> Fetched:
    """Fetch some URLs. Those over ``MAX_FETCHED``, or over 256 MB together, are not fetched."""
    found: Fetched = {}
    size = 0
    waiting = {url: fetcher.submit(url) for url in urls[:MAX_FETCHED]}
    try:
        while waiting:
            url = next(iter(waiting))
            try:
                response = await asyncio.wrap_future(waiting[url])
            except BadImage as error:
                del waiting[url]
                found[url] = str(error)
                continue
            del waiting[url]
            fetcher.release(response)
            data = response.data or b""
            size += len(data)
            found[url] = data if size <= _MOST_BYTES else _too_much("256 MB of pictures")
    finally:
        for future in waiting.values():
            _abandon(fetcher, future)
    for url in urls[MAX_FETCHED:]:
        found[url] = _too_much(f"{MAX_FETCHED} pictures behind URLs")
    return found


def _abandon(fetcher: Fetcher, future: Future[Response]) -> None:
    """Cancel a fetch, or release its bytes when they arrive: no room would be left otherwise."""

    def release(done: Future[Response]) -> None:
        if not done.cancelled() and done.exception() is None:
            fetcher.release(done.result())

    if not future.cancel():
        future.add_done_callback(release)


def _too_much(what: str) -> str:
    return f"not fetched: the request has more than {what}; send fewer items at once"


def _urls(data: Any) -> Iterator[str]:
    if isinstance(data, list):
        for item in data:
            yield from _urls(item)
    elif isinstance(data, dict):
        images = data.get("images")
        for image in images if isinstance(images, list) else ():
            if isinstance(image, str) and is_url(image):
                yield image
        if isinstance(data.get("items"), list):
            yield from _urls(data["items"])
