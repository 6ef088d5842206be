"""Events of users, a log of them, and visits to items by number."""

from __future__ import annotations

import numpy as np
import pytest

from search.personal.covisits import Visits
from search.personal.event import Event, event_from
from search.personal.event_log import EventLog

NOW = 1_700_000_000.0


def event(user: str, item: str, kind: str = "view", time: float = NOW, **more) -> Event:
    return event_from(
        {"user_id": user, "item_id": item, "type": kind, "time": time, **more}, now=NOW
    )


@pytest.fixture
def log(tmp_path):
    with EventLog(tmp_path / "events.lmdb", create=True) as log:
        yield log


def items_of(log: EventLog, user: str) -> list[str]:
    with log.read() as reader:
        return [stored.item_id for stored in reader.of_user(user)]


def visits(*sequences: list[int]) -> Visits:
    users = [user for user, sequence in enumerate(sequences) for _ in sequence]
    items = [item for sequence in sequences for item in sequence]
    return Visits(np.array(users, dtype=np.int64), np.array(items, dtype=np.int64))
