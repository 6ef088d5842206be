"""Routes of long tasks: builds, rebuilds, snapshots, migrations and comparisons, as jobs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as PathParam
from starlette.responses import StreamingResponse

from service.apikey import Scope
from service.http.appstate import AppState, bind
from service.http.job_replies import CatalogsReply, JobReply, JobsReply, SnapshotsReply, job_reply
from service.http.job_requests import JobRequests, folder_of
from service.http.job_schemas import (
    BuildBody,
    BuildForm,
    BuildOptions,
    ComparisonBody,
    MigrationBody,
    SnapshotBody,
)
from service.http.jobfiles import catalogs, snapshots
from service.http.json_body import check_json_type, check_marks
from service.http.openapi import Responses, body_of, problems, reply_of
from service.http.problems import REQUEST_ID, HttpError, private_paths
from service.http.rates import AUDITED, KEY_NAME
from service.http.secured import SECURED, needs_key
from service.http.uploads import parse_form
from service.jobs.jobfolder import JobFolder
from service.jobs.launcher import launch

if TYPE_CHECKING:
    from pydantic import BaseModel

    from service.jobs.record import JobRequest

_SECURED = SECURED[Scope.ADMIN]
_FRESH = {"Cache-Control": "no-store"}
_READ = problems(401, 403, 404, 422, 429, 503)
_START = problems(401, 403, 404, 408, 409, 413, 415, 422, 429, 503)
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
_ACCEPTED: Responses = {202: reply_of(JobReply)[200] | {"description": "The job."}}
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
    """Return the routes of /v1/jobs, and those that start jobs. All need a key of admin scope."""

    async def leave_out_of_audit(request: Request) -> None:
        if request.method == "GET":  # a page that watches a job asks every second
            request.scope[AUDITED] = False

    router = APIRouter(
        prefix="/v1",
        tags=["jobs"],
        dependencies=[needs_key(state, Scope.ADMIN), Depends(leave_out_of_audit)],
    )

    def get(path: str, handler: Callable[..., Any], summary: str, reply: Responses) -> None:
        router.add_api_route(
            path,
            bind(handler, state),
            summary=summary,
            response_class=Response,
            responses=reply | _READ,
            openapi_extra=_SECURED,
            operation_id=handler.__name__,
        )

    def post(
        path: str,
        handler: Callable[..., Any],
        summary: str,
        *bodies: tuple[type[BaseModel], str],
    ) -> None:
        router.add_api_route(
            path,
            bind(handler, state),
            methods=["POST"],
            summary=summary,
            status_code=202,
            responses=_ACCEPTED | _START,
            openapi_extra=(body_of(*bodies) if bodies else {}) | _SECURED,
            operation_id=handler.__name__,
        )

    get("/jobs", list_jobs, "All jobs", reply_of(JobsReply))
    get("/jobs/{job_id}", job, "One job", reply_of(JobReply))
    get("/jobs/{job_id}/events", job_events, "The progress of a job, as it happens", _EVENTS)
    get("/jobs/{job_id}/report", job_report, "The report of a job", _REPORT)
    get("/catalogs", list_catalogs, "The catalogs that can be built", reply_of(CatalogsReply))
    get("/snapshots", list_snapshots, "The snapshots of the shop", reply_of(SnapshotsReply))
    post("/jobs/{job_id}/cancel", cancel_job, "Stop a job")
    post(
        "/builds",
        start_build,
        "Build a catalog",
        (BuildBody, "application/json"),
        (BuildForm, "multipart/form-data"),
    )
    post("/rebuilds", start_rebuild, "Build the index from the stored items")
    post("/snapshots", start_snapshot, "Save the shop", (SnapshotBody, "application/json"))
    migration = (MigrationBody, "application/json")
    post("/migrations", start_migration, "Change the encoder", migration)
    post("/migrations/plan", plan_migration, "Predict the cost of a migration", migration)
    post("/migrations/stop", stop_migration, "Cancel the open migration")
    post(
        "/comparisons",
        start_comparison,
        "Compare two generations",
        (ComparisonBody, "application/json"),
    )
    post("/audits", start_audit, "Find what contradicts the catalog")
    return router


async def list_jobs(state: AppState) -> Response:
    """List the last hundred jobs, newest first, also those of before a restart."""
    jobs = JobFolder(state.settings.shop)
    found = await state.pools.reading.run(jobs.jobs)
    return _json(JobsReply([job_reply(job) for job in found]))


async def job(state: AppState, job_id: JobId) -> Response:
    """Return the state of a job and how far it is. Poll it, or use its events."""
    return _json(await _found(state, job_id))


async def job_events(state: AppState, job_id: JobId) -> Response:
    """Stream the progress of a job as server-sent events, until it ends."""
    await _found(state, job_id)
    state.job_events.check_room()
    jobs = JobFolder(state.settings.shop)

    def find() -> JobReply | None:
        found = jobs.find(job_id)
        return job_reply(found) if found else None

    return StreamingResponse(
        state.job_events.stream(find),
        media_type="text/event-stream",
        headers={**_FRESH, "X-Accel-Buffering": "no"},  # a proxy must not hold events back
    )


async def job_report(state: AppState, request: Request, job_id: JobId) -> Response:
    """Return the whole report, such as that of `vitrine index --json`, with all skipped rows."""
    found = await _found(state, job_id)
    jobs = JobFolder(state.settings.shop)
    report = await state.pools.reading.run(lambda: jobs.report(job_id))
    if found.ended_at is None or report is None:
        raise HttpError(404, "no_report", f"the job {job_id} has no report (yet)")
    for path in private_paths(request.scope):
        report = report.replace(path.encode(), path.rpartition("/")[2].encode())
    return Response(report, media_type="application/json", headers=_FRESH)


async def cancel_job(state: AppState, job_id: JobId) -> Response:
    """Tell a job to stop, which takes a few seconds; a second call kills its process.

    The shop still serves what it served. A job that has ended is returned as it is.
    """
    await _found(state, job_id)
    jobs = JobFolder(state.settings.shop)
    await state.pools.reading.run(lambda: jobs.cancel(job_id))
    return _json(await _found(state, job_id), 202)


async def list_catalogs(state: AppState) -> Response:
    """List the files and folders below that of `VITRINE_CATALOGS`, at most 1,000."""
    root = folder_of(state.settings.catalogs, "catalogs", "VITRINE_CATALOGS")
    return _json(CatalogsReply(await state.pools.reading.run(lambda: catalogs(root))))


async def list_snapshots(state: AppState) -> Response:
    """List the snapshots in the folder of `VITRINE_SNAPSHOTS`, newest first."""
    root = folder_of(state.settings.snapshots, "snapshots", "VITRINE_SNAPSHOTS")
    return _json(SnapshotsReply(await state.pools.reading.run(lambda: snapshots(root))))


async def start_build(state: AppState, request: Request) -> Response:
    """Build a catalog from the folder of `VITRINE_CATALOGS`, or an uploaded one.

    The shop then has the items of the catalog, and serves meanwhile. Items that the catalog lacks
    are removed; a build that would remove many stops, unless `accept` is true. The images of an
    uploaded catalog are URLs (with `fetch`), or those that the items have already.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "")
    if kind.strip().lower().startswith("multipart/"):
        return await _start_upload(state, request, body, kind)
    check_json_type(request)
    check_marks(body)
    fields = BuildBody.model_validate_json(body or b"null")
    return await _start(state, request, lambda requests: requests.build(fields))


