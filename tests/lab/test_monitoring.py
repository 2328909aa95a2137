"""Lab test of `addons.monitoring`: faults raise critical alerts at a receiver, their end resolves them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from components.addons.grafana_dashboards import read_dashboards
from testkit import lab_slots, stackfile
from testkit.add_on_images import build_images
from testkit.alert_receiver import ALERT_SECONDS, AlertReceiver, monitoring_section, receive_alerts
from testkit.certificates import issue_certificate
from testkit.cluster import CHECKOUT, Cluster
from testkit.disk_program import install_program, mount_directory
from testkit.state import removed_at_end
from testkit.wait import eventually
from topology.monitoring import NAMESPACE

NAME = "kwmonitor"
PORT = 9999
TOKEN = "not-a-real-token-of-a-receiver"
ENDING = "/etc/kubernetes/pki/ending.crt"
WRITE_METRICS = "systemctl start host-metrics.service"
# The timer takes the first snapshot a few minutes after the start of the host.
OLD_SNAPSHOTS = f"""
systemctl stop etcd-snapshot.timer
systemctl start etcd-snapshot.service
touch -d '3 days ago' /var/lib/etcd-snapshots/etcd-*
{WRITE_METRICS}
"""
NEW_SNAPSHOT = f"""
systemctl start etcd-snapshot.service etcd-snapshot.timer
{WRITE_METRICS}
"""
SMALL, BEHIND = "/mnt/small", "/mnt/behind"
FILL_SMALL_DISK = f"""
set -eu
mkdir -p {SMALL} {BEHIND}
mount -t tmpfs -o size=64m small {BEHIND}
@install@
{mount_directory(BEHIND, SMALL, "/run/never")}
head -c 60M /dev/zero >{SMALL}/file
"""
"""Fill a small file system of the host. The rule does not count tmpfs, and hosts have no loop devices."""

# The first test builds the images, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def network(state: Path) -> IPv4Network:
    return IPv4Network(lab_slots.reserve(NAME, state).network)


@pytest.fixture(scope="module")
def cluster(state: Path, network: IPv4Network) -> Iterator[Cluster]:
    slot = lab_slots.reserve(NAME, state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1", "w-2"])
    settings = config[stackfile.CLUSTER]
    section = monitoring_section(network, PORT, TOKEN)
    settings["pools"] = {"workers": {"hosts": ["w-1"]}, "spare": {"hosts": ["w-2"]}}
    settings["addons"] = {"monitoring": {**section, "pool": "workers"}}
    build_images("prometheus", "alertmanager")
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        yield cluster


@pytest.fixture(scope="module")
def receiver(cluster: Cluster, network: IPv4Network) -> Iterator[AlertReceiver]:
    with receive_alerts(str(network[-2]), PORT, TOKEN) as receiver:
        yield receiver


def query(cluster: Cluster, text: str) -> list[dict[str, Any]]:
    """Return the result of a query. The API server connects to the pod."""
    service = f"/api/v1/namespaces/{NAMESPACE}/services/https:prometheus:9090/proxy"
    answer = cluster.kubectl("get", "--raw", f"{service}/api/v1/query?query={quote(text)}").stdout
    result: list[dict[str, Any]] = json.loads(answer)["data"]["result"]
    return result


def test_every_target_answers(cluster: Cluster) -> None:
    def down() -> list[Any]:
        targets = query(cluster, "up")
        found = {item["metric"]["job"] for item in targets}
        expected = {"etcd", "apiserver", "controller-manager", "scheduler", "kubelet", "cadvisor"}
        assert expected | {"node-exporter", "kube-proxy", "kube-router", "csr-approver"} <= found
        return [item["metric"] for item in targets if item["value"][1] != "1"]

    eventually("all targets are up", lambda: not down(), timeout=300)


def test_panels_of_dashboards_show_series(cluster: Cluster) -> None:
    """Panels about faults and about parts that this cluster lacks say so in their description, or compare."""
    panels = [panel for dashboard in read_dashboards() for panel in dashboard.panels]
    expressions = [
        item.expr
        for panel in panels
        if not panel.description.startswith("Empty")
        for item in panel.queries
        if "ALERTS" not in item.expr and "== 0" not in item.expr and "failed_total" not in item.expr
    ]
    # Pods without a limit of CPU have no periods.
    needed = [text for text in expressions if "cfs" not in text and "rejected" not in text]

    def empty() -> list[str]:
        return [text for text in needed if not query(cluster, text)]

    eventually(f"all panels show series: {empty()}", lambda: not empty(), timeout=300)


def test_nodes_outside_of_the_pool_cannot_reach_the_gateway(cluster: Cluster) -> None:
    """The packet filter drops packets of w-2, and lets those of w-1 pass."""
    connect = f"timeout 5 bash -c '</dev/tcp/{cluster.address('cp-1')}/10291'"
    assert cluster.ssh("w-1", connect, check=False).code == 0
    assert cluster.ssh("w-2", connect, check=False).code != 0


def test_faults_of_hosts_raise_their_alerts(cluster: Cluster, receiver: AlertReceiver) -> None:
    ending = issue_certificate("ending", valid_for=timedelta(days=3)).certificate_pem.decode()
    cluster.ssh("cp-1", f"cat >{ENDING} <<'EOF'\n{ending}EOF\n{WRITE_METRICS}")
    cluster.ssh("cp-1", OLD_SNAPSHOTS)
    cluster.ssh("w-1", FILL_SMALL_DISK.replace("@install@", install_program()), timeout=120)
    cluster.ssh("w-2", "systemctl stop kubelet")
    cluster.kubectl("cordon", "w-1")
    expected = {
        "CertificateEndsSoon": {"instance": "cp-1", "path": ENDING},
        "EtcdSnapshotTooOld": {"instance": "cp-1"},
        "DiskNearlyFull": {"instance": "w-1", "mountpoint": SMALL},
        "NodeNotReady": {"node": "w-2"},
        "KubeletDown": {"instance": "w-2"},
        "PoolDrained": {"pool": "workers"},
    }
    for alert, labels in expected.items():
        receiver.wait_for("firing", alert, **labels)
    cluster.ssh("cp-1", f"rm {ENDING}\n{NEW_SNAPSHOT}")
    cluster.ssh("w-1", f"umount {SMALL} {BEHIND}")
    cluster.ssh("w-2", "systemctl start kubelet")
    cluster.kubectl("uncordon", "w-1")
    for alert, labels in expected.items():
        receiver.wait_for("resolved", alert, **labels)


def test_failing_requests_raise_an_alert(cluster: Cluster, receiver: AlertReceiver) -> None:
    """A webhook that does not exist fails each creation of a ConfigMap in one namespace."""
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "failing", "labels": {"fail": "yes"}}},
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "missing"},
            "webhooks": [
                {
                    "name": "missing.kubewright.dev",
                    "clientConfig": {"service": {"name": "missing", "namespace": "failing"}},
                    "rules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": ["configmaps"],
                        }
                    ],
                    "namespaceSelector": {"matchLabels": {"fail": "yes"}},
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                }
            ],
        },
    )
    items = "---\n".join(
        f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m-{number}, namespace: failing}}}}\n"
        for number in range(30)
    )

    def firing() -> bool:
        cluster.kubectl("create", "--filename=-", stdin=items, check=False)
        return "firing" in receiver.states("KubernetesApiErrors")

    eventually("the receiver has KubernetesApiErrors", firing, timeout=ALERT_SECONDS, interval=0.5)
    cluster.kubectl("delete", "validatingwebhookconfiguration", "missing")
    receiver.wait_for("resolved", "KubernetesApiErrors")


def test_stopped_etcd_member_raises_an_alert(cluster: Cluster, receiver: AlertReceiver) -> None:
    """It is the only member, so that the API does not answer. Prometheus keeps its targets."""
    cluster.ssh("cp-1", "systemctl stop etcd")
    receiver.wait_for("firing", "EtcdMemberDown", instance="cp-1")
    cluster.ssh("cp-1", "systemctl start etcd")
    receiver.wait_for("resolved", "EtcdMemberDown", instance="cp-1")
    cluster.wait_all_ready()


def test_url_of_the_receiver_is_only_in_its_secret(cluster: Cluster) -> None:
    for kind in ("configmaps", "statefulsets", "pods", "events"):
        assert TOKEN not in cluster.kubectl("get", kind, "-A", "-o", "yaml").stdout
    logs = cluster.kubectl("logs", "-n", NAMESPACE, "alertmanager-0").stdout
    assert TOKEN not in logs


def test_second_up_changes_nothing(cluster: Cluster) -> None:
    assert cluster.previewed_operations() == {}


def test_monitoring_is_removed(cluster: Cluster) -> None:
    before = cluster.services("cp-1")
    cluster.merge_settings({"addons": stackfile.DELETE})
    cluster.up()
    assert cluster.kubectl("get", "namespace", NAMESPACE, check=False).code != 0
    for host in ("cp-1", "w-1"):
        units = cluster.services(host)
        assert not [unit for unit in units if "metrics-gateway" in unit or "node-exporter" in unit]
        found = cluster.ssh(host, "ls -d /etc/metrics-gateway/pki/server.key", check=False)
        assert found.code != 0
    # No program of the cluster restarted.
    after = cluster.services("cp-1")
    for unit in ("etcd.service", "kube-apiserver.service", "kube-controller-manager.service"):
        assert after[unit] == before[unit]
