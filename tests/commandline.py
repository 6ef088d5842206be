"""Runs commands of ``vitrine`` in this process, and says what they wrote."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.cli.main import vitrine as service_cli
from service.exitcodes import FAILED
from tests.conftest import COLORS, jpeg, plain


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def vitrine(capsys) -> Callable[..., Done]:
    """Runs a command in this process: its exit status and what it wrote."""

    def run(*words: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run


def run(*words: object) -> str:
    """Run a command that succeeds, and return what it wrote on stdout."""
    done = CliRunner().invoke(service_cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def assert_one_line(done: Done, *parts: str, code: int = FAILED) -> None:
    """A known error: its status, nothing on stdout, one line on stderr that says these things."""
    assert (done.code, done.out) == (code, "")
    lines = [line for line in done.err.splitlines() if line.startswith("vitrine: ")]
    assert len(lines) == 1
    assert done.err.endswith(lines[0] + "\n")
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
    for part in parts:
        assert part in lines[0]


@pytest.fixture
def photo_file(tmp_path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(plain(COLORS["red"], side=160, spot=10)))
    return path


def png(width: int, height: int) -> bytes:
    """A PNG of one color; however large it claims to be, it is a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = min(height, 100)  # a decoder that gets this far has gone too far
    body = zlib.compress((b"\0" + b"\x80" * width) * rows)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )
