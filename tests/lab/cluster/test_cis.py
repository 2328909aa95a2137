"""Lab tests of the command `cis`: a new cluster has no failure, and broken settings are found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from testkit.cluster import Cluster

CONTROL_PLANE, WORKER = "cp-1", "w-1"
CERTIFICATE = "/etc/kubernetes/pki/front-proxy-ca.crt"
KUBELET_CONFIG = "/etc/kubernetes/kubelet.json"
SCHEDULER_UNIT = "/etc/systemd/system/kube-scheduler.service"
RESTART_SCHEDULER = "systemctl daemon-reload && systemctl restart kube-scheduler.service"
SANDBOXED = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    "kubelet-csr-approver",
)
BROKEN = (
    (
        CONTROL_PLANE,
        "1.1.13",
        "chmod 0644 /etc/kubernetes/admin.conf",
        "chmod 0600 /etc/kubernetes/admin.conf",
    ),
    (CONTROL_PLANE, "1.1.19", f"chown etcd {CERTIFICATE}", f"chown root {CERTIFICATE}"),
    (CONTROL_PLANE, "1.1.11", "chmod 0755 /var/lib/etcd", "chmod 0700 /var/lib/etcd"),
    (
        CONTROL_PLANE,
        "1.4.1",
        f"sed -i s/--profiling=false/--profiling=true/ {SCHEDULER_UNIT} && {RESTART_SCHEDULER}",
        f"sed -i s/--profiling=true/--profiling=false/ {SCHEDULER_UNIT} && {RESTART_SCHEDULER}",
    ),
    (
        WORKER,
        "4.2.14",
        f"""sed -i 's/"seccompDefault": true/"seccompDefault": false/' {KUBELET_CONFIG}""",
        f"""sed -i 's/"seccompDefault": false/"seccompDefault": true/' {KUBELET_CONFIG}""",
    ),
)
"""Host, id of the check that must fail, and the scripts that break and restore a setting."""


def run_cis(cluster: Cluster) -> tuple[int, dict[str, Any]]:
    """Return the exit code of `cis` and its results."""
    result = cluster.command("cis", "--format", "json", check=False)
    return result.code, json.loads(result.stdout)


def failures(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the details of failed checks by host and id."""
    return {(row["host"], row["id"]): row["detail"] for row in document["results"] if row["result"] == "FAIL"}


@contextmanager
def broken(cluster: Cluster, host: str, breaking: str, restoring: str) -> Iterator[None]:
    """Break a setting of a host, and restore it at the end of the block."""
    try:
        cluster.ssh(host, breaking)
        yield
    finally:
        cluster.ssh(host, restoring)


def test_new_cluster_has_no_failure(cluster: Cluster, tmp_path: Path) -> None:
    report = tmp_path / "cis.txt"
    result = cluster.command("cis", "--report", str(report), check=False)
    assert result.code == 0, result.text
    text = report.read_text()
    assert all(f"Host {host}" in text for host in cluster.nodes)
    assert "Policies in the API" in text
    assert " 0 FAIL, " in text


def test_five_broken_settings_are_found(cluster: Cluster) -> None:
    assert failures(run_cis(cluster)[1]) == {}
    with ExitStack() as stack:
        for host, _, breaking, restoring in BROKEN:
            stack.enter_context(broken(cluster, host, breaking, restoring))
        code, document = run_cis(cluster)
    assert code == 1
    assert set(failures(document)) == {(host, check) for host, check, *_ in BROKEN}
    assert failures(run_cis(cluster)[1]) == {}
    assert "no drift: " in cluster.command("drift").text


def test_unreachable_host_is_an_error(cluster: Cluster) -> None:
    cluster.disconnect_host(WORKER)
    try:
        code, document = run_cis(cluster)
    finally:
        cluster.connect_host(WORKER)
        cluster.wait_all_ready()
    assert code == 1
    assert [error["host"] for error in document["errors"]] == [WORKER]
    assert WORKER not in {row["host"] for row in document["results"]}


def test_services_have_no_privileges(cluster: Cluster) -> None:
    """A process in the mounts of a service cannot write to /etc, and the service has no capabilities."""
    script = f"""
for unit in {" ".join(SANDBOXED)}; do
    pid=$(systemctl show --property=MainPID --value "$unit.service")
    [ "$pid" -gt 0 ] || echo "$unit does not run"
    nsenter --mount --target "$pid" sh -c ": >/etc/kubewright-test" 2>/dev/null && echo "$unit writes to /etc"
    grep -q "^CapEff:.*[1-9a-f]" "/proc/$pid/status" && echo "$unit has capabilities"
done
true
"""
    assert cluster.ssh(CONTROL_PLANE, script).stdout == ""
    privileged = script.replace(" ".join(SANDBOXED), "kubelet")
    assert cluster.ssh(CONTROL_PLANE, privileged).stdout == (
        "kubelet writes to /etc\nkubelet has capabilities\n"
    ), "the script finds no privileges"
    cluster.ssh(CONTROL_PLANE, "rm /etc/kubewright-test")
