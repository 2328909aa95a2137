"""Lab tests of the commands that look at, repair and recover a running cluster."""

from __future__ import annotations

import json
import re
from pathlib import Path

from testkit.cluster import Cluster
from testkit.snapshots import take_snapshot
from testkit.terminal import answer_on_terminal
from testkit.wait import eventually

KUBELET_CONFIG = "/etc/kubernetes/kubelet.json"
KUBE_PROXY = "/usr/local/lib/kubewright/bin/kube-proxy"
NFT = "/usr/local/lib/kubewright/netfilter/nft"
WORKER = "w-1"
REPLACED = "w-2"
WRITES = "writes"


def test_status_names_a_stopped_service(cluster: Cluster) -> None:
    healthy = cluster.command("status")
    for host in cluster.nodes:
        assert host in healthy.text
    cluster.ssh(WORKER, "systemctl stop kube-proxy.service")
    try:
        unhealthy = cluster.command("status", check=False)
        assert unhealthy.code == 1, unhealthy.text
        problems = [line for line in unhealthy.text.splitlines() if "kube-proxy" in line and WORKER in line]
        assert problems, unhealthy.text
    finally:
        cluster.ssh(WORKER, "systemctl start kube-proxy.service")
    cluster.command("status")


def test_status_shows_the_speed_of_the_disk_of_etcd(cluster: Cluster) -> None:
    # `status` needs 200 fsyncs since the start of etcd. The creation of an object causes at least one.
    maps = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"write-{number}", "namespace": WRITES},
        }
        for number in range(250)
    ]
    cluster.kubectl("create", "namespace", WRITES)
    try:
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": maps})
        cluster.kubectl("create", "-f", "-", stdin=items, timeout=180)
        status = cluster.command("status").text
        assert re.search(r"\b[0-9.]+ ms\b", status), status
    finally:
        cluster.kubectl("delete", "namespace", WRITES, timeout=180)


def test_status_names_a_truncated_certificate_file_and_repair_restores_it(cluster: Cluster) -> None:
    path = "/etc/kubernetes/pki/kubernetes-ca.crt"
    cluster.ssh(WORKER, f"truncate --size=100 {path}")
    try:
        damaged = cluster.command("status", check=False)
        assert damaged.code == 1, damaged.text
        shown = " ".join(damaged.text.split())
        assert path in shown, damaged.text
        assert f"repair --host {WORKER}" in shown, damaged.text
        assert "cannot be reached" not in shown
    finally:
        cluster.command("repair", "--host", WORKER)
    cluster.command("status")


def test_logs_show_the_newest_lines_of_chosen_units(cluster: Cluster) -> None:
    cluster.ssh(WORKER, "logger --tag=kwtest first; logger --tag=kwtest second; journalctl --sync")
    newest = cluster.command("logs", "--host", WORKER, "--since", "10m", "--lines", "1").text
    assert "first" not in newest
    units = cluster.command("logs", "--host", WORKER, "--unit", "kubelet", "--lines", "20").text
    assert "kubelet[" in units
    assert "kwtest" not in units


def test_repair_removes_the_drift_that_drift_reports(cluster: Cluster) -> None:
    unchanged = cluster.command("drift")
    assert "no drift: " in unchanged.text
    delivered = cluster.ssh(WORKER, f"cat {KUBELET_CONFIG}").stdout
    others = {host: cluster.services(host) for host in cluster.nodes if host != WORKER}
    cluster.ssh(WORKER, f"echo >>{KUBELET_CONFIG}; systemctl disable --now kube-proxy.service")
    cluster.ssh(WORKER, f"{NFT} insert rule inet kubewright input accept")
    cluster.ssh(WORKER, f'echo >>"$(readlink -f {KUBE_PROXY})"')

    drifted = cluster.command("drift", check=False)
    assert drifted.code == 1, drifted.text
    rows = [line for line in drifted.text.splitlines() if WORKER in line]
    assert any(KUBELET_CONFIG in row for row in rows), drifted.text
    assert any("kube-proxy" in row for row in rows), drifted.text
    assert any("packet filter inet kubewright" in row for row in rows), drifted.text
    assert any(KUBE_PROXY in row for row in rows), drifted.text
    assert not any(host in drifted.text for host in others), drifted.text
    assert cluster.previewed_operations() == {}, "`drift` is a part of the engine's preview now"

    cluster.command("repair", "--host", WORKER)
    assert cluster.ssh(WORKER, f"cat {KUBELET_CONFIG}").stdout == delivered
    assert "kube-proxy.service" in cluster.services(WORKER)
    assert {host: cluster.services(host) for host in others} == others, "other hosts changed"
    assert "no drift: " in cluster.command("drift").text
    cluster.wait_all_ready()


