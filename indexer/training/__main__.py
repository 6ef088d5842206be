"""Train the bundled encoder and export it.

    python -m indexer.training --data DIR --out indexer/encoders/weights/builtin.onnx

``--data`` holds one folder per training set, as described in ``indexer.training.data``. Training
starts from ImageNet weights, which the extra ``train`` installs. Features, views and checkpoints
are stored in ``--work``; run the same command again to resume an interrupted training. Runs with
the same seed agree within noise, not bit for bit.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from indexer.sample.shop import write_shop
from indexer.training.data import Photo, read_photos

DRAWN_SEED, DRAWN_ITEMS, DRAWN_PHOTOS = 11, 640, 600  # the demo's shop is drawn with another seed

logger = logging.getLogger(__name__)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m indexer.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the training sets")
    parser.add_argument(
        "--out", type=Path, required=True, help="ONNX file to write, with a JSON beside it"
    )
    parser.add_argument(
        "--work",
        type=Path,
        help="folder for features, views and checkpoints (3 GB); default OUT.work",
    )
    parser.add_argument(
        "--name", default="vitrine-retail-9", help="name of the weights, written to the JSON"
    )
    parser.add_argument(
        "--steps", type=_count, help="training steps; default: as for the shipped weights"
    )
    parser.add_argument(
        "--workers", type=_count, default=2, help="number of parallel processes or threads"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the batches and the initial proxies"
    )
    parser.add_argument(
        "--hold-out",
        action="store_true",
        help="exclude a third of the magento products, to evaluate on unseen products",
    )
    parser.add_argument(
        "--without",
        nargs="*",
        default=[],
        metavar="SET",
        help="training sets to exclude, such as clothing",
    )
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {number}")
    return number


def _chosen_photos(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[Photo]:
    """Return the photos of all sets but the excluded ones; exit with a usage error on bad input."""
    if not arguments.out.parent.is_dir():
        parser.error(f"--out {arguments.out}: there is no folder {arguments.out.parent}")
    try:
        photos = [*read_photos(arguments.data), *_drawn_photos(arguments.work)]
    except FileNotFoundError as error:
        parser.error(str(error))
    unknown = set(arguments.without) - {_set_of(photo) for photo in photos}
    if unknown:
        available = ", ".join(sorted({_set_of(photo) for photo in photos}))
        parser.error(f"--without {min(unknown)}: there is no such set, only {available}")
    return [photo for photo in photos if _set_of(photo) not in arguments.without]


def _set_of(photo: Photo) -> str:
    return photo.source.split("-")[0]


def _drawn_photos(work: Path) -> list[Photo]:
    """Return the photos of a sample shop; draw it below ``work`` unless it is already there."""
    if not (work / "drawn" / "queries.csv").is_file():
        work.mkdir(parents=True, exist_ok=True)
        write_shop(work / "drawn", items=DRAWN_ITEMS, photos=DRAWN_PHOTOS, seed=DRAWN_SEED)
    return read_photos(work)


def main() -> None:
    """Parse the arguments, compute teacher features and views, train, quantize and export."""
    parser = _parser()
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.work = work = arguments.work or arguments.out.with_suffix(".work")
    photos = _chosen_photos(parser, arguments)
    logger.info("%d photos and cut-out things", len(photos))
    use = [not (arguments.hold_out and photo.held_out) for photo in photos]
    # Torch takes seconds to import; report bad arguments before that.
    from indexer.durable import replace_file
    from indexer.training.course import train
    from indexer.training.hyperparameters import Hyperparameters

    chosen = {
        "seed": arguments.seed,
        "steps": arguments.steps,
        "workers": arguments.workers,
    }
    params = Hyperparameters(**{name: value for name, value in chosen.items() if value is not None})
    try:
        draft = train(photos, use, params, work, arguments.name)
    except ImportError as error:
        parser.error(f"the ImageNet weights are missing: {error}")
    except ValueError as error:  # files in the folder are of another training
        parser.error(str(error))
    for path in (draft, draft.with_suffix(".json")):
        replace_file(arguments.out.with_suffix(path.suffix), path.read_bytes())
    logger.info("wrote %s", arguments.out)


if __name__ == "__main__":
    main()
