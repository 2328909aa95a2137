"""Lab tests of a stack that an earlier version created: `up` with this checkout replaces and restarts
nothing.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CalledProcessError, run

import pytest

from testkit import lab_slots, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.state import removed_at_end

pytestmark = [pytest.mark.release, pytest.mark.timeout(1800)]

RELEASE = "e084926"
"""The commit of the release that creates the stack."""
EXPECTED_RESTARTS: dict[str, str] = {
    "etcd.service": "runs in systemd's sandbox",
    "flanneld.service": "authenticates with the certificate of its node",
    "kube-apiserver.service": "runs as its own user, in systemd's sandbox, with new flags",
    "kube-controller-manager.service": "runs as its own user, in systemd's sandbox, with new flags",
    "kube-scheduler.service": "runs as its own user in systemd's sandbox",
    "kubelet-csr-approver.service": "runs as its own user in systemd's sandbox, in a new version",
}
"""Services that this checkout restarts on hosts of that release, with the reasons. CHANGELOG.md lists them.
"""
EXPECTED_CREATIONS = (
    "cluster-pki-kubelet-serving-ca",
    "cluster-pki-kubelet-serving-ca-key",
    "cluster-bootstrap-inventory",
    "cluster-cni-network-policies",
    "cluster-cni-network-policies-role",
    "cluster-bootstrap-csr-approver-local",
    "cluster-bootstrap-csr-approver-local-role",
    "cluster-join-tokens",
    "cluster-join-tokens-node-cp-1",
    "cluster-join-tokens-node-w-1",
)
NEW_SERVICES = {
    "kube-apiserver-secrets.service",
    "kube-controller-manager-secrets.service",
    "kube-router.service",
    "kube-scheduler-secrets.service",
    "kubelet-csr-approver-secrets.service",
}
"""Services that hosts of that release do not have."""
EXPECTED_DELETIONS = (
    "cluster-pki-flannel",
    "cluster-pki-flannel-key",
    "cluster-pki-flannel-request",
    "cluster-bootstrap-token",
    "cluster-bootstrap-sign-first",
)
REMOVED_FILES = ("/etc/systemd/system/etcd-settle.service",)
"""Files of that release that hosts no longer have."""
_ENVIRONMENT_SECONDS = 800
_UNIT_PROPERTIES = "InvocationID,NRestarts,ExecMainStartTimestampMonotonic,ActiveState"


def release_checkout(directory: Path) -> Path:
    """Extract the files of the release from the Git history into a directory. Return the directory."""
    try:
        archive = run(["git", "archive", RELEASE], cwd=CHECKOUT, capture_output=True, check=True).stdout
    except CalledProcessError as error:
        pytest.fail(
            f"commit {RELEASE} is not in this clone; fetch the whole history: {error.stderr.decode()}"
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(directory, filter="data")
    return directory


@pytest.fixture(scope="module")
def release_cluster(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Yield a cluster that the release created: a control plane with etcd, and a worker with a label and a
    taint.
    """
    slot = lab_slots.reserve("kwrelease", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    config[stackfile.CLUSTER]["pools"]["workers"] |= {
        "labels": {"tier": "web"},
        "taints": ["dedicated=web:PreferNoSchedule"],
    }
    checkout = release_checkout(tmp_path_factory.mktemp("release"))
    # The first command creates the Python environment of the release, which can take longer than `up`.
    # Python finds modules in the work directory first, so it must not be this checkout.
    run(
        [checkout / "kubewright", "--help"],
        cwd=checkout,
        capture_output=True,
        check=True,
        timeout=_ENVIRONMENT_SECONDS,
    )
    old = Cluster(name=slot.name, state=state, config=config, checkout=checkout)
    with removed_at_end(replace(old, checkout=CHECKOUT)) as new:
        old.up()
        yield new


@dataclass(frozen=True, slots=True)
class Takeover:
    """The first `up` of this checkout on a cluster of the release.

    `steps` are the previewed operations, `before` and `after` the start times of services by host.
    """

    cluster: Cluster
    steps: dict[str, str]
    before: dict[str, dict[str, str]]
    after: dict[str, dict[str, str]]


def services_of_hosts(cluster: Cluster) -> dict[str, dict[str, str]]:
    """Return the start times of the delivered services of each host."""
    return {host: services(cluster, host) for host in ("cp-1", "w-1")}


def services(cluster: Cluster, host: str) -> dict[str, str]:
    """Return the start time of every running service that a bundle delivered, by name of the systemd unit."""
    script = (
        "for unit in $(cat /var/lib/kubewright/roles/*/units | sort -u); do "
        f'echo "$unit $(systemctl show --property={_UNIT_PROPERTIES} "$unit" | tr "\\n" " ")"; done'
    )
    lines = cluster.ssh(host, script).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)


@pytest.fixture(scope="module")
def takeover(release_cluster: Cluster) -> Takeover:
    """Return what the first `up` with this checkout does to the cluster."""
    before = services_of_hosts(release_cluster)
    steps = release_cluster.previewed_operations()
    release_cluster.up()
    return Takeover(release_cluster, steps, before, services_of_hosts(release_cluster))


def test_up_takes_over_a_stack_of_the_release(takeover: Takeover) -> None:
    assert takeover.steps, "the host program changed, so deliveries must change"
    expected = dict.fromkeys(EXPECTED_CREATIONS, "create") | dict.fromkeys(EXPECTED_DELETIONS, "delete")
    assert {name: takeover.steps.get(name) for name in expected} == expected
    others = {name: step for name, step in takeover.steps.items() if name not in expected}
    created = {name for name, step in others.items() if step == "create"}
    assert all("default-accounts" in name for name in created), created
    assert {others[name] for name in others.keys() - created} == {"update"}, others

    changed = {
        f"{host} {unit}": (start, takeover.after[host].get(unit))
        for host, starts in takeover.before.items()
        for unit, start in starts.items()
        if takeover.after[host].get(unit) != start and unit not in EXPECTED_RESTARTS
    }
    assert not changed
    new = {host: units.keys() - takeover.before[host].keys() for host, units in takeover.after.items()}
    assert new == dict.fromkeys(takeover.after, NEW_SERVICES)
    assert takeover.cluster.previewed_operations() == {}
    takeover.cluster.wait_all_ready()


def test_units_of_the_release_are_replaced(takeover: Takeover) -> None:
    release_cluster = takeover.cluster
    for path in REMOVED_FILES:
        assert (
            release_cluster.ssh(
                "cp-1", f"[ ! -e {path} ] && ! systemctl is-active {path.rsplit('/', 1)[-1]}"
            ).code
            == 0
        )
    wants = release_cluster.ssh(
        "cp-1", "systemctl show --property=Wants,NeedDaemonReload etcd.service"
    ).stdout
    assert "etcd-promote.service" in wants
    assert "NeedDaemonReload=no" in wants


def test_etcd_starts_with_the_new_unit(takeover: Takeover) -> None:
    release_cluster = takeover.cluster
    release_cluster.ssh("cp-1", "systemctl restart etcd.service && systemctl is-active etcd.service")
    release_cluster.wait_all_ready()
    promoted = release_cluster.ssh("cp-1", "systemctl show --property=Result etcd-promote.service").stdout
    assert promoted.strip() == "Result=success"


def test_drift_finds_nothing_after_the_takeover(takeover: Takeover) -> None:
    release_cluster = takeover.cluster
    assert "no drift" in release_cluster.command("drift").stdout
