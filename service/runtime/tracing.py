"""Traces of requests and their stages, sent to a collector of OpenTelemetry.

Without an address to send them to, none are made and nothing of OpenTelemetry is imported.
"""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace.export import SpanExporter

STAGES = {"encode_ms": "query", "search_ms": "search", "rank_ms": "rank", "fields_ms": "fields"}
"""Stages of a search by their timings: ``query`` makes one vector of words and other parts.

Those before it are ``queue`` (it waits for a thread or the encoder), ``decode`` and ``encode``.
Traces and metrics use these names.
"""

_CURRENT: ContextVar[Trace | None] = ContextVar("trace", default=None)
_NS = 1e9


class Trace:
    """The trace of one request. Thread-safe; ``end`` is called by the task that began it."""

    def __init__(self, tracer: Any, span: Any, context: Any) -> None:
        self._tracer = tracer
        self._span = span
        self._context = context
        self._epoch = time.time() - time.monotonic()
        self._token: Token[Trace | None] = _CURRENT.set(self)
        self.trace_id = f"{span.get_span_context().trace_id:032x}"

    def stage(self, name: str, began: float, ended: float) -> None:
        """Add a stage; both are times of ``time.monotonic``."""
        span = self._tracer.start_span(name, self._context, start_time=self._nanoseconds(began))
        span.end(self._nanoseconds(ended))

    def end(self, name: str, attributes: Mapping[str, str | int], *, failed: bool) -> None:
        """End the trace, and name the request."""
        from opentelemetry.trace import StatusCode

        self._span.update_name(name)
        self._span.set_attributes(attributes)
        if failed:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
        _CURRENT.reset(self._token)

    def _nanoseconds(self, moment: float) -> int:
        return int((self._epoch + moment) * _NS)


def current_trace() -> Trace | None:
    """Return the trace of the request that this task answers; None if there are no traces."""
    return _CURRENT.get()


def current_trace_id() -> str:
    """Return the id of that trace in hexadecimal digits, or ""."""
    trace = _CURRENT.get()
    return "" if trace is None else trace.trace_id


def trace_search(began: float, timings: Mapping[str, float]) -> None:
    """Add the stages of a search by their milliseconds; it began at this ``time.monotonic``."""
    trace = _CURRENT.get()
    if trace is None:
        return
    for name, milliseconds in timings.items():
        if milliseconds and (stage := STAGES.get(name)) is not None:
            ended = began + milliseconds / 1e3
            trace.stage(stage, began, ended)
            began = ended


class Tracing:
    """Makes traces and sends them, in a thread of its own. What cannot be sent is dropped."""

    def __init__(self, collector: str, version: str, exporter: SpanExporter | None = None) -> None:
        """``collector`` is a URL of OTLP over HTTP; ``exporter`` replaces what sends to it.

        Needs the extra otel: see ``check_extras``.
        """
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({"service.name": "vitrine", "service.version": version})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(collector))
            if exporter is None
            else SimpleSpanProcessor(exporter)
        )
        self._tracer = self._provider.get_tracer("vitrine", version)
        self._callers = TraceContextTextMapPropagator()
        self._in_context = set_span_in_context
        self._kind = SpanKind.SERVER

    def begin(self, headers: Mapping[str, str]) -> Trace:
        """Begin the trace of a request, as a part of the caller's if it sent ``traceparent``."""
        caller = self._callers.extract(headers)
        span = self._tracer.start_span("request", caller, self._kind)
        return Trace(self._tracer, span, self._in_context(span))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
