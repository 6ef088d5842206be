"""The log of the service on stderr: all lines as text, or all as JSON."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import queue
import re
import sys
import threading
from typing import TYPE_CHECKING

from service.runtime.tracing import current_trace_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FIELDS = {
    "vitrine.access": ("method", "path", "status", "bytes", "ms", "request_id"),
    "vitrine.audit": ("key", "client", "method", "path", "status", "request_id"),
}
_LOGGED = {
    "vitrine": logging.INFO,
    "search": logging.INFO,
    "indexer": logging.INFO,
    "uvicorn": logging.WARNING,
    "asyncio": logging.ERROR,
    "mcp": logging.ERROR,
    "opentelemetry": logging.ERROR,
    "python_multipart": logging.ERROR,  # it warns of every broken form
}
_FLUSH_S = 0.5
_PLAIN = re.compile(r"[^\s\"=]+")  # values that need no quotes
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LineFormatter(logging.Formatter):
    """Formats records as lines of text or JSON. Those of requests are fields with names.

    Control characters are escaped: a logged path, id or title must not forge a line of the log or
    send commands to a terminal.
    """

    def __init__(self, *, as_json: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        log = record.name.rpartition(".")[2] if record.name in _FIELDS else "service"
        fields = {name: getattr(record, name) for name in _FIELDS.get(record.name, ())}
        if self._as_json:
            if not fields:
                fields = {"level": record.levelname, "logger": record.name}
                if record.exc_info:
                    fields["traceback"] = self.formatException(record.exc_info)
                fields["message"] = record.getMessage()
            time = self.formatTime(record, self.datefmt)
            return json.dumps({"time": time, "log": log, **fields, **_trace_of(record)})
        if fields:
            line = f"{self.formatTime(record, self.datefmt)} {record.levelname} {log}"
        else:
            line = super().format(record)
        for name, value in (fields | _trace_of(record)).items():
            line += f" {name}={value if _PLAIN.fullmatch(str(value)) else json.dumps(value)}"
        return _CONTROL.sub(_escaped, line)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """See ``logging.Formatter``."""
        # Only in the message: a traceback keeps its lines.
        record.message = record.message.replace("\n", "\\n")
        return super().formatMessage(record)


def _trace_of(record: logging.LogRecord) -> dict[str, str]:
    """Return the field that names the trace of a record; {} without traces."""
    trace_id = getattr(record, "trace_id", "")
    return {"trace_id": trace_id} if trace_id else {}


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


@contextlib.contextmanager
def log_to_stderr(*, as_json: bool) -> Iterator[Callable[[], None]]:
    """Log to stderr from a separate thread, so that a slow terminal does not slow requests.

    Yields a function that writes all queued records, for half a second at most.
    """
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(LineFormatter(as_json=as_json))
    listener = logging.handlers.QueueListener(records, out)
    handler = _QueueHandler(records)
    loggers = [logging.getLogger(name) for name in _LOGGED]
    before = [logged.level for logged in loggers]
    for logged, level in zip(loggers, _LOGGED.values(), strict=True):
        logged.addHandler(handler)
        logged.setLevel(level)
    listener.start()

    def flush() -> None:
        # In another thread, because writing blocks if the reader of stderr has stopped reading.
        stopping = threading.Thread(target=listener.stop, daemon=True)
        stopping.start()
        stopping.join(_FLUSH_S)

    try:
        yield flush
    finally:
        listener.stop()
        for logged, level in zip(loggers, before, strict=True):
            logged.removeHandler(handler)
            logged.setLevel(level)


class _QueueHandler(logging.handlers.QueueHandler):
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.trace_id = current_trace_id()  # of the request that this thread answers
        return record  # not formatted here: the listener is in the same process, and does it
