"""Snapshots of etcd [C2]: a timer on every member takes snapshots. The times differ between members.

Not only the leader takes snapshots: when one host loses its disk, the other members still have snapshots, and
no member needs to know the leader.
"""

from __future__ import annotations

from functools import cache

from nodeconfig import snapshot_targets
from nodeconfig.bundle import File, Service
from nodeconfig.component import Component, combine_components
from nodeconfig.host_paths import ETCD_PKI, ETCD_SNAPSHOTS, HOST_ENV, LIBRARY, LOCAL_ETCD, SYSTEMD_UNITS
from nodeconfig.sources import read_code
from nodeconfig.systemd import TOOLS_PATH
from topology.model import Member, Topology
from topology.options import Snapshots

PROGRAM = f"{LIBRARY}/etcd-snapshot"
"""Path on a host of the sh program that takes a snapshot. `SERVICE` sets its environment variables."""
RECORD_PROGRAM = f"{LIBRARY}/etcd-record"
"""Path on a host of the sh program that records the result of a copy or of a trial restore."""
SERVICE = "etcd-snapshot.service"
TIMER = "etcd-snapshot.timer"

_COPY_FAILED_EXIT_CODE = 75  # the exit code if the program took the snapshot but could not copy it
_TIMEOUT_SECONDS = 900  # long enough for a snapshot of the largest database and its copies
_TARGET_TIMEOUT_SECONDS = 610  # the program limits the copy to each target itself


def component(topology: Topology, member: Member) -> Component:
    """Return the files and the timer that take snapshots on an etcd member's host."""
    timer = File(f"{SYSTEMD_UNITS}/{TIMER}", _timer_text(topology, member), mode=0o600)
    record = File(RECORD_PROGRAM, record_program(), mode=0o755)
    has_records = bool(topology.snapshots.copy_targets or topology.snapshots.verify)
    own = Component(
        files=(
            *((record,) if has_records else ()),
            File(PROGRAM, snapshot_program(), mode=0o755),
            File(f"{SYSTEMD_UNITS}/{SERVICE}", _service_text(topology), mode=0o600),
            timer,
        ),
        services=(Service(TIMER),),
        directories=(File(ETCD_SNAPSHOTS, "", mode=0o700),),
    )
    return combine_components((own, snapshot_targets.component(topology)))


@cache
def snapshot_program() -> str:
    """Return the text of the program at `PROGRAM` (POSIX sh)."""
    return read_code("etcd-snapshot.sh")


@cache
def record_program() -> str:
    """Return the text of the program at `RECORD_PROGRAM` (POSIX sh)."""
    return read_code("etcd-record.sh")


def _service_text(topology: Topology) -> str:
    settings = topology.snapshots
    environment = {
        "PATH": TOOLS_PATH,
        "ETCDCTL_ENDPOINTS": LOCAL_ETCD,
        "ETCDCTL_CACERT": f"{ETCD_PKI}/etcd-ca.crt",
        "ETCDCTL_CERT": f"{ETCD_PKI}/operator.crt",
        "ETCDCTL_KEY": f"{ETCD_PKI}/operator.key",
        "DIRECTORY": ETCD_SNAPSHOTS,
        "KEEP": str(settings.keep),
        "COPY_TO": settings.copy_to,
        **snapshot_targets.unit_environment(settings),
        **({"COPY_TO_CLOUD": "yes"} if settings.copy_to_cloud else {}),
        **_copy_environment(settings),
    }
    seconds = _TIMEOUT_SECONDS + _TARGET_TIMEOUT_SECONDS * len(settings.targets)
    lines = [
        "[Unit]",
        "Description=Snapshot of this host's etcd member",
        "After=etcd.service network-online.target",
        *([f"RequiresMountsFor={settings.copy_to}"] if settings.copy_to else []),
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=oneshot",
        f"EnvironmentFile={HOST_ENV}",
        *(f"Environment={name}={value}" for name, value in environment.items()),
        f"ExecStart=/bin/sh {PROGRAM}",
        f"TimeoutStartSec={seconds}",
        # A stopped member takes its snapshot as soon as it runs again.
        "Restart=on-failure",
        "RestartSec=60",
        f"RestartPreventExitStatus={_COPY_FAILED_EXIT_CODE}",
        # The member has precedence over the snapshot.
        "Nice=10",
        "IOSchedulingClass=idle",
    ]
    return "\n".join(lines) + "\n"


def _copy_environment(settings: Snapshots) -> dict[str, str]:
    """Return the variables for the records of copies; empty without copies."""
    if not settings.copy_targets:
        return {}
    return {"RECORD_PROGRAM": RECORD_PROGRAM, "COPY_TARGETS": ",".join(settings.copy_targets)}


def _timer_text(topology: Topology, member: Member) -> str:
    """Return the text of the timer unit.

    The timer takes the first snapshot some time after boot, with a different delay on each member.
    """
    every = topology.snapshots.every
    position = topology.etcd.index(member)
    offset = min(300, every // 2) + position * every // len(topology.etcd)
    lines = [
        "[Unit]",
        "Description=Snapshots of this host's etcd member",
        "",
        "[Timer]",
        f"OnActiveSec={offset}s",
        f"OnUnitActiveSec={every}s",
        "AccuracySec=10s",
        f"Unit={SERVICE}",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"
