"""File names in a shop folder; a catalog reader skips them."""

STORE = "catalog.lmdb"
GENERATIONS = "generations"
ENCODERS = "encoders"
STYLES = "styles"
FETCHED = "fetched.lmdb"
CURRENT = "CURRENT"
JOB_LOCK = "job.lock"
KEYS = "keys.json"
PARTS = (STORE, GENERATIONS, ENCODERS, STYLES, FETCHED, CURRENT, JOB_LOCK, KEYS)
