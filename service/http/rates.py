"""Rate limits and keys: a token bucket for each address, and one for the name of each key."""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from typing import TYPE_CHECKING, NamedTuple

from starlette.datastructures import Headers

from service.apikey import BadKeys
from service.apikey import Scope as KeyScope
from service.http.keyring import KeyRing, sends_key
from service.http.problems import HttpError
from service.runtime.buckets import Bucket, LocalBuckets, bucket_stores
from service.runtime.throttled_log import ThrottledLog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from service.apikey import ApiKey
    from service.runtime.buckets import BucketStore
    from service.settings import Settings

KEY_NAME = "vitrine.key_name"  # key in the ASGI scope: the name of the key that was sent
AUDITED = "vitrine.audited"  # key in the ASGI scope: the request belongs in the audit log
IDLE_POLL = "vitrine.idle_poll"  # key in the ASGI scope: asked for news, and there was none
RATE = "vitrine.rate"  # key in the ASGI scope: a BucketState

_BURST_S = 10  # a key with a limit of its own may send the searches of so many seconds at once


class BucketState(NamedTuple):
    """How full a bucket is: tokens when full, tokens left, seconds until it is full."""

    limit: int
    left: int
    full_in_s: int


class TokenBuckets:
    """A bucket of tokens for each client, refilled at ``rate`` a second up to ``burst``.

    A rate of 0 means no limit. Thread-safe. ``store`` keeps the buckets: by default in the memory
    of this process.
    """

    def __init__(self, rate: float, burst: float, store: BucketStore | None = None) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._store = store or LocalBuckets()

    def take(self, client: str, tokens: float = 1.0) -> float:
        """Take tokens and return 0, or take none and return the seconds until there are enough.

        More tokens than a full bucket holds count as a full bucket.
        """
        if not self._rate:
            return 0.0
        tokens = min(tokens, self._burst)
        with self._store.lock(client):
            now = time.monotonic()
            left = self._left(client, now)
            short = tokens - left
            self._store.put(client, Bucket(left if short > 0 else left - tokens, now))
        return max(0.0, short / self._rate)

    def state(self, client: str) -> BucketState | None:
        """Return how full the bucket of this client is, or None without a limit. Takes none."""
        if not self._rate:
            return None
        left = self._left(client, time.monotonic())
        return BucketState(
            int(self._burst), int(left), math.ceil((self._burst - left) / self._rate)
        )

    def wait(self, client: str) -> float:
        """Return the seconds until this client has a token. Takes none."""
        if not self._rate:
            return 0.0
        return max(0.0, (1 - self._left(client, time.monotonic())) / self._rate)

    def _left(self, client: str, now: float) -> float:
        """Return the tokens that a client has left at this time."""
        bucket = self._store.get(client)
        if bucket is None:
            return self._burst
        return min(self._burst, bucket.left + (now - bucket.at) * self._rate)


