"""The `replace` command: installs an empty machine with the name and address of a lost host.

For such a machine `up` does nothing, because the engine sees no change. The command first deletes the Node
of the lost host and its pods. The host program of the new machine then replaces the etcd member, whose data
is lost.
"""

from __future__ import annotations

from shlex import quote

from automation.deliveries import Delivery
from automation.errors import UserError
from automation.operations.delivered import find_deliveries
from automation.operations.repair import deliver
from automation.operations.replace_machine import replace_machine
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target
from nodeconfig.etcd import MEMBER_PROGRAM
from nodeconfig.host_paths import ADMIN_KUBECONFIG, BIN, KUBECTL_FUNCTION, STATE_DIRECTORY
from nodeconfig.node_labels import node_labels_script
from topology.model import Pool, Role

_CHECK_SECONDS = 30
_DELETE_SECONDS = 60
_LIST_ROLES = f"for role in {STATE_DIRECTORY}/roles/*/digest; do [ ! -f $role ] || echo $role; done"


def replace(target: Target, host: str) -> int:
    """Install an empty machine in place of the host. Return 0 when every role was delivered.

    Raise UserError when the host is unknown, unreachable or not empty, or when etcd has no quorum.
    """
    if host in target.hosts and isinstance(target.remote, StoreRemote):
        others = [name for name in target.with_role(Role.ETCD) if name != host]
        # The volume of a member survives its machine, so a single member keeps its data.
        if others and host in target.with_role(Role.ETCD):
            _expect_quorum(target, others)
        return replace_machine(target, target.remote, host, lambda: _delete_node(target, host))
    deliveries = [delivery for delivery in find_deliveries(target) if delivery.host == host]
    if not deliveries:
        hosts = ", ".join(target.hosts)
        raise UserError(f"{host}: not in the state; the hosts of the stack are {hosts}")
    _expect_empty(target, host)
    others = [name for name in target.with_role(Role.ETCD) if name != host]
    roles = {delivery.role for delivery in deliveries}
    if Role.ETCD in roles:
        _expect_quorum(target, others)
    if Role.NODE in roles:
        _delete_node(target, host)
    return _deliver_all_roles(target, host, deliveries)


def _expect_empty(target: Target, host: str) -> None:
    result = target.remote.run(host, _LIST_ROLES, timeout=_CHECK_SECONDS)
    if not result.ok:
        raise UserError(
            f"{host}: cannot be reached: {result.reason}; install a machine with this name and address, "
            "and add its new host key (ssh-keyscan) to the known_hosts file"
        )
    if result.output.strip():
        raise UserError(
            f"{host}: not empty: it is a host of a cluster. To deliver to it again, run `kubewright repair "
            f"--host {host}`; to replace it, reinstall its operating system first"
        )


def _expect_quorum(target: Target, others: list[str]) -> None:
    """Raise UserError unless the other etcd members have a quorum, which is needed to add the new member."""
    results = target.remote.run_on_all(others, f"{MEMBER_PROGRAM} ready", timeout=_CHECK_SECONDS)
    serving = sum(result.ok for result in results.values())
    needed = (len(others) + 1) // 2 + 1
    if serving < needed:
        unhealthy = [f"{name} ({result.reason})" for name, result in results.items() if not result.ok]
        raise UserError(
            f"etcd: {serving} of the other members are healthy, {needed} are needed"
            + (f"; not healthy: {', '.join(unhealthy)}" if unhealthy else "")
            + "; repair these first, or restore a snapshot with `kubewright restore`"
        )


def _delete_node(target: Target, host: str) -> None:
    if target.with_role(Role.CONTROL_PLANE) == (host,):
        return  # without this host there is no API
    kubectl = f"{BIN}/kubectl --kubeconfig={ADMIN_KUBECONFIG}"
    script = f"{kubectl} delete node {quote(host)} --ignore-not-found --wait=false"
    _run_on_control_plane(target, host, script, "delete its old Node")


def _run_on_control_plane(target: Target, host: str, script: str, action: str) -> None:
    """Run a script on another control plane, or on the host itself if it is the only control plane."""
    reasons = []
    planes = [name for name in target.with_role(Role.CONTROL_PLANE) if name != host]
    for name in planes or [host]:
        result = target.remote.run(name, script, timeout=_DELETE_SECONDS)
        if result.ok:
            return
        reasons.append(f"{name}: {result.reason}")
    raise UserError(f"{host}: no control plane could {action}: {'; '.join(reasons)}")


def _deliver_all_roles(target: Target, host: str, deliveries: list[Delivery]) -> int:
    for role in Role:
        if deliver(target.remote, deliveries, {role}):
            print(
                f"{host}: not completely installed; fix the error, then run `kubewright repair --host {host}`"
            )
            return 1
    pool = next((pool for pool in target.topology.pools if any(n.name == host for n in pool.nodes)), None)
    if pool is not None:
        _label_node(target, host, pool)
    return 0


def _label_node(target: Target, host: str, pool: Pool) -> None:
    """Set the labels and taints on the new Node that require administrator permissions."""
    _run_on_control_plane(
        target,
        host,
        KUBECTL_FUNCTION + node_labels_script(pool),
        f"set the labels and taints of pool {pool.name}",
    )
