"""The index of meanings: vectors of all items' titles, which find items by the meaning of words.

It is a component of a generation, in one file, and is built only for shops that want it. A build
copies the vectors of unchanged titles from the generation before. Later writes are embedded when
they become visible. A search compares all vectors, which takes 7 ms of CPU time for 50,000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexCorrupt, StoreFull
from indexer.words.sentences import DIM

if TYPE_CHECKING:
    from indexer.arrays import Vectors
    from indexer.items import Item
    from indexer.words.sentences import SentenceEncoder

MEANING = "meaning.msgpack"
MEANING_SETTING = "meaning"  # in the store's meta: 1 if the shop wants it
MAX_ITEMS = 200_000  # a larger shop has no such index: a search would take too long
_NEVER = 2**63 - 1
_LEAST = 0.2  # cosine of a title that is related to the words


class _File(msgspec.Struct, frozen=True, array_like=True):
    """The content of the file. ``digests`` are 8 bytes each, ``vectors`` DIM fp16 numbers each."""

    model: str
    ids: list[str]
    digests: bytes
    vectors: bytes


class _State(NamedTuple):
    """All titles added so far, and the changes from which and until which they are valid.

    ``ids`` and ``digests`` are shared with later states, which append to them.
    """

    ids: list[str]
    digests: list[bytes]
    blocks: tuple[Vectors, ...]  # (n, DIM) together
    born: NDArray[np.int64]  # (n,)
    died: NDArray[np.int64]  # (n,)


class MeaningIndex:
    """Finds items by the meaning of words. Thread-safe, but one change at a time."""

    def __init__(
        self, encoder: SentenceEncoder, ids: list[str], digests: list[bytes], vectors: Vectors
    ) -> None:
        """``vectors`` (n, DIM) are of unit length."""
        self._encoder = encoder
        n = len(ids)
        born, died = np.zeros(n, dtype=np.int64), np.full(n, _NEVER, dtype=np.int64)
        self._state = _State(ids, digests, (vectors,), born, died)
        self._place = {item_id: place for place, item_id in enumerate(ids)}  # of the valid title

    @classmethod
    def load(cls, path: Path, encoder: SentenceEncoder) -> MeaningIndex:
        """Read the index from its file. Raises IndexCorrupt if it cannot be read."""
        file = _read(path)
        vectors = np.frombuffer(file.vectors, dtype=np.float16).reshape(-1, DIM)
        digests = [file.digests[at : at + 8] for at in range(0, len(file.digests), 8)]
        if not len(file.ids) == len(digests) == len(vectors):
            raise IndexCorrupt(f"{path} has {len(vectors)} vectors of {len(file.ids)} items")
        return cls(encoder, file.ids, digests, vectors.astype(np.float32))

    @staticmethod
    def write(
        path: Path, items: Iterable[Item], encoder: SentenceEncoder, earlier: Path | None = None
    ) -> None:
        """Embed the titles of items and write them to a file. Raises StoreFull if that fails.

        ``earlier`` is a file of the same model: titles that it has are not embedded again.
        """
        texts = {item.item_id: meaning_text(item) for item in items}
        digests = [_digest(text) for text in texts.values()]
        known = _known_vectors(earlier, encoder.model)
        vectors = np.zeros((len(texts), DIM), dtype=np.float16)
        new = [place for place, digest in enumerate(digests) if digest not in known]
        listed = list(texts.values())
        vectors[new] = encoder.encode([listed[place] for place in new])
        for place, digest in enumerate(digests):
            if digest in known:
                vectors[place] = known[digest]
        file = _File(encoder.model, list(texts), b"".join(digests), vectors.tobytes())
        try:
            path.write_bytes(msgspec.msgpack.encode(file))
        except OSError as error:
            raise StoreFull(f"cannot write {path}: {error}") from error

    @property
    def ids(self) -> list[str]:
        """The ids of all items that have a valid title, in no order."""
        return list(self._place)

    def search(
        self, text: str, limit: int, *, sequence: int = _NEVER - 1
    ) -> list[tuple[str, float]]:
        """Find up to ``limit`` items with a title related to a text, nearest first.

        The numbers are cosines, scaled from (``_LEAST``, 1] to (0, 1].
        """
        state = self._state
        query = self._encoder.encode_query(text)  # (DIM,)
        cosines = np.concatenate([block @ query for block in state.blocks])  # (n,)
        cosines[(state.born > sequence) | (state.died <= sequence)] = -1.0
        near = np.flatnonzero(cosines > _LEAST)
        if len(near) > limit:
            near = near[np.argpartition(-cosines[near], limit)[:limit]]
        found = [
            (state.ids[place], float(cosines[place] - _LEAST) / (1 - _LEAST))
            for place in near.tolist()
        ]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def change(self, items: Mapping[str, Item | None], sequence: int) -> None:
        """Replace the titles of items, by id, for searches at ``sequence`` or later.

        None deletes an item. A title that has not changed is not embedded again.
        """
        state = self._state
        gone = [
            self._place[item_id]
            for item_id, item in items.items()
            if item is None and item_id in self._place
        ]
        new: list[tuple[str, str, bytes]] = []
        for item_id, item in items.items():
            if item is None:
                continue
            text = meaning_text(item)
            digest, place = _digest(text), self._place.get(item_id)
            if place is None or state.digests[place] != digest:
                new.append((item_id, text, digest))
                gone.extend([] if place is None else [place])
        if not new and not gone:
            return
        vectors = self._encoder.encode([text for _, text, _ in new])  # (m, DIM)
        died = np.concatenate([state.died, np.full(len(new), _NEVER, dtype=np.int64)])
        died[gone] = sequence
        born = np.concatenate([state.born, np.full(len(new), sequence, dtype=np.int64)])
        first = len(state.born)
        del state.ids[first:], state.digests[first:]  # of a change that failed
        state.ids.extend(item_id for item_id, _, _ in new)
        state.digests.extend(digest for _, _, digest in new)
        base, *delta = state.blocks
        blocks = (base, np.concatenate([*delta, vectors])) if len(new) else state.blocks
        self._state = _State(state.ids, state.digests, blocks, born, died)
        for item_id, item in items.items():
            if item is None:
                self._place.pop(item_id, None)
        self._place |= {item_id: first + at for at, (item_id, _, _) in enumerate(new)}


def meaning_text(item: Item) -> str:
    """Return the text of an item to embed: its title, and the levels of its deepest category.

    Categories such as "Sale" or "Eco Collection" have fewer levels and say less about the item.
    """
    deepest = max(item.categories, key=lambda path: path.count("/"), default="")
    return ", ".join(part for part in (item.title, deepest.replace("/", " ")) if part)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]


def _read(path: Path) -> _File:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError) as error:
        raise IndexCorrupt(f"{path} cannot be read: {error}") from error


def _known_vectors(path: Path | None, model: str) -> dict[bytes, NDArray[np.float16]]:
    """Return the vectors of an earlier file by the digest of their text; {} without such a file."""
    if path is None or not path.is_file():
        return {}
    try:
        file = _read(path)
    except IndexCorrupt:
        return {}
    if file.model != model:
        return {}
    vectors = np.frombuffer(file.vectors, dtype=np.float16).reshape(-1, DIM)
    digests = (file.digests[at : at + 8] for at in range(0, len(file.digests), 8))
    return dict(zip(digests, vectors, strict=False))
