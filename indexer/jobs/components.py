"""The files of a generation, in components."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from indexer.classification.classifier import CLASSIFIER, Classifier
from indexer.shop.garbage import write_contents
from indexer.shop.manifest import CONTENTS, WORDS
from indexer.vectors.canary import check_index
from indexer.words.lexical import LexicalIndex

if TYPE_CHECKING:
    from indexer.jobs.index_choice import ChosenIndex
    from indexer.jobs.stored_rows import StoredRows


class Component(NamedTuple):
    """Files of a generation that are written and checked together.

    ``write`` writes the files to the folder of the generation. ``check`` reads them back, and
    raises IndexCorrupt if their content is wrong. The manifest lists the files of all components,
    so a snapshot needs no list of components.
    """

    name: str
    write: Callable[[Path], None]
    check: Callable[[Path], None] = lambda _folder: None


def components_of(stored: StoredRows, chosen: ChosenIndex) -> list[Component]:
    """Return the components of a generation: vectors, words, image contents and classifier."""

    def write_words(folder: Path) -> None:
        LexicalIndex.write(folder / WORDS, (record.item for record in stored.records))

    def check_vectors(folder: Path) -> None:
        written = type(chosen.vectors).open(folder, chosen.contract)
        check_index(written, stored.vectors, stored.numbers)

    def check_classifier(folder: Path) -> None:
        Classifier.load(folder / CLASSIFIER)

    contents = [row.content for _, row in stored.rows]
    return [
        Component("vectors", chosen.vectors.save, check_vectors),
        Component("words", write_words),
        Component("contents", lambda path: write_contents(path / CONTENTS, contents)),
        Component(
            "classifier", lambda path: chosen.classifier.save(path / CLASSIFIER), check_classifier
        ),
    ]
