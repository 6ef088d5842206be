"""The settings that every command reads, and what is made of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field, FilePath, SecretStr, ValidationError

from indexer.imaging.decodebudget import DEFAULT_MB
from indexer.vectors.remote.access import TIMEOUT_S, ServerAccess
from indexer.vectors.remote.address import ServerAddress
from service.boundedsettings import BoundedSettings, bad_setting

if TYPE_CHECKING:
    from service.settings import Settings


class ProcessSettings(BoundedSettings):
    """The settings that every command needs, without those of the service.

    An invalid port, for example, must not stop ``vitrine index``.
    """

    max_decode_mb: float = Field(DEFAULT_MB, gt=0)
    max_megapixels: float = Field(64, gt=0)
    threads: int | None = Field(None, ge=1, le=1024)
    keep_events_days: float = Field(0, ge=0)
    vectors: str = ""
    vectors_token: SecretStr | None = None
    vectors_ca: FilePath | None = None
    vectors_timeout_s: float = Field(TIMEOUT_S, gt=0)
    vectors_read_only: bool = False
    primary_key: SecretStr | None = None
    primary_ca: FilePath | None = None
    llm_key: SecretStr | None = None


def process_settings() -> ProcessSettings:
    """Return the limits on memory and threads. Raises BadSetting, which names the variable."""
    try:
        return ProcessSettings()
    except ValidationError as error:
        raise bad_setting(error) from None


def server_access(settings: Settings | ProcessSettings) -> ServerAccess:
    """Return how to reach servers of vectors. Raises BadServer.

    Also switches off the log of gRPC on stderr, unless the environment sets it: threads of the
    client of Milvus report there what they mend themselves.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    token, authority = settings.vectors_token, settings.vectors_ca
    return ServerAccess(
        default=ServerAddress.parse(settings.vectors) if settings.vectors else None,
        token=token.get_secret_value() if token else "",
        ca_file=str(authority) if authority else "",
        timeout_s=settings.vectors_timeout_s,
        read_only=settings.vectors_read_only,
    )


class PrimaryAccess(NamedTuple):
    """How ``vitrine replicate`` reaches its primary, besides the URL."""

    key: str
    ca_file: Path | None


def primary_access() -> PrimaryAccess:
    """Return how to reach the primary of a replica. Raises BadSetting."""
    settings = process_settings()
    key = settings.primary_key
    return PrimaryAccess(key.get_secret_value() if key else "", settings.primary_ca)


def language_model_key() -> str:
    """Return the key for the language model of ``vitrine describe``; empty if there is none."""
    key = process_settings().llm_key
    return "" if key is None else key.get_secret_value()


def keep_ray_quiet() -> None:
    """Switch off Ray's reports to its makers and its messages, unless the environment sets them.

    It prints the deaths of workers to stdout, which is for the data of a command. Vitrine reports
    those that end a build.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
