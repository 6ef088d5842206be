"""Long tasks over HTTP: they run in a process of their own, one at a time, and are listed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess

import pytest

from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.shop.joblock import job_lock
from service.apikey import Scope
from service.cli import job_process
from service.http.job_requests import JobRequests
from service.http.job_schemas import BuildOptions, MigrationBody
from service.http.problems import HttpError
from service.jobs.jobfolder import KEPT, JobFolder
from service.jobs.record import JobRequest
from service.keyfile import KeyFile
from service.settings import Settings
from tests.conftest import write_catalog
from tests.localjobs import run_jobs_here

REQUEST = JobRequest(
    kind="rebuild",
    subject="",
    arguments=["rebuild"],
    options={},
    started_by="ops",
    request_id="r-1",
    created_at="2026-01-01T00:00:00Z",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop of the tiny catalog; its catalog is ``catalogs/tiny/catalog.csv`` beside it."""
    from indexer.catalog.sources import open_catalog
    from indexer.encoders.color import ColorEncoder

    base = tmp_path_factory.mktemp("jobs")
    catalog = write_catalog(base / "catalogs" / "tiny")
    build_index(open_catalog(catalog), ShopFolder(base / "shop"), ColorEncoder())
    return base / "shop"


@pytest.fixture(scope="module")
def token(shop):
    return KeyFile(shop).add("ops", Scope.ADMIN)


@pytest.fixture
def ask(serve, shop, token):
    """Sends requests with an admin key to the service on ``shop``."""
    (shop.parent / "snapshots").mkdir(exist_ok=True)
    http = serve(shop=shop, catalogs=shop.parent / "catalogs", snapshots=shop.parent / "snapshots")

    def send(method, path, **options):
        headers = {"authorization": f"Bearer {token}", **options.pop("headers", {})}
        response = http.run(http.client.request(method, path, headers=headers, **options))
        assert str(shop.parent) not in response.text
        return response

    return send


@pytest.fixture
def in_this_process(monkeypatch):
    run_jobs_here(monkeypatch)


@pytest.fixture
def folder(tmp_path):
    return JobFolder(tmp_path)


@pytest.fixture
def sleeping():
    """Starts processes that hold the lock of a job and do nothing else."""
    started = []

    def start(folder, lock):
        started.append(subprocess.Popen(["sleep", "600"], pass_fds=[lock], cwd=folder))
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()


def end_of(job):
    return job["state"], job["problem"] and job["problem"]["code"]


# The jobs on disk


def test_a_job_runs_as_long_as_its_process_and_is_interrupted_if_that_is_killed(folder, sleeping):
    processes = []
    job_id = folder.add(
        REQUEST, lambda at, lock: processes.append(sleeping(at, lock)) or processes[0]
    )
    assert folder.find(job_id).state == "running"
    assert folder.holder() == (job_id, processes[0])
    os.kill(processes[0], 9)
    os.waitpid(processes[0], 0)
    job = folder.find(job_id)
    assert (job.state, job.problem) == ("interrupted", None)
    assert job.ended_at is not None


def test_one_job_runs_at_a_time(folder, sleeping):
    job_id = folder.add(REQUEST, sleeping)
    with pytest.raises(Exception, match=f"the job {job_id} runs"):
        folder.add(REQUEST, sleeping)
    assert [job.id for job in folder.jobs()] == [job_id]


def test_no_job_starts_while_a_command_holds_the_shop(folder, sleeping, tmp_path):
    with (
        job_lock(tmp_path, "vitrine index"),
        pytest.raises(Exception, match="held by vitrine index"),
    ):
        folder.add(REQUEST, sleeping)
    assert folder.jobs() == []
    folder.add(REQUEST, sleeping)


def test_a_canceled_job_is_told_to_stop_and_then_killed(folder):
    stubborn = []

    def start(at, lock):
        code = "trap '' INT; echo ready; while :; do sleep 600 & wait; done"
        process = subprocess.Popen(["sh", "-c", code], pass_fds=[lock], stdout=subprocess.PIPE)
        stubborn.append(process)
        process.stdout.readline()
        return process.pid

    job_id = folder.add(REQUEST, start)
    assert folder.cancel(job_id)
    assert folder.find(job_id).state == "canceling"
    assert stubborn[0].poll() is None
    assert folder.cancel(job_id)
    assert stubborn[0].wait() == -9
    stubborn[0].stdout.close()


def test_the_newest_hundred_jobs_are_kept(folder):
    ids = [folder.add(REQUEST, lambda *_: 0) for _ in range(KEPT + 2)]
    assert [job.id for job in folder.jobs()] == ids[:1:-1]


def test_a_job_that_cannot_start_leaves_nothing_behind(folder):
    def start(at, lock):
        raise OSError(12, "Cannot allocate memory")

    with pytest.raises(Exception, match="Cannot allocate memory"):
        folder.add(REQUEST, start)
    assert folder.jobs() == []


