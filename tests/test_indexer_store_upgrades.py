"""Numbered upgrades of a store: by the first write, whole or not at all, and never by a reader."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import lmdb
import pytest

from indexer.errors import IndexMismatch
from indexer.items import Item
from indexer.store import store as store_module
from indexer.store import upgrades
from indexer.store.environment import Environment
from indexer.store.records import ItemRecord
from indexer.store.store import DATABASES, Store
from indexer.store.transactions import Writer
from indexer.store.upgrades import FIRST_FORMAT, UPGRADES, Upgrade, newest_format
from tests.golden_questions import GOLDEN

RECORD = ItemRecord(Item(item_id="mug", product_id="mug"), [])


def count_items(writer: Writer) -> None:
    """A step that is told by how often it ran."""
    writer.put_meta("counted", writer.meta("counted", 0) + 1)
    writer._writing.put("shelves", b"first", b"%d" % writer.count("items"))


def rename(writer: Writer) -> None:
    writer.put_meta("renamed", "yes")


@pytest.fixture
def old(tmp_path) -> Path:
    """A store of format 1 with one item."""
    with Store(tmp_path / "s", create=True) as store, store.write() as writer:
        writer.put_item(RECORD)
    return tmp_path / "s"


@pytest.fixture
def later(monkeypatch, old):
    """The same store, read by a version that knows formats 2 and 3; 2 has a database more."""
    monkeypatch.setattr(store_module, "DATABASES", (*DATABASES, "shelves"))
    steps = (Upgrade(2, "shelves", count_items), Upgrade(3, "renamed", rename))
    monkeypatch.setattr(upgrades, "UPGRADES", steps)
    return old


def formats(path: Path) -> tuple[int, int, str]:
    """The format of a store, how often step 2 ran, and what step 3 wrote."""
    with Store(path) as store, store.read() as reader:
        return reader.meta("format", 0), reader.meta("counted", 0), reader.meta("renamed", "no")


def databases(path: Path) -> set[bytes]:
    with lmdb.open(str(path), readonly=True, max_dbs=16) as env, env.begin() as txn:
        return {key for key, _ in txn.cursor()}


def test_the_steps_lead_from_each_format_to_the_next():
    assert [step.to for step in UPGRADES] == list(range(2, 2 + len(UPGRADES)))
    assert newest_format() == FIRST_FORMAT + len(UPGRADES)


def test_a_new_store_is_of_the_newest_format_and_needs_no_step(later, tmp_path):
    Store(tmp_path / "new", create=True).close()
    assert formats(tmp_path / "new") == (3, 0, "no")


def test_opening_and_reading_upgrade_nothing(later):
    before = (later / "data.mdb").read_bytes()
    with Store(later) as store, store.read() as reader:
        assert reader.item("mug") == RECORD
        assert reader.count("shelves") == 0
        assert reader._txn.get("shelves", b"first") is None
        assert not reader._txn.has("shelves", b"first")
        assert list(reader._txn.entries("shelves")) == list(reader._txn.keys("shelves")) == []
    assert formats(later) == (1, 0, "no")
    assert (later / "data.mdb").read_bytes() == before


def test_the_first_write_takes_all_steps_once(later):
    with Store(later) as store:
        for _ in range(2):
            with store.write() as writer:
                assert writer.meta("format", 0) == 3  # done before the caller's own changes
        with store.read() as reader:
            assert reader._txn.get("shelves", b"first") == b"1"
            assert reader.item("mug") == RECORD
    assert formats(later) == (3, 1, "yes")


def test_a_store_of_a_format_between_takes_the_steps_that_are_left(later):
    with Environment(later, DATABASES) as environment, environment.write() as txn:
        txn.put("meta", b"format", b"\x02")
    with Store(later) as store, store.write():
        pass
    assert formats(later) == (3, 0, "yes")


@pytest.mark.parametrize("fails", ["count_items", "rename", "the caller"])
def test_an_upgrade_that_is_interrupted_leaves_the_format_before(later, monkeypatch, fails):
    def interrupt(writer: Writer) -> None:
        {"count_items": count_items, "rename": rename}[fails](writer)
        raise KeyboardInterrupt

    if fails != "the caller":
        steps = [
            step._replace(apply=interrupt) if step.apply.__name__ == fails else step
            for step in upgrades.UPGRADES
        ]
        with monkeypatch.context() as broken:
            broken.setattr(upgrades, "UPGRADES", tuple(steps))
            with pytest.raises(KeyboardInterrupt), Store(later) as store, store.write():
                pass
    else:
        with pytest.raises(KeyboardInterrupt), Store(later) as store, store.write():
            raise KeyboardInterrupt
    assert formats(later) == (1, 0, "no")
    assert b"shelves" not in databases(later)
    with Store(later) as store:  # and again, in the same process
        with store.write():
            pass
        with store.read() as reader:
            assert reader._txn.get("shelves", b"first") == b"1"
    assert formats(later) == (3, 1, "yes")


KILLED = """
import os, sys
from pathlib import Path
from indexer.store import store as store_module, upgrades
from indexer.store.store import DATABASES, Store
from tests.test_indexer_store_upgrades import count_items
def die(writer):
    count_items(writer)
    os._exit(9)