def test_refused_restore_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    snapshot = take_snapshot(cluster, tmp_path)
    before = {host: cluster.services(host) for host in cluster.nodes}
    argv = [word for word in cluster.argv("restore", "--snapshot", str(snapshot)) if word != "--yes"]
    refused = answer_on_terminal(argv, b"n\n", cwd=cluster.state, env=cluster.environment)
    assert refused.code != 0
    assert cluster.name in refused.text

    # Without the first byte, the snapshot does not have the recorded checksum.
    snapshot.write_bytes(snapshot.read_bytes()[1:])
    damaged = cluster.command("restore", "--snapshot", str(snapshot), check=False)
    assert damaged.code == 1
    assert f"{snapshot}: the sha256 is " in damaged.text
    assert {host: cluster.services(host) for host in cluster.nodes} == before


def test_restore_after_lost_data_returns_the_objects_of_the_snapshot(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.kubectl("create", "configmap", "before", "-n", namespace, "--from-literal=answer=42")
    cluster.kubectl("create", "secret", "generic", "before", "-n", namespace, "--from-literal=word=secret")
    snapshot = take_snapshot(cluster, tmp_path)
    cluster.kubectl("create", "configmap", "after", "-n", namespace)
    cluster.ssh("cp-1", "systemctl stop etcd.service; rm -rf /var/lib/etcd/member")

    cluster.command("restore", "--snapshot", str(snapshot))
    cluster.wait_all_ready()
    assert cluster.get("configmap", "before", "-n", namespace)["data"] == {"answer": "42"}
    # The API server decrypts a Secret only with the key that had encrypted it.
    assert cluster.get("secret", "before", "-n", namespace)["data"] == {"word": "c2VjcmV0"}
    later = cluster.kubectl("get", "configmap", "after", "-n", namespace, check=False)
    assert later.code != 0, "an object that was created after the snapshot exists: nothing was restored"
    # Programs with a watch must not continue with revisions of the lost data: a new pod must start.
    old = {pod["metadata"]["uid"] for pod in cluster.pods("kube-system", "k8s-app=kube-dns")}
    cluster.kubectl("delete", "pod", "-n", "kube-system", "-l", "k8s-app=kube-dns")
    eventually(
        "new pods replace the deleted ones",
        lambda: not old & {pod["metadata"]["uid"] for pod in cluster.pods("kube-system", "k8s-app=kube-dns")},
        timeout=60,
    )
    eventually("status has no problem", lambda: not cluster.command("status", check=False).code, timeout=90)
    assert cluster.previewed_operations() == {}


def test_empty_machine_replaces_a_lost_worker(cluster: Cluster) -> None:
    uid = cluster.get("node", REPLACED)["metadata"]["uid"]
    others = {host: cluster.services(host) for host in cluster.nodes if host != REPLACED}
    refused = cluster.command("replace", "--host", REPLACED, check=False)
    assert refused.code == 1
    assert f"{REPLACED}: not empty" in refused.text

    cluster.erase_host(REPLACED)
    cluster.start_host(REPLACED)
    cluster.command("replace", "--host", REPLACED)
    cluster.wait_all_ready()
    assert cluster.get("node", REPLACED)["metadata"]["uid"] != uid, "the Node is the old one"
    assert {host: cluster.services(host) for host in others} == others, "other hosts changed"
    assert "no drift: " in cluster.command("drift").text
    assert cluster.previewed_operations() == {}
