"""``vitrine train-ranker``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from service.cli.console import json_option, print_json, shop_option, stage_bar
from service.cli.interrupt import exit_on_interrupt
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from indexer.shop.folder import ShopFolder
    from indexer.shop.manifest import Manifest
    from search.quality.train_ranker import TrainedRanker

_STAGES = {"earlier": "earlier lists", "weights": "weights", "later": "later lists"}


@click.command("train-ranker")
@shop_option
@click.option("--reset", is_flag=True, help="Go back to the default weights.")
@click.option(
    "--trees",
    is_flag=True,
    help="Compare with LightGBM's lambdarank too; it is not stored. Needs the extra personal.",
)
@threads_option
@json_option
@click.pass_context
def command(context: click.Context, shop: Path, reset: bool, trees: bool, as_json: bool) -> None:
    """Learn from a shop's events how much each feature of a recommendation should count.

    The weights are learned from earlier events and tested on later ones. They are stored only if
    they predict the later events better than the default weights, with 95 % confidence; running
    services use them from the next request on. Otherwise nothing changes, and the exit status is 1.
    They belong to the serving generation. A rebuild with the same encoder takes them over, and
    snapshots and replicas have them; after a rollback, those of the earlier generation hold again.
    """
    from indexer.errors import BadQuery
    from indexer.shop.folder import ShopFolder
    from indexer.shop.rankers import set_ranker
    from search.engine import SearchEngine
    from search.personal.event_log import open_if_exists
    from search.quality.interactions import interactions_of
    from search.quality.train_ranker import train_ranker
    from service.runtime.blas import use_one_thread_each

    folder = ShopFolder(shop)
    folder.current()
    log = open_if_exists(folder.path)
    if log is None:
        raise BadQuery(f"{shop} has no events; store some with 'vitrine events import'")
    with log:
        manifest = folder.manifest(folder.current())
        if reset:
            set_ranker(folder, manifest.seal, None)
            log.delete_weights(manifest.model.key)
            if as_json:
                print_json({"reset": True})
            else:
                say("the default weights are used again")
            return
        with log.read() as reader:
            events = [entry.event.event(entry.user.hex()) for entry in reader.all()]
        with SearchEngine.open(shop) as engine:
            ids, vectors = engine.item_vectors()
            _, facts = engine.item_facts()
        note(f"learning from {len(events)} events")
        use_one_thread_each()
        with exit_on_interrupt("nothing was changed"), stage_bar(_STAGES) as progress:
            trained = train_ranker(
                interactions_of(events, ids), vectors, facts, progress, trees=trees
            )
        if trained.is_better:
            _deploy(folder, manifest, trained)
    rounded = {name: round(weight, 4) for name, weight in trained.weights.items()}
    if as_json:
        print_json(replace(trained, weights=rounded))
    else:
        gap = trained.difference
        say(
            f"ndcg@10 {trained.ndcg:.4f}, untrained {trained.ndcg_untrained:.4f}; difference "
            f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}] over {trained.test_events} events"
        )
        if (worse := trained.difference_trees) is not None:
            say(
                f"LightGBM's lambdarank {trained.ndcg_trees:.4f}; difference from untrained "
                f"{worse.value:+.4f} [{worse.low:+.4f}, {worse.high:+.4f}]"
            )
        say(", ".join(f"{name} {weight:+.3f}" for name, weight in rounded.items()))
        say("stored" if trained.is_better else "not significantly better: nothing was changed")
    if not trained.is_better:
        context.exit(1)


def _deploy(folder: ShopFolder, trained_on: Manifest, trained: TrainedRanker) -> None:
    """Store the weights for the serving generation, unless one of another encoder serves now.

    Then they are stored for the generation whose vectors they were trained on.
    """
    from indexer.shop.manifest import now
    from indexer.shop.rankers import Ranker, set_ranker
    from search.personal.mixer import SCALE

    serving = folder.manifest(folder.current())
    is_same = serving.weights_hash == trained_on.weights_hash
    ranker = Ranker(
        scale=SCALE,
        weights=trained.weights,
        trained=now(),
        ndcg=trained.ndcg,
        ndcg_untrained=trained.ndcg_untrained,
        test_events=trained.test_events,
    )
    set_ranker(folder, serving.seal if is_same else trained_on.seal, ranker)
