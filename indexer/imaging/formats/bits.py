"""Read the bit fields of coded pictures."""

from __future__ import annotations


class Bits:
    """Reads integers from bytes, highest bit first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        """Return the next ``count`` bits as a number; if there are fewer, see ``beyond_end``."""
        self._left -= count
        if self._left < 0:
            return self.beyond_end()
        return (self._value >> self._left) & ((1 << count) - 1)

    def beyond_end(self) -> int:
        """Return the value to read beyond the end, or raise. It is 0 unless overridden."""
        return 0
