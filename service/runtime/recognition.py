"""The recognizer and the text reader of a service, which all requests share."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from indexer.errors import Overloaded, RecognizerNotFound
from indexer.recognizers.registry import DEFAULT_RECOGNIZER, load_recognizer
from indexer.recognizers.text_reader import TextReader

if TYPE_CHECKING:
    from indexer.recognizers.base import Recognizer

_WAIT_S = 2.0  # for a request that loads the recognizer; a file of a user is tried for up to 10 s
_log = logging.getLogger(__name__)


class SharedRecognizer:
    """Loads a recognizer for the first request that needs it. Thread-safe.

    A service that never gets such a request saves the time and the memory.
    """

    def __init__(self, recognizer_id: str = DEFAULT_RECOGNIZER) -> None:
        self._id = recognizer_id
        self._lock = threading.Lock()
        self._loaded: Recognizer | None = None
        self._reader_lock = threading.Lock()
        self._reader: TextReader | None = None
        self._reason = ""  # why it was last not loaded

    def reader(self) -> TextReader:
        """Return the text reader. Raises RecognizerNotFound without the extra ``ocr``."""
        with self._reader_lock:
            if self._reader is None:
                self._reader = TextReader()
            return self._reader

    def get(self) -> Recognizer:
        """Return the recognizer, loaded. Raises RecognizerNotFound; logs each reason once.

        Raises Overloaded while another request loads it for longer than a moment, since requests
        that wait here hold threads that decode photos.
        """
        if not self._lock.acquire(timeout=_WAIT_S):
            raise Overloaded("the recognizer is being loaded; try again in a moment")
        try:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded
        finally:
            self._lock.release()

    def _load(self) -> Recognizer:
        try:
            return load_recognizer(self._id)
        except RecognizerNotFound as error:
            if self._reason != str(error):
                self._reason = str(error)
                _log.warning("photos cannot be searched for things: %s", error)
            raise
