"""The structs of replies about jobs."""

from __future__ import annotations

import msgspec

from service.http.hidden_paths import without_paths
from service.http.jobfiles import CatalogFile, SnapshotFile
from service.jobs.record import Job, JobProblem


class JobReply(Job, frozen=True, kw_only=True):
    """A long task on the shop, in a process of its own."""


class JobsReply(msgspec.Struct, frozen=True):
    """The jobs of the shop, newest first."""

    jobs: list[JobReply]


class CatalogsReply(msgspec.Struct, frozen=True):
    """The catalogs that builds may read."""

    catalogs: list[CatalogFile]


class SnapshotsReply(msgspec.Struct, frozen=True):
    """The snapshots of the shop, newest first."""

    snapshots: list[SnapshotFile]


def job_reply(job: Job) -> JobReply:
    """Remove paths of this machine from a job."""
    fields = msgspec.structs.asdict(job)
    if job.problem is not None:
        fields["problem"] = JobProblem(job.problem.code, without_paths(job.problem.detail))
    if job.summary is not None:
        fields["summary"] = {
            name: without_paths(value) if isinstance(value, str) else value
            for name, value in job.summary.items()
        }
    return JobReply(**fields)
