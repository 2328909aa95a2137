"""The calls of the management API on scale sets and their instances, and the start of rolling upgrades.

https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-sets
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lab.cloud.azure.instances import describe_instance
from lab.cloud.azure.resources import SCALE_SET, Body, Resource, Resources, Upgrade
from lab.cloud.azure.terminations import begin_eviction, begin_termination
from lab.cloud.running import MachineStates, RunningMachine

RUNNING = "RollingForward"
_CALL = re.compile(
    r"(?P<set>.+/virtualMachineScaleSets/[^/]+)/(?P<call>virtualMachines|rollingUpgrades/latest|delete|"
    r"virtualMachines/(?P<instance>\d+)|virtualMachines/(?P<number>\d+)/simulateEviction)",
    re.IGNORECASE,
)


def respond(
    resources: Resources, states: MachineStates, method: str, path: str, body: Body
) -> Mapping[str, Any] | None:
    """Return the response to a call on a scale set; None for another call or an unknown scale set."""
    match = _CALL.fullmatch(path)
    resource = resources.all().get(match["set"].lower()) if match else None
    if match is None or resource is None:
        if method == "PATCH" and (found := resources.all().get(path.lower())) is not None:
            return _resize(resources, found, body)
        return None
    call = match["call"].lower()
    instances = instances_of(states, resource)
    if (method, call) == ("GET", "virtualmachines"):
        return {"value": [_describe(instance, resource) for instance in instances]}
    if method == "GET" and match["instance"] is not None:
        named = [item for item in instances if str(instance_number(item)) == match["instance"]]
        return _describe(named[0], resource) if named else None
    if (method, call) == ("GET", "rollingupgrades/latest") and resource.upgrade is not None:
        return _describe_upgrade(resource, resource.upgrade)
    if method == "POST" and match["number"] is not None:
        for instance in instances:
            if str(instance_number(instance)) == match["number"]:
                begin_eviction(states, instance)
        return {}
    if (method, call) == ("POST", "delete"):
        return _delete_instances(resources, states, resource, [str(id) for id in body["instanceIds"]])
    return None


def instances_of(states: MachineStates, resource: Resource) -> list[RunningMachine]:
    """Return the instances of a scale set in the order of their numbers."""
    prefix = f"{resource.id.lower()}/virtualmachines/"
    instances = [machine for machine in states.all() if machine.id.lower().startswith(prefix)]
    return sorted(instances, key=instance_number)


def instance_number(machine: RunningMachine) -> int:
    """Return the number of an instance of a scale set."""
    return int(machine.id.rpartition("/")[2])


def model_digest(resource: Resource) -> str:
    """Return the digest of the model of a scale set: of everything that its instances get from it."""
    model = [resource.properties.get("virtualMachineProfile"), resource.body.get("sku", {}).get("name")]
    model.append(sorted(resource.body.get("identity", {}).get("userAssignedIdentities", {})))
    return hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()[:16]


def capacity_of(resource: Resource) -> int:
    """Return the number of instances that a scale set should have."""
    return int(resource.body.get("sku", {}).get("capacity") or 0)


def start_upgrade(resource: Resource, previous: Resource | None) -> Resource:
    """Return a changed scale set; with a new rolling upgrade if its model has changed."""
    if resource.type != SCALE_SET or previous is None or model_digest(resource) == model_digest(previous):
        return resource
    if resource.properties.get("upgradePolicy", {}).get("mode") != "Rolling":
        return resource
    start = datetime.now(UTC).isoformat()
    return replace(resource, upgrade=Upgrade(model=model_digest(resource), status=RUNNING, start=start))


def _resize(resources: Resources, resource: Resource, body: Body) -> Mapping[str, Any]:
    """Change the capacity, as the autoscaler does."""
    sku = {**resource.body.get("sku", {}), **body.get("sku", {})}
    changed = replace(resource, body={**resource.body, "sku": sku})
    resources.change(resource.id, lambda current: replace(current, body={**current.body, "sku": sku}))
    return changed.body


def _delete_instances(
    resources: Resources, states: MachineStates, resource: Resource, numbers: list[str]
) -> Mapping[str, Any]:
    """Delete instances and reduce the capacity, as the autoscaler does."""
    chosen = [item for item in instances_of(states, resource) if str(instance_number(item)) in numbers]
    for instance in chosen:
        begin_termination(states, instance, resource)
    return _resize(resources, resource, {"sku": {"capacity": capacity_of(resource) - len(chosen)}})


def _describe(machine: RunningMachine, resource: Resource) -> Mapping[str, Any]:
    latest = {"latestModelApplied": machine.version == model_digest(resource)}
    return describe_instance(machine, latest)


def _describe_upgrade(resource: Resource, upgrade: Upgrade) -> Mapping[str, Any]:
    error = {"error": {"code": "RollingUpgradeFailed", "message": upgrade.reason}} if upgrade.reason else {}
    return {
        "location": resource.body.get("location"),
        "properties": {
            "runningStatus": {"code": upgrade.status, "startTime": upgrade.start},
            "progress": {
                "successfulInstanceCount": upgrade.successful,
                "failedInstanceCount": 0,
                "inProgressInstanceCount": 0,
                "pendingInstanceCount": upgrade.pending,
            },
            **error,
        },
    }
