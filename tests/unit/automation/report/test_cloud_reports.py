"""Tests of risks and pictures for clusters in clouds. Parents in a URN identify members and pools."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.report.build import report_from_events
from automation.report.lines import changed_properties
from automation.report.model import Operation
from automation.stacks.events import Step, Values
from tests.unit.automation.report.make_steps import cluster, host

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
SMALLER_SIZES: dict[str, tuple[Values, Values]] = {
    "aws": ({"minSize": 3, "maxSize": 10}, {"minSize": 3, "maxSize": 4}),
    "azure": ({"sku": {"capacity": 1}, "tags": {"max": "4"}}, {"sku": {"capacity": 1}, "tags": {"max": "2"}}),
}
LOCAL = "command:local:Command"


def member_step(cloud: str, name: str, operation: str = "same", kind: str = "") -> Step:
    """Return a step of a member's machine, or of another resource of the member."""
    kind = kind or MACHINES[cloud]
    parent_urn = f"{_ETCD}$kubewright:{cloud}:Member"
    return Step(
        operation=operation,
        phase="plan",
        urn=f"{parent_urn}${kind}::{name}-machine",
        type=kind,
        parent=f"{parent_urn}::{name}",
    )


def wait_step(
    name: str, role: str, operation: str = "same", old: Values | None = None, new: Values | None = None
) -> Step:
    """Return the step of the command that waits until a member has a role."""
    component = {"etcd": "Etcd", "roll": "Etcd"}.get(role, "ControlPlane")
    parent_urn = f"{_ROOT}$kubewright:index:{component}"
    return Step(
        operation=operation,
        phase="plan",
        urn=f"{parent_urn}${LOCAL}::{name}-{role}",
        type=LOCAL,
        parent=f"{parent_urn}::cluster-{'etcd' if component == 'Etcd' else 'control-plane'}",
        old=old or {},
        new=new or {},
    )


def pool_step(
    cloud: str, operation: str = "same", old: Values | None = None, new: Values | None = None
) -> Step:
    """Return the step of the machine group of a pool."""
    parent_urn = f"{_POOL}$kubewright:{cloud}:Pool"
    return Step(
        operation=operation,
        phase="plan",
        urn=f"{parent_urn}${GROUPS[cloud]}::pool-general-1",
        type=GROUPS[cloud],
        parent=f"{parent_urn}::pool-general",
        old=old or {},
        new=new or {},
    )


def cloud_cluster(cloud: str, *changed: Step) -> list[Step]:
    """Return the steps of a cluster with three members and a pool.

    The steps `changed` replace the steps of the same resources; all other steps are without a change.
    """
    names = [f"cp-{number}" for number in (1, 2, 3)]
    steps = [member_step(cloud, name) for name in names]
    steps += [wait_step(name, role) for name in names for role in ("etcd", "control-plane")]
    urns = {each.urn for each in changed}
    return [*(each for each in [*steps, pool_step(cloud)] if each.urn not in urns), *changed]


def risks(cloud: str, *changed: Step) -> dict[str, tuple[str, ...]]:
    """Return the hosts or resources of each risk, by risk rule.

    The report has no topology, because the stack file no longer describes members that the change removes.
    """
    return {
        risk.rule: risk.subjects for risk in report_from_events("x", cloud_cluster(cloud, *changed)).risks
    }


@pytest.mark.parametrize("cloud", MACHINES)
def test_picture_has_members_and_pools(cloud: str) -> None:
    hosts = report_from_events("x", cloud_cluster(cloud)).before.hosts
    assert [(each.name, each.roles, each.pool) for each in hosts] == [
        *((f"cp-{number}", ("etcd", "control-plane"), "") for number in (1, 2, 3)),
        ("general", ("node",), "general"),
    ]


