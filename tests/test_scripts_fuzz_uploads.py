"""The fuzzer of uploads notices every reply that a shopper's photo must never have."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def uploads(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    from fuzz_uploads import Uploads

    return Uploads("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("status", "body", "outcome", "problems"),
    [
        (200, {"hits": []}, "200 hits", 0),
        (422, {"code": "bad_image"}, "422 bad_image", 0),
        (200, {}, "200 nothing", 1),
        (422, {}, "422 nothing", 1),
        (500, {"code": "internal_error"}, "500 internal_error", 1),
    ],
)
def test_a_reply_is_hits_or_a_problem_of_the_client(
    uploads, monkeypatch, status, body, outcome, problems
):
    monkeypatch.setattr(uploads, "_ask", lambda _: (status, body))
    uploads.send("file 0, jpeg", b"")
    assert dict(uploads.outcomes) == {outcome: 1}
    assert len(uploads.problems) == problems


def test_a_connection_that_breaks_is_a_problem_with_its_file(uploads):
    uploads.send("file 0, jpeg", b"")  # nothing listens there
    assert uploads.problems[0].startswith("file 0, jpeg: ConnectionRefusedError")
