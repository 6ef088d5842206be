"""The names of the parts of a shop's folder, which a catalog's folder must not be taken for."""

STORE = "catalog.lmdb"
GENERATIONS = "generations"
ENCODERS = "encoders"
CURRENT = "CURRENT"
JOB_LOCK = "job.lock"
PARTS = (STORE, GENERATIONS, ENCODERS, CURRENT, JOB_LOCK)
