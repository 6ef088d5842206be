"""Reads the body of a write, and returns drafts of items."""

from __future__ import annotations

import stat
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from pydantic import ValidationError

from indexer.catalog.item_parser import BadRecord, GivenFields, item_from
from indexer.errors import BadImage, BadQuery
from indexer.imaging.imagepath import image_path
from indexer.imaging.images import read_image_file
from indexer.jsonbytes import decode_json
from indexer.writing.writes import Draft, ImageInput, Outcome, patched, updated
from service.base64text import decode_base64, is_data_uri
from service.http.invalid_fields import explain_errors
from service.http.problems import HttpError
from service.http.uploads import FormLimits, parse_form
from service.http.write_schemas import (
    MAX_IMAGES,
    ImageBody,
    ItemBody,
    ItemsEnvelope,
    PatchBody,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.arrays import Vectors
    from indexer.imaging.images import ImageLimits
    from service.http.fetching import Fetched

_FORM = FormLimits(fields=10 * MAX_IMAGES, text_bytes=32_000_000)


class ImageFinder:
    """Finds the images that items name: in the form, or below the image root."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        root: Path | None,
        limits: ImageLimits,
        dim: int,
        fetched: Fetched | None = None,
    ) -> None:
        """``dim`` is the length that embeddings must have; ``fetched`` has images by their URL."""
        self._files = files
        self._root = root.resolve() if root else None
        self._limits = limits
        self._dim = dim
        self._fetched = fetched or {}

    def sources(self, images: list[str | ImageBody] | None) -> list[ImageInput] | None:
        """Return a source for each image; one without data keeps the item's image of that name."""
        return None if images is None else [self._source_of(image) for image in images]

    def vectors(self, embeddings: list[list[float]], images: int | None) -> Vectors:
        """Return embeddings as (images, dim). Raises BadRecord for a wrong count or value."""
        if images not in (None, len(embeddings)):
            raise BadRecord("", f"{len(embeddings)} embeddings for {images} images")
        for embedding in embeddings:
            if len(embedding) != self._dim:
                raise BadRecord(
                    "", f"an embedding has {len(embedding)} numbers, the index {self._dim}"
                )
        with np.errstate(over="ignore"):  # too large for fp32 becomes infinite, refused below
            vectors = np.asarray(embeddings, dtype=np.float32)  # (images, dim)
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise BadRecord("", "an embedding must be finite and not all zero")
        return vectors

    def _source_of(self, image: str | ImageBody) -> ImageInput:
        if isinstance(image, ImageBody):
            return _sent_image(image.data, image.name)
        return _sent_image(image, None) if is_data_uri(image) else self._source(image)

    def _source(self, name: str) -> ImageInput:
        if name in self._files:
            return ImageInput(name, partial(self._files.__getitem__, name))
        if name in self._fetched:
            return ImageInput(name, partial(_fetched_bytes, self._fetched[name]))
        if self._root is None:
            return ImageInput(name)
        try:
            path = image_path(self._root, name)
        except BadImage as error:
            return ImageInput(name, partial(_refuse, str(error)))
        try:
            exists = path.exists()
        except OSError:  # not a valid file name
            exists = False
        return ImageInput(name, partial(self._read, path) if exists else None)

    def _read(self, path: Path) -> bytes:
        """Return the bytes of a file. Raises BadImage if it is outside the root, links resolved."""
        assert self._root is not None
        try:
            real = path.resolve(strict=True)
            mode = real.stat().st_mode
        except OSError as error:
            raise BadImage(f"cannot be read: {error.strerror}") from error
        except RuntimeError:
            raise BadImage("cannot be read: its symbolic links form a loop") from None
        if not real.is_relative_to(self._root):
            raise BadImage("outside VITRINE_IMAGE_ROOT; copy it there")
        if not stat.S_ISREG(mode):  # reading a pipe would never end
            raise BadImage("not a file")
        return read_image_file(real, self._limits)


def read_body(body: bytes, content_type: str, field: str) -> tuple[Any, dict[str, bytes]]:
    """Return the decoded JSON of a write, and the files of its form, by name.

    The JSON is the body, or the field ``field`` of a form. Raises HttpError and BadQuery.
    """
    kind = content_type.partition(";")[0].strip().lower()
    files: dict[str, bytes] = {}
    if kind == "multipart/form-data":
        form = parse_form(body, content_type, is_file=lambda name: name != field, limits=_FORM)
        if field not in form.texts:
            raise HttpError(422, "invalid_request", f"{field}: missing, but required", param=field)
        body, files = form.texts[field].encode(), form.files
    elif kind != "application/json":
        raise HttpError(
            415,
            "unsupported_media_type",
            f"expected application/json or multipart/form-data, got {kind or 'no content type'}",
        )
    try:
        return decode_json(body), files
    except msgspec.DecodeError as error:
        raise BadQuery(f"the body is not JSON: {error}", param=field) from None


def drafts_of(data: Any, finder: ImageFinder) -> list[Draft | Outcome]:
    """Return a draft for each item of a body, in order, or a refusal if the item is invalid.

    Raises pydantic's ValidationError if the body has no list of items.
    """
    envelope = {"items": data} if isinstance(data, list) else data
    items = ItemsEnvelope.model_validate(envelope).items
    return [_draft(record, finder) for record in items]


def patch_of(item_id: str, data: Any, finder: ImageFinder) -> Draft:
    """Return a draft that changes one item. Raises pydantic's ValidationError and BadQuery."""
    body = PatchBody.model_validate(data)
    change = body.model_dump(include=body.model_fields_set - {"embeddings", "images"})
    images = body.images
    if body.embeddings is not None and images is None:
        raise BadQuery(
            "give images with embeddings: each embedding replaces an image, and the item's "
            "present images would be dropped",
            param="images",
        )
    try:
        return _with_vectors(
            Draft(item_id, partial(patched, item_id, change), finder.sources(images)),
            body.embeddings,
            finder,
        )
    except BadRecord as error:
        raise BadQuery(str(error), param="embeddings") from None


def _draft(record: Any, finder: ImageFinder) -> Draft | Outcome:
    given = record.get("id") if isinstance(record, dict) else None
    item_id = given[:80] if isinstance(given, str) else ""
    try:
        body = ItemBody.model_validate(record)
        fields = body.model_dump(include=body.model_fields_set - {"images", "embeddings"})
        item = item_from(fields)
        make = partial(updated, item, GivenFields(frozenset(fields)))
        draft = Draft(item.item_id, make, finder.sources(body.images))
        return _with_vectors(draft, body.embeddings, finder)
    except ValidationError as error:
        reason, _ = explain_errors(error.errors(include_url=False), ItemBody.model_fields)
    except BadRecord as error:
        reason = str(error)
    return Outcome(item_id=_printable(item_id), status="refused", reason=_printable(reason))


def _with_vectors(draft: Draft, embeddings: list[list[float]] | None, finder: ImageFinder) -> Draft:
    if embeddings is None:
        return draft
    vectors = finder.vectors(embeddings, None if draft.images is None else len(draft.images))
    images = draft.images if draft.images is not None else [ImageInput("")] * len(vectors)
    return draft._replace(images=images, embeddings=vectors)


def _sent_image(text: str, name: str | None) -> ImageInput:
    """Return the source of an image that is sent as text; its default name is that of its bytes."""
    try:
        data = decode_base64(text)
    except ValueError as error:
        reason = f"image is not base64: {error}"
        return ImageInput(name or "image", partial(_refuse, reason))
    name = name or f"image-{blake2b(data, digest_size=8).hexdigest()}"
    return ImageInput(name, lambda: data)


def _fetched_bytes(found: bytes | str) -> bytes:
    return found if isinstance(found, bytes) else _refuse(found)


def _refuse(reason: str) -> bytes:
    raise BadImage(reason)


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
