"""Component of the metrics of a host [H4]: node exporter, and a program for what node exporter lacks.

The gateway of the host (`nodeconfig.metrics_gateway`) serves them to Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component, combine_components
from nodeconfig.host_paths import (
    BIN,
    ETCD_PKI,
    ETCD_SNAPSHOTS,
    HOST_ENV,
    KUBELET,
    LIBRARY,
    PKI,
    STATE_DIRECTORY,
    SYSTEMD_UNITS,
)
from nodeconfig.metrics_gateway import GATEWAY_PKI, gateway_component
from nodeconfig.sources import read_code
from nodeconfig.systemd import TOOLS_PATH, Unit
from topology.model import Role, Topology
from topology.ports import (
    NODE_EXPORTER_PORT,
)

EXPORTER_UNIT = "node-exporter.service"
TIMER = "host-metrics.timer"
PROGRAM = f"{LIBRARY}/host-metrics"
"""Path on a host of the sh program that writes metrics as text. Its unit sets its environment variables."""
TEXT_DIRECTORY = "/run/kubewright-metrics"
"""Directory of the texts that node exporter serves."""
_SECONDS = 60
"""Time between two runs of the program, which takes less than a second."""
_EXPORTER_USER = "node-exporter"
_EXPORTER_SANDBOX = (
    # Without a mount namespace: in one, file systems have other sizes and options than on the host.
    "NoNewPrivileges=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "CapabilityBoundingSet=",
)
_PODS = "^(veth.*|lxc.*|cilium_.*|kube-ipvs0)$"
"""Network devices of pods, which come and go with them."""
_MOUNTS = "^/(dev|proc|sys|run|var/lib/kubelet/(pods|plugins)|var/lib/containerd)($|/)"


_ARTIFACTS = (
    ("node_exporter", f"{BIN}/node_exporter"),
    ("cfssl-certinfo", f"{BIN}/cfssl-certinfo"),
)


def artifacts(topology: Topology) -> tuple[str, ...]:
    """Return the names of the artifacts that all hosts of this cluster fetch for their metrics."""
    return tuple(name for name, _ in _ARTIFACTS) if topology.monitoring else ()


def component(topology: Topology, roles: Iterable[Role], *, machine: str = "", pool: str = "") -> Component:
    """Return the component of a host with these roles; empty without monitoring.

    `machine` is the name of a machine; empty for the nodes of a pool. `pool` is the pool of a node. The
    bundle of the first role of the host contains this component.
    """
    if topology.monitoring is None:
        return Component()
    own_roles = frozenset(roles)
    exporter = _exporter_unit()
    user = File(
        f"/etc/sysusers.d/kubewright-{_EXPORTER_USER}.conf", f'u {_EXPORTER_USER} - "{_EXPORTER_USER}"\n'
    )
    program = File(PROGRAM, host_metrics_program(), mode=0o755)
    own = Component(
        files=(user, program, _program_unit(topology, own_roles, pool), _timer(), exporter.file()),
        artifacts=_ARTIFACTS,
        services=(
            Service(TIMER),
            Service(
                exporter.name,
                restart_on=(f"{BIN}/node_exporter",),
                ready=f"listens {NODE_EXPORTER_PORT}",
            ),
        ),
    )
    return combine_components((own, gateway_component(topology, own_roles, machine)))


def _exporter_unit() -> Unit:
    flags = {
        "web.listen-address": f"127.0.0.1:{NODE_EXPORTER_PORT}",
        "collector.textfile.directory": TEXT_DIRECTORY,
        "collector.filesystem.mount-points-exclude": _MOUNTS,
        "collector.netclass.ignored-devices": _PODS,
        "collector.netdev.device-exclude": _PODS,
    }
    return Unit(
        name=EXPORTER_UNIT,
        description="Metrics of the host",
        command=(
            f"{BIN}/node_exporter",
            # systemd replaces two dollar signs with one.
            *(f"--{name}={value}".replace("$", "$$") for name, value in flags.items()),
            "--no-collector.wifi",
        ),
        service=(f"User={_EXPORTER_USER}", *_EXPORTER_SANDBOX),
    )


@cache
def host_metrics_program() -> str:
    """Return the text of the program at `PROGRAM` (POSIX sh)."""
    return read_code("host-metrics.sh")


def _program_unit(topology: Topology, roles: frozenset[Role], pool: str) -> File:
    is_node = Role.NODE in roles
    snapshots = topology.snapshots if Role.ETCD in roles else None
    environment = {
        "PATH": TOOLS_PATH,
        "DIRECTORY": TEXT_DIRECTORY,
        "CERTIFICATES": " ".join(_certificate_directories(roles)),
        "SERVICES": f"{STATE_DIRECTORY}/services",
        "SNAPSHOTS": ETCD_SNAPSHOTS if snapshots else "",
        "COPY_TARGETS": ",".join(snapshots.copy_targets) if snapshots else "",
        "TRIAL_RESTORES": "yes" if snapshots and snapshots.verify else "",
        "KUBECONFIG": f"{KUBELET}/kubeconfig" if is_node else "",
        "POOL": pool,
    }
    lines = [
        "[Unit]",
        "Description=Metrics of certificates, units and snapshots",
        "",
        "[Service]",
        "Type=oneshot",
        f"EnvironmentFile={HOST_ENV}",
        *(f'Environment="{name}={value}"' for name, value in environment.items()),
        f"ExecStart=/bin/sh {PROGRAM}",
        "TimeoutStartSec=50",
        "Nice=10",
    ]
    return File(f"{SYSTEMD_UNITS}/{TIMER.replace('.timer', '.service')}", "\n".join(lines) + "\n", mode=0o600)


def _certificate_directories(roles: frozenset[Role]) -> list[str]:
    """Return the directories with certificates of a host with these roles."""
    found = [GATEWAY_PKI]
    if Role.LOAD_BALANCER in roles:
        found.append("/etc/haproxy/pki")
    if Role.ETCD in roles:
        found.append(ETCD_PKI)
    if roles & {Role.CONTROL_PLANE, Role.NODE}:
        found.append(PKI)
    if Role.NODE in roles:
        found.append(f"{KUBELET}/pki")
    return found


def _timer() -> File:
    lines = [
        "[Unit]",
        "Description=Metrics of certificates, units and snapshots",
        "",
        "[Timer]",
        "OnActiveSec=1s",
        f"OnUnitActiveSec={_SECONDS}s",
        "AccuracySec=5s",
        f"Unit={TIMER.replace('.timer', '.service')}",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return File(f"{SYSTEMD_UNITS}/{TIMER}", "\n".join(lines) + "\n", mode=0o600)
