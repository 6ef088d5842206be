"""Train the network that tells the garments on a person apart, and export it.

    python -m indexer.training.detector.garments --data DIR --out FILE.onnx

Needs ``ccp`` below DIR. The maps of the frozen trunk are computed once and stored below ``--work``
with the checkpoints: run the same command again to resume. Held-out street photos are not read. A
tenth of the others is not trained on either: settings are chosen on these, and the report is of
them.
"""

from __future__ import annotations

import argparse
import copy
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from indexer.arrays import Pixels
from indexer.training.detector.agreement import agreement, frequent_kinds
from indexer.training.detector.close_ups import (
    HEIGHT,
    WIDTH,
    LabeledPhoto,
    in_validation,
    random_close_up,
    whole_close_up,
)
from indexer.training.detector.fit import (
    Schedule,
    load_checkpoint,
    save_checkpoint,
    update_average,
)
from indexer.training.detector.garment_head import (
    STEP,
    STRIDES,
    TAP_CHANNELS,
    GarmentHead,
    garment_loss,
    part_weights,
)
from indexer.training.detector.parts import PARTS, part_numbers
from indexer.training.detector.streets import Street, read_streets

_VIEWS = 3  # of each photo to train on: the whole person, and random ones
_SAVE_EVERY, _REPORT_EVERY, _JUDGE_EVERY = 50, 20, 150

logger = logging.getLogger(__name__)


class StoredViews(NamedTuple):
    """Close-ups: their four maps (n, c, y, x), finest first, and their parts (n, h, w)."""

    maps: tuple[NDArray[np.float16], ...]
    parts: NDArray[np.uint8]


