"""The service below HTTP: engines, batches of photos, worker threads, rebuilds, metrics."""
