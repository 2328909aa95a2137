"""Resource types of Auto Scaling: groups and lifecycle hooks."""

from __future__ import annotations

from typing import Any

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import ResourceKind, poll_until, without
from lab.plugins.aws.parameters import build_parameters
from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.values import Properties

_RENAMES = {
    "name": "AutoScalingGroupName",
    "id": "LaunchTemplateId",
    "capacityRebalance": "CapacityRebalance",
    "minHealthyPercentage": "MinHealthyPercentage",
}
_SEPARATE = ("tags", "suspendedProcesses", "instanceRefresh")
"""Inputs that other operations than the update of the group change."""
_PLUGIN_ONLY = ("ignoreFailedScalingActivities", "waitForCapacityTimeout", "forceDelete")
"""Inputs that only the plugin reads."""
_DELETE_SECONDS = 2400.0
_TAGGED = "auto-scaling-group"


class Group(ResourceKind):
    """An Auto Scaling group. A change of its template starts an instance refresh if the inputs have one."""

    in_place = (
        *_SEPARATE,
        *_PLUGIN_ONLY,
        "minSize",
        "maxSize",
        "desiredCapacity",
        "launchTemplate",
        "mixedInstancesPolicy",
        "vpcZoneIdentifiers",
        "availabilityZones",
        "capacityRebalance",
        "healthCheckType",
        "healthCheckGracePeriod",
        "defaultInstanceWarmup",
        "instanceMaintenancePolicy",
    )

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the group, and do not wait for its machines."""
        name = str(inputs["name"])
        tags = _tag_items(name, inputs)
        account.call("autoscaling", "CreateAutoScalingGroup", Tags=tags, **self._parameters(account, inputs))
        self._suspend(account, name, inputs)
        return name

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN and the number of machines that the group wants."""
        group = _find(account, identity)
        return {"arn": group.get("AutoScalingGroupARN", ""), "desiredCapacity": group["DesiredCapacity"]}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the group. Start an instance refresh after a change of the template."""
        if changed - set(_SEPARATE):
            parameters = self._parameters(account, inputs)
            account.call("autoscaling", "UpdateAutoScalingGroup", **parameters)
        if "tags" in changed:
            self._set_tags(account, identity, inputs)
        self._suspend(account, identity, inputs)
        if changed & {"launchTemplate", "mixedInstancesPolicy"} and inputs.get("instanceRefresh"):
            self._start_refresh(account, identity, inputs["instanceRefresh"])
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Terminate the machines of the group, wait until none remains, and delete the group."""
        _find(account, identity)
        sizes = {"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
        account.call("autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName=identity, **sizes)
        poll_until(
            lambda: not _find(account, identity)["Instances"],
            f"{identity}: the machines did not terminate",
            _DELETE_SECONDS,
        )
        account.call("autoscaling", "DeleteAutoScalingGroup", AutoScalingGroupName=identity)

    def _parameters(self, account: Account, inputs: Properties) -> dict[str, Any]:
        shape = account.parameters("autoscaling", "CreateAutoScalingGroup")
        rest = without(inputs, *_SEPARATE, *_PLUGIN_ONLY, "vpcZoneIdentifiers")
        parameters = build_parameters(shape, rest, _RENAMES)
        if subnets := inputs.get("vpcZoneIdentifiers"):
            parameters["VPCZoneIdentifier"] = ",".join(subnets)
        return parameters

    def _set_tags(self, account: Account, name: str, inputs: Properties) -> None:
        """Replace the tags of the group."""
        items = _tag_items(name, inputs)
        keys = {item["Key"] for item in items}
        obsolete = [
            {"Key": tag["Key"], "ResourceId": name, "ResourceType": _TAGGED}
            for tag in _find(account, name).get("Tags", [])
            if tag["Key"] not in keys
        ]
        if obsolete:
            account.call("autoscaling", "DeleteTags", Tags=obsolete)
        if items:
            account.call("autoscaling", "CreateOrUpdateTags", Tags=items)

    def _suspend(self, account: Account, name: str, inputs: Properties) -> None:
        wanted = set(inputs.get("suspendedProcesses") or [])
        present = {item["ProcessName"] for item in _find(account, name).get("SuspendedProcesses", [])}
        for operation, processes in (
            ("SuspendProcesses", wanted - present),
            ("ResumeProcesses", present - wanted),
        ):
            if processes:
                account.call(
                    "autoscaling", operation, AutoScalingGroupName=name, ScalingProcesses=sorted(processes)
                )

    def _start_refresh(self, account: Account, name: str, refresh: Properties) -> None:
        # The launch of the previous refresh ends first, as in the official plugin.
        latest = account.call("autoscaling", "DescribeInstanceRefreshes", AutoScalingGroupName=name)
        if any(item["Status"] in ("Pending", "InProgress") for item in latest["InstanceRefreshes"]):
            account.call("autoscaling", "CancelInstanceRefresh", AutoScalingGroupName=name)
        account.create(
            "autoscaling",
            "StartInstanceRefresh",
            without(refresh, "triggers"),
            AutoScalingGroupName=name,
        )


class LifecycleHook(ResourceKind):
    """A lifecycle hook of an Auto Scaling group."""

    in_place = ("heartbeatTimeout", "defaultResult")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the hook."""
        self._put(account, inputs)
        return str(inputs["name"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Check that the hook exists."""
        response = account.call(
            "autoscaling",
            "DescribeLifecycleHooks",
            AutoScalingGroupName=inputs["autoscalingGroupName"],
            LifecycleHookNames=[identity],
        )
        if not response["LifecycleHooks"]:
            raise Missing(f"{identity}: not found")
        return {}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the hook."""
        self._put(account, inputs)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the hook."""
        account.call(
            "autoscaling",
            "DeleteLifecycleHook",
            AutoScalingGroupName=state["autoscalingGroupName"],
            LifecycleHookName=identity,
        )

    def _put(self, account: Account, inputs: Properties) -> None:
        account.create("autoscaling", "PutLifecycleHook", inputs, {"name": "LifecycleHookName"})


def _tag_items(name: str, inputs: Properties) -> list[dict[str, Any]]:
    """Return the tags of a group as parameters of the API."""
    return [
        {
            "Key": str(tag["key"]),
            "Value": str(tag["value"]),
            "PropagateAtLaunch": bool(tag.get("propagateAtLaunch")),
            "ResourceId": name,
            "ResourceType": _TAGGED,
        }
        for tag in inputs.get("tags") or []
    ]


def _find(account: Account, name: str) -> dict[str, Any]:
    """Return the description of a group. Raise Missing if it does not exist."""
    response = account.call("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])
    for group in response["AutoScalingGroups"]:
        return dict(group)
    raise Missing(f"{name}: not found")