class RateLimits:
    """Checks the keys of requests, and limits the searches and the wrong keys of each client.

    Searches with a key share the limit of its name, whatever their address.
    """

    def __init__(self, settings: Settings, shared: Path | None = None) -> None:
        """``shared`` is a file of buckets that the processes of one service share."""
        self._keys = KeyRing(settings)
        self._log = ThrottledLog(logging.getLogger("vitrine.service"), logging.ERROR)
        self._stores = bucket_stores(shared)
        self._searches = TokenBuckets(
            settings.searches_per_s, settings.searches_burst, self._stores("searches")
        )
        self._own: dict[tuple[str, float], TokenBuckets] = {}  # of keys with a limit of their own
        self._failures = TokenBuckets(
            settings.failed_keys_per_min / 60,
            settings.failed_keys_per_min,
            self._stores("wrong keys"),
        )

    def take_search(self, scope: Scope, headers: Mapping[str, str], cost: float = 1.0) -> None:
        """Count a search of this cost. Raises HttpError (429) if there were too many.

        For a search with a key, the reply gets ``RateLimit`` headers: see ``rate_headers``.
        """
        client, buckets, what = client_of(scope), self._searches, "searches from this address"
        if sends_key(headers):
            try:
                key = self.check_key(scope, headers, KeyScope.READ)
            except HttpError as error:
                if error.status == 429:
                    raise
            else:
                client, what = f"key {key.name}", f"searches with the key {key.name!r}"
                buckets = self._buckets_of(key)
        wait = buckets.take(client, cost)
        if buckets is not self._searches or client.startswith("key "):
            scope[RATE] = buckets.state(client)
        if wait:
            raise _too_many(what, wait)

    def check_key(
        self, scope: Scope, headers: Mapping[str, str], needed: KeyScope = KeyScope.WRITE
    ) -> ApiKey:
        """Return the key of a request, which allows what is ``needed``. Raises HttpError.

        401 means that the key is missing or wrong, 403 that it allows too little, or that no key
        allows this. An address that sent too many wrong keys gets 429 for every key, even the
        right one, so that guessing stays slow.
        """
        client = client_of(scope)
        given = sends_key(headers)
        if given and (wait := self._failures.wait(client)):
            raise _too_many("wrong keys from this address", wait)
        try:
            key = self._keys.find(headers)
            exists = key is not None or self._keys.has(needed)
        except BadKeys as error:
            self._log.log("keys", str(error))
            raise HttpError(
                503, "bad_keys", "the keys of this shop cannot be read; the log says why"
            ) from None
        if key is not None:
            scope[KEY_NAME] = key.name
            scope[AUDITED] = needed is not KeyScope.READ
        if not exists:
            raise _disabled(needed)
        if key is None:
            if given:
                self._failures.take(client)
            raise HttpError(
                401,
                "unauthorized",
                f"the key is {'wrong' if given else 'missing'}; send 'Authorization: Bearer KEY'",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if not key.scope.includes(needed):
            raise HttpError(
                403,
                "forbidden",
                f"the key {key.name!r} has the scope {key.scope}, and this needs {needed}",
            )
        return key

    def _buckets_of(self, key: ApiKey) -> TokenBuckets:
        if key.searches_per_s is None:
            return self._searches
        buckets = self._own.get((key.name, key.searches_per_s))
        if buckets is None:
            burst = _BURST_S * key.searches_per_s
            store = self._stores(f"searches at {key.searches_per_s:g} a second")
            buckets = self._own[key.name, key.searches_per_s] = TokenBuckets(
                key.searches_per_s, burst, store
            )
        return buckets


class ReadCheck:
    """Refuses requests to the API and to the metrics without a key that may read."""

    def __init__(self, app: ASGIApp, rates: RateLimits) -> None:
        self._app = app
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection. Raises HttpError."""
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path.startswith("/v1/") or path in ("/metrics", "/knn-service", "/mcp"):
                self._rates.check_key(scope, Headers(scope=scope), KeyScope.READ)
        await self._app(scope, receive, send)


def rate_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers that say how many searches a key has left; [] without a key.

    ``RateLimit-Reset`` is the seconds until all of them are available again.
    """
    state: BucketState | None = scope.get(RATE)
    if state is None:
        return []
    pairs = {"limit": state.limit, "remaining": state.left, "reset": state.full_in_s}
    return [(f"ratelimit-{name}".encode(), b"%d" % value) for name, value in pairs.items()]


def client_of(scope: Scope) -> str:
    """Return the address of the client, for IPv6 its network (/64).

    Behind a trusted proxy, this is the address that the proxy reports.
    """
    address = str((scope.get("client") or ("",))[0])
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), 64), strict=False))


def _disabled(needed: KeyScope) -> HttpError:
    way = f"make a key with 'vitrine keys add NAME --scope {needed}'"
    if needed is KeyScope.WRITE:
        return HttpError(
            403,
            "writes_disabled",
            f"writes over HTTP are off: {way}, or set VITRINE_WRITE_KEY, and send it as "
            "'Authorization: Bearer KEY'; or write with 'vitrine put'",
        )
    return HttpError(
        403,
        f"{needed}_disabled",
        f"no key has the scope {needed}: {way}, and send it as 'Authorization: Bearer KEY'",
    )


def _too_many(what: str, wait: float) -> HttpError:
    seconds = max(1, math.ceil(wait))
    return HttpError(
        429,
        "too_many_requests",
        f"too many {what}; try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
    )
