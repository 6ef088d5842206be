"""Trains the painter network; nothing that serves imports it."""
