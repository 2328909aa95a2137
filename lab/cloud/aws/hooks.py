"""Lifecycle hooks of Auto Scaling groups: the operations of the API, and the start and end of a hook."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lab.cloud.aws.operations import Operation, Parameters, Response
from lab.cloud.aws.scaling_groups import Hook, ScalingGroup, ScalingGroups
from lab.cloud.aws.signature import RequestRefused
from lab.cloud.running import MachineStates, RunningMachine

_TRANSITION = "autoscaling:EC2_INSTANCE_"


def hook_operations(states: MachineStates, groups: ScalingGroups) -> Mapping[str, Operation]:
    """Return the operations on lifecycle hooks by name."""
    return {
        "CompleteLifecycleAction": partial(_complete_lifecycle_action, states),
        "DeleteLifecycleHook": partial(_delete_hook, groups),
        "DescribeLifecycleHooks": partial(_describe_hooks, groups),
        "PutLifecycleHook": partial(_put_hook, groups),
        "RecordLifecycleActionHeartbeat": partial(_record_heartbeat, states, groups),
    }


def begin_termination(states: MachineStates, machine: RunningMachine, group: ScalingGroup) -> None:
    """Tell a machine to end. It remains until it completes the hook of the group, or the hook times out."""
    name, hook = group.hook("TERMINATING") or ("", None)
    deadline = time.time() + hook.timeout if hook is not None else 0.0
    states.update(machine.id, lifecycle="Terminated", hook=name, hook_deadline=deadline, released=False)


def end_hook(machine: RunningMachine, result: str) -> dict[str, Any]:
    """Return the changed fields of a machine after the end of its lifecycle hook with a result."""
    abandoned = machine.lifecycle == "InService" and result == "ABANDON"
    lifecycle = "Terminated" if abandoned else machine.lifecycle
    return {"hook": "", "released": True, "hook_deadline": 0.0, "lifecycle": lifecycle}


def _put_hook(groups: ScalingGroups, parameters: Parameters) -> Response:
    hook = Hook(
        transition=parameters["LifecycleTransition"].removeprefix(_TRANSITION),
        timeout=parameters.get("HeartbeatTimeout", 3600),
        result=parameters.get("DefaultResult", "ABANDON"),
    )
    name = parameters["LifecycleHookName"]
    groups.change(
        parameters["AutoScalingGroupName"],
        lambda group: replace(group, hooks={**group.hooks, name: hook}),
    )
    return {}


def _describe_hooks(groups: ScalingGroups, parameters: Parameters) -> Response:
    name = parameters["AutoScalingGroupName"]
    hooks = groups.all()[name].hooks
    requested = parameters.get("LifecycleHookNames") or list(hooks)
    return {
        "LifecycleHooks": [
            {
                "LifecycleHookName": key,
                "AutoScalingGroupName": name,
                "LifecycleTransition": f"{_TRANSITION}{hook.transition}",
                "HeartbeatTimeout": hook.timeout,
                "DefaultResult": hook.result,
            }
            for key, hook in hooks.items()
            if key in requested
        ]
    }


def _delete_hook(groups: ScalingGroups, parameters: Parameters) -> Response:
    name = parameters["LifecycleHookName"]
    groups.change(
        parameters["AutoScalingGroupName"],
        lambda group: replace(group, hooks={key: hook for key, hook in group.hooks.items() if key != name}),
    )
    return {}


def _complete_lifecycle_action(states: MachineStates, parameters: Parameters) -> Response:
    machine = _waiting_machine(states, parameters)
    result = parameters.get("LifecycleActionResult")
    if result not in ("CONTINUE", "ABANDON"):
        raise RequestRefused("ValidationError", f"{result} is no result of a lifecycle action", 400)
    states.update(machine.id, **end_hook(machine, result))
    return {}


def _record_heartbeat(states: MachineStates, groups: ScalingGroups, parameters: Parameters) -> Response:
    """Start the time limit of a hook again."""
    machine = _waiting_machine(states, parameters)
    hook = groups.all()[machine.group].hooks[machine.hook]
    states.update(machine.id, hook_deadline=time.time() + hook.timeout)
    return {}


def _waiting_machine(states: MachineStates, parameters: Parameters) -> RunningMachine:
    """Return the machine of a call about its hook. Raise RequestRefused if the machine waits for no hook."""
    machine = states.by_id(parameters.get("InstanceId", ""))
    known = machine is not None and parameters.get("AutoScalingGroupName") == machine.group
    hook = parameters.get("LifecycleHookName")
    if machine is None or not known or not machine.hook or hook != machine.hook:
        raise RequestRefused("ValidationError", "No active Lifecycle Action found with that instance", 400)
    return machine
