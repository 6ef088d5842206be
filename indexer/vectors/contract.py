"""The targets that an operator sets for an index, and what was measured on the index."""

from __future__ import annotations

import msgspec

FLAT = "Flat"
DEFAULT_RECALL = 0.98
EXACT_BELOW = 50_000  # rows; one core compares that many in a few milliseconds
MEASURED_K = 40  # rows per query, when efforts are measured; searches ask for at least as many


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's requirements for an index; None means no limit.

    ``recall`` is recall@10 compared with exact search. ``p95_ms`` is the 95th percentile of the
    time of one search on one core. ``ram_bytes`` is the most memory that the index may take. With
    fewer than ``exact_below`` rows every search is exact. ``server`` is the address of the server
    that searches the index, such as ``milvus:http://10.0.0.5:19530``; empty if this process does.
    """

    recall: float = DEFAULT_RECALL
    p95_ms: float | None = None
    ram_bytes: int | None = None
    exact_below: int = EXACT_BELOW
    server: str = ""

    def allow_time(self, p95_us: float) -> bool:
        """Return True if searches of which 95 % take at most ``p95_us`` meet ``p95_ms``."""
        return self.p95_ms is None or p95_us <= self.p95_ms * 1e3


class BuildTargets(msgspec.Struct, frozen=True, kw_only=True):
    """The targets of one build.

    If ``asked`` is given, the index meets these targets or the build fails. Otherwise the targets
    of the shop's last generation apply, and the index that comes closest is built. ``accept``
    allows a catalog that is very different from the last one. ``server`` is the address of the
    server to build the index on, empty for this process; None keeps that of the last generation.
    """

    asked: Targets | None = None
    accept: bool = False
    server: str | None = None


class Effort(msgspec.Struct, frozen=True):
    """The amount of work of one search. It is an argument of each search, never set on an index.

    ``depth`` is efSearch of a graph, or nprobe of inverted lists. ``refine`` is the number of
    candidates that are scored again with the exact vectors; 0 for none.
    """

    depth: int
    refine: int = 0

    def times(self, factor: float) -> Effort:
        """Return this effort, multiplied by ``factor`` (>= 1)."""
        return Effort(max(1, round(self.depth * factor)), max(0, round(self.refine * factor)))


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """An effort with its measured recall@10, and microseconds per search on one core."""

    effort: Effort
    recall: float
    median_us: float
    p95_us: float


class RecipeMeasurement(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe as measured on ``rows`` rows, at its cheapest effort with the target recall.

    If no effort reaches the target, the values are those of the effort with the best recall.
    """

    recipe: str
    rows: int
    recall: float
    median_us: float
    p95_us: float
    bytes_per_row: float
    build_seconds: float


class ScoreProfile(msgspec.Struct, frozen=True):
    """The distribution of scores between random images of a shop: ten quantiles, ascending."""

    quantiles: list[float]


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of an index, its targets, and what was measured on the shop's own vectors.

    ``levels`` are efforts from cheap to thorough; ``level`` is the place of the one that meets the
    target. ``levels`` is empty if every search is exact. ``row_us`` is the time of one exact
    comparison. ``met`` is False if no recipe met all targets and this is the closest one. ``note``
    explains the choice of the recipe. ``measurements`` lists all recipes that were compared.
    ``profile`` is checked by the canary of the next build.
    """

    recipe: str = FLAT
    targets: Targets = Targets()
    levels: list[Level] = []
    level: int = 0
    row_us: float = 0.0
    ram_bytes: int = 0
    met: bool = True
    note: str = ""
    measurements: list[RecipeMeasurement] = msgspec.field(name="tried", default_factory=list)
    profile: ScoreProfile | None = None

    @property
    def exact(self) -> bool:
        """True if every search compares every allowed row."""
        return not self.levels

    @property
    def recall(self) -> float:
        """The recall@10 that was measured at the serving level; 1 if every search is exact."""
        return self.levels[self.level].recall if self.levels else 1.0
