"""Catalogs, images, encoders, the LMDB store, vector indexes and the jobs that build a shop."""
