"""The calls of the API as values, and how their replies are read.

Both clients send these calls, so they cannot differ. Nothing here uses the network.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypedDict, TypeVar
from urllib.parse import quote

import msgspec

from service.client.errors import ServiceError, ServiceUnreachable
from service.http.problems import Problem

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Photo = bytes | Path | str
"""A photo: its bytes, or the path of its file."""

TIMEOUT_S = 30.0
TRIES = 3
LONGEST_WAIT_S = 10.0
PAGE = 100  # items
RETRIED = (429, 503)
"""Statuses after which a request is sent again; the service has not acted on it."""


class SearchOptions(TypedDict, total=False):
    """The options of every search. `/docs` of a service describes them."""

    limit: int
    filter: str | Mapping[str, Any]
    group: str
    facets: Sequence[str]
    cursor: str
    collapse: float
    sort: str
    min_score: float
    min_confidence: float
    exclude: Sequence[str] | Mapping[str, Any]
    swatches: str


class PhotoOptions(SearchOptions, total=False):
    """The options of a search with a photo."""

    text: str
    boxes: Sequence[tuple[float, float, float, float]]
    auto_crop: bool
    explain: bool
    verify: bool


class DraftOptions(TypedDict, total=False):
    """What draft of an item's text is wanted."""

    language: str
    tone: str
    length: int
    seed: int


class RecommendOptions(TypedDict, total=False):
    """The options of recommendations."""

    limit: int
    filter: str
    item: str
    seen: bool
    explain: bool
    diversity: float
    style: str


class Call(NamedTuple, Generic[T]):
    """One request. ``reply`` is the type that its reply is read as; ``bytes`` leaves it as it is.

    ``form`` is a multipart form: its file parts, and its texts.
    """

    method: str
    path: str
    reply: type[T]
    params: Mapping[str, str] | None = None
    body: Any = None
    form: tuple[dict[str, bytes], list[tuple[str, str]]] | None = None
    etag: str | None = None

    def request(self, url: str, key: str | None) -> dict[str, Any]:
        """Return the arguments of `httpx.Client.request`."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if self.etag is not None:
            headers["If-Match"] = self.etag
        sent: dict[str, Any] = {"method": self.method, "url": url + self.path, "headers": headers}
        if self.params:
            sent["params"] = dict(self.params)
        if self.form is not None:
            files, texts = self.form
            sent["files"] = [
                *((name, ("photo", content)) for name, content in files.items()),
                *((name, (None, text)) for name, text in texts),
            ]
        elif self.body is not None:
            sent["content"] = msgspec.json.encode(self.body)
            headers["Content-Type"] = "application/json"
        return sent


def path_of(*words: str) -> str:
    """Return a path with its ids percent-encoded."""
    return "/v1/" + "/".join(quote(word, safe="") for word in words)


def photo_call(path: str, photo: Photo, reply: type[T], options: Mapping[str, Any]) -> Call[T]:
    """Return a call that uploads a photo in a form."""
    content = photo if isinstance(photo, bytes) else Path(photo).read_bytes()
    given = dict(options)
    texts = [("box", ",".join(f"{x:.6g}" for x in box)) for box in given.pop("boxes", ())]
    texts += [(name, as_text(value)) for name, value in given.items() if value is not None]
    return Call("POST", path, reply, form=({"image": content}, texts))


def query_call(path: str, reply: type[T], options: Mapping[str, Any]) -> Call[T]:
    """Return a GET with options as parameters of the URL."""
    params = {name: as_text(value) for name, value in options.items() if value is not None}
    return Call("GET", path, reply, params=params)


def as_text(value: Any) -> str:
    """Return a value as a form or a URL takes it: lists with commas, objects as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence):
        return ",".join(str(part) for part in value)
    return json.dumps(value)


def part_of(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part of a query for JSON: an `image` that is bytes or a path becomes base64."""
    image = part.get("image")
    if isinstance(image, Path):
        image = image.read_bytes()
    if not isinstance(image, bytes):
        return dict(part)
    return {**part, "image": base64.b64encode(image).decode()}


def read(call: Call[T], response: httpx.Response) -> T:
    """Return the reply to a call. Raises ServiceError, ServiceUnreachable."""
    if response.status_code >= 400:
        raise _error(response)
    if call.reply is bytes:
        return response.content  # type: ignore[return-value]  # T is bytes
    try:
        return msgspec.json.decode(response.content, type=call.reply)
    except msgspec.MsgspecError as error:
        raise ServiceUnreachable(
            f"{response.url} did not reply as Vitrine does: {error}"
        ) from error


def wait_of(response: httpx.Response, longest_s: float) -> float | None:
    """Return the seconds to wait before the request is sent again; None if it is not."""
    if response.status_code not in RETRIED:
        return None
    wait_s = _retry_after(response)
    return wait_s if wait_s is not None and wait_s <= longest_s else None


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return float(response.headers.get("retry-after", ""))
    except ValueError:
        return None


def _error(response: httpx.Response) -> Exception:
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except msgspec.MsgspecError:
        shown = response.text[:200].strip() or "an empty reply"
        return ServiceUnreachable(f"{response.url} replied {response.status_code}: {shown}")
    return ServiceError(problem, _retry_after(response))


def http_library() -> Any:
    """Return httpx, which the extra `client` installs. Raises ImportError without it."""
    try:
        import httpx
    except ImportError as error:
        raise ImportError("the client needs httpx: pip install 'vitrine[client]'") from error
    return httpx
