"""The instances of scale sets, as the metadata service and the management API describe them.

https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-set-vms/get
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lab.cloud.running import RunningMachine


def machine_id(machine: RunningMachine) -> str:
    """Return the unique id of a machine, which is not its resource id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, machine.id.lower()))


def describe_instance(machine: RunningMachine, properties: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an instance of a scale set with its instance view, and with further properties."""
    number = machine.id.rpartition("/")[2]
    described: dict[str, Any] = {
        "vmId": machine_id(machine),
        "timeCreated": _format_time(machine.started),
        "osProfile": {"computerName": machine.hostname},
        "provisioningState": _state(machine),
        "instanceView": {"statuses": _statuses(machine)},
        **(properties or {}),
    }
    return {
        "id": machine.id,
        "name": f"{machine.group}_{number}",
        "instanceId": number,
        "location": machine.region,
        "zones": [machine.zone],
        "properties": described,
    }


def without_view(instance: Mapping[str, Any]) -> dict[str, Any]:
    """Return an instance without its instance view, which is sent only when a request expands it."""
    properties = {key: value for key, value in instance["properties"].items() if key != "instanceView"}
    return {**instance, "properties": properties}


def _state(machine: RunningMachine) -> str:
    if machine.lifecycle != "InService":
        return "Deleting"
    return "Updating" if machine.reimage else "Succeeded"


def _statuses(machine: RunningMachine) -> list[dict[str, str]]:
    """Return the statuses of an instance. A reimage changes the time of the first, but not `timeCreated`."""
    provisioned = _format_time(max(machine.started, machine.reimaged))
    return [
        {"code": f"ProvisioningState/{_state(machine).lower()}", "level": "Info", "time": provisioned},
        {"code": "PowerState/running", "level": "Info"},
    ]


def _format_time(seconds: float) -> str:
    """Return a Unix time in the format of the API, which has seven digits after the point."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0+00:00"
