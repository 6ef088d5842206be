"""Train the model of reviews that is installed with Vitrine.

    python -m indexer.enrichment FILE --text title --text review --label recommended \
        --stars stars --language en --name reviews-en-1 --trained-on "..." \
        --out indexer/enrichment/weights/reviews_en.npz

Needs the extra ``reviews``. The same data gives the same model.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from indexer.enrichment.reviewfile import read_labeled
from indexer.enrichment.sentiment import save_model
from indexer.enrichment.training import train

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a model as the command line asks, and write it."""
    parser = argparse.ArgumentParser(
        prog="python -m indexer.enrichment",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="the labeled reviews")
    parser.add_argument("--text", action="append", required=True, help="a column of text")
    parser.add_argument("--label", required=True, help="the column that is 1 for happy, else 0")
    parser.add_argument("--stars", help="the column of stars")
    parser.add_argument("--language", choices=["en", "zh"], required=True, help="of the reviews")
    parser.add_argument("--name", required=True, help="name of the weights")
    parser.add_argument("--trained-on", required=True, help="name and license of the data")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    data = read_labeled(given.file, given.text, given.label, given.stars)
    model = train(data, given.language, name=given.name, trained_on=given.trained_on)
    save_model(model, given.out)
    logger.info("%s: %s", given.out, model.info.measured)


if __name__ == "__main__":
    main()
