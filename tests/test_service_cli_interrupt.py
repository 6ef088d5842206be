"""Ctrl+C ends ``vitrine index`` wherever the build stands, also deep within a library."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.cli import interrupt as interrupting
from service.cli.interrupt import END_S, GRACE_S
from tests.commandline import vitrine

__all__ = ["vitrine"]  # a fixture

pytestmark = pytest.mark.slow

# A call into C that lets other threads run and never ends, as an encoder or FAISS may for minutes:
# Python raises nothing before it returns.
STUCK = r"""
import ctypes, os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's jobs with & ignore Ctrl+C

def stuck(*_, **__):
    os.write(1, b"stuck\n")
    mutex = ctypes.create_string_buffer(64)
    lock = ctypes.CDLL(None).pthread_mutex_lock
    lock(mutex)
    lock(mutex)

def reading(*_, **__):
    os.write(1, b"stuck\n")
    threading.Event().wait()

def reading_beside_a_thread(*_, **__):
    threading.Thread(target=stuck).start()
    threading.Event().wait()

from indexer.catalog import sources
from indexer.imaging import imagefolder
from indexer.jobs import index_choice
from indexer.shop import folder
from indexer.writing import image_pipeline, reembed
from indexer.encoders.color import ColorEncoder
where = sys.argv[1]
if where == "the catalog":
    sources.Catalog.scan = reading
elif where == "the catalog, in a library":
    sources.Catalog.scan = stuck
elif where == "a thread that Python waits for at its end":
    sources.Catalog.scan = reading_beside_a_thread
elif where == "a file":
    imagefolder.read_image_file = stuck
elif where == "decoding":
    image_pipeline.open_photo = stuck
elif where == "encoding":
    ColorEncoder.encode_images = stuck
elif where == "training the index":
    index_choice.choose_recipe = stuck
elif where == "calibrating":
    index_choice.calibrate = stuck
elif where == "writing the generation":
    folder.sync = stuck
elif where == "embedding again":
    reembed.open_photo = stuck
elif where == "a dry run":
    image_pipeline.open_photo = stuck
    sys.argv.append("--dry-run")
from service.cli.main import main
main(sys.argv[2:])
"""


def interrupt(where: str, *words: str | Path) -> str:
    """Send Ctrl+C to a command that is stuck at ``where``; return what it printed on stderr."""
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, where, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout.readline() == "stuck\n"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=300)  # as nothing else would ever end it
        finally:
            process.kill()
    assert process.returncode == 1
    assert err.endswith("vitrine: interrupted\n")
    assert "Traceback" not in err
    return err


def test_a_job_that_ends_late_leaves_its_threads_only_the_rest_of_the_time(monkeypatch):
    now, slept = [100.0], []
    signals = [bytes([signal.SIGINT])]

    class Done:
        def wait(self, seconds: float) -> bool:
            assert seconds == GRACE_S
            now[0] += 1.0
            return True

    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=slept.append)
    monkeypatch.setattr(interrupting, "time", clock)
    monkeypatch.setattr(interrupting, "_read", lambda _: signals.pop() if signals else b"")
    monkeypatch.setattr(interrupting, "os", SimpleNamespace(_exit=slept.append))
    interrupting._watch(0, Done(), "interrupted")
    assert slept == [pytest.approx(END_S - 1.0), 1]
    assert END_S < 2


@pytest.mark.parametrize(
    "where",
    [
        "the catalog",
        "the catalog, in a library",
        "a thread that Python waits for at its end",
        "a file",
        "decoding",
        "encoding",
        "training the index",
        "calibrating",
        "writing the generation",
        "a dry run",
    ],
)
def test_ctrl_c_ends_a_build_that_is_stuck(vitrine, tiny_catalog: Path, tmp_path: Path, where: str):
    words = ["index", str(tiny_catalog), "--shop", str(tmp_path / "shop"), "--encoder", "color"]
    err = interrupt(where, *words)
    assert "interrupted; encoded images are kept. Run the same command again to continue." in err
    done = vitrine(*words, "--json")
    assert (done.code, done.json["items"]) == (0, 12)
    assert vitrine("check", "--shop", tmp_path / "shop").code == 0


def test_ctrl_c_ends_a_rebuild_that_is_stuck(vitrine, tiny_shop: Path, tmp_path: Path):
    shop = tmp_path / "shop"
    shutil.copytree(tiny_shop, shop)
    assert vitrine("delete", "red-mug", "--shop", shop).code == 0  # so that there is work
    err = interrupt("training the index", "rebuild", "--shop", shop)
    assert "interrupted; the shop has not changed." in err
    done = vitrine("rebuild", "--shop", shop, "--json")
    assert (done.code, done.json["published"]) == (0, True)
    assert vitrine("check", "--shop", shop).code == 0


def test_ctrl_c_ends_a_migration_that_is_stuck(vitrine, tiny_shop: Path, tmp_path: Path):
    shop = tmp_path / "shop"
    shutil.copytree(tiny_shop, shop)
    err = interrupt("embedding again", "migrate", "--encoder", "color+flip", "--shop", shop)
    assert "interrupted; finished embeddings are kept." in err
    assert vitrine("migrate", "--encoder", "color+flip", "--shop", shop).code == 0
    assert vitrine("check", "--shop", shop).code == 0
