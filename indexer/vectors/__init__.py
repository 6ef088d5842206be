"""Embeddings that can be searched: the FAISS index, its recipes, its promise and its check."""
