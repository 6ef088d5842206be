"""Confidence of hits: the curve from scores to probabilities, and how it is fitted."""
