"""Component of an etcd member [C1]: TLS for clients and peers, a separate user for the data, and a health
check.
"""

from __future__ import annotations

from functools import cache

from nodeconfig.apiserver import requires_own_etcd
from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.extra_flags import with_extra_flags
from nodeconfig.host_paths import BIN, ETCD, ETCD_DATA, ETCD_PKI, LIBRARY, LOCAL_ETCD, SYSTEMD_UNITS
from nodeconfig.kubeconfig import authority_file, certificate_files
from nodeconfig.sources import read_code
from nodeconfig.systemd import Unit, sandbox
from topology.model import Member, Topology
from topology.ports import ETCD_CLIENT_PORT, ETCD_METRICS_PORT, ETCD_PEER_PORT

MEMBER_PROGRAM = f"{LIBRARY}/etcd-member"
"""Path on a host of the sh program that decides how an etcd member starts, joins and leaves the cluster."""
_PROMOTION_UNIT = "etcd-promote.service"
_PEERS_FILE = f"{ETCD}/peers"
_START_FILE = f"{ETCD}/start.env"
_OWNER = "etcd:etcd"
_CA = f"{ETCD_PKI}/etcd-ca.crt"
_QUOTA_BYTES = 8 * 2**30  # the maximum that upstream recommends


def component(topology: Topology, member: Member) -> Component:
    """Return the etcd component of a member: files, secrets, artifacts and services."""
    unit = with_extra_flags(_service_unit(topology, member), "etcd.extra_args", topology.extra_flags.etcd)
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
            File(MEMBER_PROGRAM, member_program(), mode=0o755),
            File(_PEERS_FILE, _peer_list(topology)),
            _promotion_unit(),
            unit.file(),
        ),
        secrets=secrets,
        artifacts=binaries,
        services=(_etcd_service(topology, member, unit, tuple(secret.path for secret in secrets[:1])),),
        directories=(
            File(ETCD, "", mode=0o755),
            File(ETCD_PKI, "", mode=0o755),
            File(ETCD_DATA, "", mode=0o700, owner=_OWNER),
        ),
    )


def _etcd_service(topology: Topology, member: Member, unit: Unit, watched: tuple[str, ...]) -> Service:
    """Return the etcd service, which restarts when its binary or a file of `watched` (its CA) changes.

    etcd reloads its leaf certificates, but not its CA (etcd#11555). A change of the list of peers restarts no
    member. A member of a new cluster is ready as soon as it listens for its peers, because the first members
    have no quorum yet. The check of the port comes first: in a cluster without quorum, `MEMBER_PROGRAM ready`
    would wait until its timeout.
    """
    ready = f"{MEMBER_PROGRAM} ready"
    if len(topology.etcd) > 1:
        ready = f"{{ [ -e {ETCD}/forming ] && listens {ETCD_PEER_PORT}; }} || {ready}"
    return Service(
        unit.name,
        restart_on=(f"{BIN}/etcd", *watched),
        ready=ready,
        timeout=180,
        # The API server leaves its load balancer and ends before the member stops, so that no request fails.
        required_by="kube-apiserver.service" if requires_own_etcd(topology, member) else "",
    )


def _peer_list(topology: Topology) -> str:
    """Return one line `<name>=<peer URL>` for each member."""
    return "".join(f"{member.name}=https://{member.address}:{ETCD_PEER_PORT}\n" for member in topology.etcd)


@cache
def member_program() -> str:
    """Return the text of the program at `MEMBER_PROGRAM` (POSIX sh)."""
    return read_code("etcd-membership.sh") + read_code("etcd-member.sh")


def _promotion_unit() -> File:
    """Return the unit that promotes a learner. The unit starts together with etcd and ends after the
    promotion.
    """
    lines = (
        "[Unit]",
        "Description=Promotion of this host's etcd member to a voter",
        "After=etcd.service",
        "PartOf=etcd.service",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={MEMBER_PROGRAM} promote",
        "Restart=on-failure",
        "RestartSec=2",
    )
    return File(f"{SYSTEMD_UNITS}/{_PROMOTION_UNIT}", "\n".join(lines) + "\n", mode=0o600)


def _service_unit(topology: Topology, member: Member) -> Unit:
    client = f"https://{member.address}:{ETCD_CLIENT_PORT}"
    peer = f"https://{member.address}:{ETCD_PEER_PORT}"
    flags = {
        "name": member.name,
        "data-dir": ETCD_DATA,
        "listen-client-urls": f"{LOCAL_ETCD},{client}",
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
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
        "listen-metrics-urls": f"http://127.0.0.1:{ETCD_METRICS_PORT}",
        "quota-backend-bytes": str(_QUOTA_BYTES),
        "feature-gates": "InitialCorruptCheck=true,CompactHashCheck=true",
    }
    return Unit(
        name="etcd.service",
        description="etcd member of Kubernetes",
        command=(f"{BIN}/etcd", *(f"--{name}={value}" for name, value in flags.items())),
        # The type is not `notify`: etcd reports that it is ready only in quorum, which the first members do
        # not have.
        service=(
            "User=etcd",
            # ExecStartPre writes this file, which has the membership with which etcd starts.
            f"EnvironmentFile=-{_START_FILE}",
            f"ExecStartPre=+{MEMBER_PROGRAM} start",
            "TimeoutStartSec=300",
            "LimitNOFILE=65536",
            "OOMScoreAdjust=-999",
            "Nice=-5",
            "IOSchedulingClass=best-effort",
            "IOSchedulingPriority=0",
            # The sandbox does not apply to ExecStartPre, because of its plus sign.
            *sandbox(writable=(ETCD_DATA,)),
        ),
        unit=(f"RequiresMountsFor={ETCD_DATA}", f"Wants={_PROMOTION_UNIT}"),
    )
