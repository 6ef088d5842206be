"""Errors as replies: one shape for all, ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi.exceptions import RequestValidationError
from msgspec import Meta
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Mount

from indexer.errors import (
    BadCatalog,
    BadEncoder,
    BadImage,
    BadQuery,
    CannotPromise,
    CannotWrite,
    CatalogShrank,
    Conflict,
    CursorExpired,
    EncoderNotFound,
    IndexCorrupt,
    IndexMismatch,
    IndexNotFound,
    Overloaded,
    StoreBusy,
    StoreFull,
    UnknownItem,
    VitrineError,
)
from style.errors import StyleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Scope

# Such errors quote what the client sent; all others may name files of this machine.
_QUOTING = (BadImage, BadCatalog, BadQuery, CursorExpired, UnknownItem, Overloaded)
_PATH = re.compile(r"(?<![\w./~-])/(?:[^\s/'\":;,()]+/)+([^\s/'\":;,()]+)/?")
# How pydantic calls the types of a field that may be of several.
_INNER = re.compile(
    r"(constrained-|lax-or-strict|json-or-python|function-|nullable|union|tagged-union|literal|"
    r"is-instance|list|dict|tuple|set|model|typed-dict|chain|definition-ref)[\[-]|constrained-\w+$"
)
_PLAIN = frozenset({"str", "int", "float", "bool", "none", "dict", "list", "any"})
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
PRIVATE = "private_paths"  # of the app's state: where the shop lies, and the like

logger = logging.getLogger("vitrine.service")

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "vitrine.request_id"  # key in the ASGI scope

STATUS: dict[type[VitrineError], int] = {
    BadImage: 422,
    BadCatalog: 422,
    CatalogShrank: 422,
    BadQuery: 422,
    CursorExpired: 410,
    UnknownItem: 404,
    EncoderNotFound: 503,
    BadEncoder: 503,
    IndexNotFound: 503,
    IndexMismatch: 409,
    IndexCorrupt: 503,
    StoreFull: 507,
    CannotWrite: 500,
    StoreBusy: 409,
    Conflict: 409,
    CannotPromise: 409,
    Overloaded: 503,
}
RETRY_AFTER_S: dict[type[VitrineError], int] = {Overloaded: 1, IndexNotFound: 5, IndexCorrupt: 30}

_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid request",
    429: "Too many requests",
    500: "Internal error",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Any error, as RFC 9457 has it."""

    type: Annotated[str, Meta(examples=["urn:vitrine:problem:bad_image"])]
    title: Annotated[str, Meta(examples=["Bad image"])]
    status: Annotated[int, Meta(examples=[422])]
    detail: Annotated[str, Meta(examples=["empty: 0 bytes, expected an image"])]
    code: Annotated[str, Meta(description="Tells errors apart.", examples=["bad_image"])]
    param: Annotated[str | None, Meta(description="The field at fault.", examples=["image"])]
    request_id: Annotated[
        str, Meta(description="Finds the request in the log.", examples=["9f1c24be71a0"])
    ]


class HttpError(Exception):
    """An error of HTTP itself, such as a body that is too large."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.param = param
        self.headers = dict(headers or {})


def status_of(error: VitrineError) -> int:
    """Return the HTTP status of an error raised on purpose; 500 if the table has none."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def code_of(error: Exception) -> str:
    """Return the code that programs tell errors apart by: ``bad_image`` for ``BadImage``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(error).__name__).lower()


def problem(
    scope: Scope,
    status: int,
    code: str,
    detail: str,
    *,
    title: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the reply that says what went wrong, for people and programs."""
    request_id = str(scope.get(REQUEST_ID, ""))
    body = problem_body(status, code, detail, request_id=request_id, title=title, param=param)
    sent = dict(headers or {})
    if status in (429, 503):
        sent.setdefault("Retry-After", "5")
    return Response(body, status, sent, media_type=MEDIA_TYPE)


def problem_body(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str,
    title: str | None = None,
    param: str | None = None,
) -> bytes:
    """Return a problem as JSON."""
    return msgspec.json.encode(
        Problem(
            type=f"urn:vitrine:problem:{code}",
            title=title or _TITLES.get(status) or code.replace("_", " ").capitalize(),
            status=status,
            detail=_printable(detail),
            code=code,
            param=None if param is None else _printable(param),
            request_id=request_id,
        )
    )


