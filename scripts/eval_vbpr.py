"""Compare the VBPR of ``vitrine eval-rec`` with that of cornac, tuned alike on one split.

    pip install cornac torch
    python scripts/eval_vbpr.py --shop SHOP --events FILE [--json]

Both have eight settings. A user without events before the split has the mean factors of the newest
items, and an item that nobody met has factors of its picture alone. Cornac's loss adds a column to
a row of a batch (``Xuij``), so that it sums over all pairs of the batch; it is used as it is.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np
from machine import as_line, machine

from search.engine import SearchEngine
from search.personal.event_file import BadRow, read_events
from search.quality.baselines import Model
from search.quality.eval_recommend import evaluate_recommenders
from search.quality.interactions import interactions_of
from search.quality.vbpr import Vbpr
from service.runtime.blas import use_one_thread_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.quality.baselines import History, Scores, Setting
    from search.quality.interactions import Interactions

_NEWEST = 20
_COLUMNS = ("recall@20", "ndcg@10", "cold_recall@20", "warm_user_ndcg@10", "coverage@20", "gini@20")


class CornacVbpr(Model):
    """VBPR as cornac trains it, by Adam in batches."""

    name: ClassVar[str] = "vbpr of cornac"
    settings: ClassVar[Sequence[Setting]] = tuple(
        {"factors": 16, "rate": rate, "penalty": penalty, "epochs": epochs}
        for rate in (0.001, 0.005)
        for penalty in (0.001, 0.01)
        for epochs in (10, 30)
    )

    def fit(self, log: Interactions) -> None:
        """Train, and take the factors in the order of this log's users and items."""
        import torch
        from cornac.data import Dataset, ImageModality
        from cornac.models import VBPR

        torch.manual_seed(1)
        count, size = len(log.item_ids), int(self.setting["factors"])
        users, items = np.divmod(np.unique(log.users * count + log.items), count)
        pairs = [
            (user, item, 1.0) for user, item in zip(users.tolist(), items.tolist(), strict=True)
        ]
        data = Dataset.from_uir(pairs, seed=1)
        looks = ImageModality(features=self.vectors, ids=list(range(count)), normalized=True)
        looks.build(id_map=data.iid_map)
        data.add_modalities(item_image=looks)
        model = VBPR(
            k=size, k2=size, n_epochs=int(self.setting["epochs"]), batch_size=1_024,
            learning_rate=self.setting["rate"], lambda_w=self.setting["penalty"],
            lambda_b=self.setting["penalty"], verbose=False, seed=1,
        )  # fmt: skip
        model.fit(data)
        self._users = np.zeros((log.user_count, 2 * size))
        for user, number in data.uid_map.items():
            self._users[user] = [*model.gamma_user[number], *model.theta_user[number]]
        self._factors = np.zeros((count, 2 * size))
        self._factors[:, size:] = self.vectors @ model.emb_matrix
        self._constant = (self.vectors @ model.beta_prime).ravel().astype(np.float64)
        for item, number in data.iid_map.items():
            self._factors[item, :size] = model.gamma_item[number]
            self._constant[item] += model.beta_item[number]
        self._known = np.bincount(log.users, minlength=log.user_count) > 0

    def scores(self, history: History) -> Scores:
        """Multiply the user's factors with the items', and add what all users share."""
        if self._known[history.user]:
            user = self._users[history.user]
        elif history.items:
            user = self._factors[history.items[-_NEWEST:]].mean(axis=0)
        else:
            user = np.zeros(self._factors.shape[1])
        scores: Scores = self._factors @ user + self._constant
        return scores


def main() -> None:
    """Print the figures of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    use_one_thread_each()
    with SearchEngine.open(given.shop) as engine:
        ids, vectors = engine.item_vectors()
    rows = [
        msgspec.structs.replace(row, type="view", value=None)  # models of ratings are not compared
        for row in read_events(given.events, now=time.time())
        if not isinstance(row, BadRow)
    ]
    log = interactions_of(rows, ids)
    found = msgspec.to_builtins(evaluate_recommenders(log, vectors, models=[Vbpr, CornacVbpr]))
    if given.json:
        print(json.dumps(found["models"], indent=1))
        return
    print(f"{as_line(machine('cornac', 'torch', 'numpy'))}\n")
    for name, figures in found["models"].items():
        row = ", ".join(f"{column} {figures[column]:.3f}" for column in _COLUMNS)
        print(f"{name:16s} {row}; {figures['ndcg@10_interval']}; {figures['setting']}")


if __name__ == "__main__":
    main()
