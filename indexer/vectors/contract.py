"""What an index promises about its answers, and what was measured before it said so."""

from __future__ import annotations

import msgspec

FLAT = "Flat"
DEFAULT_RECALL = 0.98
EXACT_BELOW = 50_000  # rows; one core compares as many in a few milliseconds
MEASURED_K = 40  # rows that efforts are measured with, and that searches ask for at least


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator asks of an index; None means that it does not matter.

    ``recall`` is recall@10 against exact search, ``p95_ms`` the time of one search on one core
    that 95 of 100 searches keep, ``ram_bytes`` the memory the index may take. Below
    ``exact_below`` rows every search is exact.
    """

    recall: float = DEFAULT_RECALL
    p95_ms: float | None = None
    ram_bytes: int | None = None
    exact_below: int = EXACT_BELOW


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms an index is built.

    Without ``wishes`` those of the shop's last generation hold on, as well as they can be kept;
    given ones are kept or the build fails. ``accept`` says that a catalog quite unlike the last
    one is no mistake.
    """

    wishes: Wishes | None = None
    accept: bool = False


class Effort(msgspec.Struct, frozen=True):
    """How hard one search tries; handed in with each call, never set on an index.

    ``depth`` is efSearch of a graph, or the number of lists looked into. ``refine`` is how many
    candidates have their scores computed again from the exact vectors; 0 is none.
    """

    depth: int
    refine: int = 0

    def times(self, factor: float) -> Effort:
        """The same search, trying ``factor`` (>= 1) times as hard."""
        return Effort(max(1, round(self.depth * factor)), max(0, round(self.refine * factor)))


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One effort and what it was measured to give: recall@10, and microseconds on one core."""

    effort: Effort
    recall: float
    median_us: float
    p95_us: float


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe that was measured, on ``rows`` rows, at its cheapest effort with the recall asked.

    Where no effort reached it, the best one.
    """

    recipe: str
    rows: int
    recall: float
    median_us: float
    p95_us: float
    bytes_per_row: float
    build_seconds: float


class ScoreProfile(msgspec.Struct, frozen=True):
    """How the scores of random pairs of a shop's images are spread: ten quantiles, rising."""

    quantiles: list[float]


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of an index, what was wished, and what was measured on the shop's own vectors.

    ``levels`` are efforts from cheap to thorough and ``level`` is the one that keeps the promise;
    both are empty where every search is exact. ``row_us`` is what comparing one row exactly
    costs. ``met`` is False where no recipe kept all wishes and the best one serves. ``note`` says
    why this recipe, in words. ``profile`` is for the canary of the next build.
    """

    recipe: str = FLAT
    wishes: Wishes = Wishes()
    levels: list[Level] = []
    level: int = 0
    row_us: float = 0.0
    ram_bytes: int = 0
    met: bool = True
    note: str = ""
    tried: list[Tried] = []
    profile: ScoreProfile | None = None

    @property
    def exact(self) -> bool:
        """Whether every search compares every allowed row."""
        return not self.levels

    @property
    def recall(self) -> float:
        """Recall@10 measured at the level that serves; 1 where every search is exact."""
        return self.levels[self.level].recall if self.levels else 1.0
