"""Questions to a golden shop, asked in Python, on the command line and over HTTP.

A question is an entry of a file of ``tests/golden/answers``: what is asked, and the answer as it
was recorded. These are its kinds::

    {"kind": "python", "call": "by_text", "text": "red mug", "k": 3}
    {"kind": "command", "argv": ["search", "{photos}/mug-red.png", "--shop", "{shop}", "--json"]}
    {"kind": "http", "method": "POST", "path": "/v1/search", "json": {"parts": [...]}}

In what is asked, ``"@photo NAME"`` is a file of ``tests/golden/photos`` (as bytes, or in base64
within JSON) and ``"@vector 48=1 50=0.5"`` a vector with these numbers and else zeros. ``pages``
follows the cursors for so many pages; ``cursor_of`` takes its cursor from another question;
``generation`` asks an older index; ``whole`` records every field of a hit.

What may rightly change from run to run is left out of answers, and so are sentences for people:
``lasting`` says what. ``difference`` compares what is left.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import msgspec
import numpy as np
from PIL import Image

from indexer.errors import VitrineError
from indexer.imaging.images import WHOLE
from search.engine import SearchEngine
from search.filters.grammar import parse_filter
from search.filters.jsonform import filter_from_json
from search.query import EmbeddingPart, ImagePart, ItemPart, Part, Query, TextPart
from service.cli.main import main
from service.http.app import create_app
from service.settings import Settings
from tests.conftest import Http

if TYPE_CHECKING:
    import httpx

GOLDEN = Path(__file__).parent / "golden"
PHOTOS = GOLDEN / "photos"
ANSWERS = GOLDEN / "answers"
WRITE_KEY = "a key for writing to a copy"
TOLERANCE = 5e-4  # of scores and other figures, which are recorded with four decimals

Question = dict[str, Any]

_TIMES = {"timings", "seconds", "p50_ms", "p95_ms", "created", "images_per_second"}
_SIZES = {"bytes", "free_bytes", "disk_bytes", "memory_bytes", "generation_bytes"}
_SENTENCES = {"detail", "device", "note", "notes", "promise", "reason", "encoder_upgrade"}
_PASSING = _TIMES | _SIZES | _SENTENCES | {"version", "request_id", "catalog", "file", "shop"}
_BRIEF = ("item_id", "score", "confidence", "image", "image_index", "copies")  # of a hit
_WIDTH = 100


class GoldenShop:
    """A copy of a golden shop that can be asked and written to; a context manager."""

    def __init__(self, golden: Path, folder: Path, *, threads: int | None = None) -> None:
        self.shop = folder / "shop"
        self._places = {
            "shop": self.shop,
            "photos": PHOTOS,
            "snapshot": golden / "shop.snapshot",
            "folder": folder,
        }
        self._threads = threads
        shutil.copytree(golden / "shop", self.shop)
        self._open = contextlib.ExitStack()
        self._engines: dict[str | None, SearchEngine] = {}
        self._http: Http | None = None

    def __enter__(self) -> GoldenShop:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the shop; the next question opens it again."""
        self._open.close()
        self._engines.clear()
        self._http = None

    def ask(self, question: Question) -> Any:
        """The answer to a question, as it is recorded."""
        asked = {"python": self._python, "command": self._command, "http": self._request}
        ask = asked[question["kind"]]
        if "cursor_of" in question:
            first = {**question, **question["cursor_of"]}
            question = _with_cursor(question, ask(first)[1])
        answer, cursor = ask(question)
        if "pages" not in question:
            return answer
        pages = [answer]
        while cursor is not None and len(pages) < question["pages"]:
            answer, cursor = ask(_with_cursor(question, cursor))
            pages.append(answer)
        return {"pages": pages}

    def run(self, *words: object) -> tuple[int, str, str]:
        """Run a command of ``vitrine``: its exit status, and what it wrote to stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        argv = [str(word) for word in words]
        for name, path in self._places.items():
            argv = [word.replace(f"{{{name}}}", str(path)) for word in argv]
        code = 0
        # A migration works at low priority, which a process cannot give back.
        calm = mock.patch("os.nice", create=True)
        with calm, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(argv)
            except SystemExit as ended:
                code = int(ended.code or 0)
        return code, out.getvalue(), err.getvalue()

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request to the service on this shop."""
        if self._http is None:
            settings = Settings(
                shop=self.shop, request_log=False, write_key=WRITE_KEY, threads=self._threads
            )
            self._http = Http(create_app(settings))
            self._open.callback(self._http.close)
        return self._http.run(self._http.client.request(method, path, **options))

    def engine(self, generation: str | None = None) -> SearchEngine:
        """The engine of the serving generation, or of another one."""
        if generation not in self._engines:
            opened = SearchEngine.open(self.shop, generation=generation, threads=self._threads)
            self._engines[generation] = self._open.enter_context(opened)
        return self._engines[generation]

    def _python(self, question: Question) -> tuple[Any, str | None]:
        engine = self.engine(question.get("generation"))
        try:
            found = _call(engine, question)
        except VitrineError as error:
            return {"error": type(error).__name__, "param": error.param}, None
        cursor = getattr(found, "next_cursor", None)
        if isinstance(found, bytes):
            return _described(found), cursor
        return lasting(msgspec.to_builtins(found), whole="whole" in question), cursor

    def _command(self, question: Question) -> tuple[Any, str | None]:
        code, out, err = self.run(*question["argv"])
        for name, path in self._places.items():
            out = out.replace(str(path), f"{{{name}}}")
        cursor = None
        answer: dict[str, Any] = {"exit": code}
        if out.startswith(("{", "[")):
            found = json.loads(out)
            cursor = found.get("next_cursor") if isinstance(found, dict) else None
            answer["stdout"] = lasting(found, whole="whole" in question)
        else:
            answer["stdout"] = out.splitlines()
        # Of an error the first word: "vitrine" for a known one, "Usage" for wrong usage.
        first = next(iter(err.splitlines()), "")
        answer["stderr"] = first.partition(":")[0] if code else ""
        return answer, cursor

    def _request(self, question: Question) -> tuple[Any, str | None]:
        options: dict[str, Any] = {}
        if "query" in question:
            options["params"] = question["query"]
        if "headers" in question:
            options["headers"] = question["headers"]
        if "body" in question:
            options["content"] = question["body"].encode()
        if "json" in question:
            options["json"] = _filled(question["json"], text=True)
        if "form" in question:
            options["data"] = question["form"]
        if "files" in question:
            options["files"] = {
                name: (name, _filled(value)) for name, value in question["files"].items()
            }
        response = self.send(question["method"], question["path"], **options)
        kind = response.headers.get("content-type", "").partition(";")[0]
        if not kind.endswith("json"):
            return {"status": response.status_code, "body": _described(response.content)}, None
        found = response.json()
        cursor = found.get("next_cursor")
        if kind == "application/problem+json":
            body: Any = {"code": found["code"], "param": found["param"]}
        else:
            body = lasting(found, whole="whole" in question)
        return {"status": response.status_code, "body": body}, cursor


