"""`replace`: an empty machine under a lost host's name and address becomes what that host was.

For the engine nothing has changed, so `up` would do nothing. What the lost host left in the cluster is taken
away first: its Node, with the pods on it, and, by the host itself, its etcd member, whose data is gone.
"""

from __future__ import annotations

from shlex import quote

from automation.deliveries import Delivery, load_deliveries
from automation.errors import UserError
from automation.operations.repair import deliver
from automation.operations.target import Target
from nodeconfig.etcd import MEMBER
from nodeconfig.host_paths import ADMIN, BIN, KUBECTL_HERE, STATE
from nodeconfig.node_labels import node_labels
from topology.model import Pool, Role

_ASK_SECONDS = 30
_DELETE_SECONDS = 60
_ROLES = f"for role in {STATE}/roles/*/digest; do [ ! -f $role ] || echo $role; done"


def replace(target: Target, host: str) -> int:
    """Makes an empty machine the host of that name. Returns 0 when every role was delivered.

    Raises `UserError` when the host is unknown, cannot be reached or is not empty, and when etcd could not
    take it in again.
    """
    wanted = [delivery for delivery in load_deliveries(target.engine) if delivery.host == host]
    if not wanted:
        known = ", ".join(target.hosts)
        raise UserError(f"{host}: nothing was ever delivered to it; the stack's hosts are {known}")
    _expect_empty(target, host)
    others = [name for name in target.with_role(Role.ETCD) if name != host]
    roles = {delivery.role for delivery in wanted}
    if Role.ETCD in roles:
        _expect_quorum(target, others)
    if Role.NODE in roles:
        _forget_node(target, host)
    return _deliver(target, host, wanted)


def _expect_empty(target: Target, host: str) -> None:
    answer = target.remote.run(host, _ROLES, timeout=_ASK_SECONDS)
    if not answer.ok:
        raise UserError(
            f"{host}: cannot be reached: {answer.reason}; install the machine under this name and address, "
            "and give its new host key (ssh-keyscan) to the known_hosts file"
        )
    if answer.output.strip():
        raise UserError(
            f"{host}: is not empty, it still is a host of a cluster; `kubewright repair --host {host}` "
            "delivers to it again; to replace it, install it anew first"
        )


def _expect_quorum(target: Target, others: list[str]) -> None:
    """A lost member comes back through the others, so these must serve without it."""
    answers = target.remote.everywhere(others, f"{MEMBER} ready", timeout=_ASK_SECONDS)
    serving = sum(answer.ok for answer in answers.values())
    needed = (len(others) + 1) // 2 + 1
    if serving < needed:
        lost = [f"{name} ({answer.reason})" for name, answer in answers.items() if not answer.ok]
        raise UserError(
            f"etcd: {serving} of the other members serve and {needed} are needed"
            + (f"; not {', '.join(lost)}" if lost else "")
            + "; bring these back first, or restore a snapshot: kubewright restore"
        )


def _forget_node(target: Target, host: str) -> None:
    if target.with_role(Role.CONTROL_PLANE) == (host,):
        return  # there is no API to ask before this host is back
    script = f"{BIN}/kubectl --kubeconfig={ADMIN} delete node {quote(host)} --ignore-not-found --wait=false"
    _operate(target, host, script, "take its old Node away")


def _operate(target: Target, host: str, script: str, what: str) -> None:
    """Runs a script on a control plane other than the host, or on the host when there is no other."""
    reasons = []
    planes = [name for name in target.with_role(Role.CONTROL_PLANE) if name != host]
    for name in planes or [host]:
        answer = target.remote.run(name, script, timeout=_DELETE_SECONDS)
        if answer.ok:
            return
        reasons.append(f"{name}: {answer.reason}")
    raise UserError(f"{host}: no control plane could {what}: {'; '.join(reasons)}")


def _deliver(target: Target, host: str, wanted: list[Delivery]) -> int:
    for role in Role:
        if deliver(target.remote, wanted, {role}):
            print(f"{host}: not finished; mend that, then: kubewright repair --host {host}")
            return 1
    pool = next((pool for pool in target.topology.pools if any(n.name == host for n in pool.nodes)), None)
    if pool is not None:
        _label(target, host, pool)
    return 0


def _label(target: Target, host: str, pool: Pool) -> None:
    """The new Node has none of the labels and taints that only an administrator may set."""
    _operate(target, host, KUBECTL_HERE + node_labels(pool), f"set the labels and taints of pool {pool.name}")
