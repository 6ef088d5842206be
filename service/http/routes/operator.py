"""Routes of the operator's page: the page itself, storage, models, settings and last reports."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import SecretStr
from starlette.responses import FileResponse

from indexer.layout import GENERATIONS, PARTS, RANKERS
from indexer.shop.folder import ShopFolder
from indexer.shop.rankers import read_rankers
from indexer.shop.status import disk_bytes
from indexer.store.environment import MAP_BYTES
from indexer.store.store import Store
from search.personal.event_log import open_if_exists
from search.personal.mixer import weights_of
from service.apikey import Scope
from service.http.appstate import AppState, bind
from service.http.fresh_json import NO_STORE, fresh_json
from service.http.hidden_paths import private_paths, without_paths
from service.http.openapi import problems, reply_of
from service.http.operator_replies import (
    ModelInfo,
    ModelsReply,
    ReportReply,
    SettingReply,
    SettingsReply,
    StoragePart,
    StorageReply,
)
from service.http.problems import HttpError
from service.http.secured import SECURED, needs_key
from service.lastreports import ReportKind, last_report
from service.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

_SECURED = SECURED[Scope.ADMIN]
_REFUSALS = problems(401, 403, 404, 422, 429, 503)
_PAGE = Path(__file__).parents[2] / "web" / "admin" / "index.html"


def operator_routes(state: AppState) -> APIRouter:
    """Return GET /v1/storage, /v1/models, /v1/settings and /v1/reports/{kind}."""

    router = APIRouter(prefix="/v1", tags=["admin"], dependencies=[needs_key(state, Scope.ADMIN)])
    for path, handler, summary, reply in (
        ("/storage", storage, "Disk space", StorageReply),
        ("/models", models, "The models and the events", ModelsReply),
        ("/settings", settings, "The settings", SettingsReply),
        ("/reports/{kind}", report, "The last report of a command", ReportReply),
    ):
        router.add_api_route(
            path,
            bind(handler, state),
            summary=summary,
            responses=reply_of(reply) | _REFUSALS,
            openapi_extra=_SECURED,
            operation_id=handler.__name__,
        )
    return router


def add_operator_page(app: FastAPI) -> None:
    """Add the route GET /admin. The page has no data; it asks for a key and sends that."""

    async def page(_: Request) -> Response:
        headers = {"Cache-Control": "no-cache"}
        return FileResponse(_PAGE, media_type="text/html; charset=utf-8", headers=headers)

    app.add_route("/admin", page, include_in_schema=False)


async def storage(state: AppState) -> Response:
    """Return the disk space of the shop by part, and how full its store is."""
    return fresh_json(await state.pools.reading.run(lambda: storage_of(state.settings.shop)))


async def models(state: AppState) -> Response:
    """Return the models that this service uses, and how many events are stored."""
    return fresh_json(await state.pools.reading.run(lambda: models_of(state.settings)))


async def settings(state: AppState) -> Response:
    """Return the settings of this process; secrets are hidden."""
    return fresh_json(SettingsReply(settings_of(state.settings)))


async def report(state: AppState, request: Request, kind: ReportKind) -> Response:
    """Return the last report of `vitrine index`, `compare` or `audit`, however it was started."""
    shop = state.settings.shop
    found = await state.pools.reading.run(lambda: last_report(shop, kind))
    if found is None:
        raise HttpError(
            404, "no_report", f"there is no report of 'vitrine {kind}' yet; run it", param="kind"
        )
    reply = msgspec.json.encode(ReportReply(kind=found.kind, at=found.at, report=found.report))
    text = without_paths(reply.decode(), private_paths(request.scope))
    return Response(text, media_type="application/json", headers=NO_STORE)


def storage_of(shop: Path) -> StorageReply:
    """Return the disk space of a shop. Raises OSError, IndexNotFound."""
    folder = ShopFolder(shop)
    sizes = []
    for name in PARTS:
        path = shop / name
        if name == GENERATIONS:
            sizes += [
                StoragePart(f"{name}/{generation.name}", disk_bytes(generation))
                for generation in sorted(path.iterdir())
            ]
        elif path.is_dir():
            sizes.append(StoragePart(name, disk_bytes(path)))
        elif path.exists():
            sizes.append(StoragePart(name, path.stat().st_blocks * 512))
    with Store(folder.store) as store:
        used = store.bytes_used() - store.spare_bytes()
    return StorageReply(
        parts=sorted(sizes, key=lambda part: -part.bytes),
        map_used=used,
        map_bytes=MAP_BYTES,
        disk_free=shutil.disk_usage(shop).free,
    )


def models_of(settings: Settings) -> ModelsReply:
    """Return the models of a shop and the service. Raises IndexNotFound, IndexCorrupt."""
    folder = ShopFolder(settings.shop)
    manifest = folder.manifest(folder.current())
    fitted = manifest.calibration is not None
    events: int | None = None
    learned: list[ModelInfo] = []
    if (log := open_if_exists(settings.shop)) is not None:
        with log, log.read() as reader:
            events = reader.count()
            weights = reader.weights(manifest.model.key)  # stored by an earlier version
            lessons = reader.lessons
        learned = [
            ModelInfo(
                role="recommendations",
                name="learned from events" if lessons else "not learned yet",
                note="" if lessons else "vitrine events learn",
            ),
            ModelInfo(
                role="order of recommendations",
                **_order(folder, manifest.seal, is_trained=weights is not None),
            ),
        ]
    return ModelsReply(
        models=[
            ModelInfo(
                role="encoder",
                name=without_paths(manifest.encoder),
                note=f"{manifest.dim} dimensions, weights {manifest.weights_hash[:12] or 'none'}",
            ),
            ModelInfo(role="recognizer", name=without_paths(settings.recognizer), note=""),
            ModelInfo(
                role="confidence",
                name="fitted" if fitted else "not fitted",
                note=manifest.calibration_note,
            ),
            ModelInfo(role="meaning of words", name=manifest.meaning or "none", note=""),
            *learned,
        ],
        events=events,
    )


def _order(folder: ShopFolder, seal: str, *, is_trained: bool) -> dict[str, str]:
    """Return the name and a note of the ranker that orders recommendations."""
    ranker = read_rankers(folder.path / RANKERS).get(seal)
    if ranker is not None and weights_of(ranker):
        gain = f"nDCG@10 {ranker.ndcg:.3f}, default weights {ranker.ndcg_untrained:.3f}"
        return {"name": "weights of this shop", "note": f"{ranker.trained[:10]}: {gain}"}
    if is_trained:
        return {"name": "weights of this shop", "note": ""}
    return {"name": "default weights", "note": "vitrine train-ranker"}


def settings_of(settings: Settings) -> list[SettingReply]:
    """Return the settings as they are sent, in the order of ``Settings``."""
    prefix = settings.model_config["env_prefix"]
    return [
        SettingReply(
            variable=f"{prefix}{name.upper()}",
            value=_shown(getattr(settings, name)),
            is_default=getattr(settings, name) == field.default,
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "hidden"
    if isinstance(value, os.PathLike):
        return Path(value).name
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else without_paths(str(value))
