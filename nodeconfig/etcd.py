"""etcd members [C1]: TLS for clients and peers, a separate user for the data, health as the gate."""

from __future__ import annotations

from functools import cache

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import BIN, ETCD, ETCD_DATA, ETCD_PKI, LIBRARY, LOCAL_ETCD, SYSTEMD_UNITS
from nodeconfig.kubeconfig import authority_file, certificate_files
from nodeconfig.sources import read_code
from nodeconfig.systemd import Unit
from topology.model import Member, Topology

MEMBER = f"{LIBRARY}/etcd-member"
"""The program that decides on the host how a member starts, joins and leaves."""
PROMOTION = "etcd-promote.service"
_PEERS = f"{ETCD}/peers"
_START = f"{ETCD}/start.env"
_OWNER = "etcd:etcd"
_CA = f"{ETCD_PKI}/etcd-ca.crt"
_QUOTA_BYTES = 8 * 2**30  # the maximum that upstream recommends


def component(topology: Topology, member: Member) -> Component:
    """Return the files, secrets, artifacts and services of an etcd member."""
    unit = _unit(topology, member)
    secrets = (
        authority_file("etcd-ca", ETCD_PKI, _OWNER),
        *certificate_files(f"etcd-server-{member.name}", ETCD_PKI, "server", _OWNER),
        *certificate_files(f"etcd-peer-{member.name}", ETCD_PKI, "peer", _OWNER),
        *certificate_files("etcd-operator", ETCD_PKI, "operator"),
    )
    binaries = tuple((name, f"{BIN}/{name}") for name in ("etcd", "etcdctl", "etcdutl"))
    return Component(
        files=(
            File("/etc/sysusers.d/kubewright-etcd.conf", f'u etcd - "etcd" {ETCD_DATA} -\n'),
            File(MEMBER, program(), mode=0o755),
            File(_PEERS, _peers(topology)),
            _promotion(),
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
    """Return the service. etcd reads its leaf certificates again, but not its authority (etcd#11555).

    A changed list of peers restarts no member. The first members of a new cluster have no quorum yet: they
    are ready when they listen for their peers. This check comes first, because the other one would time out.
    """
    ready = f"{MEMBER} ready"
    if len(topology.etcd) > 1:
        ready = f"{{ [ -e {ETCD}/forming ] && listens 2380; }} || {ready}"
    return Service(unit.name, restart_on=(f"{BIN}/etcd", *watched), ready=ready, timeout=180)


def _peers(topology: Topology) -> str:
    return "".join(f"{member.name}=https://{member.address}:2380\n" for member in topology.etcd)


@cache
def program() -> str:
    """Return the text of the program at `MEMBER`, POSIX sh."""
    return read_code("etcd-membership.sh") + read_code("etcd-member.sh")


def _promotion() -> File:
    """Return the unit that promotes a learner. etcd starts it with itself; it ends after the promotion."""
    lines = (
        "[Unit]",
        "Description=Promotion of this host's etcd member to a voter",
        "After=etcd.service",
        "PartOf=etcd.service",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={MEMBER} promote",
        "Restart=on-failure",
        "RestartSec=2",
    )
    return File(f"{SYSTEMD_UNITS}/{PROMOTION}", "\n".join(lines) + "\n", mode=0o600)


def _unit(topology: Topology, member: Member) -> Unit:
    address = member.address
    flags = {
        "name": member.name,
        "data-dir": ETCD_DATA,
        "listen-client-urls": f"{LOCAL_ETCD},https://{address}:2379",
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
        # Not `notify`: etcd is ready only in quorum, which the first members do not have.
        service=(
            "User=etcd",
            # ExecStartPre writes this file: the membership that etcd starts with.
            f"EnvironmentFile=-{_START}",
            f"ExecStartPre=+{MEMBER} start",
            "TimeoutStartSec=300",
            "LimitNOFILE=65536",
            "OOMScoreAdjust=-999",
            "Nice=-5",
            "IOSchedulingClass=best-effort",
            "IOSchedulingPriority=0",
        ),
        unit=(f"RequiresMountsFor={ETCD_DATA}", f"Wants={PROMOTION}"),
    )
