"""`restore` [C2, J4]: a snapshot onto all members of etcd, also when every host was lost and came back empty.

The order is upstream's (etcd "Disaster recovery", Kubernetes "Operating etcd clusters"): nothing may read
or write while the data is exchanged, so all API servers stop before, and whoever keeps caches restarts
after. Interrupted anywhere, the same command does it again from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from shlex import quote
from types import MappingProxyType

from automation.deliveries import Delivery, load_deliveries
from automation.errors import UserError
from automation.operations.remote import Answer, Remote, side_by_side
from automation.operations.repair import deliver
from automation.operations.snapshot import beside, checksum
from automation.operations.target import Target
from nodeconfig.host_paths import STATE
from topology.model import Role, Topology

_UPLOAD_SECONDS = 1800
_STEP_SECONDS = 300


def restore(target: Target, snapshot: Path) -> int:
    """Makes the cluster what it was at the snapshot. Returns 0, or 1 when some node did not come along.

    Raises `UserError` before anything is stopped when the snapshot is not whole or a host is missing,
    and later when a step fails on a host.
    """
    digest = verified(snapshot)
    hosts = Hosts(target, digest, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
    hosts.expect_all_members()
    empty = hosts.undelivered(load_deliveries(target.engine))
    if any(item.role is Role.ETCD for item in empty):
        # A member of the old cluster must not answer those that come back without data.
        hosts.stop(missing=empty)
        hosts.deliver(empty, Role.LOAD_BALANCER)
        hosts.deliver(empty, Role.ETCD)
    hosts.upload(snapshot)
    hosts.members("prepare")
    hosts.stop(missing=[item for item in empty if item.role is not Role.ETCD])
    for step in ("swap", "start-etcd", "wait-etcd"):
        hosts.members(step)
    hosts.start_api(missing=empty)
    return hosts.bring_nodes(missing=empty)


def verified(snapshot: Path) -> str:
    """The snapshot's sha256. Raises `UserError` unless it is the one beside it."""
    if not snapshot.is_file():
        raise UserError(f"{snapshot}: no such snapshot")
    if not beside(snapshot).is_file():
        raise UserError(
            f"{beside(snapshot)}: missing; if you trust the snapshot, make it: sha256sum {snapshot.name}"
        )
    wanted = (beside(snapshot).read_text().split() or [""])[0]
    digest = checksum(snapshot)
    if digest != wanted:
        raise UserError(f"{snapshot}: its sha256 is {digest}, not {wanted}; take another snapshot")
    return digest


def variables(topology: Topology, digest: str, stamp: str) -> dict[str, dict[str, str]]:
    """What every member's host must know, by its name.

    The token is of this restore alone, so that a member with older data is of another cluster and can
    never take part.
    """
    urls = {member.name: f"https://{member.address}:2380" for member in topology.etcd}
    cluster = ",".join(f"{name}={url}" for name, url in urls.items())
    token = f"{topology.name}-{stamp}-{digest[:12]}"
    common = {"sum": digest, "cluster": cluster, "token": token, "stamp": stamp}
    return {name: {"name": name, "url": url, **common} for name, url in urls.items()}


