"""Tests of the rules and configurations of `addons.monitoring` with promtool and amtool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from assembly import build_topology
from components.addons.monitoring_alerts import alertmanager_configuration
from components.addons.monitoring_rules import rule_files
from components.addons.monitoring_targets import Paths, prometheus_configuration
from settings import load
from testkit.alert_cases import CASES
from testkit.alerts import promtool_document
from testkit.control_plane import binary_path
from testkit.process import run
from tests.unit.settings.support import HIGHLY_AVAILABLE, TWO_WORKERS, with_edits
from tests.unit.settings.wrong_monitoring import full, settings
from topology.model import Topology
from topology.monitoring import Monitoring

Json = dict[str, Any]

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]  # the programs are built


def monitored(base: Json, section: Json, **edits: object) -> tuple[Topology, Monitoring]:
    topology = build_topology(load(with_edits(base, {"addons.monitoring": section, **edits})))
    assert topology.monitoring
    return topology, topology.monitoring


def write_rules(directory: Path, data: Monitoring) -> list[str]:
    """Write the rule files into a directory and return their names."""
    files = rule_files(data)
    for name, text in files.items():
        (directory / name).write_text(text)
    return [*files]


def check_rules(directory: Path, cases: Json) -> tuple[int, str]:
    """Run promtool's tests of rules and return its exit code and its output."""
    _, data = monitored(TWO_WORKERS, settings(kube_state_metrics=True))
    document = promtool_document(write_rules(directory, data), cases)
    (directory / "tests.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    result = run(
        [binary_path("promtool"), "test", "rules", "tests.yaml"], timeout=300, check=False, cwd=directory
    )
    return result.code, result.text


def test_faults_raise_their_alerts_and_no_others(tmp_path: Path) -> None:
    code, text = check_rules(tmp_path, dict(CASES))
    assert code == 0, text


def test_a_wrong_expectation_fails(tmp_path: Path) -> None:
    """Prove that promtool compares alerts: an expected alert that does not fire is an error."""
    case = CASES["a member of etcd is down"]
    wrong = type(case)(series=case.series, expected={"3m": case.expected["8m"]})
    code, text = check_rules(tmp_path, {"wrong": wrong})
    assert code != 0
    assert "EtcdMemberDown" in text


def test_every_alert_about_the_cluster_has_a_case() -> None:
    _, data = monitored(TWO_WORKERS, settings())
    document = yaml.safe_load(rule_files(data)["kubewright.yaml"])
    alerts = {
        rule["alert"]: rule["labels"]["severity"] for group in document["groups"] for rule in group["rules"]
    }
    raised = {
        firing.alert: firing.severity
        for case in CASES.values()
        for firings in case.expected.values()
        for firing in firings
    }
    assert raised == {name: severity for name, severity in alerts.items() if name != "Watchdog"}


@pytest.mark.parametrize("base", [TWO_WORKERS, HIGHLY_AVAILABLE], ids=["small", "available"])
@pytest.mark.parametrize("section", [full(), settings(kube_state_metrics=True)], ids=["full", "least"])
@pytest.mark.parametrize("cni", ["flannel", "cilium"])
def test_prometheus_accepts_its_configuration(tmp_path: Path, base: Json, section: Json, cni: str) -> None:
    topology, data = monitored(base, section, **{"network.cni": cni})
    write_rules(tmp_path, data)
    paths = Paths(
        rules=f"{tmp_path}/kubewright.yaml",
        authorities=str(tmp_path),
        tls=str(tmp_path),
        credentials=str(tmp_path),
        token=f"{tmp_path}/token",
    )
    config = prometheus_configuration(topology, data, paths)
    text = yaml.safe_dump(config, sort_keys=False)
    (tmp_path / "prometheus.yaml").write_text(text)
    # promtool requires the files that the configuration names.
    for name in (*("tls.crt", "tls.key", "kubernetes-ca.crt", "kubelet-serving-ca.crt", "token"),):
        (tmp_path / name).write_text("")
    for name in ("central-password", "other-bearer-token"):
        (tmp_path / name).write_text("")
    result = run(
        [binary_path("promtool"), "check", "config", "--syntax-only", "prometheus.yaml"],
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert result.code == 0, result.text


@pytest.mark.parametrize("section", [full(), settings()], ids=["full", "least"])
def test_alertmanager_accepts_its_configuration(tmp_path: Path, section: Json) -> None:
    _, data = monitored(TWO_WORKERS, section)
    config = alertmanager_configuration(data, credentials=str(tmp_path))
    (tmp_path / "alertmanager.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    result = run(
        [binary_path("amtool"), "check-config", "alertmanager.yaml"], timeout=60, check=False, cwd=tmp_path
    )
    assert result.code == 0, result.text


def test_critical_alerts_go_to_their_receiver(tmp_path: Path) -> None:
    _, data = monitored(TWO_WORKERS, full())
    (tmp_path / "alertmanager.yaml").write_text(yaml.safe_dump(alertmanager_configuration(data)))
    expected = {"critical": "oncall", "warning": "chat", "none": "kubewright:none"}
    for severity, receiver in expected.items():
        command = [
            *(binary_path("amtool"), "config", "routes", "test", "--config.file=alertmanager.yaml"),
            f"severity={severity}",
        ]
        assert run(command, timeout=60, cwd=tmp_path).stdout.strip() == receiver
