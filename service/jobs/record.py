"""The structs that are stored about a job, in the files of its folder."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

JobKind: TypeAlias = Literal[
    "build",
    "rebuild",
    "snapshot",
    "migration",
    "migration_plan",
    "migration_stop",
    "comparison",
    "audit",
    "style_indexing",
    "style_removal",
]
JobState: TypeAlias = Literal[
    "running", "canceling", "succeeded", "failed", "canceled", "interrupted"
]
ACTIVE: frozenset[JobState] = frozenset({"running", "canceling"})


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was requested, and by whom; written when the job starts.

    ``arguments`` are those of the command ``vitrine``. They contain paths of this machine, so they
    never leave it.
    """

    kind: JobKind
    subject: str
    arguments: list[str]
    options: dict[str, Any]
    started_by: str
    request_id: str
    created_at: str


class JobProgress(msgspec.Struct, frozen=True):
    """How far the current stage of a job is."""

    stage: Annotated[
        str,
        Meta(description="scan, encode, style, publish, migrate or store."),
    ]
    done: Annotated[int, Meta(description="Rows, images or bytes that are done.")]
    total: Annotated[int, Meta(description="How many there are; it may grow during a stage.")]
    skipped: int = 0


class JobProblem(msgspec.Struct, frozen=True):
    """Why a job failed."""

    code: Annotated[str, Meta(examples=["bad_catalog"])]
    detail: Annotated[str, Meta(examples=["feed.csv has no column for the id"])]


class JobEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended; written by its process."""

    state: Literal["succeeded", "failed", "canceled"]
    ended_at: str
    problem: JobProblem | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A long task on the shop, in a process of its own."""

    id: Annotated[str, Meta(examples=["20260101t120000-000000"])]
    kind: JobKind
    state: Annotated[
        JobState,
        Meta(
            description="`running` and `canceling` jobs have not ended. `interrupted`: the process "
            "ended without a result, for example because the machine was restarted."
        ),
    ]
    subject: Annotated[
        str, Meta(description="The catalog, the snapshot's name or the encoder.", examples=["july"])
    ]
    options: Annotated[dict[str, Any], Meta(description="The other fields of the request.")]
    started_by: Annotated[str, Meta(description="The name of the key that started it.")]
    request_id: Annotated[str, Meta(description="Finds the request in the audit log.")]
    created_at: Annotated[str, Meta(description="RFC 3339, in UTC.")]
    ended_at: str | None
    progress: JobProgress | None
    summary: Annotated[
        dict[str, Any] | None,
        Meta(description="The numbers and names of its report, once it has succeeded."),
    ]
    problem: Annotated[JobProblem | None, Meta(description="Why it failed.")]
