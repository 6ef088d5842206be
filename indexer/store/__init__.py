"""The LMDB store: items, rows, pictures and embeddings."""
