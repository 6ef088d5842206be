"""Replies to errors: all are ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Annotated

import msgspec
from fastapi.exceptions import RequestValidationError
from msgspec import Meta
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Mount

from indexer.errors import (
    BadCatalog,
    BadEncoder,
    BadEvent,
    BadImage,
    BadPrimary,
    BadQuery,
    BadServer,
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
    PrimaryLost,
    RecognizerNotFound,
    StoreBusy,
    StoreFull,
    UnknownItem,
    VectorsUnavailable,
    VitrineError,
    WorkersLost,
)
from service.http.hidden_paths import private_paths, without_paths
from service.http.invalid_fields import explain_errors
from service.http.logged_path import logged_path
from style.errors import BadCube, BadNetwork, BadStyleFile, StyleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Scope

# The messages of these errors may quote paths that the client sent. A path in any other message is
# one of this machine.
_QUOTE_CLIENT = (
    BadImage, BadCatalog, BadEvent, BadQuery, CursorExpired, UnknownItem, Overloaded,
)  # fmt: skip
# No request brings a file of a style, so these are damage on the server.
_DAMAGED_STYLE = (BadCube, BadNetwork, BadStyleFile)
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

logger = logging.getLogger("vitrine.service")

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "vitrine.request_id"  # key in the ASGI scope

STATUS: dict[type[VitrineError], int] = {
    BadImage: 422,
    BadCatalog: 422,
    CatalogShrank: 422,
    BadEvent: 422,
    BadQuery: 422,
    CursorExpired: 410,
    UnknownItem: 404,
    EncoderNotFound: 503,
    RecognizerNotFound: 503,
    BadEncoder: 503,
    IndexNotFound: 503,
    IndexMismatch: 409,
    IndexCorrupt: 503,
    StoreFull: 507,
    CannotWrite: 500,
    StoreBusy: 409,
    Conflict: 409,
    CannotPromise: 409,
    BadServer: 503,
    VectorsUnavailable: 503,
    PrimaryLost: 503,
    BadPrimary: 503,
    WorkersLost: 503,
    Overloaded: 503,
}
RETRY_AFTER_S: dict[type[VitrineError], int] = {
    Overloaded: 1,
    IndexNotFound: 5,
    VectorsUnavailable: 5,
    IndexCorrupt: 30,
}

_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    410: "Gone",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid request",
    429: "Too many requests",
    500: "Internal error",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error, as RFC 9457 defines it."""

    type: Annotated[str, Meta(examples=["urn:vitrine:problem:bad_image"])]
    title: Annotated[str, Meta(examples=["Bad image"])]
    status: Annotated[int, Meta(examples=[422])]
    detail: Annotated[str, Meta(examples=["empty: 0 bytes, expected an image"])]
    code: Annotated[
        str, Meta(description="The kind of error, for programs.", examples=["bad_image"])
    ]
    param: Annotated[str | None, Meta(description="The invalid field.", examples=["image"])]
    request_id: Annotated[
        str, Meta(description="Finds the request in the log.", examples=["9f1c24be71a0"])
    ]


class HttpError(Exception):
    """An error of the HTTP request itself, such as a body that is too large."""

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
    """Return the HTTP status of an error; 500 if the table does not list it."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def code_of(error: Exception) -> str:
    """Return the code of an error: ``bad_image`` for ``BadImage``."""
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
    """Return a reply with a problem."""
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
    """Return the reply to any error. An unexpected error is logged; its message is not sent."""
    if isinstance(error, VitrineError):
        status = status_of(error)
        wait = next(
            (RETRY_AFTER_S[kind] for kind in type(error).__mro__ if kind in RETRY_AFTER_S), None
        )
        headers = {"Retry-After": str(wait)} if wait else {}
        code = code_of(error)
        title = code.replace("_", " ").capitalize()
        detail = str(error)
        if not isinstance(error, _QUOTE_CLIENT):
            detail = without_paths(detail, private_paths(scope))
        return problem(scope, status, code, detail, title=title, param=error.param, headers=headers)
    if isinstance(error, StyleError):
        return _style_problem(scope, error)
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
        detail, param = explain_errors(errors, _known_fields(error, scope))
        return problem(scope, 422, "invalid_request", detail, param=param)
    request = (scope.get(REQUEST_ID, "-"), scope.get("method"), logged_path(scope))
    logger.error("request %s failed: %s %s", *request, exc_info=error)
    return problem(
        scope,
        500,
        "internal_error",
        "unexpected error; the server's log has the details under this request_id",
    )


def _known_fields(error: RequestValidationError | ValidationError, scope: Scope) -> set[str]:
    """Return the fields that a request may have, as far as they are known."""
    if isinstance(error, ValidationError):
        models = [model for model in _models(BaseModel) if model.__name__ == error.title]
        return {name for model in models for name in model.model_fields}
    dependant = getattr(scope.get("route"), "dependant", None)
    found: set[str] = set()
    for param in getattr(dependant, "query_params", ()):
        fields = getattr(param.field_info.annotation, "model_fields", None)
        found |= {param.alias} if fields is None else set(fields)
    return found


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("service."):
            yield model
        yield from _models(model)


def _style_problem(scope: Scope, error: StyleError) -> Response:
    """Return the reply to an error of styling. Only the log quotes a damaged file."""
    if isinstance(error, _DAMAGED_STYLE):
        logger.error("request %s: %s", scope.get(REQUEST_ID, "-"), error)
        name = f"the style {error.style!r}" if error.style else "a style of this shop"
        detail = f"{name} is damaged on the server; its log has the details under this request_id"
        return problem(scope, 503, code_of(error), detail)
    detail = without_paths(str(error), private_paths(scope))
    return problem(scope, 422, code_of(error), detail, param=error.param)


def add_error_handlers(app: FastAPI) -> None:
    """Reply with a problem to every error that a route raises."""

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


def _allowed(scope: Scope) -> str:
    """Return the methods that a path allows, for the header Allow."""
    routes = scope["app"].routes if "app" in scope else ()
    allowed = set()
    for method in _METHODS:
        # A mount has replaced root_path in the scope by its own path.
        root = scope.get("app_root_path", scope.get("root_path", ""))
        request = {**scope, "method": method, "root_path": root}
        for route in routes:
            if route.matches(request)[0] is Match.FULL:
                if not isinstance(route, Mount) or method == "GET":
                    allowed.add(method)
                break
    if "GET" in allowed:
        allowed.add("HEAD")
    return ", ".join(sorted(allowed))


def _printable(text: str) -> str:
    # An escape in JSON can produce a lone surrogate, which has no UTF-8 encoding.
    return text.encode("utf-8", "replace").decode("utf-8")[:2000]
