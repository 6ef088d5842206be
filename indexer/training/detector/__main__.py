"""Train the bundled detector of things and export it.

    python -m indexer.training.detector --data DIR --out indexer/recognizers/weights/things.onnx

``--data`` holds the training sets of ``indexer.training.data``: ccp, magento, grocery, general and
styles; missing ones are left out. Everything is stored below ``--work``: run the same command again
to resume.
"""

from __future__ import annotations

import argparse
import logging
from multiprocessing import get_context
from pathlib import Path

from indexer.sample.shop import write_shop
from indexer.training.detector.cutouts import catalog_files, chosen_files, save_cutout
from indexer.training.detector.pictures import SIDE
from indexer.training.detector.scene_maker import SceneMaker

DRAWN_SEED, DRAWN_ITEMS = 11, 240  # the demo's shop is drawn with another seed
SHOWN_FROM = 0.3  # the lowest score of a thing that is shown
_CUTOUTS = 180  # files of each kind, at most

logger = logging.getLogger(__name__)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m indexer.training.detector",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the training sets")
    add("--out", type=Path, required=True, help="ONNX file to write, with a JSON beside it")
    add("--work", type=Path, help="folder for scenes (160 kB each) and checkpoints; OUT.work")
    add("--name", default="vitrine-things-1", help="name of the weights")
    add("--shards", type=int, default=8, help="files of 256 scenes")
    add("--steps", type=int, default=1000, help="steps of 16 scenes with a frozen trunk")
    add("--tune-steps", type=int, default=0, help="steps of 16 scenes with the trunk, afterwards")
    add("--workers", type=int, default=2, help="processes that make scenes")
    return parser


def training_cutouts(
    data: Path, work: Path, workers: int, *, held_out: bool = False
) -> list[tuple[Path, float]]:
    """Return the cutouts to train on, or those held out, as PNG files with their weights.

    Draws the sample shop, and cuts out what was not cut out before.
    """
    drawn = work / "drawn"
    if not (drawn / "queries.csv").is_file():
        drawn.mkdir(parents=True, exist_ok=True)
        write_shop(drawn, items=DRAWN_ITEMS, photos=0, seed=DRAWN_SEED, workers=workers)
    files = chosen_files(catalog_files(data, drawn), _CUTOUTS)
    if not files:
        raise FileNotFoundError(f"no catalog pictures below {data}: expected magento or grocery")
    folder = work / "cutouts"
    folder.mkdir(exist_ok=True)
    jobs = [(file.path, folder / f"{file.path.parent.name}-{file.path.stem}.png") for file in files]
    with get_context("spawn").Pool(workers) as pool:
        cut = pool.map(save_cutout, jobs, chunksize=8)
    logger.info("%d of %d catalog pictures have a plain background", sum(cut), len(cut))
    return [
        (target, file.weight)
        for file, (_, target), done in zip(files, jobs, cut, strict=True)
        if done and file.held_out == held_out
    ]


def settings_fields(name: str) -> dict[str, object]:
    """Return the JSON beside the file: see ``indexer.recognizers.settings``."""
    return {
        "format": 1,
        "name": name,
        "size": SIDE,
        "fit": "squash",
        "input": "pixels",
        "layout": "nhwc",
        "dtype": "uint8",
        "decode": "boxes",
        "threshold": SHOWN_FROM,
        "overlap": 0.6,
        "merge_on_plain": True,
        "most": 50,
    }


def main() -> None:
    """Parse the arguments, make scenes, train in two stages, and export."""
    parser = _parser()
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not arguments.out.parent.is_dir():
        parser.error(f"--out {arguments.out}: there is no folder {arguments.out.parent}")
    work = arguments.work or arguments.out.with_suffix(".work")
    work.mkdir(parents=True, exist_ok=True)
    import torch

    from indexer.training.detector.bank import fill_bank
    from indexer.training.detector.export import export_detector, export_trunk, write_settings
    from indexer.training.detector.fit import Scenes, Schedule, fit
    from indexer.training.detector.network import Detector
    from indexer.training.memory import keep_freed_memory
    from indexer.training.network import LITE, Network
    from indexer.training.teacher_features import weights_file

    try:
        cutouts = training_cutouts(arguments.data, work, arguments.workers)
        weights = torch.load(weights_file("lite0"), map_location="cpu", weights_only=True)
    except (FileNotFoundError, ImportError) as error:
        parser.error(str(error))
    trunk = Network(LITE["lite0"])
    trunk.load_imagenet(weights)
    export_trunk(trunk, work / "trunk.onnx")
    bank = fill_bank(
        work / "bank",
        arguments.shards,
        SceneMaker(arguments.data, cutouts),
        work / "trunk.onnx",
        arguments.workers,
        logger.info,
    )
    keep_freed_memory()
    scenes = Scenes(bank)
    torch.manual_seed(1)
    detector = Detector(trunk.requires_grad_(False))
    detector = fit(detector, scenes, Schedule(arguments.steps), work / "head.pt", logger.info)
    if arguments.tune_steps:
        late = Schedule(arguments.tune_steps, rate=4e-4, warm_up=30, tune_trunk=True)
        detector = fit(detector.requires_grad_(True), scenes, late, work / "tuned.pt", logger.info)
    export_detector(detector, arguments.out, name=arguments.name)
    write_settings(arguments.out, settings_fields(arguments.name))
    logger.info("wrote %s", arguments.out)


if __name__ == "__main__":
    main()
