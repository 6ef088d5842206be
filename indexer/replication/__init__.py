"""Copy a shop to another machine, and keep the copy up to date."""
