"""Turns a request over HTTP into the command of a job."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.encoders.registry import canonical_id
from service.http.job_schemas import (
    BuildBody,
    BuildOptions,
    ComparisonBody,
    MigrationBody,
    SnapshotBody,
    StylesBody,
    options_of,
)
from service.http.problems import HttpError
from service.jobs.jobfolder import timestamp
from service.jobs.record import JobKind, JobRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.settings import Settings

SNAPSHOT_ENDING = ".zip"
_LOCAL = re.compile(r"[:@/][./]")  # the start of a path


class JobRequests:
    """Creates the requests of jobs on one shop. ``started_by`` is the name of the key."""

    def __init__(self, settings: Settings, started_by: str, request_id: str) -> None:
        self._settings = settings
        self._started_by = started_by
        self._request_id = request_id

    def build(self, body: BuildBody) -> JobRequest:
        """Return a build of a catalog. Raises HttpError: 403 without a folder of them, 404."""
        root = folder_of(self._settings.catalogs, "catalogs", "VITRINE_CATALOGS")
        path = _below(root, body.catalog)
        options = options_of(body, without="catalog")
        return self._build(body.catalog, path, body, options)

    def upload(self, name: str, options: BuildOptions) -> JobRequest:
        """Return a build of an uploaded catalog: the file ``upload/NAME`` in the job's folder."""
        return self._build(name, Path("upload") / name, options, options_of(options))

    def rebuild(self) -> JobRequest:
        """Return a rebuild of the index from the stored items."""
        return self._job("rebuild", "", ["rebuild", *self._threads()], {})

    def snapshot(self, body: SnapshotBody) -> JobRequest:
        """Return a snapshot. Raises HttpError: 403 without a folder for them, 409 if it exists."""
        root = folder_of(self._settings.snapshots, "snapshots", "VITRINE_SNAPSHOTS")
        name = body.name or datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = root / f"{name}{SNAPSHOT_ENDING}"
        if path.exists():
            raise HttpError(409, "conflict", f"there is already a snapshot {name!r}", param="name")
        return self._job("snapshot", name, ["snapshot", str(path)], {})

    def migration(self, body: MigrationBody, *, only_plan: bool) -> JobRequest:
        """Return a migration to another encoder, or only its plan. Raises HttpError (422)."""
        _check_encoder(body.encoder)
        arguments = ["migrate", f"--encoder={body.encoder}", f"--share={body.share}"]
        arguments += [*self._threads(), *(["--plan"] if only_plan else [])]
        kind: JobKind = "migration_plan" if only_plan else "migration"
        return self._job(kind, body.encoder, arguments, options_of(body, without="encoder"))

    def migration_stop(self) -> JobRequest:
        """Return the cancellation of the open migration."""
        return self._job("migration_stop", "", ["migrate", "--stop"], {})

    def comparison(self, body: ComparisonBody) -> JobRequest:
        """Return a comparison of two generations."""
        names = [name for name in (body.first, body.second) if name is not None]
        if body.first is None and body.second is not None:
            raise HttpError(422, "invalid_request", "second needs first too", param="first")
        subject = " ".join(names)
        return self._job("comparison", subject, ["compare", *names, *self._threads()], {})

    def audit(self) -> JobRequest:
        """Return an audit of the items."""
        return self._job("audit", "", ["audit", *self._threads()], {})

    def styles(self, body: StylesBody, *, remove: bool) -> JobRequest:
        """Return the indexing of the shop's images in styles, or the removal of styles."""
        names = list(dict.fromkeys(body.styles))
        command = ["styles", "remove" if remove else "add"]
        kind: JobKind = "style_removal" if remove else "style_indexing"
        arguments = [*command, *self._threads(), "--", *names]
        return self._job(kind, " ".join(names), arguments, options_of(body), words=len(command))

    def _build(
        self, subject: str, path: Path, body: BuildOptions, options: dict[str, Any]
    ) -> JobRequest:
        texts = {"encoding": body.encoding, "language": body.language}
        if body.styles is not None:
            texts["styles"] = ",".join(body.styles) or "none"
        flags = {
            "leave-out-placeholders": body.leave_out_placeholders,
            "accept": body.accept,
            "dry-run": body.dry_run,
        }
        arguments = [
            *("index", f"--format={body.format}", *self._threads()),
            *(f"--map={pair}" for pair in _pairs(body.columns)),
            *(f"--{name}={text}" for name, text in texts.items() if text is not None),
            *(f"--{name}" for name, is_set in flags.items() if is_set),
            *(self._fetching() if body.fetch else []),
            *("--", str(path)),
        ]
        return self._job("build", subject, arguments, options)

    def _fetching(self) -> list[str]:
        hosts = _words(self._settings.fetch_hosts)
        if not hosts:
            raise HttpError(
                403,
                "fetching_disabled",
                "fetching is off: VITRINE_FETCH_HOSTS lists the hosts that images may come from",
                param="fetch",
            )
        networks = _words(self._settings.fetch_networks)
        return [
            "--fetch",
            *(f"--allow-host={host}" for host in hosts),
            *(f"--allow-network={network}" for network in networks),
        ]

    def _threads(self) -> list[str]:
        threads = self._settings.threads
        return [f"--threads={threads}"] if threads else []

    def _job(
        self,
        kind: JobKind,
        subject: str,
        arguments: list[str],
        options: dict[str, Any],
        words: int = 1,
    ) -> JobRequest:
        """Return a job; the first ``words`` of the arguments are the name of the command."""
        shop = f"--shop={self._settings.shop.resolve()}"
        return JobRequest(
            kind=kind,
            subject=subject,
            arguments=[*arguments[:words], shop, "--json", *arguments[words:]],
            options=options,
            started_by=self._started_by,
            request_id=self._request_id,
            created_at=timestamp(),
        )


def folder_of(folder: Path | None, what: str, setting: str) -> Path:
    """Return the folder of a setting. Raises HttpError (403) if it is not set, or not there."""
    if folder is None:
        raise HttpError(403, f"{what}_disabled", f"{what} over HTTP are off: set {setting}")
    if not folder.is_dir():
        raise HttpError(503, f"no_{what}", f"the folder of {setting} is missing on the server")
    return folder.resolve()


def _below(root: Path, name: str) -> Path:
    """Return the path of a catalog. Raises HttpError (404), also for one outside the folder."""
    with suppress(OSError, ValueError, RuntimeError):
        path = (root / name).resolve(strict=True)
        if path.is_relative_to(root) and (path.is_file() or (path.is_dir() and path != root)):
            return path
    raise HttpError(
        404,
        "unknown_catalog",
        f"there is no catalog {name[:80]!r}; 'GET /v1/catalogs' lists them",
        param="catalog",
    )


def _check_encoder(encoder: str) -> None:
    """Raise HttpError (422) if the id names a file of this machine, which a client must not."""
    if _LOCAL.search(encoder) or canonical_id(encoder) != encoder:
        raise HttpError(
            422,
            "invalid_request",
            "an encoder that is a file cannot be named over HTTP; use 'vitrine migrate'",
            param="encoder",
        )


def _pairs(columns: Mapping[str, str | list[str]]) -> Iterator[str]:
    """Yield ``FIELD=COLUMN`` for each column."""
    for field, names in columns.items():
        for name in [names] if isinstance(names, str) else names:
            yield f"{field}={name}"


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
