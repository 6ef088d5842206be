"""Recommend items in a style that the shop has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.items import ORIGINAL

if TYPE_CHECKING:
    from search.personal.profile import Profile
    from search.personal.recommendation import Recommendations, RecommendQuery
    from search.personal.recommender import Recommender
    from style.registry import StyleRegistry


def recommend_in_style(
    recommender: Recommender, styles: StyleRegistry, profile: Profile, query: RecommendQuery
) -> Recommendations:
    """Choose items for a profile, as ``Recommender.recommend``.

    The style of the query must be one of the shop. That of the profile comes from events, which may
    name a style that the shop does not have, or no longer has; the answer is then ``original``.
    Raises UnknownStyle, BadQuery, UnknownItem, IndexCorrupt.
    """
    if query.style is not None and query.style != ORIGINAL:
        styles.find(query.style)
    found = recommender.recommend(profile, query)
    if found.style != ORIGINAL and found.style not in styles:
        return msgspec.structs.replace(found, style=ORIGINAL)
    return found