def lasting(found: Any, *, whole: bool = False) -> Any:
    """What of an answer must not change: all but ``_PASSING``, with numbers of four decimals.

    A cursor is followed, not compared: only whether there is one is kept. Hits are brief unless
    ``whole``.
    """
    if isinstance(found, float):
        return round(found, 4)
    if isinstance(found, list):
        return [lasting(one, whole=whole) for one in found]
    if not isinstance(found, dict):
        return found
    if "next_cursor" in found:
        found = {**found, "next_cursor": found["next_cursor"] is not None}
    if not whole and "score" in found and "item_id" in found:
        found = {name: found[name] for name in _BRIEF if found[name] not in (None, [])}
    return {
        name: lasting(value, whole=whole) for name, value in found.items() if name not in _PASSING
    }


def difference(recorded: Any, found: Any, where: str = "answer") -> str:
    """Where an answer first differs from the recorded one, and how; "" where it does not.

    Numbers may differ by ``TOLERANCE``. An object may have got new fields: no program that reads
    answers breaks by those.
    """
    if isinstance(recorded, dict) and isinstance(found, dict):
        for name, value in recorded.items():
            if name not in found:
                return f"{where}.{name}: recorded {value!r}, now there is no such field"
            if told := difference(value, found[name], f"{where}.{name}"):
                return told
        return ""
    if isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        for at, (one, other) in enumerate(zip(recorded, found, strict=True)):
            if told := difference(one, other, f"{where}[{at}]"):
                return told
        return ""
    if _is_number(recorded) and _is_number(found) and abs(recorded - found) <= TOLERANCE:
        return ""
    if type(recorded) is type(found) and recorded == found:
        return ""
    return f"{where}: recorded {recorded!r}, now {found!r}"


