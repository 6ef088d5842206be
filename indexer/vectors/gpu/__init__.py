"""A copy of an index on GPUs."""
