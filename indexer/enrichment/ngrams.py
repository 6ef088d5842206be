"""Count the word and letter n-grams of texts, hashed into buckets.

The same text has the same buckets on every machine and in every process. Texts are counted in
batches with numpy, because a loop over the letters of a review would take a millisecond.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec
import numpy as np

from indexer.catalog.texts import plain_text
from indexer.words.folding import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Hashes = NDArray[np.uint64]

MAX_LETTERS: Final = 20_000  # of a text; the rest is not read
_BATCH_LETTERS: Final = 400_000
_BATCH_TEXTS: Final = 2_000
_OPENING_WORDS, _ENDING_WORDS = 8, 12
_OPENING_LETTERS, _ENDING_LETTERS = 16, 24
_WINDOW: Final = 400  # letters that an opening or ending of words may have
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[!?]+")
_SPACES = re.compile(r"[\s\x00-\x1f]+")
_STEP = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio, as in Fibonacci hashing
_MIX = np.uint64(0xBF58476D1CE4E5B9)


class Family(msgspec.Struct, frozen=True):
    """The n-grams of one kind: of words or of letters, of ``shortest`` to ``longest`` of them.

    They are hashed into 2 ** ``bits`` buckets. ``part`` is the part of a text that is read: all, or
    its opening or its ending, where people tend to sum up.
    """

    unit: Literal["word", "letter"]
    shortest: int
    longest: int
    bits: int
    part: Literal["all", "opening", "ending"] = "all"


class Counts(NamedTuple):
    """Counted n-grams: three arrays (n,), sorted by text and bucket.

    ``texts`` are positions in the sequence of texts; a pair of text and bucket occurs once.
    """

    texts: Integers
    buckets: Integers
    counts: Integers


def clean_text(text: str) -> str:
    """Return the first 20,000 letters of a text without HTML, each run of spaces as one."""
    return _SPACES.sub(" ", plain_text(text[:MAX_LETTERS])).strip()


def batches(texts: Sequence[str]) -> Iterator[range]:
    """Yield ranges of positions whose texts fit in memory together, in order."""
    start, letters = 0, 0
    for at, text in enumerate(texts):
        size = min(len(text), MAX_LETTERS)
        if at > start and (letters + size > _BATCH_LETTERS or at - start == _BATCH_TEXTS):
            yield range(start, at)
            start, letters = at, 0
        letters += size
    if start < len(texts):
        yield range(start, len(texts))


def count_ngrams(texts: Sequence[str], family: Family) -> Counts:
    """Count the n-grams of clean texts, without regard to case and accents."""
    folded = [fold(_part_of(text, family)) for text in texts]
    ids, owners = _words(folded) if family.unit == "word" else _letters(folded)
    hashes = ids * _STEP  # (tokens,)
    found = [_keys(hashes, owners, family.bits)] if family.shortest == 1 else []
    grams = hashes
    for length in range(2, family.longest + 1):
        if len(ids) < length:
            break
        grams = (grams[:-1] * _MIX) ^ hashes[length - 1 :]
        if length >= family.shortest:
            is_whole = owners[: len(grams)] == owners[length - 1 :]
            found.append(_keys(grams[is_whole], owners[: len(grams)][is_whole], family.bits))
    keys = np.concatenate(found) if found else np.empty(0, np.int64)
    keys, counts = np.unique(keys, return_counts=True)
    return Counts(keys >> family.bits, keys & ((1 << family.bits) - 1), counts.astype(np.int64))


def _part_of(text: str, family: Family) -> str:
    """Return the part of a text that a family reads: 8 words or 16 letters, or the last 12 or 24.

    A text without spaces has no words to count, so letters bound it as well.
    """
    if family.part == "all":
        return text
    if family.unit == "letter":
        return text[:_OPENING_LETTERS] if family.part == "opening" else text[-_ENDING_LETTERS:]
    if family.part == "opening":
        return " ".join(text[:_WINDOW].split(" ", _OPENING_WORDS)[:_OPENING_WORDS])
    return " ".join(text[-_WINDOW:].rsplit(" ", _ENDING_WORDS)[-_ENDING_WORDS:])


def _keys(hashes: Hashes, owners: Integers, bits: int) -> Integers:
    """Return the text and the bucket of each n-gram, as one number."""
    mixed = (hashes ^ (hashes >> np.uint64(31))) * _MIX
    buckets = (mixed >> np.uint64(64 - bits)).astype(np.int64)
    keys: Integers = (owners << bits) | buckets
    return keys


def _letters(texts: Sequence[str]) -> tuple[Hashes, Integers]:
    """Return the code points of all texts in a row, and the text of each."""
    lengths = [len(text) + 2 for text in texts]
    joined = "".join(f" {text} " for text in texts)
    encoded = joined.encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(encoded, np.uint32).astype(np.uint64)
    return points, np.repeat(np.arange(len(texts)), lengths)


def _words(texts: Sequence[str]) -> tuple[Hashes, Integers]:
    """Return a number for each word of all texts in a row, and the text of each word."""
    known: dict[str, int] = {}
    ids: list[int] = []
    lengths: list[int] = []
    for text in texts:
        words = _WORD.findall(text)
        lengths.append(len(words))
        for word in set(words).difference(known):
            data = word.encode("utf-8", "surrogatepass")
            known[word] = zlib.crc32(data) | zlib.adler32(data) << 32
        ids += [known[word] for word in words]
    return np.array(ids, np.uint64), np.repeat(np.arange(len(texts)), lengths)
