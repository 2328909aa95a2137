"""etcd members [C1]: TLS for clients and peers, data of its own user, health as the gate."""

from __future__ import annotations

from nodeconfig.bundle import File, Service
from nodeconfig.kubeconfig import authority, certificate
from nodeconfig.part import Part
from nodeconfig.places import BIN, ETCD, ETCD_DATA, ETCD_PKI, LIBRARY, STATE
from nodeconfig.systemd import Unit
from topology.model import Member, Topology

_OWNER = "etcd:etcd"
_CA = f"{ETCD_PKI}/etcd-ca.crt"
_HEALTH = f"{LIBRARY}/etcd-health"
_FORMING = f"{STATE}/etcd-forming"
_QUOTA_BYTES = 8 * 2**30  # upstream's recommended largest


def part(topology: Topology, member: Member) -> Part:
    """An etcd member's part of its host."""
    unit = _unit(topology, member)
    secrets = (
        authority("etcd-ca", ETCD_PKI, _OWNER),
        *certificate(f"etcd-server-{member.name}", ETCD_PKI, "server", _OWNER),
        *certificate(f"etcd-peer-{member.name}", ETCD_PKI, "peer", _OWNER),
        *certificate("etcd-operator", ETCD_PKI, "operator"),
    )
    binaries = tuple((name, f"{BIN}/{name}") for name in ("etcd", "etcdctl", "etcdutl"))
    return Part(
        files=(
            File("/etc/sysusers.d/kubewright-etcd.conf", f'u etcd - "etcd" {ETCD_DATA} -\n'),
            File(_HEALTH, _health(), mode=0o755),
            unit.file(),
        ),
        secrets=secrets,
        artifacts=binaries,
        services=(_service(topology, unit, tuple(secret.path for secret in secrets[:5])),),
        directories=(
            File(ETCD, "", mode=0o755),
            File(ETCD_PKI, "", mode=0o755),
            File(ETCD_DATA, "", mode=0o700, owner=_OWNER),
        ),
    )


def _service(topology: Topology, unit: Unit, watched: tuple[str, ...]) -> Service:
    """etcd re-reads its leaves, but not its authority (etcd#11555), so a restart covers both.

    Members are delivered one by one. The first ones of a new cluster cannot have a quorum yet: for
    a member that started without data it is enough to listen for its peers, until it was healthy
    once.
    """
    ready = f"{_HEALTH} && rm -f {_FORMING}"
    if len(topology.etcd) > 1:
        ready = f"{{ {ready}; }} || {{ [ -e {_FORMING} ] && listens 2380; }}"
    return Service(unit.name, restart_on=(f"{BIN}/etcd", *watched), ready=ready, timeout=120)


def _health() -> str:
    return f"""#!/bin/sh
# Whether this member serves, in quorum with the others.
exec {BIN}/etcdctl --endpoints=https://127.0.0.1:2379 --cacert={_CA} \\
  --cert={ETCD_PKI}/operator.crt --key={ETCD_PKI}/operator.key --command-timeout=3s endpoint health
"""


def _unit(topology: Topology, member: Member) -> Unit:
    address = member.address
    cluster = ",".join(f"{other.name}=https://{other.address}:2380" for other in topology.etcd)
    forming = f"[ -d {ETCD_DATA}/member ] || : >{_FORMING}"
    flags = {
        "name": member.name,
        "data-dir": ETCD_DATA,
        "listen-client-urls": f"https://127.0.0.1:2379,https://{address}:2379",
        "advertise-client-urls": f"https://{address}:2379",
        "listen-peer-urls": f"https://{address}:2380",
        "initial-advertise-peer-urls": f"https://{address}:2380",
        "initial-cluster": cluster,
        "initial-cluster-state": "new",
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
            f"ExecStartPre=+/bin/sh -c '{forming}'",
            # Once in quorum it no longer is a member that forms a cluster, whatever comes after.
            f"ExecStop=-+/bin/sh -c '[ ! -e {_FORMING} ] || {_HEALTH} && rm -f {_FORMING}'",
            "LimitNOFILE=65536",
            "OOMScoreAdjust=-999",
            "Nice=-5",
            "IOSchedulingClass=best-effort",
            "IOSchedulingPriority=0",
        ),
        unit=(f"RequiresMountsFor={ETCD_DATA}",),
    )
