"""Rules and pictures of clusters in clouds: members and pools by the components that have them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.report.build import of_events
from automation.report.model import Operation
from automation.stacks.events import Step, Values
from tests.unit.automation.report.steps import cluster, host

_ROOT = "urn:pulumi:x::kubewright::kubewright:index:Cluster"
_ETCD = f"{_ROOT}$kubewright:index:Etcd"
_POOL = f"{_ROOT}$kubewright:index:NodePool"
MACHINES = {
    "aws": "aws:autoscaling/group:Group",
    "azure": "azure-native:compute:VirtualMachine",
}
GROUPS = {
    "aws": "aws:autoscaling/group:Group",
    "azure": "azure-native:compute:VirtualMachineScaleSet",
}
SIZES: dict[str, tuple[Values, Values]] = {
    "aws": ({"minSize": 3, "maxSize": 10}, {"minSize": 3, "maxSize": 4}),
    "azure": ({"sku": {"capacity": 1}, "tags": {"max": "4"}}, {"sku": {"capacity": 1}, "tags": {"max": "2"}}),
}
LOCAL = "command:local:Command"


def member(cloud: str, name: str, operation: str = "same", kind: str = "") -> Step:
    """A resource of a member: its machine, or another kind."""
    kind = kind or MACHINES[cloud]
    above = f"{_ETCD}$kubewright:{cloud}:Member"
    return Step(
        operation=operation,
        phase="plan",
        urn=f"{above}${kind}::{name}-machine",
        type=kind,
        parent=f"{above}::{name}",
    )


def waits(
    name: str, role: str, operation: str = "same", old: Values | None = None, new: Values | None = None
) -> Step:
    """The command that waits until a member has a role."""
    component = {"etcd": "Etcd", "roll": "Etcd"}.get(role, "ControlPlane")
    above = f"{_ROOT}$kubewright:index:{component}"
    return Step(
        operation=operation,
        phase="plan",
        urn=f"{above}${LOCAL}::{name}-{role}",
        type=LOCAL,
        parent=f"{above}::cluster-{'etcd' if component == 'Etcd' else 'control-plane'}",
        old=old or {},
        new=new or {},
    )


def pool(cloud: str, operation: str = "same", old: Values | None = None, new: Values | None = None) -> Step:
    """The group of the machines of a pool."""
    above = f"{_POOL}$kubewright:{cloud}:Pool"
    return Step(
        operation=operation,
        phase="plan",
        urn=f"{above}${GROUPS[cloud]}::pool-general-1",
        type=GROUPS[cloud],
        parent=f"{above}::pool-general",
        old=old or {},
        new=new or {},
    )


def whole(cloud: str, *changed: Step) -> list[Step]:
    """Three members and a pool that stay, but for the steps given."""
    names = [f"cp-{number}" for number in (1, 2, 3)]
    steps = [member(cloud, name) for name in names]
    steps += [waits(name, role) for name in names for role in ("etcd", "control-plane")]
    urns = {each.urn for each in changed}
    return [*(each for each in [*steps, pool(cloud)] if each.urn not in urns), *changed]


def risks(cloud: str, *changed: Step) -> dict[str, tuple[str, ...]]:
    """The rules that hold. Of members that go the description says nothing any more: none is given."""
    return {risk.rule: risk.subjects for risk in of_events("x", whole(cloud, *changed)).risks}


@pytest.mark.parametrize("cloud", MACHINES)
def test_the_picture_has_members_and_pools(cloud: str) -> None:
    hosts = of_events("x", whole(cloud)).before.hosts
    assert [(each.name, each.roles, each.pool) for each in hosts] == [
        *((f"cp-{number}", ("etcd", "control-plane"), "") for number in (1, 2, 3)),
        ("general", ("node",), "general"),
    ]


@pytest.mark.parametrize("cloud", MACHINES)
def test_a_members_machine_that_is_replaced_or_goes(cloud: str) -> None:
    assert risks(cloud, member(cloud, "cp-1", "replace"))["etcd-data"] == ("cp-1",)
    gone = [member(cloud, "cp-3", "delete"), waits("cp-3", "etcd", "delete")]
    found = risks(cloud, *gone, waits("cp-3", "control-plane", "delete"))
    assert found["etcd-data"] == ("cp-3",)
    assert found["control-plane-gone"] == ("cp-3",)
    assert "quorum" not in found
    assert risks(cloud, *gone, member(cloud, "cp-1", "replace"))["quorum"] == ("2 of 3: cp-1, cp-3",)


@pytest.mark.parametrize("cloud", MACHINES)
def test_a_member_that_its_command_rolls(cloud: str) -> None:
    rolled = waits("cp-1", "roll", "update", {"update": "version 1"}, {"update": "[unknown]"})
    assert risks(cloud, rolled)["members-roll"] == ("cp-1",)
    after = of_events("x", whole(cloud, rolled)).after.hosts
    assert {each.name: each.state for each in after}["cp-1"] is Operation.CHANGE
    same = waits("cp-1", "roll", "update", {"update": "a", "delete": "b"}, {"update": "a", "delete": "c"})
    assert "members-roll" not in risks(cloud, same)


@pytest.mark.parametrize("cloud", MACHINES)
def test_a_pool_in_a_cloud(cloud: str) -> None:
    assert "pool-general-1" in risks(cloud, pool(cloud, "replace"))["max-unavailable"][0]
    assert risks(cloud, pool(cloud, "delete"))["pool-gone"]
    old, new = SIZES[cloud]
    assert "at most" in risks(cloud, pool(cloud, "update", old, new))["pool-shrinks"][0]
    assert "pool-shrinks" not in risks(cloud, pool(cloud, "update", new, old))
    template = {"virtualMachineProfile": {"a": 1}, "mixedInstancesPolicy": {"a": 1}}
    other = {"virtualMachineProfile": {"a": 2}, "mixedInstancesPolicy": {"a": 2}}
    assert risks(cloud, pool(cloud, "update", template, other))["every-node"]
    assert "every-node" not in risks(cloud, pool(cloud, "update", old, new))


def test_a_minor_version_where_the_store_shows_nothing() -> None:
    """Azure's objects are secret; what changes stands in the command that waits for it."""
    old, new = ({"environment": {"BECOMES": f"version kubernetes 1.{minor}.1\n"}} for minor in (35, 36))
    found = risks("azure", waits("cp-1", "control-plane", "update", old, new))
    assert found["minor-version"] == ("kubernetes 1.35.1 → 1.36.1: cp-1",)


def test_a_worker_that_moves_from_one_pool_to_another() -> None:
    """It keeps its URN, which has its component's type and not its name."""
    moved = host("update", "w-3", "node", "workers")
    there = replace(moved, was=moved.parent, parent=moved.parent.replace("-workers", "-edge"))
    steps = [each for each in cluster() if each.urn != moved.urn]
    found = of_events("x", [*steps, there])
    assert [risk.subjects for risk in found.risks if risk.rule == "pool-shrinks"] == [
        ("workers: 3 → 2 nodes",)
    ]
    assert {each.name: each.pool for each in found.after.hosts}["w-3"] == "edge"
    assert {each.name: each.pool for each in found.before.hosts}["w-3"] == "workers"
    assert all(each.state is not Operation.DELETE for each in found.after.hosts)
