"""Read questions and answers from tables, and policies from texts with headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.recordfile import check_mapping, record_reader
from indexer.catalog.texts import plain_text
from indexer.enrichment.faqlog import MOST_ENTRIES, FaqEntry
from indexer.enrichment.reviewfile import SkippedRow
from indexer.errors import BadCatalog
from indexer.regularfile import read_regular

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record

FIELDS: Final = ("question", "answer", "kind")
MOST_QUESTION: Final = 500  # letters
MOST_ANSWER: Final = 5_000
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "question": ("q", "title", "heading", "问题"),
    "answer": ("a", "text", "body", "content", "答案", "回答"),
    "kind": ("type",),
}
_HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
_MOST_BYTES: Final = 5_000_000


def read_faq(
    path: Path, mapping: Mapping[str, str] | None = None
) -> Iterator[FaqEntry | SkippedRow]:
    """Yield the entries of a file in order, with a SkippedRow in place of each invalid row.

    A table has the columns question and answer. In a ``.md`` file, a heading is a question and the
    text below it the answer; these are policies. Raises BadCatalog for a file that cannot be read,
    or has more rows than a shop keeps entries.
    """
    for number, row in enumerate(_rows(path, mapping)):
        if number == MOST_ENTRIES:
            raise BadCatalog(f"{path} has more than {MOST_ENTRIES:,} questions; is it an FAQ?")
        yield row


def _rows(path: Path, mapping: Mapping[str, str] | None) -> Iterator[FaqEntry | SkippedRow]:
    mapping = dict(mapping or {})
    check_mapping(mapping, FIELDS)
    if not path.is_file():
        is_folder = path.is_dir()
        raise BadCatalog(
            f"{path} is a folder, expected a file" if is_folder else f"no such file: {path}"
        )
    if path.suffix.lower() in (".md", ".markdown"):
        yield from _policies(path)
        return
    for where, record in record_reader(path, "questions and answers are in")(path):
        if isinstance(record, BrokenRow):
            yield SkippedRow(where, record.reason)
        else:
            yield _checked(where, *(_cell(record, field, mapping) for field in FIELDS))


def _cell(record: Record, field: str, mapping: Mapping[str, str]) -> str:
    names = (mapping[field],) if field in mapping else (field, *_ALIASES[field])
    value = next((record[name] for name in names if record.get(name) not in (None, "")), "")
    return value if isinstance(value, str) else ""


def _checked(where: str, question: str, answer: str, kind: str) -> FaqEntry | SkippedRow:
    question, answer = (" ".join(plain_text(text).split()) for text in (question, answer))
    for name, text, most in (
        ("question", question, MOST_QUESTION),
        ("answer", answer, MOST_ANSWER),
    ):
        if not text:
            return SkippedRow(where, f"it has no {name}")
        if len(text) > most:
            return SkippedRow(where, f"its {name} has {len(text)} characters, at most {most} fit")
    if kind.strip().lower() not in ("", "faq", "policy"):
        return SkippedRow(where, f"kind must be faq or policy, got {kind[:40]!r}")
    return FaqEntry(
        question=question, answer=answer, kind="policy" if "policy" in kind.lower() else "faq"
    )


def _policies(path: Path) -> Iterator[FaqEntry | SkippedRow]:
    try:
        data = read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise BadCatalog(f"{path} cannot be read: {error.strerror or error}") from error
    heading, number, body = "", 0, list[str]()
    for at, line in enumerate([*data.decode("utf-8", "replace").splitlines(), "# end"], 1):
        found = _HEADING.match(line)
        if found is None:
            body.append(line)
            continue
        if heading and any(part.strip() for part in body):
            yield _checked(f"line {number}", heading, "\n".join(body), "policy")
        heading, number, body = found[1], at, []
