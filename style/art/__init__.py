"""Painterly filters: one module per style, with a function of a small picture and a seed."""
