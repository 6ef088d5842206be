"""What an operator asks of an index, and what was measured of the one that was built."""

from __future__ import annotations

import msgspec

FLAT = "Flat"
DEFAULT_RECALL = 0.98
EXACT_BELOW = 50_000  # rows; one core compares as many in a few milliseconds
MEASURED_K = 40  # rows that efforts are measured with, and that searches ask for at least


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator asks of an index; None if it does not matter.

    ``recall`` is recall@10 against exact search. ``p95_ms`` is the 95th percentile of the time of
    one search on one core. ``ram_bytes`` is the memory the index may take. Below ``exact_below``
    rows every search is exact.
    """

    recall: float = DEFAULT_RECALL
    p95_ms: float | None = None
    ram_bytes: int | None = None
    exact_below: int = EXACT_BELOW


class BuildTargets(msgspec.Struct, frozen=True, kw_only=True):
    """The targets of one build.

    If targets are ``asked`` for, the index meets them or the build fails. Otherwise those of the
    shop's last generation apply, and the index that comes nearest is taken. ``accept`` says that
    a catalog quite unlike the last one is no mistake.
    """

    asked: Targets | None = None
    accept: bool = False


class Effort(msgspec.Struct, frozen=True):
    """How hard one search tries. It is passed with each call, never set on an index.

    ``depth`` is efSearch of a graph, or nprobe of lists. ``refine`` is how many candidates are
    scored again from the exact vectors; 0 if none.
    """

    depth: int
    refine: int = 0

    def times(self, factor: float) -> Effort:
        """Return this effort, multiplied by ``factor`` (>= 1)."""
        return Effort(max(1, round(self.depth * factor)), max(0, round(self.refine * factor)))


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """An effort, and what was measured with it: recall@10, and microseconds on one core."""

    effort: Effort
    recall: float
    median_us: float
    p95_us: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe as measured on ``rows`` rows, at its cheapest effort that has the target recall.

    At the best effort if none has it.
    """

    recipe: str
    rows: int
    recall: float
    median_us: float
    p95_us: float
    bytes_per_row: float
    build_seconds: float


class ScoreProfile(msgspec.Struct, frozen=True):
    """The distribution of scores between random images of a shop: ten quantiles, rising."""

    quantiles: list[float]


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of an index, its targets, and what was measured on the shop's own vectors.

    ``levels`` are efforts from cheap to thorough, and ``level`` is the one that meets the target;
    there are none if every search is exact. ``row_us`` is the time to compare one row exactly.
    ``met`` is False if no recipe met all targets, and the best one serves. ``note`` says why this
    recipe was chosen. ``profile`` is for the canary of the next build.
    """

    recipe: str = FLAT
    targets: Targets = msgspec.field(name="targets", default=Targets())  # its name on disk
    levels: list[Level] = []
    level: int = 0
    row_us: float = 0.0
    ram_bytes: int = 0
    met: bool = True
    note: str = ""
    tried: list[Measured] = []
    profile: ScoreProfile | None = None

    @property
    def exact(self) -> bool:
        """Whether every search compares every allowed row."""
        return not self.levels

    @property
    def recall(self) -> float:
        """Recall@10 measured at the level that serves; 1 if every search is exact."""
        return self.levels[self.level].recall if self.levels else 1.0