def problem_of(scope: Scope, error: Exception) -> Response:
    """Return the reply to any error. An unexpected error is logged, and not quoted."""
    if isinstance(error, VitrineError):
        status = status_of(error)
        wait = next((RETRY_AFTER_S[k] for k in type(error).__mro__ if k in RETRY_AFTER_S), None)
        headers = {"Retry-After": str(wait)} if wait else {}
        code = code_of(error)
        title = code.replace("_", " ").capitalize()
        detail = str(error)
        if not isinstance(error, _QUOTING):
            private = getattr(scope["app"].state, PRIVATE, ()) if "app" in scope else ()
            detail = without_paths(detail, private)
        return problem(scope, status, code, detail, title=title, param=error.param, headers=headers)
    if isinstance(error, StyleError):
        return problem(scope, 422, code_of(error), str(error), param=error.param)
    if isinstance(error, HttpError):
        return problem(
            scope, error.status, error.code, str(error), param=error.param, headers=error.headers
        )
    if isinstance(error, HTTPException):
        code = "not_found" if error.status_code == 404 else _code_of_status(error.status_code)
        detail = f"{scope.get('method')} {scope.get('path')}: {error.detail}"
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = _allowed(scope)
        return problem(scope, error.status_code, code, detail, headers=headers)
    if isinstance(error, (RequestValidationError, ValidationError)):
        errors = error.errors()
        detail, param = explain(errors)
        return problem(scope, 422, "invalid_request", detail, param=param)
    logger.error(
        "request %s failed: %s %s",
        scope.get(REQUEST_ID, "-"),
        scope.get("method"),
        scope.get("path"),
        exc_info=error,
    )
    return problem(
        scope, 500, "internal_error", "an unexpected error; the log has it under this request_id"
    )


def install(app: FastAPI) -> None:
    """Turn every error that leaves a route into a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        return problem_of(request.scope, error)

    for kind in (
        VitrineError,
        StyleError,
        HttpError,
        HTTPException,
        RequestValidationError,
        ValidationError,
    ):
        app.add_exception_handler(kind, handle)


def _code_of_status(status: int) -> str:
    return _TITLES.get(status, f"http {status}").lower().replace(" ", "_")


def explain(errors: Sequence[Any]) -> tuple[str, str | None]:
    """Return what pydantic found in one line, and the first field at fault."""
    found: dict[str, list[tuple[str, str]]] = {}  # of each field: kinds of errors and messages
    for error in errors:
        name = ".".join(_field(error))
        message = str(error["msg"]).removeprefix("Value error, ")
        found.setdefault(name, []).append((str(error["type"]), message))
    lines: list[str] = []
    for name, all_ in list(found.items())[:3]:
        # A value that may be of several types is judged as each of them: where it is of one, what
        # the others say of it is beside the point.
        apt = [message for kind, message in all_ if not kind.endswith("_type")]
        message = apt[0] if apt else " or ".join(dict.fromkeys(one for _, one in all_))
        lines.append(f"{name}: {message}" if name else message)
    if len(found) > 3:
        lines.append(f"and {len(found) - 3} more")
    return "; ".join(lines), next((name for name in found if name), None)


def _field(error: Any) -> list[str]:
    """Return the path to the field at fault, without the validator's names of types."""
    if error["type"] == "json_invalid":
        return []
    steps = [str(step) for step in error["loc"] if step not in ("body", "query", "path")]
    named = [step for step in steps if not _INNER.match(step)]
    if len(named) > 1 and named[-1] in _PLAIN and named[-2] != "attributes":
        named.pop()
    return named


def without_paths(text: str, private: Iterable[str] = ()) -> str:
    """Return the text with the paths of this machine shortened to their last names."""
    for path in private:
        text = text.replace(path, path.rstrip("/").rpartition("/")[2])
    return _PATH.sub(r"\1", text)


def _allowed(scope: Scope) -> str:
    """Return all methods of a path, for the header Allow."""
    routes = scope["app"].routes if "app" in scope else ()
    allowed = set()
    for method in _METHODS:
        # A mount leaves its own path in the scope.
        root = scope.get("app_root_path", scope.get("root_path", ""))
        asked = {**scope, "method": method, "root_path": root}
        for route in routes:
            if route.matches(asked)[0] is Match.FULL:
                if not isinstance(route, Mount) or method == "GET":
                    allowed.add(method)
                break
    if "GET" in allowed:
        allowed.add("HEAD")
    return ", ".join(sorted(allowed))


def _printable(text: str) -> str:
    # Lone surrogates can come in with a JSON escape, and cannot go out as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")[:2000]
