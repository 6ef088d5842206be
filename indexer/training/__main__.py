"""Train the bundled encoder and export it.

    python -m indexer.training --data DIR --out indexer/encoders/weights/builtin.onnx

``--data`` holds one folder per training set, as described in ``indexer.training.data``. Training
starts from ImageNet weights, which the extra ``train`` installs. Features and checkpoints are
stored in ``--work``; run the same command again to resume an interrupted training. Runs with the
same seed agree within noise, not bit for bit.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.sample.shop import write_shop
from indexer.training.data import Photo, read_photos

if TYPE_CHECKING:
    from indexer.arrays import Pixels

DRAWN_SEED, DRAWN_ITEMS, DRAWN_PHOTOS = 11, 640, 600  # the demo's shop is drawn with another seed
SERVED_SIZE = 192
RANGE_PHOTOS = 256

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
        help="folder for teacher features (240 MB) and checkpoints; default OUT.work",
    )
    parser.add_argument(
        "--name", default="vitrine-retail-7", help="name of the weights, written to the JSON"
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


def _report(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        logger.info("teacher features %d/%d", done, total)


def main() -> None:
    """Parse the arguments, compute teacher features, train, quantize and export to ONNX."""
    parser = _parser()
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.work = work = arguments.work or arguments.out.with_suffix(".work")
    photos = _chosen_photos(parser, arguments)
    logger.info("%d photos and cut-out things", len(photos))
    use = [not (arguments.hold_out and photo.held_out) for photo in photos]
    # Torch takes seconds to import; report bad arguments before that.
    from indexer.training.branch import with_branch
    from indexer.training.export import export, max_difference
    from indexer.training.fit import fit
    from indexer.training.hyperparameters import Hyperparameters
    from indexer.training.initialize import initialize
    from indexer.training.originals import read_squares
    from indexer.training.quantize import quantize_file
    from indexer.training.stored_weights import replace_file
    from indexer.training.teacher_features import make_features
    from indexer.training.whitened_head import refit_head

    try:
        features = make_features(photos, work / "features.npz", arguments.workers, _report)
    except ImportError as error:
        parser.error(f"the ImageNet weights are missing: {error}")
    chosen = {
        "seed": arguments.seed,
        "steps": arguments.steps,
        "workers": arguments.workers,
    }
    known = {field.name for field in fields(Hyperparameters)}
    params = Hyperparameters(
        **{name: value for name, value in chosen.items() if value is not None and name in known}
    )
    network, batches = initialize(photos, read_squares(photos), features, params, use)
    trained = fit(network, batches, params, work / "checkpoint.pt", logger.info)
    joined = with_branch(network, trained, params.frozen_blocks)
    draft = work / arguments.out.name
    export(joined, draft, name=arguments.name, size=SERVED_SIZE, fit="squash")
    difference = max_difference(joined, draft, SERVED_SIZE)
    agreement = quantize_file(draft, _calibration_pictures(photos, use))
    used = [photo for photo, is_used in zip(photos, use, strict=True) if is_used]
    refit_head(draft, trained.head, used, read_squares(used, SERVED_SIZE), params)
    for path in (draft, draft.with_suffix(".json")):
        replace_file(arguments.out.with_suffix(path.suffix), path.read_bytes())
    logger.info(
        "wrote %s; largest difference from torch in float32: %.1e; cosine of int8 to float32: "
        "mean %.4f, minimum %.4f",
        arguments.out,
        difference,
        *agreement,
    )


def _calibration_pictures(photos: Sequence[Photo], use: Sequence[bool]) -> Pixels:
    """Return whole photos from all sets at the served size: (n, size, size, 3)."""
    from indexer.training.originals import read_squares

    used = [photo for photo, is_used in zip(photos, use, strict=True) if is_used]
    step = max(1, len(used) // RANGE_PHOTOS)
    return read_squares(used[::step][:RANGE_PHOTOS], SERVED_SIZE)


if __name__ == "__main__":
    main()
