"""Measure the quality of answers: evaluation, comparison, metrics."""
