"""What an operator can set: the only place that reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from indexer.confidence.curve import NO_MATCH_BELOW
from indexer.errors import VitrineError
from indexer.imaging.decodebudget import DEFAULT_MB
from search.query import MAX_LIMIT


class BadSetting(VitrineError):
    """A variable of the environment is not a valid setting."""


class Settings(BaseSettings):
    """Every setting, with its default; each is read from ``VITRINE_`` plus its name in capitals.

    The table of settings in the docs is generated from these fields.
    """

    # A wrong write key is nearly the right one: no error shows it.
    model_config = SettingsConfigDict(env_prefix="VITRINE_", frozen=True, hide_input_in_errors=True)

    shop: Path = Field(Path("shop"), description="The shop folder to serve.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every network.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: str = Field(
        "*",
        description="Host names that requests may be made to, separated by commas; * is any.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses or networks of proxies, separated by commas, whose X-Forwarded-For "
        "names the client; * is any, and nothing is none.",
    )
    max_upload_mb: float = Field(32, gt=0, description="Largest photo or request body, in MB.")
    max_megapixels: float = Field(
        64, gt=0, description="Largest photo, in megapixels; read from its header before decoding."
    )
    max_decode_mb: float = Field(
        DEFAULT_MB, gt=0, description="Most memory that decoding pictures may take together, in MB."
    )
    max_limit: int = Field(
        MAX_LIMIT, ge=1, le=MAX_LIMIT, description="Most hits that one request may ask for."
    )
    max_collapsed: int = Field(
        200,
        ge=1,
        le=MAX_LIMIT,
        description="Most hits that one request may ask for with collapse, which costs more.",
    )
    max_held_mb: float = Field(
        512, gt=0, description="Most memory that request bodies may hold together, in MB."
    )
    body_timeout_s: float = Field(
        30, gt=0, description="Longest pause within an upload before it is given up, in seconds."
    )
    min_upload_kb_s: float = Field(
        20,
        ge=0,
        description="Slowest upload, in kB a second, after the first VITRINE_BODY_TIMEOUT_S; 0 is "
        "any.",
    )
    header_timeout_s: float = Field(
        10,
        gt=0,
        description="Longest time from a connection, or the first byte of a request, to the end "
        "of its headers, in seconds.",
    )
    max_connections: int = Field(
        2000,
        ge=8,
        description="Most open connections; fewer where the limit of open files asks for it. One "
        "too many closes an idle one of the address that has the most.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        description="Cores to use for decoding, encoding, searching and writing; all if not set.",
    )
    batch_size: int = Field(16, ge=1, description="Most photos that are encoded together.")
    batch_wait_ms: float = Field(
        0, ge=0, description="How long an idle encoder waits for more photos, in milliseconds."
    )
    queue_size: int = Field(
        128, ge=1, description="Photos, and searches, that may wait; beyond it the reply is 503."
    )
    queue_deadline_s: float = Field(
        2, gt=0, description="Longest wait in the queue before the reply is 503, in seconds."
    )
    searches_per_s: float = Field(
        500,
        ge=0,
        description="Searches a second that one address (or the write key) may go on with; long "
        "answers, many words and collapse count as several. Beyond it the reply is 429; 0 is no "
        "limit.",
    )
    searches_burst: float = Field(
        5000, ge=1, description="Searches that it may have made at once, before that rate counts."
    )
    failed_keys_per_min: float = Field(
        60,
        ge=0,
        description="Wrong keys a minute, and at once, that one address may send before the reply "
        "is 429 for a while, whatever the key; 0 is no limit.",
    )
    query_views: Literal["", "flip", "center", "flip+center"] = Field(
        "",
        description="Views averaged with each photo that is searched with: its mirror image, its "
        "middle, or both. Each costs an encoding.",
    )
    no_match_below: float = Field(
        NO_MATCH_BELOW,
        ge=0,
        le=1,
        description="Confidence of the best hit below which the reply says no_close_match.",
    )
    recall_sample: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of approximate searches that are searched again exactly in the "
        "background, at most two a second, to watch the promised recall; 0 watches nothing.",
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
        description="Key that writes over HTTP must carry (Authorization: Bearer KEY), of at least "
        "16 characters; without one they are refused.",
    )
    image_root: Path | None = Field(
        None, description="Folder below which written items may name image files; none if not set."
    )
    rebuild_rows: int = Field(
        1000, ge=0, description="Fewest images beside the index that start a rebuild; 0 is never."
    )
    rebuild_share: float = Field(
        0.1, gt=0, description="And the fewest as a share of the index, for larger shops."
    )
    request_log: bool = Field(True, description="Write one line per request to stderr.")
    shutdown_grace_s: int = Field(
        10, ge=0, description="Time that running requests get to finish on shutdown, in seconds."
    )


class ProcessSettings(BaseSettings):
    """The settings that every command obeys: alone, so that a wrong port stops none."""

    model_config = Settings.model_config
    max_decode_mb: float = Field(DEFAULT_MB, gt=0)
    threads: int | None = Field(None, ge=1)


def process_settings() -> ProcessSettings:
    """Return the settings that bound a process, for commands that read no other setting."""
    try:
        return ProcessSettings()
    except ValidationError as error:
        raise _bad_setting(error) from None


def settings_for(shop: Path) -> Settings:
    """Return the settings of the environment for this shop. BadSetting names the variable."""
    try:
        return Settings(shop=shop)
    except ValidationError as error:
        raise _bad_setting(error) from None


def _bad_setting(error: ValidationError) -> BadSetting:
    first = error.errors(include_url=False, include_input=False)[0]
    name = "_".join(str(step) for step in first["loc"]).upper()
    return BadSetting(f"VITRINE_{name} in the environment: {first['msg']}")
