"""Component of the kubelet [F2], which joins the cluster with a bootstrap token and rotates its certificates.

Clients verify the serving certificates of kubelets [B2].
"""

from __future__ import annotations

from ipaddress import IPv4Address

from packaging.version import Version

from nodeconfig import image_credentials
from nodeconfig.bundle import File, SecretFile, Service
from nodeconfig.component import Component, json_file
from nodeconfig.extra_flags import with_extra_flags
from nodeconfig.host_paths import (
    BIN,
    BOOTSTRAP_TOKEN,
    CA,
    CIPHERS,
    CONTAINERD_SOCKET,
    KUBELET,
    KUBELET_CLIENT,
    KUBERNETES,
    LIBRARY,
    PKI,
)
from nodeconfig.kubeconfig import authority_file, kubeconfig
from nodeconfig.systemd import Unit
from topology.dns import NODE_CACHE_ADDRESS, NodeCache
from topology.identities import TOKEN_FILE
from topology.model import Pool, Topology
from topology.options import Kubelet, NetworkPlugin
from topology.ports import KUBELET_HEALTH_PORT
from topology.rotations import SHARED_GENERATION

_CONFIG = f"{KUBERNETES}/kubelet.json"
_BOOTSTRAP = f"{KUBERNETES}/bootstrap-kubelet.conf"
_RENEWAL = f"{KUBERNETES}/renew-kubelet.conf"
_CHOSEN_BOOTSTRAP = "/run/kubewright-bootstrap.conf"
_SERVING_CERTIFICATE = f"{KUBELET}/pki/kubelet-server-current.pem"
_PREVIOUS = f"{KUBELET}/pki/kubelet-client-previous.pem"
_PREPARE = f"{LIBRARY}/kubelet-prepare"
_RESOLV_CONF = "/run/kubewright-resolv.conf"
MINOR_VERSION_FILE = "/etc/kubewright/kubelet-minor"
"""File on a host with the minor version of the kubelet. A change requires a drain (upstream version skew
policy).
"""


def component(
    topology: Topology, pool: Pool, server: str, public_address: IPv4Address | None = None
) -> Component:
    """Return the kubelet component of a node of `pool`. `server` is the URL of the API for this node.

    With `public_address`, this is the address of the Node.
    """
    config = json_file(_CONFIG, _configuration(topology, pool))
    bootstrap = kubeconfig(_BOOTSTRAP, server, {"tokenFile": BOOTSTRAP_TOKEN})
    prepare = File(
        _PREPARE, _preparation_script() + _renewal_script(topology) + _serving_script(topology), mode=0o755
    )
    renewal = (_renewal_kubeconfig(server),) if _renews(topology) else ()
    version = Version(topology.versions.kubernetes)
    minor_file = File(MINOR_VERSION_FILE, f"{version.major}.{version.minor}\n")
    unit = with_extra_flags(
        _service_unit(topology, pool, public_address), "kubelet.extra_args", pool.kubelet.extra_flags
    )
    # A change of the token restarts nothing, because the kubelet reads the token only when it joins.
    credentials = image_credentials.component(pool.kubelet.credential_provider)
    watched = (
        *(f"{BIN}/kubelet", config.path, bootstrap.path, prepare.path, CA),
        *((image_credentials.CONFIG,) if credentials.files else ()),
    )
    # A Node without the pod network of the user's own CNI is not Ready.
    without_network = " without-network" if topology.network.cni is NetworkPlugin.NONE else ""
    ready = f"local_health http://127.0.0.1:{KUBELET_HEALTH_PORT}/healthz && node_ready{without_network}"
    return Component(
        files=(config, bootstrap, *renewal, prepare, minor_file, unit.file(), *credentials.files),
        secrets=(authority_file("kubernetes-ca"), *_token(pool)),
        artifacts=(
            ("kubelet", f"{BIN}/kubelet"),
            ("kubectl", f"{BIN}/kubectl"),
            *credentials.artifacts,
        ),
        services=(Service(unit.name, restart_on=watched, ready=ready, timeout=_ready_timeout(topology)),),
        directories=(
            File(KUBERNETES, "", mode=0o755),
            File(PKI, "", mode=0o755),
            File(KUBELET, "", mode=0o700),
            File("/var/log/pods", "", mode=0o755),
            File("/var/log/containers", "", mode=0o755),
        ),
    )


def _ready_timeout(topology: Topology) -> int:
    """Return the time in seconds until a node is Ready. Cilium first pulls its image, which is large."""
    return 180 if topology.network.cilium is None else 900


def _token(pool: Pool) -> tuple[SecretFile, ...]:
    """Return the file with the bootstrap token. In a cloud pool the boot program of a machine creates it."""
    return () if pool.capacity is not None else (SecretFile(BOOTSTRAP_TOKEN, TOKEN_FILE),)


def _preparation_script() -> str:
    return f"""#!/bin/sh
# Prepares what depends on the host. Pods cannot use a stub resolver on loopback.
set -eu
resolver=/run/systemd/resolve/resolv.conf
[ -e "$resolver" ] || resolver=/etc/resolv.conf
[ -e "$resolver" ] || resolver=/dev/null
ln -sfn "$resolver" {_RESOLV_CONF}
# The kubelet writes this file from the bootstrap file: removed, it gets a changed endpoint. The client
# certificate is in another file, which stays.
rm -f {KUBELET}/kubeconfig
"""


