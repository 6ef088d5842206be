"""Answering queries: filters, ranking, pages of hits, and the evaluation of answers."""
