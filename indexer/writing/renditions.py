"""Renditions of stored images in the styles of a shop: rendered, checked, embedded, indexed.

A rendition is made from the best picture that the store can find, once the original is embedded:
the identity guard compares it with the originals. Where another product is nearer, a lower
strength is tried, and at last the rendition is left out. What became of it is noted in the store
(``RenditionRecord``), so nothing is done twice, and an interrupted run continues. Rows follow
these notes, see ``indexer.writing.rendition_rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import msgspec

from indexer.encoders.base import Model
from indexer.errors import BadImage
from indexer.imaging.images import LIMITS, ImageLimits, thumbnail
from indexer.imaging.photos import fit_pixels, open_photo
from indexer.store.pictures import DISPLAY_SIDE, best_picture, images_root
from indexer.store.records import PictureKey, RenditionRecord
from indexer.threads import THREADS
from indexer.vectors.canary import check_vectors
from indexer.writing.identity import StoredImage
from indexer.writing.image_pipeline import decoding_side
from style.shrink import shrunk

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.encoders.base import Encoder
    from indexer.shop.styles import ShopStyle
    from indexer.store.store import Store
    from indexer.writing.identity import IdentityGuard
    from indexer.writing.image_pipeline import Encode

T = TypeVar("T")

STRENGTHS = (1.0, 0.75, 0.5)  # shares of a style's strength, tried in this order
_SIDE = 512  # pixels on the longer side of what is rendered: the display copy has 400
_BATCH = 16  # images rendered between two commits, and pictures that the encoder gets at once


class Rendered(msgspec.Struct):
    """What a run did, in pictures: ``weakened`` are among the ``rendered``.

    ``lost`` images have no picture any more, so they cannot be rendered.
    """

    rendered: int = 0
    weakened: int = 0
    left_out: int = 0
    lost: int = 0


class _Task(NamedTuple):
    """A picture to be rendered."""

    image: StoredImage
    style: ShopStyle
    pixels: Pixels


class _Picture(NamedTuple):
    """A rendered picture: the square for the encoder, and the JPEG that is shown."""

    square: Pixels
    display: bytes


class _Done(NamedTuple):
    """What becomes of a picture; without an embedding it is left out."""

    picture: PictureKey
    record: RenditionRecord
    display: bytes = b""
    embedding: bytes = b""


class Rendering:
    """Renders images in styles and embeds them, batch by batch, each on disk before the next."""

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        guard: IdentityGuard,
        *,
        encode: Encode | None = None,
        limits: ImageLimits = LIMITS,
    ) -> None:
        """``encode`` does the encoder's work elsewhere, such as in a thread it owns."""
        self.done = Rendered()
        self._store = store
        self._encoder = encoder
        self._encode = encode or encoder.encode_images
        self._guard = guard
        self._limits = limits
        self._side = decoding_side(encoder)
        self._key = Model.of(encoder).key

    def run(
        self,
        missing: Sequence[tuple[StoredImage, list[ShopStyle]]],
        watch: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Rendered:
        """Render each image in its styles. ``watch`` is called with the number of images
        on disk and the number of all.

        Raises BadEncoder, StoreFull.
        """
        at = 0
        with ThreadPoolExecutor(THREADS.count, thread_name_prefix="render") as pool:
            for batch in _batches(missing, _BATCH):
                watch(at, len(missing))
                done = self._rendered(pool, list(self._tasks(pool, batch)))
                with self._store.write() as writer:
                    for picture, record, display, embedding in done:
                        writer.put_rendition(picture, record)
                        if embedding:
                            writer.put_image(picture, display)
                            writer.put_embedding(self._key, picture, embedding)
                at += len(batch)
        if missing:
            watch(at, at)
        return self.done

    def _tasks(
        self, pool: ThreadPoolExecutor, batch: Sequence[tuple[StoredImage, list[ShopStyle]]]
    ) -> Iterator[_Task]:
        """Decode the images of a batch; those without a picture are counted as lost."""
        with self._store.read() as reader:
            root = images_root(reader)
            pictures = [
                best_picture(reader, root, PictureKey(image.content), image.path)
                for image, _ in batch
            ]
        decoded = pool.map(
            self._decoded, [picture.data if picture else b"" for picture in pictures]
        )
        for (image, styles), pixels in zip(batch, decoded, strict=True):
            if pixels is None:
                self.done.lost += 1
                continue
            for style in styles:
                yield _Task(image, style, pixels)

    def _rendered(self, pool: ThreadPoolExecutor, tasks: list[_Task]) -> Iterator[_Done]:
        """Render, embed and check; what the guard refuses is tried at lower strengths."""
        done: list[_Done] = []
        for share in STRENGTHS:
            refused: list[_Task] = []
            for part in _batches(tasks, _BATCH):
                rendered = list(pool.map(lambda task, at=share: self._render(task, at), part))
                for task, picture, half in self._embedded(part, rendered):
                    if half is None:
                        refused.append(task)
                    else:
                        done.append(self._kept(task, share, picture, half))
            tasks = refused
        done += [self._left_out(task) for task in tasks]
        return iter(done)

    def _embedded(
        self, tasks: Sequence[_Task], rendered: list[_Picture]
    ) -> Iterator[tuple[_Task, _Picture, bytes | None]]:
        """Yield the bytes of each vector (dim fp16 numbers), or None where the guard refuses."""
        vectors = self._encode([picture.square for picture in rendered])  # (n, dim)
        names = [task.image.path for task in tasks]
        check_vectors(vectors, (len(tasks), self._encoder.dim), self._encoder.id, names)
        for task, picture, vector in zip(tasks, rendered, vectors, strict=True):
            own = self._guard.recognizes(task.image, vector)
            yield task, picture, vector.astype("float16").tobytes() if own else None

    def _kept(self, task: _Task, share: float, picture: _Picture, half: bytes) -> _Done:
        outcome: Literal["full", "weakened"] = "full" if share == STRENGTHS[0] else "weakened"
        self.done.rendered += 1
        self.done.weakened += outcome == "weakened"
        record = RenditionRecord(task.style.digest, task.style.strength * share, outcome)
        key = PictureKey(task.image.content, task.style.name)
        return _Done(key, record, picture.display, half)

    def _left_out(self, task: _Task) -> _Done:
        self.done.left_out += 1
        record = RenditionRecord(task.style.digest, 0.0, "left_out")
        return _Done(PictureKey(task.image.content, task.style.name), record)

    def _decoded(self, data: bytes) -> Pixels | None:
        try:
            preprocess = self._encoder.preprocess
            photo = open_photo(data, preprocess, side=self._side, limits=self._limits)
        except BadImage:
            return None
        return shrunk(photo.pixels, _SIDE)

    def _render(self, task: _Task, share: float) -> _Picture:
        styler, info = task.style.found
        pixels = styler.apply(task.pixels, info.name, info.strength * share)
        square = fit_pixels(pixels, self._encoder.preprocess)
        return _Picture(square, thumbnail(pixels, DISPLAY_SIDE))


def _batches(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts of this size; the last may be shorter."""
    for start in range(0, len(things), size):
        yield things[start : start + size]
