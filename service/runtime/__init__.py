"""What runs beneath HTTP: engines that swap, batches, workers, metrics, the end."""
