"""Checks of JSON bodies, before they are decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.http.problems import HttpError

if TYPE_CHECKING:
    from starlette.requests import Request

# The most commas and brackets in a JSON body. Each may be a value, which takes twenty times its
# bytes or more when decoded. Sixteen vectors of 8,192 numbers and a filter of 10,000 values fit.
_MAX_MARKS = 200_000


PHOTO_HINT = "; upload photos as files to /v1/search/image"


def check_json_type(request: Request, hint: str = "") -> None:
    """Raise HttpError (415), with a hint, unless the request says that its body is JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpError(
            415,
            "unsupported_media_type",
            f"expected application/json, got {kind or 'no content type'}{hint}",
        )


def check_marks(body: bytes) -> None:
    """Raise HttpError (413) if decoding the body would take too much memory."""
    if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_MARKS:
        raise HttpError(
            413,
            "too_large",
            f"the body has more than {_MAX_MARKS} commas and brackets",
            param="body",
        )
