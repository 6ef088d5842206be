"""Check the data file of an LMDB environment before it is mapped into memory.

Reading beyond the end of a truncated mapped file kills the process with SIGBUS, which no exception
handler can catch. So the size of the file is compared with the number of the last page in its
header. A valid file may be shorter, because free pages at its end may never have been written. In
that case the list of free pages is read, without mapping the file.

This detects a truncated file. It does not detect overwritten pages, because LMDB has no checksums,
or a file that is truncated while it is open.

The format is that of LMDB 0.9 on a 64-bit machine, in native byte order.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from indexer.errors import IndexCorrupt
from indexer.regularfile import not_permitted, open_regular

_MAGIC = 0xBEEFC0DE
_HEADER = 16  # bytes at the start of a page: its number, padding, flags, offsets of its nodes
_META = struct.Struct("=IIQQ")  # magic, version, address, map size
_TREE = struct.Struct("=IHHQQQQQ")  # padding (page size in the first tree), flags, depth, ..., root
_TAIL = struct.Struct("=QQ")  # last page, transaction
_META_BYTES = _META.size + 2 * _TREE.size + _TAIL.size
_BRANCH, _LEAF = 0x01, 0x02  # flags of a page
_BIG = 0x01  # flag of a node: its value is on separate pages
_NONE = 2**64 - 1  # the root of an empty tree
_TRIES = 3
ADVICE = "restore it, or move it away"


class _MetaPage(NamedTuple):
    """The fields of a meta page."""

    page_bytes: int
    free_root: int  # root page of the tree of free pages
    last_page: int
    transaction: int


def check_not_truncated(path: Path, advice: str = ADVICE) -> None:
    """Raise IndexCorrupt if the data file is truncated. ``advice`` ends the message.

    A file that is missing, or not in LMDB's format, passes: opening it with LMDB reports that.
    """
    if not path.exists():
        return
    try:
        file = open_regular(path)
    except PermissionError:
        raise IndexCorrupt(not_permitted(path)) from None
    except OSError as error:
        raise IndexCorrupt(f"{path} cannot be read: {error.strerror or error}; {advice}") from None
    with file:
        for _ in range(_TRIES):
            meta = _newest(file.fileno())
            if meta is None:
                return
            size = os.fstat(file.fileno()).st_size
            needed = (meta.last_page + 1) * meta.page_bytes
            if size >= needed:
                return
            written = size // meta.page_bytes
            missing = set(range(written, meta.last_page + 1))
            try:
                only_free_missing = missing <= _free_pages(file.fileno(), meta)
            except (struct.error, ValueError, IndexError):
                only_free_missing = False
            if only_free_missing:
                return
            again = _newest(file.fileno())
            if again is not None and again.transaction == meta.transaction:
                break  # otherwise another process wrote meanwhile, and the pages must be read again
    raise IndexCorrupt(
        f"{path} was cut short: it has {size} bytes, and the last write needs {needed}; {advice}"
    )


def _newest(file: int) -> _MetaPage | None:
    """Return the meta page of the last transaction; None if the file has no valid one."""
    first = _meta(file, 0)
    if first is None:
        return None
    second = _meta(file, first.page_bytes)
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
    """Return the pages that are free after the last transaction; ValueError if damaged."""
    free: set[int] = set()
    if meta.free_root == _NONE:
        return free
    pending, seen = [meta.free_root], set[int]()
    while pending:
        number = pending.pop()
        data = os.pread(file, meta.page_bytes, number * meta.page_bytes)
        if len(data) < meta.page_bytes or number in seen:
            raise ValueError
        seen.add(number)
        flags, lower = struct.unpack_from("=HH", data, 10)
        if not flags & (_BRANCH | _LEAF):
            raise ValueError
        for at in struct.unpack_from(f"={(lower - _HEADER) // 2}H", data, _HEADER):  # its nodes
            low, high, node_flags, key_bytes = struct.unpack_from("=HHHH", data, at)
            if flags & _BRANCH:
                pending.append(low | high << 16 | node_flags << 32)
                continue
            start, value = at + 8 + key_bytes, data
            if node_flags & _BIG:
                (big,) = struct.unpack_from("=Q", data, start)
                count_at = big * meta.page_bytes + _HEADER
                (count,) = struct.unpack("=Q", os.pread(file, 8, count_at))
                start, value = 8, os.pread(file, 8 * (count + 1), count_at)
            else:
                (count,) = struct.unpack_from("=Q", data, start)
                start += 8
            free.update(struct.unpack_from(f"={count}Q", value, start))
    return free
