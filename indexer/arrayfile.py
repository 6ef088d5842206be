"""Open files of NumPy arrays (.npz) that may be damaged or hostile."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np


def open_arrays(data: bytes, most_bytes: int) -> Any:
    """Return the arrays of an .npz file, a context manager that maps names to arrays.

    Raises zipfile.BadZipFile for another kind of file, which NumPy would take for one array, and
    advise to unpickle. Raises ValueError if its arrays have more than ``most_bytes`` unpacked.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > most_bytes:
        raise ValueError(f"{size} bytes of arrays, more than {most_bytes}")
    return np.load(io.BytesIO(data), allow_pickle=False)
