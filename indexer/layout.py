"""File names in a shop folder; a catalog reader skips them."""

STORE = "catalog.lmdb"
GENERATIONS = "generations"
ENCODERS = "encoders"
STYLES = "styles"
REVIEWS = "reviews.lmdb"
SUGGESTIONS = "suggestions.lmdb"
FAQ = "faq.lmdb"
FETCHED = "fetched.lmdb"
PICTURE_TEXTS = "picture_texts.msgpack"
CURRENT = "CURRENT"
JOB_LOCK = "job.lock"
KEYS = "keys.json"
REPORTS = "reports"
JOBS = "jobs"
PARTS = (
    *(STORE, GENERATIONS, ENCODERS, STYLES, REVIEWS, SUGGESTIONS, FAQ, FETCHED, PICTURE_TEXTS),
    *(CURRENT, JOB_LOCK, KEYS, REPORTS, JOBS),
)