store_module.DATABASES = (*DATABASES, "shelves")
upgrades.UPGRADES = (upgrades.Upgrade(2, "shelves", die),)
with Store(Path(sys.argv[1])) as store, store.write():
    pass
"""


def run(code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )


@pytest.mark.slow
def test_a_process_that_is_killed_in_a_step_leaves_the_format_before(later):
    with run(KILLED, later) as process:
        _, errors = process.communicate()
    assert (process.returncode, errors) == (9, "")
    assert formats(later) == (1, 0, "no")
    with Store(later) as store, store.write():
        pass
    assert formats(later) == (3, 1, "yes")


WRITES = """
import sys
from pathlib import Path
from indexer.store import store as store_module, upgrades
from indexer.store.store import DATABASES, Store
from tests.test_indexer_store_upgrades import count_items, rename
store_module.DATABASES = (*DATABASES, "shelves")
upgrades.UPGRADES = (upgrades.Upgrade(2, "shelves", count_items), upgrades.Upgrade(3, "", rename))
with Store(Path(sys.argv[1])) as store:
    with store.read() as reader:
        print(reader.meta("format", 0), reader.count("shelves"), flush=True)
    sys.stdin.readline()
    with store.write() as writer:
        writer.put_meta(sys.argv[2], 1)
    with store.read() as reader:
        print(reader.meta("format", 0), reader.count("shelves"), flush=True)
"""


@pytest.mark.slow
def test_of_two_processes_that_have_the_store_open_one_upgrades_it(later):
    with run(WRITES, later, "a") as first, run(WRITES, later, "b") as second:
        assert first.stdout.readline() == second.stdout.readline() == "1 0\n"
        for process in (first, second):  # both have it open as it was
            process.stdin.write("\n")
            process.stdin.flush()
        assert first.stdout.readline() == second.stdout.readline() == "3 1\n"
        assert first.communicate()[1] == second.communicate()[1] == ""
    assert formats(later) == (3, 1, "yes")


@pytest.mark.slow
def test_a_reader_that_had_the_store_open_follows_the_upgrade_of_another_process(later):
    with Store(later) as store:
        with store.read() as reader:
            assert reader.count("shelves") == 0
        with run(WRITES, later, "a") as process:
            process.communicate("\n")
        with store.read() as reader:
            assert (reader.meta("format", 0), reader.count("shelves")) == (3, 1)


@pytest.mark.slow
def test_an_earlier_version_refuses_a_store_that_was_upgraded_under_it(later, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(store_module, "DATABASES", DATABASES)
        earlier.setattr(upgrades, "UPGRADES", ())
        with Store(later) as store:
            with store.read() as reader:
                assert reader.item("mug") == RECORD
            with run(WRITES, later, "a") as process:
                process.communicate("\n")
            way_out = "this version reads format 1; open it with the version of Vitrine that wrote"
            with pytest.raises(IndexMismatch, match=f"store format 3, {way_out}"), store.read():
                pass
            with pytest.raises(IndexMismatch, match="store format 3"), store.write():
                pass
        with pytest.raises(IndexMismatch, match="store format 3"):
            Store(later)


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("format-*")), ids=lambda path: path.name)
def test_a_golden_store_is_read_before_and_after_its_upgrade(golden, later, tmp_path):
    (stored,) = golden.rglob("data.mdb")
    (tmp_path / "golden").mkdir()
    shutil.copy(stored, tmp_path / "golden")
    with Store(tmp_path / "golden") as store:
        with store.read() as reader:
            items, rows = list(reader.items()), list(reader.rows())
            assert reader.meta("format", 0) == int(golden.name.removeprefix("format-"))
        with store.write():
            pass
        with store.read() as reader:
            assert (list(reader.items()), list(reader.rows())) == (items, rows)
            assert reader._txn.get("shelves", b"first") == b"%d" % len(items)
    assert len(items) > 10


def test_a_version_of_several_formats_names_them_all(later):
    with Store(later) as store, store.write() as writer:
        writer.put_meta("format", 4)
    with pytest.raises(IndexMismatch, match="store format 4, this version reads formats 1 to 3"):
        Store(later)


# Root may write anywhere, so another user has to read, see tests/test_indexer_store.py.
READS = """
import os, sys
from indexer.errors import StoreFull
from indexer.store import store as store_module, upgrades
from indexer.store.store import DATABASES, Store
from pathlib import Path
import lmdb
os.chdir(sys.argv[1])
warm = Path("warm"); lmdb.open(str(warm)).close()  # imports what is out of reach later
os.setgroups([]); os.setgid(65534); os.setuid(65534)
def never(writer):
    raise AssertionError
store_module.DATABASES = (*DATABASES, "shelves")
upgrades.UPGRADES = (upgrades.Upgrade(2, "shelves", never),)
with Store(Path("s")) as store:
    with store.read() as reader:
        print(reader.item("mug").item.item_id, reader.count("shelves"), reader.meta("format", 0))
    try:
        with store.write():
            pass
    except StoreFull as error:
        print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_store_that_may_only_be_read_is_served_in_its_old_format():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        with Store(folder / "s", create=True) as store, store.write() as writer:
            writer.put_item(RECORD)
        with run(READS, folder) as process:
            out, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    found, refusal = out.splitlines()
    assert found == "mug 0 1"
    assert refusal.endswith("cannot be written: it is read-only here")