@pytest.mark.parametrize("name", ["..", "lock", "../jobs", "20260101t000000-000000", ""])
def test_no_other_file_is_taken_for_a_job(folder, name):
    folder.add(REQUEST, lambda *_: 0)
    assert folder.find(name) is None
    assert folder.report(name) is None


# Over HTTP


@pytest.mark.slow
def test_a_build_runs_in_another_process_and_reports_its_progress(serve, ask, shop, token):
    started = ask("POST", "/v1/builds", json={"catalog": "tiny/catalog.csv"})
    assert started.status_code == 202, started.text
    path = started.headers["location"]
    events = ask("GET", f"{path}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    names = [line for line in events.text.splitlines() if line.startswith("event: ")]
    assert names[-1] == "event: end"
    last = json.loads(events.text.rpartition("data: ")[2])
    assert end_of(last) == ("succeeded", None)
    assert last["progress"]["stage"] == "publish"
    assert last["summary"]["items"] == 12
    assert ask("GET", f"{path}/report").json()["skipped"] == []
    again = serve(shop=shop)  # another start of the service lists the job too
    listed = again.get("/v1/jobs", headers={"authorization": f"Bearer {token}"}).json()["jobs"]
    assert listed[0] == last


def test_a_job_that_fails_says_why(ask, in_this_process, shop):
    (shop.parent / "catalogs" / "empty.csv").write_text("id,title\n")
    job = ask("POST", "/v1/builds", json={"catalog": "empty.csv"}).json()
    assert end_of(job) == ("failed", "bad_catalog")
    assert "empty.csv" in job["problem"]["detail"]


def test_an_uploaded_catalog_changes_prices_and_keeps_pictures(ask, in_this_process, shop):
    files = {"file": ("x", b"id,price\nred-mug,99\n")}
    data = {"ending": "csv", "options": '{"dry_run": true}'}
    job = ask("POST", "/v1/builds", files=files, data=data).json()
    assert end_of(job) == ("succeeded", None), job
    assert (job["subject"], job["options"]) == ("catalog.csv", {"dry_run": True})
    report = ask("GET", f"/v1/jobs/{job['id']}/report").json()
    assert [item["item_id"] for item in report["changed"]] == ["red-mug"]
    assert report["stops"]  # a build would remove the other eleven
    assert not list(shop.glob("jobs/*/upload"))


def test_a_snapshot_is_taken_once_under_a_name_and_listed(ask, in_this_process):
    first = ask("POST", "/v1/snapshots", json={"name": "before-sale"})
    assert end_of(first.json()) == ("succeeded", None)
    again = ask("POST", "/v1/snapshots", json={"name": "before-sale"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert [file["name"] for file in ask("GET", "/v1/snapshots").json()["snapshots"]] == [
        "before-sale"
    ]
    assert end_of(ask("POST", "/v1/snapshots").json()) == ("succeeded", None)


def test_a_rebuild_and_a_comparison_are_jobs_too(ask, in_this_process):
    assert end_of(ask("POST", "/v1/rebuilds").json()) == ("succeeded", None)
    compared = ask("POST", "/v1/comparisons", json={}).json()
    assert compared["state"] == "failed"  # there is no candidate
    assert "candidate" in compared["problem"]["detail"]
    stopped = ask("POST", "/v1/migrations/stop").json()
    assert end_of(stopped) == ("failed", "conflict")


def test_an_audit_is_a_job_whose_report_operators_can_read(ask, in_this_process):
    assert end_of(ask("POST", "/v1/audits").json()) == ("succeeded", None)
    reply = ask("GET", "/v1/reports/audit").json()
    assert reply["kind"] == "audit"
    assert reply["report"]["items"] > 0


def test_catalogs_are_listed_and_none_is_read_from_elsewhere(ask, shop, in_this_process):
    root = shop.parent / "catalogs"
    outside = shop.parent / "outside.csv"
    outside.write_text("id,title\na,b\n")
    with contextlib.suppress(FileExistsError):
        (root / "link.csv").symlink_to(outside)
    names = {file["name"] for file in ask("GET", "/v1/catalogs").json()["catalogs"]}
    assert {"tiny/catalog.csv", "tiny/images"} <= names
    assert "link.csv" not in names
    for name in (
        *("link.csv", "../outside.csv", "tiny/../../outside.csv", ".", "..", "none"),
        *("/etc/passwd", "tiny/catalog.csv\0", "a" * 400, "~", "tiny\\catalog.csv"),
    ):
        refused = ask("POST", "/v1/builds", json={"catalog": name})
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_catalog"), name


def test_builds_and_snapshots_are_off_without_their_folders(serve, shop, token):
    http = serve(shop=shop)
    headers = {"authorization": f"Bearer {token}"}
    for path, body in (("/v1/builds", {"catalog": "a.csv"}), ("/v1/snapshots", {})):
        refused = http.post(path, headers=headers, json=body)
        assert refused.status_code == 403
        assert "VITRINE_" in refused.json()["detail"]


def test_what_starts_a_job_is_audited_and_watching_it_is_not(ask, in_this_process, caplog):
    caplog.set_level("INFO", "vitrine.audit")
    job = ask("POST", "/v1/rebuilds", headers={"x-request-id": "r-77"}).json()
    assert (job["started_by"], job["request_id"]) == ("ops", "r-77")
    ask("GET", f"/v1/jobs/{job['id']}")
    ask("POST", f"/v1/jobs/{job['id']}/cancel")
    records = [record for record in caplog.records if record.name == "vitrine.audit"]
    assert [(record.method, record.request_id == "r-77") for record in records] == [
        ("POST", True), ("POST", False),
    ]  # fmt: skip


def test_canceling_a_job_that_has_ended_changes_nothing(ask, in_this_process):
    job = ask("POST", "/v1/rebuilds").json()
    assert ask("POST", f"/v1/jobs/{job['id']}/cancel").json() == job


@pytest.mark.parametrize("path", ["", "/events", "/report"])
def test_an_unknown_job_is_not_found(ask, path):
    for job_id in ("20260101t000000-000000", "lock", "%2e%2e"):
        assert ask("GET", f"/v1/jobs/{job_id}{path}").status_code == 404


def test_events_end_when_the_service_stops(serve, shop, token, folder, sleeping):
    http = serve(shop=folder.path.parent)
    token = KeyFile(folder.path.parent).add("ops", Scope.ADMIN)
    job_id = folder.add(REQUEST, sleeping)
    http.app.state.stop_events()
    got = http.get(f"/v1/jobs/{job_id}/events", headers={"authorization": f"Bearer {token}"})
    assert got.status_code == 200
    assert "event: end" not in got.text


# From the request to the command


def requests(**settings):
    return JobRequests(Settings(shop="shop", **settings), "ops", "r-1")


def test_every_option_of_a_build_reaches_the_command():
    options = BuildOptions(
        format="csv", columns={"title": "name", "images": ["a", "b"]}, encoding="latin-1",
        language="de", styles=["noir"], fetch=True, leave_out_placeholders=True, accept=True,
        dry_run=True,
    )  # fmt: skip
    request = requests(fetch_hosts="cdn.shop.com, *.x.com", threads=2).upload("c.csv", options)
    assert request.arguments[:1] == ["index"]
    assert request.arguments[2:] == [
        "--json", "--format=csv", "--threads=2", "--map=title=name", "--map=images=a",
        "--map=images=b", "--encoding=latin-1", "--language=de", "--styles=noir",
        "--leave-out-placeholders", "--accept", "--dry-run", "--fetch",
        "--allow-host=cdn.shop.com", "--allow-host=*.x.com", "--", "upload/c.csv",
    ]  # fmt: skip


def test_fetching_needs_the_hosts_of_the_settings():
    with pytest.raises(HttpError, match="VITRINE_FETCH_HOSTS"):
        requests().upload("c.csv", BuildOptions(fetch=True))


@pytest.mark.parametrize(
    "encoder",
    [
        "onnx:model.onnx", "onnx:/etc/x", "cnn:resnet50@w.pt", "cnn:resnet50@/w.pt",
        "openclip:local-dir:x", "openclip:ViT-B-32//etc/passwd", "openclip:ViT-B-32/../x",
        "st:./x", "st:/x", "st:a/b/c",
    ],
)  # fmt: skip
def test_an_encoder_that_is_a_file_cannot_be_named(encoder):
    with pytest.raises(HttpError, match="is a file"):
        requests().migration(MigrationBody(encoder=encoder), only_plan=True)


@pytest.mark.parametrize(
    "encoder",
    ["builtin", "color", "openclip:ViT-B-32/laion2b_s34b_b79k", "openclip:hf-hub:org/name",
     "st:org/name@256", "cnn:resnet50"],
)  # fmt: skip
def test_encoders_without_a_file_can_be_named(encoder):
    request = requests().migration(MigrationBody(encoder=encoder), only_plan=False)
    assert f"--encoder={encoder}" in request.arguments


def test_progress_is_written_when_a_stage_begins_and_ends(tmp_path):
    progress = job_process.ProgressFile(tmp_path / "progress.json")
    for done in range(101):
        progress("encode", done, 100)
    assert json.loads((tmp_path / "progress.json").read_text()) == {
        "stage": "encode", "done": 100, "total": 100, "skipped": 0,
    }  # fmt: skip
