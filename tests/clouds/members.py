"""What tests of clusters with three control planes share: configuration, and faults and health of members."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from nodeconfig.host_paths import BIN
from testkit.stackfile import Document, merge
from testkit.watcher import Watcher
from tests.clouds.stack import POOL, CloudStack
from tests.clouds.variants import configuration
from topology.ports import API_PORT

MEMBERS = ("cp-1", "cp-2", "cp-3")
WORKERS = 2
MAX_GAP_SECONDS = 15
"""Allowed time without an acknowledged write. The machines of the emulation end without a shutdown, as in a
power failure, and tests/faults allows the same time for such a host.
"""


def stack_config(cloud: str, name: str, network: str, change: Mapping[str, Any]) -> Document:
    """Return the configuration of a cluster with a control plane in each of three zones, and two workers.

    `network` are the first two bytes of its network, with a dot at the end. `change` is merged into
    `kubewright:cluster`.
    """
    cluster = {
        "control_planes": {"hosts": list(MEMBERS)},
        "pools": {POOL: {"size": {"min": WORKERS, "max": WORKERS}}},
        # A pod on a node whose kubelet has failed never ends.
        "drain_timeout": "1m",
    }
    return configuration(cloud, name, network, merge(cluster, change))


def kill(stack: CloudStack, member: str, service: str) -> None:
    """Kill the process of a service on a member with SIGKILL."""
    stack.run_on(member, f"systemctl kill --signal=KILL {service}.service")


def break_service(stack: CloudStack, member: str, service: str) -> None:
    """Remove the program of a service on a member, and kill its process."""
    stack.run_on(member, f"mv {BIN}/{service} {BIN}/{service}.lost")
    kill(stack, member, service)


def damage_program(stack: CloudStack, member: str, service: str) -> None:
    """Replace the stored program of a service on a member by an empty file, and kill its process.

    The program of a running process cannot be written.
    """
    script = f"set -e; file=$(readlink -f {BIN}/{service}); : >$file.new; chmod 0755 $file.new"
    stack.run_on(member, f"{script}; mv $file.new $file")
    kill(stack, member, service)


def invocation_id(stack: CloudStack, member: str, service: str) -> str:
    """Return the invocation id of a service on a member; empty if the service is not active."""
    show = f"systemctl show --property=InvocationID --value {service}.service"
    return stack.run_on(member, f"! systemctl is-active --quiet {service}.service || {show}")


def boots_of_members(stack: CloudStack) -> dict[str, str]:
    """Return an id of the last boot of each member's machine."""
    return {member: invocation_id(stack, member, "kubewright-boot") for member in MEMBERS}


def has_booted_again(stack: CloudStack, member: str, boot: str) -> bool:
    """Check whether the boot program of a member has started again after the boot with this id."""
    return invocation_id(stack, member, "kubewright-boot") not in ("", boot)


def monotonic_time(stack: CloudStack, member: str, service: str, event: str) -> int:
    """Return the time of an event of a service in microseconds. All members have the same clock."""
    show = f"systemctl show --property={event}TimestampMonotonic --value {service}.service"
    return int(stack.run_on(member, show))


def member_ids(stack: CloudStack) -> dict[str, str]:
    """Return the id of the machine of each member."""
    machines = stack.all_machines()
    return {member: machines[member].id for member in MEMBERS}


@contextmanager
def one_member_at_a_time(stack: CloudStack) -> Iterator[None]:
    """Check that at most one API server at a time does not answer, or has no etcd, during the block."""
    addresses = [stack.all_machines()[member].address for member in MEMBERS]
    with Watcher(lambda: count_unready(addresses)) as watcher:
        yield
    assert len(watcher.values) > 10
    assert max(watcher.values) <= 1, "two members were not available at the same time"


def unready_members(stack: CloudStack) -> int:
    """Return the number of members without a machine, or whose API server is not ready."""
    machines = stack.all_machines()
    addresses = [machines[member].address for member in MEMBERS if member in machines]
    return len(MEMBERS) - len(addresses) + count_unready(addresses)


def count_unready(addresses: Sequence[str]) -> int:
    """Return the number of API servers that are not ready, which includes their etcd.

    A server that does not answer is asked again, because this machine may be too busy for its time limit.
    """
    return sum(not is_ready(address) for address in addresses if not is_ready(address))


def is_ready(address: str) -> bool:
    """Check whether the API server at an address is ready, as the load balancer does."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urlopen(f"https://{address}:{API_PORT}/readyz", timeout=5, context=context) as response:
            return bool(response.status == 200)
    except OSError:
        return False