def _renewal_script(topology: Topology) -> str:
    """Return the lines of the preparation script that replace certificates of an earlier generation of the CA
    `kubernetes`; empty if the CA was never rotated.

    The kubelet requests new certificates only when it has none. It authenticates with its previous
    certificate, because its bootstrap token is useless while its Node exists.
    """
    if not _renews(topology):
        return ""
    # This also applies to the first generation, because an operator may revert a stage.
    signing = topology.certificates.rotation("kubernetes").signing
    return f"""
signer={KUBELET}/pki/signer
if [ "$(cat "$signer" 2>/dev/null || echo 1)" != {signing} ]; then
    mkdir -p {KUBELET}/pki
    [ ! -e {KUBELET_CLIENT} ] || cp {KUBELET_CLIENT} {_PREVIOUS}
    rm -f {KUBELET_CLIENT} {_SERVING_CERTIFICATE}
    echo {signing} >"$signer"
fi
[ ! -e {KUBELET_CLIENT} ] || rm -f {_PREVIOUS}
chosen={_BOOTSTRAP}
[ ! -e {_PREVIOUS} ] || chosen={_RENEWAL}
ln -sfn "$chosen" {_CHOSEN_BOOTSTRAP}
"""


def _serving_script(topology: Topology) -> str:
    """Return the lines of the preparation script that replace serving certificates of an earlier generation
    of the CA `kubelet-serving`; empty if the settings have no entry for this CA.
    """
    if "kubelet-serving" not in dict(topology.certificates.rotations):
        return ""
    signing = topology.certificates.rotation("kubelet-serving").signing
    return f"""
serving_signer={KUBELET}/pki/serving-signer
if [ "$(cat "$serving_signer" 2>/dev/null || echo {SHARED_GENERATION})" != {signing} ]; then
    rm -f {_SERVING_CERTIFICATE}
    mkdir -p {KUBELET}/pki
    echo {signing} >"$serving_signer"
fi
"""


def _renews(topology: Topology) -> bool:
    """Return whether the CA `kubernetes` was ever rotated."""
    return "kubernetes" in dict(topology.certificates.rotations)


def _renewal_kubeconfig(server: str) -> File:
    """Return the kubeconfig with which a kubelet requests the first certificate of a new CA."""
    return kubeconfig(_RENEWAL, server, {"client-certificate": _PREVIOUS, "client-key": _PREVIOUS})


def _service_unit(topology: Topology, pool: Pool, public_address: IPv4Address | None) -> Unit:
    flags = [
        f"--config={_CONFIG}",
        f"--kubeconfig={KUBELET}/kubeconfig",
        f"--bootstrap-kubeconfig={_CHOSEN_BOOTSTRAP if _renews(topology) else _BOOTSTRAP}",
        f"--cert-dir={KUBELET}/pki",
        "--hostname-override=${NODE_NAME}",
        f"--node-ip={public_address or '${NODE_IP}'}",
    ]
    if topology.external_cloud:
        flags += ["--cloud-provider=external", "--provider-id=${PROVIDER_ID}"]
    if pool.capacity and pool.labels:
        # The names of these nodes are unknown before they boot, so the nodes set their labels themselves.
        flags.append("--node-labels=" + ",".join(f"{key}={value}" for key, value in pool.labels))
    flags += image_credentials.flags(pool.kubelet.credential_provider)
    return Unit(
        name="kubelet.service",
        description="Kubernetes node agent",
        command=(f"{BIN}/kubelet", *flags),
        after=("network.target", "containerd.service", "kube-apiserver.service"),
        restart_seconds=1,
        service=(
            f"ExecStartPre={_PREPARE}",
            # Containers keep running during a restart of the kubelet.
            "KillMode=process",
            "Delegate=yes",
            "OOMScoreAdjust=-999",
            "CPUAccounting=true",
            "MemoryAccounting=true",
        ),
        unit=(f"RequiresMountsFor={KUBELET}",),
    )


def _configuration(topology: Topology, pool: Pool) -> dict[str, object]:
    taints = [{"key": taint.key, "value": taint.value, "effect": str(taint.effect)} for taint in pool.taints]
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "failCgroupV1": False,
        # The host program turns swap off. In a container this is impossible, because swap belongs to the
        # machine.
        "failSwapOn": False,
        "memorySwap": {"swapBehavior": "NoSwap"},
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": CA},
        },
        "authorization": {"mode": "Webhook"},
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "enableProfilingHandler": False,
        "rotateCertificates": True,
        "serverTLSBootstrap": True,
        "tlsMinVersion": "VersionTLS12",
        "tlsCipherSuites": list(CIPHERS),
        "seccompDefault": True,
        "protectKernelDefaults": False,
        "clusterDomain": topology.network.domain,
        "clusterDNS": _dns_servers(topology),
        "resolvConf": _RESOLV_CONF,
        # The taint is set at registration, so that no pod is scheduled before labels and taints are
        # reconciled.
        "registerWithTaints": taints,
        **_pool_settings(pool.kubelet),
    }


def _dns_servers(topology: Topology) -> list[str]:
    """Return the DNS servers of pods. A resolver queries the second server if the first does not answer."""
    service = str(topology.network.dns_service)
    return [str(NODE_CACHE_ADDRESS), service] if topology.dns.node_cache is NodeCache.USED else [service]


def _pool_settings(kubelet: Kubelet) -> dict[str, object]:
    """Return the keys that depend on the settings of a pool, in the order in which hosts have them."""
    return {
        "maxPods": kubelet.max_pods,
        "podPidsLimit": kubelet.pod_pids_limit,
        "systemReserved": dict(kubelet.system_reserved),
        "kubeReserved": dict(kubelet.kube_reserved),
        "enforceNodeAllocatable": ["pods"],
        "evictionHard": dict(kubelet.eviction_hard),
        "evictionMinimumReclaim": dict(kubelet.eviction_minimum_reclaim),
        # Without this setting, omitted thresholds would be zero.
        "mergeDefaultEvictionSettings": True,
        "containerLogMaxSize": kubelet.container_log_max_size,
        "containerLogMaxFiles": kubelet.container_log_max_files,
    }
