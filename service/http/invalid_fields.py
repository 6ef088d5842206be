"""What pydantic found wrong with a request, in one line for the client."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# The names of types that pydantic adds to the path of a field that may have several types.
_TYPE_NAMES = re.compile(
    r"(constrained-|lax-or-strict|json-or-python|function-|nullable|union|tagged-union|literal|"
    r"is-instance|list|dict|tuple|set|model|typed-dict|chain|definition-ref)[\[-]|constrained-\w+$|"
    r"[A-Z]\w*Body$"  # a model beside other types
)
_PLAIN_TYPES = frozenset({"str", "int", "float", "bool", "none", "dict", "list", "any"})


def explain_errors(errors: Sequence[Any]) -> tuple[str, str | None]:
    """Return pydantic's errors in one line, and the name of the first invalid field."""
    by_field: dict[str, list[tuple[str, str]]] = {}  # pairs of the error's type and message
    for error in errors:
        name = ".".join(_path_of(error))
        message = str(error["msg"]).removeprefix("Value error, ")
        by_field.setdefault(name, []).append((str(error["type"]), message))
    lines: list[str] = []
    for name, field_errors in list(by_field.items())[:3]:
        # If a field may have several types, pydantic reports an error for each of them. An error of
        # the type that the value has is more useful than those about its type.
        value_errors = [message for kind, message in field_errors if not kind.endswith("_type")]
        type_errors = dict.fromkeys(message for _, message in field_errors)
        message = value_errors[0] if value_errors else " or ".join(type_errors)
        lines.append(f"{name}: {message}" if name else message)
    if len(by_field) > 3:
        lines.append(f"and {len(by_field) - 3} more")
    return "; ".join(lines), next((name for name in by_field if name), None)


def _path_of(error: Any) -> list[str]:
    """Return the path to the invalid field, without pydantic's names of types."""
    if error["type"] == "json_invalid":
        return []
    steps = [str(step) for step in error["loc"] if step not in ("body", "query", "path")]
    named = [step for step in steps if not _TYPE_NAMES.match(step)]
    if len(named) > 1 and named[-1] in _PLAIN_TYPES and named[-2] != "attributes":
        named.pop()
    return named
