"""The emulated API of EC2 Auto Scaling. `group_machines` starts the machines of groups.

The library moto is not used for Auto Scaling, because its groups have no lifecycle: its machines neither boot
nor wait for hooks. Its parsers and serializers read and write the messages of the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import uuid4

from moto.core.parse import QueryParser
from moto.core.serialize import QuerySerializer
from moto.core.utils import get_service_model

from lab.cloud.aws.hooks import begin_termination, hook_operations
from lab.cloud.aws.metadata import ACCOUNT
from lab.cloud.aws.operations import Operation, Parameters, Response
from lab.cloud.aws.refreshes import refresh_operations
from lab.cloud.aws.scaling_groups import ScalingGroup, ScalingGroups
from lab.cloud.aws.signature import RequestRefused
from lab.cloud.running import MachineStates, RunningMachine

_WAIT_STATES = {"InService": "Pending:Wait", "Terminated": "Terminating:Wait"}
_CREATED = "2026-01-01T00:00:00Z"


class Scaling:
    """The API of Auto Scaling for one lab."""

    def __init__(self, states: MachineStates, groups: ScalingGroups) -> None:
        self._states, self._groups = states, groups
        self._operations: Mapping[str, Operation] = {
            "CreateAutoScalingGroup": self._create_group,
            "CreateOrUpdateTags": self._set_tags,
            "DeleteAutoScalingGroup": self._delete_group,
            "DeleteTags": self._delete_tags,
            "DescribeAutoScalingGroups": self._describe_groups,
            "ResumeProcesses": self._resume,
            "SetDesiredCapacity": self._set_desired,
            "SetInstanceHealth": self._set_health,
            "SuspendProcesses": self._suspend,
            "TerminateInstanceInAutoScalingGroup": self._terminate,
            "UpdateAutoScalingGroup": self._update_group,
            **hook_operations(states, groups),
            **refresh_operations(groups),
        }

    def respond(self, action: str, form: Mapping[str, str]) -> str | None:
        """Return the XML response of a call; None for an operation that the emulation lacks.

        Raise RequestRefused with the error of AWS.
        """
        if action not in self._operations:
            return None
        model = get_service_model("autoscaling").operation_model(action)
        parameters = QueryParser(model).parse({"values": form})  # type: ignore[typeddict-item]
        try:
            result = self._operations[action](parameters)
        except KeyError as error:
            raise RequestRefused("ValidationError", f"Group {error.args[0]} not found", 400) from None
        return str(QuerySerializer(model).serialize(result)["body"])

    def _create_group(self, parameters: Parameters) -> Response:
        name, tags = parameters["AutoScalingGroupName"], parameters.get("Tags", [])
        rest = {key: value for key, value in parameters.items() if key != "Tags"}
        group = ScalingGroup(name=name, parameters=rest, desired=_desired(rest, rest["MinSize"]))
        _check_sizes(group)
        try:
            self._groups.add(group)
        except ValueError:
            raise RequestRefused(
                "AlreadyExists", f"AutoScalingGroup by this name already exists: {name}", 400
            ) from None
        return self._set_tags({"Tags": [tag | {"ResourceId": name} for tag in tags]})

    def _update_group(self, parameters: Parameters) -> Response:
        def update(group: ScalingGroup) -> ScalingGroup:
            merged = {**group.parameters, **parameters}
            desired = _desired(parameters, min(max(group.desired, merged["MinSize"]), merged["MaxSize"]))
            changed = replace(group, parameters=merged, desired=desired)
            _check_sizes(changed)
            return changed

        self._groups.change(parameters["AutoScalingGroupName"], update)
        return {}

    def _delete_group(self, parameters: Parameters) -> Response:
        name = parameters["AutoScalingGroupName"]
        if self._machines(name) and not parameters.get("ForceDelete"):
            text = "You cannot delete an AutoScalingGroup while there are instances"
            raise RequestRefused("ResourceInUse", text, 400)
        self._groups.remove(name)
        return {}

    def _describe_groups(self, parameters: Parameters) -> Response:
        groups = self._groups.all()
        # Machines that tests start without a group have one of their own.
        names = sorted({*groups, *(machine.group for machine in self._states.all())} - {""})
        requested = parameters.get("AutoScalingGroupNames") or names
        return {
            "AutoScalingGroups": [
                self._describe_group(name, groups.get(name)) for name in names if name in requested
            ]
        }

    def _describe_group(self, name: str, group: ScalingGroup | None) -> Response:
        machines = self._machines(name)
        common = {
            "AutoScalingGroupName": name,
            "AutoScalingGroupARN": _arn(name),
            "CreatedTime": _CREATED,
            "DefaultCooldown": 300,
            "HealthCheckType": "EC2",
            "AvailabilityZones": sorted({machine.zone for machine in machines}),
            "Instances": [_describe_instance(machine) for machine in machines],
        }
        if group is None:
            return common | {"MinSize": 1, "MaxSize": len(machines), "DesiredCapacity": len(machines)}
        return {
            **common,
            **group.parameters,
            "DesiredCapacity": group.desired,
            "SuspendedProcesses": [{"ProcessName": item} for item in group.suspended],
            "Tags": [
                {"Key": key, "ResourceId": name, "ResourceType": "auto-scaling-group", **tag}
                for key, tag in group.tags.items()
            ],
        }

    def _set_tags(self, parameters: Parameters) -> Response:
        for tag in parameters.get("Tags", []):
            value = {key: tag[key] for key in ("Value", "PropagateAtLaunch") if key in tag}
            self._groups.change(
                tag["ResourceId"],
                lambda group, tag=tag, value=value: replace(group, tags={**group.tags, tag["Key"]: value}),  # type: ignore[misc]
            )
        return {}

    def _delete_tags(self, parameters: Parameters) -> Response:
        for tag in parameters["Tags"]:
            self._groups.change(
                tag["ResourceId"],
                lambda group, key=tag["Key"]: replace(  # type: ignore[misc]
                    group, tags={name: value for name, value in group.tags.items() if name != key}
                ),
            )
        return {}

    def _suspend(self, parameters: Parameters) -> Response:
        processes = set(parameters.get("ScalingProcesses", []))
        self._groups.change(
            parameters["AutoScalingGroupName"],
            lambda group: replace(group, suspended=tuple(sorted({*group.suspended, *processes}))),
        )
        return {}

    def _resume(self, parameters: Parameters) -> Response:
        processes = set(parameters.get("ScalingProcesses", []))
        self._groups.change(
            parameters["AutoScalingGroupName"],
            lambda group: replace(group, suspended=tuple(sorted({*group.suspended} - processes))),
        )
        return {}

    def _set_desired(self, parameters: Parameters) -> Response:
        def resize(group: ScalingGroup) -> ScalingGroup:
            changed = replace(group, desired=parameters["DesiredCapacity"])
            _check_sizes(changed)
            return changed

        self._groups.change(parameters["AutoScalingGroupName"], resize)
        return {}

    def _set_health(self, parameters: Parameters) -> Response:
        """Terminate a machine that is reported as unhealthy. The grace period is not emulated."""
        machine = self._find_machine(parameters["InstanceId"])
        if parameters["HealthStatus"] == "Unhealthy" and machine.lifecycle == "InService":
            begin_termination(self._states, machine, self._groups.all()[machine.group])
        return {}

    def _terminate(self, parameters: Parameters) -> Response:
        machine = self._find_machine(parameters["InstanceId"])
        group = self._groups.all()[machine.group]
        if parameters["ShouldDecrementDesiredCapacity"]:
            self._set_desired({"AutoScalingGroupName": group.name, "DesiredCapacity": group.desired - 1})
        begin_termination(self._states, machine, group)
        return {"Activity": {"ActivityId": str(uuid4()), "AutoScalingGroupName": group.name}}

    def _find_machine(self, identity: str) -> RunningMachine:
        machine = self._states.by_id(identity)
        if machine is None:
            raise RequestRefused("ValidationError", f"No managed instance found for {identity}", 400)
        return machine

    def _machines(self, group: str) -> list[RunningMachine]:
        return [machine for machine in self._states.all() if machine.group == group]


def _arn(group: str) -> str:
    return f"arn:aws:autoscaling:lab:{ACCOUNT}:autoScalingGroup:lab:autoScalingGroupName/{group}"


def _desired(parameters: Parameters, default: int) -> int:
    return int(parameters.get("DesiredCapacity", default))


def _check_sizes(group: ScalingGroup) -> None:
    """Raise RequestRefused unless the number of machines is between the minimum and the maximum."""
    lowest, highest = group.parameters["MinSize"], group.parameters["MaxSize"]
    if not lowest <= group.desired <= highest:
        text = f"Desired capacity:{group.desired} must be between {lowest} and {highest}"
        raise RequestRefused("ValidationError", text, 400)


def _describe_instance(machine: RunningMachine) -> Response:
    state = "InService" if machine.lifecycle == "InService" else "Terminating"
    return {
        "InstanceId": machine.id,
        "InstanceType": machine.type,
        "AvailabilityZone": machine.zone,
        "LifecycleState": _WAIT_STATES[machine.lifecycle] if machine.hook else state,
        "HealthStatus": "Healthy",
        "LaunchTemplate": {"LaunchTemplateId": machine.template, "Version": machine.version},
        "ProtectedFromScaleIn": False,
    }
