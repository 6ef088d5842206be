"""Rate limits: a token bucket for each address, and one for the write key."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from service.http.problems import HttpError
from service.http.security import check_write_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope

    from service.settings import Settings

_MAX_CLIENTS = 10_000  # then the client that was not seen for the longest time is removed
_BY_KEY = "the key"


class TokenBuckets:
    """A bucket of tokens for each client, refilled at ``rate`` a second up to ``burst``.

    A rate of 0 means no limit. Thread-safe.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, at this time
        self._lock = threading.Lock()

    def take(self, client: str, tokens: float = 1.0) -> float:
        """Take tokens and return 0, or take none and return the seconds until there are enough.

        More tokens than a full bucket holds count as a full bucket.
        """
        if not self._rate:
            return 0.0
        tokens = min(tokens, self._burst)
        now = time.monotonic()
        with self._lock:
            left, at = self._left.pop(client, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._rate)
            short = tokens - left
            self._left[client] = (left if short > 0 else left - tokens, now)
            if len(self._left) > _MAX_CLIENTS:
                self._left.popitem(last=False)
        return max(0.0, short / self._rate)

    def wait(self, client: str) -> float:
        """Return the seconds until this client has a token. Takes none."""
        if not self._rate or client not in self._left:
            return 0.0
        left, at = self._left[client]
        left = min(self._burst, left + (time.monotonic() - at) * self._rate)
        return max(0.0, (1 - left) / self._rate)


class RateLimits:
    """Limits the searches and the wrong keys of each address.

    Searches with the write key share one limit, whatever their address.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.write_key.get_secret_value() if settings.write_key else None
        self._searches = TokenBuckets(settings.searches_per_s, settings.searches_burst)
        self._failures = TokenBuckets(
            settings.failed_keys_per_min / 60, settings.failed_keys_per_min
        )

    def take_search(self, scope: Scope, headers: Mapping[str, str], cost: float = 1.0) -> None:
        """Count a search of this cost. Raises HttpError (429) if there were too many."""
        client = client_of(scope)
        if self._key is not None and _sends_key(headers):
            try:
                self.check_key(scope, headers)
                client = _BY_KEY
            except HttpError as error:
                if error.status == 429:
                    raise
        if wait := self._searches.take(client, cost):
            raise _too_many("searches from this address", wait)

    def check_key(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Raise HttpError unless the request has the write key; see ``check_write_key``.

        An address that sent too many wrong keys gets 429 for every key, even the right one, so
        that guessing stays slow.
        """
        client = client_of(scope)
        if self._key is not None and _sends_key(headers) and (wait := self._failures.wait(client)):
            raise _too_many("wrong keys from this address", wait)
        try:
            check_write_key(self._key, headers)
        except HttpError as error:
            if error.status == 401 and _sends_key(headers):
                self._failures.take(client)
            raise


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


def _sends_key(headers: Mapping[str, str]) -> bool:
    return "authorization" in headers or "api-key" in headers


def _too_many(what: str, wait: float) -> HttpError:
    seconds = max(1, math.ceil(wait))
    return HttpError(
        429,
        "too_many_requests",
        f"too many {what}; try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
    )
