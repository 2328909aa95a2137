"""Component of kube-controller-manager [D1], which signs certificates and assigns pod ranges to nodes."""

from __future__ import annotations

from nodeconfig.bundle import SecretFile, Service
from nodeconfig.component import Component, combine_components
from nodeconfig.extra_flags import with_extra_flags
from nodeconfig.host_paths import BIN, CA, KUBERNETES, LOCAL_API, PKI
from nodeconfig.kubeconfig import certificate_files, kubeconfig_with_certificate
from nodeconfig.leader_election import flags as leader_flags
from nodeconfig.leader_election import local_health
from nodeconfig.service_user import ServiceUser
from nodeconfig.systemd import Unit, sandbox
from topology.certificates import KUBELET_SERVING_CA, KUBERNETES_CA
from topology.model import Topology
from topology.ports import CONTROLLER_MANAGER_PORT

_KUBECONFIG = f"{KUBERNETES}/controller-manager.conf"
_USER = ServiceUser("kube-controller-manager")
_TOKEN_KEY = SecretFile(f"{PKI}/service-account.key", "service-account.key")
# The certificate and key of the CA that currently signs. The controller manager does not start with a file
# that contains two CAs.
_SIGNER = certificate_files(KUBERNETES_CA, stem=f"{KUBERNETES_CA}-signer")
_SERVING_SIGNER = certificate_files(KUBELET_SERVING_CA, stem=f"{KUBELET_SERVING_CA}-signer")
_SIGNERS = {
    "kube-apiserver-client": _SIGNER,
    "kubelet-client": _SIGNER,
    "kubelet-serving": _SERVING_SIGNER,
}
"""The files of the CA for each signer of kubernetes.io. Requests of the signer `legacy-unknown` are not
signed. The controller manager refuses the flags without the name of a signer together with these flags.
"""

# The default of Kubernetes. Without a flag, existing controller managers do not restart.
_DOWNSCALE_SECONDS = 300


def component(topology: Topology) -> Component:
    """Return the kube-controller-manager component of a control plane."""
    config, leaf = kubeconfig_with_certificate(_KUBECONFIG, LOCAL_API, "controller-manager", _USER)
    unit = with_extra_flags(
        _service_unit(topology), "controller_manager.extra_args", topology.extra_flags.controller_manager
    )
    # The controller manager reads the CA that it publishes to pods only once (kubernetes#137410), and the
    # signing CA too.
    signer = tuple(file.path for file in (*_SIGNER, *_SERVING_SIGNER))
    watched = (f"{BIN}/kube-controller-manager", config.path, CA, *signer, _TOKEN_KEY.path)
    ready = local_health(CONTROLLER_MANAGER_PORT)
    service = Component(
        files=(config, unit.file()),
        secrets=(*leaf, *_SIGNER, *_SERVING_SIGNER, _TOKEN_KEY),
        artifacts=(("kube-controller-manager", f"{BIN}/kube-controller-manager"),),
        services=(Service(unit.name, restart_on=watched, ready=ready),),
    )
    private = (config, leaf[1], _SIGNER[1], _SERVING_SIGNER[1], _TOKEN_KEY)
    return combine_components((_USER.component(private), service))


def _service_unit(topology: Topology) -> Unit:
    network = topology.network
    flags = {
        **leader_flags("controller-manager", _KUBECONFIG, _USER, topology.control_plane.leader_election),
        "controllers": "*,bootstrapsigner,tokencleaner",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": _USER.copy(_TOKEN_KEY.path),
        "root-ca-file": CA,
        **_signing_flags(),
        "cluster-signing-duration": "8760h",
        "cluster-name": topology.name,
        "cluster-cidr": str(network.pods),
        "service-cluster-ip-range": str(network.services),
        "allocate-node-cidrs": "true",
        "node-cidr-mask-size": str(network.node_prefix),
        "terminated-pod-gc-threshold": "1000",
    }
    if topology.control_plane.downscale_seconds != _DOWNSCALE_SECONDS:
        seconds = f"{topology.control_plane.downscale_seconds}s"
        flags["horizontal-pod-autoscaler-downscale-stabilization"] = seconds
    if topology.external_cloud:
        flags["cloud-provider"] = "external"
    return Unit(
        name="kube-controller-manager.service",
        description="Kubernetes controller manager",
        command=(f"{BIN}/kube-controller-manager", *(f"--{name}={value}" for name, value in flags.items())),
        after=("network.target", "kube-apiserver.service", _USER.secrets_unit),
        service=(f"User={_USER.name}", *sandbox()),
    )


def _signing_flags() -> dict[str, str]:
    """Return the flags with the certificate and key of the CA for each signer."""
    flags = {}
    for signer, (certificate, key) in _SIGNERS.items():
        flags[f"cluster-signing-{signer}-cert-file"] = certificate.path
        flags[f"cluster-signing-{signer}-key-file"] = _USER.copy(key.path)
    return flags
