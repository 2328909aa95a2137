"""Only the configuration adds and removes control planes and etcd members, while a client writes [J2]."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from testkit import stackfile
from testkit.cluster import CHECKOUT
from tests.faults.conftest import Note, stack
from tests.faults.ha import Ha
from tests.faults.load import held, load

NETWORK = "10.102.0.0/24"
GAP = 5
ALONE = 60
SECONDS = 420
EXTRA = ("e-4", "e-5")


@pytest.fixture(scope="module")
def scaled(state: Path) -> Iterator[Ha]:
    """Return the stack `ha` with one control plane, and hosts without a role yet."""
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", "kwscale", NETWORK)
    cluster = Ha(name="kwscale", state=state, config=config)
    resize(cluster, ["cp-1"], [])
    with stack(cluster) as cluster:
        yield cluster


def resize(cluster: Ha, planes: Sequence[str], members: Sequence[str]) -> None:
    """Set the hosts of these roles in the stack file; the inventory has only these hosts."""
    extra = {name: stackfile.host(NETWORK, 40 + number, "1Gi") for number, name in enumerate(EXTRA)}
    own = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", cluster.name, NETWORK)[stackfile.CLUSTER][
        "metal"
    ]["hosts"]
    used = {*planes, *members, *cluster.workers, *cluster.balancers}
    hosts = {name: host if name in used else stackfile.DELETE for name, host in {**own, **extra}.items()}
    change = {"control_planes": {"hosts": planes}, "etcd": {"hosts": members}, "metal": {"hosts": hosts}}
    cluster.change(change)


@pytest.mark.parametrize(
    ("planes", "members"),
    [
        (["cp-1", "cp-2", "cp-3"], []),
        (["cp-1", "cp-2", "cp-3"], ["cp-1", "cp-2", "cp-3", *EXTRA]),
        # The first member is removed: no member is special.
        (["cp-1", "cp-2", "cp-3"], ["cp-2", "cp-3", EXTRA[0]]),
        (["cp-3"], ["cp-3"]),
    ],
    ids=["1-to-3", "3-to-5", "5-to-3", "3-to-1"],
)
def test_members_come_and_go(scaled: Ha, note: Note, planes: Sequence[str], members: Sequence[str]) -> None:
    """Every step is one `up`. Afterwards all writes exist, and the members are the configured ones."""
    before = len(scaled.control_planes)
    with load(scaled) as client:
        resize(scaled, planes, members)
        began = time.monotonic()
        scaled.command("up", timeout=SECONDS)
        note(up=round(time.monotonic() - began, 1))
        scaled.whole()
        # The only API server is unavailable while it restarts with the new members.
        held(client, scaled, ALONE if before == 1 else GAP, note)
    statuses = scaled.etcd(scaled.members[0])
    assert len(statuses) == len(members or planes)
    assert not [status for status in statuses if status["Status"].get("isLearner")]
    known = scaled.ssh(scaled.members[0], MEMBERS).stdout.split()
    assert sorted(known) == sorted(members or planes)
    assert scaled.steps() == {}


MEMBERS = """\
/usr/local/lib/kubewright/bin/etcdctl --cacert=/etc/etcd/pki/etcd-ca.crt --cert=/etc/etcd/pki/operator.crt \\
    --key=/etc/etcd/pki/operator.key member list | while IFS=, read -r _ _ name _; do echo "$name"; done
"""
