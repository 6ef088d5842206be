"""Answers that were given lately, for requests that are the same byte by byte."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable

    from search.hits import Mode

_OVERHEAD = 300  # bytes that an answer takes besides its text


class Answer(NamedTuple):
    """A reply as JSON, before and after the value of its ``timings``, and how it was found."""

    before: bytes
    after: bytes
    mode: Mode


class AnswerKey(NamedTuple):
    """The hash of a request, and the state of the shop that its answer is of."""

    asked: bytes
    state: Hashable


class AnswerCache:
    """Keeps answers in at most so many bytes; drops the one that was not used for longest.

    An answer is found only by the state of the shop that it was given in, so a write makes all
    earlier ones unreachable. Thread-safe.
    """

    def __init__(self, max_bytes: int) -> None:
        """``max_bytes`` of 0 keeps nothing."""
        self.max_bytes = max_bytes
        self._answers: OrderedDict[AnswerKey, Answer] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def bytes_used(self) -> int:
        """The bytes that all answers take."""
        return self._bytes

    def get(self, key: AnswerKey) -> Answer | None:
        """Return the answer to a request, or None if it is not kept."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def put(self, key: AnswerKey, answer: Answer) -> None:
        """Keep an answer, unless it is larger than a tenth of the cache."""
        size = _size(answer)
        if 10 * size > self.max_bytes:
            return
        with self._lock:
            replaced = self._answers.pop(key, None)
            self._answers[key] = answer
            self._bytes += size - (0 if replaced is None else _size(replaced))
            while self._bytes > self.max_bytes:
                _, dropped = self._answers.popitem(last=False)
                self._bytes -= _size(dropped)


def hash_of(*parts: bytes) -> bytes:
    """Return a hash of parts of a request; their lengths count too."""
    found = blake2b(digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


def _size(answer: Answer) -> int:
    return len(answer.before) + len(answer.after) + _OVERHEAD
