"""Stylers of weights that the user brings; each is imported only when it is used."""
