"""Emulated Auto Scaling for machines and the deployer: groups of the running machines, and their lifecycle
hooks.

The library moto is not used for Auto Scaling, because its groups would create machines. In the lab, tests
start the machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from lab.cloud.aws.signature import RequestRefused
from lab.cloud.running import MachineStates, RunningMachine

_WAIT_STATES = {"InService": "Pending:Wait", "Terminated": "Terminating:Wait"}


def respond(states: MachineStates, action: str, form: Mapping[str, str]) -> str | None:
    """Return the XML response of an Auto Scaling call, or None for unsupported calls.

    Raise RequestRefused if a machine completes a lifecycle action that does not exist or with a wrong result.
    """
    if action == "CompleteLifecycleAction":
        _complete_lifecycle_action(states, form)
        return _xml_response(action, "")
    if action == "RecordLifecycleActionHeartbeat":
        _find_waiting_machine(states, form)
        return _xml_response(action, "")
    if action == "SetInstanceHealth":
        if states.by_id(form.get("InstanceId", "")) is None:
            raise RequestRefused("ValidationError", "Instance not found", 400)
        return _xml_response(action, "")
    if action == "DescribeAutoScalingGroups":
        requested_names = [
            value for key, value in form.items() if key.startswith("AutoScalingGroupNames.member.")
        ]
        groups = sorted(
            {
                machine.group
                for machine in states.all()
                if not requested_names or machine.group in requested_names
            }
        )
        members = "".join(f"<member>{_describe_group(states, group)}</member>" for group in groups)
        return _xml_response(action, f"<AutoScalingGroups>{members}</AutoScalingGroups>")
    if action == "DescribeInstanceRefreshes":
        return _xml_response(action, "<InstanceRefreshes/>")
    return None


def _find_waiting_machine(states: MachineStates, form: Mapping[str, str]) -> RunningMachine:
    """Return the machine of a request about its lifecycle hook. Raise RequestRefused if it
    waits for no hook.
    """
    machine = states.by_id(form.get("InstanceId", ""))
    known = machine is not None and form.get("AutoScalingGroupName") == machine.group
    if machine is None or not known or not machine.hook or form.get("LifecycleHookName") != machine.hook:
        raise RequestRefused("ValidationError", "No active Lifecycle Action found with that instance", 400)
    return machine


def _complete_lifecycle_action(states: MachineStates, form: Mapping[str, str]) -> None:
    machine = _find_waiting_machine(states, form)
    result = form.get("LifecycleActionResult")
    if result not in ("CONTINUE", "ABANDON"):
        raise RequestRefused("ValidationError", f"{result} is no result of a lifecycle action", 400)
    states.update(machine.id, hook="", released=True)


def _describe_group(states: MachineStates, group: str) -> str:
    machines = [machine for machine in states.all() if machine.group == group]
    members = "".join(f"<member>{_describe_instance(machine)}</member>" for machine in machines)
    return (
        f"<AutoScalingGroupName>{escape(group)}</AutoScalingGroupName>"
        f"<MinSize>1</MinSize><MaxSize>{len(machines)}</MaxSize>"
        f"<DesiredCapacity>{len(machines)}</DesiredCapacity><Instances>{members}</Instances>"
    )


def _describe_instance(machine: RunningMachine) -> str:
    state = _WAIT_STATES[machine.lifecycle] if machine.hook else "InService"
    return (
        f"<InstanceId>{machine.id}</InstanceId><AvailabilityZone>{machine.zone}</AvailabilityZone>"
        f"<LifecycleState>{state}</LifecycleState><HealthStatus>Healthy</HealthStatus>"
        f"<LaunchTemplate><LaunchTemplateId>lt-lab</LaunchTemplateId><Version>{machine.version}</Version>"
        "</LaunchTemplate><ProtectedFromScaleIn>false</ProtectedFromScaleIn>"
    )


def _xml_response(action: str, result: str) -> str:
    return (
        f'<{action}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">'
        f"<{action}Result>{result}</{action}Result>"
        f"<ResponseMetadata><RequestId>lab</RequestId></ResponseMetadata></{action}Response>"
    )
