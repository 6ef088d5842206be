"""Search by words: folding, spelling, synonyms, the full-text index and the index of meanings."""
