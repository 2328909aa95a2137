"""Tests of the metrics gateway with haproxy and a real control plane, which run as their bundles say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.addons.monitoring import CLUSTER_RULES
from testkit.control_plane import skip_without_binaries
from testkit.monitored_host import ADDRESS, MonitoredHost
from topology.monitoring import NAMESPACE, PROMETHEUS

GATEWAY = f"https://{ADDRESS}:10291"


@contextmanager
def host_with_gateway(directory: Path) -> Iterator[MonitoredHost]:
    """Run a host with a control plane, the metrics gateway, and the service account of Prometheus."""
    skip_without_binaries()
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    with MonitoredHost(directory) as host:
        host.start_control_plane()
        host.start("metrics-gateway.service")
        create_account(host)
        yield host


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoredHost]:
    with host_with_gateway(tmp_path_factory.mktemp("host")) as host:
        yield host


def create_account(host: MonitoredHost) -> None:
    """Create the service account of Prometheus with the rules of the add-on, and write its token."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "kubewright:prometheus"},
        "rules": [
            {"nonResourceURLs": list(rule.urls), "verbs": list(rule.verbs)}
            if rule.urls
            else {"apiGroups": [rule.group], "resources": list(rule.resources), "verbs": list(rule.verbs)}
            for rule in CLUSTER_RULES
        ],
    }
    host.kubectl("create", "namespace", NAMESPACE)
    host.kubectl("create", "serviceaccount", PROMETHEUS, f"--namespace={NAMESPACE}")
    host.kubectl("apply", "--filename=-", stdin=json.dumps(role))
    host.kubectl(
        *("create", "clusterrolebinding", "kubewright:prometheus", "--clusterrole=kubewright:prometheus"),
        f"--serviceaccount={NAMESPACE}:{PROMETHEUS}",
    )
    token = host.kubectl("create", "token", PROMETHEUS, f"--namespace={NAMESPACE}").strip()
    (host.root / "token").write_text(token)


def client_files(host: MonitoredHost, name: str) -> list[str]:
    """Write the certificate `name` of the table, and return the options of curl for it."""
    options = []
    for option, suffix in (("--cert", "crt"), ("--key", "key")):
        path = host.root / f"{name}.{suffix}"
        path.write_text(host.secrets[f"{name}.{suffix}"])
        options += [option, str(path)]
    return options


def fetch(
    host: MonitoredHost,
    url: str,
    *,
    client: str = PROMETHEUS,
    token: bool = False,
    options: tuple[str, ...] = (),
) -> tuple[str, str]:
    """Return the status and the body of a response; status 000 without a response."""
    authority = host.root / "ca.crt"
    authority.write_text(host.secrets["kubernetes-ca-bundle.crt"])
    words = [
        "curl",
        "--silent",
        "--max-time",
        "20",
        "--cacert",
        str(authority),
        "--write-out",
        "\n%{http_code}",
    ]
    words += client_files(host, client) if client else []
    words += ["--header", f"Authorization: Bearer {(host.root / 'token').read_text()}"] if token else []
    body, _, status = host.run([*words, *options, url], check=False).stdout.rpartition("\n")
    return status, body


@pytest.mark.parametrize(
    ("path", "series", "token"),
    [
        ("etcd", "etcd_server_has_leader 1", False),
        ("controller-manager", "workqueue_adds_total", True),
        ("scheduler", "scheduler_pending_pods", True),
    ],
)
def test_prometheus_reads_metrics_of_programs_on_loopback(
    host: MonitoredHost, path: str, series: str, token: bool
) -> None:
    host.wait_until(
        lambda: series in fetch(host, f"{GATEWAY}/{path}", token=token)[1], f"{path} has no {series}", 60
    )


def test_prometheus_reads_metrics_of_the_api_server(host: MonitoredHost) -> None:
    status, body = fetch(host, f"https://{ADDRESS}:6443/metrics", client="", token=True)
    assert status == "200"
    assert "apiserver_request_total" in body


@pytest.mark.parametrize("path", ["controller-manager", "scheduler"])
def test_controllers_check_the_token(host: MonitoredHost, path: str) -> None:
    assert fetch(host, f"{GATEWAY}/{path}")[0] in ("401", "403")


def test_clients_without_a_certificate_are_refused(host: MonitoredHost) -> None:
    assert fetch(host, f"{GATEWAY}/etcd", client="") == ("000", "")


@pytest.mark.parametrize("name", ["csr-approver", "kube-proxy", "alertmanager"])
def test_other_certificates_of_the_cluster_are_refused(host: MonitoredHost, name: str) -> None:
    status, body = fetch(host, f"{GATEWAY}/etcd", client=name)
    assert status == "403"
    assert "etcd_" not in body


def test_certificates_of_etcd_are_refused(host: MonitoredHost) -> None:
    assert fetch(host, f"{GATEWAY}/etcd", client="etcd-operator") == ("000", "")


def test_gateway_serves_only_metrics(host: MonitoredHost) -> None:
    assert fetch(host, f"{GATEWAY}/metrics")[0] == "404"
    assert fetch(host, f"{GATEWAY}/etcd/health")[0] == "404"
    assert fetch(host, f"{GATEWAY}/etcd", options=("--request", "POST"))[0] == "405"


def test_program_that_does_not_run_is_an_error(host: MonitoredHost) -> None:
    """Prometheus then sets `up` to 0."""
    assert fetch(host, f"{GATEWAY}/kube-proxy")[0] == "503"


def test_programs_listen_only_on_loopback(host: MonitoredHost) -> None:
    for port in (2381, 10257, 10259):
        assert fetch(host, f"https://{ADDRESS}:{port}/metrics", token=True)[0] == "000"
    assert Path(host.root / "metrics-gateway.service.log").exists()
