"""Recent answers, kept for requests that are the same byte by byte."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from service.runtime.byte_cache import ByteCache

if TYPE_CHECKING:
    from collections.abc import Hashable

    from search.hits import Mode

_OVERHEAD = 300  # bytes of an answer besides its text


class Answer(NamedTuple):
    """A reply as JSON, before and after the value of its ``timings``, and how it was found."""

    before: bytes
    after: bytes
    mode: Mode


class AnswerKey(NamedTuple):
    """The hash of a request, and the state of the shop that its answer depends on."""

    query_hash: bytes
    state: Hashable


class AnswerCache(ByteCache[AnswerKey, Answer]):
    """Keeps answers in at most ``max_bytes``. Thread-safe.

    The state of the shop is part of each key, so after a write no earlier answer is found.
    """

    def __init__(self, max_bytes: int) -> None:
        """``max_bytes`` of 0 keeps nothing."""
        super().__init__(max_bytes, _size)

    def put(self, key: AnswerKey, answer: Answer) -> None:
        """Keep an answer, unless it is larger than a tenth of the cache."""
        if 10 * _size(answer) <= self.max_bytes:
            super().put(key, answer)


def hash_of(*parts: bytes) -> bytes:
    """Return a hash of parts of a request; their lengths count too."""
    found = blake2b(digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


def _size(answer: Answer) -> int:
    return len(answer.before) + len(answer.after) + _OVERHEAD
