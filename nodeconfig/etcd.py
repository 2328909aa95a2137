"""etcd members [C1]: TLS for clients and peers, data of its own user, health as the gate."""

from __future__ import annotations

from pathlib import Path

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import BIN, ETCD, ETCD_DATA, ETCD_PKI, LIBRARY
from nodeconfig.kubeconfig import authority, certificate
from nodeconfig.systemd import Unit
from topology.model import Member, Topology

MEMBER = f"{LIBRARY}/etcd-member"
"""The program that decides on the host how a member starts, joins and leaves (`etcd_member.sh`)."""
_PEERS = f"{ETCD}/peers"
_START = f"{ETCD}/start.env"
_OWNER = "etcd:etcd"
_CA = f"{ETCD_PKI}/etcd-ca.crt"
_QUOTA_BYTES = 8 * 2**30  # upstream's recommended largest


def component(topology: Topology, member: Member) -> Component:
    """An etcd member's part of its host."""
    unit, settle = _unit(topology, member), _settle()
    secrets = (
        authority("etcd-ca", ETCD_PKI, _OWNER),
        *certificate(f"etcd-server-{member.name}", ETCD_PKI, "server", _OWNER),
        *certificate(f"etcd-peer-{member.name}", ETCD_PKI, "peer", _OWNER),
        *certificate("etcd-operator", ETCD_PKI, "operator"),
    )
    binaries = tuple((name, f"{BIN}/{name}") for name in ("etcd", "etcdctl", "etcdutl"))
    return Component(
        files=(
            File("/etc/sysusers.d/kubewright-etcd.conf", f'u etcd - "etcd" {ETCD_DATA} -\n'),
            File(MEMBER, (Path(__file__).parent / "host" / "etcd_member.sh").read_text(), mode=0o755),
            File(_PEERS, _peers(topology)),
            settle,
            unit.file(),
        ),
        secrets=secrets,
        artifacts=binaries,
        services=(_service(topology, unit, tuple(secret.path for secret in secrets[:1])),),
        directories=(
            File(ETCD, "", mode=0o755),
            File(ETCD_PKI, "", mode=0o755),
            File(ETCD_DATA, "", mode=0o700, owner=_OWNER),
        ),
    )


def _service(topology: Topology, unit: Unit, watched: tuple[str, ...]) -> Service:
    """etcd re-reads its leaves, but not its authority (etcd#11555): that one restarts it.

    The list of peers is not watched: a member that comes or goes restarts no other. The first members
    of a new cluster cannot have a quorum yet: for them it is enough to listen for their peers, which is
    asked first, since the other question is answered by a time-out then.
    """
    ready = f"{MEMBER} ready"
    if len(topology.etcd) > 1:
        ready = f"{{ [ -e {ETCD}/forming ] && listens 2380; }} || {ready}"
    return Service(unit.name, restart_on=(f"{BIN}/etcd", *watched), ready=ready, timeout=180)


def _peers(topology: Topology) -> str:
    return "".join(f"{member.name}=https://{member.address}:2380\n" for member in topology.etcd)


def _settle() -> File:
    """The unit that promotes a learner; etcd wants it at each start, and it ends when that is done."""
    lines = (
        "[Unit]",
        "Description=etcd member's entry into the membership",
        "After=etcd.service",
        "PartOf=etcd.service",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={MEMBER} settle",
        "Restart=on-failure",
        "RestartSec=2",
    )
    return File("/etc/systemd/system/etcd-settle.service", "\n".join(lines) + "\n", mode=0o600)


def _unit(topology: Topology, member: Member) -> Unit:
    address = member.address
    flags = {
        "name": member.name,
        "data-dir": ETCD_DATA,
        "listen-client-urls": f"https://127.0.0.1:2379,https://{address}:2379",
        "advertise-client-urls": f"https://{address}:2379",
        "listen-peer-urls": f"https://{address}:2380",
        "initial-advertise-peer-urls": f"https://{address}:2380",
        "initial-cluster-token": topology.name,
        "cert-file": f"{ETCD_PKI}/server.crt",
        "key-file": f"{ETCD_PKI}/server.key",
        "trusted-ca-file": _CA,
        "client-cert-auth": "true",
        "peer-cert-file": f"{ETCD_PKI}/peer.crt",
        "peer-key-file": f"{ETCD_PKI}/peer.key",
        "peer-trusted-ca-file": _CA,
        "peer-client-cert-auth": "true",
        "tls-min-version": "TLS1.2",
        "listen-metrics-urls": "http://127.0.0.1:2381",
        "quota-backend-bytes": str(_QUOTA_BYTES),
        "feature-gates": "InitialCorruptCheck=true,CompactHashCheck=true",
    }
    return Unit(
        name="etcd.service",
        description="etcd member of Kubernetes",
        command=(f"{BIN}/etcd", *(f"--{name}={value}" for name, value in flags.items())),
        # Not `notify`: etcd is ready only in quorum, which its first members cannot have.
        service=(
            "User=etcd",
            # Written by the line below, which goes first: with which membership it starts.
            f"EnvironmentFile=-{_START}",
            f"ExecStartPre=+{MEMBER} start",
            "TimeoutStartSec=300",
            "LimitNOFILE=65536",
            "OOMScoreAdjust=-999",
            "Nice=-5",
            "IOSchedulingClass=best-effort",
            "IOSchedulingPriority=0",
        ),
        unit=(f"RequiresMountsFor={ETCD_DATA}", "Wants=etcd-settle.service"),
    )
