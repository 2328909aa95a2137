"""The `remove-host` command: removes a lost host from the cluster and the state.

The host must no longer be in the stack file. A reachable host resets itself when `up` deletes its
resources. For a lost host, other hosts remove its etcd member and its Node, and the engine must not try to
connect to the lost host.

After a `destroy` that could not reach the host, the state has only the resources of this host. In this case
the command removes them from the state, even if the host is in the stack file. The next `destroy` then
completes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from shlex import quote
from typing import cast

from automation.deliveries import load_deliveries
from automation.engine.state import State, export_encrypted, resources_of, without_references
from automation.errors import UserError
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target
from automation.signatures import reveal
from nodeconfig.etcd import MEMBER_PROGRAM
from nodeconfig.host_paths import ADMIN_KUBECONFIG, BIN
from topology.model import Role

_COMMAND_TYPE = "command:remote:Command"
_TIMEOUT_SECONDS = 60


def remove_host(target: Target, host: str) -> None:
    """Remove the etcd member, the Node and the resources of a lost host. The command can be repeated.

    Raise UserError in a cloud, when the host is still in the stack file, when nothing was delivered to it, or
    when no other host can remove its etcd member or its Node.
    """
    if isinstance(target.remote, StoreRemote):
        raise UserError(
            f"{host}: machines of a cloud leave by themselves; remove the member from the stack file and run "
            f"`kubewright up --stack {target.stack}`, or replace its machine with `kubewright replace`"
        )
    state = export_encrypted(target.engine)
    destroyed = is_destroyed(state)
    if host in target.hosts and not destroyed:
        raise UserError(
            f"{host}: still in the stack file; remove it from its roles and from metal.hosts first. To "
            f"install an empty machine in its place: kubewright replace --host {host} --stack {target.stack}"
        )
    roles = {delivery.role for delivery in load_deliveries(target.engine) if delivery.host == host}
    if not roles:
        raise UserError(f"{host}: not in the state; nothing was delivered to it, or it is removed already")
    names = {f"{host}-{role.value}" for role in roles}
    if destroyed:
        revealed = export_encrypted(target.engine, "--show-secrets")
        target.engine.import_state(json.dumps(remove_commands(state, commands_over_ssh(revealed, names))))
        print(f"{host}: removed from the state; now run `kubewright destroy --stack {target.stack}`")
        return
    if Role.ETCD in roles:
        _run_on_any(target, Role.ETCD, f"{MEMBER_PROGRAM} forget {quote(host)}", f"remove {host} from etcd")
    if Role.NODE in roles:
        kubectl = f"{BIN}/kubectl --kubeconfig={ADMIN_KUBECONFIG}"
        delete = f"{kubectl} delete node {quote(host)} --ignore-not-found --wait=false"
        _run_on_any(target, Role.CONTROL_PLANE, delete, f"delete the Node {host}")
    target.engine.import_state(json.dumps(remove_commands(state, names)))
    print(f"{host}: removed; now run `kubewright up --stack {target.stack}`")


def is_destroyed(state: State) -> bool:
    """Check whether the cluster was destroyed: its state no longer has certificate authorities."""
    return not any(resource["type"].startswith("tls:") for resource in resources_of(state))


def commands_over_ssh(state: State, names: Collection[str]) -> set[str]:
    """Return the names of all commands that connect to the same hosts as the commands `names`.

    The state must have been exported with `--show-secrets`.
    """
    addresses = {
        resource["urn"].rpartition("::")[2]: _host_address(resource)
        for resource in state["deployment"].get("resources", [])
        if resource["type"] == _COMMAND_TYPE
    }
    wanted = {addresses[name] for name in names if name in addresses}
    return {name for name, address in addresses.items() if address in wanted}


def _host_address(command: State) -> tuple[str, ...]:
    """Return the address and port of the host of a command, followed by those of its bastion."""
    connection = cast(State, reveal(command["inputs"].get("connection") or {}))
    bastion = cast(State, reveal(connection.get("proxy") or {}))
    return tuple(str(end.get(key, "")) for end in (connection, bastion) for key in ("host", "port"))


def remove_commands(state: State, names: Iterable[str]) -> State:
    """Return an exported state without the commands of these names and without references to the commands."""
    deployment = dict(state["deployment"])
    removed = {
        resource["urn"]
        for resource in deployment.get("resources", [])
        if resource["type"] == _COMMAND_TYPE and resource["urn"].rpartition("::")[2] in set(names)
    }
    remaining = [resource for resource in deployment.get("resources", []) if resource["urn"] not in removed]
    deployment["resources"] = [
        without_references(resource, lambda urn: urn not in removed) for resource in remaining
    ]
    return {**state, "deployment": deployment}


def _run_on_any(target: Target, role: Role, script: str, action: str) -> None:
    """Run a script on the hosts of a role, one after another, until the script succeeds on a host."""
    reasons = []
    for name in target.with_role(role):
        result = target.remote.run(name, script, timeout=_TIMEOUT_SECONDS)
        if result.ok:
            return
        reasons.append(f"{name}: {result.reason}")
    raise UserError(f"no host could {action}: {'; '.join(reasons)}")
