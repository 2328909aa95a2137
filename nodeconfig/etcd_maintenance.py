"""Scheduled work on etcd's data [C2]: trial restores of snapshots, and defragmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from nodeconfig import snapshot_targets
from nodeconfig.bundle import File, Service
from nodeconfig.component import Component, combine_components
from nodeconfig.host_paths import ETCD_PKI, ETCD_SNAPSHOTS, HOST_ENV, LIBRARY, LOCAL_ETCD, SYSTEMD_UNITS
from nodeconfig.snapshots import RECORD_PROGRAM
from nodeconfig.sources import read_code
from nodeconfig.systemd import TOOLS_PATH
from topology.model import Member, Topology
from topology.options import Defragmentation

VERIFY = "etcd-verify"
DEFRAGMENT = "etcd-defragment"
"""Names of the programs and of their units."""
_TARGET_SECONDS = 610
_VERIFY_SECONDS = 1800
_DEFRAGMENT_SECONDS = 4 * 3600


def component(topology: Topology, member: Member) -> Component:
    """Return the programs and timers that the settings of a cluster turn on; by default none."""
    parts = []
    if topology.snapshots.verify:
        parts.append(_verification(topology))
    if topology.defragmentation is not None:
        parts.append(_defragmentation(topology, topology.defragmentation, member))
    return combine_components(parts)


def _verification(topology: Topology) -> Component:
    targets = snapshot_targets.unit_environment(topology.snapshots)
    environment = {"DIRECTORY": ETCD_SNAPSHOTS, "RECORD_PROGRAM": RECORD_PROGRAM, **targets}
    seconds = _VERIFY_SECONDS + _TARGET_SECONDS * len(topology.snapshots.targets)
    schedule = (
        f"OnCalendar={topology.snapshots.verify}",
        # Members verify at different times. A host that was off verifies after its boot.
        "RandomizedDelaySec=6h",
        "Persistent=true",
    )
    return _scheduled(VERIFY, "Trial restore of a snapshot of etcd", environment, seconds, schedule)


def _defragmentation(topology: Topology, settings: Defragmentation, member: Member) -> Component:
    environment = {
        "ETCDCTL_CACERT": f"{ETCD_PKI}/etcd-ca.crt",
        "ETCDCTL_CERT": f"{ETCD_PKI}/operator.crt",
        "ETCDCTL_KEY": f"{ETCD_PKI}/operator.key",
        "LOCAL": LOCAL_ETCD,
        "FREE_PERCENT": str(settings.free_percent),
    }
    # The leader of one run is not that of the next member's run: each run begins when the others have ended.
    position, count = topology.etcd.index(member), len(topology.etcd)
    first = settings.every // 2 + position * settings.every // (2 * count)
    schedule = (f"OnActiveSec={first}s", f"OnUnitActiveSec={settings.every}s", "AccuracySec=10s")
    return _scheduled(DEFRAGMENT, "Defragmentation of etcd", environment, _DEFRAGMENT_SECONDS, schedule)


def _scheduled(
    name: str, description: str, environment: Mapping[str, str], seconds: int, schedule: Sequence[str]
) -> Component:
    program = f"{LIBRARY}/{name}"
    service = [
        "[Unit]",
        f"Description={description}",
        "After=etcd.service network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"EnvironmentFile={HOST_ENV}",
        f"Environment=PATH={TOOLS_PATH}",
        *(f"Environment={key}={value}" for key, value in environment.items()),
        f"ExecStart=/bin/sh {program}",
        f"TimeoutStartSec={seconds}",
        # The member has precedence.
        "Nice=10",
        "IOSchedulingClass=idle",
    ]
    timer = [
        "[Unit]",
        f"Description={description}",
        "",
        "[Timer]",
        *schedule,
        f"Unit={name}.service",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return Component(
        files=(
            File(program, _program(name), mode=0o755),
            File(f"{SYSTEMD_UNITS}/{name}.service", "\n".join(service) + "\n", mode=0o600),
            File(f"{SYSTEMD_UNITS}/{name}.timer", "\n".join(timer) + "\n", mode=0o600),
        ),
        services=(Service(f"{name}.timer"),),
    )


@cache
def _program(name: str) -> str:
    return read_code(f"{name}.sh")
