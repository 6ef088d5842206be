"""Multipart forms, parsed in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.http.problems import HttpError


class Form(NamedTuple):
    """The text fields of a form, and the bytes of its files, by the name of the field."""

    texts: dict[str, str]
    files: dict[str, bytes]


class _Part:
    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.name = b""
        self.value = b""
        self.chunks: list[bytes] = []


class FormLimits(NamedTuple):
    """The largest number of fields in a form, and of bytes in a text field."""

    fields: int = 32
    text_bytes: int = 64_000


_LIMITS = FormLimits()


def parse_form(
    body: bytes,
    content_type: str,
    *,
    is_file: Callable[[str], bool],
    limits: FormLimits = _LIMITS,
) -> Form:
    """Parse a complete multipart body. ``is_file`` returns True for the names of file fields.

    All other fields are text, even if a part has a file name. Raises HttpError: 415 for another
    content type, 422 for an invalid body or a field that occurs twice.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise HttpError(
            415,
            "unsupported_media_type",
            "expected multipart/form-data with a boundary, got "
            f"{content_type.split(';')[0] or 'no content type'}",
        )
    form = Form({}, {})
    for part in _parts(body, boundary, limits.fields):
        _, disposition = parse_options_header(part.headers.get(b"content-disposition", b""))
        name = disposition.get(b"name", b"").decode("utf-8", "replace")
        if name in form.texts or name in form.files:
            raise _invalid(f"the field {name!r} occurs twice", name)
        data = b"".join(part.chunks)
        if is_file(name):
            form.files[name] = data
            continue
        if len(data) > limits.text_bytes:
            raise _invalid(f"the field {name!r} has more than {limits.text_bytes} bytes", name)
        try:
            form.texts[name] = data.decode("utf-8")
        except UnicodeDecodeError:
            raise _invalid(f"the field {name!r} is not UTF-8 text", name) from None
    return form


def _parts(body: bytes, boundary: bytes, most: int) -> list[_Part]:
    parts: list[_Part] = []
    ended = False

    def begin() -> None:
        if len(parts) == most:
            raise _invalid(f"the form has more than {most} fields", None)
        parts.append(_Part())

    def header_name(data: bytes, start: int, end: int) -> None:
        parts[-1].name += data[start:end]

    def header_value(data: bytes, start: int, end: int) -> None:
        parts[-1].value += data[start:end]

    def header_end() -> None:
        part = parts[-1]
        part.headers[part.name.lower()] = part.value
        part.name = part.value = b""

    def content(data: bytes, start: int, end: int) -> None:
        parts[-1].chunks.append(data[start:end])

    def finish() -> None:
        nonlocal ended
        ended = True

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin,
                "on_header_field": header_name,
                "on_header_value": header_value,
                "on_header_end": header_end,
                "on_part_data": content,
                "on_end": finish,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _invalid(f"the multipart body is broken: {error}", None) from None
    if not ended:
        raise _invalid(
            f"the multipart body of {len(body)} bytes ends before its last boundary", None
        )
    return parts


def _invalid(detail: str, param: str | None) -> HttpError:
    return HttpError(422, "invalid_request", detail, param=param)
