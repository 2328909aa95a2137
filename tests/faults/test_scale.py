"""Fault tests: configuration changes add and remove control planes and etcd members while a client writes
[J2].
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from testkit import lab_slots, stackfile
from testkit.cluster import CHECKOUT
from testkit.figures import RecordFigures
from tests.faults.conftest import running_stack
from tests.faults.ha import HaCluster
from tests.faults.load import assert_limits, running_client

MAX_WRITE_GAP = 5
MAX_WRITE_GAP_SINGLE_API_SERVER = 60
SECONDS = 420
EXTRA = ("e-4", "e-5")


@pytest.fixture(scope="module")
def single_control_plane(state: Path) -> Iterator[HaCluster]:
    """Yield a running cluster of the stack `ha` with a single control plane."""
    slot = lab_slots.reserve("kwscale", state)
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", *slot)
    cluster = HaCluster(name=slot.name, state=state, config=config)
    set_role_hosts(cluster, ["cp-1"], [])
    with running_stack(cluster) as cluster:
        yield cluster


def set_role_hosts(cluster: HaCluster, planes: Sequence[str], members: Sequence[str]) -> None:
    """Set the hosts of the control planes and of the etcd members in the stack file.

    Remove hosts without a role from the inventory.
    """
    network = cluster.config[stackfile.LAB]["network"]
    extra = {name: stackfile.host(network, 40 + number, "1Gi") for number, name in enumerate(EXTRA)}
    own = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", cluster.name, network)[stackfile.CLUSTER][
        "metal"
    ]["hosts"]
    used = {*planes, *members, *cluster.workers, *cluster.load_balancers}
    hosts = {name: host if name in used else stackfile.DELETE for name, host in {**own, **extra}.items()}
    change = {"control_planes": {"hosts": planes}, "etcd": {"hosts": members}, "metal": {"hosts": hosts}}
    cluster.merge_settings(change)


@pytest.mark.parametrize(
    ("planes", "members"),
    [
        (["cp-1", "cp-2", "cp-3"], []),
        (["cp-1", "cp-2", "cp-3"], ["cp-1", "cp-2", "cp-3", *EXTRA]),
        # The removed member is the first: no member is special.
        (["cp-1", "cp-2", "cp-3"], ["cp-2", "cp-3", EXTRA[0]]),
        (["cp-3"], ["cp-3"]),
    ],
    ids=["1-to-3", "3-to-5", "5-to-3", "3-to-1"],
)
def test_members_are_added_and_removed(
    single_control_plane: HaCluster,
    record_figures: RecordFigures,
    planes: Sequence[str],
    members: Sequence[str],
) -> None:
    """Every step is a single `up`. Afterwards all writes exist, and the members are as configured."""
    before = len(single_control_plane.control_planes)
    with running_client(single_control_plane) as client:
        set_role_hosts(single_control_plane, planes, members)
        began = time.monotonic()
        single_control_plane.command("up", timeout=SECONDS)
        record_figures(up=round(time.monotonic() - began, 1))
        single_control_plane.wait_healthy()
        # The API is unavailable while its only server restarts with the new etcd members.
        assert_limits(
            client,
            single_control_plane,
            MAX_WRITE_GAP_SINGLE_API_SERVER if before == 1 else MAX_WRITE_GAP,
            record_figures,
        )
    statuses = single_control_plane.etcd_statuses(single_control_plane.members[0])
    assert len(statuses) == len(members or planes)
    assert not [status for status in statuses if status["Status"].get("isLearner")]
    known = single_control_plane.ssh(single_control_plane.members[0], MEMBERS).stdout.split()
    assert sorted(known) == sorted(members or planes)
    assert single_control_plane.previewed_operations() == {}


MEMBERS = """\
/usr/local/lib/kubewright/bin/etcdctl --cacert=/etc/etcd/pki/etcd-ca.crt --cert=/etc/etcd/pki/operator.crt \\
    --key=/etc/etcd/pki/operator.key member list | while IFS=, read -r _ _ name _; do echo "$name"; done
"""
