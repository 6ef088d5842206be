"""How good the answers are: evaluation, comparison, metrics."""
