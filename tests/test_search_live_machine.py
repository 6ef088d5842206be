"""Any writes in any order leave a shop that answers like a plain list of its items."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from indexer.jobs.rebuild import rebuild_index
from indexer.writing.writes import Draft, patched
from search.engine import SearchEngine
from search.query import EmbeddingPart, Query
from tests.spokes import ENCODER, draft, nearest, new_shop, spoke

DEGREES = st.integers(0, 180)
IDS = st.sampled_from([f"i{n}" for n in range(8)])
COLORS = st.sampled_from(["red", "green", "blue"])


class Shop(RuleBasedStateMachine):
    """The shop against a dict: whatever is done, it answers as a loop over the dict does."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
        self.shop = new_shop(Path(self.folder.name) / "shop", draft("i0", 0, title="kettle"))
        self.model: dict[str, tuple[int, str, str]] = {"i0": (0, "", "kettle")}
        self.engine = SearchEngine.open(self.shop.path, encoder=ENCODER)
        self.other = SearchEngine.open(self.shop.path, encoder=ENCODER)

    def teardown(self) -> None:
        self.engine.close()
        self.other.close()
        self.folder.cleanup()

    @rule(ids=st.lists(IDS, min_size=1, max_size=4), degrees=DEGREES, color=COLORS)
    def put(self, ids: list[str], degrees: int, color: str) -> None:
        drafts = []
        for at, item_id in enumerate(ids):
            angle = degrees + 7 * at
            self.model[item_id] = (angle, color, f"kettle {color}")
            drafts.append(
                draft(item_id, angle, title=f"kettle {color}", attributes={"color": color})
            )
        self.engine.put(drafts)

    @rule(item_id=IDS, color=COLORS)
    def patch(self, item_id: str, color: str) -> None:
        change: dict[str, object] = {"attributes": {"color": color}}
        make = lambda old: patched(item_id, change, old)  # noqa: E731
        (outcome,) = self.other.put([Draft(item_id, make)])
        assert (outcome.status == "unknown") == (item_id not in self.model)
        if item_id in self.model:
            angle, _, title = self.model[item_id]
            self.model[item_id] = (angle, color, title)

    @rule(item_id=IDS)
    def delete(self, item_id: str) -> None:
        (outcome,) = self.engine.delete([item_id])
        assert (outcome.status == "deleted") == (item_id in self.model)
        self.model.pop(item_id, None)

    @rule()
    def rebuild(self) -> None:
        rebuild_index(self.shop, ENCODER)

    @rule()
    def reopen(self) -> None:
        self.engine.close()
        self.engine = SearchEngine.open(self.shop.path, encoder=ENCODER)

    @precondition(lambda self: self.model)
    @invariant()
    def both_answer_like_a_loop(self) -> None:
        for engine in (self.engine, self.other):
            engine.refresh()
            self.check_vectors(engine)
            self.check_colors(engine)
            found = {hit.item_id for hit in engine.by_text("kettle", 20)}
            assert found == set(self.model)
            assert engine.status().items == len(self.model)

    def check_vectors(self, engine: SearchEngine) -> None:
        reply = engine.search(Query(parts=[EmbeddingPart(spoke(0)[0])], limit=20))
        assert {hit.item_id for hit in reply.hits} == set(self.model)
        for hit in reply.hits:
            angle = self.model[hit.item_id][0]
            assert abs(hit.score - math.cos(math.radians(angle))) < 2e-3
        scores = [hit.score for hit in reply.hits]
        assert scores == sorted(scores, reverse=True)

    def check_colors(self, engine: SearchEngine) -> None:
        counts: dict[str, int] = {}
        for _, color, _ in self.model.values():
            if color:
                counts[color] = counts.get(color, 0) + 1
        if not counts:
            return
        query = Query(parts=[EmbeddingPart(spoke(0)[0])], limit=20, facets=["color"])
        facets = {one.value: one.count for one in engine.search(query).facets["color"]}
        assert facets == counts
        red = set(nearest(engine, 20, "color = red"))
        assert red == {item_id for item_id, one in self.model.items() if one[1] == "red"}


TestShop = pytest.mark.slow(Shop.TestCase)
TestShop.settings = settings(
    max_examples=8,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