async def start_rebuild(state: AppState, request: Request) -> Response:
    """Build a new index from the stored items, as `vitrine rebuild` does."""
    return await _start(state, request, JobRequests.rebuild)


async def start_snapshot(state: AppState, request: Request) -> Response:
    """Save the shop in a file of the folder of `VITRINE_SNAPSHOTS`, while it is served."""
    fields = SnapshotBody.model_validate_json(await _json_body(request) or b"{}")
    return await _start(state, request, lambda requests: requests.snapshot(fields))


async def start_migration(state: AppState, request: Request) -> Response:
    """Embed the shop with another encoder, and build a candidate; nothing changes for shoppers.

    Compare the candidate with the serving generation, then promote it, or stop the migration.
    """
    fields = MigrationBody.model_validate_json(await _json_body(request) or b"null")
    return await _start(
        state, request, partial(JobRequests.migration, body=fields, only_plan=False)
    )


async def plan_migration(state: AppState, request: Request) -> Response:
    """Predict time and disk space of a migration; the report of the job is the plan."""
    fields = MigrationBody.model_validate_json(await _json_body(request) or b"null")
    return await _start(state, request, partial(JobRequests.migration, body=fields, only_plan=True))


async def stop_migration(state: AppState, request: Request) -> Response:
    """Cancel the open migration, and drop its candidates."""
    return await _start(state, request, JobRequests.migration_stop)


