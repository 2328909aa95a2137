"""The `restore` command [C2, J4]: restores a snapshot on all etcd members.

The command also works when all hosts are empty machines. The order of the steps follows etcd ("Disaster
recovery") and Kubernetes ("Operating etcd clusters"). No program may read or write etcd while its data is
replaced. Therefore all API servers stop before the replacement, and the components that cache data restart
after it. After an interruption, the same command starts again from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from shlex import quote
from types import MappingProxyType

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from automation.deliveries import Delivery
from automation.errors import UserError
from automation.operations.api_client import ApiError
from automation.operations.delivered import find_deliveries
from automation.operations.field_managers import assign_fields, managers_in_state
from automation.operations.remote import Remote, ScriptResult, run_in_parallel
from automation.operations.repair import deliver
from automation.operations.snapshot import checksum, checksum_file
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target
from automation.releases.connection import connect
from formats.lists import shorten_list
from nodeconfig.host_paths import STATE_DIRECTORY
from topology.model import Role, Topology
from topology.ports import ETCD_PEER_PORT

_UPLOAD_SECONDS = 1800
_STEP_SECONDS = 600
_API_SECONDS = 120
"""Time in which a load balancer finds out that the API servers answer again."""


def restore(target: Target, snapshot: Path) -> int:
    """Restore the cluster from a snapshot. Return 0, or 1 when a node failed.

    Before any service is stopped, raise UserError for a damaged snapshot and for an unreachable host.
    Later, raise UserError when a step fails on a host.
    """
    digest = verify_snapshot(snapshot)
    hosts = RestoreHosts(target, digest, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
    hosts.expect_all_members()
    empty = hosts.missing_deliveries(find_deliveries(target))
    if any(delivery.role is Role.ETCD for delivery in empty):
        # New members without data must not connect to a member of the old cluster.
        hosts.stop(missing=empty)
        hosts.deliver(empty, Role.LOAD_BALANCER)
        hosts.deliver(empty, Role.ETCD)
    hosts.upload(snapshot)
    hosts.run_on_members("prepare")
    hosts.stop(missing=[delivery for delivery in empty if delivery.role is not Role.ETCD])
    for step in ("swap", "start-etcd", "wait-etcd"):
        hosts.run_on_members(step)
    hosts.start_api(missing=empty)
    failed = hosts.restore_nodes(missing=empty)
    return _assign_fields(target) or failed


def _assign_fields(target: Target) -> int:
    """Assign the fields of all objects to the resources of this stack. Return 0, or 1 on a failure."""
    managers = managers_in_state(target.engine.export_state())
    if not managers:
        return 0
    attempts = Retrying(
        retry=retry_if_exception_type(ApiError),
        stop=stop_after_delay(_API_SECONDS),
        wait=wait_fixed(2),
        reraise=True,
    )
    try:
        failed = assign_fields(attempts(connect, target.engine), managers, _log)
    except (UserError, ApiError) as error:
        failed = 1
        _log(str(error))
    if failed:
        _log(
            "if the snapshot is from another stack, the next `up` can report conflicts of fields; fix the "
            "error, then run `restore` again"
        )
    return 1 if failed else 0


def verify_snapshot(snapshot: Path) -> str:
    """Return the SHA-256 of the snapshot. Raise UserError unless it matches the .sha256 file."""
    if not snapshot.is_file():
        raise UserError(f"{snapshot}: no such snapshot")
    if not checksum_file(snapshot).is_file():
        raise UserError(
            f"{checksum_file(snapshot)}: missing; if you trust the snapshot, create the file with "
            f"sha256sum {snapshot.name}"
        )
    expected = (checksum_file(snapshot).read_text().split() or [""])[0]
    digest = checksum(snapshot)
    if digest != expected:
        raise UserError(f"{snapshot}: the sha256 is {digest}, not {expected}; use another snapshot")
    return digest


def member_variables(topology: Topology, digest: str, stamp: str) -> dict[str, dict[str, str]]:
    """Return the environment variables of the restore program for every etcd member, by name.

    The cluster token is unique to this restore. A member with older data therefore belongs to another
    cluster and cannot join.
    """
    urls = {member.name: f"https://{member.address}:{ETCD_PEER_PORT}" for member in topology.etcd}
    cluster = ",".join(f"{name}={url}" for name, url in urls.items())
    token = f"{topology.name}-{stamp}-{digest[:12]}"
    common = {"sum": digest, "cluster": cluster, "token": token, "stamp": stamp}
    return {name: {"name": name, "url": url, **common} for name, url in urls.items()}


class RestoreHosts:
    """The hosts of a cluster on which `restore` runs its steps.

    `digest` is the SHA-256 of the snapshot. `stamp` is the start time of the restore.
    """

    def __init__(self, target: Target, digest: str, stamp: str) -> None:
        self._target = target
        self._remote: Remote = target.remote
        self._variables = member_variables(target.topology, digest, stamp)
        self._etcd = tuple(member.name for member in target.topology.etcd)
        self._control = tuple(member.name for member in target.topology.control_planes)

    def expect_all_members(self) -> None:
        """Raise UserError when the host of an etcd member or of a control plane is unreachable."""
        hosts = dict.fromkeys((*self._etcd, *self._control))
        results = self._remote.run_on_all(hosts, "true", timeout=30)
        unreachable = [f"{host} ({result.reason})" for host, result in results.items() if not result.ok]
        if unreachable:
            raise UserError(
                f"cannot be reached: {', '.join(unreachable)}; a restore needs every etcd member and control "
                "plane. Nothing was changed. Replace them with empty machines, or remove them from the stack "
                "file"
            )

    def missing_deliveries(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Return the deliveries that are missing on their hosts, because the hosts are empty machines.

        Machines of a pool in a cloud deliver to themselves when they boot.
        """
        roles = " ".join(role.value for role in Role)
        script = f"for role in {roles}; do [ ! -f {STATE_DIRECTORY}/roles/$role/digest ] || echo $role; done"
        results = self._remote.run_on_all(self._target.hosts, script, timeout=30)
        roles_of = {host: result.output.split() for host, result in results.items() if result.ok}
        return [
            delivery
            for delivery in deliveries
            if delivery.host in roles_of
            and delivery.role.value not in roles_of[delivery.host]
            and not self._is_pool_machine(delivery.host)
        ]

    def _is_pool_machine(self, host: str) -> bool:
        return isinstance(self._remote, StoreRemote) and bool(self._remote.places[host].node)

    def deliver(self, missing: Iterable[Delivery], role: Role) -> None:
        """Deliver a role to the hosts without this role. Raise UserError on failure."""
        deliveries_of_role = [delivery for delivery in missing if delivery.role is role]
        if deliveries_of_role:
            names = shorten_list([delivery.host for delivery in deliveries_of_role])
            _log(f"deliver {role.value} to empty hosts: {names}")
            _expect_success(f"deliver {role.value}", deliver(self._remote, deliveries_of_role, {role}))

    def upload(self, snapshot: Path) -> None:
        """Upload the snapshot to every member that does not have the file yet."""
        results = self._remote.run_on_all(self._etcd, self._scripts("have"), timeout=_STEP_SECONDS)
        lacking = [host for host, result in results.items() if result.output.strip() != "yes"]
        if not lacking:
            return
        _log(f"upload the snapshot to {shorten_list(lacking)}")
        scripts = self._scripts("receive")

        def upload_to(host: str) -> ScriptResult:
            return self._remote.send(host, scripts[host], snapshot, timeout=_UPLOAD_SECONDS)

        _expect_success("receive", run_in_parallel(lacking, upload_to).values())

    def run_on_members(self, step: str) -> None:
        """Run a step on all members in parallel. Raise UserError with the failed members."""
        _log(f"{step} on {shorten_list(self._etcd)}")
        results = self._remote.run_on_all(self._etcd, self._scripts(step), timeout=_STEP_SECONDS)
        _expect_success(step, results.values())

    def stop(self, missing: Sequence[Delivery]) -> None:
        """Stop all installed API servers and their clients, then all installed etcd members."""
        lacking = {(delivery.host, delivery.role) for delivery in missing}
        control = [host for host in self._control if (host, Role.CONTROL_PLANE) not in lacking]
        etcd = [host for host in self._etcd if (host, Role.ETCD) not in lacking]
        for step, hosts in (("stop-api", control), ("stop-etcd", etcd)):
            if hosts:
                _log(f"{step} on {shorten_list(hosts)}")
                _expect_success(step, self._run_step(hosts, step).values())

    def start_api(self, missing: Sequence[Delivery]) -> None:
        """Start the API servers and their clients. Install them on empty hosts."""
        lacking = {delivery.host for delivery in missing if delivery.role is Role.CONTROL_PLANE}
        hosts = [host for host in self._control if host not in lacking]
        if hosts:
            _log(f"start-api on {shorten_list(hosts)}")
            _expect_success("start-api", self._run_step(hosts, "start-api").values())
        self.deliver(missing, Role.CONTROL_PLANE)
        self.deliver(missing, Role.LOAD_BALANCER)

    def restore_nodes(self, missing: Sequence[Delivery]) -> int:
        """Restart the kubelets, and deliver the role node to empty hosts.

        Return 0, or 1 when a host failed.
        """
        lacking = [delivery for delivery in missing if delivery.role is Role.NODE]
        installed = [
            host
            for host in self._target.with_role(Role.NODE)
            if host not in {delivery.host for delivery in lacking}
        ]
        _log(f"restart-kubelet on {shorten_list(installed)}" if installed else "no kubelet to restart")
        scripts = {host: self._kubelet_script(host) for host in installed}
        results = self._remote.run_on_all(installed, scripts, timeout=_STEP_SECONDS).values()
        failed = [result for result in results if not result.ok]
        if lacking:
            _log(f"deliver node to empty hosts: {shorten_list([delivery.host for delivery in lacking])}")
            failed += deliver(self._remote, lacking, {Role.NODE})
        for result in failed:
            _log(
                f"{result.host}: {result.reason}; fix the host, then run "
                f"`kubewright repair --host {result.host}`"
            )
        _log("restored" + (", except the hosts above" if failed else ""))
        return 1 if failed else 0

    def _kubelet_script(self, host: str) -> str:
        """Return the script that restarts a kubelet, whose Node the restored data may not have."""
        # A machine that boots may not have a kubelet yet.
        guard = (
            "[ -e /etc/systemd/system/kubelet.service ] || exit 0\n" if self._is_pool_machine(host) else ""
        )
        return guard + step_script("restart-kubelet")

    def _scripts(self, step: str) -> Mapping[str, str]:
        """Return the script of a step for each member."""
        return {host: step_script(step, values) for host, values in self._variables.items()}

    def _run_step(self, hosts: Sequence[str], step: str) -> dict[str, ScriptResult]:
        return self._remote.run_on_all(hosts, step_script(step), timeout=_STEP_SECONDS)


def step_script(step: str, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the sh text of a step. Steps on etcd members need `variables` (see `member_variables`)."""
    values = {"step": step, **variables}
    return " ".join(f"{name}={quote(value)}" for name, value in values.items()) + "\n" + _restore_program()


def _expect_success(step: str, results: Iterable[ScriptResult]) -> None:
    """Raise UserError with all failures unless the step succeeded on every host."""
    failed = [f"{result.host}: {result.reason}" for result in results if not result.ok]
    if failed:
        raise UserError(
            f"restore stopped at {step}: {'; '.join(failed)}. Fix the error and run `restore` again"
        )


def _log(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


@cache
def _restore_program() -> str:
    """Return the text of `restore.sh`."""
    return (Path(__file__).parent / "restore.sh").read_text()
