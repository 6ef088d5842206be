"""From the body of a write to the drafts of items."""

from __future__ import annotations

import stat
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from pydantic import ValidationError

from indexer.catalog.item_parser import BadRecord, GivenFields, item_from
from indexer.errors import BadImage, BadQuery
from indexer.imaging.imagepath import image_path
from indexer.imaging.images import read_image_file
from indexer.writing.writes import Draft, ImageInput, Outcome, patched, updated
from service.http.problems import HttpError, explain
from service.http.uploads import FormLimits, parse_form
from service.http.write_schemas import MAX_IMAGES, ItemBody, ItemsEnvelope, PatchBody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.arrays import Vectors
    from indexer.imaging.images import ImageLimits

_FORM = FormLimits(fields=10 * MAX_IMAGES, text_bytes=32_000_000)


class Pictures:
    """The images that items name: from the request's form, or below the image root."""

    def __init__(
        self, files: Mapping[str, bytes], root: Path | None, limits: ImageLimits, dim: int
    ) -> None:
        """``dim`` is the length of the embeddings that may come instead."""
        self._files = files
        self._root = root.resolve() if root else None
        self._limits = limits
        self._dim = dim

    def sources(self, names: list[str] | None) -> list[ImageInput] | None:
        """Return the images of these names; a name found nowhere is an image to keep."""
        return None if names is None else [self._source(name) for name in names]

    def vectors(self, embeddings: list[list[float]], images: int | None) -> Vectors:
        """Return embeddings as (images, dim). BadRecord for a wrong count, length or value."""
        if images not in (None, len(embeddings)):
            raise BadRecord("", f"{len(embeddings)} embeddings for {images} images")
        for embedding in embeddings:
            if len(embedding) != self._dim:
                raise BadRecord(
                    "", f"an embedding has {len(embedding)} numbers, the index {self._dim}"
                )
        with np.errstate(over="ignore"):  # beyond fp32 is infinite, and refused as that
            vectors = np.asarray(embeddings, dtype=np.float32)  # (images, dim)
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise BadRecord("", "an embedding must be finite and not all zero")
        return vectors

    def _source(self, name: str) -> ImageInput:
        if name in self._files:
            return ImageInput(name, partial(self._files.__getitem__, name))
        if self._root is None:
            return ImageInput(name)
        try:
            path = image_path(self._root, name)
        except BadImage as error:
            return ImageInput(name, partial(_refuse, str(error)))
        try:
            there = path.exists()
        except OSError:  # a name that no file system takes
            there = False
        return ImageInput(name, partial(self._read, path) if there else None)

    def _read(self, path: Path) -> bytes:
        """Return the bytes of a file that lies below the root once links are followed. BadImage."""
        assert self._root is not None
        try:
            real = path.resolve(strict=True)
            mode = real.stat().st_mode
        except OSError as error:
            raise BadImage(f"cannot be read: {error.strerror}") from error
        except RuntimeError:
            raise BadImage("cannot be read: its links lead in a circle") from None
        if not real.is_relative_to(self._root):
            raise BadImage("outside the image root")
        if not stat.S_ISREG(mode):  # a pipe would never end
            raise BadImage("not a file")
        return read_image_file(real, self._limits)


def read_body(body: bytes, content_type: str, field: str) -> tuple[Any, dict[str, bytes]]:
    """Return the JSON of a write, and the files that came with it, by name.

    The JSON is the whole body, or the field ``field`` of a form. Raises HttpError, BadQuery.
    """
    kind = content_type.partition(";")[0].strip().lower()
    files: dict[str, bytes] = {}
    if kind == "multipart/form-data":
        form = parse_form(body, content_type, is_file=lambda name: name != field, limits=_FORM)
        if field not in form.texts:
            raise HttpError(422, "invalid_request", f"{field}: Field required", param=field)
        body, files = form.texts[field].encode(), form.files
    elif kind != "application/json":
        raise HttpError(
            415,
            "unsupported_media_type",
            f"expected application/json or multipart/form-data, got {kind or 'no content type'}",
        )
    try:
        return msgspec.json.decode(body), files
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadQuery(f"the body is not JSON: {error}", param=field) from None


def drafts_of(data: Any, pictures: Pictures) -> list[Draft | Outcome]:
    """Return the items of a body, in order; an invalid item becomes a refusal of its own.

    Raises pydantic's ValidationError when the body holds no list of items.
    """
    envelope = {"items": data} if isinstance(data, list) else data
    items = ItemsEnvelope.model_validate(envelope).items
    return [_draft(record, pictures) for record in items]


def patch_of(item_id: str, data: Any, pictures: Pictures) -> Draft:
    """Return the change of one item. Raises pydantic's ValidationError, BadQuery."""
    body = PatchBody.model_validate(data)
    change = body.model_dump(include=body.model_fields_set - {"embeddings"})
    images = change.pop("images", None)
    if body.embeddings is not None and images is None:
        raise BadQuery(
            "give images with embeddings: each embedding replaces an image, and the item's "
            "present images would be dropped",
            param="images",
        )
    try:
        return _with_vectors(
            Draft(item_id, partial(patched, item_id, change), pictures.sources(images)),
            body.embeddings,
            pictures,
        )
    except BadRecord as error:
        raise BadQuery(str(error), param="embeddings") from None


def _draft(record: Any, pictures: Pictures) -> Draft | Outcome:
    given = record.get("id") if isinstance(record, dict) else None
    item_id = given[:80] if isinstance(given, str) else ""
    try:
        body = ItemBody.model_validate(record)
        fields = body.model_dump(include=body.model_fields_set - {"images", "embeddings"})
        item = item_from(fields)
        make = partial(updated, item, GivenFields(frozenset(fields)))
        draft = Draft(item.item_id, make, pictures.sources(body.images))
        return _with_vectors(draft, body.embeddings, pictures)
    except ValidationError as error:
        reason, _ = explain(error.errors(include_url=False, include_input=False))
    except BadRecord as error:
        reason = str(error)
    return Outcome(item_id=_printable(item_id), status="refused", reason=_printable(reason))


def _with_vectors(draft: Draft, embeddings: list[list[float]] | None, pictures: Pictures) -> Draft:
    if embeddings is None:
        return draft
    vectors = pictures.vectors(embeddings, None if draft.images is None else len(draft.images))
    images = draft.images if draft.images is not None else [ImageInput("")] * len(vectors)
    return draft._replace(images=images, embeddings=vectors)


def _refuse(reason: str) -> bytes:
    raise BadImage(reason)


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