async def start_comparison(state: AppState, request: Request) -> Response:
    """Compare the answers of two generations to the same queries; see the report."""
    fields = ComparisonBody.model_validate_json(await _json_body(request) or b"{}")
    return await _start(state, request, lambda requests: requests.comparison(fields))


async def start_audit(state: AppState, request: Request) -> Response:
    """Find items whose pictures contradict the catalog, repeat each other, or show nothing."""
    return await _start(state, request, JobRequests.audit)


async def _start_upload(state: AppState, request: Request, body: bytes, kind: str) -> Response:
    form = await state.pools.decoding.run(
        lambda: parse_form(
            body, kind, is_file=lambda name: name == "file", texts=BuildForm.model_fields
        )
    )
    given: dict[str, object] = dict(form.texts)
    if "file" in form.files:
        given["file"] = "catalog"  # stands for the bytes, which the build reads
    fields = BuildForm.model_validate(given)
    options = BuildOptions.model_validate_json(fields.options or "{}")
    name = f"catalog.{fields.ending}"

    def prepare(folder: Path) -> None:
        (folder / "upload").mkdir()
        (folder / "upload" / name).write_bytes(form.files["file"])

    return await _start(
        state, request, lambda requests: requests.upload(name, options), prepare=prepare
    )


async def _start(
    state: AppState,
    request: Request,
    make: Callable[[JobRequests], JobRequest],
    prepare: Callable[[Path], None] = lambda _: None,
) -> Response:
    """Start a job, and return it. Raises HttpError, StoreBusy and CannotWrite."""
    scope = request.scope
    requests = JobRequests(state.settings, scope[KEY_NAME], scope[REQUEST_ID])
    jobs = JobFolder(state.settings.shop)
    job_id = await state.pools.writing.run(lambda: jobs.add(make(requests), launch, prepare))
    started = _json(await _found(state, job_id), 202)
    started.headers["Location"] = f"{scope.get('root_path', '')}/v1/jobs/{job_id}"
    return started


async def _found(state: AppState, job_id: str) -> JobReply:
    """Return a job. Raises HttpError (404)."""
    jobs = JobFolder(state.settings.shop)
    found = await state.pools.reading.run(lambda: jobs.find(job_id))
    if found is None:
        raise HttpError(404, "unknown_job", f"there is no job {job_id!r}", param="job_id")
    return job_reply(found)


async def _json_body(request: Request) -> bytes:
    """Return the body, which may be empty. Raises HttpError for another content type."""
    body = await request.body()
    if body:
        check_json_type(request)
        check_marks(body)
    return body


def _json(reply: msgspec.Struct, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(reply), status, media_type="application/json", headers=_FRESH
    )
