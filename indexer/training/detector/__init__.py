"""Trains the bundled detector of things."""
