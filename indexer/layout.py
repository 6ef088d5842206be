"""The names of the files and folders of a shop; readers of catalogs skip them."""

STORE = "catalog.lmdb"
GENERATIONS = "generations"
ENCODERS = "encoders"
STYLES = "styles"
EVENTS = "events.lmdb"
RULES = "recommend.json"
RANKERS = "rankers.json"
REVIEWS = "reviews.lmdb"
SUGGESTIONS = "suggestions.lmdb"
FAQ = "faq.lmdb"
FETCHED = "fetched.lmdb"
PICTURE_TEXTS = "picture_texts.msgpack"
CURRENT = "CURRENT"
JOB_LOCK = "job.lock"
KEYS = "keys.json"
LINEAGE = "lineage"
REPLICA = "replica.json"
REPORTS = "reports"
JOBS = "jobs"
PARTS = (
    *(STORE, GENERATIONS, ENCODERS, STYLES, EVENTS, RULES, RANKERS, REVIEWS, SUGGESTIONS, FAQ),
    *(FETCHED, PICTURE_TEXTS, CURRENT, JOB_LOCK, KEYS, LINEAGE, REPLICA, REPORTS, JOBS),
)