@pytest.mark.parametrize("cloud", MACHINES)
def test_a_replaced_or_deleted_machine_of_a_member_is_a_risk(cloud: str) -> None:
    assert risks(cloud, member_step(cloud, "cp-1", "replace"))["etcd-data"] == ("cp-1",)
    deleted = [member_step(cloud, "cp-3", "delete"), wait_step("cp-3", "etcd", "delete")]
    result = risks(cloud, *deleted, wait_step("cp-3", "control-plane", "delete"))
    assert result["etcd-data"] == ("cp-3",)
    assert result["control-plane-removed"] == ("cp-3",)
    assert "quorum" not in result
    assert risks(cloud, *deleted, member_step(cloud, "cp-1", "replace"))["quorum"] == ("2 of 3: cp-1, cp-3",)


@pytest.mark.parametrize("cloud", MACHINES)
def test_rolling_replacement_of_a_member_is_a_medium_risk(cloud: str) -> None:
    replaced = wait_step("cp-1", "roll", "update", {"update": "version 1"}, {"update": "[unknown]"})
    assert risks(cloud, replaced)["members-replaced"] == ("cp-1",)
    after = report_from_events("x", cloud_cluster(cloud, replaced)).after.hosts
    assert {each.name: each.state for each in after}["cp-1"] is Operation.CHANGE
    same = wait_step("cp-1", "roll", "update", {"update": "a", "delete": "b"}, {"update": "a", "delete": "c"})
    assert "members-replaced" not in risks(cloud, same)


@pytest.mark.parametrize("cloud", MACHINES)
def test_risks_of_a_pool_come_from_its_machine_group(cloud: str) -> None:
    assert "pool-general-1" in risks(cloud, pool_step(cloud, "replace"))["max-unavailable"][0]
    assert risks(cloud, pool_step(cloud, "delete"))["pool-removed"]
    old, new = SMALLER_SIZES[cloud]
    assert "max " in risks(cloud, pool_step(cloud, "update", old, new))["pool-smaller"][0]
    assert "pool-smaller" not in risks(cloud, pool_step(cloud, "update", new, old))
    template = {"virtualMachineProfile": {"a": 1}, "mixedInstancesPolicy": {"a": 1}}
    other = {"virtualMachineProfile": {"a": 2}, "mixedInstancesPolicy": {"a": 2}}
    assert risks(cloud, pool_step(cloud, "update", template, other))["every-node"]
    assert "every-node" not in risks(cloud, pool_step(cloud, "update", old, new))


def test_minor_version_is_read_from_the_wait_command_of_a_secret_delivery() -> None:
    """Azure's deliveries are secret objects; the command that waits for the host has the visible text."""
    old, new = ({"environment": {"BECOMES": f"version kubernetes 1.{minor}.1\n"}} for minor in (35, 36))
    result = risks("azure", wait_step("cp-1", "control-plane", "update", old, new))
    assert result["minor-version"] == ("kubernetes 1.35.1 → 1.36.1: cp-1",)


def test_files_of_the_store_are_shown_as_data() -> None:
    old, new = (
        {"environment": {"FILES": f"artifact etcd 3.7.0 aaa\nartifact kubelet 1.{minor}.1 bbb\n"}}
        for minor in (35, 36)
    )
    (shown,) = changed_properties(wait_step("aws-store", "files", "update", old, new))
    changed = [(line.mark, line.text.strip()) for line in shown.lines if line.mark in "-+"]
    assert changed == [("-", "artifact kubelet 1.35.1 bbb"), ("+", "artifact kubelet 1.36.1 bbb")]


def test_move_of_a_worker_to_another_pool_is_no_deletion() -> None:
    """The URN of the worker does not change, because it contains the type of the pool and not its name."""
    moved = host("update", "w-3", "node", "workers")
    in_new_pool = replace(moved, was=moved.parent, parent=moved.parent.replace("-workers", "-edge"))
    steps = [each for each in cluster() if each.urn != moved.urn]
    result = report_from_events("x", [*steps, in_new_pool])
    assert [risk.subjects for risk in result.risks if risk.rule == "pool-smaller"] == [
        ("workers: 3 → 2 nodes",)
    ]
    assert {each.name: each.pool for each in result.after.hosts}["w-3"] == "edge"
    assert {each.name: each.pool for each in result.before.hosts}["w-3"] == "workers"
    assert all(each.state is not Operation.DELETE for each in result.after.hosts)
