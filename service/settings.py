"""The settings of the service, read from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath, SecretStr, ValidationError, field_validator

from indexer.confidence.curve import NO_MATCH_BELOW
from indexer.imaging.decodebudget import DEFAULT_MB
from indexer.vectors.remote.access import TIMEOUT_S
from search.query import MAX_LIMIT
from service.boundedsettings import BadSetting, BoundedSettings, bad_setting, fault_in

_LINK = r"^((https?://|/|mailto:)[^\s<>\"]*)?$"
_ITEM_LINK = r"^((https?://|/)[^\s<>\"]*\{(item_id|product_id)\}[^\s<>\"]*)?$"


class Settings(BoundedSettings):
    """All settings and their defaults. ``VITRINE_`` and the name in capitals is the variable.

    docs/settings.md is generated from these fields.
    """

    shop: Path = Field(Path("shop"), description="The shop folder to serve.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every network.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: str = Field(
        "*",
        description="Accepted Host names, separated by commas; * accepts any.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses or networks of proxies whose X-Forwarded-For is trusted, separated"
        " by commas; * trusts any, an empty value none.",
    )
    max_upload_mb: float = Field(32, gt=0, description="Largest photo or request body, in MB.")
    max_megapixels: float = Field(
        64, gt=0, description="Largest photo, in megapixels; checked before decoding."
    )
    max_decode_mb: float = Field(
        DEFAULT_MB, gt=0, description="Most memory for all decoders together, in MB."
    )
    max_limit: int = Field(MAX_LIMIT, ge=1, le=MAX_LIMIT, description="Largest limit of a request.")
    max_collapsed: int = Field(
        200,
        ge=1,
        le=MAX_LIMIT,
        description="Largest limit of a request with collapse, which costs more.",
    )
    max_held_mb: float = Field(
        512, gt=0, description="Most memory for all request bodies together, in MB."
    )
    body_timeout_s: float = Field(
        30, gt=0, description="Longest pause within an upload, in seconds."
    )
    min_upload_kb_s: float = Field(
        20,
        ge=0,
        description="Slowest average speed of an upload after its first VITRINE_BODY_TIMEOUT_S, "
        "in kB a second; 0 is no limit.",
    )
    header_timeout_s: float = Field(
        10,
        gt=0,
        description="Longest time for the headers of a request, in seconds.",
    )
    max_connections: int = Field(
        2000,
        ge=8,
        description="Most open connections, fewer if the limit of open files is low. A further "
        "one closes an idle connection of the address that has the most.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that answer requests. Each has the index in its own memory; they "
        "share the limits on rates, and divide those on memory, connections and queues.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Cores for decoding, encoding, searching and writing; all by default. Several "
        "workers divide them.",
    )
    batch_size: int = Field(16, ge=1, description="Most photos that are encoded together.")
    batch_wait_ms: float = Field(
        0, ge=0, description="How long an idle encoder waits for more photos, in milliseconds."
    )
    queue_size: int | None = Field(
        None,
        ge=1,
        description="Requests of a kind that may wait, such as searches, and half as many photos; "
        "a further one gets the reply 503. By default 64 for each core; several workers divide "
        "them.",
    )
    queue_deadline_s: float = Field(
        2, gt=0, description="Longest wait in a queue before the reply 503, in seconds."
    )
    answer_cache_mb: float = Field(
        32,
        ge=0,
        description="Memory for answers to requests that come again; every write to the shop "
        "outdates them. 0 is off.",
    )
    searches_per_s: float = Field(
        500,
        ge=0,
        description="Searches a second that an address (or a key) may send on average; a "
        "costly one counts as several. Beyond it the reply is 429; 0 is no limit.",
    )
    searches_burst: float = Field(
        5000,
        ge=1,
        description="Searches that it may send at once before VITRINE_SEARCHES_PER_S applies.",
    )
    failed_keys_per_min: float = Field(
        60,
        ge=0,
        description="Wrong keys a minute that an address may send; then the reply to any "
        "key is 429 for a while. 0 is no limit.",
    )
    recognizer: str = Field(
        "things",
        description="What finds the things in photos: things, the bundled detector, onnx:FILE or "
        "sam:FILE.json.",
    )
    query_views: Literal["", "flip", "center", "flip+center"] = Field(
        "",
        description="Views to average with each query photo: its mirror image, its center, or "
        "both. Each view is encoded too.",
    )
    no_match_below: float = Field(
        NO_MATCH_BELOW,
        ge=0,
        le=1,
        description="no_close_match is true if the confidence of the best hit is lower.",
    )
    recall_sample: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of approximate searches that are repeated exactly in the background, "
        "at most two a second, to measure the live recall; 0 is off.",
    )
    vectors: str = Field(
        "",
        description="Where 'vitrine index' and 'rebuild' put vectors: faiss (in the shop), "
        "milvus:URI or qdrant:URI. Default: as before, or faiss.",
    )
    vectors_token: SecretStr | None = Field(
        None, description="Token or API key of the server of vectors."
    )
    vectors_ca: FilePath | None = Field(
        None, description="File of the certificates that the server of vectors is checked with."
    )
    vectors_timeout_s: float = Field(
        TIMEOUT_S, gt=0, description="Longest wait for an answer of the server of vectors."
    )
    vectors_read_only: bool = Field(
        False,
        description="Whether this machine only searches collections on the server of vectors, and "
        "never fills, mends or deletes one; for replicas of a shop.",
    )
    reload_interval_s: float = Field(
        1, gt=0, description="How often to look for a new generation of the index, in seconds."
    )
    refresh_interval_s: float = Field(
        0.25, gt=0, description="How often to look for writes of other processes, in seconds."
    )
    write_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="Key for writes over HTTP (Authorization: Bearer KEY), at least 16 "
        "characters. 'vitrine keys' makes more; writes are off without any.",
    )
    require_key: bool = Field(
        False,
        description="Whether the API and the metrics need a key that may read; the page then works "
        "only behind a proxy that adds one.",
    )
    mcp: bool = Field(
        False,
        description="Whether assistants may use the shop at /mcp, by the Model Context Protocol; "
        "needs the extra mcp.",
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may call the API from a browser, separated by commas, "
        "such as https://shop.example; * is any. By default none but this service's own.",
    )
    shop_name: str = Field(
        "Vitrine", min_length=1, max_length=60, description="Name of the shop on its page."
    )
    shop_logo: Path | None = Field(
        None, description="File of the logo on the page: SVG, PNG, WebP or JPEG."
    )
    shop_color: str = Field(
        "",
        pattern=r"^(#[0-9a-fA-F]{6})?$",
        description="Accent color of the page, such as #0c6b58; made darker or lighter if text "
        "in it would be unreadable.",
    )
    item_url: str = Field(
        "",
        pattern=_ITEM_LINK,
        description="Address of an item's page in the shop, with {item_id} or {product_id}: the "
        "link to buy an item that has no url of its own.",
    )
    imprint_url: str = Field(
        "", pattern=_LINK, description="Link to the shop's imprint, at the end of the page."
    )
    privacy_url: str = Field(
        "", pattern=_LINK, description="Link to its privacy notice, at the end of the page."
    )
    planned_items: int = Field(
        0,
        ge=0,
        description="Items that the shop will have once it is filled for the first time; until "
        "then its page shows how many are indexed. 0 shows nothing.",
    )
    image_root: Path | None = Field(
        None, description="Folder of image files that written items may name; by default none."
    )
    fetch_hosts: str = Field(
        "",
        description="Hosts that images of written items are fetched from if they are URLs, "
        "separated by commas, such as cdn.shop.com,*.shop.com; by default none.",
    )
    fetch_networks: str = Field(
        "",
        description="Networks of your own to fetch from, such as 10.1.2.0/24, separated by commas; "
        "by default only public addresses.",
    )
    fetch_queries: bool = Field(
        False,
        description="Whether anyone who may search may name a photo by its URL, on one of "
        "VITRINE_FETCH_HOSTS: image_url of /knn-service.",
    )
    image_cache_mb: float = Field(
        64, ge=0, description="Most memory for smaller copies of images (?size=), in MB."
    )
    catalogs: Path | None = Field(
        None, description="Folder of catalogs that may be built over HTTP; by default none."
    )
    snapshots: Path | None = Field(
        None, description="Folder for snapshots that are taken over HTTP; by default none."
    )
    rebuild_rows: int = Field(
        1000, ge=0, description="Fewest images outside the index that start a rebuild; 0 is never."
    )
    rebuild_share: float = Field(
        0.1, gt=0, description="Fewest such images as a share of the index; both must be reached."
    )
    contact: str = Field(
        "",
        max_length=300,
        description="How to reach the shop, such as an email address or a page; it is offered if a "
        "customer's question has no answer.",
    )
    primary_key: SecretStr | None = Field(
        None,
        description="Key of the service that 'vitrine replicate' copies, with the scope admin. The "
        "service of a replica sends events with it; for that, write is enough.",
    )
    primary_ca: FilePath | None = Field(
        None, description="File of the certificates that that service is checked with."
    )
    llm_key: SecretStr | None = Field(
        None,
        description="Key for the language model of 'vitrine describe --llm'.",
    )
    keep_events_days: float = Field(
        0,
        ge=0,
        description="Age in days from which events are refused over HTTP, and deleted by "
        "'vitrine events expire'; 0 is no limit.",
    )
    request_log: bool = Field(True, description="Whether to log each request to stderr.")
    traces: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Where to send traces: the address of a collector of OpenTelemetry (OTLP over "
        "HTTP), such as http://localhost:4318/v1/traces; needs the extra otel. By default none.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Format of the log, as text for people or one JSON object a line."
    )
    shutdown_grace_s: int = Field(
        10, ge=0, description="Time for running requests to finish on shutdown, in seconds."
    )

    @field_validator("shop_logo")
    @classmethod
    def _check_file(cls, path: Path | None) -> Path | None:
        # Unlike Path.is_file, this raises nothing for a name that no file can have.
        if path is not None and not os.path.isfile(path):  # noqa: PTH113
            raise ValueError(f"expected a file, there is none at {str(path)[:200]!r}")
        return path


def settings_for(shop: Path) -> Settings:
    """Return the settings of the environment for this shop. Raises BadSetting."""
    try:
        return Settings(shop=shop)
    except ValidationError as error:
        raise bad_setting(error) from None


def readable_settings(shop: Path) -> tuple[Settings, list[BadSetting]]:
    """Return the settings for this shop, and what is wrong with each invalid variable.

    An invalid variable counts as one that is not set.
    """
    try:
        return Settings(shop=shop), []
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        fields = Settings.model_fields
        unset = {str(fault["loc"][0]): fields[str(fault["loc"][0])].default for fault in faults}
        return Settings(**{**unset, "shop": shop}), [fault_in(fault) for fault in faults]


def unknown_variables(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each VITRINE_ variable that is not a setting, with the most similar setting or ""."""
    prefix = Settings.model_config["env_prefix"]
    known = [f"{prefix}{name.upper()}" for name in Settings.model_fields]
    return [
        (name, next(iter(get_close_matches(name.upper(), known, 1)), ""))
        for name in sorted(environment)
        if name.upper().startswith(prefix) and name.upper() not in known
    ]
