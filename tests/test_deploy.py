"""The files of deploy/ name commands, settings, routes and metrics that exist."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest

from service.cli.main import COMMANDS
from service.settings import Settings, unknown_variables

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.glob("[!.]*") if path.is_file())
_METRIC = re.compile(r"vitrine_[a-z_]+")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_is_a_setting(path):
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"VITRINE_[A-Z_]+", text)) - {"VITRINE_DOMAIN"}  # the proxy's
    assert unknown_variables(dict.fromkeys(named, "")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_described(path):
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert f"deploy/{path.name}" in page


def test_the_unit_runs_a_command_and_ends_it_after_its_grace():
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(DEPLOY / "vitrine.service", encoding="utf-8")
    command = shlex.split(unit["Service"]["ExecStart"])
    assert Path(command[0]).name == "vitrine"
    assert command[1] in COMMANDS
    assert unit["Service"]["KillMode"] == "process"  # jobs have processes of their own
    grace = Settings.model_fields["shutdown_grace_s"].default
    assert int(unit["Service"]["TimeoutStopSec"]) > grace
    most = Settings.model_fields["max_connections"].default
    assert int(unit["Service"]["LimitNOFILE"]) >= most + 256


def test_the_unit_of_a_replica_copies_what_the_unit_of_the_service_serves():
    units = []
    for name in ("vitrine-replicate.service", "vitrine.service"):
        unit = configparser.RawConfigParser(strict=False, interpolation=None)
        unit.optionxform = str
        unit.read(DEPLOY / name, encoding="utf-8")
        units.append(unit["Service"])
    replicate, serve = (shlex.split(unit["ExecStart"]) for unit in units)
    assert replicate[1:] == ["replicate", "${PRIMARY_URL}", "--shop", "${VITRINE_SHOP}"]
    assert serve[1:] == ["serve", "--shop", "${VITRINE_SHOP}"]
    assert {unit["User"] for unit in units} == {"vitrine"}


def test_the_containers_of_a_replica_share_the_copy_and_the_ids_of_processes():
    yaml = pytest.importorskip("yaml")
    text = (DEPLOY / "compose.replica.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    assert services["replicate"]["command"][0] in COMMANDS
    assert services["replicate"]["volumes"] == services["vitrine"]["volumes"] == ["copy:/shop"]
    assert services["replicate"]["pid"] == "service:vitrine"
    assert services["vitrine"]["ports"] == ["127.0.0.1:8000:8000"]


def test_the_containers_of_a_pod_share_the_copy_and_the_ids_of_processes():
    yaml = pytest.importorskip("yaml")
    text = (DEPLOY / "kubernetes.replica.yaml").read_text(encoding="utf-8")
    pod = list(yaml.safe_load_all(text))[1]["spec"]["template"]["spec"]
    replicate, serve = pod["containers"]
    assert replicate["args"][0] in COMMANDS
    assert replicate["volumeMounts"] == serve["volumeMounts"]
    assert pod["shareProcessNamespace"] is True
    primary = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    services = {one["metadata"]["name"] for one in primary if one["kind"] == "Service"}
    assert replicate["args"][1].removeprefix("http://") in services


@pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes.replica.yaml"])
def test_the_pods_fit_the_restricted_standard_of_kubernetes(name):
    yaml = pytest.importorskip("yaml")
    documents = yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8"))
    (pod,) = [one["spec"]["template"]["spec"] for one in documents if one["kind"] == "StatefulSet"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_container_runs_as_a_user_and_asks_a_route_that_exists(http):
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    # A number, from which Kubernetes sees that it is not root.
    assert re.search(r"^USER [1-9]\d+$", text, re.MULTILINE)
    (path,) = re.findall(r"urlopen\('http://127\.0\.0\.1:8000(/\w+)'", text)
    assert http.get(path).status_code == 200
    assert json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[1]) == ["vitrine"]
    (command,) = json.loads(re.search(r"^CMD (.*)$", text, re.MULTILINE)[1])
    assert command in COMMANDS
    for folder in re.findall(r"^COPY (\w+) \w+$", text, re.MULTILINE):
        assert (ROOT / folder / "__init__.py").exists()


def test_the_containers_trust_only_the_network_of_the_proxy():
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    vitrine = services["services"]["vitrine"]
    assert "ports" not in vitrine
    subnet = services["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert vitrine["environment"]["VITRINE_TRUSTED_PROXIES"] == subnet
    assert (DEPLOY / vitrine["build"]["context"] / vitrine["build"]["dockerfile"]).exists()


def test_the_dashboard_uses_metrics_that_exist(http, photo):
    http.post("/v1/search/image", files={"image": photo("red")})
    exposed = set(_METRIC.findall(http.get("/metrics").text))
    dashboard = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    variables = [variable["query"] for variable in dashboard["templating"]["list"]]
    named = {name for text in (*expressions, *variables) for name in _METRIC.findall(text)}
    assert len(named) >= 10
    assert named <= exposed


def test_the_alerts_use_metrics_that_exist(http):
    yaml = pytest.importorskip("yaml")
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    exposed = set(_METRIC.findall(http.get("/metrics").text))
    named = {name for rule in group["rules"] for name in _METRIC.findall(rule["expr"])}
    assert len(named) == 6
    assert named <= exposed
    assert {rule["labels"]["severity"] for rule in group["rules"]} == {"critical", "warning"}


def test_the_dashboard_shows_each_worker():
    dashboard = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    panels = {
        panel["title"]: [target["expr"] for target in panel["targets"]]
        for panel in dashboard["panels"]
    }
    for title in ("Requests a second, by worker", "Waiting, by worker"):
        (expression,) = panels[title]
        assert "sum by (instance, worker)" in expression
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
