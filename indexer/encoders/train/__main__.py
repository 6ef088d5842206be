"""Train the bundled encoder and export it.

    python -m indexer.encoders.train --data DIR --out indexer/encoders/weights/builtin.onnx

`--data` has one folder a training set, as `indexer.encoders.train.data` describes, and by default
the teacher in `weights/`. Views and checkpoints go to `--work`; the same command goes on where an
interrupted one stopped. Two runs of one seed agree within noise, not to the bit.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from indexer.encoders.train.data import Photo, read_photos
from indexer.encoders.train.views import Recipe, make_round
from indexer.sample.shop import write_shop

TEACHER_FILE = Path("weights") / "mobilenet_v2_1.0_224_imagenet.tflite"
DRAWN_SEED, DRAWN_ITEMS, DRAWN_PHOTOS = 11, 640, 600  # the demo's shop is drawn with another seed
SERVED_SIZE = 160  # crops make things look larger than whole photos do: more pixels even that out
RANGE_PHOTOS = 256
BACKGROUND_SOURCES = ("ccp", "general", "grocery")

logger = logging.getLogger(__name__)


def make_recipe(photos: Sequence[Photo], teacher: Path) -> Recipe:
    """Choose what views are disguised with: streets, shelves, everyday scenes, paintings."""
    return Recipe(
        photos,
        teacher,
        [photo.path for photo in photos if photo.source in BACKGROUND_SOURCES],
        [photo.path for photo in photos if photo.source == "styles"],
        seed=1,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m indexer.encoders.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the training sets")
    parser.add_argument(
        "--out", type=Path, required=True, help="ONNX file to write, with a JSON beside it"
    )
    parser.add_argument(
        "--work", type=Path, help="folder for views (4 GB) and checkpoints; default OUT.work"
    )
    parser.add_argument(
        "--teacher", type=Path, help=f"MobileNetV2 .tflite; default DATA/{TEACHER_FILE}"
    )
    parser.add_argument(
        "--name", default="vitrine-retail-5", help="name of the weights in the JSON"
    )
    parser.add_argument("--rounds", type=_count, default=3, help="views made of each photo")
    parser.add_argument("--steps", type=_count, help="training steps; default as shipped")
    parser.add_argument(
        "--workers", type=_count, default=2, help="processes or threads that work at once"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of batches and first weights")
    parser.add_argument(
        "--hold-out",
        action="store_true",
        help="leave out a third of the magento products, for figures on unseen ones",
    )
    parser.add_argument(
        "--without",
        nargs="*",
        default=[],
        metavar="SET",
        help="sets to leave out altogether, such as clothing",
    )
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {number}")
    return number


def _chosen_photos(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[Photo]:
    """The photos of all sets but those left out; ends the program where something is missing."""
    teacher = arguments.teacher
    if not teacher.is_file():
        parser.error(f"there is no teacher {teacher}; --teacher names its .tflite file")
    if not arguments.out.parent.is_dir():
        parser.error(f"--out {arguments.out}: there is no folder {arguments.out.parent}")
    try:
        photos = [*read_photos(arguments.data), *_drawn_photos(arguments.work)]
    except FileNotFoundError as error:
        parser.error(str(error))
    unknown = set(arguments.without) - {_set_of(photo) for photo in photos}
    if unknown:
        there = ", ".join(sorted({_set_of(photo) for photo in photos}))
        parser.error(f"--without {min(unknown)}: there is no such set, only {there}")
    return [photo for photo in photos if _set_of(photo) not in arguments.without]


def _set_of(photo: Photo) -> str:
    return photo.source.split("-")[0]


def _drawn_photos(work: Path) -> list[Photo]:
    """Photos of a sample shop that is drawn below `work` where it is not there yet."""
    if not (work / "drawn" / "queries.csv").is_file():
        work.mkdir(parents=True, exist_ok=True)
        write_shop(work / "drawn", items=DRAWN_ITEMS, photos=DRAWN_PHOTOS, seed=DRAWN_SEED)
    return read_photos(work)


def main() -> None:
    """Read the command line, then photos -> views -> training -> ONNX."""
    parser = _parser()
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.work = work = arguments.work or arguments.out.with_suffix(".work")
    arguments.teacher = arguments.teacher or arguments.data / TEACHER_FILE
    photos = _chosen_photos(parser, arguments)
    logger.info("%d photos and things", len(photos))
    recipe = make_recipe(photos, arguments.teacher)
    rounds = []
    for number in range(arguments.rounds):
        rounds.append(make_round(recipe, work / "views", number, arguments.workers))
        logger.info("views %d/%d", number + 1, arguments.rounds)
    use = [not (arguments.hold_out and photo.held_out) for photo in photos]
    # Torch takes seconds to import: a mistake in the arguments should not wait for it.
    from indexer.encoders.train.batches import Batches
    from indexer.encoders.train.export import check, export, replace_file
    from indexer.encoders.train.fit import fit
    from indexer.encoders.train.integers import to_integers
    from indexer.encoders.train.originals import Originals
    from indexer.encoders.train.plan import Plan

    chosen = {"seed": arguments.seed, "steps": arguments.steps, "workers": arguments.workers}
    known = {field.name for field in fields(Plan)}
    plan = Plan(
        **{name: value for name, value in chosen.items() if value is not None and name in known}
    )
    originals = Originals(photos, use, plan.seed)
    batches = Batches(photos, rounds, plan, use, originals)
    network = fit(batches, plan, work / "checkpoint.pt", logger.info)
    draft = work / arguments.out.name
    export(network, draft, name=arguments.name, size=SERVED_SIZE, fit="squash")
    difference = check(network, draft, SERVED_SIZE)
    kept = to_integers(draft, originals.some(RANGE_PHOTOS, SERVED_SIZE))
    for path in (draft, draft.with_suffix(".json")):
        replace_file(arguments.out.with_suffix(path.suffix), path.read_bytes())
    logger.info(
        "wrote %s; largest difference to torch %.1e in float32, cosines to it in int8 %.4f in the "
        "mean and %.4f at least",
        arguments.out,
        difference,
        *kept,
    )


if __name__ == "__main__":
    main()
