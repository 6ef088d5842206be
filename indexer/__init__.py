"""The catalog on disk: sources, images, encoders, the LMDB store, FAISS vectors, generations."""
