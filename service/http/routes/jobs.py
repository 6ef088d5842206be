"""Routes of jobs: list, watch and cancel them; list the catalogs and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as PathParam
from starlette.responses import StreamingResponse

from service.apikey import Scope
from service.http.appstate import AppState, bind
from service.http.fresh_json import NO_STORE, fresh_json
from service.http.hidden_paths import private_paths
from service.http.job_replies import CatalogsReply, JobReply, JobsReply, SnapshotsReply, job_reply
from service.http.job_requests import folder_of
from service.http.jobfiles import catalogs, snapshots
from service.http.openapi import Responses, problems, reply_of
from service.http.problems import HttpError
from service.http.rates import AUDITED
from service.http.secured import SECURED, needs_key
from service.jobs.jobfolder import JobFolder

_READ = problems(401, 403, 404, 422, 429, 503)
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["progress", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
_EVENTS: Responses = {
    200: {
        "description": "An event `progress` for each change, and `end` as the last; the data of "
        "each is the job.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
}
ACCEPTED: Responses = {
    202: reply_of(JobReply)[200] | {"description": "The job."},
    **problems(401, 403, 404, 408, 409, 413, 415, 422, 429, 503),
}
"""The documentation of the replies of a route that starts or stops a job."""

_REPORT: Responses = {
    200: {
        "description": "What the command of the job prints with `--json`.",
        "content": {"application/json": {"schema": {}}},
    }
}

JobId = Annotated[
    str,
    PathParam(max_length=40, description="The id of a job.", examples=["20260101t120000-000000"]),
]


def job_routes(state: AppState) -> APIRouter:
    """Return the routes of /v1/jobs, GET /v1/catalogs and GET /v1/snapshots.

    All need a key of the scope admin.
    """
    router = job_router(state)

    def get(path: str, handler: Callable[..., Any], summary: str, reply: Responses) -> None:
        router.add_api_route(
            path,
            bind(handler, state),
            summary=summary,
            response_class=Response,
            responses=reply | _READ,
            openapi_extra=SECURED[Scope.ADMIN],
            operation_id=handler.__name__,
        )

    get("/jobs", list_jobs, "All jobs", reply_of(JobsReply))
    get("/jobs/{job_id}", job, "One job", reply_of(JobReply))
    get("/jobs/{job_id}/events", job_events, "The progress of a job, as it happens", _EVENTS)
    get("/jobs/{job_id}/report", job_report, "The report of a job", _REPORT)
    get("/catalogs", list_catalogs, "The catalogs that can be built", reply_of(CatalogsReply))
    get("/snapshots", list_snapshots, "The snapshots of the shop", reply_of(SnapshotsReply))
    router.add_api_route(
        "/jobs/{job_id}/cancel",
        bind(cancel_job, state),
        methods=["POST"],
        summary="Stop a job",
        status_code=202,
        responses=ACCEPTED,
        openapi_extra=SECURED[Scope.ADMIN],
        operation_id="cancel_job",
    )
    return router


def job_router(state: AppState) -> APIRouter:
    """Return a router whose routes need a key of the scope admin; GET is left out of the audit."""

    async def leave_out_of_audit(request: Request) -> None:
        if request.method == "GET":  # a page that watches a job asks every second
            request.scope[AUDITED] = False

    return APIRouter(
        prefix="/v1",
        tags=["jobs"],
        dependencies=[needs_key(state, Scope.ADMIN), Depends(leave_out_of_audit)],
    )


async def list_jobs(state: AppState) -> Response:
    """List the last hundred jobs, newest first, including those from before a restart."""
    jobs = JobFolder(state.settings.shop)
    found = await state.pools.reading.run(jobs.jobs)
    return job_response(JobsReply([job_reply(job) for job in found]))


async def job(state: AppState, job_id: JobId) -> Response:
    """Return the state and the progress of a job. Poll this route, or use the job's events."""
    return job_response(await found_job(state, job_id))


async def job_events(state: AppState, job_id: JobId) -> Response:
    """Stream the progress of a job as server-sent events, until it ends."""
    await found_job(state, job_id)
    state.job_events.check_room()
    jobs = JobFolder(state.settings.shop)

    def find() -> JobReply | None:
        found = jobs.find(job_id)
        return job_reply(found) if found else None

    return StreamingResponse(
        state.job_events.stream(find),
        media_type="text/event-stream",
        headers={**NO_STORE, "X-Accel-Buffering": "no"},  # a proxy must not hold events back
    )


async def job_report(state: AppState, request: Request, job_id: JobId) -> Response:
    """Return the whole report, such as that of `vitrine index --json`, with all skipped rows."""
    found = await found_job(state, job_id)
    jobs = JobFolder(state.settings.shop)
    report = await state.pools.reading.run(lambda: jobs.report(job_id))
    if found.ended_at is None or report is None:
        raise HttpError(404, "no_report", f"the job {job_id} has no report (yet)")
    for path in private_paths(request.scope):
        report = report.replace(path.encode(), path.rpartition("/")[2].encode())
    return Response(report, media_type="application/json", headers=NO_STORE)


async def cancel_job(state: AppState, job_id: JobId) -> Response:
    """Ask a job to stop, which takes a few seconds; a second call kills its process.

    The shop still serves what it served. A job that has ended is returned as it is.
    """
    await found_job(state, job_id)
    jobs = JobFolder(state.settings.shop)
    await state.pools.reading.run(lambda: jobs.cancel(job_id))
    return job_response(await found_job(state, job_id), 202)


async def list_catalogs(state: AppState) -> Response:
    """List the catalogs in the folder of `VITRINE_CATALOGS` and below it, at most 1,000."""
    root = folder_of(state.settings.catalogs, "catalogs", "VITRINE_CATALOGS")
    return job_response(CatalogsReply(await state.pools.reading.run(lambda: catalogs(root))))


async def list_snapshots(state: AppState) -> Response:
    """List the snapshots in the folder of `VITRINE_SNAPSHOTS`, newest first."""
    root = folder_of(state.settings.snapshots, "snapshots", "VITRINE_SNAPSHOTS")
    return job_response(SnapshotsReply(await state.pools.reading.run(lambda: snapshots(root))))


async def found_job(state: AppState, job_id: str) -> JobReply:
    """Return a job. Raises HttpError (404)."""
    jobs = JobFolder(state.settings.shop)
    found = await state.pools.reading.run(lambda: jobs.find(job_id))
    if found is None:
        raise HttpError(404, "unknown_job", f"there is no job {job_id!r}", param="job_id")
    return job_reply(found)


def job_response(reply: msgspec.Struct, status: int = 200) -> Response:
    """Return a reply about jobs, which must not be cached."""
    return fresh_json(reply, status)
