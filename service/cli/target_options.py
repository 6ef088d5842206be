"""The options for an index's targets: its recall, search time, memory and place."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import click
import msgspec

from indexer.vectors.contract import DEFAULT_RECALL, EXACT_BELOW, BuildTargets, Targets
from indexer.vectors.remote.address import ServerAddress

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Bytes(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A size such as 4GB or 500M, in powers of ten."""

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
    """Add --recall, --p95-ms, --ram, --exact-below, --vectors and --accept to a command.

    The command gets the function ``targets``, which takes the targets of the last build, or None,
    and returns the targets of this build.
    """

    @functools.wraps(command)
    def with_targets(*args: Any, accept: bool, vectors: str | None, **given: Any) -> Any:
        given_targets = {field: given.pop(option) for option, field in _FIELDS.items()}
        changed = {field: value for field, value in given_targets.items() if value is not None}

        def targets(before: Targets | None) -> BuildTargets:
            server = _server(vectors)
            if not changed:
                return BuildTargets(accept=accept, server=server)
            asked = msgspec.structs.replace(before or Targets(), **changed)
            return BuildTargets(asked=asked, accept=accept, server=server)

        return command(*args, targets=targets, **given)

    wrapped: Callable[..., Any] = with_targets
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _server(given: str | None) -> str | None:
    """Return the address of the server to build on, "" for none; None keeps the previous choice."""
    from service.processsettings import process_settings

    wanted = given or process_settings().vectors
    return str(ServerAddress.parse(wanted) or "") if wanted else None


_FIELDS = {"recall": "recall", "p95_ms": "p95_ms", "ram": "ram_bytes", "exact_below": "exact_below"}
_OPTIONS = (
    click.option(
        "--recall",
        type=click.FloatRange(0, 1, min_open=True),
        help=f"Share of the ten nearest images to find. Default: as before, or {DEFAULT_RECALL}.",
    ),
    click.option(
        "--p95-ms",
        type=click.FloatRange(0, min_open=True),
        help="Longest time of 95 % of searches on one core, in milliseconds.",
    ),
    click.option("--ram", type=Bytes(), help="Most memory of the index, such as 4GB."),
    click.option(
        "--exact-below",
        type=click.IntRange(0),
        help=f"Always search exactly below this many images. Default: as before, or {EXACT_BELOW}.",
    ),
    click.option(
        "--vectors",
        metavar="PLACE",
        help="Where to put the vectors: faiss (in the shop), milvus:URI or qdrant:URI. Default: "
        "VITRINE_VECTORS, or as before.",
    ),
    click.option(
        "--accept",
        is_flag=True,
        help="Accept a catalog that differs a lot from that of the last build.",
    ),
)
