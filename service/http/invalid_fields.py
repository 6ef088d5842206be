"""What pydantic found wrong with a request, in one line for the client."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# The names of types that pydantic adds to the path of a field that may have several types.
_TYPE_NAMES = re.compile(
    r"(constrained-|lax-or-strict|json-or-python|function-|nullable|union|tagged-union|literal|"
    r"is-instance|list|dict|tuple|set|model|typed-dict|chain|definition-ref)[\[-]|constrained-\w+$|"
    r"[A-Z]\w*Body$"  # a model beside other types
)
_PLAIN_TYPES = frozenset({"str", "int", "float", "bool", "none", "dict", "list", "any"})


def explain_errors(errors: Sequence[Any], names: Collection[str] = ()) -> tuple[str, str | None]:
    """Return pydantic's errors in one line, and the name of the first invalid field.

    ``names`` are the fields that the request may have: one of them may be meant by an unknown one.
    """
    by_field: dict[str, list[tuple[str, str]]] = {}  # pairs of the error's type and message
    given: dict[str, str] = {}
    for error in errors:
        name = ".".join(_path_of(error))
        message = _message_of(error, names)
        by_field.setdefault(name, []).append((str(error["type"]), message))
        given.setdefault(name, _given(error))
    lines: list[str] = []
    for name, field_errors in list(by_field.items())[:3]:
        # If a field may have several types, pydantic reports an error for each of them. An error of
        # the type that the value has is more useful than those about its type.
        value_errors = [message for kind, message in field_errors if not kind.endswith("_type")]
        type_errors = dict.fromkeys(message for _, message in field_errors)
        message = value_errors[0] if value_errors else " or ".join(type_errors)
        lines.append((f"{name}: {message}" if name else message) + given[name])
    if len(by_field) > 3:
        lines.append(f"and {len(by_field) - 3} more")
    return "; ".join(lines), next((name for name in by_field if name), None)


def _message_of(error: Any, names: Collection[str]) -> str:
    """Return what is wrong, and which field may be meant by an unknown one."""
    kind = error["type"]
    if kind == "extra_forbidden":
        unknown = str(error["loc"][-1])
        near = get_close_matches(unknown, names, n=1, cutoff=0.7)
        if near:
            return f"unknown field; did you mean {near[0]!r}?"
        return f"unknown field; known are {', '.join(sorted(names))}" if names else "unknown field"
    if kind == "missing":
        return "missing, but required"
    return str(error["msg"]).removeprefix("Value error, ")


def _given(error: Any) -> str:
    """Return the words for what was given, or "" if it is long or the message tells it."""
    given = error.get("input")
    is_short = isinstance(given, (int, float)) or (isinstance(given, str) and 0 < len(given) < 40)
    is_told = error["type"] in ("extra_forbidden", "missing", "value_error", "json_invalid")
    return f", got {given!r}" if is_short and not is_told else ""


def _path_of(error: Any) -> list[str]:
    """Return the path to the invalid field, without pydantic's names of types."""
    if error["type"] == "json_invalid":
        return []
    steps = [str(step) for step in error["loc"] if step not in ("body", "query", "path")]
    named = [step for step in steps if not _TYPE_NAMES.match(step)]
    if len(named) > 1 and named[-1] in _PLAIN_TYPES and named[-2] != "attributes":
        named.pop()
    return named
