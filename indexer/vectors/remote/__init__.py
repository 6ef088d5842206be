"""Vectors on a server: Milvus or Qdrant, behind ``VectorBackend``."""
