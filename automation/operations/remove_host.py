"""`forget`: a host that is gone for good, and taken out of the stack file, leaves cluster and state.

A host that is there resets itself when `up` deletes its resources. One that is lost cannot: its etcd member
and its Node are taken away by others, and the engine must not try to reach it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from shlex import quote
from typing import Any

from automation.deliveries import load_deliveries
from automation.errors import UserError
from automation.operations.target import Target
from nodeconfig.etcd import MEMBER
from nodeconfig.host_paths import ADMIN, BIN
from topology.model import Role

_SECONDS = 60
State = dict[str, Any]


def remove_host(target: Target, host: str) -> None:
    """Takes a lost host's member, Node and resources away. May be repeated.

    Raises `UserError` when the host still is in the stack file, or when nobody can take it away.
    """
    if host in target.hosts:
        raise UserError(
            f"{host}: still in the stack file; take it out of its roles and of metal.hosts first, or, "
            f"where an empty machine takes its place: kubewright replace {host}"
        )
    roles = {delivery.role for delivery in load_deliveries(target.engine) if delivery.host == host}
    if not roles:
        raise UserError(f"{host}: nothing was ever delivered to it, or it was forgotten already")
    if Role.ETCD in roles:
        _somebody(target, Role.ETCD, f"{MEMBER} forget {quote(host)}", f"take {host} out of etcd")
    if Role.NODE in roles:
        delete = (
            f"{BIN}/kubectl --kubeconfig={ADMIN} delete node {quote(host)} --ignore-not-found --wait=false"
        )
        _somebody(target, Role.CONTROL_PLANE, delete, f"delete the Node {host}")
    state = json.loads(target.engine.capture("stack export"))
    target.engine.restore(json.dumps(without(state, {f"{host}-{role.value}" for role in roles})))
    print(f"{host}: forgotten; now run up")


def without(state: State, names: Iterable[str]) -> State:
    """An exported state without the commands of these names, and without what refers to them."""
    deployment = dict(state["deployment"])
    gone = {
        resource["urn"]
        for resource in deployment.get("resources", [])
        if resource["type"] == "command:remote:Command" and resource["urn"].rpartition("::")[2] in set(names)
    }
    kept = [resource for resource in deployment.get("resources", []) if resource["urn"] not in gone]
    deployment["resources"] = [_without_references(resource, gone) for resource in kept]
    return {**state, "deployment": deployment}


def _without_references(resource: State, gone: set[str]) -> State:
    found = dict(resource)
    if "dependencies" in found:
        found["dependencies"] = [urn for urn in found["dependencies"] if urn not in gone]
    if "propertyDependencies" in found:
        found["propertyDependencies"] = {
            key: [urn for urn in urns or [] if urn not in gone]
            for key, urns in found["propertyDependencies"].items()
        }
    if found.get("deletedWith") in gone:
        del found["deletedWith"]
    return found


def _somebody(target: Target, role: Role, script: str, what: str) -> None:
    """Runs a script on the first host of a role where it succeeds."""
    reasons = []
    for name in target.with_role(role):
        answer = target.remote.run(name, script, timeout=_SECONDS)
        if answer.ok:
            return
        reasons.append(f"{name}: {answer.reason}")
    raise UserError(f"no host could {what}: {'; '.join(reasons)}")
