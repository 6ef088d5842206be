"""Two rankers in one list, by team draft, and which of them the users preferred.

Team draft (Radlinski, Kurup and Joachims, 2008): in each round both rankers, in an order that is
drawn anew, add their best item that is not in the list yet. A click counts for its item's team.
"""

from __future__ import annotations

from collections import defaultdict
from math import comb, erfc, sqrt
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from random import Random

    from search.personal.event_reader import LoggedEvent

Team = Literal["a", "b"]
TEAM_SURFACE: Final = "recommended/"
"""Clicks on an interleaved list have the surface ``recommended/a`` or ``recommended/b``."""
_MOST_EXACT: Final = 1000  # users; beyond it the binomial is a normal distribution
_REACTIONS: Final = ("click", "cart", "purchase")


class Drafted(NamedTuple):
    """A place of an interleaved list: its place in the list of its ranker, and the team."""

    place: int
    team: Team


class InterleavingReport(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of users who reacted more to the items of each team.

    ``p_value`` is that of a two-sided sign test over the users without ties.
    """

    users: int
    a_wins: int
    b_wins: int
    ties: int
    a_reactions: int
    b_reactions: int
    p_value: float


def team_draft(
    a: Sequence[Hashable], b: Sequence[Hashable], limit: int, rng: Random
) -> list[Drafted]:
    """Interleave two rankings of keys, best first; a key is drafted once."""
    rankings = {"a": a, "b": b}
    next_place = {"a": 0, "b": 0}
    taken: set[Hashable] = set()
    drafted: list[Drafted] = []
    while len(drafted) < limit:
        teams: list[Team] = ["a", "b"]
        rng.shuffle(teams)
        before = len(drafted)
        for team in teams:
            ranking = rankings[team]
            place = next_place[team]
            while place < len(ranking) and ranking[place] in taken:
                place += 1
            next_place[team] = place
            if place < len(ranking) and len(drafted) < limit:
                taken.add(ranking[place])
                drafted.append(Drafted(place, team))
        if len(drafted) == before:
            break
    return drafted


def report(events: Iterable[LoggedEvent], since: float = 0.0) -> InterleavingReport:
    """Count the reactions since a time. Each user has one vote, so that a robot decides nothing."""
    reactions: dict[bytes, dict[str, int]] = defaultdict(lambda: {"a": 0, "b": 0})
    for user, event in events:
        team = event.surface.removeprefix(TEAM_SURFACE)
        is_ours = event.surface.startswith(TEAM_SURFACE) and team in ("a", "b")
        if is_ours and event.type in _REACTIONS and event.time >= since:
            reactions[user][team] += 1
    a_wins = sum(votes["a"] > votes["b"] for votes in reactions.values())
    b_wins = sum(votes["b"] > votes["a"] for votes in reactions.values())
    return InterleavingReport(
        users=len(reactions),
        a_wins=a_wins,
        b_wins=b_wins,
        ties=len(reactions) - a_wins - b_wins,
        a_reactions=sum(votes["a"] for votes in reactions.values()),
        b_reactions=sum(votes["b"] for votes in reactions.values()),
        p_value=round(_sign_test(a_wins, b_wins), 6),
    )


def _sign_test(wins: int, losses: int) -> float:
    """Return the probability of a split at least as uneven if both rankers are equally good."""
    count = wins + losses
    if not count:
        return 1.0
    if count > _MOST_EXACT:
        # Corrected for continuity; an even split is as uneven as it can be by chance.
        return float(erfc(max(0, abs(wins - losses) - 1) / sqrt(2 * count)))
    tail = sum(comb(count, k) for k in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail * 0.5**count)
