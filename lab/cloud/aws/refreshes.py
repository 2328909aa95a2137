"""The operations of the Auto Scaling API on instance refreshes. `group_machines` makes their steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from uuid import uuid4

from lab.cloud.aws.operations import Operation, Parameters, Response
from lab.cloud.aws.scaling_groups import Refresh, ScalingGroup, ScalingGroups
from lab.cloud.aws.signature import RequestRefused


def refresh_operations(groups: ScalingGroups) -> Mapping[str, Operation]:
    """Return the operations on instance refreshes by name."""
    return {
        "CancelInstanceRefresh": partial(_cancel_refresh, groups),
        "DescribeInstanceRefreshes": partial(_describe_refreshes, groups),
        "StartInstanceRefresh": partial(_start_refresh, groups),
    }


def _start_refresh(groups: ScalingGroups, parameters: Parameters) -> Response:
    identity = str(uuid4())

    def start(group: ScalingGroup) -> ScalingGroup:
        if group.refresh is not None:
            text = "An Instance Refresh is already in progress"
            raise RequestRefused("InstanceRefreshInProgress", text, 400)
        preferences = parameters.get("Preferences", {})
        refresh = Refresh(id=identity, status="Pending", preferences=preferences)
        return replace(group, refreshes=(refresh, *group.refreshes))

    groups.change(parameters["AutoScalingGroupName"], start)
    return {"InstanceRefreshId": identity}


def _cancel_refresh(groups: ScalingGroups, parameters: Parameters) -> Response:
    identities: list[str] = []

    def cancel(group: ScalingGroup) -> ScalingGroup:
        if group.refresh is None:
            text = "There is no in-progress Instance Refresh"
            raise RequestRefused("ActiveInstanceRefreshNotFound", text, 400)
        identities.append(group.refresh.id)
        return group.with_refresh(replace(group.refresh, status="Cancelled"))

    groups.change(parameters["AutoScalingGroupName"], cancel)
    return {"InstanceRefreshId": identities[0]}


def _describe_refreshes(groups: ScalingGroups, parameters: Parameters) -> Response:
    name = parameters["AutoScalingGroupName"]
    group = groups.all().get(name)
    refreshes = group.refreshes if group is not None else ()
    return {
        "InstanceRefreshes": [
            {
                "InstanceRefreshId": refresh.id,
                "AutoScalingGroupName": name,
                "Status": refresh.status,
                "StatusReason": refresh.reason or None,
                "Preferences": refresh.preferences,
            }
            for refresh in refreshes[: parameters.get("MaxRecords", 50)]
        ]
    }
