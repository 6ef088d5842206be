"""The file of an LMDB environment, looked at before it is mapped into memory.

A mapped file that has lost its end kills the process (SIGBUS) when the missing part is
touched, and no exception handler helps. So the size is compared with what the file says of
itself. A file may rightly be shorter than its last page number: pages at the end that are
free were perhaps never written. Then the list of free pages is read, without mapping.

This finds a file that was cut short. It cannot find pages that were overwritten with others,
for LMDB keeps no checksums, nor a file that is cut while it is open.

The layout is that of LMDB 0.9 on a 64-bit machine, in the byte order of the machine.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from indexer.errors import IndexCorrupt

_MAGIC = 0xBEEFC0DE
_HEADER = 16  # bytes of every page: its number, a pad, flags, and where its nodes are
_META = struct.Struct("=IIQQ")  # magic, version, address, map size
_TREE = struct.Struct("=IHHQQQQQ")  # pad (the page size, in the first), flags, depth, ..., root
_TAIL = struct.Struct("=QQ")  # last page, transaction
_META_BYTES = _META.size + 2 * _TREE.size + _TAIL.size
_BRANCH, _LEAF = 0x01, 0x02  # flags of a page
_BIG = 0x01  # flag of a node: its value is on pages of its own
_NONE = 2**64 - 1  # the root of an empty tree
_TRIES = 3
ADVICE = "restore it, or move it away"


class _MetaPage(NamedTuple):
    """What one of the two meta pages says."""

    page: int  # bytes
    free_root: int
    last: int
    transaction: int


def check_not_truncated(path: Path, advice: str = ADVICE) -> None:
    """IndexCorrupt when the data file was cut short; what is no LMDB file is left to LMDB.

    ``advice`` ends the error: what to do with the file.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for _ in range(_TRIES):
            meta = _newest(file.fileno())
            if meta is None:
                return
            size = os.fstat(file.fileno()).st_size
            needed = (meta.last + 1) * meta.page
            if size >= needed:
                return
            written = size // meta.page
            missing = set(range(written, meta.last + 1))
            try:
                whole = missing <= _free_pages(file.fileno(), meta)
            except (struct.error, ValueError, IndexError):
                whole = False
            if whole:
                return
            again = _newest(file.fileno())
            if again is not None and again.transaction == meta.transaction:
                break  # else another process has written meanwhile, over what was being read
    raise IndexCorrupt(
        f"{path} was cut short: it has {size} bytes, and the last write needs {needed}; {advice}"
    )


def _newest(file: int) -> _MetaPage | None:
    """The meta page of the last transaction; None where the file has none that is legible."""
    first = _meta(file, 0)
    if first is None:
        return None
    second = _meta(file, first.page)
    return first if second is None or first.transaction > second.transaction else second


def _meta(file: int, offset: int) -> _MetaPage | None:
    data = os.pread(file, _META_BYTES, offset + _HEADER)
    if len(data) < _META_BYTES or _META.unpack_from(data)[0] != _MAGIC:
        return None
    free = _TREE.unpack_from(data, _META.size)
    last, transaction = _TAIL.unpack_from(data, _META.size + 2 * _TREE.size)
    page = free[0]
    if page < 512 or page & (page - 1):
        return None
    return _MetaPage(page, free[-1], last, transaction)


def _free_pages(file: int, meta: _MetaPage) -> set[int]:
    """The pages that the last transaction left free. ValueError where the list is damaged."""
    free: set[int] = set()
    if meta.free_root == _NONE:
        return free
    pending, seen = [meta.free_root], set[int]()
    while pending:
        number = pending.pop()
        data = os.pread(file, meta.page, number * meta.page)
        if len(data) < meta.page or number in seen:
            raise ValueError
        seen.add(number)
        flags, lower = struct.unpack_from("=HH", data, 10)
        if not flags & (_BRANCH | _LEAF):
            raise ValueError
        for at in struct.unpack_from(f"={(lower - _HEADER) // 2}H", data, _HEADER):
            low, high, node_flags, key_bytes = struct.unpack_from("=HHHH", data, at)
            if flags & _BRANCH:
                pending.append(low | high << 16 | node_flags << 32)
                continue
            start, value = at + 8 + key_bytes, data
            if node_flags & _BIG:
                (big,) = struct.unpack_from("=Q", data, start)
                count_at = big * meta.page + _HEADER
                (count,) = struct.unpack("=Q", os.pread(file, 8, count_at))
                start, value = 8, os.pread(file, 8 * (count + 1), count_at)
            else:
                (count,) = struct.unpack_from("=Q", data, start)
                start += 8
            free.update(struct.unpack_from(f"={count}Q", value, start))
    return free
