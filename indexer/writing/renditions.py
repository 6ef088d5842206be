"""Render stored images in the styles of a shop, check and embed them.

A rendition is made from the best available picture, after all originals are embedded, because the
identity guard compares it with them. If another product is nearer, a lower strength is tried; at
the lowest, the rendition is left out. The outcome is noted in the store (``RenditionRecord``), so
nothing is done twice, and an interrupted run continues. ``indexer.writing.rendition_rows`` adds
and deletes rows by these notes.
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
from indexer.store.pictures import DISPLAY_SIDE, best_picture, image_folder
from indexer.store.records import PictureKey, RenditionRecord
from indexer.threads import THREADS
from indexer.vectors.canary import check_vectors
from indexer.writing.identity import StoredImage
from indexer.writing.image_pipeline import decoding_side, encode_batch
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
_BATCH = 16  # renditions between two commits, about, and pictures that the encoder gets at once


class Rendered(msgspec.Struct):
    """How many pictures a run rendered, ``weakened`` ones included, and left out.

    ``lost`` counts the images that cannot be rendered, because their picture is gone.
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
    """The outcome of a picture; a picture that is left out has no embedding."""

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
        """``encode`` replaces ``encoder.encode_images``, for example to run in another thread."""
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
        """Render each image in its styles. Raises BadEncoder, StoreFull.

        ``watch`` is called with the number of images that are done and on disk, and with their
        total.
        """
        images = 0
        with ThreadPoolExecutor(THREADS.count, thread_name_prefix="render") as pool:
            for batch in _by_renditions(missing, _BATCH):
                watch(images, len(missing))
                done = self._rendered(pool, list(self._tasks(pool, batch)))
                with self._store.write() as writer:
                    for picture, record, display, embedding in done:
                        writer.put_rendition(picture, record)
                        if embedding:
                            writer.put_image(picture, display)
                            writer.put_embedding(self._key, picture, embedding)
                images += len(batch)
        if missing:
            watch(images, images)
        return self.done

    def _tasks(
        self, pool: ThreadPoolExecutor, batch: Sequence[tuple[StoredImage, list[ShopStyle]]]
    ) -> Iterator[_Task]:
        """Decode the images of a batch; those without a picture are counted as lost."""
        with self._store.read() as reader:
            folder = image_folder(reader)
            pictures = [
                best_picture(reader, folder, PictureKey(image.content), image.path)
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
        """Render, embed and check pictures; try those that the guard refuses at lower strengths."""
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
        """Yield the bytes of each vector (dim fp16 numbers), or None if the guard refuses it."""
        vectors = encode_batch(self._encode, [picture.square for picture in rendered])  # (n, dim)
        names = [task.image.path for task in tasks]
        check_vectors(vectors, (len(tasks), self._encoder.dim), self._encoder.id, names)
        for task, picture, vector in zip(tasks, rendered, vectors, strict=True):
            is_recognized = self._guard.recognizes(task.image, vector)
            yield task, picture, vector.astype("float16").tobytes() if is_recognized else None

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


def _by_renditions(
    missing: Sequence[tuple[StoredImage, list[ShopStyle]]], size: int
) -> Iterator[list[tuple[StoredImage, list[ShopStyle]]]]:
    """Yield batches of whole images with ``size`` renditions, or up to one image more.

    A batch of many images in many styles would take minutes, and is lost if the process dies.
    """
    batch: list[tuple[StoredImage, list[ShopStyle]]] = []
    for image, styles in missing:
        batch.append((image, styles))
        if sum(len(styles) for _, styles in batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def _batches(entries: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts of this size; the last may be shorter."""
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
