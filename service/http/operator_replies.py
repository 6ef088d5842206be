"""The structs of replies to operators: storage, models, settings and reports of a shop."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from service.lastreports import ReportKind


class StoragePart(msgspec.Struct, frozen=True):
    """A file or folder of the shop."""

    name: str
    bytes: Annotated[int, Meta(description="Disk space, without the holes of sparse files.")]


class StorageReply(msgspec.Struct, frozen=True, kw_only=True):
    """The disk space of the shop, and how full its LMDB file is."""

    parts: Annotated[list[StoragePart], Meta(description="The largest first.")]
    map_used: Annotated[int, Meta(description="Bytes of the store in use.")]
    map_bytes: Annotated[int, Meta(description="Bytes that the store can grow to.")]
    disk_free: Annotated[int, Meta(description="Free bytes on its disk.")]


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A model that the service uses."""

    role: Annotated[str, Meta(description="What it is for, such as encoder.")]
    name: str
    note: str


class ModelsReply(msgspec.Struct, frozen=True, kw_only=True):
    """The models, and the events that some of them learn from."""

    models: list[ModelInfo]
    events: Annotated[int | None, Meta(description="null if the shop has never stored events.")]


class SettingReply(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of the service."""

    variable: Annotated[str, Meta(examples=["VITRINE_PORT"])]
    value: Annotated[
        str, Meta(description="Paths are shortened to their last name; secrets are hidden.")
    ]
    is_default: bool
    description: str


class SettingsReply(msgspec.Struct, frozen=True):
    """The settings of this process, in the order of docs/settings.md."""

    settings: list[SettingReply]


class ReportReply(msgspec.Struct, frozen=True, kw_only=True):
    """The last report of a command."""

    kind: ReportKind
    at: Annotated[str, Meta(description="RFC 3339, in UTC.")]
    report: Annotated[Any, Meta(description="What the command prints with `--json`.")]
