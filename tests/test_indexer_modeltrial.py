"""Trials of model files in a process of their own: what never ends is reported in one line."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from indexer.encoders import modeltrial
from indexer.encoders.modeltrial import fault_in_trial
from indexer.errors import EncoderNotFound


def fails(name: str) -> None:
    raise EncoderNotFound(f"{name} is no model")


def never_ends(_: str) -> None:
    while True:
        pass


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the trial's process find the functions of this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))


@pytest.mark.usefixtures("importable")
def test_a_model_that_cannot_be_loaded_is_refused_with_its_reason() -> None:
    assert fault_in_trial(fails, "m.onnx", []) == "m.onnx is no model"


@pytest.mark.usefixtures("importable")
def test_a_model_that_loops_without_end_is_ended() -> None:
    fault = fault_in_trial(never_ends, "m.onnx", [], cpu_s=1)
    assert fault == "m.onnx: it took more than 1 s of CPU time to load and run once"


def test_a_model_that_failed_is_tried_again_only_when_a_file_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [(-signal.SIGSEGV, b""), (0, b"no boxes"), (0, b""), (0, b"")]
    left = iter(ends)

    def ended(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, *next(left), b"")

    monkeypatch.setattr(modeltrial.subprocess, "run", ended)
    model = tmp_path / "m.onnx"
    model.write_bytes(b"1")
    faults = [fault_in_trial(never_ends, "m.onnx", [model]) for _ in range(3)]
    assert len(set(faults)) == 1
    model.with_suffix(".json").write_text("{}")
    assert fault_in_trial(never_ends, "m.onnx", [model]) == "no boxes"
    model.write_bytes(b"22")
    assert fault_in_trial(never_ends, "m.onnx", [model]) == ""
    assert fault_in_trial(never_ends, "m.onnx", [model]) == ""
    assert next(left, None) is None  # tried twice: what works is not remembered


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (0, ""),
        (-signal.SIGKILL, "m.onnx: it took more than 12 s of CPU time to load and run once"),
        (
            -signal.SIGSEGV,
            "m.onnx: it needs over 8 GB of memory, or ends the process that loads it",
        ),
        (1, "m.onnx: it needs over 8 GB of memory, or ends the process that loads it"),
    ],
)
def test_each_end_of_a_trial_has_its_words_and_large_weights_may_take_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, fault: str
) -> None:
    weights = tmp_path / "m.onnx"
    with weights.open("wb") as file:
        file.truncate(20_000_000)

    def ended(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, status, b"", b"")

    monkeypatch.setattr(modeltrial.subprocess, "run", ended)
    assert fault_in_trial(never_ends, "m.onnx", [weights]) == fault
