"""Read catalog files into items."""
