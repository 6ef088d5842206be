"""Search full-text indexes of format 1, which earlier versions wrote without a vocabulary.

They are searched as by those versions until a rebuild replaces them.
"""

from __future__ import annotations

import itertools
import unicodedata

from indexer.words.folding import LETTER, RUN, pieces_of, spaced, words_of

_MAX_TERMS = 32


def match_expression(text: str) -> str:
    """Return the FTS5 query for a text; empty if the text has no word.

    Every word is quoted, so user input never acts as an operator. The last word also matches as a
    prefix, because the user may still be typing it.
    """
    terms: list[str] = []
    words = words_of(unicodedata.normalize("NFKC", text))
    for word in words:
        for piece in pieces_of(word):
            if RUN.fullmatch(piece):
                pairs = [" ".join(pair) for pair in itertools.pairwise(piece)] or [piece]
                terms.extend(f'"{pair}"' for pair in pairs)
            else:
                terms.append(f'"{piece}"')
    terms = list(dict.fromkeys(terms))[:_MAX_TERMS]
    if terms and words and not LETTER.search(words[-1]) and len(words[-1]) >= 3:
        terms.append(f'"{words[-1]}" *')
    return " OR ".join(terms)


def plain_text(text: str) -> str:
    """Return a text as these indexes store it: not folded, because their tokenizer does that."""
    return spaced(unicodedata.normalize("NFKC", text))
