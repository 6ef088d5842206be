"""The keys that a service accepts: those of the shop, and the write key of its settings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.apikey import ApiKey, Scope, digest_of
from service.keyfile import KeyCache, KeyFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.settings import Settings

__all__ = ["KeyRing", "sends_key"]

_SETTING = "VITRINE_WRITE_KEY"


class KeyRing:
    """Finds the key of a request. Keys that are added or removed count at once."""

    def __init__(self, settings: Settings) -> None:
        self._stored = KeyCache(KeyFile(settings.shop))
        self._fixed: ApiKey | None = None
        if settings.write_key is not None:
            digest = digest_of(settings.write_key.get_secret_value().encode())
            self._fixed = ApiKey(_SETTING, Scope.WRITE, digest, time.time())

    def find(self, headers: Mapping[str, str]) -> ApiKey | None:
        """Return the key that these headers send, or None if they send no valid one.

        They may send it as ``Authorization: Bearer KEY`` or ``api-key: KEY``. Raises BadKeys if
        the file of the keys is damaged.
        """
        given = _given(headers)
        if not given:
            return None
        # The server decodes headers as Latin-1, but a client may have sent non-ASCII keys as UTF-8.
        for spelling in {given.encode("latin-1", "replace"), given.encode()}:
            if self._fixed is not None and self._fixed.matches(digest_of(spelling)):
                return self._fixed
            if (key := self._stored.find(spelling)) is not None:
                return key
        return None

    def has(self, needed: Scope) -> bool:
        """Return whether any key allows this. Raises BadKeys."""
        if self._fixed is not None and self._fixed.scope.includes(needed):
            return True
        return any(key.scope.includes(needed) for key in self._stored.valid())


def sends_key(headers: Mapping[str, str]) -> bool:
    """Return whether these headers send a key, valid or not."""
    return bool(_given(headers))


def _given(headers: Mapping[str, str]) -> str:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        given = headers.get("api-key", "")
    return given.strip()
