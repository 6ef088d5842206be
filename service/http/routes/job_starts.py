"""Routes that start jobs: builds, rebuilds, snapshots, migrations, comparisons and audits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from service.apikey import Scope
from service.http.appstate import AppState, bind
from service.http.job_requests import JobRequests
from service.http.job_schemas import (
    BuildBody,
    BuildForm,
    BuildOptions,
    ComparisonBody,
    MigrationBody,
    SnapshotBody,
)
from service.http.json_body import check_json_type, check_marks
from service.http.openapi import body_of
from service.http.problems import REQUEST_ID
from service.http.rates import KEY_NAME
from service.http.routes.jobs import ACCEPTED, found_job, job_response, job_router
from service.http.secured import SECURED
from service.http.uploads import parse_form
from service.jobs.jobfolder import JobFolder
from service.jobs.launcher import launch

if TYPE_CHECKING:
    from pydantic import BaseModel

    from service.jobs.record import JobRequest


def add_start_route(
    router: APIRouter,
    state: AppState,
    path: str,
    handler: Callable[..., Any],
    summary: str,
    *bodies: tuple[type[BaseModel], str],
) -> None:
    """Add a POST route that starts a job; ``bodies`` are those of ``body_of``."""
    router.add_api_route(
        path,
        bind(handler, state),
        methods=["POST"],
        summary=summary,
        status_code=202,
        responses=ACCEPTED,
        openapi_extra=(body_of(*bodies) if bodies else {}) | SECURED[Scope.ADMIN],
        operation_id=handler.__name__,
    )


def job_start_routes(state: AppState) -> APIRouter:
    """Return the POST routes that start jobs. All need a key of the scope admin."""
    router = job_router(state)

    post = partial(add_start_route, router, state)
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
    comparison = (ComparisonBody, "application/json")
    post("/comparisons", start_comparison, "Compare two generations", comparison)
    post("/audits", start_audit, "Find what contradicts the catalog")
    return router


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
    return await start_job(state, request, lambda requests: requests.build(fields))


async def start_rebuild(state: AppState, request: Request) -> Response:
    """Build a new index from the stored items, as `vitrine rebuild` does."""
    return await start_job(state, request, JobRequests.rebuild)


async def start_snapshot(state: AppState, request: Request) -> Response:
    """Save the shop in a file of the folder of `VITRINE_SNAPSHOTS`, while it is served."""
    fields = SnapshotBody.model_validate_json(await _json_body(request) or b"{}")
    return await start_job(state, request, lambda requests: requests.snapshot(fields))


async def start_migration(state: AppState, request: Request) -> Response:
    """Embed the shop with another encoder, and build a candidate; nothing changes for shoppers.

    Compare the candidate with the serving generation, then promote it, or stop the migration.
    """
    fields = MigrationBody.model_validate_json(await _json_body(request) or b"null")
    return await start_job(
        state, request, partial(JobRequests.migration, body=fields, only_plan=False)
    )


async def plan_migration(state: AppState, request: Request) -> Response:
    """Predict time and disk space of a migration; the report of the job is the plan."""
    fields = MigrationBody.model_validate_json(await _json_body(request) or b"null")
    return await start_job(
        state, request, partial(JobRequests.migration, body=fields, only_plan=True)
    )


async def stop_migration(state: AppState, request: Request) -> Response:
    """Cancel the open migration, and drop its candidates."""
    return await start_job(state, request, JobRequests.migration_stop)


async def start_comparison(state: AppState, request: Request) -> Response:
    """Compare the answers of two generations to the same queries; see the report."""
    fields = ComparisonBody.model_validate_json(await _json_body(request) or b"{}")
    return await start_job(state, request, lambda requests: requests.comparison(fields))


async def start_audit(state: AppState, request: Request) -> Response:
    """Find items whose pictures contradict the catalog, repeat each other, or show nothing."""
    return await start_job(state, request, JobRequests.audit)


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

    return await start_job(
        state, request, lambda requests: requests.upload(name, options), prepare=prepare
    )


async def start_job(
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
    started = job_response(await found_job(state, job_id), 202)
    started.headers["Location"] = f"{scope.get('root_path', '')}/v1/jobs/{job_id}"
    return started


async def _json_body(request: Request) -> bytes:
    """Return the body, which may be empty. Raises HttpError for another content type."""
    body = await request.body()
    if body:
        check_json_type(request)
        check_marks(body)
    return body