def stored_views(
    folder: Path,
    streets: Sequence[Street],
    numbers: NDArray[np.uint8],
    run: Callable[[Pixels], list[NDArray[np.float32]]],
    views: int,
) -> StoredViews:
    """Compute the maps of ``views`` close-ups of each photo, or read them if they are there.

    The close-ups of one photo follow each other; the first is of the whole person.
    """
    if not (folder / "parts.npy").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        count = views * len(streets)
        shapes = [(c, HEIGHT // s, WIDTH // s) for c, s in zip(TAP_CHANNELS, STRIDES, strict=True)]
        maps = [
            np.lib.format.open_memmap(folder / f"{s}.npy", "w+", np.float16, (count, *shape))
            for s, shape in zip(STRIDES, shapes, strict=True)
        ]
        parts = np.zeros((count, HEIGHT, WIDTH), np.uint8)
        for done, street in enumerate(streets):
            photo = LabeledPhoto.read(street, numbers)
            rng = np.random.default_rng([5, int(street.path.stem)])
            for view in range(views):
                close_up = random_close_up(photo, rng) if view else whole_close_up(photo)
                row = done * views + view
                for stored, found in zip(maps, run(close_up.pixels[None]), strict=True):
                    stored[row] = found[0]
                parts[row] = close_up.parts
            if done % 100 == 99:
                logger.info("%s: %d of %d photos", folder.name, done + 1, len(streets))
        for stored in maps:
            stored.flush()
        np.save(folder / "parts.npy", parts)  # last: it says that the maps are whole
    return StoredViews(
        tuple(np.load(folder / f"{s}.npy", mmap_mode="r") for s in STRIDES),
        np.load(folder / "parts.npy"),
    )


def fit_head(
    views: StoredViews,
    judge: Callable[[GarmentHead], str],
    schedule: Schedule,
    checkpoint: Path,
) -> GarmentHead:
    """Train a head for all steps; return the moving average of its weights, in eval mode.

    Resumes from ``checkpoint`` if it exists; ``judge`` reports how good a head is. Raises
    ValueError if the checkpoint is of another course.
    """
    torch.manual_seed(schedule.seed)
    head = GarmentHead(len(PARTS))
    head.normalize_by([found[::30] for found in views.maps])
    head = head.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay, fused=True
    )
    average = copy.deepcopy(head).requires_grad_(False)
    weights = part_weights(views.parts[::_VIEWS, ::4, ::4], len(PARTS))
    course = f"{schedule} on {len(views.parts)} close-ups"
    first = 0
    if checkpoint.is_file():
        first = load_checkpoint(checkpoint, course, head, average, optimizer)
    total = 0.0
    for step in range(first, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate_at(step)
        maps, parts = _drawn(views, schedule, step)
        loss = garment_loss(head(maps), parts, weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 3.0)
        optimizer.step()
        update_average(average, head, min(0.99, (step + 1) / (step + 10)))
        total += float(loss.detach())
        last = step + 1 == schedule.steps
        if (step + 1) % _REPORT_EVERY == 0:
            logger.info("step %d  loss %.4f", step + 1, total / _REPORT_EVERY)
            total = 0.0
        if (step + 1) % _SAVE_EVERY == 0 or last:
            save_checkpoint(checkpoint, course, step + 1, head, average, optimizer)
        if (step + 1) % _JUDGE_EVERY == 0 or last:
            logger.info("step %d  %s", step + 1, judge(average.eval()))
    done: GarmentHead = average.eval()
    return done


def _drawn(views: StoredViews, schedule: Schedule, step: int) -> tuple[list[Tensor], Tensor]:
    """Draw a batch: its maps, and the part at the middle of each score; half the batches mirrored.

    Each photo is drawn once in an epoch, in one of its views.
    """
    photos = len(views.parts) // _VIEWS
    first = step * schedule.batch
    rows = []
    for at in range(first, first + schedule.batch):
        epoch, place = divmod(at, photos)
        order = np.random.default_rng([schedule.seed, epoch]).permutation(photos)
        view = np.random.default_rng([schedule.seed, 1, at]).integers(_VIEWS)
        rows.append(int(order[place] * _VIEWS + view))
    maps = [torch.from_numpy(found[rows].astype(np.float32)) for found in views.maps]
    middle = slice(STEP // 2, None, STEP)
    parts = torch.from_numpy(views.parts[rows][:, middle, middle].astype(np.int64))
    if np.random.default_rng([schedule.seed, 2, step]).random() < 0.5:
        # A mirrored map is nearly the map of the mirrored picture.
        maps, parts = [found.flip(3) for found in maps], parts.flip(2)
    return [found.contiguous(memory_format=torch.channels_last) for found in maps], parts


def judged(head: GarmentHead, views: StoredViews, kinds: Sequence[str]) -> str:
    """Report how well a head does on close-ups."""
    found = []
    with torch.inference_mode():
        for row in range(len(views.parts)):
            maps = [torch.from_numpy(m[row : row + 1].astype(np.float32)) for m in views.maps]
            scores = functional.interpolate(head(maps), scale_factor=2.0, mode="bilinear")
            found.append(scores[0].argmax(0).numpy())
    head.train()
    result = agreement(found, list(views.parts[:, 1::2, 1::2]), kinds)
    each = "  ".join(f"{kind} {value:.2f}" for kind, value in result.kinds.items())
    return f"mean IoU {result.mean:.3f}  garments {result.garments:.3f}  {each}"


def main() -> None:
    """Parse the arguments, compute the maps, train, and export."""
    parser = argparse.ArgumentParser(
        prog="python -m indexer.training.detector.garments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the training sets")
    add("--out", type=Path, required=True, help="ONNX file to write, with a JSON beside it")
    add("--work", type=Path, help="folder for maps (340 kB a close-up) and checkpoints; OUT.work")
    add("--name", default="vitrine-garments-1", help="name of the weights")
    add("--steps", type=int, default=700, help="steps of 8 close-ups")
    arguments: Any = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder = arguments.data / "ccp"
    if not (folder / "labels.csv").is_file():
        parser.error(f"no street photos below {arguments.data}: expected ccp")
    if not arguments.out.parent.is_dir():
        parser.error(f"--out {arguments.out}: there is no folder {arguments.out.parent}")
    work = arguments.work or arguments.out.with_suffix(".work")
    work.mkdir(parents=True, exist_ok=True)
    from indexer.training.detector.garment_export import (
        export_garments,
        export_maps,
        maps_session,
    )
    from indexer.training.network import LITE, Network
    from indexer.training.teacher_features import weights_file

    trunk = Network(LITE["lite0"])
    try:
        trunk.load_imagenet(
            torch.load(weights_file("lite0"), map_location="cpu", weights_only=True)
        )
    except ImportError as error:
        parser.error(str(error))
    export_maps(trunk, work / "trunk.onnx")
    run = maps_session(work / "trunk.onnx")
    streets = [street for street in read_streets(folder) if not street.held_out]
    apart = [street for street in streets if in_validation(street.path)]
    trained = [street for street in streets if not in_validation(street.path)]
    numbers = part_numbers(folder)
    views = stored_views(work / "trained", trained, numbers, run, _VIEWS)
    validation = stored_views(work / "validation", apart, numbers, run, 1)
    kinds = frequent_kinds(views.parts[::_VIEWS])
    schedule = Schedule(arguments.steps, batch=8, rate=3e-3, weight_decay=0.03, warm_up=40)
    head = fit_head(
        views, lambda now: judged(now, validation, kinds), schedule, work / "garments.pt"
    )
    export_garments(trunk, head, arguments.out, name=arguments.name, parts=PARTS)
    logger.info("wrote %s", arguments.out)


if __name__ == "__main__":
    main()
