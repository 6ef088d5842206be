"""An LMDB environment: named databases, shared within a process, whole between transactions."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from indexer.errors import IndexCorrupt, IndexNotFound, StoreBusy, StoreFull
from indexer.store import environment as environment_module
from indexer.store.environment import Environment, exists


@pytest.fixture
def events(tmp_path):
    with Environment(tmp_path / "events.lmdb", ("events", "users"), create=True) as opened:
        yield opened


def put(environment: Environment, database: str, *keys: bytes) -> None:
    with environment.write() as txn:
        for key in keys:
            txn.put(database, key, key.upper())


def test_it_holds_any_databases_and_knows_no_shop(events, tmp_path):
    put(events, "events", b"b", b"a")
    put(events, "users", b"u")
    with Environment(tmp_path / "events.lmdb", ("events", "users")) as again, again.read() as txn:
        assert list(txn.entries("events")) == [(b"a", b"A"), (b"b", b"B")]
        assert list(txn.keys("events", b"aa")) == [b"b"]
        assert list(txn.keys("events", b"c")) == []
        assert (txn.get("users", b"u"), txn.get("users", b"v")) == (b"U", None)
        assert (txn.has("users", b"u"), txn.has("users", b"v")) == (True, False)
        assert (txn.count("events"), txn.count("users")) == (2, 1)
    tree = ast.parse(Path(environment_module.__file__).read_text(encoding="utf-8"))
    ours = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("indexer")
    }
    assert ours == {
        "indexer.errors",
        "indexer.store.datafile",
        "indexer.store.lmdb_transactions",
    }


def test_two_environments_are_written_at_the_same_time(events, tmp_path):
    with (
        Environment(tmp_path / "catalog.lmdb", ("items",), create=True) as catalog,
        catalog.write() as items,
        events.write() as txn,  # would wait for ever if they shared one writer
    ):
        items.put("items", b"i", b"")
        txn.put("events", b"e", b"")
    with events.read() as txn:
        assert txn.count("events") == 1


def test_a_with_block_closes_it_also_when_it_fails(tmp_path):
    with (
        pytest.raises(RuntimeError),
        Environment(tmp_path / "e", ("events",), create=True) as opened,
    ):
        raise RuntimeError
    assert opened.path not in environment_module._open
    opened.close()  # a second time does nothing


def test_what_another_holds_open_stays_open(events, tmp_path):
    second = Environment(tmp_path / "events.lmdb", ("events", "users"))
    put(second, "events", b"a")
    second.close()
    with events.read() as txn:
        assert txn.count("events") == 1


def test_where_there_is_none_nothing_is_made_unless_asked_for(tmp_path):
    assert not exists(tmp_path / "none")
    with pytest.raises(IndexNotFound, match=r"none/data\.mdb"):
        Environment(tmp_path / "none", ("events",))
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_made_by_the_first_write_and_reads_as_empty_before(events, tmp_path):
    with Environment(tmp_path / "events.lmdb", ("events", "likes")) as later:
        with later.read() as txn:
            assert (txn.count("likes"), txn.get("likes", b"x")) == (0, None)
            assert (list(txn.keys("likes")), txn.has("likes", b"x")) == ([], False)
        put(later, "likes", b"x")
        with later.read() as txn:
            assert txn.count("likes") == 1


def test_a_database_of_a_write_that_was_undone_is_made_by_the_next(tmp_path):
    with Environment(tmp_path / "e", ("events",), create=True) as environment:

        def fail() -> None:
            with environment.write() as txn:
                txn.put("events", b"a", b"")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        with environment.read() as txn:
            assert txn.count("events") == 0
        put(environment, "events", b"b")
        with environment.read() as txn:
            assert list(txn.keys("events")) == [b"b"]


def test_deleting_a_key_that_is_not_there_does_nothing(events):
    put(events, "events", b"a", b"b")
    with events.write() as txn:
        txn.delete("events", b"a")
        txn.delete("events", b"z")
    with events.read() as txn:
        assert list(txn.keys("events")) == [b"b"]


def test_advice_ends_the_error_of_a_damaged_file(tmp_path):
    (tmp_path / "data.mdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(IndexCorrupt, match=r"cannot be opened.*\. Ask the operator$"):
        Environment(tmp_path, ("events",), advice="ask the operator")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (lmdb.MapFullError, StoreFull),
        (lmdb.DiskError, StoreFull),
        (lmdb.ReadonlyError, StoreFull),
        (lmdb.CorruptedError, IndexCorrupt),
        (lmdb.PageNotFoundError, IndexCorrupt),
        (lmdb.BadValsizeError, lmdb.BadValsizeError),  # a mistake of ours is not renamed
    ],
)
def test_errors_of_lmdb_become_ours(events, error, expected):
    with pytest.raises(expected), events.read():
        raise error("from LMDB")


OPEN_WHILE_WRITING = """
import sys, threading
from pathlib import Path
from indexer.store.environment import Environment

path = Path(sys.argv[1])
some = Environment(path, ("events",))
writing, done = threading.Event(), []

def write():
    with some.write() as txn:
        writing.set()
        for number in range(300_000):  # takes the interpreter's lock again and again
            done.append(number)

thread = threading.Thread(target=write)
thread.start()
writing.wait()
with Environment(path, ("events", "users")) as both, both.read() as txn:  # waits for the writer
    assert txn.count("users") == 1
    assert len(done) == 300_000
thread.join()
"""


def test_a_database_is_opened_while_another_thread_writes(tmp_path):
    with Environment(tmp_path, ("events", "users"), create=True) as environment:
        put(environment, "events", b"a")
        put(environment, "users", b"u")
    # In a process of its own: a deadlock under the interpreter's lock stops all of its threads.
    done = subprocess.run(
        [sys.executable, "-c", OPEN_WHILE_WRITING, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


_HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX, 1, int(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_process_with_the_same_id_in_another_container_is_busy_and_never_read_without_locks(
    tmp_path,
):
    """LMDB locks the byte of its lock file that has the number of the process."""
    path = tmp_path / "env"
    Environment(path, ["a"], create=True).close()
    words = [sys.executable, "-c", _HOLD, str(path / "lock.mdb"), str(os.getpid())]
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreBusy, match=r"in another container, .* same id \(\d+\)"):
            Environment(path, ["a"])
        other.stdin.close()
    Environment(path, ["a"]).close()
