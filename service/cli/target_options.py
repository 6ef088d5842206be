"""The options that say what recall, time and memory an index must keep."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import click
import msgspec

from indexer.vectors.contract import DEFAULT_RECALL, EXACT_BELOW, BuildTargets, Targets

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Bytes(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """An amount of memory such as 4GB or 500M, in powers of ten."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"expected a size such as 4GB or 500M, got {value!r}", param, ctx)
        return int(float(match[1]) * _UNITS[match[2].upper()])


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --recall, --p95-ms, --ram, --exact-below and --accept.

    The command gets ``targets``, a function: given the targets of the last build (None if there was
    none), it returns those of this build.
    """

    @functools.wraps(command)
    def with_targets(*args: Any, accept: bool, **given: Any) -> Any:
        wished = {field: given.pop(option) for option, field in _FIELDS.items()}
        changed = {field: value for field, value in wished.items() if value is not None}

        def targets(before: Targets | None) -> BuildTargets:
            if not changed:
                return BuildTargets(accept=accept)
            return BuildTargets(
                asked=msgspec.structs.replace(before or Targets(), **changed), accept=accept
            )

        return command(*args, targets=targets, **given)

    wrapped: Callable[..., Any] = with_targets
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


_FIELDS = {"recall": "recall", "p95_ms": "p95_ms", "ram": "ram_bytes", "exact_below": "exact_below"}
_OPTIONS = (
    click.option(
        "--recall",
        type=click.FloatRange(0, 1, min_open=True),
        help=f"Share of the true ten nearest to promise. Default: as before, or {DEFAULT_RECALL}.",
    ),
    click.option(
        "--p95-ms",
        type=click.FloatRange(0, min_open=True),
        help="Most time for 95 of 100 searches, on one core, in milliseconds.",
    ),
    click.option("--ram", type=Bytes(), help="Most memory for the index, such as 4GB."),
    click.option(
        "--exact-below",
        type=click.IntRange(0),
        help=f"Images below which every search is exact. Default: as before, or {EXACT_BELOW}.",
    ),
    click.option(
        "--accept", is_flag=True, help="Accept a catalog quite unlike that of the last build."
    ),
)
