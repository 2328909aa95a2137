"""Fault tests of `destroy` with a stopped host, and of `up` with a host that stops responding."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from testkit import lab_slots, stackfile
from testkit.cluster import Cluster
from testkit.interrupt import act_at_output
from testkit.leftovers import paths_of_roles
from tests.faults.conftest import running_stack

ETCD_HOSTS = ("e-1", "e-2", "e-3")
DESTROY_SECONDS = 420


@pytest.fixture
def running_cluster(state: Path) -> Iterator[Cluster]:
    """Yield a running cluster with a control plane, a worker, and three hosts with etcd."""
    slot = lab_slots.reserve("kwdead", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    config[stackfile.CLUSTER]["etcd"] = {"hosts": list(ETCD_HOSTS)}
    config[stackfile.CLUSTER]["metal"]["hosts"] |= {
        host: stackfile.host(slot.network, 31 + number) for number, host in enumerate(ETCD_HOSTS)
    }
    with running_stack(Cluster(name=slot.name, state=state, config=config)) as cluster:
        yield cluster


def remaining(cluster: Cluster) -> list[str]:
    """Return the names of resources in the state, except components and plugins."""
    path = cluster.state / f"backend/.pulumi/stacks/kubewright/{cluster.name}.json"
    deployment = json.loads(path.read_text())["checkpoint"]["latest"] or {}
    return sorted(
        resource["urn"].rpartition("::")[2]
        for resource in deployment.get("resources") or []
        if resource.get("custom") and not resource["type"].startswith("pulumi:")
    )


def traces(cluster: Cluster, hosts: Sequence[str]) -> list[str]:
    """Return the paths that show that hosts have a role, as `host: path`."""
    return [f"{host}: {path}" for host in hosts for path in paths_of_roles(cluster, host)]


@pytest.mark.parametrize(
    ("stopped", "commands"),
    [
        ("w-1", ["w-1-node"]),
        # The remaining members have no quorum when one of them leaves.
        ("e-2", ["e-2-etcd"]),
        # The commands of an administrator also run on the first control plane.
        ("cp-1", ["cluster-farewell", "cp-1-control-plane", "cp-1-node"]),
    ],
)
def test_only_the_resources_of_a_stopped_host_remain(
    running_cluster: Cluster, stopped: str, commands: list[str]
) -> None:
    cluster = running_cluster
    others = [host for host in (*cluster.nodes, *ETCD_HOSTS) if host != stopped]
    assert traces(cluster, others), "no host has any of these paths, although all hosts have roles"
    # Stop the host after the engine has started: before that, the driver boots stopped hosts of the lab.
    destroyed = act_at_output(
        cluster, "destroy", r"^Destroying", lambda: cluster.stop_host(stopped), timeout=DESTROY_SECONDS
    )
    assert destroyed.code != 0
    assert remaining(cluster) == commands, destroyed.text
    assert f"not deleted: {stopped} (" in destroyed.text
    assert f"`kubewright remove-host --stack {cluster.name} --host {stopped}`" in destroyed.text
    assert traces(cluster, others) == [], destroyed.text

    cluster.command("remove-host", "--host", stopped)
    assert remaining(cluster) == []
    cluster.command("destroy")
    assert json.loads(cluster.pulumi("stack", "export"))["deployment"].get("resources", []) == []


def test_host_that_stops_responding_does_not_block_the_run_forever(running_cluster: Cluster) -> None:
    """Test a host whose connection stays open while its delivery does not end."""
    cluster = running_cluster
    cluster.ssh(
        "w-1",
        "mkdir -p /etc/systemd/system/kubelet.service.d && "
        "printf '[Service]\\nExecStartPre=/bin/sh -c \"[ ! -e /run/hang ] || sleep 3600\"\\n' "
        ">/etc/systemd/system/kubelet.service.d/hang.conf && systemctl daemon-reload && : >/run/hang",
    )
    cluster.merge_settings({"pools": {"workers": {"kubelet": {"max_pods": 94}}}})
    began = time.monotonic()
    stopped = cluster.command("up", "--stall-timeout", "45", check=False)
    assert stopped.code != 0
    assert time.monotonic() - began < DESTROY_SECONDS
    assert "no operation ended for 45 s; running operations: w-1-node" in stopped.text
    cluster.ssh("w-1", "rm /run/hang && systemctl kill --signal=KILL kubelet.service || :")
    cluster.up()
    assert cluster.previewed_operations() == {}