class Hosts:
    """The hosts of a cluster on its way back."""

    def __init__(self, target: Target, digest: str, stamp: str) -> None:
        self._target = target
        self._remote: Remote = target.remote
        self._variables = variables(target.topology, digest, stamp)
        self._etcd = tuple(member.name for member in target.topology.etcd)
        self._control = tuple(member.name for member in target.topology.control_planes)

    def expect_all_members(self) -> None:
        """Raises `UserError` when an etcd member's or control plane's host cannot be reached."""
        hosts = dict.fromkeys((*self._etcd, *self._control))
        answers = self._remote.everywhere(hosts, "true", timeout=30)
        lost = [f"{host} ({answer.reason})" for host, answer in answers.items() if not answer.ok]
        if lost:
            raise UserError(
                f"cannot be reached: {', '.join(lost)}; a restore needs every etcd member and control plane. "
                "Nothing was changed. Bring them back, empty if need be, or take them out of the stack file"
            )

    def undelivered(self, wanted: Sequence[Delivery]) -> list[Delivery]:
        """The deliveries that their hosts do not have: those of hosts that came back empty."""
        roles = " ".join(role.value for role in Role)
        script = f"for role in {roles}; do [ ! -f {STATE}/roles/$role/digest ] || echo $role; done"
        answers = self._remote.everywhere(self._target.hosts, script, timeout=30)
        have = {host: answer.output.split() for host, answer in answers.items() if answer.ok}
        return [item for item in wanted if item.host in have and item.role.value not in have[item.host]]

    def deliver(self, missing: Iterable[Delivery], role: Role) -> None:
        """Delivers a role where it is missing. Raises `UserError` when that fails."""
        chosen = [item for item in missing if item.role is role]
        if chosen:
            _say(f"{role.value} to {_names(item.host for item in chosen)}, which came back empty")
            _succeeded(f"deliver {role.value}", deliver(self._remote, chosen, {role}))

    def upload(self, snapshot: Path) -> None:
        """Brings the snapshot to every member that does not have it yet."""
        have = self._remote.everywhere(self._etcd, self._scripts("have"), timeout=_STEP_SECONDS)
        lacking = [host for host, answer in have.items() if answer.output.strip() != "yes"]
        if not lacking:
            return
        _say(f"the snapshot to {_names(lacking)}")
        scripts = self._scripts("receive")

        def one(host: str) -> Answer:
            return self._remote.send(host, scripts[host], snapshot, timeout=_UPLOAD_SECONDS)

        _succeeded("receive", side_by_side(lacking, one).values())

    def members(self, step: str) -> None:
        """A step on all members, side by side. Raises `UserError` with those where it failed."""
        _say(f"{step} on {_names(self._etcd)}")
        answers = self._remote.everywhere(self._etcd, self._scripts(step), timeout=_STEP_SECONDS)
        _succeeded(step, answers.values())

    def stop(self, missing: Sequence[Delivery]) -> None:
        """Stops all API servers and who uses them, then all members, where they are installed."""
        lacking = {(item.host, item.role) for item in missing}
        control = [host for host in self._control if (host, Role.CONTROL_PLANE) not in lacking]
        etcd = [host for host in self._etcd if (host, Role.ETCD) not in lacking]
        for step, hosts in (("stop-api", control), ("stop-etcd", etcd)):
            if hosts:
                _say(f"{step} on {_names(hosts)}")
                _succeeded(step, self._plain(hosts, step).values())

    def start_api(self, missing: Sequence[Delivery]) -> None:
        """Starts the API servers and then who uses them; installs them where they are missing."""
        lacking = {item.host for item in missing if item.role is Role.CONTROL_PLANE}
        hosts = [host for host in self._control if host not in lacking]
        if hosts:
            _say(f"start-api on {_names(hosts)}")
            _succeeded("start-api", self._plain(hosts, "start-api").values())
        self.deliver(missing, Role.CONTROL_PLANE)
        self.deliver(missing, Role.LOAD_BALANCER)

    def bring_nodes(self, missing: Sequence[Delivery]) -> int:
        """Restarts the kubelets, installs nodes where they are missing. Returns 1 when one failed."""
        lacking = [item for item in missing if item.role is Role.NODE]
        there = [
            host for host in self._target.with_role(Role.NODE) if host not in {item.host for item in lacking}
        ]
        _say(f"restart-kubelet on {_names(there)}" if there else "no kubelet to restart")
        failed = [answer for answer in self._plain(there, "restart-kubelet").values() if not answer.ok]
        if lacking:
            _say(f"node to {_names(item.host for item in lacking)}, which came back empty")
            failed += deliver(self._remote, lacking, {Role.NODE})
        for answer in failed:
            _say(f"{answer.host}: {answer.reason}; once it is back: kubewright repair --host {answer.host}")
        _say("restored" + (", without the hosts above" if failed else ""))
        return 1 if failed else 0

    def _scripts(self, step: str) -> Mapping[str, str]:
        """Each member's own script for a step."""
        return {host: script(step, known) for host, known in self._variables.items()}

    def _plain(self, hosts: Sequence[str], step: str) -> dict[str, Answer]:
        return self._remote.everywhere(hosts, script(step), timeout=_STEP_SECONDS)


def script(step: str, known: Mapping[str, str] = MappingProxyType({})) -> str:
    """The sh text of a step for a host; an etcd member's needs its `variables`."""
    values = {"step": step, **known}
    return " ".join(f"{name}={quote(value)}" for name, value in values.items()) + "\n" + _program()


def _succeeded(step: str, answers: Iterable[Answer]) -> None:
    failed = [f"{answer.host}: {answer.reason}" for answer in answers if not answer.ok]
    if failed:
        raise UserError(f"restore stopped at {step}: {'; '.join(failed)}. Mend that and run restore again")


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


def _names(hosts: Iterable[str]) -> str:
    names = list(hosts)
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


@cache
def _program() -> str:
    return (Path(__file__).parent / "restore.sh").read_text()
