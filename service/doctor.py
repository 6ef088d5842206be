"""Checks of a deployment: the shop's folder, the machine, the settings and the keys.

Every check is fast and changes nothing. ``vitrine check`` reads all files of a shop; these checks
find common mistakes around it.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from indexer.errors import IndexNotFound, VitrineError
from indexer.shop.encoder_upgrade import encoder_upgrade
from indexer.shop.encoderfiles import encoder_faults
from indexer.shop.folder import INDEX_AGAIN, ShopFolder
from indexer.shop.listing import generations
from indexer.shop.shelf import Shelf
from indexer.shop.status import disk_bytes
from indexer.store.environment import MAP_BYTES
from indexer.store.store import Store
from service.apikey import Scope
from service.finding import Finding, Level, count_of
from service.keyfile import KeyFile
from service.settings import Settings, unknown_variables
from service.surroundings import (
    extras,
    memory,
    network,
    open_files,
    pictures,
    proxies,
    recognizer,
    vectors,
)

__all__ = ["Finding", "Level", "examine"]

_PACKAGES = ("vitrine", "onnxruntime", "lmdb", "numpy", "pillow", "fastapi", "uvicorn")
_FAISS = ("faiss-cpu", "faiss-gpu")
_LEAST_FREE_BYTES = 200_000_000
_FULL_MAP = 0.9
_CLOCK_SKEW_S = 300
_EXPIRES_SOON_S = 7 * 86_400
_OLD_KEY_S = 365 * 86_400


def examine(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    """Run all checks of a shop and of the settings to serve it; a check never raises.

    Without an index, or if this user may not read the shop, only one check of the shop is run: the
    others would repeat its finding.
    """
    findings: list[Finding] = []
    of_the_shop = _OF_THE_SHOP if _has_index(settings) else (_index,)
    if _unreadable(settings.shop):
        of_the_shop = (_permissions,)
    for check in (_versions, *of_the_shop, *_AROUND_IT):
        name = check.__name__.strip("_").replace("_", " ")
        try:
            found = list(check(settings, environment))
        except (VitrineError, OSError) as error:
            told = any(str(error) in earlier.text for earlier in findings)
            found = [] if told else [Finding(name, "problem", str(error))]
        findings += found
    return findings


def _has_index(settings: Settings) -> bool:
    """Return True if the shop has an index, which may be damaged."""
    folder = ShopFolder(settings.shop)
    try:
        return (folder.generations / folder.current()).is_dir()
    except IndexNotFound:
        return False
    except VitrineError:
        return True


def _versions(_: Settings, __: Mapping[str, str]) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    names = [_version_of(name) for name in _PACKAGES]
    faiss = [found for name in _FAISS if (found := _version_of(name))]
    yield Finding("versions", "ok", ", ".join([f"Python {python}", *filter(None, names), *faiss]))
    if len(faiss) > 1:
        yield Finding(
            "versions",
            "warning",
            f"{' and '.join(faiss)} are both installed, and either may be imported",
            "pip uninstall one of them",
        )


def _index(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    folder = ShopFolder(settings.shop)
    listed = generations(folder)
    for generation in listed:
        if generation.state == "damaged":
            yield Finding(
                "index",
                "problem",
                f"generation {generation.name} is damaged: {generation.problem}",
                "run 'vitrine check', then 'vitrine rebuild'",
            )
    current = folder.current()
    if not any(generation.name == current for generation in listed):
        yield Finding(
            "index",
            "problem",
            f"CURRENT names generation {current!r}, which does not exist",
            "run 'vitrine promote NAME' with one that 'vitrine generations' lists"
            if listed
            else INDEX_AGAIN,
        )
        return
    yield Finding("index", "ok", f"generation {current} serves, of {len(listed)} on disk")
    if len(listed) == 1:
        yield Finding(
            "index", "ok", "there is no earlier generation to roll back to before the next build"
        )


def _encoder(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    folder = ShopFolder(settings.shop)
    models = Shelf.read(folder).models()
    faults = encoder_faults(folder, models)
    for fault in faults:
        yield Finding("encoder", "problem", fault, "restore the file, or run 'vitrine migrate'")
    if not faults:
        names = ", ".join(sorted(model.id for model in models))
        yield Finding("encoder", "ok", f"the weights of {names} are as they were at the build")
    if upgrade := encoder_upgrade(folder, folder.manifest(folder.current()).model):
        yield Finding("encoder", "warning", upgrade)


def _store(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    with Store(ShopFolder(settings.shop).store) as store:
        size, spare = store.bytes_used(), store.spare_bytes()
    fill = size / MAP_BYTES
    share = f"{100 * fill:.0f}" if fill > 0.1 else f"{100 * fill:.2g}"
    text = f"{size / 1e6:.0f} MB, {spare / 1e6:.0f} of them free; {share} % of the map"
    if fill > _FULL_MAP:
        yield Finding("store", "problem", text, "split the shop: a store cannot outgrow its map")
    else:
        yield Finding("store", "ok", text)


def _disk(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.shop).free
    needed = disk_bytes(settings.shop)
    text = f"{free / 1e9:.1f} GB are free, the shop has {needed / 1e9:.2f} GB"
    if free < _LEAST_FREE_BYTES:
        yield Finding("disk", "problem", text, "free some space: writes fail when the disk is full")
    elif free < needed:
        yield Finding("disk", "warning", text, "free some: a migration may need as much again")
    else:
        yield Finding("disk", "ok", text)


def _permissions(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    shop = settings.shop
    if unreadable := _unreadable(shop):
        yield Finding(
            "permissions",
            "problem",
            f"this user cannot read {unreadable[0]} ({count_of(len(unreadable), 'file')} in all)",
            f"run the service as the owner of the folder, or chown -R USER {shop}",
        )
        return
    if os.statvfs(shop).f_flag & os.ST_RDONLY:
        yield Finding(
            "permissions",
            "problem",
            f"{shop} is on a file system that is mounted read-only",
            "mount it for writing; LMDB writes to it even to read",
        )
    elif not os.access(shop, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            "permissions",
            "problem",
            f"this user cannot write in {shop}",
            "run the service as the owner of the folder; LMDB writes to it even to read",
        )
    exposed = [
        path.name
        for path in (shop, *shop.iterdir())
        if stat.S_IMODE(path.lstat().st_mode) & stat.S_IWOTH and not path.is_symlink()
    ]
    if exposed:
        yield Finding(
            "permissions",
            "problem",
            f"everybody on this machine may write {', '.join(sorted(exposed)[:5])}",
            f"chmod -R o-w {shop}",
        )
    keys = KeyFile(shop).path
    if keys.exists() and stat.S_IMODE(keys.stat().st_mode) & 0o077:
        yield Finding("permissions", "warning", f"others may read {keys.name}", f"chmod 600 {keys}")
    if not exposed and os.access(shop, os.W_OK):
        yield Finding("permissions", "ok", "only its owner and group may write in the folder")


def _unreadable(shop: Path) -> list[Path]:
    """Return the files of a shop that this user may not read, but for the keys: see ``_keys``."""
    there = (path for path in (shop, *shop.rglob("*")) if path.exists())
    found = [path for path in there if not os.access(path, os.R_OK)]
    return [path for path in found if path != KeyFile(shop).path]


def _clock(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    folder = ShopFolder(settings.shop)
    created = datetime.fromisoformat(folder.manifest(folder.current()).created).timestamp()
    ahead = created - time.time()
    if ahead > _CLOCK_SKEW_S:
        yield Finding(
            "clock",
            "problem",
            f"the index was created {ahead / 60:.0f} minutes in the future of this clock",
            "set the clock of this machine, for example with NTP",
        )
    else:
        yield Finding("clock", "ok", "the clock is ahead of the creation of the index")


def _settings(_: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    unknown = unknown_variables(environment)
    for name, nearest in unknown:
        hint = f"did you mean {nearest}?" if nearest else "docs/settings.md lists all settings"
        yield Finding("settings", "warning", f"{name} is not a setting, and is ignored", hint)
    if not unknown:
        yield Finding("settings", "ok", "every VITRINE_ variable is a setting")


def _keys(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    now = time.time()
    keys = KeyFile(settings.shop).read()
    valid = [key for key in keys if key.is_valid(now)]
    for key in valid:
        newer = any(later.name == key.name and later.created > key.created for later in valid)
        if key.expires is not None and key.expires < now + _EXPIRES_SOON_S and not newer:
            days = (key.expires - now) / 86_400
            yield Finding(
                "keys",
                "warning",
                f"the key {key.name!r} expires in {days:.1f} days",
                f"vitrine keys rotate {key.name}",
            )
        if key.created < now - _OLD_KEY_S and key.scope.includes(Scope.WRITE) and not newer:
            yield Finding(
                "keys",
                "warning",
                f"the key {key.name!r} of the scope {key.scope} is "
                f"{(now - key.created) / 86_400:.0f} days old",
                f"vitrine keys rotate {key.name}",
            )
    if settings.require_key and not valid and settings.write_key is None:
        yield Finding(
            "keys",
            "problem",
            "VITRINE_REQUIRE_KEY is set, but there is no key, so nobody can search",
            "vitrine keys add NAME",
        )
    writers = sum(key.scope.includes(Scope.WRITE) for key in valid)
    fixed = " and VITRINE_WRITE_KEY" if settings.write_key else ""
    counted = count_of(len(valid), "valid key")
    yield Finding("keys", "ok", f"{counted}, {writers} may write{fixed}")


_Checks = tuple[Callable[[Settings, Mapping[str, str]], Iterator[Finding]], ...]

_OF_THE_SHOP: _Checks = (
    _index,
    extras,
    _encoder,
    vectors,
    _store,
    _disk,
    memory,
    _permissions,
    _clock,
)
_AROUND_IT: _Checks = (
    open_files, _settings, network, proxies, pictures, recognizer, _keys,
)  # fmt: skip


def _version_of(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
