"""Traces of requests: their stages, their callers, and their ids in the log."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs the extra otel")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs the extra otel")

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.http.app import create_app
from service.http.server_log import log_to_stderr
from service.runtime.tracing import Tracing
from service.settings import Settings
from tests.conftest import Http

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Traced:
    """A service whose traces stay in memory."""

    def __init__(self, shop: Path, **settings: Any) -> None:
        self._memory = InMemorySpanExporter()
        tracing = Tracing("http://localhost:9/v1/traces", "1", self._memory)
        self.http = Http(create_app(Settings(shop=shop, **settings), tracing=tracing))

    def spans(self) -> tuple[ReadableSpan, list[ReadableSpan]]:
        """The span of the only request so far, and those of its stages in the order of time."""
        *stages, request = sorted(self._memory.get_finished_spans(), key=lambda s: s.end_time)
        assert all(span.parent.span_id == request.context.span_id for span in stages)
        assert all(span.context.trace_id == request.context.trace_id for span in stages)
        for span in stages:
            assert request.start_time - 1e6 <= span.start_time <= span.end_time
        return request, sorted(stages, key=lambda span: span.start_time)


@pytest.fixture
def traced(tiny_shop: Path) -> Iterator[Callable[..., Traced]]:
    started = []

    def start(**settings: Any) -> Traced:
        found = Traced(tiny_shop, request_log=False, **settings)
        started.append(found)
        return found

    yield start
    for service in started:
        service.http.close()


def test_a_search_with_a_photo_has_all_stages_in_their_order(
    traced: Callable[..., Traced], photo: Callable[[str], bytes]
) -> None:
    service = traced()
    reply = service.http.post("/v1/search/image", files={"image": photo("red")})
    assert reply.status_code == 200
    request, stages = service.spans()
    assert request.name == "POST /v1/search/image"
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/search/image",
        "http.response.status_code": 200,
        "vitrine.request_id": reply.headers["x-request-id"],
    }
    names = [span.name for span in stages]
    assert [name for name in names if name != "queue"] == [
        *("decode", "encode", "query", "search", "rank", "fields")
    ]
    # It waited for a thread to decode in, for the encoder, and for a thread to search in.
    assert names.count("queue") == 3
    assert names[:2] == ["queue", "decode"]


def test_the_span_names_the_route_and_never_the_path(traced: Callable[..., Traced]) -> None:
    service = traced()
    service.http.get("/v1/items/red-mug/similar?limit=1")
    request, stages = service.spans()
    assert request.name == "GET /v1/items/{item_id}/similar"
    assert {"search", "rank", "fields"} <= {span.name for span in stages}
    assert "red-mug" not in request.to_json()


def test_a_request_belongs_to_the_trace_of_its_caller(traced: Callable[..., Traced]) -> None:
    service = traced()
    service.http.get("/v1/items/no-such-item", headers={"traceparent": CALLER})
    request, _ = service.spans()
    assert f"{request.context.trace_id:032x}" in CALLER
    assert f"{request.parent.span_id:016x}" in CALLER
    assert request.attributes["http.response.status_code"] == 404


@pytest.mark.parametrize("header", ["x", "00-0-0-00", "zz" * 5000, "00-" + "0" * 32 + "-1-01"])
def test_a_broken_traceparent_is_ignored(traced: Callable[..., Traced], header: str) -> None:
    service = traced()
    assert service.http.get("/livez", headers={"traceparent": header}).status_code == 200
    assert service.spans()[0].parent is None


def test_log_lines_of_a_request_name_its_trace(
    tiny_shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_to_stderr(as_json=True):
        service = Traced(tiny_shop)
        service.http.get("/readyz")
        logging.getLogger("vitrine.service").warning("outside of any request")
    service.http.close()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (access,) = (line for line in lines if line["log"] == "access")
    assert access["trace_id"] == f"{service.spans()[0].context.trace_id:032x}"
    assert not any("trace_id" in line for line in lines if line["log"] == "service")


@pytest.mark.slow
def test_nothing_is_imported_without_an_address(tiny_shop: Path) -> None:
    code = (
        "import sys;"
        "from service.http.app import create_app;"
        "from service.settings import Settings;"
        f"create_app(Settings(shop={str(tiny_shop)!r}));"
        "sys.exit('opentelemetry.sdk' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
