"""The data of a shop: catalogs, images, encoders, the LMDB store, indexes, and the jobs on them."""