def read_questions(path: Path) -> list[Question]:
    """The questions of one file."""
    questions: list[Question] = json.loads(path.read_text(encoding="utf-8"))
    return questions


def write_file(path: Path, questions: list[Question]) -> None:
    """Write questions as JSON that people can read: what fits in a line is on one."""
    path.write_text(_pretty(questions, 0) + "\n", encoding="utf-8")


def _pretty(value: Any, indent: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or (indent > 1 and indent + len(line) < _WIDTH):
        return line
    space = " " * (indent + 1)
    if isinstance(value, list):
        parts = [_pretty(one, indent + 1) for one in value]
        opening, closing = "[", "]"
    else:
        parts = [f"{json.dumps(name)}: {_pretty(one, indent + 1)}" for name, one in value.items()]
        opening, closing = "{", "}"
    between = f",\n{space}"
    return f"{opening}\n{space}{between.join(parts)}\n{' ' * indent}{closing}"


def _call(engine: SearchEngine, question: Question) -> Any:
    """What an engine answers to a call by name."""
    call = question["call"]
    if call == "search":
        return engine.search(_query(question))
    if call == "by_image":
        box = tuple(question["box"]) if "box" in question else WHOLE
        photo = _filled(question["photo"])
        return engine.by_image(photo, question["k"], filter=question.get("filter"), box=box)
    if call in ("by_text", "by_item"):
        asked = question["text" if call == "by_text" else "item_id"]
        return getattr(engine, call)(asked, question["k"], filter=question.get("filter"))
    return getattr(engine, call)(*question.get("arguments", []))


def _query(question: Question) -> Query:
    fields = {name: question[name] for name in Query.__struct_fields__ if name in question}
    fields["parts"] = [_part(one) for one in question["parts"]]
    given = question.get("filter")
    if given is not None:
        fields["filter"] = (
            parse_filter(given) if isinstance(given, str) else filter_from_json(given)
        )
    return Query(**fields)


def _part(fields: dict[str, Any]) -> Part:
    weight = fields.get("weight", 1.0)
    if "image" in fields:
        box = tuple(fields["box"]) if "box" in fields else WHOLE
        return ImagePart(_filled(fields["image"]), weight, box)
    if "embedding" in fields:
        vector = np.array(_filled(fields["embedding"]), dtype=np.float32)  # (dim,)
        return EmbeddingPart(vector, weight)
    if "text" in fields:
        return TextPart(fields["text"], weight)
    return ItemPart(fields["item_id"], weight)


def _filled(value: Any, *, text: bool = False) -> Any:
    """What is asked, with photos and vectors in place of their names; see above."""
    if isinstance(value, dict):
        return {name: _filled(one, text=text) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, text=text) for one in value]
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    kind, _, rest = value.partition(" ")
    if kind == "@photo":
        data = (PHOTOS / rest).read_bytes()
        return base64.b64encode(data).decode() if text else data
    vector = [0.0] * 112  # of the color encoder
    for pair in rest.split():
        place, _, number = pair.partition("=")
        vector[int(place)] = float(number)
    return vector


def _with_cursor(question: Question, cursor: str | None) -> Question:
    """The question for the page that begins at ``cursor``."""
    if question["kind"] == "command":
        return {**question, "argv": [*question["argv"], "--cursor", cursor]}
    for place in ("json", "form", "query"):
        if place in question:
            return {**question, place: {**question[place], "cursor": cursor}}
    return {**question, "cursor": cursor}


def _described(data: bytes) -> dict[str, Any]:
    """Bytes as a few words: a picture, or how they begin."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            size = list(image.size)
            kind = str(image.format)
    except OSError:
        return {"bytes_begin": data[:40].decode("utf-8", "replace")}
    return {"picture": kind, "size": size, "sha256": hashlib.sha256(data).hexdigest()[:16]}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
